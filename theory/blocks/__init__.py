"""The plain forms of the kernels on NumPy arrays, in blocks that stay in cache; summed in float64."""

from theory.blocks.columns import (
    blocked_dispersion,
    blocked_jensen_gap,
    blocked_log_mean_exp,
    blocked_mean,
    blocked_variance,
    careful_columns,
)
from theory.blocks.rows import (
    blocked_cross_entropy,
    blocked_informations,
    blocked_kl,
    blocked_log_normalizer,
    blocked_normalize,
    blocked_sum_exp,
    has_finite_rows,
)
from theory.blocks.tilted import blocked_tilted
from theory.blocks.walk import in_blocks

__all__ = [
    "blocked_cross_entropy",
    "blocked_dispersion",
    "blocked_informations",
    "blocked_jensen_gap",
    "blocked_kl",
    "blocked_log_mean_exp",
    "blocked_log_normalizer",
    "blocked_mean",
    "blocked_normalize",
    "blocked_sum_exp",
    "blocked_tilted",
    "blocked_variance",
    "careful_columns",
    "has_finite_rows",
    "in_blocks",
]
