r"""The centre's race when the student descends by Adam: its step does not shrink with the gradient.  [D6]

Adam moves a parameter by η times its mean gradient over the root of its mean square, √v̂. What √v̂ is
decides. *Where the gradients of batches scatter by σ around a mean that is smaller*, √v̂ ≈ σ is constant, and
the constant direction obeys D4 with the gain

    a = η/(K τ_s σ)

in place of η/(K τ_s): σ carries the same 1/K, so the gain of an adaptive student does not fall with K. *Where
the mean dominates* the step is η whatever the gradient: the student follows its goal (τ_s/τ_t)(v − c) at the
speed η. As long as the goal moves more slowly it is met at every step, so the line is D4's for the fastest
student, `critical_center_momentum` at gain = inf, at every η. Beyond the line turns grow until the goal moves
faster than the student can follow. The step is homogeneous in (w, v, c, η): η sets the size of the turns and
nothing else. Far beyond the line the student is late all the time but for a moment at the goal: its bias is a
triangle of slope ±η, whose quarter period θ (and size, ηθ) obeys

    κ μ/(μ − γ) · [tanh(γθ)/γ − tanh(μθ)/μ] = θ,     κ = τ_s/τ_t,

μ and γ the rates at which teacher and centre forget: the goal's response to a triangle meets it at its peak.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from theory.checks import check_count, check_number
from theory.dynamics.center import check_moves

__all__ = ["AdaptiveTurns", "adaptive_gain", "adaptive_turns"]

SLOWEST = 2e-3
"""Rate per step above which a run is taken step by step."""
SAME = 1e-4
"""Relative change from turn to turn at which a cycle is taken for reached."""
LONGEST = 2_000_000
"""Steps; near the line a cycle is approached slowly."""


@dataclass(frozen=True, kw_only=True)
class AdaptiveTurns:
    """The turns that clusters take under an adaptive student, with a centre beyond the line.

    Attributes
    ----------
    stable : bool
        The centre keeps up: no turns, whatever the learning rate.
    period : float
        Steps per turn; 0 where stable, inf where the centre does not move.
    amplitude : float
        Largest bias of a cluster against the mean of two, over η; about a quarter of the period.
    """

    stable: bool
    period: float
    amplitude: float


def adaptive_gain(
    *, learning_rate: float, gradient_noise: float, clusters: int, student_temperature: float
) -> float:
    r"""a = η/(K τ_s σ): the gain along the constant direction where Adam's √v̂ is the batches' scatter.  [D6]

    .. math:: a = \frac{\eta}{K \tau_s \sigma}

    For every `gain` of this package. √v̂ is at hand: `optimizer.state[bias]["exp_avg_sq"].sqrt()`. With B
    samples in a batch and logits that scatter, over temperatures and student less teacher, by s nats,
    σ ≈ s/(K τ_s √B), and a = η √B/s has no K. Valid while the mean gradient is smaller than σ, larger than
    ε, and slow against β₁'s and β₂'s memories.

    Parameters
    ----------
    learning_rate
        η > 0.
    gradient_noise
        σ > 0, the standard deviation of the bias's gradient from batch to batch, of one coordinate.
    clusters
        K ≥ 2.
    student_temperature
        τ_s > 0.

    Returns
    -------
    float
        a per step.

    Raises
    ------
    TypeError, ValueError
        A number that is not positive and finite, K < 2.

    Examples
    --------
    >>> from theory.dynamics import adaptive_gain, critical_center_momentum, student_gain
    >>> knobs = {"learning_rate": 5e-4, "clusters": 65536, "student_temperature": 0.1}
    >>> noise = 3.0 / (65536 * 0.1 * 1024**0.5)  # 3 nats of scatter, batches of 1024
    >>> for gain in (student_gain(**knobs), adaptive_gain(gradient_noise=noise, **knobs)):
    ...     line = critical_center_momentum(
    ...         gain=gain, teacher_momentum=0.996, student_temperature=0.1, teacher_temperature=0.04
    ...     )
    ...     print(f"gain {gain:.1e}, centre momentum below {line:.4f}")
    gain 7.6e-08, centre momentum below 1.0000
    gain 5.3e-03, centre momentum below 0.9940
    """
    eta = check_number("learning_rate", learning_rate, low=0.0, open_low=True)
    sigma = check_number("gradient_noise", gradient_noise, low=0.0, open_low=True)
    clusters = check_count("clusters", clusters, low=2)
    tau = check_number("student_temperature", student_temperature, low=0.0, open_low=True)
    return eta / (clusters * tau * sigma)


def adaptive_turns(
    *,
    teacher_momentum: float,
    center_momentum: float,
    student_temperature: float,
    teacher_temperature: float,
) -> AdaptiveTurns:
    r"""The cycle of w' = w + clip(κ(v − c) − w, ±η), v' = v + μ(w' − v), c' = c + γ(v − c).  [D6]

    .. math:: w' = w + \operatorname{clip}\left(\kappa (v - c) - w, \pm\eta\right), \quad
        v' = v + \mu (w' - v), \quad c' = c + \gamma (v - c), \qquad \kappa = \tau_s/\tau_t

    Found by running it. Two clusters; of K clusters each turns with up to twice that size. The softmaxes of
    both sides are compared by sign only, so turns of any size obey it, also where nothing is linear.

    Parameters
    ----------
    teacher_momentum, center_momentum
        m_t and m_c per step, in [0, 1).  m_c = 1 is allowed: a centre that never moves.
    student_temperature, teacher_temperature
        τ_s > 0 and τ_t > 0.

    Returns
    -------
    AdaptiveTurns
        Turns, in steps and in units of η.

    Raises
    ------
    TypeError, ValueError
        A momentum outside its interval, a temperature that is not positive and finite.

    Examples
    --------
    DINO's numbers with a centre of momentum 0.999: a bias of one τ_s from η = 4.1e-5 on.

    >>> from theory.dynamics import adaptive_turns
    >>> knobs = {"student_temperature": 0.1, "teacher_temperature": 0.04, "teacher_momentum": 0.996}
    >>> turns = adaptive_turns(center_momentum=0.999, **knobs)
    >>> print(f"{turns.period:.0f} steps, {turns.amplitude:.0f} η, {0.1 / turns.amplitude:.1e}")
    9908 steps, 2452 η, 4.1e-05
    >>> adaptive_turns(center_momentum=0.99, **knobs).stable
    True
    """
    m_t = check_number("teacher_momentum", teacher_momentum, low=0.0, high=1.0)
    check_moves(np.asarray(1.0 - m_t))
    m_c = check_number("center_momentum", center_momentum, low=0.0, high=1.0)
    tau_s = check_number("student_temperature", student_temperature, low=0.0, open_low=True)
    tau_t = check_number("teacher_temperature", teacher_temperature, low=0.0, open_low=True)
    kappa, mu, gamma = tau_s / tau_t, 1 - m_t, 1 - m_c
    if kappa <= 1 or gamma * m_t > mu * (kappa - 1):
        return AdaptiveTurns(stable=True, period=0.0, amplitude=0.0)
    if gamma == 0:
        return AdaptiveTurns(stable=False, period=math.inf, amplitude=math.inf)
    coarse = max(1.0, SLOWEST / max(mu, gamma))  # so slow a run is the same in longer steps
    period, amplitude = _cycle(kappa, coarse * mu, coarse * gamma)
    return AdaptiveTurns(stable=False, period=coarse * period, amplitude=coarse * amplitude)


def _cycle(kappa: float, mu: float, gamma: float) -> tuple[float, float]:
    """Period and largest w of the cycle at η = 1."""
    w = v = 0.25 * kappa / gamma  # the goal is never above κ/γ: the cycle is approached from outside
    c, size, period, last, crossed = 0.0, 0.0, 0.0, 0.0, -1.0
    for step in range(LONGEST):
        goal = kappa * (v - c)
        c += gamma * (v - c)
        before = w
        w += min(max(goal - w, -1.0), 1.0)
        v += mu * (w - v)
        size = max(size, w)
        if before < 0 <= w:
            at = step - w / (w - before)
            if crossed >= 0:
                period, known = at - crossed, period
                if abs(size - last) < SAME * size and abs(period - known) < SAME * period:
                    return period, size
            crossed, last, size = at, size, 0.0
    return period, last
