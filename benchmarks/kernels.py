"""One pass over an ensemble, against one exponential an element and against what a user would write.

512 × 16384 standard normal logits at temperature 1; the single functions take their log-probabilities, on
which they agree with a composition of SciPy's to the error given (the largest relative one).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import scipy.special
import torch

import theory
from benchmarks.turns import Contender, Row, take_turns

EXP, OUT = "np.exp(x)", "np.exp(x, out=buffer)"
Array = Any


def of_scipy(logits: Array) -> dict[str, Array]:
    """log P, log G, J, I, L and λ = −log K − log P by SciPy and NumPy."""
    log_p = scipy.special.log_softmax(logits, axis=-1)
    n, k = log_p.shape
    log_prior = scipy.special.logsumexp(log_p, axis=0) - np.log(n)
    log_mean = log_p.mean(0)
    gap = log_prior - log_mean
    p, prior = np.exp(log_p), np.exp(log_prior)
    return {
        "log_prior": log_prior,
        "jensen_gap": gap,
        "mutual_information": scipy.special.rel_entr(p, prior).sum(-1).mean(),
        "lautum_information": prior @ gap,
        "inverse_prior_log_tilt": -np.log(k) - log_prior,
    }


def of_torch(logits: torch.Tensor) -> dict[str, Any]:
    """The same by torch."""
    log_p = torch.log_softmax(logits, dim=-1)
    n, k = log_p.shape
    log_prior = torch.logsumexp(log_p, dim=0) - float(np.log(n))
    gap = log_prior - log_p.mean(0)
    return {
        "log_prior": log_prior,
        "jensen_gap": gap,
        "mutual_information": (log_p.exp() * (log_p - log_prior)).sum(-1).mean(),
        "lautum_information": log_prior.exp() @ gap,
        "inverse_prior_log_tilt": -float(np.log(k)) - log_prior,
    }


def rows(*, repeat: int, quick: bool) -> Iterator[Row]:
    shape = (64, 1024) if quick else (512, 16384)
    torch.set_num_threads(1)
    for dtype in ("float32", "float64"):
        logits = np.random.default_rng(0).standard_normal(shape).astype(dtype)
        yield _summaries(logits, repeat)
        yield from _functions(logits, repeat)


def _passes(x: Array) -> list[Contender]:
    buffer = np.empty_like(x)
    return [
        Contender(name=EXP, run=lambda: np.exp(x)),
        Contender(name=OUT, run=lambda: np.exp(x, out=buffer)),
    ]


def _summaries(logits: Array, repeat: int) -> Row:
    exact = of_scipy(logits.astype(np.float64))

    def error(found: Any) -> float:
        values = found if isinstance(found, dict) else {name: _field(found, name) for name in exact}
        return max(
            float(np.max(np.abs(np.asarray(values[name], float) - want) / np.max(np.abs(want))))
            for name, want in exact.items()
        )

    tensor = torch.from_numpy(logits)
    contenders = [
        Contender(name="theory.summarize", run=lambda: theory.summarize(logits), error=error),
        *_passes(logits),
        Contender(name="SciPy", run=lambda: of_scipy(logits), error=error),
        Contender(name="torch", run=lambda: of_torch(tensor), error=error),
    ]
    return Row(
        group="log P, log G, J, I, L and the inverse-prior λ, from logits",
        problem=_problem(logits),
        ours="theory.summarize",
        against=EXP,
        goal=2.5,
        measured=take_turns(contenders, against=EXP, repeat=repeat),
    )


def _field(summary: Any, name: str) -> Any:
    value = getattr(summary, name)
    return value() if callable(value) else value


def _problem(x: Array) -> str:
    return f"{x.shape[0]} × {x.shape[1]}, {x.dtype}"


def _functions(logits: Array, repeat: int) -> Iterator[Row]:
    log_p = theory.log_softmax(logits)
    log_q = theory.log_softmax(logits[::-1].copy())
    single = ("jensen_gap", "mutual_information", "lautum_information", "log_prior")
    calls: dict[str, tuple[Callable[..., Any], tuple[Array, ...], float]] = {
        **{name: (getattr(theory, name), (log_p,), 3.0) for name in single},
        "kl": (theory.kl, (log_p, log_q), 3.0),
    }
    for name, (function, arrays, goal) in calls.items():
        contenders = [
            Contender(name=name, run=partial(unchecked, function, *arrays)),
            Contender(name=f"{name}, checked", run=partial(function, *arrays)),
            *_passes(log_p),
            *_peers(name, log_p, log_q),
        ]
        measured = take_turns(contenders, against=EXP, repeat=repeat)
        yield Row(
            group="One function alone",
            problem=f"{name}, {_problem(logits)}",
            ours=name,
            against=EXP,
            goal=goal,
            measured=measured,
        )
        again = take_turns(contenders[:2], against=name, repeat=repeat)
        yield Row(
            group="What the checks of values add",
            problem=f"{name}, {_problem(logits)}",
            ours=f"{name}, checked",
            against=name,
            goal=1.2,
            measured=again,
        )
    for name in ("evaluate", "certificate"):
        whole = getattr(theory, name)
        contenders = [
            Contender(name=name, run=partial(whole, log_p, log_q)),
            *_passes(log_p),
        ]
        yield Row(
            group="Teacher and student, checks included",
            problem=f"{name}, {_problem(logits)}",
            ours=name,
            against=EXP,
            goal=6.0,
            measured=take_turns(contenders, against=EXP, repeat=repeat),
        )


def unchecked(function: Callable[..., Any], *arrays: Array) -> Any:
    with theory.assume_valid():
        return function(*arrays)


def _peers(name: str, log_p: Array, log_q: Array) -> Iterator[Contender]:
    """SciPy's composition, where there is one."""
    n = len(log_p)
    compositions: dict[str, Callable[[], Any]] = {
        "log_prior": lambda: scipy.special.logsumexp(log_p, axis=0) - np.log(n),
        "jensen_gap": lambda: scipy.special.logsumexp(log_p, axis=0) - np.log(n) - log_p.mean(0),
        "kl": lambda: scipy.special.rel_entr(np.exp(log_p), np.exp(log_q)).sum(-1),
    }
    if name in compositions:
        yield Contender(name="SciPy", run=compositions[name])
