"""Every check of an argument, made once, at the door of a public function; kernels check nothing."""

# ruff: noqa: F401 (one room for the house; of its names one is public)

from theory.checks.arrays import (
    Ensemble,
    assume_valid,
    check_against,
    check_ensemble,
    check_finite,
    check_log_probabilities,
    check_pair,
    check_rank,
    check_same_shape,
    check_scores,
    check_target,
    check_temperature,
    check_tilt,
    check_weights,
    namespace,
    reads_values,
    reject,
    values_are_checked,
)
from theory.checks.numbers import (
    Matrix,
    check_count,
    check_floating,
    check_momentum,
    check_number,
    check_order,
    check_plain,
    check_positive,
    check_quotient,
    check_rate,
    finite_on_host,
    on_host,
)

__all__ = ["assume_valid"]
