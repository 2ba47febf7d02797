"""The door of `theory.diagnose`: each argument checked, each array brought to the host and read once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from theory.checks import (
    Ensemble,
    Matrix,
    check_against,
    check_finite,
    check_floating,
    check_number,
    check_quotient,
    check_rank,
    check_same_shape,
    check_scores,
    check_target,
    check_weights,
    on_host,
)
from theory.diagnosis.run import Knobs, Run, summary_of
from theory.diagnosis.sample import source_of
from theory.logspace import Array, normalize
from theory.summary import Summary
from theory.systems import SYSTEMS, System
from theory.teachers import Batch, Teacher, check_teacher

if TYPE_CHECKING:
    from jaxtyping import Float

__all__: list[str] = []

ROUNDS = 3
"""Of Sinkhorn, where none are given: as in DINOv2, SwAV and MSN."""


def check_run(
    logits: Array,
    *,
    temperature: float,
    teacher: str | Teacher,
    order: float | None,
    rounds: int | None,
    center: Array | None,
    log_target: Array | None,
    weights: Array | None,
    key: str | None,
    scheduler: str | None,
) -> Run:
    """The teacher's side of a run."""
    tau = check_number("temperature", temperature, low=0.0, open_low=True)
    chosen = check_teacher(teacher)
    if rounds is None and "rounds" in chosen.settings:
        rounds = ROUNDS
    settings = chosen.check_settings(order=order, rounds=rounds)
    if center is not None and not chosen.in_logits:
        raise ValueError(f"`center` must be None for teacher {chosen.name!r}, got an array.")
    source = source_of(logits, tau, weights, key, scheduler)
    z = _raw_outputs("logits", source.rows)
    log_p = normalize(z, np, tau)
    target = None if log_target is None else _one_ensemble("log_target", log_target, 1)
    log_pi = check_target(target, log_p, np, "logits")
    c = None
    if center is not None:
        c = _one_ensemble("center", _without_ones(center), 1)
        check_against("center", c, z.shape[1:], "the clusters of `logits`")
        check_finite("center", c, np)
    even = source.weights is None
    ensemble = Ensemble(log_p, check_weights(source.weights, log_p, np), log_pi, np)
    batch = Batch(z, tau, ensemble, even=even)
    return Run(batch=batch, teacher=chosen, settings=settings, center=c, source=source, key=key)


def check_summary(summary: Summary, temperature: float, **given: Any) -> Summary:
    """A summary, of that temperature, with nothing beside it that needs the rows."""
    if temperature != summary.temperature:
        raise ValueError(
            f"`temperature` must be that of the summary, {summary.temperature:g}, got {temperature:g}."
        )
    for name, value in given.items():
        if value is not None:
            raise ValueError(f"`{name}` must be None with a summary, which has no rows, got one.")
    return summary


def check_needs(student_temperature: float | None, **given: Any) -> None:
    """Nothing is given, by its name, that needs τ_s where τ_s is not."""
    for name, value in given.items():
        if value is not None and student_temperature is None:
            raise ValueError(f"`student_temperature` must be given with `{name}`, got None.")


def check_knobs(
    clusters: int,
    temperature: float,
    *,
    moves: bool,
    student_temperature: float,
    teacher_momentum: float | None,
    center_momentum: float | None,
    learning_rate: float | None,
    features: Sequence[Array] | None,
) -> Knobs:
    """The numbers of a run whose τ_s is known, and its features."""
    tau_s = check_number("student_temperature", student_temperature, low=0.0, open_low=True)
    check_quotient("student_temperature", tau_s, temperature=temperature)
    if moves and (center_momentum is None) != (teacher_momentum is None):
        raise ValueError("`center_momentum` and `teacher_momentum` must be given together, got one of them.")
    m_t, m_c = (
        None if value is None else check_number(name, value, low=0.0, high=1.0)
        for name, value in (("teacher_momentum", teacher_momentum), ("center_momentum", center_momentum))
    )
    eta = None
    if learning_rate is not None:
        eta = check_number("learning_rate", learning_rate, low=0.0, open_low=True)
        check_quotient("learning_rate", eta, student_temperature=np.square(tau_s))
        check_quotient("learning_rate`/`student_temperature", np.divide(eta, tau_s), temperature=temperature)
    return Knobs(
        teacher_temperature=temperature,
        student_temperature=tau_s,
        clusters=clusters,
        teacher_momentum=m_t,
        center_momentum=m_c if moves else None,
        learning_rate=eta,
        features=() if features is None else _views(features),
    )


def check_student(student_logits: Array, run: Run) -> Float[np.ndarray, "N K"]:
    """The student's raw outputs, for the samples and clusters of the run."""
    return _beside("student_logits", student_logits, run)


def check_earlier(earlier_logits: Array, run: Run) -> Summary:
    """Of the teacher's raw outputs at another step, for the samples of the run."""
    z = _beside("earlier_logits", earlier_logits, run)
    ensemble = run.batch.ensemble
    return summary_of(Ensemble(normalize(z, np, run.temperature), ensemble.weights, ensemble.log_target, np))


def check_system(like: str) -> System:
    """The published system of that name."""
    if not isinstance(like, str) or like not in SYSTEMS:
        raise ValueError(f"`like` must be one of {', '.join(SYSTEMS)}, got {like!r}.")
    return SYSTEMS[like]


def check_loss_is(loss_is: str | None) -> str | None:
    """What a logged loss is, where that is said."""
    if loss_is not in (None, "mean"):
        raise ValueError(f"`loss_is` must be 'mean' or None, got {loss_is!r}.")
    return loss_is


def _beside(name: str, array: Array, run: Run) -> Matrix:
    """Raw outputs that go row by row with those of the run."""
    z = _raw_outputs(name, run.source.of(name, array, run.key))
    check_same_shape(name, z, "logits", run.batch.logits)
    return z


def _without_ones(center: Array) -> Array:
    """DINO's [1, K] and lightly's [1, 1, K] as [K]."""
    shape = getattr(center, "shape", ())
    return center[(0,) * (len(shape) - 1)] if len(shape) > 1 and set(shape[:-1]) == {1} else center


def _one_ensemble(name: str, array: Array, rank: int) -> Matrix:
    """A float64 NumPy copy of [N, K], or of [K]."""
    check_floating(name, array)
    host = on_host(name, array)
    if host.ndim != rank:
        raise ValueError(f"`{name}` must have shape {'[N, K]' if rank == 2 else '[K]'}, got {host.shape}.")
    return host


def _raw_outputs(name: str, array: Array) -> Matrix:
    """z [N, K] of at least two samples, in which no cluster is out of reach of all; not probabilities."""
    z = _one_ensemble(name, array, 2)
    check_rank(name, z, 2)
    if len(z) < 2:
        raise ValueError(f"`{name}` must hold at least 2 samples, got {len(z)}.")
    check_scores(name, z, np)
    empty = np.isneginf(z).all(0)
    if empty.any():
        cluster = int(empty.argmax())
        raise ValueError(
            f"`{name}` must be finite somewhere in every cluster, got only -inf in cluster {cluster}."
        )
    if (z >= 0).all() and np.allclose(z.sum(1), 1.0, atol=1e-3):
        raise ValueError(f"`{name}` must be raw outputs, got probabilities: every row sums to 1.")
    return z


def _views(features: Sequence[Array]) -> tuple[Matrix, ...]:
    if isinstance(features, str | dict) or not hasattr(features, "__iter__"):
        raise TypeError(f"`features` must be two or more views [M, D], got {type(features).__name__}.")
    views = tuple(_one_ensemble("features", view, 2) for view in features)
    if len(views) < 2 or len({view.shape for view in views}) > 1:
        shapes = ", ".join(str(view.shape) for view in views) or "none"
        raise ValueError(f"`features` must be two or more views of one shape [M, D], got {shapes}.")
    if not views[0].size:
        raise ValueError(f"`features` must not be empty, got shape {views[0].shape}.")
    for view in views:
        check_finite("features", view, np)
        if np.abs(view).max() > 1e150:
            raise ValueError(f"`features` must have finite squares, got {np.abs(view).max():.3g}.")
    return views
