"""Cross-view moments C₁₂ and C₂₂ of features: all that the loss sees of them near uniform.  [D2]

The loss pairs a student view with a teacher view of the same sample. Near uniform its gradient sees the
features φ through two matrices only:

    C₂₂ = E φ_student φ_studentᵀ
    C₁₂ = E φ_student φ_teacherᵀ               without a constraint on the teacher
    C₁₂ = E φ_student (φ_teacher − E φ_teacher)ᵀ   with one: the teacher ignores what is common to all samples

For a symmetrised loss (every ordered pair of different views, as DINO sums over its crops) C₁₂ is
symmetric and −C₂₂ ≤ C₁₂ ≤ C₂₂, hence ∣ρ_j∣ ≤ 1. A loss that runs one way between unlike views (small
crops to the student only) has neither property; `directed=True` measures it as it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from theory.checks import check_number, check_weights, finite_on_host, on_host

if TYPE_CHECKING:
    from jaxtyping import Float

__all__ = ["CrossViewMoments", "cross_view_moments"]


@dataclass(frozen=True, kw_only=True)
class CrossViewMoments:
    """Running moments of the features of paired views; `update` and `merge` return new ones.

    Means and *centred* second moments are kept, and merged by the pairwise rule of Chan, Golub and LeVeque
    (1983), so that a large common mean costs no digits and the order of batches does not matter.

    Attributes
    ----------
    mass : float
        Samples seen, or the total of the `mass` given.
    views : int
        How many views of each sample.
    directed : bool
        False: every ordered pair of views counts. True: student's view first, teacher's second.
    student_mean : [D]
        φ̄_s.
    teacher_mean : [D]
        φ̄_t; `student_mean` unless `directed`.
    covariance : [D, D]
        E (φ_s − φ̄_s)(φ_s − φ̄_s)ᵀ.
    cross_covariance : [D, D]
        E (φ_s − φ̄_s)(φ_t − φ̄_t)ᵀ.

    References
    ----------
    Chan, Golub and LeVeque, The American Statistician 37(3), 1983.
    """

    mass: float
    views: int
    directed: bool
    student_mean: Float[np.ndarray, " D"]
    teacher_mean: Float[np.ndarray, " D"]
    covariance: Float[np.ndarray, "D D"]
    cross_covariance: Float[np.ndarray, "D D"]

    def update(
        self, *views: ArrayLike, weights: ArrayLike | None = None, mass: float | None = None
    ) -> CrossViewMoments:
        """These moments after one more batch.

        Parameters
        ----------
        *views
            As many as before, [N, D] each, row n of each a view of sample n.
        weights
            Of the samples, [N], sum 1; 1/N if not given.
        mass
            The weight of the batch in the stream; N if not given.

        Returns
        -------
        CrossViewMoments
            Of the stream and the batch together.

        Raises
        ------
        TypeError, ValueError
            What `cross_view_moments` refuses; another number of views or of features than before.
        """
        return self.merge(moments_kernel(_check_batch(views, weights, mass, self.directed)))

    def merge(self, other: CrossViewMoments) -> CrossViewMoments:
        """Both streams together: S = (n_a S_a + n_b S_b)/n + (n_a n_b/n²) δ δᵀ, δ the difference of means.

        Parameters
        ----------
        other
            Moments of other samples, with as many views and features, and as `directed` as these.

        Returns
        -------
        CrossViewMoments
            Of all samples; `mass` is the sum of both.

        Raises
        ------
        ValueError
            The two differ in their number of views or features, or in `directed`.
        """
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

    def second(self, *, bias: bool = True) -> Float[np.ndarray, "M M"]:
        """C₂₂ = E φ φᵀ of the student's view, [M, M]: M = D + 1 with `bias`, which appends the feature 1."""
        return _with_bias(self.covariance, self.student_mean, self.student_mean, bias)

    def cross(self, *, constrained: bool = True, bias: bool = True) -> Float[np.ndarray, "M M"]:
        """C₁₂, [M, M]: centred when the teacher is `constrained`, E φ_s φ_tᵀ when it is not.

        M = D + 1 with `bias`, which appends the feature 1, else D.
        """
        if constrained:
            return np.pad(self.cross_covariance, (0, int(bias)))
        return _with_bias(self.cross_covariance, self.student_mean, self.teacher_mean, bias)


def cross_view_moments(
    *views: ArrayLike,
    weights: ArrayLike | None = None,
    mass: float | None = None,
    directed: bool = False,
) -> CrossViewMoments:
    """C₂₂ = E φ φᵀ and C₁₂ = E φ φ'ᵀ over the paired views of one batch.  [D2]

    Parameters
    ----------
    *views
        Two or more arrays [N, D], row n of each a view of sample n, without the constant feature. Every
        ordered pair of different views counts once, as student and teacher.
    weights
        Of the samples, [N], sum 1; 1/N if not given.
    mass
        The weight of the batch in a stream; N if not given.
    directed
        Two views, the student's first and the teacher's second, and only this pair counts.

    Returns
    -------
    CrossViewMoments
        With methods `second` and `cross` for C₂₂ and C₁₂, `update` and `merge` for streams.

    Raises
    ------
    TypeError, ValueError
        Fewer than two views, unlike shapes, NaN or inf, squares that overflow, bad weights, mass ≤ 0.

    Examples
    --------
    Two views of a feature ±1 that agree on six samples of eight:

    >>> import numpy as np
    >>> from theory.dynamics import cross_view_moments
    >>> first = np.array([[1, 1, 1, 1, -1, -1, -1, -1]]).T
    >>> second = np.array([[1, 1, 1, -1, -1, -1, -1, 1]]).T
    >>> moments = cross_view_moments(first, second)
    >>> moments.cross(), moments.second()
    (array([[0.5, 0. ],
           [0. , 0. ]]), array([[1., 0.],
           [0., 1.]]))
    >>> moments.update(first, first).cross(bias=False)
    array([[0.75]])
    """
    return moments_kernel(_check_batch(views, weights, mass, directed))


def check_moment_pair(
    cross: ArrayLike, second: ArrayLike
) -> tuple[Float[np.ndarray, "D D"], Float[np.ndarray, "D D"]]:
    """(C₁₂, C₂₂) as finite [D, D] matrices, the second one symmetric."""
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


class PairedViews(NamedTuple):
    """Checked views [N, D], their weights [N], what the batch counts for, and how its views are paired."""

    views: Sequence[Float[np.ndarray, "N D"]]
    weights: Float[np.ndarray, " N"]
    mass: float
    directed: bool


def _check_batch(
    views: Sequence[ArrayLike], weights: ArrayLike | None, mass: float | None, directed: bool
) -> PairedViews:
    if len(views) < 2:
        raise ValueError(f"`views` must be two or more arrays [N, D], got {len(views)}.")
    if directed and len(views) != 2:
        raise ValueError(f"`views` must be two, student's and teacher's, if `directed`, got {len(views)}.")
    phi = [finite_on_host(f"views[{i}]", view) for i, view in enumerate(views)]
    for i, view in enumerate(phi):
        if view.ndim != 2 or not view.size:
            raise ValueError(f"`views[{i}]` must have shape [N, D], not empty, got shape {view.shape}.")
        if view.shape != phi[0].shape:
            raise ValueError(
                f"`views[{i}]` must have the shape of `views[0]`, {phi[0].shape}, got {view.shape}."
            )
    w = None if weights is None else on_host("weights", weights)
    return PairedViews(
        views=phi,
        weights=check_weights(w, phi[0], np, "views[0]"),
        mass=float(len(phi[0])) if mass is None else check_number("mass", mass, low=0.0, open_low=True),
        directed=directed,
    )


def moments_kernel(batch: PairedViews) -> CrossViewMoments:
    """`cross_view_moments` for checked input. Raises ValueError where a square overflows."""
    phi, w, mass, directed = batch
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
        mass=mass,
        views=len(phi),
        directed=directed,
        student_mean=student_mean,
        teacher_mean=teacher_mean,
        covariance=(covariance + covariance.T) / 2,
        cross_covariance=cross,
    )


def _with_bias(
    covariance: Float[np.ndarray, "D D"],
    left: Float[np.ndarray, " D"],
    right: Float[np.ndarray, " D"],
    bias: bool,
) -> Float[np.ndarray, "M M"]:
    """E (φ, 1)(φ', 1)ᵀ from the centred moment and the two means."""
    raw = covariance + np.outer(left, right)
    return np.block([[raw, left[:, None]], [right[None, :], np.ones((1, 1))]]) if bias else raw
