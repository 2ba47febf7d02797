"""What can be learnt from features alone: their cross-view correlations beside the two temperatures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from theory.checks import check_count, check_number
from theory.diagnosis.door import check_knobs
from theory.diagnosis.report import Diagnosis, Report, note
from theory.diagnosis.temperatures import judge_temperatures
from theory.logspace import Array

if TYPE_CHECKING:
    from jaxtyping import Float

__all__ = ["diagnose_features"]


def diagnose_features(
    features: Sequence[Float[Array, "M D"]],
    *,
    teacher_temperature: float,
    student_temperature: float,
    clusters: int,
) -> Diagnosis:
    r"""What a constrained teacher makes a linear head learn from these features, from uniform.  [D2, D3]

    As many directions grow as there are cross-view correlations :math:`\rho_j > \tau_t/\tau_s`, the
    generalised eigenvalues of

    .. math:: C_{12} = \operatorname{Cov}(\varphi, \varphi'), \qquad C_{22} = \operatorname{Cov}(\varphi)

    over the ordered pairs of views. M samples of D features do not give them: the :math:`\rho_j` of the rows
    themselves are too large, and 1 for M ≤ D. Here a direction is found on some rows and measured on the
    others, which bounds :math:`\rho_1` and the number that grows from below; the :math:`\rho_j` of all rows
    bound them from above (95% together). Where the temperatures lie between the bounds, the report says so.

    Parameters
    ----------
    features
        Two or more views [M, D] of what the last layer sees, row m of each of sample m; samples that are
        independent of each other (of patches, one for each image). At least 40 of them are needed, several
        times D for narrow bounds. Memory-mapped arrays will do.
    teacher_temperature, student_temperature
        τ_t > 0 and τ_s > 0.
    clusters
        K ≥ 2, outputs of the head: for how warm a teacher may become later.

    Returns
    -------
    Diagnosis
        Its fate is "undecided", as features tell none. Its measurements: τ_t/τ_s; the mean correlation with
        its error by chance; ρ₁ and how many directions grow, with bounds; the critical temperature
        τ_t* = ρ₁ τ_s and the survival temperature τ_t†, with theirs. Where the views are one view twice, or
        constant, or fewer than 40 samples, no correlation is given and a finding says why.

    Raises
    ------
    TypeError, ValueError
        Not two views of one shape [M, D]; NaN, inf, or squares that overflow; a temperature or a number of
        clusters that is none.

    Examples
    --------
    Four features, of which the first is nearly the same in both views:

    >>> import numpy as np
    >>> import theory
    >>> rng = np.random.default_rng(0)
    >>> shared = rng.normal(size=(2000, 4)) * [3.0, 0.5, 0.0, 0.0]
    >>> views = [shared + rng.normal(size=(2000, 4)) for _ in range(2)]
    >>> knobs = {"teacher_temperature": 0.04, "student_temperature": 0.1, "clusters": 64}
    >>> found = theory.diagnose_features(views, **knobs)
    >>> print(found.findings[-1].text)
    1 direction of these features grows at τ_t/τ_s = 0.4.
    >>> print(f"{found.measurements['critical_temperature']:.2f}")
    0.09
    """
    knobs = check_knobs(
        check_count("clusters", clusters, low=2),
        check_number("teacher_temperature", teacher_temperature, low=0.0, open_low=True),
        moves=False,
        student_temperature=student_temperature,
        teacher_momentum=None,
        center_momentum=None,
        learning_rate=None,
        features=features,
    )
    if not knobs.features:
        raise TypeError("`features` must be two or more views [M, D], got None.")
    report = Report()
    judge_temperatures(report, knobs, "undecided")
    text = "features tell what can be learnt from uniform, not what has been."
    report.say([note("D2", text, "logits of the same network say that: theory.diagnose.")])
    return report.closed("undecided")
