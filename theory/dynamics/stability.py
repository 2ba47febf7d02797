"""One step of a training run with a moving centre as a matrix, and what its eigenvalues say.  [D4]

The order is that of DINO's reference code: the loss uses the old centre and the old teacher; the centre then
moves towards that same old teacher's batch mean; the student steps; the teacher moves towards the new
student. As a matrix on (student, teacher, centre), along the constant direction of logit space, per step:

    w' = w + β(v − c) − αw,     v' = (1−μ)v + μw',     c' = (1−γ)c + γv.

α = a/τ_s and β = a/τ_t for the student's gain a, 1 − μ the teacher's momentum, 1 − γ the centre's.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from theory.checks import check_momentum, check_number, check_positive, check_quotient
from theory.dynamics.center import check_broadcast
from theory.dynamics.moments import CrossViewMoments

if TYPE_CHECKING:
    from jaxtyping import Bool, Complex, Float

__all__ = ["CenterStability", "center_stability", "coupled_center_stability"]


@dataclass(frozen=True, kw_only=True)
class CenterStability:
    """The linear map of one training step, and what its eigenvalues say.

    M is 3, or 2D + 1 when moments of D features were given; numbers where no argument had an axis.

    Attributes
    ----------
    spectral_radius : [...]
        Largest ∣multiplier∣: the constant direction grows by it per step.
    period : [...]
        Steps per turn of the leading multiplier, 2π/∣arg∣; inf when it is real and positive: no turns.
    stable : [...]
        spectral_radius < 1.
    multipliers : [..., M]
        Eigenvalues, largest modulus first.
    matrix : [..., M, M]
        On (student, teacher, centre).
    """

    spectral_radius: float | Float[np.ndarray, "*batch"]
    period: float | Float[np.ndarray, "*batch"]
    stable: bool | Bool[np.ndarray, "*batch"]
    multipliers: Complex[np.ndarray, "*batch M"]
    matrix: Float[np.ndarray, "*batch M M"]


def center_stability(
    *,
    gain: ArrayLike,
    teacher_momentum: ArrayLike,
    center_momentum: ArrayLike,
    student_temperature: ArrayLike,
    teacher_temperature: ArrayLike,
) -> CenterStability:
    """Spectral radius and period of w' = w + β(v−c) − αw, v' = (1−μ)v + μw', c' = (1−γ)c + γv.  [D4]

    Just below the critical rate the leading pair is complex: clusters take turns in swallowing the data. Far
    below it the pair is real (period inf): one cluster wins at once and the centre comes too late.

    Parameters
    ----------
    gain
        a per step; > 0 and finite, also where α = a/τ_s > 1 and the student overshoots.
    teacher_momentum, center_momentum
        1 − μ and 1 − γ per step, in [0, 1].
    student_temperature, teacher_temperature
        τ_s > 0 and τ_t > 0. All five broadcast.

    Returns
    -------
    CenterStability
        In the common shape.

    Raises
    ------
    TypeError, ValueError
        A gain or a temperature that is not positive and finite, a momentum outside [0, 1], shapes that do
        not broadcast.

    Examples
    --------
    >>> from theory.dynamics import center_stability
    >>> knobs = {"student_temperature": 0.1, "teacher_temperature": 0.04, "teacher_momentum": 0.996}
    >>> found = center_stability(gain=1e-3, center_momentum=[0.9, 0.996, 0.9999], **knobs)
    >>> found.stable
    array([ True, False, False])
    >>> found.period.round(0)
    array([  inf, 2156.,   inf])
    """
    a, tau_s, tau_t, mu, gamma = check_broadcast(
        gain=check_positive("gain", gain),
        student_temperature=check_positive("student_temperature", student_temperature),
        teacher_temperature=check_positive("teacher_temperature", teacher_temperature),
        teacher_momentum=1.0 - check_momentum("teacher_momentum", teacher_momentum),
        center_momentum=1.0 - check_momentum("center_momentum", center_momentum),
    )
    check_quotient("gain", a, student_temperature=tau_s, teacher_temperature=tau_t)
    return stability_kernel(a / tau_s, a / tau_t, mu, gamma)


def stability_kernel(
    alpha: Float[np.ndarray, "*batch"],
    beta: Float[np.ndarray, "*batch"],
    mu: Float[np.ndarray, "*batch"],
    gamma: Float[np.ndarray, "*batch"],
) -> CenterStability:
    """`center_stability` for checked input."""
    zero = np.zeros_like(alpha)
    student = np.stack([1 - alpha, beta, -beta], axis=-1)
    teacher = mu[..., None] * student + np.stack([zero, 1 - mu, zero], axis=-1)
    center = np.stack([zero, gamma, 1 - gamma], axis=-1)
    return stability_of_kernel(np.stack([student, teacher, center], axis=-2))


def coupled_center_stability(
    moments: CrossViewMoments,
    *,
    gain: float,
    teacher_momentum: float,
    center_momentum: float,
    student_temperature: float,
    teacher_temperature: float,
    bias: bool = True,
) -> CenterStability:
    """The same step on all of feature space: the centre follows φ̄ᵀV, and enters as E φ_s c.  [D4]

    With features whose mean φ̄ is not 0 the constant direction does not decouple; this is the whole matrix,
    [2D + 1, 2D + 1] on (W, V, c) for one contrast of clusters (D counts the bias). It contains the growth of
    D2 as well: its spectral radius exceeds 1 as soon as anything at all is learnt.

    Parameters
    ----------
    moments
        Of the features of the views, without the constant.
    gain
        a = η/(K τ_s) per step; > 0 and finite.
    teacher_momentum, center_momentum
        1 − μ and 1 − γ per step, in [0, 1].
    student_temperature, teacher_temperature
        τ_s > 0 and τ_t > 0.
    bias
        Append the feature 1.

    Returns
    -------
    CenterStability
        Of numbers; M = 2D + 1.

    Raises
    ------
    TypeError, ValueError
        A number that is not positive and finite, a momentum outside [0, 1].

    Examples
    --------
    Features of mean 3 make the constant direction longer than the bias alone, and the centre loses:

    >>> import numpy as np
    >>> from theory.dynamics import center_stability, coupled_center_stability, cross_view_moments
    >>> views = [np.array([[4, 4, 2, 2]]).T, np.array([[4, 2, 4, 2]]).T]
    >>> knobs = {"gain": 1e-4, "teacher_momentum": 0.99, "center_momentum": 0.995}
    >>> knobs |= {"student_temperature": 0.1, "teacher_temperature": 0.04}
    >>> bool(center_stability(**knobs).stable)
    True
    >>> bool(coupled_center_stability(cross_view_moments(*views), **knobs).stable)
    False
    """
    if not isinstance(moments, CrossViewMoments):
        raise TypeError(f"`moments` must be CrossViewMoments, got {type(moments).__name__}.")
    a = check_number("gain", gain, low=0.0, open_low=True)
    tau_s = check_number("student_temperature", student_temperature, low=0.0, open_low=True)
    tau_t = check_number("teacher_temperature", teacher_temperature, low=0.0, open_low=True)
    mu = 1.0 - check_number("teacher_momentum", teacher_momentum, low=0.0, high=1.0)
    gamma = 1.0 - check_number("center_momentum", center_momentum, low=0.0, high=1.0)
    check_quotient("gain", a, student_temperature=tau_s, teacher_temperature=tau_t)
    second, cross = moments.second(bias=bias), moments.cross(constrained=False, bias=bias)
    one = np.ones(int(bias))
    student_mean = np.concatenate([moments.student_mean, one])
    teacher_mean = np.concatenate([moments.teacher_mean, one])
    d = len(second)
    eye, zero, column = np.eye(d), np.zeros((d, d)), np.zeros((d, 1))
    student = np.hstack([eye - a * second / tau_s, a * cross / tau_t, -a * student_mean[:, None] / tau_t])
    teacher = mu * student + np.hstack([zero, (1 - mu) * eye, column])
    center = np.concatenate([np.zeros(d), gamma * teacher_mean, [1 - gamma]])[None, :]
    return stability_of_kernel(np.vstack([student, teacher, center]))


def stability_of_kernel(matrix: Float[np.ndarray, "*batch M M"]) -> CenterStability:
    values = np.linalg.eigvals(matrix).astype(np.complex128)
    values = np.take_along_axis(values, np.argsort(-np.abs(values), axis=-1, kind="stable"), axis=-1)
    radius, angle = np.abs(values[..., 0]), np.abs(np.angle(values[..., 0]))
    with np.errstate(divide="ignore"):
        period = np.where(angle > 0, 2 * math.pi / angle, math.inf)
    return CenterStability(
        spectral_radius=radius[()],
        period=period[()],
        stable=(radius < 1)[()],
        multipliers=values,
        matrix=matrix,
    )
