"""The clustering loss of self-distillation, H(r, q) over pairs of views, for any teacher of the family."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from theory.checks import check_number
from theory.nn.counter import Counter
from theory.nn.normalizer import TeacherNormalizer
from theory.nn.pairs import pair_cross_entropy
from theory.nn.schedules import value_at
from theory.teachers import Teacher

if TYPE_CHECKING:
    from jaxtyping import Float

__all__ = ["ClusterDistillationLoss"]


class ClusterDistillationLoss(nn.Module):
    """Mean over pairs of different views (i, j) of Σₙ H(rₙⁱ, qₙʲ)/N, r the constrained teacher.  [O2]

    In place of DINO's loss, with the inverse-prior teacher instead of the centred one::

        criterion = ClusterDistillationLoss("inverse_prior", clusters=65536, momentum=0.9)
        for crops in loader:
            loss = criterion([student(x) for x in crops], [teacher(x) for x in crops[:2]])
            optimizer.zero_grad(); loss.backward(); optimizer.step()
            update_teacher(student, teacher)

    Save and restore it with the rest of the run: its moving average and step are in `state_dict()`.
    With gradient accumulation pass manual_update=True and call `criterion.update()` after each
    `optimizer.step()`. Moving averages see every micro-batch; teachers "by the batch" (momentum=None) are
    normalised by the micro-batch.

    Parameters
    ----------
    teacher
        A name in `theory.TEACHERS`, or a `theory.Teacher`. "centering" with momentum=0.9 is DINO.
    clusters
        K ≥ 2.
    momentum
        Of the teacher's moving average, in [0, 1]; None takes the statistic of the batch itself.
    teacher_temperature, student_temperature
        τ_t, τ_s > 0, or functions of the step such as `Schedule`. The step counts updates.
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
    equation 3: the pairs of views.

    Examples
    --------
    >>> import torch
    >>> from theory.nn import ClusterDistillationLoss
    >>> criterion = ClusterDistillationLoss("inverse_prior", clusters=2, momentum=None)
    >>> views = [torch.tensor([[0.2, 0.0], [0.1, 0.0], [0.3, 0.0]]) for _ in range(2)]
    >>> print(f"{criterion(views, views):.4f} nats")
    0.5569 nats
    """

    def __init__(
        self,
        teacher: str | Teacher = "centering",
        *,
        clusters: int,
        momentum: float | Tensor | None = 0.9,
        teacher_temperature: float | Callable[[int], float] = 0.04,
        student_temperature: float | Callable[[int], float] = 0.1,
        manual_update: bool = False,
        **options: Any,
    ) -> None:
        super().__init__()
        self.steps = Counter()
        self.teacher_temperature, self.student_temperature = teacher_temperature, student_temperature
        for name in ("teacher_temperature", "student_temperature"):
            self._temperature(name)
        self.normalizer = TeacherNormalizer(
            teacher, clusters=clusters, momentum=momentum, manual_update=True, **options
        )
        self.manual_update = manual_update

    def forward(
        self,
        student: Float[Tensor, "*batch N K"] | Sequence[Float[Tensor, "*batch N K"]],
        teacher: Float[Tensor, "*batch N K"] | Sequence[Float[Tensor, "*batch N K"]],
    ) -> Float[Tensor, "*batch"]:
        """The loss of raw logits, in nats; it is differentiated in the student's.

        Parameters
        ----------
        student, teacher
            Lists of views [..., N, K], the teacher's views first among the student's: the i-th of both is one
            view, and a pair of it with itself is left out. Two tensors are one pair: split DINO's
            concatenated outputs, `student_output.chunk(n_crops)` and `teacher_output.chunk(2)`.

        Returns
        -------
        Float[Tensor, "*batch"]
            One number for each ensemble of `batch_shape`.

        Raises
        ------
        TypeError, ValueError
            Views that do not fit each other or `clusters`; a schedule whose temperature is not positive now.
        """
        if isinstance(student, Tensor) != isinstance(teacher, Tensor):
            raise TypeError("`student` and `teacher` must be both a tensor or both a list of views.")
        one_pair = isinstance(student, Tensor)
        students, teachers = _views(student), _views(teacher)
        self._check(students, teachers, one_pair)
        tau_t, tau_s = self.temperatures
        r = self.normalizer.probabilities(torch.cat(teachers, dim=-2), temperature=tau_t)
        r = r.unflatten(-2, (len(teachers), -1))
        total = pair_cross_entropy(r, students, temperature=tau_s, one_pair=one_pair)
        pairs = len(teachers) * (len(students) - (0 if one_pair else 1))
        if self.training and not self.manual_update:
            self.update()
        return total / pairs

    @torch.no_grad()
    def update(self) -> None:
        """Moves the average and counts a step; once for each optimiser step.

        Raises
        ------
        RuntimeError
            No batch was seen since the last one.
        """
        self.normalizer.update()
        self.steps.value += 1

    @property
    def temperatures(self) -> tuple[float, float]:
        """τ_t and τ_s of the present step."""
        return self._temperature("teacher_temperature"), self._temperature("student_temperature")

    def _temperature(self, name: str) -> float:
        return check_number(name, value_at(getattr(self, name), self.steps.value), low=0.0, open_low=True)

    def _check(self, students: list[Tensor], teachers: list[Tensor], one_pair: bool) -> None:
        if not teachers or len(students) < (1 if one_pair else 2):
            raise ValueError(
                f"`teacher` must hold at least 1 view and `student` 2, "
                f"got {len(teachers)} and {len(students)}."
            )
        if len(teachers) > len(students):
            raise ValueError(
                f"`teacher` must hold no more views than `student`, got {len(teachers)} and {len(students)}."
            )
        for name, views in (("student", students), ("teacher", teachers)):
            for i, view in enumerate(views):
                if view.shape != students[0].shape:
                    raise ValueError(
                        f"`{name}` view {i} must have the shape of the first, {tuple(students[0].shape)}, "
                        f"got {tuple(view.shape)}."
                    )


def _views(logits: Tensor | Sequence[Tensor]) -> list[Tensor]:
    return [logits] if isinstance(logits, Tensor) else list(logits)
