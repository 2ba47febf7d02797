"""What saved logits of a real run say: which fate it met, what proves it, and which knob is out of range.

Every sentence names its claim; what was not given is not guessed. A network that has not begun to learn gives
the same answer to every sample, as a collapsed one does: logits of one moment cannot tell the two apart.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from os import PathLike
from typing import TYPE_CHECKING

from theory.checks import check_number
from theory.diagnosis.center import judge_center
from theory.diagnosis.comparison import compare_with_projected
from theory.diagnosis.door import check_knobs, check_needs, check_run, check_student
from theory.diagnosis.fate import name_fate
from theory.diagnosis.readings import fate_of, read_loss, read_student, read_teacher
from theory.diagnosis.report import Diagnosis, Report
from theory.diagnosis.run import constrain
from theory.diagnosis.temperatures import judge_temperatures
from theory.logspace import Array
from theory.teachers import Teacher

if TYPE_CHECKING:
    from jaxtyping import Float

__all__ = ["diagnose"]


def diagnose(
    logits: Float[Array, "N K"] | str | PathLike[str] | Iterable[Float[Array, "n K"]],
    *,
    temperature: float,
    teacher: str | Teacher = "centering",
    order: float | None = None,
    rounds: int | None = None,
    center: Float[Array, " K"] | None = None,
    student_logits: Float[Array, "N K"] | str | PathLike[str] | None = None,
    student_temperature: float | None = None,
    loss: float | None = None,
    log_target: Float[Array, " K"] | None = None,
    teacher_momentum: float | None = None,
    center_momentum: float | None = None,
    learning_rate: float | None = None,
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
        τ_t > 0.
    teacher
        The constraint that the run puts on it: a name in `theory.TEACHERS`, or one of its teachers.
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
    loss
        The mean cross-entropy as logged, nats; where student logits are given it is only compared.
    log_target
        log π, [K]; uniform if not given.
    teacher_momentum, center_momentum
        m_t and m_c per step, in [0, 1], both or none.
    learning_rate
        η of plain gradient descent on the mean loss; leave it out for an adaptive optimiser.
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
    [('problem', 'D3'), ('note', 'O4'), ('note', 'O5'), ('note', 'D2')]
    >>> print(found.findings[1].text)
    the loss, 4.1589, is log 64: what a uniform answer pays.
    """
    run = check_run(
        logits,
        temperature=temperature,
        teacher=teacher,
        order=order,
        rounds=rounds,
        center=center,
        log_target=log_target,
    )
    numbers = {
        "center_momentum": center_momentum,
        "teacher_momentum": teacher_momentum,
        "learning_rate": learning_rate,
    }
    check_needs(student_temperature, student_logits=student_logits, **numbers, features=features)
    knobs = log_q = None
    if student_temperature is not None:
        knobs = check_knobs(run, student_temperature=student_temperature, features=features, **numbers)
        log_q = None if student_logits is None else check_student(student_logits, run, knobs)
    logged = None if loss is None else check_number("loss", loss, low=0.0)

    constrained, report = constrain(run), Report()
    network = read_teacher(report, run, constrained)
    fate, prior_entropy, paid = network.fate, network.raw_teacher_prior_entropy, logged
    if log_q is not None:
        student = read_student(report, constrained.ensemble, log_q, logged)
        prior_entropy, paid = student.student_prior_entropy, student.loss
        fate = fate_of(student.student_information, prior_entropy, network.clusters)
    if paid is not None:
        read_loss(report, paid, network, fate)
    name_fate(report, fate, prior_entropy, teacher=network, run=run, knobs=knobs)
    if network.fate == "alive":
        compare_with_projected(report, run, constrained.ensemble)
    if knobs is not None:
        judge_temperatures(report, knobs, fate)
    judge_center(report, run, knobs)
    return report.closed(fate)
