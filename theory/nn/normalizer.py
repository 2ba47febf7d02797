"""The teacher after its constraint, r = tilt(softmax(z/τ), λ), as a module with moving averages.

The table of `theory.teachers` says what is kept of a batch, how λ follows from it and how batches are
averaged; `theory.nn.averages` averages.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch
from array_api_compat import torch as xp
from torch import Tensor

from theory.checks import check_count, check_number, check_target, namespace
from theory.logspace import normalize
from theory.nn.averages import Averaging, MovingMean, mean_over_ranks
from theory.nn.door import (
    check_batch_shape,
    check_momenta,
    check_shape,
    check_values,
    in_words,
    refuse_accumulation,
    widened,
)
from theory.nn.opaque import any_statistic
from theory.nn.ranks import gather_rows
from theory.nn.statistics import tilted_softmax
from theory.teachers import Teacher, check_teacher
from theory.tilts import tilt_kernel

if TYPE_CHECKING:
    from jaxtyping import Float

__all__ = ["TeacherNormalizer"]


class TeacherNormalizer(Averaging):
    r"""log r of teacher logits [..., N, K], for one of `theory.TEACHERS`.

    .. math::
        \begin{gathered}
        r_n(k) = \frac{e^{z_n(k)/\tau + \lambda(k)}}{\sum_j e^{z_n(j)/\tau + \lambda(j)}}, \\
        \lambda = \log\pi - S, \quad S \leftarrow m\,S + (1 - m)\,S_{\text{batch}}
        \end{gathered}

    with S what the teacher takes from a batch: for "centering" the mean of :math:`\log p` (that of z/τ,
    but for a constant), for "inverse_prior" the log of the mean of p.

    With a momentum the order is DINO's: the old average is applied, then moved to m·old + (1 − m)·batch, from
    the statistic of a uniform teacher (c₀ = 0). So m = 0 means the batch *before*, which is not None. What is
    averaged is the statistic of the table: P for inverse_prior, :math:`e^{z/\tau}` for batch_softmax,
    :math:`P^s` for power_mean (all in log space), the logs of the others.

    In eval mode nothing moves. Under torch.distributed the statistic is that of all ranks' batches together,
    which may differ in size; a teacher that does not pool ("cumulant", "sinkhorn", "projected") gathers the
    logits for that. A batch without samples moves nothing. Half-precision logits are computed on in float32.

    A batch whose statistic is not finite (or beyond 2⁶⁴) is left out of the average and counted in `skipped`.
    Cast to half precision, the average and log π stay float32. `state_dict()` records teacher, order and
    rounds; loading it into another teacher is refused. One saved before this record existed loads unchecked,
    also with strict=True.

    Parameters
    ----------
    teacher
        A name in `theory.TEACHERS`, or a `theory.Teacher`.
    clusters
        K ≥ 2.
    momentum
        m in [0, 1] of the moving average over batches, a number or a tensor that broadcasts to
        ``[*batch_shape, 1]``. None takes the statistic of the batch itself.
    order
        s of "power_mean", which needs it, and no other teacher.
    rounds
        Of "sinkhorn", which needs them, and no other teacher.
    log_target
        log π, [K] or ``[*batch_shape, K]``; uniform if not given.
    batch_shape
        Leading axes of independent ensembles; () for one training run.
    manual_update
        The average moves only when `update` is called, by all batches seen since: for gradient accumulation.
        False moves it after every forward in training mode. A teacher that does not pool refuses a second
        batch before the update: the statistic of both together does not follow from those of each.
    tol
        Marginal error of "projected".
    validate
        Look at the values of logits and temperature too (NaN, +inf); on an accelerator that waits for it.
    process_group
        The ranks to average over; all where None.

    Attributes
    ----------
    teacher : Teacher
        The row of the table.
    moving : MovingMean or None
        The moving average of the statistic S, λ = log π − S; None without a momentum, and for a teacher that
        is not constrained. `moving.average` is DINO's centre for "centering".
    log_target : Tensor, [..., K]
        log π.

    Raises
    ------
    TypeError, ValueError
        A bad argument, named.

    References
    ----------
    M. Caron et al., "Emerging properties in self-supervised vision transformers", arXiv:2104.14294 (2021),
    equation 4: the moving centre.

    Examples
    --------
    >>> import torch
    >>> from theory.nn import TeacherNormalizer
    >>> normalizer = TeacherNormalizer("inverse_prior", clusters=2)
    >>> normalizer(torch.tensor([[2.0, 0.0], [1.0, 0.0], [3.0, 0.0]])).exp()
    tensor([[0.5565, 0.4435],
            [0.3159, 0.6841],
            [0.7733, 0.2267]])

    With a momentum the first batch meets the average of a uniform teacher, which tilts nothing:

    >>> normalizer = TeacherNormalizer("centering", clusters=2, momentum=0.9)
    >>> normalizer(torch.tensor([[2.0, 0.0], [1.0, 0.0], [3.0, 0.0]])).exp()
    tensor([[0.8808, 0.1192],
            [0.7311, 0.2689],
            [0.9526, 0.0474]])
    >>> normalizer.moving.average
    tensor([0.2000, 0.0000])
    """

    log_target: Tensor

    def __init__(
        self,
        teacher: str | Teacher,
        *,
        clusters: int,
        momentum: float | Tensor | None = None,
        order: float | None = None,
        rounds: int | None = None,
        log_target: Float[Tensor, "*batch K"] | None = None,
        batch_shape: tuple[int, ...] = (),
        manual_update: bool = False,
        tol: float = 1e-5,
        validate: bool = False,
        process_group: Any = None,
    ) -> None:
        super().__init__()
        self.teacher = check_teacher(teacher)
        tol = check_number("tol", tol, low=0.0, open_low=True)
        self.settings = self.teacher.check_settings(order=order, rounds=rounds, tol=tol)
        self.order = self.teacher.order_of_average(self.settings)
        self.clusters = check_count("clusters", clusters, low=2)
        batch_shape = check_batch_shape(batch_shape)
        if momentum is not None:
            momentum = check_momenta(momentum, batch_shape)
            if math.isinf(self.order):
                raise ValueError(f"`order` must be finite with a moving average, got {self.order}.")
        uniform = torch.full((clusters,), -math.log(clusters))
        if log_target is not None:
            like = uniform.expand(*batch_shape, 1, clusters)
            check_target(log_target, like, namespace(log_target=log_target), of="logits")
        self.register_buffer("log_target", uniform if log_target is None else log_target, persistent=False)
        self.manual_update, self.validate, self.process_group = manual_update, validate, process_group
        self.moving = None
        if momentum is not None and self.teacher.constrained:
            start = torch.zeros(clusters) if self.teacher.of_scores else uniform
            of = in_words(self.teacher, self.settings)
            start = start.repeat(*batch_shape, 1)
            self.moving = MovingMean(start, momentum=momentum, order=self.order, of=of)

    def forward(
        self, logits: Float[Tensor, "*batch N K"], *, temperature: float | Tensor = 1.0
    ) -> Float[Tensor, "*batch N K"]:
        r"""log r(k) = log softmax(z/τ)(k) + λ(k) − log Σⱼ …, without gradient.

        .. math:: \log r(k) = \frac{z(k)}\tau + \lambda(k) - \log \sum_j e^{z(j)/\tau + \lambda(j)}

        Parameters
        ----------
        logits
            z, [..., N, K], raw outputs of the teacher's head.
        temperature
            τ > 0, a number or a tensor [..., 1, 1] of one for each ensemble.

        Returns
        -------
        Float[Tensor, "*batch N K"]
            log r.

        Raises
        ------
        TypeError, ValueError
            Logits of another shape, a bad temperature; with `validate` NaN or +inf in the logits.
        """
        self._check_shape(logits)
        with torch.no_grad():
            z, tau, log_tilt = self._tilt(logits, temperature)
            log_p = normalize(z, xp, tau)
            return log_p if log_tilt is None else tilt_kernel(log_p, log_tilt, xp)

    def probabilities(
        self,
        logits: Float[Tensor, "*batch N K"],
        *,
        temperature: float | Tensor = 1.0,
        seen: Float[Tensor, "*batch L K"] | None = None,
    ) -> Float[Tensor, "*batch N K"]:
        """r itself, in one pass of a softmax: what a loss needs. The average moves as by `forward`.

        Parameters
        ----------
        logits, temperature
            As `forward`; N may be 0, where an image has no masked token.
        seen
            Raw logits that the statistic is of, where these are not `logits`: all tokens, say.

        Returns
        -------
        Float[Tensor, "*batch N K"]
            r, without gradient.

        Raises
        ------
        TypeError, ValueError
            As `forward`.

        Examples
        --------
        >>> import torch
        >>> from theory.nn import TeacherNormalizer
        >>> normalizer = TeacherNormalizer("centering", clusters=2)
        >>> normalizer.probabilities(torch.tensor([[2.0, 0.0], [1.0, 0.0]]))
        tensor([[0.6225, 0.3775],
                [0.3775, 0.6225]])
        """
        self._check_shape(logits, may_be_empty=True)
        with torch.no_grad(), torch.autocast(logits.device.type, enabled=False):
            tilted = self._tilt(logits, temperature, seen)
            return tilted_softmax(*tilted) if logits.shape[-2] else tilted[0]

    def extra_repr(self) -> str:
        return in_words(self.teacher, self.settings, clusters=self.clusters)

    def _check_shape(self, logits: Tensor, *, may_be_empty: bool = False) -> None:
        moved = self.moving if self.training else None
        axes = None if moved is None else tuple(moved.average.shape[:-1])
        check_shape(logits, self.clusters, axes, may_be_empty=may_be_empty)

    def _tilt(
        self, logits: Tensor, temperature: float | Tensor, seen: Tensor | None = None
    ) -> tuple[Tensor, float | Tensor, Tensor | None]:
        """z, τ and the λ to apply to them, None for 0; the average moves."""
        z = widened(logits)
        tau = check_values(z, temperature, validate=self.validate)
        if seen is not None:
            self._check_shape(seen, may_be_empty=True)
        seen = z if seen is None else widened(seen)
        if not self.teacher.constrained:
            return z, tau, None
        moving = self.moving
        statistic = self._statistic(seen, tau)[0] if moving is None else moving.average.to(z.dtype)
        log_tilt = self.teacher.applied(statistic, tau, self.log_target.to(z.dtype))
        if moving is not None and self.training:
            self._see(seen, tau)
        return z, tau, log_tilt

    def _see(self, z: Tensor, temperature: float | Tensor) -> None:
        """The average moves by these logits, now or with the next update."""
        assert self.moving is not None
        if not self.teacher.pools and self.moving.holds:
            refuse_accumulation(self.teacher)
        statistic, samples = self._statistic(z, temperature)
        self.moving.add(statistic, samples=samples)
        if not self.manual_update:
            self.moving.update()

    def _statistic(self, z: Tensor, temperature: float | Tensor) -> tuple[Tensor, Tensor | int]:
        """S of the batches of all ranks together, [..., K], and their samples."""
        if not self.teacher.pools:
            z = gather_rows(z, self.process_group)
        samples = z.shape[-2]
        statistic = any_statistic(self.teacher, self.settings, z, temperature, self.log_target)
        if self.teacher.pools:
            return mean_over_ranks(statistic, samples=samples, order=self.order, group=self.process_group)
        return statistic, samples
