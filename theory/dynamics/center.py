"""When a moving-average centre is too slow to hold the teacher back.  [D4]

The constant direction of logit space is invisible to a teacher that is centred by its own batch. A centre
that lags lets it through. With features other than the constant centred, so that it decouples, and α = a/τ_s,
β = a/τ_t, a the student's gain along it, the state (student, teacher, teacher − centre) obeys

    [[−α, 0, β], [μ, −μ, 0], [μ, −μ, −ρ]],

μ the teacher's rate, ρ the centre's. Its characteristic polynomial is
(λ+α)(λ+μ)(λ+ρ) − βμλ; Routh and Hurwitz give the condition on ρ in closed form.

One step of training, in the order of DINO's reference code: the loss uses the old centre and the old teacher;
the centre then moves towards that same old teacher's batch mean; the student steps; the teacher moves towards
the new student. As a matrix on (student, teacher, centre), per step:

    w' = w + β(v − c) − αw,     v' = (1−μ)v + μw',     c' = (1−ρ)c + ρv.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import scipy.optimize
from numpy.typing import ArrayLike, NDArray

from theory.checks import Matrix, check_momentum, check_number, check_positive
from theory.dynamics.moments import CrossViewMoments

__all__ = [
    "CenterStability",
    "center_gain_limit",
    "center_stability",
    "coupled_center_stability",
    "critical_center_momentum",
    "critical_center_rate",
]


@dataclass(frozen=True, kw_only=True)
class CenterStability:
    """The linear map of one training step, and what its eigenvalues say."""

    spectral_radius: float | Matrix
    """Largest |multiplier|: the constant direction grows by it per step."""
    period: float | Matrix
    """Steps per turn of the leading multiplier, 2π/|arg|; inf when it is real and positive: no turns."""
    stable: bool | NDArray[np.bool_]
    """spectral_radius < 1."""
    multipliers: NDArray[np.complex128]
    """Eigenvalues, largest modulus first, on the last axis."""
    matrix: Matrix
    """[..., 3, 3] on (student, teacher, centre), or [2D + 1, 2D + 1] when moments were given."""


def critical_center_rate(
    *,
    gain: ArrayLike,
    teacher_rate: ArrayLike,
    student_temperature: ArrayLike,
    teacher_temperature: ArrayLike,
) -> Matrix:
    """ρ_c, the positive root of Aρ² + (A² − μβ)ρ − Aμ(β − α) = 0, A = α + μ: stable iff ρ > ρ_c.  [D4]

    0 when τ_t ≥ τ_s: the constant direction then decays by itself. Otherwise
    ρ_c < min(α, μ)·(τ_s/τ_t − 1), and each side of the minimum is a limit:
    gain = inf (fast student) gives μ(τ_s/τ_t − 1), teacher_rate = inf (no momentum teacher) α(τ_s/τ_t − 1).
    So ρ = μ(τ_s/τ_t − 1) is enough at any learning rate (in continuous time).

    All four broadcast; rates per unit time, gain = a = η/(K τ_s) times the squared length of the constant
    feature. Returns their common shape.
    """
    a = check_positive("gain", gain, infinite=True)
    mu = check_positive("teacher_rate", teacher_rate, infinite=True)
    tau_s = check_positive("student_temperature", student_temperature)
    tau_t = check_positive("teacher_temperature", teacher_temperature)
    a, mu, tau_s, tau_t = _broadcast(
        gain=a, teacher_rate=mu, student_temperature=tau_s, teacher_temperature=tau_t
    )
    excess = np.maximum(tau_s / tau_t - 1.0, 0.0)
    alpha = a / tau_s
    slow, fast = np.minimum(alpha, mu), np.maximum(alpha, mu)
    # In units of the slower of the two (the equation is symmetric in α and μ), x = slow/fast in [0, 1]:
    # (1+x) s² + ((1+x)²/x − 1 − e) s − (1+x)/x · e = 0, s = ρ/slow, e = excess; times x it survives x = 0.
    with np.errstate(invalid="ignore"):
        x = np.where(np.isinf(fast), 0.0, slow / fast)
    root = _positive_root(x * (1 + x), (1 + x) ** 2 - x * (1 + excess), (1 + x) * excess)
    return np.multiply(slow, root, out=np.zeros_like(root), where=root > 0)


def critical_center_momentum(
    *,
    gain: ArrayLike,
    teacher_momentum: ArrayLike,
    student_temperature: ArrayLike,
    teacher_temperature: ArrayLike,
) -> Matrix:
    """m* = 1 − ρ, (1−α)(1−μ)Aρ² + (A² − αμA − (1−α)(1−μ)βμ)ρ − Aμ(β−α) = 0, A = α + μ − αμ.  [D4]

    The discrete map above is stable iff the centre momentum is below m*. Exact: Jury's condition
    1 − a₀² = a₁ − a₀a₂ for the cubic, quadratic in ρ. For small α and μ it is `critical_center_rate`; in
    steps ρ must be a little larger, min(α/(1−α), μ/(1−μ))·(τ_s/τ_t − 1) being enough at every α ≤ 1.
    1 when τ_t ≥ τ_s (any moving centre will do); negative when even m = 0, the centre of the last batch,
    lags too much.

    gain: a per step, α = a/τ_s ≤ 1 (a student that steps past its goal needs a faster centre still:
    `center_stability`; inf is the fast-student limit, taken at α = 1).  teacher_momentum: 1 − μ in [0, 1).
    All broadcast.
    """
    tau_s = check_positive("student_temperature", student_temperature)
    tau_t = check_positive("teacher_temperature", teacher_temperature)
    a = check_positive("gain", gain, infinite=True)
    mu = 1.0 - check_momentum("teacher_momentum", teacher_momentum)
    a, mu, tau_s, tau_t = _broadcast(
        gain=a, teacher_momentum=mu, student_temperature=tau_s, teacher_temperature=tau_t
    )
    ratio, alpha = tau_s / tau_t, np.where(np.isinf(a), 1.0, a / tau_s)
    if (alpha > 1).any():
        raise ValueError(
            f"`gain` must be at most `student_temperature` per step (or inf), got gain/student_temperature = "
            f"{float(alpha.max()):g}: the student overshoots in one step."
        )
    if (mu == 0).any():
        raise ValueError(
            "`teacher_momentum` must be below 1, got 1: a teacher that never moves cannot be lost."
        )
    beta, slack = alpha * ratio, (1 - alpha) * (1 - mu)
    speed = alpha + mu - alpha * mu
    linear = speed**2 - alpha * mu * speed - slack * beta * mu
    return 1.0 - _positive_root(slack * speed, linear, speed * mu * alpha * np.maximum(ratio - 1.0, 0.0))


def center_gain_limit(
    *,
    center_momentum: float,
    teacher_momentum: float,
    student_temperature: float,
    teacher_temperature: float,
) -> float:
    """The gain a = η/(K τ_s) per step above which this centre is too slow: m*(a) = m_c.  [D4]

    m* of `critical_center_momentum` falls with the gain. inf: this centre keeps up at every gain up to τ_s,
    where the student reaches its goal in one step; of larger ones only `center_stability` tells.
    0: it loses the race however slow the student (m_c = 1, sharpened).
    """
    m_c = check_number("center_momentum", center_momentum, low=0.0, high=1.0)
    tau_s = check_number("student_temperature", student_temperature, low=0.0, open_low=True)

    def excess(log_share: float) -> float:
        critical = critical_center_momentum(
            gain=tau_s * math.exp(log_share),
            teacher_momentum=teacher_momentum,
            student_temperature=tau_s,
            teacher_temperature=teacher_temperature,
        )
        return float(critical) - m_c

    slowest, fastest = -60.0, 0.0  # log(a/τ_s); a student at 0 is at its goal in one step
    if excess(fastest) > 0:
        return math.inf
    if excess(slowest) <= 0:
        return 0.0
    return tau_s * math.exp(scipy.optimize.brentq(excess, slowest, fastest, xtol=1e-12))


def center_stability(
    *,
    gain: ArrayLike,
    teacher_momentum: ArrayLike,
    center_momentum: ArrayLike,
    student_temperature: ArrayLike,
    teacher_temperature: ArrayLike,
) -> CenterStability:
    """Spectral radius and period of w' = w + β(v−c) − αw, v' = (1−μ)v + μw', c' = (1−ρ)c + ρv.  [D4]

    Just below the critical rate the leading pair is complex: clusters take turns in swallowing the data. Far
    below it the pair is real (period inf): one cluster wins at once and the centre comes too late.

    gain: a per step.  Momenta in [0, 1].  All broadcast; the results have the common shape.
    """
    tau_s = check_positive("student_temperature", student_temperature)
    a, tau_s, tau_t, mu, rho = _broadcast(
        gain=check_positive("gain", gain),
        student_temperature=tau_s,
        teacher_temperature=check_positive("teacher_temperature", teacher_temperature),
        teacher_momentum=1.0 - check_momentum("teacher_momentum", teacher_momentum),
        center_momentum=1.0 - check_momentum("center_momentum", center_momentum),
    )
    alpha, beta = a / tau_s, a / tau_t
    zero = np.zeros_like(alpha)
    student = np.stack([1 - alpha, beta, -beta], axis=-1)
    teacher = mu[..., None] * student + np.stack([zero, 1 - mu, zero], axis=-1)
    center = np.stack([zero, rho, 1 - rho], axis=-1)
    return _stability(np.stack([student, teacher, center], axis=-2))


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
    """The same step on all of feature space: the centre follows φ̄ᵀV, and enters as E φ_s c.

    With features whose mean φ̄ is not 0 the constant direction does not decouple; this is the whole matrix,
    [2D + 1, 2D + 1] on (W, V, c) for one contrast of clusters (D counts the bias). It contains the growth of
    D2 as well: its spectral radius exceeds 1 as soon as anything at all is learnt.

    moments: features of the views, without the constant; `bias` appends it.  Other arguments: numbers.
    """
    a = check_number("gain", gain, low=0.0, open_low=True)
    tau_s = check_number("student_temperature", student_temperature, low=0.0, open_low=True)
    tau_t = check_number("teacher_temperature", teacher_temperature, low=0.0, open_low=True)
    mu = 1.0 - float(check_momentum("teacher_momentum", teacher_momentum))
    rho = 1.0 - float(check_momentum("center_momentum", center_momentum))
    second, cross = (
        moments.second(bias=bias),
        moments.cross(constrained=False, bias=bias),
    )
    one = np.ones(int(bias))
    student_mean = np.concatenate([moments.student_mean, one])
    teacher_mean = np.concatenate([moments.teacher_mean, one])
    d = len(second)
    eye, zero, column = np.eye(d), np.zeros((d, d)), np.zeros((d, 1))
    student = np.hstack(
        [
            eye - a * second / tau_s,
            a * cross / tau_t,
            -a * student_mean[:, None] / tau_t,
        ]
    )
    teacher = mu * student + np.hstack([zero, (1 - mu) * eye, column])
    center = np.concatenate([np.zeros(d), rho * teacher_mean, [1 - rho]])[None, :]
    return _stability(np.vstack([student, teacher, center]))


def _broadcast(**arrays: Matrix) -> list[Matrix]:
    """The arrays in their common shape. Raises ValueError with all shapes where there is none."""
    try:
        return list(np.broadcast_arrays(*arrays.values()))
    except ValueError:
        shapes = ", ".join(f"`{name}` {array.shape}" for name, array in arrays.items())
        raise ValueError(f"arguments must broadcast together, got shapes {shapes}.") from None


def _positive_root(square: Matrix, linear: Matrix, constant: Matrix) -> Matrix:
    """The root s ≥ 0 of square·s² + linear·s = constant, square and constant ≥ 0, without cancellation."""
    root = np.sqrt(linear**2 + 4 * square * constant)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(linear >= 0, 2 * constant / (linear + root), (root - linear) / (2 * square))


def _stability(matrix: Matrix) -> CenterStability:
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
