"""The clustering loss of self-distillation, H(r, q) over pairs of views, for any teacher of the family."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from theory.checks import check_count, check_number, check_rank
from theory.nn.counter import Counter
from theory.nn.criterion import Criterion, settings_of
from theory.nn.door import check_tensor
from theory.nn.pairs import pair_cross_entropy
from theory.nn.regularizer import prior_divergence
from theory.teachers import Teacher

if TYPE_CHECKING:
    from jaxtyping import Float

__all__ = ["ClusterDistillationLoss"]

EXTRAS: dict[str, dict[str, Any]] = {"msn": {"me_max": 1.0}, "swav": {"per_view": True}}
"""What a published system does besides its teacher."""


class ClusterDistillationLoss(Criterion):
    r"""Mean over pairs of different views (i, j) of Σₙ H(rₙⁱ, qₙʲ)/N, r the constrained teacher.  [O2]

    .. math::
        \begin{gathered}
        \mathcal L = \frac{1}{\sum_{i \ne j} v_j} \sum_{i \ne j} v_j \, \frac1N \sum_n H(r_n^i, q_n^j), \\
        H(r, q) = -\sum_k r(k) \log q(k), \quad q_n^j = \operatorname{softmax}(z_n^j/\tau_s)
        \end{gathered}

    with :math:`r_n^i` of `TeacherNormalizer` at :math:`\tau_t`; i is a view of the teacher, j of the student.
    The gradient in the student's logits is :math:`(q - r)/\tau_s`, averaged as the loss is.

    In place of DINO's loss; another teacher, "inverse_prior" say, is another word::

        criterion = ClusterDistillationLoss("centering", clusters=65536, momentum=0.9)
        for crops in loader:
            loss = criterion([student(x) for x in crops], [teacher(x) for x in crops[:2]])
            optimizer.zero_grad(); loss.backward(); optimizer.step()
            update_teacher(student, teacher)

    `ClusterDistillationLoss.like("dinov2")` has the teacher and the temperatures of a published system.

    Which momentum: in toy runs batch size and averaging change little from 16 samples on; there
    `momentum=None`, the batch itself, has no lag and nothing to tune. Below, a moving average is worth
    B (1 + m)/(1 − m) samples [E2], as long as it keeps up with the teacher: 1 − m at least
    (1 − m_t)(τ_s/τ_t − 1)/m_t is enough at any learning rate up to Kτ_s² [D4], under Adam at any [D6].

    Save and restore it with the rest of the run: its moving average and step are in `state_dict()`. With
    gradient accumulation pass manual_update=True and call `criterion.update()` after each `optimizer.step()`:
    moved at every one of n micro-batches, an average of momentum m has mⁿ per optimiser step. Moving averages
    of teachers that pool see every micro-batch as one batch, the others refuse a second one; teachers "by the
    batch" (momentum=None) are normalised by the micro-batch.

    A step costs, beside the matrix product of the head, three exponentials a teacher logit and two a student
    logit, and keeps r and the logits; times beside lightly's are in benchmarks/RESULTS.md. `torch.compile`
    makes one graph of it; schedules then need manual_update=True.

    Parameters
    ----------
    teacher
        A name in `theory.TEACHERS`, or a `theory.Teacher`. "centering" with momentum=0.9 is DINO.
    clusters
        K ≥ 2.
    momentum
        Of the teacher's moving average, in [0, 1]; None takes the statistic of the batch itself.
    teacher_temperature
        τ_t > 0, or a function of the step such as `Schedule`. The step counts updates.
    student_temperature
        τ_s > 0, or such a function.
    shared_views
        How many of the first student views are the teacher's views, in order: a pair of one with itself is
        left out. All teacher views if not given, as in DINO; 0 where the student sees none of them, local or
        masked crops only.
    view_weights
        v_j > 0 of each student view, the pairs' weights in the mean; even if not given.
    per_view
        The teacher's statistic is of each of its views by itself, as in SwAV, not of all together, as in DINO
        and DINOv2; needs momentum=None.
    me_max
        Adds this times KL(q̄ ‖ π), q̄ the mean of all student outputs on all ranks: for a uniform π MSN's
        log K − H(q̄). 0 adds nothing.
    manual_update
        The average and the step move only when `update` is called. False moves them after every forward in
        training mode.
    **options
        order, rounds, log_target, batch_shape, tol, validate, process_group: those of `TeacherNormalizer`.

    Attributes
    ----------
    normalizer : TeacherNormalizer
        The teacher, with its moving average.
    steps : Counter
        The updates made.

    Raises
    ------
    TypeError, ValueError
        A bad argument, named.

    References
    ----------
    M. Caron et al., "Emerging properties in self-supervised vision transformers", arXiv:2104.14294 (2021),
    equation 3: the pairs of views. M. Assran et al., "Masked Siamese networks", arXiv:2204.07141 (2022).

    Examples
    --------
    >>> import torch
    >>> from theory.nn import ClusterDistillationLoss
    >>> criterion = ClusterDistillationLoss("inverse_prior", clusters=2, momentum=None)
    >>> views = [torch.tensor([[0.2, 0.0], [0.1, 0.0], [0.3, 0.0]]) for _ in range(2)]
    >>> print(f"{criterion(views, views):.4f} nats")
    0.5569 nats
    """

    steps: Counter

    def __init__(
        self,
        teacher: str | Teacher = "centering",
        *,
        clusters: int,
        momentum: float | Tensor | None = 0.9,
        teacher_temperature: float | Callable[[int], float] = 0.04,
        student_temperature: float | Callable[[int], float] = 0.1,
        shared_views: int | None = None,
        view_weights: Sequence[float] | None = None,
        per_view: bool = False,
        me_max: float = 0.0,
        manual_update: bool = False,
        **options: Any,
    ) -> None:
        super().__init__(
            teacher,
            clusters=clusters,
            momentum=momentum,
            teacher_temperature=teacher_temperature,
            student_temperature=student_temperature,
            manual_update=manual_update,
            **options,
        )
        self.shared_views = None if shared_views is None else check_count("shared_views", shared_views, low=0)
        if per_view and momentum is not None:
            raise ValueError(f"`momentum` must be None with `per_view`, got {momentum}.")
        self.per_view = per_view
        self.me_max = check_number("me_max", me_max, low=0.0)
        self.view_weights = None
        if view_weights is not None:
            if not isinstance(view_weights, Sequence | Tensor) or not len(view_weights):
                kind = type(view_weights).__name__
                raise TypeError(f"`view_weights` must be numbers, one for each student view, got {kind}.")
            self.view_weights = [
                check_number("view_weights", v, low=0.0, open_low=True) for v in view_weights
            ]

    @classmethod
    def like(cls, system: str, **given: Any) -> ClusterDistillationLoss:
        """The loss with the teacher, temperatures (before warm-up) and regulariser of a published system.

        Parameters
        ----------
        system
            A name in `theory.systems.SYSTEMS`.
        **given
            Arguments of the loss that go before those published: clusters, say, or a schedule.

        Returns
        -------
        ClusterDistillationLoss
            As published, but for what is given.

        Raises
        ------
        ValueError
            An unknown system.

        Examples
        --------
        >>> from theory.nn import ClusterDistillationLoss
        >>> ClusterDistillationLoss.like("msn", clusters=64).temperatures
        (0.025, 0.1)
        """
        return cls(**EXTRAS.get(system, {}) | settings_of(system, given))

    def forward(
        self,
        student: Float[Tensor, "*batch N K"] | Sequence[Float[Tensor, "*batch N K"]],
        teacher: Float[Tensor, "*batch N K"] | Sequence[Float[Tensor, "*batch N K"]],
        *,
        weights: Float[Tensor, " N"] | None = None,
    ) -> Float[Tensor, "*batch"]:
        r"""The loss of raw logits, in nats; it is differentiated in the student's.

        .. math:: \mathcal L + \mathtt{me\_max} \cdot \mathrm{KL}(\bar q \,\|\, \pi)

        Parameters
        ----------
        student
            A list of views [..., N, K], those that are the teacher's too first (`shared_views`), or one
            tensor. DINO's concatenated outputs are `student_output.chunk(n_crops)`.
        teacher
            A list of views, `teacher_output.chunk(2)` in DINO, or one tensor: two tensors are one pair, of
            different views.
        weights
            wₙ ≥ 0 of the samples, [N], in place of 1/N; they are taken as they are.

        Returns
        -------
        Float[Tensor, "*batch"]
            One number for each ensemble of `batch_shape`.

        Raises
        ------
        TypeError, ValueError
            Views that do not fit each other or `clusters`; weights that do not fit them; a schedule whose
            temperature is not positive now.

        Examples
        --------
        A uniform student pays log K, whatever the teacher:

        >>> import torch
        >>> from theory.nn import ClusterDistillationLoss
        >>> criterion = ClusterDistillationLoss("centering", clusters=4)
        >>> loss = criterion(torch.zeros(8, 4), torch.randn(8, 4))
        >>> print(f"{loss:.4f}, log 4 = {torch.tensor(4.0).log():.4f}")
        1.3863, log 4 = 1.3863
        """
        if isinstance(student, Tensor) != isinstance(teacher, Tensor):
            raise TypeError("`student` and `teacher` must be both a tensor or both a list of views.")
        students, teachers = _views("student", student), _views("teacher", teacher)
        shared = 0 if isinstance(student, Tensor) else self._shared(len(students), len(teachers))
        self._check(students, teachers, weights)
        tau_t, tau_s = self._temperatures()
        if self.per_view:
            r = self.normalizer.probabilities(torch.stack(teachers), temperature=tau_t).movedim(0, -3)
        else:
            r = self.normalizer.probabilities(torch.cat(teachers, dim=-2), temperature=tau_t)
            r = r.unflatten(-2, (len(teachers), -1))
        if weights is not None:
            r = r * (weights * len(weights)).to(r.dtype)[:, None]
        total = pair_cross_entropy(
            r, students, temperature=tau_s, shared=shared, view_weights=self.view_weights
        )
        loss = total / self._pairs(len(students), len(teachers), shared)
        if self.me_max:
            group, log_target = self.normalizer.process_group, self.normalizer.log_target
            loss = loss + self.me_max * prior_divergence(students, tau_s, log_target, weights, group)
        self._updated()
        return loss

    def _shared(self, students: int, teachers: int) -> int:
        shared = teachers if self.shared_views is None else self.shared_views
        if shared > min(students, teachers):
            raise ValueError(
                f"`student` must hold the {shared} views that are the teacher's too, first, got {students} "
                f"views for {teachers} of the teacher; shared_views says how many they are."
            )
        if self.view_weights is not None and len(self.view_weights) != students:
            raise ValueError(
                f"`view_weights` must be one for each student view, {students}, got {len(self.view_weights)}."
            )
        if not teachers or students * teachers == shared:
            raise ValueError(
                f"`teacher` must hold at least 1 view and `student` another one, got {teachers} and "
                f"{students}, of which {shared} are shared."
            )
        return shared

    def _pairs(self, students: int, teachers: int, shared: int) -> float:
        """Their weights in all."""
        v = [1.0] * students if self.view_weights is None else self.view_weights
        return sum(v[j] * (teachers - (j < shared)) for j in range(students))

    def _check(self, students: list[Tensor], teachers: list[Tensor], weights: Tensor | None) -> None:
        check_rank("student", students[0], 2)
        for name, views in (("student", students), ("teacher", teachers)):
            for i, view in enumerate(views):
                if view.shape != students[0].shape:
                    raise ValueError(
                        f"`{name}` view {i} must have the shape of the first, {tuple(students[0].shape)}, "
                        f"got {tuple(view.shape)}: crops that come concatenated are x.chunk(n_crops)."
                    )
        wanted = tuple(students[0].shape[-2:-1])
        if weights is not None and tuple(check_tensor("weights", weights).shape) != wanted:
            raise ValueError(f"`weights` must have shape {wanted}, one a sample, got {tuple(weights.shape)}.")


def _views(name: str, logits: Tensor | Sequence[Tensor]) -> list[Tensor]:
    if isinstance(logits, Tensor):
        return [check_tensor(name, logits)]
    if isinstance(logits, str | dict) or not isinstance(logits, Iterable):
        raise TypeError(f"`{name}` must be a tensor or a list of views, got {type(logits).__name__}.")
    return [check_tensor(f"{name}[{i}]", view) for i, view in enumerate(logits)]
