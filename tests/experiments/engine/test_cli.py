"""The command line of the experiments, as someone who has read nothing meets it."""

import dataclasses
import json
import subprocess
import sys

import pytest

from experiments.__main__ import PROGRAM, main
from experiments.engine import registry, runner, store
from experiments.engine.command import exit_with
from tests.support import toy_experiment

EXPERIMENTS = registry.experiments()


@pytest.fixture(autouse=True)
def results(tmp_path, monkeypatch):
    monkeypatch.setattr(runner, "RESULTS", tmp_path / "results")
    return tmp_path / "results"


@pytest.fixture
def call(capfd):
    """A function that gives exit status, standard output and standard error of one command."""

    def call(*arguments, package="tests.support"):
        with pytest.raises(SystemExit) as end:
            exit_with(lambda: main(list(map(str, arguments)), package=package, drawings=package), PROGRAM)
        return end.value.code or 0, *capfd.readouterr()

    return call


@pytest.mark.parametrize("arguments", [(), ("--help",), ("-h",)])
def test_without_a_name_it_lists_description_claims_and_time(call, arguments):
    status, out, _ = call(*arguments)
    assert status == 0
    assert out.splitlines()[:2] == [
        "toy_experiment     3 s  O4, J5",
        "    Random walks: small enough for the tests of the engine",
    ]
    assert "python -m experiments NAME --help" in out


def test_the_list_needs_no_torch():
    program = "import sys; from experiments.__main__ import main; main([]); sys.exit('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], cwd=store.ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert all(name in done.stdout for name in EXPERIMENTS)


@pytest.mark.parametrize("program", ["experiments", "figures"])
def test_a_reader_that_leaves_early_is_no_error(program):
    """As in `python -m experiments | head`."""
    command = [sys.executable, "-m", program, *(["--help"] if program == "figures" else [])]
    with subprocess.Popen(command, cwd=store.ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.close()
        said = process.stderr.read()
    assert said == b""


def test_a_broken_pipe_of_the_work_itself_is_not_hidden():
    def work():
        raise BrokenPipeError("a worker has gone")

    with pytest.raises(BrokenPipeError, match="a worker"):
        exit_with(work, PROGRAM)


def test_a_disk_that_is_full_anywhere_is_one_line(capfd):
    def work():
        raise OSError(28, "No space left on device", "/dev/shm/joblib")

    with pytest.raises(SystemExit) as end:
        exit_with(work, PROGRAM)
    assert end.value.code == 1
    said = capfd.readouterr().err
    assert said.startswith(
        f"{PROGRAM}: [Errno 28] No space left on device: '/dev/shm/joblib'; the same command"
    )


def test_help_shows_every_setting_with_its_default(call):
    status, out, _ = call("toy_experiment", "--help")
    assert status == 0
    words = " ".join(out.replace("│", " ").split())
    for text in (
        *(f"--{field.name}" for field in dataclasses.fields(toy_experiment.Settings)),
        "Independent walks. (default: 4)",
        "(default: 0.5 1.0 2.0)",
        "{normal,uniform}",
        "--scheduler",
    ):
        assert text in words
    assert "--scratch" not in words
    assert "Independent walks. (default: 2)" in " ".join(
        call("toy_experiment", "--quick", "--help")[1].split()
    )


@pytest.mark.parametrize(
    ("status", "arguments", "message"),
    [
        (2, ["toy_experimnet"], "no experiment is called 'toy_experimnet'; did you mean toy_experiment?"),
        (2, ["zzz"], "no experiment is called 'zzz'; there are toy_experiment."),
        (2, ["--quick"], "no experiment is called '--quick'"),
        (1, ["toy_experiment", "--device", "abacus"], "there is no device 'abacus' here"),
        (1, ["toy_experiment", "--device", "cuda:99"], "there is no device 'cuda:99' here"),
        (1, ["toy_experiment", "--output", "walks.csv"], "must be a file that ends in .nc, got walks.csv"),
        (
            1,
            ["toy_experiment", "--output", "/dev/null/x.nc"],
            "/dev/null/x.nc cannot be written: Not a directory",
        ),
        (1, ["toy_experiment", "--output", f"{'x' * 300}.nc"], "cannot be written: File name too long"),
    ],
)
def test_what_cannot_be_is_said_in_one_line_before_any_work(call, results, status, arguments, message):
    found, out, err = call(*arguments)
    assert (found, out) == (status, "")
    assert err.startswith(f"{PROGRAM}: ")
    assert len(err.splitlines()) == 1
    assert message in err
    assert not list(results.glob("**/*.nc"))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--seeds", "0"], ["`seeds` must be at least 1, got 0"]),
        (["--seeds", "many"], ["--seeds", "many"]),
        (["--sedes", "3"], ["--sedes", "Perhaps you meant", "--seeds"]),
        (["--law", "cauchy"], ["--law", "cauchy", "normal"]),
        (["--jobs", "0"], ["`jobs` must be at least 1, got 0"]),
        (["--scheduler", "here"], ["`scheduler` must look like tcp://HOST:PORT, got 'here'"]),
        (["spare"], ["spare"]),
    ],
)
def test_options_that_cannot_be_are_refused_by_name(call, results, arguments, words):
    status, out, err = call("toy_experiment", *arguments)
    assert (status, out) == (2, "")
    assert all(word in " ".join(err.replace("│", " ").split()) for word in words)
    assert not results.exists()


def test_default_settings_go_to_the_file_the_figures_are_drawn_from(call, results):
    status, out, _ = call("toy_experiment")
    assert status == 0
    assert "toy_experiment.nc (" in out
    assert out.splitlines()[-1] == "draw it: python -m figures toy_experiment"
    assert sorted(path.name for path in results.iterdir()) == ["CHECKSUMS", "toy_experiment.nc"]
    dataset = store.load(results / "toy_experiment.nc")
    store.check(dataset, toy_experiment.Settings())
    assert dict(dataset.sizes) == {"scale": 3, "seed": 4, "step": 64}


def test_small_and_changed_runs_never_touch_it(call, results):
    call("toy_experiment", "--quick")
    call("toy_experiment", "--quick", "--seeds", "4")
    call("toy_experiment", "--scales", "1.0", "3.0")
    files = sorted(path.relative_to(results) for path in results.glob("**/*.nc"))
    assert [str(path.parent) for path in files] == ["custom", "custom", "quick"]
    seeds = [json.loads(store.load(results / path).attrs["seeds"]) for path in files]
    assert sorted(seeds) == [2, 4, 4]


def test_the_output_goes_where_it_is_told(call, tmp_path):
    status, out, _ = call("toy_experiment", "--quick", "--output", tmp_path / "new" / "walks.nc")
    assert status == 0 and out.splitlines()[-1].endswith("python -m figures toy_experiment --quick")
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["walks.nc"]


def test_stopped_by_hand_it_says_how_to_go_on(call, monkeypatch):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(toy_experiment, "run", interrupt)
    status, _, err = call("toy_experiment")
    assert status == 130
    assert "the same command goes on with the first unfinished chunk" in err


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_an_experiment_keeps_the_conventions(name):
    entry = EXPERIMENTS[name]
    settings = entry.module.Settings
    assert entry.description
    assert entry.claims
    assert entry.constants["MINUTES"] > 0
    assert settings.__dataclass_params__.frozen
    assert all(field.kw_only for field in dataclasses.fields(settings))
    assert settings.quick() != settings()
    for variant in (settings(), settings.quick()):
        assert json.loads(store.to_json(variant)).keys() == {f.name for f in dataclasses.fields(settings)}
        assert runner.destination(entry, variant) == runner.RESULTS / (
            f"{name}.nc" if variant == settings() else f"quick/{name}.nc"
        )


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_help_explains_every_setting_of(name, call):
    _, out, _ = call(name, "--help", package="experiments.studies")
    for field in dataclasses.fields(EXPERIMENTS[name].module.Settings):
        assert f"-{field.name.replace('_', '-')}" in out


@pytest.mark.parametrize("seeds", ["0", "-3"])
def test_no_seeds_are_refused_in_one_line(capsys, seeds):
    with pytest.raises(runner.CannotRun, match=f"`seeds` must be at least 1, got {seeds}"):
        main(["published", f"--seeds={seeds}"])
    assert capsys.readouterr().out == ""
