"""When clusters are learnt and when they collapse: the linear theory of a training run, in NumPy."""

from theory.dynamics.canonical import Correlations, correlations
from theory.dynamics.center import center_gain_limit, critical_center_momentum, critical_center_rate
from theory.dynamics.growth import Growth, growth_rates, student_gain, whitened_growth_rate
from theory.dynamics.moments import CrossViewMoments, cross_view_moments
from theory.dynamics.stability import CenterStability, center_stability, coupled_center_stability
from theory.dynamics.temperatures import critical_temperature, survival_temperature

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
