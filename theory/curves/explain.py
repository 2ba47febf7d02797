"""What a loss curve says, and what it does not."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import ArrayLike

from theory.checks import Matrix, check_count, check_number, on_host
from theory.curves.curve import FEW, curve_of, swing_of
from theory.curves.levels import level_of
from theory.curves.parts import about_the_margin, about_the_parts, about_the_records, about_the_rise
from theory.curves.scale import share_of
from theory.curves.turns import about_the_swing, fate_of_turns, turns_of
from theory.diagnosis.report import ORDER, Diagnosis
from theory.teachers import Teacher, check_teacher

if TYPE_CHECKING:
    from jaxtyping import Float

__all__ = ["explain_loss"]


def explain_loss(
    loss: Float[ArrayLike, " T"],
    *,
    clusters: int,
    steps: Float[ArrayLike, " T"] | None = None,
    teacher_entropy: Float[ArrayLike, " T"] | None = None,
    kl: Float[ArrayLike, " T"] | None = None,
    teacher: str | Teacher | None = None,
    teacher_temperature: float | None = None,
    student_temperature: float | None = None,
    teacher_momentum: float | None = None,
    center_momentum: float | None = None,
    learning_rate: float | None = None,
    prior_entropy: float | Float[ArrayLike, " T"] | None = None,
    loss_is: Literal["mean", "sum of pairs", "part"] | None = None,
    pairs: int | None = None,
    scale: float | None = None,
) -> Diagnosis:
    """A student that answers 1/K to everything pays log K on every record; a collapse to one cluster pays 0.

    The last fifth of the curve is read (8 records at least). What the same loss could also be is said.

    Parameters
    ----------
    loss
        As logged, [T], nats; NaN and inf are left out and counted.
    clusters
        K ≥ 2.
    steps
        [T], finite; 0, 1, … if not given. Of a step that is there twice, after a resumption, the last counts.
    teacher_entropy, kl
        Mean H(rₙ) and mean KL(rₙ‖qₙ), [T], where they are logged; one of them gives the other.
    teacher
        The constraint, a name in `theory.TEACHERS` or one of its teachers.
    teacher_temperature, student_temperature
        τ_t > 0 and τ_s > 0.
    teacher_momentum, center_momentum
        m_t and m_c per step, in [0, 1].
    learning_rate
        η of plain gradient descent; leave it out for an adaptive optimiser.
    prior_entropy
        H(r̄) of the teacher's mean, nats, a number or [T]: then the margin H(r̄) − loss proves that the student
        looks at its input, or does not.
    loss_is
        What the number is: the "mean" over pairs of views of one cross-entropy, their sum, or a part of it.
        If that is not said, what is concluded from the size of the loss is what stands out at any scale.
    pairs
        How many, where it is the "sum of pairs".
    scale
        The share, where it is a "part".

    Returns
    -------
    Diagnosis
        Where the loss ends, the numbers and the findings; `str` of it is the report.

    Raises
    ------
    TypeError, ValueError
        An argument that is not as said above; the message names it, and what arrived.

    Examples
    --------
    >>> import numpy as np
    >>> import theory
    >>> found = theory.explain_loss(np.full(100, 4.1589), clusters=64)
    >>> found.fate
    'uniform collapse'
    >>> print(found.findings[0].text)
    the loss rests at log 64 = 4.1589 and never left it: uniform collapse, or nothing learnt yet.
    """
    k = check_count("clusters", clusters, low=2)
    values = _series("loss", loss)
    x = np.arange(len(values), dtype=np.float64) if steps is None else _series("steps", steps, len(values))
    if not np.isfinite(x).all():
        raise ValueError("`steps` must be finite, got NaN or inf.")
    parts = {
        name: _series(name, given, len(values))
        for name, given in (("teacher_entropy", teacher_entropy), ("kl", kl))
        if given is not None
    }
    row = None if teacher is None else check_teacher(teacher)
    turns = turns_of(
        k,
        teacher_temperature=_positive("teacher_temperature", teacher_temperature),
        student_temperature=_positive("student_temperature", student_temperature),
        teacher_momentum=_momentum("teacher_momentum", teacher_momentum),
        center_momentum=_momentum("center_momentum", center_momentum)
        if row is None or row.in_logits
        else None,
        learning_rate=_positive("learning_rate", learning_rate),
    )
    share = share_of(loss_is, pairs=pairs, scale=scale)
    prior = None
    if prior_entropy is not None:
        given = np.full(len(values), prior_entropy) if np.ndim(prior_entropy) == 0 else prior_entropy
        prior = _series("prior_entropy", given, len(values))
    curve = curve_of(x, values / (share or 1.0))
    fate, numbers, findings = level_of(curve, k, row, known=share is not None)
    findings += about_the_records(curve)
    if len(curve.loss) >= FEW:
        period = swing_of(curve)
        if math.isfinite(period):
            numbers["swing_period_steps"] = period
        if turned := fate_of_turns(fate, curve, k, numbers):
            fate, findings = "turning", turned
        findings += about_the_swing(period, turns)
        if parts:
            scaled = {name: series / (share or 1.0) for name, series in parts.items()}
            findings += about_the_parts(curve, scaled, numbers)
        elif fate == "below log K":
            findings += about_the_rise(curve)
        if prior is not None:
            findings += about_the_margin(curve, prior[curve.rows], numbers, known=share is not None)
    findings.sort(key=lambda finding: ORDER.index(finding.level))
    return Diagnosis(fate=fate, measurements=numbers, findings=tuple(findings))


def _series(name: str, values: ArrayLike, length: int | None = None) -> Matrix:
    array = on_host(name, values)
    if array.ndim != 1 or (length is not None and len(array) != length):
        wanted = "[T]" if length is None else f"[{length}], that of `loss`"
        raise ValueError(f"`{name}` must have shape {wanted}, got {array.shape}.")
    if not len(array):
        raise ValueError(f"`{name}` must not be empty.")
    return array


def _positive(name: str, value: float | None) -> float | None:
    return None if value is None else check_number(name, value, low=0.0, open_low=True)


def _momentum(name: str, value: float | None) -> float | None:
    return None if value is None else check_number(name, value, low=0.0, high=1.0)
