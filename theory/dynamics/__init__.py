"""When clusters are learnt and when they collapse: the linear theory of a training run, in NumPy."""

from theory.dynamics.center import (
    CenterStability,
    center_gain_limit,
    center_stability,
    coupled_center_stability,
    critical_center_momentum,
    critical_center_rate,
)
from theory.dynamics.growth import (
    Growth,
    critical_temperature,
    growth_rates,
    student_gain,
    survival_temperature,
    whitened_growth_rate,
)
from theory.dynamics.moments import Correlations, CrossViewMoments, correlations, cross_view_moments

__all__ = [
    "CenterStability",
    "Correlations",
    "CrossViewMoments",
    "Growth",
    "center_gain_limit",
    "center_stability",
    "correlations",
    "coupled_center_stability",
    "critical_center_momentum",
    "critical_center_rate",
    "critical_temperature",
    "cross_view_moments",
    "growth_rates",
    "student_gain",
    "survival_temperature",
    "whitened_growth_rate",
]
