"""The training loop of many runs against a plain loop over runs, and against jax.

Sixteen runs of DINO's loss with its moving centre: an MLP 8-64-64-16, batches of 256 in two views, 200 steps
of SGD with momentum 0.9, τ_t = 0.04, τ_s = 0.1, a teacher that follows with m = 0.99. Batches are drawn
beforehand: training is timed, not drawing; nor is the compilation of jax, nor the start of processes.

The goals are stated against the plain loop that has both views in one product. The error is the distance of
the final weights from those of that loop in float64, as a share of how far those have moved. The peak is what
training adds to weights and batches, in a process of its own; for jax with the compilation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from functools import partial
from importlib.util import find_spec
from multiprocessing import get_context

import numpy as np
import torch

from benchmarks import memory
from benchmarks import trainer_peers as peers
from benchmarks.trainer_peers import ARCHITECTURE, LAYERS, Size
from benchmarks.turns import Contender, Row, take_turns
from experiments.training.distill import Training, train
from experiments.training.variants import Variant

OURS, TWO_PROCESSES = "experiments.training", "experiments.training, 2 processes"
PLAIN, BY_VIEW, JAX = "plain loop over runs", "plain loop, view by view", "jax vmap"
GOALS = {OURS: 1 / 3, TWO_PROCESSES: 1 / 5}
"""Largest time as a multiple of the plain loop's, on one thread."""


def ours(size: Size) -> np.ndarray:
    """Final weights of the students by `experiments.training`, one record at the end."""
    student = train(
        peers.source(size),
        ARCHITECTURE,
        [
            Variant(
                name="dino",
                teacher="centering",
                center_momentum=peers.CENTER_MOMENTUM,
                teacher_temperature=peers.TAU_T,
                student_temperature=peers.TAU_S,
                teacher_momentum=peers.FOLLOW,
                learning_rate=peers.RATE,
            )
        ],
        Training(
            steps=size.steps,
            batch_size=size.batch,
            momentum=peers.MOMENTUM,
            record_at=(size.steps,),
            evaluation_size=64,
        ),
    ).student
    return peers.flat([(student[f"{layer}.weight"][0], student[f"{layer}.bias"][0]) for layer in LAYERS])


def prepare(size: Size) -> None:
    """One thread, and the batches of either half at hand, in a process that trains."""
    torch.set_num_threads(1)
    for half in size.halves():
        peers.source(half)


def on_two_processes(pool: Executor, size: Size) -> np.ndarray:
    return np.concatenate(list(pool.map(ours, size.halves())))


WAYS: dict[str, Callable[[Size], np.ndarray]] = {
    OURS: ours,
    PLAIN: peers.plain,
    BY_VIEW: peers.plain_by_view,
    JAX: peers.with_jax,
}


def peak_mib(name: str, size: Size) -> float:
    """MiB that training adds at its highest; to be called in a process of its own."""
    torch.set_num_threads(1)
    WAYS[name](Size(0, 1, 2, 4))  # libraries load on first use
    peers.start(size)
    if name == JAX:
        peers.jax_batches(size)
    return memory.added_mib(partial(WAYS[name], size))


def rows(*, repeat: int, quick: bool) -> Iterator[Row]:
    """Both goals, from the same turns: one thread, and two processes of one thread each."""
    size = Size(0, 4, 10, 32) if quick else Size()
    threads: int = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with ProcessPoolExecutor(
            2, mp_context=get_context("spawn"), initializer=prepare, initargs=(size,)
        ) as pool:
            yield from _rows(size, pool, repeat=repeat, peaks=memory.COUNTED and not quick)
    finally:
        torch.set_num_threads(threads)


def _rows(size: Size, pool: Executor, *, repeat: int, peaks: bool) -> Iterator[Row]:
    exact, begin = peers.plain(size, torch.float64), peers.flat(peers.start(size))
    moved = np.linalg.norm(exact - begin)

    def error(weights: np.ndarray) -> float:
        return float(np.linalg.norm(weights - exact) / moved)

    ways: dict[str, Callable[[], np.ndarray]] = {
        OURS: partial(ours, size),
        TWO_PROCESSES: partial(on_two_processes, pool, size),
        PLAIN: partial(peers.plain, size),
        BY_VIEW: partial(peers.plain_by_view, size),
    }
    missing: tuple[tuple[str, str], ...] = ()
    if find_spec("jax") is None:
        missing = ((JAX, "jax is not installed"),)
    else:
        ways[JAX] = partial(peers.with_jax, size)
    found = take_turns(
        [
            Contender(
                name=name,
                run=run,
                error=error,
                peak=partial(memory.in_fresh_process, peak_mib, name, size)
                if peaks and name in WAYS
                else None,
            )
            for name, run in ways.items()
        ],
        against=PLAIN,
        repeat=repeat,
    )
    problem = (
        f"{size.last - size.first} runs × {size.steps} steps, MLP 8-64-64-16, batch {size.batch} × 2 views"
    )
    for name, goal in GOALS.items():
        yield Row(
            group="trainer",
            problem=problem,
            ours=name,
            against=PLAIN,
            goal=goal,
            measured=tuple(m for m in found if m.name == name or m.name not in GOALS),
            absent=missing,
        )
