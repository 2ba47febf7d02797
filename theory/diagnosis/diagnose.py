"""What saved logits of a real run say: which fate it met, what proves it, and which knob is out of range.

What was not given is not guessed. A network that has not begun to learn gives the same answer to every
sample, as a collapsed one does: logits of one moment cannot tell the two apart, those of two can.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from os import PathLike
from typing import TYPE_CHECKING, Any, Literal

from theory.checks import check_count, check_number
from theory.diagnosis.door import (
    check_earlier,
    check_knobs,
    check_loss_is,
    check_needs,
    check_run,
    check_student,
    check_summary,
    check_system,
)
from theory.diagnosis.examine import examine
from theory.diagnosis.knobs import known_knobs
from theory.diagnosis.report import Diagnosis
from theory.diagnosis.run import Run
from theory.diagnosis.summarized import examine_summary
from theory.logspace import Array
from theory.summary import Summary
from theory.teachers import Teacher, check_teacher

if TYPE_CHECKING:
    from jaxtyping import Float

__all__ = ["diagnose"]


def diagnose(
    logits: Float[Array, "*N K"] | Summary | str | PathLike[str] | Iterable[Any],
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
    weights: Float[Array, "*N"] | None = None,
    key: str | None = None,
    scheduler: str | None = None,
) -> Diagnosis:
    """Fate, margin H(r̄) − loss, distance from the projected teacher and safe range of the knobs, from logits.

    A few hundred samples are enough. Up to 2²⁴ logits are worked on whole, in float64, in some twenty arrays
    of that size at most (2.5 GiB). Of more, one pass over all rows tells what the network has become, in
    64 MiB and what K clusters need; from an array or a file, what its constraint makes of it is told from 2²⁵
    logits that are drawn from them; all else is of 2²¹ (64 rows at least). They are drawn with a fixed seed,
    and the report says so: memory does not grow with N.

    Parameters
    ----------
    logits
        z, [N, K], the teacher network's raw outputs, before centre and temperature; N ≥ 2. [B, P, K], tokens
        of several images, are taken as B · P rows. Of any array library, or the path of a .npy, .npz, .pt or
        .safetensors file, which is mapped; a pattern such as "rank*.npy", or a list of paths, one under
        another; a generator of blocks [n, K]; or their `theory.Summary`, which tells what the network is, and
        of its constraint only what can be proved.
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
        DINO's moving c, [K] (or with leading axes of 1, as DINO and lightly store it), as it was applied to
        these logits; their mean if not given.
    student_logits
        [N, K], raw outputs for other views of the same samples in the same order, or paths as for `logits`;
        not with a generator of blocks.
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
    weights
        [N] or [B, P], not negative, of any positive sum: of masked patch tokens, say, 1 over their number in
        the image, 0 elsewhere. None means 1 each.
    key
        The name of the array that is wanted of each file, where it holds several.
    scheduler
        tcp://… of a Dask cluster whose workers sum up the files, which they find under the same names.

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
    known = known_knobs(
        system,
        teacher=teacher,
        temperature=logits.temperature
        if isinstance(logits, Summary) and temperature is None
        else temperature,
        student_temperature=student_temperature,
        teacher_momentum=teacher_momentum,
        center_momentum=center_momentum,
    )
    row, tau_t, tau_s = known.pop("teacher"), known.pop("temperature"), known.pop("student_temperature")
    numbers = known | {"learning_rate": learning_rate}
    check_needs(tau_s, student_logits=student_logits, **numbers, features=features)
    said: dict[str, Any] = {
        "loss": None if loss is None else check_number("loss", loss, low=0.0),
        "loss_is": check_loss_is(loss_is),
        "batch_size": None if batch_size is None else check_count("batch_size", batch_size),
    }
    given: dict[str, Any] = {
        "order": order, "rounds": rounds, "center": center, "log_target": log_target, "weights": weights,
        "key": key, "scheduler": scheduler,
    }  # fmt: skip
    run: Run | Summary
    if isinstance(logits, Summary):
        others = {"student_logits": student_logits, "earlier_logits": earlier_logits}
        run = check_summary(logits, tau_t, **given, **others)
    else:
        run = check_run(logits, temperature=tau_t, teacher=row, **given)
    chosen = check_teacher(row)
    knobs = None
    if tau_s is not None:
        tau_t = run.temperature
        numbers |= {"student_temperature": tau_s, "features": features, "moves": chosen.in_logits}
        knobs = check_knobs(run.clusters, tau_t, **numbers)
    if isinstance(run, Summary):
        return examine_summary(run, knobs, chosen, **said)
    return examine(
        run,
        knobs,
        system=system,
        student=None if student_logits is None else check_student(student_logits, run),
        earlier=None if earlier_logits is None else check_earlier(earlier_logits, run),
        **said,
    )


def _temperature_of(logits: Any) -> float | None:
    """That of a summary."""
    return logits.temperature if isinstance(logits, Summary) else None
