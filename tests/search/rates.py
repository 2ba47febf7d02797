"""The inequalities of section D on free variables, by the functions of `theory.dynamics`, in NumPy."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from tests.search.points import ATTAINED, LIMIT
from theory.dynamics import (
    correlations,
    critical_center_momentum,
    critical_center_rate,
    cross_view_moments,
    survival_temperature,
)

SAMPLES, FEATURES = 5, 2
VARIABLES = 2 * SAMPLES * FEATURES
DECADES = 6.0  # rates lie within so many powers of 10
NO_CASE = 1.0


@dataclass(frozen=True, kw_only=True)
class RateHunt:
    """One inequality: `margin` of free variables, relative to the larger side; `shapes` are (clusters,)."""

    claim: str
    name: str
    margin: Callable[[np.ndarray, int], float]
    sharp: str
    variables: int
    shapes: tuple[tuple[int, ...], ...] = ((2,),)

    @property
    def key(self) -> str:
        return f"{self.claim}: {self.name}"

    def size(self, clusters: int) -> int:
        return self.variables

    def value(self, theta: np.ndarray, shape: tuple[int, ...]) -> float:
        return float(self.margin(np.asarray(theta, float), *shape))


def decades(x):
    return 10.0 ** (DECADES * np.tanh(x))


def correlation_below_one(theta, clusters):
    moments = cross_view_moments(*theta.reshape(2, SAMPLES, FEATURES))
    found = correlations(moments.cross(), moments.second(), drop_singular=True)
    return 1.0 - np.abs(found.values).max() if len(found.values) and found.condition < 1e6 else NO_CASE


def survival(rho, clusters):
    return float(survival_temperature(rho, clusters=clusters, student_temperature=1.0))


def learnt_lives_longer(theta, clusters):
    rho = expit(theta[0])
    return (survival(rho, clusters) - rho) / rho if 0 < rho < 1 else NO_CASE


def survival_below_one(theta, clusters):
    rho = expit(theta[0])
    return 1.0 - survival(rho, clusters) if 0 < rho < 1 else NO_CASE


def more_clusters_live_longer(theta, clusters):
    rho = expit(theta[0])
    if not 0 < rho < 1:
        return NO_CASE
    few, many = (survival(rho, k) for k in (clusters, 2 * clusters))
    return (many - few) / many


def fast_centre_is_enough(theta, clusters):
    alpha, mu, excess = *decades(theta[:2]), 10.0 ** (2 * np.tanh(theta[2]))
    gamma = critical_center_rate(
        gain=alpha, teacher_rate=mu, student_temperature=1.0, teacher_temperature=1 / (1 + excess)
    )
    enough = min(alpha, mu) * excess
    return (enough - float(gamma)) / enough


def faster_teacher_needs_a_faster_centre(theta, clusters):
    (alpha, mu), excess, more = decades(theta[:2]), 10.0 ** (2 * np.tanh(theta[2])), expit(theta[3])
    slow, fast = (
        float(
            critical_center_rate(
                gain=alpha,
                teacher_rate=rate,
                student_temperature=1.0,
                teacher_temperature=1 / (1 + excess),
            )
        )
        for rate in (mu, mu * (1 + more))
    )
    return (fast - slow) / fast


def fast_centre_is_enough_in_steps(theta, clusters):
    alpha, mu = expit(theta[:2])
    excess = 10.0 * expit(theta[2])
    if min(alpha, mu) <= 1e-3 or max(alpha, mu) >= 0.999 or excess <= 1e-2:
        return NO_CASE  # 1 − m_c has no digits left, or the bound is none
    momentum = critical_center_momentum(
        gain=alpha, teacher_momentum=1 - mu, student_temperature=1.0, teacher_temperature=1 / (1 + excess)
    )
    enough = min(alpha / (1 - alpha), mu / (1 - mu)) * excess
    return (enough - (1 - float(momentum))) / enough


MANY = ((2,), (3,), (64,), (65536,))
RATES = [
    RateHunt(claim="D2", name="∣ρ∣ ≤ 1", margin=correlation_below_one, sharp=ATTAINED, variables=VARIABLES),
    RateHunt(
        claim="D3", name="ρ ≤ τ†/τ_s", margin=learnt_lives_longer, sharp=ATTAINED, variables=1, shapes=MANY
    ),
    RateHunt(
        claim="D3", name="τ† ≤ τ_s", margin=survival_below_one, sharp=ATTAINED, variables=1, shapes=MANY
    ),
    RateHunt(
        claim="D3",
        name="τ† grows with K",
        margin=more_clusters_live_longer,
        sharp=ATTAINED,
        variables=1,
        shapes=MANY,
    ),
    RateHunt(
        claim="D4",
        name="γ_c ≤ min(α, μ)(τ_s/τ_t − 1)",
        margin=fast_centre_is_enough,
        sharp=ATTAINED,
        variables=3,
    ),
    RateHunt(
        claim="D4",
        name="γ_c grows with μ",
        margin=faster_teacher_needs_a_faster_centre,
        sharp=ATTAINED,
        variables=4,
    ),
    RateHunt(
        claim="D4",
        name="γ_c ≤ min(α/(1 − α), μ/(1 − μ))(τ_s/τ_t − 1) in steps",
        margin=fast_centre_is_enough_in_steps,
        sharp=LIMIT,
        variables=3,
    ),
]
