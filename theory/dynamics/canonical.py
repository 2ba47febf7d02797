"""Cross-view (canonical) correlations ρ_j: generalised eigenvalues of (C₁₂, C₂₂).  [D2]"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import scipy.linalg
from numpy.typing import ArrayLike

from theory.checks import check_number
from theory.dynamics.moments import check_moment_pair

if TYPE_CHECKING:
    from jaxtyping import Float

__all__ = ["Correlations", "correlations"]


@dataclass(frozen=True, kw_only=True)
class Correlations:
    """Generalised eigenvalues of (C₁₂, C₂₂), largest first, and what was dropped on the way.

    Attributes
    ----------
    values : [R]
        ρ_j, R of them: one for each direction that was kept.
    directions : [D, R]
        Columns v_j with v_iᵀ C₂₂ v_j = 1 if i = j, else 0.
    dropped : int
        Directions of zero variance left out, D − R.
    condition : float
        Largest over smallest eigenvalue of C₂₂ among those kept.
    asymmetry : float
        ‖C₁₂ − C₁₂ᵀ‖ / ‖C₁₂ + C₁₂ᵀ‖ (Frobenius): 0 for a symmetrised loss. Only the symmetric part is used.
    """

    values: Float[np.ndarray, " R"]
    directions: Float[np.ndarray, "D R"]
    dropped: int
    condition: float
    asymmetry: float


def correlations(
    cross: ArrayLike,
    second: ArrayLike,
    *,
    rank_tol: float | None = None,
    drop_singular: bool = False,
) -> Correlations:
    """ρ_j: ½(C₁₂ + C₁₂ᵀ) v_j = ρ_j C₂₂ v_j, the cross-view (canonical) correlations.  [D2]

    As many directions grow from uniform as there are ρ_j > τ_t/τ_s: C₁₂/τ_t − C₂₂/τ_s is congruent to
    diag(ρ_j/τ_t − 1/τ_s), and congruence keeps signs (Sylvester). Where C₁₂ is not symmetric the ρ_j of
    its symmetric part still certify decay: if the largest is below τ_t/τ_s everything decays (V = W: the
    numerical range contains the eigenvalues); they no longer count what grows. See `asymmetry`.

    Parameters
    ----------
    cross
        C₁₂, [D, D].
    second
        C₂₂, [D, D], symmetric and positive semi-definite.
    rank_tol
        Eigenvalues of `second` up to rank_tol times the largest count as 0; D times the machine epsilon if
        not given.
    drop_singular
        Leave such directions out instead of raising. Nothing is learnt along them.

    Returns
    -------
    Correlations
        Largest first.

    Raises
    ------
    TypeError, ValueError
        `second` is singular (the message says how many directions); moments that are no moments; unlike
        shapes; NaN or inf; `rank_tol` outside [0, 1].

    Examples
    --------
    Two features, the second one of twice the scale; above τ_t/τ_s = 0.8 nothing is learnt:

    >>> import numpy as np
    >>> from theory.dynamics import correlations
    >>> found = correlations(np.diag([0.3, 3.2]), np.diag([1.0, 4.0]))
    >>> found.values
    array([0.8, 0.3])
    >>> found.condition, found.asymmetry, found.dropped
    (4.0, 0.0, 0)
    """
    c12, c22 = check_moment_pair(cross, second)
    tol = None if rank_tol is None else check_number("rank_tol", rank_tol, low=0.0, high=1.0)
    return correlations_kernel(c12, c22, rank_tol=tol, drop_singular=drop_singular)


def correlations_kernel(
    c12: Float[np.ndarray, "D D"],
    c22: Float[np.ndarray, "D D"],
    *,
    rank_tol: float | None = None,
    drop_singular: bool = False,
) -> Correlations:
    """`correlations` for checked input. Raises ValueError where C₂₂ is singular, or no second moment."""
    d = len(c22)
    tol = d * np.finfo(np.float64).eps if rank_tol is None else rank_tol
    power, axes = scipy.linalg.eigh(c22)
    if power[-1] <= 0 or power[0] < -max(tol, 1e-10) * power[-1]:
        raise ValueError(
            f"`second` must be positive semi-definite and not 0, got eigenvalues down to {power[0]:.3g}."
        )
    keep = power > tol * power[-1]
    dropped = int(d - keep.sum())
    if dropped and not drop_singular:
        raise ValueError(
            f"`second` is singular: {dropped} of {d} directions have variance at most {tol * power[-1]:.3g} "
            "and would be dropped. Pass drop_singular=True to work on the others, or use other features."
        )
    symmetric = (c12 + c12.T) / 2
    # Cauchy-Schwarz: without variance there is no covariance. In the null space of C₂₂ rounding reaches √tol.
    null = axes[:, ~keep]
    leak = float(np.abs(null.T @ symmetric @ null).max(initial=0.0))
    if leak > max(tol, 1e-10) * d * power[-1]:
        raise ValueError(f"`cross` must vanish where `second` does (Cauchy-Schwarz), got {leak:.3g} there.")
    whiten = axes[:, keep] / np.sqrt(power[keep])
    values, vectors = scipy.linalg.eigh(whiten.T @ symmetric @ whiten)
    norm = float(np.linalg.norm(symmetric))
    return Correlations(
        values=values[::-1],
        directions=(whiten @ vectors)[:, ::-1],
        dropped=dropped,
        condition=float(power[-1] / power[keep][0]),
        asymmetry=float(np.linalg.norm(c12 - c12.T)) / (2 * norm)
        if norm > 0
        else float(np.abs(c12).max() > 0),
    )
