"""When a moving-average centre is too slow to hold the teacher back: the critical rate in closed form.  [D4]

The constant direction of logit space is invisible to a teacher that is centred by its own batch. A centre
that lags lets it through. With features other than the constant centred, so that it decouples, and α = a/τ_s,
β = a/τ_t, a the student's gain along it, the state (student, teacher, teacher − centre) obeys

    [[−α, 0, β], [μ, −μ, 0], [μ, −μ, −γ]],

μ the teacher's rate, γ the centre's. Its characteristic polynomial is
(ν+α)(ν+μ)(ν+γ) − βμν; Routh and Hurwitz give the condition on γ in closed form. For the steps of a training
run, `theory.dynamics.stability`, Jury's criterion does.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import scipy.optimize
from numpy.typing import ArrayLike

from theory.checks import Matrix, check_momentum, check_number, check_positive, check_quotient

if TYPE_CHECKING:
    from jaxtyping import Float

__all__ = ["center_gain_limit", "critical_center_momentum", "critical_center_rate"]


def critical_center_rate(
    *,
    gain: ArrayLike,
    teacher_rate: ArrayLike,
    student_temperature: ArrayLike,
    teacher_temperature: ArrayLike,
) -> Float[np.ndarray, "*shape"]:
    r"""γ_c, the positive root of Aγ² + (A² − μβ)γ − Aμ(β − α) = 0, A = α + μ: stable iff γ > γ_c.  [D4]

    .. math:: A\gamma_c^2 + (A^2 - \mu\beta)\,\gamma_c - A\mu(\beta - \alpha) = 0, \qquad A = \alpha + \mu

    0 when τ_t ≥ τ_s: the constant direction then decays by itself. Otherwise
    γ_c < min(α, μ)·(τ_s/τ_t − 1), and each side of the minimum is a limit:
    gain = inf (fast student) gives μ(τ_s/τ_t − 1), teacher_rate = inf (no momentum teacher) α(τ_s/τ_t − 1).
    So γ = μ(τ_s/τ_t − 1) is enough at any learning rate (in continuous time).

    Parameters
    ----------
    gain
        a = η/(K τ_s) times the squared length of the constant feature, per unit time; > 0 or inf.
    teacher_rate
        μ, per unit time; > 0 or inf.
    student_temperature, teacher_temperature
        τ_s > 0 and τ_t > 0. All four broadcast.

    Returns
    -------
    array, the common shape
        γ_c, per unit time.

    Raises
    ------
    TypeError, ValueError
        An argument that is not positive, a temperature that is not finite, shapes that do not broadcast.

    Examples
    --------
    >>> import math
    >>> from theory.dynamics import critical_center_rate
    >>> temperatures = {"student_temperature": 0.1, "teacher_temperature": 0.04}
    >>> critical_center_rate(gain=[0.001, math.inf], teacher_rate=0.004, **temperatures).round(6)
    array([0.005042, 0.006   ])
    """
    a, mu, tau_s, tau_t = check_broadcast(
        gain=check_positive("gain", gain, infinite=True),
        teacher_rate=check_positive("teacher_rate", teacher_rate, infinite=True),
        student_temperature=check_positive("student_temperature", student_temperature),
        teacher_temperature=check_positive("teacher_temperature", teacher_temperature),
    )
    excess = np.maximum(tau_s / tau_t - 1.0, 0.0)
    alpha = a / tau_s
    slow, fast = np.minimum(alpha, mu), np.maximum(alpha, mu)
    # In units of the slower of the two (the equation is symmetric in α and μ), x = slow/fast in [0, 1]:
    # (1+x) s² + ((1+x)²/x − 1 − e) s − (1+x)/x · e = 0, s = γ/slow, e = excess; times x it survives x = 0.
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
) -> Float[np.ndarray, "*shape"]:
    r"""m* = 1 − γ, (1−α)(1−μ)Aγ² + (A² − αμA − (1−α)(1−μ)βμ)γ − Aμ(β−α) = 0, A = α + μ − αμ.  [D4]

    .. math:: (1-\alpha)(1-\mu)A\gamma^2 + \left(A^2 - \alpha\mu A - (1-\alpha)(1-\mu)\beta\mu\right)\gamma
        - A\mu(\beta-\alpha) = 0, \qquad A = \alpha + \mu - \alpha\mu

    The step of `center_stability` is stable iff the centre momentum is below m*. Exact: Jury's condition
    1 − a₀² = a₁ − a₀a₂ for the cubic, quadratic in γ. For small α and μ it is `critical_center_rate`; in
    steps γ must be a little larger, min(α/(1−α), μ/(1−μ))·(τ_s/τ_t − 1) being enough at every α ≤ 1.
    1 when τ_t ≥ τ_s (any moving centre will do); negative when even m = 0, the centre of the last batch,
    lags too much.

    Parameters
    ----------
    gain
        a per step, α = a/τ_s ≤ 1 (a student that steps past its goal needs a faster centre still:
        `center_stability`); inf is the fast-student limit, taken at α = 1.
    teacher_momentum
        1 − μ per step, in [0, 1).
    student_temperature, teacher_temperature
        τ_s > 0 and τ_t > 0. All four broadcast.

    Returns
    -------
    array, the common shape
        m*, per step.

    Raises
    ------
    TypeError, ValueError
        A gain or a temperature that is not positive, a gain between τ_s and inf, a teacher that never moves,
        shapes that do not broadcast.

    Examples
    --------
    DINO's sharpening and teacher, for a slow and for the fastest student:

    >>> import math
    >>> from theory.dynamics import critical_center_momentum
    >>> knobs = {"student_temperature": 0.1, "teacher_temperature": 0.04, "teacher_momentum": 0.996}
    >>> critical_center_momentum(gain=[1e-4, math.inf], **knobs).round(4)
    array([0.9986, 0.994 ])
    """
    a, mu, tau_s, tau_t = check_broadcast(
        gain=check_positive("gain", gain, infinite=True),
        teacher_momentum=1.0 - check_momentum("teacher_momentum", teacher_momentum),
        student_temperature=check_positive("student_temperature", student_temperature),
        teacher_temperature=check_positive("teacher_temperature", teacher_temperature),
    )
    check_quotient("student_temperature", tau_s, teacher_temperature=tau_t)
    alpha = np.where(np.isinf(a), 1.0, a / tau_s)
    if (alpha > 1).any():
        raise ValueError(
            f"`gain` must be at most `student_temperature` per step (or inf), got gain/student_temperature = "
            f"{float(alpha.max()):g}: the student overshoots in one step."
        )
    check_moves(mu)
    return critical_momentum_kernel(alpha, mu, tau_s / tau_t)


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

    Parameters
    ----------
    center_momentum
        m_c per step, in [0, 1].
    teacher_momentum
        1 − μ per step, in [0, 1).
    student_temperature, teacher_temperature
        τ_s > 0 and τ_t > 0.

    Returns
    -------
    float
        a per step; 0 or inf where one side wins at every gain.

    Raises
    ------
    TypeError, ValueError
        A momentum outside its interval, a temperature that is not positive and finite, no number.

    Examples
    --------
    DINO's centre keeps up at any learning rate (up to Kτ_s²), one of .999 only while a student is slow:

    >>> from theory.dynamics import center_gain_limit
    >>> knobs = {"student_temperature": 0.1, "teacher_temperature": 0.04, "teacher_momentum": 0.996}
    >>> for momentum in (0.9, 0.999):
    ...     print(f"{center_gain_limit(center_momentum=momentum, **knobs):.3g}")
    inf
    7.01e-05
    """
    m_c = check_number("center_momentum", center_momentum, low=0.0, high=1.0)
    mu = np.asarray(1.0 - check_number("teacher_momentum", teacher_momentum, low=0.0, high=1.0))
    tau_s = check_number("student_temperature", student_temperature, low=0.0, open_low=True)
    tau_t = check_number("teacher_temperature", teacher_temperature, low=0.0, open_low=True)
    check_quotient("student_temperature", tau_s, teacher_temperature=tau_t)
    check_moves(mu)
    return gain_limit_kernel(m_c, mu, tau_s, tau_t)


def gain_limit_kernel(m_c: float, mu: Matrix, tau_s: float, tau_t: float) -> float:
    """`center_gain_limit` for checked input, μ the rate of the teacher."""

    def excess(log_share: float) -> float:
        alpha = np.asarray(tau_s * math.exp(log_share) / tau_s)
        return float(critical_momentum_kernel(alpha, mu, np.asarray(tau_s / tau_t))) - m_c

    slowest, fastest = -60.0, 0.0  # log(a/τ_s); a student at 0 is at its goal in one step
    if excess(fastest) > 0:
        return math.inf
    if excess(slowest) <= 0:
        return 0.0
    return tau_s * math.exp(scipy.optimize.brentq(excess, slowest, fastest, xtol=1e-12))


def check_broadcast(**arrays: Matrix) -> list[Matrix]:
    """The arrays in their common shape. Raises ValueError with all shapes where there is none."""
    try:
        return list(np.broadcast_arrays(*arrays.values()))
    except ValueError:
        shapes = ", ".join(f"`{name}` {array.shape}" for name, array in arrays.items())
        raise ValueError(f"arguments must broadcast together, got shapes {shapes}.") from None


def check_moves(teacher_rate: Matrix) -> None:
    """Raises ValueError where the teacher's rate is 0."""
    if (teacher_rate == 0).any():
        raise ValueError(
            "`teacher_momentum` must be below 1, got 1: a teacher that never moves cannot be lost."
        )


def critical_momentum_kernel(alpha: Matrix, mu: Matrix, ratio: Matrix) -> Matrix:
    """`critical_center_momentum` for checked α and μ in (0, 1] and τ_s/τ_t, of one shape."""
    beta, slack = alpha * ratio, (1 - alpha) * (1 - mu)
    speed = alpha + mu - alpha * mu
    linear = speed**2 - alpha * mu * speed - slack * beta * mu
    return 1.0 - _positive_root(slack * speed, linear, speed * mu * alpha * np.maximum(ratio - 1.0, 0.0))


def _positive_root(square: Matrix, linear: Matrix, constant: Matrix) -> Matrix:
    """The root s ≥ 0 of square·s² + linear·s = constant, square and constant ≥ 0, without cancellation."""
    root = np.sqrt(linear**2 + 4 * square * constant)
    with np.errstate(divide="ignore", invalid="ignore"):
        upwards = np.where(constant == 0, 0.0, 2 * constant / (linear + root))
        return np.where(linear >= 0, upwards, (root - linear) / (2 * square))
