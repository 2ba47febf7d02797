"""Figures: the same bytes for the same content, drawn again only when the content has changed."""

import dataclasses
import os
import shutil
import subprocess
import sys
from dataclasses import replace

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib import pyplot

from experiments.engine import fingerprints, registry, runner, store
from experiments.engine.command import exit_with
from figures import look, save
from figures.__main__ import PROGRAM, main
from tests.support import toy_experiment
from tests.support.toy_experiment import Settings, draw, run

FIGURES, EXPERIMENTS = registry.figures(), registry.experiments()
ENTRY = registry.figures("tests.support")["toy_experiment"]
SUFFIXES = (*save.FORMATS, "txt")


@pytest.fixture(scope="module")
def dataset():
    return store.unpack(store.pack(store.stamp(run(Settings()), experiment=ENTRY.name, settings=Settings())))


@pytest.fixture
def call(tmp_path, capfd, monkeypatch):
    """A function that gives exit status, standard output and standard error of one command."""
    monkeypatch.setattr(runner, "RESULTS", tmp_path / "results")
    monkeypatch.setattr(save, "HERE", tmp_path / "figures")

    def call(*arguments):
        rooms = {"package": "tests.support", "experiments": "tests.support"}
        with pytest.raises(SystemExit) as end:
            exit_with(lambda: main(arguments, **rooms), PROGRAM)
        return end.value.code, *capfd.readouterr()

    return call


@pytest.fixture
def results(tmp_path, dataset):
    store.save(dataset, tmp_path / "results" / "toy_experiment.nc")
    return tmp_path / "results"


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


@pytest.mark.slow
def test_the_same_content_gives_the_same_bytes_in_any_process(tmp_path, dataset):
    program = (
        "import sys; from pathlib import Path; from experiments.engine import store;"
        "from figures import save; from tests.support.toy_experiment import draw;"
        "d = store.load(Path(sys.argv[1]) / 'toy.nc');"
        "save.save(draw, d, Path(sys.argv[1]) / 'there' / 'toy', wanted='0' * 64, caption='x')"
    )
    store.save(dataset, tmp_path / "toy.nc")
    environment = os.environ | {"PYTHONHASHSEED": "5", "SOURCE_DATE_EPOCH": "1", "TZ": "Asia/Tokyo"}
    subprocess.run([sys.executable, "-c", program, tmp_path], cwd=store.ROOT, env=environment, check=True)
    save.save(draw, dataset, tmp_path / "here" / "toy", wanted="0" * 64, caption="x")
    here = contents(tmp_path / "here")
    assert here.keys() == {f"toy.{suffix}" for suffix in SUFFIXES}
    assert here == contents(tmp_path / "there")


def test_the_reader_s_own_matplotlib_settings_change_nothing(tmp_path, dataset):
    before = pyplot.get_fignums()
    save.save(draw, dataset, tmp_path / "a" / "toy", wanted="0", caption="x")
    with mpl.rc_context({"font.size": 20, "axes.facecolor": "red", "svg.fonttype": "none"}):
        save.save(draw, dataset, tmp_path / "b" / "toy", wanted="0", caption="x")
        assert mpl.rcParams["font.size"] == 20
    assert contents(tmp_path / "a") == contents(tmp_path / "b")
    assert pyplot.get_fignums() == before


def test_no_file_tells_the_time_or_a_version(tmp_path, dataset):
    save.save(draw, dataset, tmp_path / "toy", wanted="0", caption="x")
    for data in contents(tmp_path).values():
        for word in (b"dc:date", b"CreationDate", b"Matplotlib v", mpl.__version__.encode()):
            assert word not in data


def test_the_first_call_draws_and_the_second_does_not(call, results, tmp_path):
    status, out, _ = call()
    assert status == 0
    assert "drawn" in out
    first = contents(tmp_path / "figures")
    assert first.keys() == {"README.md", *(f"toy_experiment.{suffix}" for suffix in SUFFIXES)}
    for path in results.iterdir():
        os.utime(path)  # a newer clock is no reason
    status, out, _ = call("toy_experiment")
    assert status == 0
    assert "up to date" in out
    assert "drawn" not in out
    assert contents(tmp_path / "figures") == first
    assert "drawn" in call("--force")[1]
    assert contents(tmp_path / "figures") == first


def test_it_says_how_old_the_results_are_and_with_which_settings(call, results):
    _, out, _ = call()
    words = " ".join(out.split())
    assert "toy_experiment.nc, computed by " in words
    assert " d ago, commit " in words
    assert 'seeds 4, steps 64, scales [0.5, 1.0, 2.0], law "normal"' in words


def test_a_figure_is_stale_where_a_file_is_missing_or_carries_another_digest(tmp_path):
    stem = tmp_path / "toy"
    files = [stem.with_suffix(f".{suffix}") for suffix in SUFFIXES]
    assert save.stale(stem, "new") == files
    for file in files:
        file.write_bytes(b"\0 drawn from new things")
    assert save.stale(stem, "new") == []
    for file in files[:-1]:
        file.write_bytes(b"drawn from old things")
    assert save.stale(stem, "new") == files[:-1]


def test_other_data_make_a_figure_stale(call, results, tmp_path, dataset):
    call()
    store.save(dataset.assign(walk=dataset.walk + np.float32(0.5)), results / "toy_experiment.nc")
    before = contents(tmp_path / "figures")
    assert "drawn" in call()[1]
    assert contents(tmp_path / "figures")["toy_experiment.svg"] != before["toy_experiment.svg"]


def test_data_computed_again_with_the_same_outcome_do_not(call, results, dataset):
    call()
    again = dataset.assign_attrs(git_commit="f" * 40, git_state="clean", threads=8)
    store.save(again, results / "toy_experiment.nc")
    assert "up to date" in call()[1]


def test_results_of_code_that_has_changed_are_called_stale_and_still_drawn(call, results, monkeypatch):
    call("--retrain")
    assert "stale" not in call()[1]
    now = fingerprints.fingerprints(ENTRY.qualified_name)
    monkeypatch.setattr(runner, "fingerprints", lambda _: now | {"theory/teachers.py": "edited"})
    status, out, _ = call()
    assert status == 0
    assert "stale: since then theory/teachers.py changed" in out
    assert "compute again: python -m experiments toy_experiment (about 3 s)" in out


@pytest.mark.parametrize("edited", ["figures/walk.py", "figures/part.py", "style.mplstyle"])
def test_an_edit_of_drawing_helper_or_style_makes_a_figure_stale(tmp_path, monkeypatch, dataset, edited):
    (tmp_path / "figures").mkdir()
    (tmp_path / "figures" / "walk.py").write_text("from figures import part")
    (tmp_path / "figures" / "part.py").write_text("")
    (tmp_path / "figures" / "other.py").write_text("")
    shutil.copy(save.STYLE, tmp_path / "style.mplstyle")
    monkeypatch.setattr(fingerprints, "ROOT", tmp_path)
    monkeypatch.setattr(save, "STYLE", tmp_path / "style.mplstyle")
    before = save.digest(dataset, "figures.walk")
    (tmp_path / "figures" / "other.py").write_text("# nothing to do with it")
    assert save.digest(dataset, "figures.walk") == before
    with open(tmp_path / edited, "a") as file:
        file.write("\n# edited\n")
    assert save.digest(dataset, "figures.walk") != before


def test_another_label_of_a_teacher_makes_a_figure_stale(monkeypatch, dataset):
    before = save.digest(dataset, ENTRY.qualified_name)
    assert save.digest(dataset, ENTRY.qualified_name) == before
    renamed = {"projected": replace(look.LOOKS["projected"], label="another label")}
    monkeypatch.setattr(look, "LOOKS", look.LOOKS | renamed)
    assert save.digest(dataset, ENTRY.qualified_name) != before


def test_results_of_other_settings_are_refused_with_the_difference(call, results, tmp_path, dataset):
    other = store.stamp(dataset, experiment=ENTRY.name, settings=replace(Settings(), seeds=6))
    store.save(other, results / "toy_experiment.nc")
    status, _, err = call()
    assert status == 1
    assert "  seeds: 6 in the file, 4 in the code\n" in err
    assert "compute: python -m experiments toy_experiment (about 3 s)" in err
    assert contents(tmp_path / "figures").keys() == {"README.md"}


def test_missing_or_damaged_results_are_named_with_what_makes_them(call, tmp_path):
    path = tmp_path / "results" / "toy_experiment.nc"
    status, _, err = call()
    assert status == 1
    assert "toy_experiment.nc is not there\ncompute: python -m experiments toy_experiment" in err
    path.parent.mkdir()
    path.write_bytes(b"CDF\x02 and then nothing")
    assert "not a results file" in call()[2]


def test_a_figure_of_no_experiment_is_named(call, results, monkeypatch):
    orphan = dataclasses.replace(ENTRY, constants=ENTRY.constants | {"SOURCE": "toy_experimnet"})
    monkeypatch.setattr(registry, "figures", lambda _: {"toy_experiment": orphan})
    status, _, err = call()
    assert status != 0
    for place in ("toy_experimnet", PROGRAM):
        assert f"{place}: no experiment is called 'toy_experimnet'; did you mean toy_experiment?" in err


def test_retrain_replaces_the_results_and_draws(call, results, tmp_path, dataset):
    store.save(dataset.assign(walk=dataset.walk * 0), results / "toy_experiment.nc")
    call()
    flat = contents(tmp_path / "figures")
    assert "drawn" in call("--retrain")[1]
    assert store.digest(store.load(results / "toy_experiment.nc")) == store.digest(dataset)
    assert contents(tmp_path / "figures")["toy_experiment.svg"] != flat["toy_experiment.svg"]


def test_quick_draws_in_its_own_folder_and_touches_nothing_else(call, results, tmp_path):
    before = contents(results)
    status, _, _ = call("--quick")
    assert status == 0
    assert contents(results) == before
    assert not (tmp_path / "figures").exists()
    quick = {f"toy_experiment.{suffix}" for suffix in ("nc", *SUFFIXES)}
    assert contents(results / "quick").keys() == quick


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["toy_experimnet"], "no figure is called 'toy_experimnet'; did you mean toy_experiment?"),
        (["--quick", "--retrain"], "--quick and --retrain exclude each other"),
        (["--quik"], "Perhaps you meant: --quick"),
        (["--jobs", "0"], "`jobs` must be at least 1, got 0"),
    ],
)
def test_what_cannot_be_is_named(call, arguments, message):
    status, out, err = call(*arguments)
    assert (status, out) == (2, "")
    assert message in " ".join(err.replace("│", " ").split())


def test_lines_are_told_apart_without_colour_and_with_any_colour_vision():
    with mpl.rc_context():
        mpl.style.use(save.STYLE)
        cycle = mpl.rcParams["axes.prop_cycle"].by_key()
    okabe_ito = {mpl.colors.to_hex(colour) for colour in mpl.color_sequences["okabe_ito"]}
    assert {mpl.colors.to_hex(colour) for colour in cycle["color"]} <= okabe_ito
    assert len(set(map(str, cycle["linestyle"]))) == len(cycle["linestyle"]) == len(set(cycle["color"]))


def test_a_caption_is_one_paragraph_per_paragraph():
    assert save.wrapped("  One\n    two.\n\n  Three.\n") == "One two.\n\nThree."


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_names_its_claims_and_its_experiment(name):
    drawing = FIGURES[name]
    assert drawing.description
    assert drawing.claims
    assert drawing.source in EXPERIMENTS


@pytest.mark.parametrize("name", FIGURES)
def test_the_kept_figure_is_drawn_from_the_kept_results(name):
    entry = EXPERIMENTS[FIGURES[name].source]
    dataset = store.load(runner.RESULTS / f"{entry.name}.nc")
    store.check(dataset, entry.module.Settings())
    assert save.stale(save.HERE / name, save.digest(dataset, FIGURES[name].qualified_name)) == []


def test_the_toy_is_found_as_figures_are():
    assert ENTRY.module is toy_experiment
