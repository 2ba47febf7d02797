"""When clusters are learnt and when they collapse: the linear theory of a training run, in NumPy."""

from theory.dynamics.adaptive import AdaptiveTurns, adaptive_gain, adaptive_turns
from theory.dynamics.canonical import Correlations, correlations
from theory.dynamics.center import center_gain_limit, critical_center_momentum, critical_center_rate
from theory.dynamics.growth import Growth, growth_rates, student_gain, whitened_growth_rate
from theory.dynamics.learnt import (
    LearntSolution,
    Race,
    center_race,
    learnt_center_stability,
    learnt_solution,
)
from theory.dynamics.moments import CrossViewMoments, cross_view_moments
from theory.dynamics.shared_head import held_share, shared_head_stability
from theory.dynamics.stability import CenterStability, center_stability, coupled_center_stability
from theory.dynamics.temperatures import critical_temperature, fold_shift, survival_temperature

__all__ = [
    "AdaptiveTurns",
    "CenterStability",
    "Correlations",
    "CrossViewMoments",
    "Growth",
    "LearntSolution",
    "Race",
    "adaptive_gain",
    "adaptive_turns",
    "center_gain_limit",
    "center_race",
    "center_stability",
    "correlations",
    "coupled_center_stability",
    "critical_center_momentum",
    "critical_center_rate",
    "critical_temperature",
    "cross_view_moments",
    "fold_shift",
    "growth_rates",
    "held_share",
    "learnt_center_stability",
    "learnt_solution",
    "shared_head_stability",
    "student_gain",
    "survival_temperature",
    "whitened_growth_rate",
]
