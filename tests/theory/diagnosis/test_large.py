"""More logits than are worked on whole: all of them in passes, a sample for the rest; files and streams."""

import tracemalloc

import numpy as np
import pytest
import torch

import theory
from theory.diagnosis import sample

KNOBS = {"temperature": 0.1}
RAW = ("raw_teacher_information", "raw_teacher_prior_entropy", "raw_teacher_entropy", "samples", "clusters")
PRICE = ("lautum_information", "gap_oscillation")
UNDER = ("teacher_information", "teacher_prior_entropy", "teacher_entropy", "clusters_in_use")


def clustered(n=3000, k=16, seed=0):
    rng = np.random.default_rng(seed)
    own = rng.integers(0, k, n)
    logits = rng.standard_normal((n, k)) * 0.1 + 0.6 * np.eye(k)[own]
    return logits, logits + 0.05 * rng.standard_normal((n, k))


@pytest.fixture
def small(monkeypatch):
    """Two hundred rows are already many."""
    monkeypatch.setattr(sample, "LARGE", 200 * 16)
    monkeypatch.setattr(sample, "DRAWN", 400 * 16)


def text_of(found):
    return " ".join(finding.text for finding in found.findings)


@pytest.mark.parametrize("teacher", ["centering", "inverse_prior"])
def test_the_teachers_numbers_are_of_all_rows_and_the_rest_near_them(small, monkeypatch, teacher):
    logits, student = clustered()
    knobs = {**KNOBS, "student_logits": student, "student_temperature": 0.1, "teacher": teacher}
    drawn = theory.diagnose(logits, **knobs)
    monkeypatch.undo()
    whole = theory.diagnose(logits, **knobs)
    assert drawn.fate == whole.fate == "alive"
    for name, value in whole.measurements.items():
        exact = name in (*RAW, *UNDER, "teacher_off_target_tv", *PRICE)
        tolerance = {"rel": 1e-9} if exact else {"rel": 0.15, "abs": 0.08}
        if name != "crossing_batch_size":
            assert drawn.measurements[name] == pytest.approx(value, **tolerance), name
    assert "of all 3,000 rows, all else of 400" in text_of(drawn)
    assert "of all" not in text_of(whole)


def test_files_and_streams_of_one_run_are_that_run(small, tmp_path):
    logits, _ = clustered()
    np.save(tmp_path / "z.npy", logits)
    of_array = theory.diagnose(logits, **KNOBS)
    for source in (tmp_path / "z.npy", str(tmp_path / "z.npy"), torch.from_numpy(logits)):
        assert theory.diagnose(source, **KNOBS).measurements == of_array.measurements
    streamed = theory.diagnose((logits[i : i + 100] for i in range(0, 3000, 100)), **KNOBS)
    for name in RAW:
        assert streamed.measurements[name] == pytest.approx(of_array.measurements[name], rel=1e-10)
    assert "of all 3,000 rows, all else of 400" in text_of(streamed)


def test_a_short_stream_and_a_small_file_are_worked_on_whole(tmp_path):
    logits, student = clustered(200)
    np.save(tmp_path / "z.npy", logits)
    np.save(tmp_path / "s.npy", student)
    whole = theory.diagnose(logits, student_logits=student, student_temperature=0.1, **KNOBS)
    of_files = theory.diagnose(
        tmp_path / "z.npy", student_logits=tmp_path / "s.npy", student_temperature=0.1, **KNOBS
    )
    assert of_files.measurements == whole.measurements
    streamed = theory.diagnose(iter([logits[:50], logits[50:]]), **KNOBS)
    assert streamed.measurements == theory.diagnose(logits, **KNOBS).measurements


def test_the_sample_is_one_and_even(small):
    """The same twice, and no part of the rows left out or favoured."""
    logits = np.arange(3000.0)[:, None] + np.arange(16.0)
    drawn = sample.source_of(logits, 1.0)
    assert np.array_equal(drawn.index, sample.source_of(logits, 1.0).index)
    assert np.array_equal(drawn.of("logits", logits), drawn.rows)
    taps = sample.source_of((logits[i : i + 7] for i in range(0, 3000, 7)), 1.0)
    for rows in (drawn.rows, taps.rows):
        assert len(rows) == len(np.unique(rows[:, 0])) == 400
        counts = np.histogram(rows[:, 0], bins=10, range=(0, 3000))[0]
        assert (np.abs(counts - 40) < 25).all()  # four standard deviations


def test_memory_does_not_grow_with_the_rows(monkeypatch, tmp_path):
    monkeypatch.setattr(sample, "LARGE", 1 << 16)
    monkeypatch.setattr(sample, "DRAWN", 1 << 15)
    peaks = []
    for rows in (60_000, 120_000):
        z = np.random.default_rng(0).standard_normal((rows, 256), np.float32)
        np.save(tmp_path / "z.npy", z)
        tracemalloc.start()
        theory.diagnose(tmp_path / "z.npy", **KNOBS)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.3 * peaks[0] + 2**20  # how many parts are in hand is a matter of timing
    assert peaks[1] < 0.6 * z.nbytes


@pytest.mark.parametrize(
    ("logits", "more", "error", "message"),
    [
        (
            lambda z: z,
            {"student_logits": np.zeros((2999, 16))},
            ValueError,
            "`student_logits` must have the shape",
        ),
        (lambda z: ("ab" for _ in range(2)), {}, TypeError, "generator of arrays"),
        (lambda z: iter([]), {}, ValueError, "at least one block"),
        (lambda z: "nowhere.npy", {}, FileNotFoundError, "nowhere.npy is not there"),
        (lambda z: np.where(z == z[5, 5], np.nan, z), {}, ValueError, "NaN"),
    ],
)
def test_what_does_not_fit_is_refused(small, logits, more, error, message):
    z, _ = clustered()
    with pytest.raises(error, match=message):
        theory.diagnose(logits(z), student_temperature=0.1, **KNOBS, **more)
