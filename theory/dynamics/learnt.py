r"""Why what is learnt survives a centre that is too slow: saturation holds it, and a race decides.  [D7]

The solvable case of D3: K equally likely clusters, one for each output, views that agree beyond chance with
probability ρ, a student with a table (one-hot features, centred and scaled, with a bias). Its learnt fixed
point has logits u for the own cluster: s = softmax share of the student there, t of the teacher, and
s = ρ t + (1 − ρ)/K, so ρ = (s − 1/K)/(t − 1/K) along the branch. Two fields of logits over samples n make up
what the constant direction becomes there, f(k) and f(n) δ_nk; on them, per unit of a and with V = W,

    dW/dt = aK [M J(t) (W − c)/τ_t − J(s) W/τ_s],
    J(s) = [[o, 0], [d(1 − d), s(1 − d)]],  o = (1 − s)/(K − 1), d = s − o,    M = [[1, (1 − ρ)/K], [0, ρ]].

J is the mean of diag q − qqᵀ over samples: at uniform 1/K, and less where outputs are surer. A sharp teacher
is surer than its student, so its side shrinks more: from some ρ on both eigenvalues are negative *with no
centre at all*. The line of D4 is where a run near uniform is lost; a run that has learnt has none.

So the start decides: features grow at D2's rate, the constant direction beyond the line at D4's.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import scipy.optimize

from theory.checks import check_count, check_number
from theory.dynamics.growth import whitened_step_radius_kernel
from theory.dynamics.stability import CenterStability, stability_kernel, stability_of_kernel
from theory.dynamics.temperatures import log_odds_kernel, ratio_kernel, warmest_kernel

if TYPE_CHECKING:
    from jaxtyping import Float

__all__ = ["LearntSolution", "Race", "center_race", "learnt_center_stability", "learnt_solution"]


@dataclass(frozen=True, kw_only=True)
class LearntSolution:
    """The learnt fixed point, and whether it needs a centre.

    Attributes
    ----------
    logit : float
        u, of the own cluster above the others.
    student_share : float
        s, probability of the own cluster in the student.
    teacher_share : float
        t, in the teacher.
    information : float
        I of the student's assignments, nats.
    rate : float
        The larger growth rate along what the constant direction becomes here, no centre moving, over the
        gain a: the solution holds itself where it is negative.
    held : bool
        rate < 0.
    """

    logit: float
    student_share: float
    teacher_share: float
    information: float
    rate: float
    held: bool


@dataclass(frozen=True, kw_only=True)
class Race:
    """Growth per step of the two directions from uniform.

    Attributes
    ----------
    constant : float
        log ∣multiplier∣ of the constant direction under this centre.
    features : float
        log ∣multiplier∣ of the leading features.
    lost : bool
        The constant direction grows, and faster.
    """

    constant: float
    features: float
    lost: bool


def learnt_solution(
    correlation: float, *, clusters: int, student_temperature: float, teacher_temperature: float
) -> LearntSolution:
    r"""u with ρ h(u/τ_t) = h(u/τ_s), its larger root, and the sign of [M J(t)/τ_t − J(s)/τ_s].  [D7, D3]

    .. math:: \rho\,h(u/\tau_t) = h(u/\tau_s), \qquad h(u) = \frac{e^u - 1}{e^u + K - 1}

    Parameters
    ----------
    correlation
        ρ in (0, 1).
    clusters
        K ≥ 2.
    student_temperature, teacher_temperature
        τ_s > 0 and τ_t > 0.

    Returns
    -------
    LearntSolution
        The stable branch.

    Raises
    ------
    TypeError, ValueError
        A correlation outside (0, 1), a temperature that is not positive and finite, K < 2; a teacher warmer
        than `survival_temperature`: there is no learnt solution.

    Examples
    --------
    From a correlation a little above the critical one on, no centre is needed:

    >>> from theory.dynamics import learnt_solution
    >>> knobs = {"clusters": 2, "student_temperature": 0.1, "teacher_temperature": 0.04}
    >>> for rho in (0.45, 0.6):
    ...     found = learnt_solution(rho, **knobs)
    ...     print(f"u = {found.logit:.3f}, rate {found.rate:+.2f}, held: {found.held}")
    u = 0.055, rate +6.81, held: False
    u = 0.123, rate -2.76, held: True
    """
    rho, k, tau_s, tau_t = _settings(correlation, clusters, student_temperature, teacher_temperature)
    u = _logit(rho, k, tau_s, tau_t)
    s, t = _share(u / tau_s, k), _share(u / tau_t, k)
    flow = k * (_channel(rho, k) @ _saturated(t, k) / tau_t - _saturated(s, k) / tau_s)
    rate = float(np.linalg.eigvals(flow).real.max())
    rest = (1 - s) / (k - 1)
    kept = math.log(k) + s * math.log(s) + ((1 - s) * math.log(rest) if rest > 0 else 0.0)
    return LearntSolution(
        logit=u, student_share=s, teacher_share=t, information=kept, rate=rate, held=rate < 0
    )


def learnt_center_stability(
    correlation: float,
    *,
    clusters: int,
    gain: float,
    teacher_momentum: float,
    center_momentum: float,
    student_temperature: float,
    teacher_temperature: float,
) -> CenterStability:
    """Spectral radius and period of a step at the learnt solution, with a moving centre.  [D7]

    Parameters
    ----------
    correlation
        ρ in (0, 1).
    clusters
        K ≥ 2.
    gain
        a = η/(K τ_s) per step; > 0.
    teacher_momentum, center_momentum
        1 − μ and 1 − γ per step, in [0, 1]. A centre that never moves leaves a multiplier of 1, its own.
    student_temperature, teacher_temperature
        τ_s > 0 and τ_t > 0.

    Returns
    -------
    CenterStability
        Of the matrix on (student, student's own, teacher, teacher's own, centre), M = 5; "own" is the field
        f(n) δ_nk.

    Raises
    ------
    TypeError, ValueError
        As of `learnt_solution`; a gain that is not positive, a momentum outside [0, 1].

    Examples
    --------
    >>> from theory.dynamics import center_stability, learnt_center_stability
    >>> knobs = {"gain": 0.01, "teacher_momentum": 0.99, "center_momentum": 0.999}
    >>> knobs |= {"student_temperature": 0.1, "teacher_temperature": 0.04}
    >>> learnt = learnt_center_stability(0.7, clusters=8, **knobs)
    >>> bool(center_stability(**knobs).stable), bool(learnt.stable)
    (False, True)
    """
    rho, k, tau_s, tau_t = _settings(correlation, clusters, student_temperature, teacher_temperature)
    a = check_number("gain", gain, low=0.0, open_low=True)
    mu = 1.0 - check_number("teacher_momentum", teacher_momentum, low=0.0, high=1.0)
    gamma = 1.0 - check_number("center_momentum", center_momentum, low=0.0, high=1.0)
    u = _logit(rho, k, tau_s, tau_t)
    decay = a * k * _saturated(_share(u / tau_s, k), k) / tau_s
    pull = a * k * _channel(rho, k) @ _saturated(_share(u / tau_t, k), k) / tau_t
    one, zero = np.eye(2), np.zeros((2, 1))
    student = np.hstack([one - decay, pull, -pull[:, :1]])
    teacher = mu * student + np.hstack([np.zeros((2, 2)), (1 - mu) * one, zero])
    center = np.array([[0, 0, gamma, gamma / k, 1 - gamma]])  # the mean over samples of f(n) δ_nk is f(k)/K
    return stability_of_kernel(np.vstack([student, teacher, center]))


def center_race(
    correlation: float,
    *,
    gain: float,
    teacher_momentum: float,
    center_momentum: float,
    student_temperature: float,
    teacher_temperature: float,
) -> Race:
    """Growth per step from uniform: of the constant direction under this centre, of features of ρ.  [D7]

    Which grows faster decides a run beyond the line of D4: features that are first to saturate lower the
    gain of both sides and hold themselves (`learnt_solution`).

    Parameters
    ----------
    correlation
        ρ, the leading one of the features, which are whitened; at most 1.
    gain
        a = η/(K τ_s) per step; > 0.
    teacher_momentum, center_momentum
        1 − μ and 1 − γ per step, in [0, 1].
    student_temperature, teacher_temperature
        τ_s > 0 and τ_t > 0.

    Returns
    -------
    Race
        Rates per step.

    Raises
    ------
    TypeError, ValueError
        A correlation beyond 1, a number that is not positive and finite, a momentum outside [0, 1].

    Examples
    --------
    The toy of table 15 without a momentum teacher: beyond the line, and won by the features.

    >>> from theory.dynamics import center_race
    >>> knobs = {"gain": 0.01, "student_temperature": 0.1, "teacher_temperature": 0.04}
    >>> race = center_race(0.7, teacher_momentum=0.0, center_momentum=0.9, **knobs)
    >>> print(f"{race.constant:.3f} against {race.features:.3f}", race.lost)
    0.029 against 0.072 False
    """
    rho = check_number("correlation", correlation, low=-1.0, high=1.0)
    a = check_number("gain", gain, low=0.0, open_low=True)
    tau_s = check_number("student_temperature", student_temperature, low=0.0, open_low=True)
    tau_t = check_number("teacher_temperature", teacher_temperature, low=0.0, open_low=True)
    mu = 1.0 - check_number("teacher_momentum", teacher_momentum, low=0.0, high=1.0)
    gamma = 1.0 - check_number("center_momentum", center_momentum, low=0.0, high=1.0)
    constant = stability_kernel(*(np.asarray(x) for x in (a / tau_s, a / tau_t, mu, gamma)))
    rates = (
        math.log(float(constant.spectral_radius)),
        math.log(whitened_step_radius_kernel(a / tau_s, a * rho / tau_t, mu)),
    )
    return Race(constant=rates[0], features=rates[1], lost=rates[0] > max(0.0, rates[1]))


def _settings(rho: float, clusters: int, tau_s: float, tau_t: float) -> tuple[float, int, float, float]:
    """Checked, and with a learnt solution to speak of."""
    rho = check_number("correlation", rho, low=0.0, high=1.0, open_low=True)
    if rho == 1:
        raise ValueError(
            "`correlation` must be below 1, got 1: views that never differ are learnt without end."
        )
    k = check_count("clusters", clusters, low=2)
    tau_s = check_number("student_temperature", tau_s, low=0.0, open_low=True)
    return rho, k, tau_s, check_number("teacher_temperature", tau_t, low=0.0, open_low=True)


def _logit(rho: float, k: int, tau_s: float, tau_t: float) -> float:
    """The larger root u > 0 of ρ h(u/τ_t) = h(u/τ_s): ℓ(ρy)/ℓ(y) = τ_t/τ_s, y = h(u/τ_t), beyond its top."""
    others, ratio = k - 1, tau_t / tau_s
    warmest, highest = (20.0, rho) if others == 1 else warmest_kernel(rho, others)
    if ratio >= highest:
        raise ValueError(
            f"`teacher_temperature` must be below `survival_temperature`, got {tau_t:g}: nothing learnt lives"
        )
    v = scipy.optimize.brentq(lambda x: ratio_kernel(x, rho, others) - ratio, -700.0, warmest, xtol=1e-13)
    return tau_t * log_odds_kernel(v, others)


def _share(x: float, k: int) -> float:
    """Probability of the own cluster, x above the others."""
    return 1 / (1 + (k - 1) * math.exp(-x))


def _saturated(share: float, k: int) -> Float[np.ndarray, "2 2"]:
    """J on the fields (f(k), f(n) δ_nk), as columns, up to what all clusters of a sample share."""
    rest = (1 - share) / (k - 1)
    gap = share - rest
    return np.array([[rest, 0.0], [gap * (1 - gap), share * (1 - gap)]])


def _channel(rho: float, k: int) -> Float[np.ndarray, "2 2"]:
    """M, the mean over the other view, on the same fields."""
    return np.array([[1.0, (1 - rho) / k], [0.0, rho]])
