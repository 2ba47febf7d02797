"""What saved logits of a real run say: which fate it met, what proves it, and which knob is out of range.

What was not given is not guessed. A network that has not begun to learn gives the same answer to every
sample, as a collapsed one does: logits of one moment cannot tell the two apart, those of two can.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from os import PathLike
from typing import TYPE_CHECKING, Literal

from theory.checks import check_count, check_number
from theory.diagnosis.door import (
    check_earlier,
    check_knobs,
    check_loss_is,
    check_needs,
    check_run,
    check_student,
    check_system,
)
from theory.diagnosis.examine import examine
from theory.diagnosis.knobs import knobs_of
from theory.diagnosis.report import Diagnosis
from theory.logspace import Array
from theory.teachers import Teacher

if TYPE_CHECKING:
    from jaxtyping import Float

__all__ = ["diagnose"]


def diagnose(
    logits: Float[Array, "N K"] | str | PathLike[str] | Iterable[Float[Array, "n K"]],
    *,
    temperature: float | None = None,
    like: str | None = None,
    teacher: str | Teacher | None = None,
    order: float | None = None,
    rounds: int | None = None,
    center: Float[Array, " K"] | None = None,
    student_logits: Float[Array, "N K"] | str | PathLike[str] | None = None,
    student_temperature: float | None = None,
    earlier_logits: Float[Array, "N K"] | str | PathLike[str] | None = None,
    loss: float | None = None,
    loss_is: Literal["mean"] | None = None,
    log_target: Float[Array, " K"] | None = None,
    teacher_momentum: float | None = None,
    center_momentum: float | None = None,
    learning_rate: float | None = None,
    batch_size: int | None = None,
    features: Sequence[Float[Array, "M D"]] | None = None,
) -> Diagnosis:
    """Fate, margin H(r̄) − loss, distance from the projected teacher and safe range of the knobs, from logits.

    A few hundred samples are enough. Up to 2²⁴ logits are worked on whole, in float64, in some twenty arrays
    of that size at most (2.5 GiB). Of more, a pass over all rows tells what the network has become and, from
    an array or a file, a second one what its constraint makes of it, in 64 MiB and what K clusters need; all
    else is of 2²² logits (64 rows at least) drawn from them with a fixed seed, and the report says so: memory
    does not grow with N.

    Parameters
    ----------
    logits
        z, [N, K], the teacher network's raw outputs, before centre and temperature; N ≥ 2. Of any array
        library, the path of a .npy file, which is mapped, or a generator of blocks [n, K].
    temperature
        τ_t > 0; needed unless `like` has one.
    like
        A name in `theory.systems.SYSTEMS`: its own teacher, temperatures (τ_t before its warm-up) and momenta
        are taken where they are not given, and what is unusual for it is said.
    teacher
        The constraint that the run puts on it: a name in `theory.TEACHERS`, or a `theory.Teacher`;
        "centering", or that of `like`, if not given.
    order
        s of "power_mean", and of no other.
    rounds
        Of "sinkhorn", and of no other; 3 if not given.
    center
        DINO's moving c, [K], as it was applied to these logits; their mean if not given.
    student_logits
        [N, K], raw outputs for other views of the same samples in the same order, or the path of a .npy
        file; not with a generator of blocks.
    student_temperature
        τ_s > 0. `student_logits`, `teacher_momentum`, `center_momentum`, `learning_rate` and `features`
        need it.
    earlier_logits
        [N, K], outputs of the same teacher network for the same samples at an earlier step: tells a collapse
        from a network that has not begun, and clusters that take turns. Not with a generator of blocks.
    loss
        As logged, nats; where student logits are given it is only compared.
    loss_is
        "mean": that number is the mean of one cross-entropy. Otherwise, as codes log sums and parts of sums,
        nothing is concluded from its size.
    log_target
        log π, [K]; uniform if not given.
    teacher_momentum, center_momentum
        m_t and m_c per step, in [0, 1], both or none.
    learning_rate
        η of plain gradient descent on the mean loss; leave it out for an adaptive optimiser.
    batch_size
        B, samples of a step over all processes: whether a batch may be its own centre.
    features
        Two or more views [M, D] of what the last layer sees, rows in one order, M well above D.

    Returns
    -------
    Diagnosis
        The fate, the numbers measured, and the findings, worst first; `str` of it is the report.

    Raises
    ------
    TypeError, ValueError
        An argument that is not as said above, or without one that it needs; the message names it, and what
        arrived. `InfeasibleTarget` where zeros leave teacher "projected" no solution.
    NotConverged
        Teacher "projected" was not reached.

    Examples
    --------
    A run of 64 clusters that sits at a loss of 4.1589:

    >>> import numpy as np
    >>> import theory
    >>> logits = 1e-4 * np.random.default_rng(0).normal(size=(256, 64))
    >>> found = theory.diagnose(logits, temperature=0.04, student_temperature=0.1, loss=4.1589)
    >>> found.fate
    'uniform collapse'
    >>> [(finding.level, finding.claim) for finding in found.findings]
    [('problem', 'D3'), ('note', 'O4'), ('note', 'D2')]
    >>> print(found.findings[1].text)
    the loss, 4.1589, is log 64: what a uniform answer pays.
    """
    system = None if like is None else check_system(like)
    published = {} if system is None else knobs_of(system)
    chosen = teacher if teacher is not None else published.pop("teacher", "centering")
    given = {
        "temperature": temperature,
        "student_temperature": student_temperature,
        "teacher_momentum": teacher_momentum,
        "center_momentum": center_momentum,
    }
    known = published | {name: value for name, value in given.items() if value is not None}
    if "temperature" not in known:
        raise ValueError("`temperature` must be given, or `like` a system that publishes one, got None.")
    run = check_run(
        logits,
        temperature=known.pop("temperature"),
        teacher=chosen,
        order=order,
        rounds=rounds,
        center=center,
        log_target=log_target,
    )
    tau_s = known.pop("student_temperature", None)
    numbers = {name: known.get(name) for name in ("center_momentum", "teacher_momentum")}
    numbers["learning_rate"] = learning_rate
    check_needs(tau_s, student_logits=student_logits, **numbers, features=features)
    knobs = (
        None if tau_s is None else check_knobs(run, student_temperature=tau_s, features=features, **numbers)
    )
    return examine(
        run,
        knobs,
        system=system,
        student=None if student_logits is None else check_student(student_logits, run),
        earlier=None if earlier_logits is None else check_earlier(earlier_logits, run),
        loss=None if loss is None else check_number("loss", loss, low=0.0),
        loss_is=check_loss_is(loss_is),
        batch_size=None if batch_size is None else check_count("batch_size", batch_size),
    )
