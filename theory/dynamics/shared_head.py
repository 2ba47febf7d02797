r"""One head under two losses: how much of the gradient must come from the one that is held.  [D8]

Two losses share the prototypes, as iBOT's and DINOv2's do for [CLS] and patch tokens: s of the gradient along
the constant direction comes from the first, 1 − s from the second, each with a teacher temperature and a
centre of its own. In the order of DINO's steps,

    w' = w − αw + s β₁ (v − c₁) + (1 − s) β₂ (v − c₂),   v' = (1−μ)v + μw',   cᵢ' = (1−γᵢ)cᵢ + γᵢ v.

A loss whose centre keeps up adds only its decay. With γ₁ → ∞ the second obeys D4 with (1 − s) β₂: no centre
at all is stable iff (1 − s) τ_s/τ_t ≤ 1, that is from s = 1 − τ_t/τ_s on.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from theory.checks import check_number
from theory.dynamics.stability import CenterStability, stability_of_kernel

if TYPE_CHECKING:
    from jaxtyping import Float

__all__ = ["held_share", "shared_head_stability"]


def held_share(*, student_temperature: float, teacher_temperature: float) -> float:
    """s* = 1 − τ_t/τ_s: from this share of a held loss on, the other one needs no centre at all.  [D8]

    Parameters
    ----------
    student_temperature, teacher_temperature
        τ_s > 0 and τ_t > 0, of the loss that is not held.

    Returns
    -------
    float
        s*, in [0, 1); 0 where τ_t ≥ τ_s.

    Raises
    ------
    TypeError, ValueError
        A temperature that is not positive and finite.

    Examples
    --------
    iBOT's patches, before and after their warm-up; its two losses weigh the same, s = 1/2:

    >>> from theory.dynamics import held_share
    >>> for tau in (0.04, 0.07):
    ...     print(f"{held_share(student_temperature=0.1, teacher_temperature=tau):.2f}")
    0.60
    0.30
    """
    tau_s = check_number("student_temperature", student_temperature, low=0.0, open_low=True)
    tau_t = check_number("teacher_temperature", teacher_temperature, low=0.0, open_low=True)
    return max(0.0, 1.0 - tau_t / tau_s)


def shared_head_stability(
    *,
    share: float,
    gain: float,
    teacher_momentum: float,
    center_momenta: tuple[float | None, float | None],
    student_temperature: float,
    teacher_temperatures: tuple[float, float],
) -> CenterStability:
    r"""Spectral radius and period of one step of two losses on one head, along its constant direction.  [D8]

    .. math:: w' = w - \alpha w + s\beta_1 (v - c_1) + (1-s)\beta_2 (v - c_2), \quad
        v' = (1-\mu) v + \mu w', \quad c_i' = (1-\gamma_i) c_i + \gamma_i v

    Parameters
    ----------
    share
        s in [0, 1], of the first loss in the gradient along the constant direction.
    gain
        a per step, of both losses together; > 0 and finite.
    teacher_momentum
        1 − μ per step, in [0, 1].
    center_momenta
        1 − γ of the two centres, each in [0, 1]; None: that loss has no centre.
    student_temperature, teacher_temperatures
        τ_s > 0, and τ_t > 0 of each loss.

    Returns
    -------
    CenterStability
        Of the matrix on (student, teacher, centre 1, centre 2), M = 4; a loss without a centre leaves its
        centre at 0.

    Raises
    ------
    TypeError, ValueError
        A share or a momentum outside [0, 1], a gain or a temperature that is not positive and finite.

    Examples
    --------
    iBOT after its warm-up: no centre on the patches, held by the [CLS] loss, and by nothing:

    >>> from theory.dynamics import shared_head_stability
    >>> knobs = {"gain": 1e-3, "teacher_momentum": 0.996, "student_temperature": 0.1}
    >>> for share in (0.5, 0.0):
    ...     bool(
    ...         shared_head_stability(
    ...             share=share, center_momenta=(0.9, None), teacher_temperatures=(0.07, 0.07), **knobs
    ...         ).stable
    ...     )
    True
    False
    """
    s = check_number("share", share, low=0.0, high=1.0)
    a = check_number("gain", gain, low=0.0, open_low=True)
    mu = 1.0 - check_number("teacher_momentum", teacher_momentum, low=0.0, high=1.0)
    tau_s = check_number("student_temperature", student_temperature, low=0.0, open_low=True)
    pulls, rates = [], []
    for weight, tau, momentum in zip((s, 1.0 - s), teacher_temperatures, center_momenta, strict=True):
        pulls.append(weight * a / check_number("teacher_temperatures", tau, low=0.0, open_low=True))
        kept = math.nan if momentum is None else momentum
        rates.append(
            None if momentum is None else 1.0 - check_number("center_momenta", kept, low=0.0, high=1.0)
        )
    return stability_of_kernel(_matrix(a / tau_s, pulls, mu, rates))


def _matrix(
    alpha: float, pulls: list[float], mu: float, rates: list[float | None]
) -> Float[np.ndarray, "4 4"]:
    """On (student, teacher, centre 1, centre 2); a centre that is not there forgets at once."""
    student = np.array([1 - alpha, sum(pulls), -pulls[0], -pulls[1]])
    teacher = mu * student + np.array([0, 1 - mu, 0, 0])
    centers = np.zeros((2, 4))
    for i, rate in enumerate(rates):
        if rate is None:
            student[2 + i] = teacher[2 + i] = 0.0
        else:
            centers[i, 1], centers[i, 2 + i] = rate, 1 - rate
    return np.vstack([student, teacher, centers])
