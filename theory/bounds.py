"""How large the Jensen gap of a variable of range R can be.  [J6]"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from theory.checks import namespace, reads_values, reject
from theory.logspace import Array, Namespace, expm1_minus, minus_log1p, power

if TYPE_CHECKING:
    from jaxtyping import Float

__all__ = ["hoeffding_bound", "specht_bound", "variance_bound"]


def specht_bound(log_range: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    r"""log S(e^R) = u − 1 − log u with u = R/(e^R − 1): the largest Jensen gap over a range R.  [J6]

    .. math:: \log S(e^R) = u - 1 - \log u, \qquad u = \frac{R}{e^R - 1}

    Sharp: a two-point distribution at the ends attains it. ~R²/8 for small R, R − 1 − log R for large R;
    finite and accurate for every finite R, +inf at +inf.

    Parameters
    ----------
    log_range
        R ≥ 0, any shape or a float, in nats: `log_range` of an ensemble.

    Returns
    -------
    array, the shape of `log_range`
        log S(e^R), in nats.

    Raises
    ------
    TypeError, ValueError
        Not floating-point; NaN; negative.

    References
    ----------
    Specht, Math. Z. 74, 1960 (ratio of arithmetic to geometric mean).

    Examples
    --------
    >>> import numpy as np
    >>> import theory
    >>> theory.specht_bound(np.array([0.0, 1.0, 10.0, np.inf])).round(4)
    array([0.    , 0.1233, 6.6978,    inf])
    """
    r, xp = _range(log_range)
    moderate = r < 1.0
    s = xp.where(moderate, r, 0.5)
    s = xp.where(s > 0, s, 0.5)
    # u − 1 = −(e^R − 1 − R)/(e^R − 1) keeps its digits; then u − 1 − log u is x − log(1 + x) of it.
    near = minus_log1p(-expm1_minus(s, xp) / xp.expm1(s), xp)
    t = xp.where(moderate | (r == math.inf), 1.0, r)
    far = t * xp.exp(-t) / -xp.expm1(-t) - 1.0 - xp.log(t) + t + xp.log1p(-xp.exp(-t))
    value = xp.where(moderate, xp.where(r > 0, near, 0.0), xp.where(r == math.inf, math.inf, far))
    return _returned(value, log_range)


def hoeffding_bound(log_range: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    r"""R²/8 ≥ log S(e^R): Hoeffding's lemma for the Jensen gap of a variable of range R, in nats.  [J6]

    .. math:: J \le \log S(e^R) \le R^2/8

    Parameters
    ----------
    log_range
        R ≥ 0, any shape or a float, in nats: `log_range` of an ensemble.

    Returns
    -------
    array, the shape of `log_range`
        R²/8, in nats.

    Raises
    ------
    TypeError, ValueError
        Not floating-point; NaN; negative.

    References
    ----------
    Hoeffding, J. Amer. Statist. Assoc. 58, 1963, lemma 1.

    Examples
    --------
    >>> import theory
    >>> theory.hoeffding_bound(1.0)
    0.125
    """
    r, xp = _range(log_range)
    return _returned(power(r, 2, xp) / 8.0, log_range)


def variance_bound(log_range: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    r"""∣J − ½ Var∣ ≤ R³/(36√3), in nats: what half the variance of log p misses of the Jensen gap.  [J6]

    .. math:: \left| J - \tfrac12 \operatorname{Var} \log p \right| \le R^3/(36\sqrt{3})

    J − ½Var = ∫₀¹ ½(1−t)² K‴(t) dt for the cumulant function K, and the third central moment of a variable
    of range R is at most R³/(6√3) in size (two points).

    Parameters
    ----------
    log_range
        R ≥ 0, any shape or a float, in nats: `log_range` of an ensemble.

    Returns
    -------
    array, the shape of `log_range`
        R³/(36√3), in nats.

    Raises
    ------
    TypeError, ValueError
        Not floating-point; NaN; negative.

    Examples
    --------
    >>> import theory
    >>> print(f"{theory.variance_bound(1.0):.4f}")
    0.0160
    """
    r, xp = _range(log_range)
    return _returned(power(r, 3, xp) / (36.0 * math.sqrt(3.0)), log_range)


def _range(log_range: Array) -> tuple[Array, Namespace]:
    if isinstance(log_range, float):
        log_range = np.asarray(log_range)
    xp = namespace(log_range=log_range)
    if reads_values("log_range"):
        reject("log_range", xp.isnan(log_range), "not contain NaN", "NaN", xp)
        reject("log_range", log_range < 0, "not be negative", log_range, xp)
    return log_range, xp


def _returned(value: Array, given: Array) -> Array:
    return float(value) if isinstance(given, float) and not hasattr(given, "dtype") else value
