"""What later systems changed: CAPI's Sinkhorn for each position, PMSN's power-law target.  [T5, T2]"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from theory.checks import check_count, check_number, check_rank, namespace
from theory.logspace import Array, normalize
from theory.systems.scalings import scores_kernel

if TYPE_CHECKING:
    from jaxtyping import Float

__all__ = ["capi", "power_law_log_target"]


def capi(
    logits: Float[Array, "N P K"],
    *,
    temperature: float = 0.06,
    rounds: int = 3,
) -> Float[Array, "N P K"]:
    r"""log r of `dinov2`, each position by itself: the samples of a position share the clusters evenly.  [T5]

    .. math::

        r_{np}(k) \propto \pi(k)\, r_{np}(k) \Big/ \sum_m w_m r_{mp}(k),
        \qquad r_{np}(k) = e^{z_{np}(k)/\tau} \text{ at the start}

    Sinkhorn over all tokens together would let clusters stand for positions. The reference code adds 1e-8 to
    each sum; this function does not. That differs where a sample, after the first division by its clusters'
    sums, keeps no more than some 1e-8 of any cluster: there it loses weight.

    Parameters
    ----------
    logits
        z, [N, P, K], of N images at P positions, finite or −inf.
    temperature
        τ > 0.
    rounds
        Of Sinkhorn, ≥ 1; they end on the samples.

    Returns
    -------
    array [N, P, K]
        log r, log-probabilities.

    Raises
    ------
    TypeError, ValueError
        Not floating-point logits of three axes, K < 2, NaN or +inf; τ ≤ 0, or too small for z/τ to be finite;
        rounds < 1.

    References
    ----------
    Darcet et al., arXiv 2502.08769; facebookresearch/capi, model.py and default_pretrain_config.yaml.

    Examples
    --------
    >>> import numpy as np
    >>> import theory
    >>> logits = np.array([[[2.0, 0.0], [0.0, 3.0]], [[1.0, 0.0], [0.0, 2.0]]])
    >>> r = np.exp(theory.systems.capi(logits, temperature=1.0, rounds=20))
    >>> r.mean(axis=0).round(3)
    array([[0.5, 0.5],
           [0.5, 0.5]])
    """
    rounds = check_count("rounds", rounds)
    temperature = check_number("temperature", temperature, low=0.0, open_low=True)
    xp, turned = namespace(logits=logits), (1, 0, 2)
    if logits.ndim != 3:
        raise ValueError(f"`logits` must have shape [N, P, K], got {tuple(logits.shape)}.")
    check_rank("logits", logits, 3)
    log_r = scores_kernel("logits", xp.permute_dims(logits, turned), temperature, rounds, None, None)
    return xp.permute_dims(log_r, turned)


def power_law_log_target(clusters: int, *, exponent: float = 0.25) -> Float[np.ndarray, " K"]:
    r"""log π(k) = −e log k − log Σⱼ j⁻ᵉ: PMSN's prior, for classes that are not even.  [T2]

    .. math:: \log \pi(k) = -e \log k - \log \sum_j j^{-e}

    Parameters
    ----------
    clusters
        K ≥ 2.
    exponent
        e ≥ 0; 0 is uniform.

    Returns
    -------
    array [K]
        log π, falling; as `log_target` of any teacher.

    Raises
    ------
    TypeError, ValueError
        K < 2, a negative exponent.

    References
    ----------
    Assran et al., arXiv 2210.07277; the exponent is that of lightly's PMSNLoss.

    Examples
    --------
    >>> import theory
    >>> theory.systems.power_law_log_target(4, exponent=1.0).round(4)
    array([-0.734 , -1.4271, -1.8326, -2.1203])
    """
    clusters, e = check_count("clusters", clusters, low=2), check_number("exponent", exponent, low=0.0)
    log_target: np.ndarray = normalize(-e * np.log(np.arange(1.0, clusters + 1.0)), np)
    return log_target
