"""Shards of a run on a cluster, here one of this process: what it is asked, and how it fails."""

import sys
from types import SimpleNamespace

import numpy as np
import pytest

import theory
from tests.claims.ledger import equal
from theory.diagnosis import shards

RNG = np.random.default_rng(0)
ROWS = [RNG.normal(size=(n, 4)) for n in (30, 7, 12)]


@pytest.fixture
def files(tmp_path):
    for i, rows in enumerate(ROWS):
        np.savez(tmp_path / f"{i}.npz", z=rows, other=rows[:2])
    return [tmp_path / f"{i}.npz" for i in range(len(ROWS))]


@pytest.fixture
def asked(monkeypatch):
    """What a cluster of this one process was asked."""
    seen = SimpleNamespace(client=None, map=None, closed=False)

    class Client:
        def __init__(self, scheduler, *, timeout):
            seen.client = scheduler, timeout

        def __enter__(self):
            return self

        def __exit__(self, *failure):
            seen.closed = True

        def wait_for_workers(self, n_workers, *, timeout):
            seen.workers = n_workers, timeout

        def map(self, function, items, *, pure):
            seen.map = items, pure
            return [(function, item) for item in items]

        def gather(self, parts):
            return [function(item) for function, item in parts]

    monkeypatch.setitem(sys.modules, "distributed", SimpleNamespace(Client=Client))
    return seen


def test_the_sum_of_the_shards_is_that_of_all_rows(files, asked):
    found = shards.summary_of_shards(files, temperature=0.5, key="z", scheduler="tcp://here:1")
    expected = theory.summarize(np.concatenate(ROWS), temperature=0.5)
    assert found.samples == expected.samples == 49
    equal(found.mutual_information, expected.mutual_information, rtol=1e-9)
    equal(found.log_prior, expected.log_prior, rtol=1e-9)
    assert asked.client == ("tcp://here:1", shards.WAIT) and asked.closed
    assert asked.workers == (1, shards.WAIT)
    assert asked.map == ([str(file) for file in files], False)  # files change: never an answer kept


def test_a_scheduler_that_does_not_answer_is_named(files, monkeypatch):
    def refuses(scheduler, *, timeout):
        raise OSError("nobody there")

    monkeypatch.setitem(sys.modules, "distributed", SimpleNamespace(Client=refuses))
    with pytest.raises(RuntimeError, match="`scheduler` tcp://gone does not answer: nobody there"):
        shards.summary_of_shards(files, temperature=0.5, key="z", scheduler="tcp://gone")


def test_without_dask_it_is_said_what_to_install(files, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ValueError, match="`scheduler` needs Dask: pip install distributed"):
        shards.summary_of_shards(files, temperature=0.5, key="z", scheduler="tcp://here:1")
