"""The loss of masked patch tokens, as in iBOT and DINOv2: a variable number of them in each image."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import Tensor

from theory.checks import check_plain
from theory.nn.counter import Counter
from theory.nn.criterion import Criterion, settings_of
from theory.nn.door import check_tensor
from theory.nn.pairs import pair_cross_entropy
from theory.teachers import Teacher

if TYPE_CHECKING:
    from jaxtyping import Bool, Float

__all__ = ["MaskedPatchLoss"]


class MaskedPatchLoss(Criterion):
    r"""Mean over images of the mean over their masked tokens of H(r, q), r from the unmasked image.  [O2]

    .. math:: \frac1B \sum_b \frac1{M_b} \sum_{p \text{ masked in } b} -\sum_k r_{bp}(k) \log q_{bp}(k)

    An image without a masked token adds 0, and counts among the B. Both networks see the same view, the
    student with tokens masked: several views of an image are images of the batch.

    Parameters
    ----------
    teacher
        A name in `theory.TEACHERS`, or a `theory.Teacher`. "centering" with momentum=0.9 is iBOT.
    clusters
        K ≥ 2.
    momentum
        Of the teacher's moving average, in [0, 1]; None takes the statistic of the tokens at hand.
    teacher_temperature
        τ_t > 0, or a function of the step such as `Schedule`. The step counts updates.
    student_temperature
        τ_s > 0, or such a function.
    normalized_by
        The tokens that the teacher's statistic is of, evenly: "all" of every image as in iBOT, or the
        "masked" ones as in DINOv2. Packed tokens are all that there are.
    manual_update
        The average and the step move only when `update` is called. False moves them after every forward in
        training mode.
    **options
        order, rounds, log_target, tol, validate, process_group: those of `TeacherNormalizer`.

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
    J. Zhou et al., "iBOT: image BERT pre-training with online tokenizer", arXiv:2111.07832 (2022).
    M. Oquab et al., "DINOv2: learning robust visual features without supervision", arXiv:2304.07193 (2023).

    Examples
    --------
    >>> import torch
    >>> from theory.nn import MaskedPatchLoss
    >>> criterion = MaskedPatchLoss("centering", clusters=2)
    >>> tokens = torch.tensor([[[0.2, 0.0], [0.0, 0.1]], [[0.3, 0.0], [0.0, 0.3]]])
    >>> mask = torch.tensor([[True, True], [False, True]])
    >>> print(f"{criterion(tokens, tokens, mask):.4f} nats")
    0.1575 nats
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
        normalized_by: Literal["all", "masked"] = "all",
        manual_update: bool = False,
        **options: Any,
    ) -> None:
        if normalized_by not in ("all", "masked"):
            raise ValueError(f"`normalized_by` must be 'all' or 'masked', got {normalized_by!r}.")
        if options.get("batch_shape"):
            raise ValueError(f"`batch_shape` must be () for patches, got {options['batch_shape']}.")
        super().__init__(
            teacher,
            clusters=clusters,
            momentum=momentum,
            teacher_temperature=teacher_temperature,
            student_temperature=student_temperature,
            manual_update=manual_update,
            **options,
        )
        self.normalized_by = normalized_by

    @classmethod
    def like(cls, system: str, **given: Any) -> MaskedPatchLoss:
        """The loss with the teacher and temperatures (before warm-up) of a published system.

        Parameters
        ----------
        system
            A name in `theory.systems.SYSTEMS`: "ibot", "dinov2", …
        **given
            Arguments of the loss that go before those published: clusters, say, or a schedule.

        Returns
        -------
        MaskedPatchLoss
            As published, but for what is given.

        Raises
        ------
        ValueError
            An unknown system.

        Examples
        --------
        >>> from theory.nn import MaskedPatchLoss
        >>> MaskedPatchLoss.like("dinov2", clusters=64).normalizer.teacher.label
        'Sinkhorn on e^{z/τ}'
        """
        settings = settings_of(system, given)
        moving = settings["momentum"] is not None
        return cls(**{"normalized_by": "all" if moving else "masked"} | settings)

    def forward(
        self,
        student: Float[Tensor, "B P K"] | Float[Tensor, "M K"],
        teacher: Float[Tensor, "B P K"] | Float[Tensor, "M K"],
        mask: Bool[Tensor, "B P"] | None = None,
        *,
        weights: Float[Tensor, " M"] | None = None,
    ) -> Float[Tensor, ""]:
        """The loss of raw logits, in nats; it is differentiated in the student's.

        Parameters
        ----------
        student
            [B, P, K] with a mask; or the masked tokens alone, packed, [M, K], M ≥ 0.
        teacher
            Of the shape of the student's: the same tokens of the unmasked image.
        mask
            [B, P], True where the student's token was masked.
        weights
            Of packed tokens, [M]: 1/(B M_b) for a token of image b gives the mean above. 1/M if not given.

        Returns
        -------
        Float[Tensor, ""]
            0 where no token is masked: then the average stays, and no gradient flows.

        Raises
        ------
        TypeError, ValueError
            Tensors that do not fit each other or `clusters`; a mask with packed tokens, weights without.
        """
        self._check(student, teacher, mask, weights)
        tau_t, tau_s = self._temperatures()
        everything = None
        if mask is not None:
            of_image = mask.sum(dim=1, keepdim=True).clamp(min=1)
            weights = (mask / of_image / len(mask)).to(torch.float32)
            if self.normalized_by == "all":
                everything = teacher.flatten(0, 1)
            if torch.compiler.is_compiling():  # a number of rows that depends on data would break the graph
                keep: Any = slice(None)
                student, teacher, weights = student.flatten(0, 1), teacher.flatten(0, 1), weights.flatten()
                if everything is None:
                    raise RuntimeError(
                        "torch.compile needs normalized_by='all', or packed tokens: how many tokens are "
                        "masked depends on data."
                    )
            else:
                keep = mask
                student, teacher, weights = student[keep], teacher[keep], weights[keep]
        rows = student.shape[0]
        r = self.normalizer.probabilities(teacher, temperature=tau_t, seen=everything)
        if weights is not None:
            r = r * (weights.to(r.dtype) * rows)[:, None]
        self._updated()
        if rows == 0:
            return student.sum().to(r.dtype) * 0.0
        return pair_cross_entropy(r[None], [student], temperature=tau_s, shared=0)

    def _check(self, student: Tensor, teacher: Tensor, mask: Tensor | None, weights: Tensor | None) -> None:
        for name, value in (("student", student), ("teacher", teacher)):
            check_tensor(name, value)
        if mask is not None and not isinstance(mask, Tensor):
            raise TypeError(f"`mask` must be a tensor of bool, got {type(mask).__name__}.")
        if mask is not None and not torch.compiler.is_compiling():
            check_plain("mask", mask)
        wanted = 3 if mask is not None else 2
        if student.ndim != wanted or student.shape != teacher.shape:
            shape = "[B, P, K] with a mask" if wanted == 3 else "[M, K] without a mask"
            raise ValueError(
                f"`student` and `teacher` must have shape {shape}, got {tuple(student.shape)} and "
                f"{tuple(teacher.shape)}."
            )
        if mask is not None and (mask.dtype != torch.bool or mask.shape != student.shape[:2]):
            raise ValueError(
                f"`mask` must be of bool and shape {tuple(student.shape[:2])}, got {mask.dtype} and "
                f"{tuple(mask.shape)}."
            )
        if weights is not None:
            check_tensor("weights", weights)
        if weights is not None and (mask is not None or weights.shape != student.shape[:1]):
            raise ValueError(
                f"`weights` must go with packed tokens, {tuple(student.shape[:1])}, got "
                f"{tuple(weights.shape)}{' with a mask' if mask is not None else ''}."
            )
