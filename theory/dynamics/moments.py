"""Cross-view moments C₁₂ and C₂₂ of features, and their generalised eigenvalues r_j.  [D2]

The loss pairs a student view with a teacher view of the same sample. Near uniform its gradient sees the
features φ through two matrices only:

    C₂₂ = E φ_student φ_studentᵀ
    C₁₂ = E φ_student φ_teacherᵀ               without a constraint on the teacher
    C₁₂ = E φ_student (φ_teacher − E φ_teacher)ᵀ   with one: the teacher ignores what is common to all samples

For a symmetrised loss (every ordered pair of different views, as DINO sums over its crops) C₁₂ is
symmetric and −C₂₂ ≤ C₁₂ ≤ C₂₂, hence |r_j| ≤ 1. A loss that runs one way between unlike views (small
crops to the student only) has neither property; `directed=True` measures it as it is.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.linalg
from numpy.typing import ArrayLike

from theory.checks import Matrix, check_number, check_weights, finite_on_host, on_host

__all__ = ["Correlations", "CrossViewMoments", "correlations", "cross_view_moments"]


@dataclass(frozen=True, kw_only=True)
class CrossViewMoments:
    """Running moments of the features of paired views; `update` and `merge` return new ones.

    Means and *centred* second moments are kept, and merged by the pairwise rule of Chan, Golub and LeVeque
    (1983), so that a large common mean costs no digits and the order of batches does not matter.
    """

    mass: float
    """Samples seen (or the total of `mass` given)."""
    views: int
    directed: bool
    """False: every ordered pair of views counts. True: student's view first, teacher's second."""
    student_mean: Matrix
    teacher_mean: Matrix
    covariance: Matrix
    """E (φ_s − φ̄_s)(φ_s − φ̄_s)ᵀ, [D, D]."""
    cross_covariance: Matrix
    """E (φ_s − φ̄_s)(φ_t − φ̄_t)ᵀ, [D, D]."""

    def update(
        self,
        *views: ArrayLike,
        weights: ArrayLike | None = None,
        mass: float | None = None,
    ) -> CrossViewMoments:
        """These moments after one more batch; arguments as in `cross_view_moments`."""
        return self.merge(cross_view_moments(*views, weights=weights, mass=mass, directed=self.directed))

    def merge(self, other: CrossViewMoments) -> CrossViewMoments:
        """Both streams together: S = (n_a S_a + n_b S_b)/n + (n_a n_b/n²) δ δᵀ, δ the difference of means."""
        for name in ("views", "directed"):
            if getattr(self, name) != getattr(other, name):
                raise ValueError(
                    f"`other` must have the same `{name}`, {getattr(self, name)}, got {getattr(other, name)}."
                )
        if self.student_mean.shape != other.student_mean.shape:
            raise ValueError(
                f"`other` must have D = {self.student_mean.size} features, got D = {other.student_mean.size}."
            )
        mass = self.mass + other.mass
        here, there = self.mass / mass, other.mass / mass
        student = other.student_mean - self.student_mean
        teacher = other.teacher_mean - self.teacher_mean
        return CrossViewMoments(
            mass=mass,
            views=self.views,
            directed=self.directed,
            student_mean=self.student_mean + there * student,
            teacher_mean=self.teacher_mean + there * teacher,
            covariance=here * self.covariance
            + there * other.covariance
            + here * there * np.outer(student, student),
            cross_covariance=here * self.cross_covariance
            + there * other.cross_covariance
            + here * there * np.outer(student, teacher),
        )

    def second(self, *, bias: bool = True) -> Matrix:
        """C₂₂ = E φ φᵀ of the student's view; with `bias` the feature 1 is appended.  [D + 1, D + 1]"""
        return _with_bias(self.covariance, self.student_mean, self.student_mean, bias)

    def cross(self, *, constrained: bool = True, bias: bool = True) -> Matrix:
        """C₁₂: centred when the teacher is `constrained`, E φ_s φ_tᵀ when it is not.  [D + 1, D + 1]"""
        if constrained:
            return np.pad(self.cross_covariance, (0, int(bias)))
        return _with_bias(self.cross_covariance, self.student_mean, self.teacher_mean, bias)


@dataclass(frozen=True, kw_only=True)
class Correlations:
    """Generalised eigenvalues of (C₁₂, C₂₂), largest first, and what was dropped on the way."""

    values: Matrix
    """r_j, [R]."""
    directions: Matrix
    """v_j with v_iᵀ C₂₂ v_j = 1 if i = j, else 0: columns of [D, R]."""
    dropped: int
    """Directions of zero variance left out: D − R."""
    condition: float
    """Largest over smallest eigenvalue of C₂₂ among those kept."""
    asymmetry: float
    """‖C₁₂ − C₁₂ᵀ‖ / ‖C₁₂ + C₁₂ᵀ‖ (Frobenius): 0 for a symmetrised loss. Only the symmetric part is used."""


def cross_view_moments(
    *views: ArrayLike,
    weights: ArrayLike | None = None,
    mass: float | None = None,
    directed: bool = False,
) -> CrossViewMoments:
    """C₂₂ = E φ φᵀ and C₁₂ = E φ φ'ᵀ over the paired views of one batch.

    views: two or more arrays [N, D], row n of each a view of sample n. By default every ordered pair of
    different views counts once, as student and teacher. `directed`: two views, student's first.
    weights: [N], sum 1; None means 1/N.  mass: the batch's weight in a stream, N if not given.
    Raises TypeError, ValueError: fewer than two views, unlike shapes, NaN or inf, bad weights, mass ≤ 0.
    """
    if len(views) < 2:
        raise ValueError(f"`views` must be two or more arrays [N, D], got {len(views)}.")
    if directed and len(views) != 2:
        raise ValueError(f"`views` must be two, student's and teacher's, if `directed`, got {len(views)}.")
    phi = [_features(f"views[{i}]", view) for i, view in enumerate(views)]
    for i, view in enumerate(phi):
        if view.shape != phi[0].shape:
            raise ValueError(
                f"`views[{i}]` must have the shape of `views[0]`, {phi[0].shape}, got {view.shape}."
            )
    n = len(phi[0])
    w = check_weights(
        None if weights is None else on_host("weights", weights),
        phi[0],
        np,
        "views[0]",
    )
    means = [w @ view for view in phi]
    if directed:
        student, teacher = (view - mean for view, mean in zip(phi, means, strict=True))
        student_mean, teacher_mean = means
        covariance = student.T @ (w[:, None] * student)
        cross = student.T @ (w[:, None] * teacher)
    else:
        student_mean = teacher_mean = sum(means) / len(phi)
        centred = [view - student_mean for view in phi]
        own = sum(view.T @ (w[:, None] * view) for view in centred)
        total = sum(centred)
        covariance = own / len(phi)
        cross = (total.T @ (w[:, None] * total) - own) / (len(phi) * (len(phi) - 1))
        cross = (cross + cross.T) / 2
    if not np.isfinite(covariance).all():
        largest = max(float(np.abs(view).max()) for view in phi)
        raise ValueError(f"`views` must have finite squares, got values up to {largest:.3g}.")
    return CrossViewMoments(
        mass=float(n) if mass is None else check_number("mass", mass, low=0.0, open_low=True),
        views=len(phi),
        directed=directed,
        student_mean=student_mean,
        teacher_mean=teacher_mean,
        covariance=(covariance + covariance.T) / 2,
        cross_covariance=cross,
    )


def correlations(
    cross: ArrayLike,
    second: ArrayLike,
    *,
    rank_tol: float | None = None,
    drop_singular: bool = False,
) -> Correlations:
    """r_j: ½(C₁₂ + C₁₂ᵀ) v_j = r_j C₂₂ v_j, the cross-view (canonical) correlations.  [D2]

    As many directions grow from uniform as there are r_j > τ_t/τ_s: C₁₂/τ_t − C₂₂/τ_s is congruent to
    diag(r_j/τ_t − 1/τ_s), and congruence keeps signs (Sylvester). Where C₁₂ is not symmetric the r_j of
    its symmetric part still certify decay: if the largest is below τ_t/τ_s everything decays (V = W: the
    numerical range contains the eigenvalues); they no longer count what grows. See `asymmetry`.

    cross, second: [D, D]; `second` symmetric, positive semi-definite.
    rank_tol: eigenvalues of `second` up to rank_tol times the largest count as 0; D·eps if None.
    drop_singular: leave such directions out instead of raising. Nothing is learnt along them.
    Raises ValueError: singular `second` (says how many directions), moments that are no moments, shapes, NaN.
    """
    c12, c22 = moment_pair(cross, second)
    d = len(c22)
    tol = (
        d * np.finfo(np.float64).eps
        if rank_tol is None
        else check_number("rank_tol", rank_tol, low=0.0, high=1.0)
    )
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


def moment_pair(cross: ArrayLike, second: ArrayLike) -> tuple[Matrix, Matrix]:
    """Checked (C₁₂, C₂₂): finite [D, D] matrices, the second one symmetric."""
    c12, c22 = on_host("cross", cross), on_host("second", second)
    for name, matrix in (("second", c22), ("cross", c12)):
        if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or not matrix.size:
            raise ValueError(f"`{name}` must have shape [D, D], got shape {matrix.shape}.")
        if not np.isfinite(matrix).all():
            raise ValueError(f"`{name}` must be finite, got NaN or inf.")
    if c12.shape != c22.shape:
        raise ValueError(f"`cross` must have the shape of `second`, {c22.shape}, got {c12.shape}.")
    if np.abs(c22 - c22.T).max() > 1e-10 * np.abs(c22).max():
        raise ValueError(f"`second` must be symmetric, got a difference of {np.abs(c22 - c22.T).max():.3g}.")
    return c12, (c22 + c22.T) / 2


def _features(name: str, view: ArrayLike) -> Matrix:
    phi = finite_on_host(name, view)
    if phi.ndim != 2 or not phi.size:
        raise ValueError(f"`{name}` must have shape [N, D], not empty, got shape {phi.shape}.")
    return phi


def _with_bias(covariance: Matrix, left: Matrix, right: Matrix, bias: bool) -> Matrix:
    """E (φ, 1)(φ', 1)ᵀ from the centred moment and the two means."""
    raw = covariance + np.outer(left, right)
    return np.block([[raw, left[:, None]], [right[None, :], np.ones((1, 1))]]) if bias else raw
