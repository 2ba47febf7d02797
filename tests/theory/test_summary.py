"""`theory.summarize`: every number against 50 digits, any cut in any order, files, streams and memory."""

import pickle
import tracemalloc

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from mpmath import mp, mpf

import theory
from tests.claims.ledger import equal
from tests.support.exact import (
    certified,
    columns,
    cross_entropy_of,
    exp,
    lautum_information_of,
    log_prior_of,
    mean_of,
    mutual_information_of,
    tilted,
    weights_of,
)
from tests.support.grid import ENSEMBLES, RTOL
from theory.blocks import walk
from theory.summary import sources

VECTORS = ("log_prior", "jensen_gap", "dispersion", "lowest", "highest")
NUMBERS = ("mutual_information", "entropy", "entropy_square")
SQUARES = ("dispersion", "mutual_information")  # of differences: those of equal numbers are roundings
DERIVED = ("lautum_information", "jeffreys_information", "prior_entropy", "log_geometric_mean", "log_range")


@certified
def exact_summary(logits, *, temperature, weights=None):
    """The record from its definitions, rows normalised exactly."""
    w = weights_of(weights, len(logits))
    log_p = tilted([[z / temperature for z in row] for row in logits], [mpf(0)] * len(logits[0]))
    log_prior, log_mean = log_prior_of(log_p, 1, w), log_prior_of(log_p, 0, w)
    used = [row for row, weight in zip(log_p, w, strict=True) if weight > 0]
    entropies = [cross_entropy_of(row, row) for row in log_p]
    return {
        "log_prior": log_prior,
        "jensen_gap": [mpf(0) if a == -mp.inf else a - b for a, b in zip(log_prior, log_mean, strict=True)],
        "dispersion": [
            mpf(0) if a == -mp.inf else mean_of(w, [(exp(x - a) - 1) ** 2 for x in column])
            for a, column in zip(log_prior, columns(log_p), strict=True)
        ],
        "lowest": list(map(min, columns(used))),
        "highest": list(map(max, columns(used))),
        "mutual_information": mutual_information_of(log_p, w),
        "lautum_information": lautum_information_of(log_p, w),
        "entropy": mean_of(w, entropies),
        "entropy_square": mean_of(w, [h**2 for h in entropies]),
    }


def slack_of(log_p, weights, field):
    """How far a number moves when every log p does by one rounding error of itself and of its row."""
    w = np.ones(len(log_p)) if weights is None else weights
    keep = w > 0
    log_p, w = log_p[keep], (w[keep] / w[keep].sum())[:, None]
    with np.errstate(all="ignore"):
        moved = 1.0 + np.where(np.isfinite(log_p), np.abs(log_p), 0.0)
        p = np.exp(log_p)
        log_prior = np.logaddexp.reduce(log_p + np.log(w), axis=0)
        ratio = np.where(log_prior > -np.inf, np.exp(log_p - log_prior), 0.0)
        log_ratio = np.where(p > 0, np.log(np.where(ratio > 0, ratio, 1.0)), 0.0)
    if field == "mutual_information":
        return (w * p * np.abs(log_ratio) * moved).sum()
    return {
        "log_prior": lambda: (w * ratio * moved).sum(0),
        "jensen_gap": lambda: (w * np.abs(ratio - 1) * moved).sum(0),
        "dispersion": lambda: 2 * (w * ratio * np.abs(ratio - 1) * moved).sum(0),
        "lowest": lambda: moved.max(0),
        "highest": lambda: moved.max(0),
        "lautum_information": lambda: ((w * p).sum(0) * w * np.abs(ratio - 1) * moved).sum(),
        "entropy": lambda: (w * p * moved**2).sum(),
        "entropy_square": lambda: 20 * (w * p * moved**2).sum(),
    }[field]()


@pytest.mark.parametrize("dtype", RTOL)
@pytest.mark.parametrize("temperature", [1.0, 0.25])
@pytest.mark.parametrize("name", ENSEMBLES)
def test_every_number_is_that_of_the_definition(name, temperature, dtype):
    make, weights = ENSEMBLES[name]
    z = make(0).astype(dtype)
    got = theory.summarize(z, temperature=temperature, weights=weights)
    want = exact_summary(z, temperature=temperature, weights=weights)
    with np.errstate(divide="ignore"):
        log_p = theory.log_softmax(z.astype(float), temperature=temperature)
    for field, value in want.items():
        rounding = 8 * float(np.finfo(dtype).eps)
        slack = rounding * slack_of(log_p, weights, field) + rounding**2 * (field in SQUARES)
        slack += float(np.finfo(dtype).tiny)
        actual = np.asarray(getattr(got, field), float)
        with np.errstate(invalid="ignore"):
            error = np.where(actual == value, 0.0, np.abs(actual - np.asarray(value, float)))
        allowed = RTOL[dtype] * np.abs(np.where(np.isinf(value), 0.0, value)) + slack
        assert (error <= allowed).all(), (field, actual, value, error / np.where(allowed > 0, allowed, 1))


def test_a_gap_that_log_p_minus_log_g_cannot_show():
    """J = σ²/2 to leading order, far below the rounding of log P."""
    z = np.log([[0.5, 0.5]]) + 1e-6 * np.array([[1.0], [-1.0]]) * np.array([[1.0, -1.0]])
    found = theory.summarize(z)
    equal(found.jensen_gap, [5e-13, 5e-13], rtol=1e-3)
    equal(found.mutual_information, 5e-13, rtol=1e-3)
    equal(found.dispersion, [1e-12, 1e-12], rtol=1e-3)


def assert_same(a, b, dtype="float64"):
    """Twelve digits (of float32 logits six), and what the rounding of log P makes of a small gap.

    Parts tell a gap J by differences d of log P, J ~ d²/2: an error of δ in log P makes one of δ √(2 J). δ is
    some roundings of an exponential, and of log P itself, which is kept in float64.
    """
    assert (a.samples, a.clusters) == (b.samples, b.clusters)
    assert np.array_equal(a.largest_count, b.largest_count)
    dtype, rtol = ("float64", 1e-12) if dtype == "float64" else ("float32", 1e-6)
    used = b.log_prior[b.log_prior > -np.inf]
    delta = 8.0 * (float(np.finfo(dtype).eps) + 2.0**-52 * np.abs(used).max())
    for field in ("weight", *VECTORS, *NUMBERS, *DERIVED):
        got, want = getattr(a, field), getattr(b, field)
        with np.errstate(invalid="ignore"):
            error = np.where(np.equal(got, want), 0.0, np.abs(np.subtract(got, want)))
        size = np.where(np.isfinite(want), np.abs(want), 0.0)
        assert (error <= rtol * size + delta * np.sqrt(2.0 * size) + delta**2).all(), field


@given(st.data())
def test_any_cut_in_any_order_gives_the_same_numbers(data):
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    n, k = data.draw(st.integers(2, 60)), data.draw(st.integers(2, 9))
    dtype = data.draw(st.sampled_from(["float32", "float64"]))
    z = (data.draw(st.sampled_from([1e-3, 1.0, 8.0])) * rng.standard_normal((n, k))).astype(dtype)
    w = rng.uniform(0.1, 1.0, n)
    cuts = sorted(set(data.draw(st.lists(st.integers(1, n - 1), max_size=5))))
    parts = [
        theory.summarize(rows, temperature=0.5, weights=weights)
        for rows, weights in zip(np.split(z, cuts), np.split(w, cuts), strict=True)
    ]
    order = rng.permutation(len(parts))
    assert_same(sum(parts[i] for i in order), theory.summarize(z, temperature=0.5, weights=w), dtype)


def test_a_cut_that_left_out_what_is_between_the_parts_would_show():
    z = np.random.default_rng(0).standard_normal((40, 5)) + np.repeat([[0.0], [2.0]], 20, 0) * np.arange(5.0)
    a, b = theory.summarize(z[:20]), theory.summarize(z[20:])
    whole, within = theory.summarize(z), 0.5 * (a.mutual_information + b.mutual_information)
    assert whole.mutual_information > within + 0.1
    assert (whole.jensen_gap > 0.5 * (a.jensen_gap + b.jensen_gap) + 1e-3).any()


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_arrays_files_and_streams_are_one(tmp_path, dtype):
    z = np.random.default_rng(0).standard_normal((600, 11)).astype(dtype)
    np.save(tmp_path / "z.npy", z)
    whole = theory.summarize(z, temperature=0.1)
    for source in (
        tmp_path / "z.npy",
        str(tmp_path / "z.npy"),
        np.load(tmp_path / "z.npy", mmap_mode="r"),
        (z[i : i + 7] for i in range(0, 600, 7)),
        [z[:599], z[599:]],
        [(z[:10], np.ones(10)), (z[10:], np.ones(590))],
        z.reshape(20, 30, 11),
        z[:, ::-1][:, ::-1],
        torch.from_numpy(z),
    ):
        assert_same(theory.summarize(source, temperature=0.1), whole, dtype)


def test_bfloat16_is_read_as_float32():
    z = torch.randn(50, 6, generator=torch.Generator().manual_seed(0)).bfloat16()
    assert_same(theory.summarize(z), theory.summarize(z.float().numpy()))


def test_the_parts_of_a_long_array_are_merged(monkeypatch):
    z = np.random.default_rng(0).standard_normal((1000, 8))
    whole = theory.summarize(z)
    monkeypatch.setattr(sources, "PART", 8 * 64)
    monkeypatch.setattr(walk, "BLOCK", 8 * 16)
    assert_same(theory.summarize(z), whole)


def test_samples_of_weight_zero_are_not_in_it():
    z = np.random.default_rng(0).standard_normal((9, 4))
    w = np.array([0.0, 1, 1, 1, 0, 1, 1, 1, 1])
    assert_same(theory.summarize(z, weights=w), theory.summarize(z[w > 0]))
    pairs = [(z[:1], w[:1]), (z[1:], w[1:])]
    assert_same(theory.summarize(pairs), theory.summarize(z[w > 0]))


def test_it_says_what_the_functions_of_log_p_say():
    z = np.random.default_rng(0).standard_normal((64, 10))
    log_p = theory.log_softmax(z, temperature=0.3)
    found = theory.summarize(z, temperature=0.3)
    for field, value in {
        "log_prior": theory.log_prior(log_p),
        "log_geometric_mean": theory.log_prior(log_p, order=0.0),
        "jensen_gap": theory.jensen_gap(log_p),
        "mutual_information": theory.mutual_information(log_p),
        "lautum_information": theory.lautum_information(log_p),
        "jeffreys_information": theory.jeffreys_information(log_p),
        "prior_entropy": theory.entropy(theory.log_prior(log_p)),
        "dispersion": theory.prior_dispersion(log_p),
        "log_range": theory.log_range(log_p),
        "entropy": theory.entropy(log_p).mean(),
    }.items():
        equal(getattr(found, field), value, rtol=1e-12)
    for name in ("inverse_prior_log_tilt", "centering_log_tilt"):
        log_pi = theory.log_softmax(np.arange(10.0))
        equal(getattr(found, name)(), getattr(theory, name)(log_p), rtol=1e-12)
        equal(getattr(found, name)(log_pi), getattr(theory, name)(log_p, log_target=log_pi), rtol=1e-11)
    assert np.array_equal(found.largest_count, np.bincount(z.argmax(1), minlength=10))


@pytest.mark.parametrize("rows", [4_000, 16_000])
def test_memory_does_not_grow_with_the_samples(tmp_path, rows):
    z = np.lib.format.open_memmap(tmp_path / "z.npy", "w+", np.float32, (rows, 512))
    z[:] = np.random.default_rng(0).standard_normal((rows, 512), np.float32)
    tracemalloc.start()
    theory.summarize(tmp_path / "z.npy")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 16 * 2**20


def test_shards_are_summarized_by_workers_and_added_here():
    """A summary travels as K numbers, not as rows: by pickle, as Dask and all_gather_object send it."""
    z = np.random.default_rng(0).standard_normal((400, 12))
    parts = [pickle.loads(pickle.dumps(theory.summarize(shard))) for shard in np.array_split(z, 4)]
    assert_same(sum(parts), theory.summarize(z))
    assert len(pickle.dumps(parts[0])) < z.nbytes / 10


def test_parts_on_threads_are_merged_in_their_order(monkeypatch):
    """The same bits every time, whichever thread is done first; and what is wrong is found in its part."""
    monkeypatch.setattr(sources, "PART", 8 * 64)
    z = np.random.default_rng(0).standard_normal((1000, 8))
    once, again = theory.summarize(z), theory.summarize(z)
    assert np.array_equal(once.jensen_gap, again.jensen_gap)
    assert once.mutual_information == again.mutual_information
    z[700, 3] = np.nan
    with pytest.raises(ValueError, match=r"NaN, got NaN at index \(60, 3\).*Counted from row 640"):
        theory.summarize(z)
