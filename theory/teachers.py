"""The one table of teachers: how the λ of each follows from a batch, and what is known of it.  `TEACHERS`

======================  ==============================  ==============================================
teacher                 λ                               known as
======================  ==============================  ==============================================
unconstrained           0                               plain self-distillation
centering               log π − z̄/τ = log π − log G     DINO's centering, softmax((z − z̄)/τ)
inverse_prior           log π − log P                   the paper's normalisation; Bayes under label shift
power_mean              log π − log M_s                 s = 0 is centering, s = 1 is inverse_prior
cumulant                log π − log G − ½ Var log p     variance-corrected centering
batch_softmax           log π − log Σ w e^{z/τ}         DINO's softmax over the batch
sinkhorn                t rounds of λ += log π − log m  MSN's; its first round is inverse_prior
projected               the maximiser of the dual       SeLa, SwAV: Sinkhorn run to convergence
======================  ==============================  ==============================================

A moving average keeps, in place of λ, the *statistic* S of the batches, λ = log π − S: the log of a mean, so
that averages over batches, over ranks and over accumulated batches are one operation, the power mean of order
`average_order` (order 0: the arithmetic mean of the logs).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from theory import batches
from theory.batches import Batch, Kernel, Settings, check_batch
from theory.checks import check_count, check_order, reject
from theory.feasibility import check_feasible
from theory.logspace import Array
from theory.tilts import tilt_kernel

if TYPE_CHECKING:
    from jaxtyping import Float

__all__ = ["TEACHERS", "Teacher"]


@dataclass(frozen=True, kw_only=True)
class Teacher:
    """One teacher of the family, r = tilt(softmax(z/τ), λ).

    Attributes
    ----------
    name : str
        Its key in `TEACHERS`.
    label : str
        The name in words.
    settings : tuple of str
        What it needs besides a batch, "order" or "rounds".
    constrained : bool
        λ answers to the batch, so that a constant output is mapped to π.  [T8]
    exact : bool
        Its cluster prior is π, not only near it.  [T3]
    average_order : float or None
        Of the power mean that a moving average takes of its statistic; None: its own `order`.
    in_logits : bool
        The statistic is a mean of raw logits, a centre, and is divided by τ when it is applied.
    of_scores : bool
        The statistic is of e^{z/τ}, not of p: that of a uniform teacher is 0, not −log K.
    pools : bool
        The statistic of two batches together follows from those of each.
    ignores : frozenset of str
        What changes nothing in r: "sample shift", one number added to all logits of a sample;
        "cluster bias", one added to those of a cluster in every sample.  [T6]
    log_tilt_kernel : callable or None
        λ, [..., K], of a checked batch; None: it follows from S.
    statistic_kernel : callable or None
        S, [..., K], of a checked batch; None: it follows from λ.
    """

    name: str
    label: str
    settings: tuple[str, ...] = ()
    constrained: bool = True
    exact: bool = False
    average_order: float | None = 0.0
    in_logits: bool = False
    of_scores: bool = False
    pools: bool = False
    ignores: frozenset[str] = frozenset({"sample shift"})
    log_tilt_kernel: Kernel | None = None
    statistic_kernel: Kernel | None = None

    def __call__(
        self,
        logits: Float[Array, "*batch N K"],
        *,
        temperature: Float[Array, "... 1"] | float = 1.0,
        weights: Float[Array, "*#batch N"] | None = None,
        log_target: Float[Array, "*#batch K"] | None = None,
        order: float | None = None,
        rounds: int | None = None,
    ) -> Float[Array, "*batch N K"]:
        r"""log r(k) = z(k)/τ + λ(k) − log Σⱼ e^{z(j)/τ + λ(j)}: the tilt of softmax(z/τ) by this teacher's λ.

        .. math:: \log r(k) = \frac{z(k)}{\tau} + \lambda(k) - \log \sum_j e^{z(j)/\tau + \lambda(j)}

        Parameters
        ----------
        logits
            z, [..., N, K]; log-probabilities are logits of temperature 1.
        temperature
            τ > 0, a number or an array [..., 1] that broadcasts against `logits`.
        weights
            Of the samples, [..., N], sum 1; None means 1/N.
        log_target
            log π, [..., K], every share positive; None means uniform.
        order
            s, the setting of "power_mean".
        rounds
            ≥ 1, the setting of "sinkhorn".

        Returns
        -------
        array [..., N, K]
            log r, log-probabilities.

        Raises
        ------
        TypeError, ValueError
            Bad arguments, for "centering" also a temperature per sample; a setting that is missing or not of
            this teacher; a cluster without a positive mean.
        InfeasibleTarget, NotConverged
            "projected" only, as `theory.project`.

        Examples
        --------
        >>> import numpy as np
        >>> import theory
        >>> logits = np.array([[2.0, 0.0], [1.0, 0.0]])
        >>> for name in ("unconstrained", "inverse_prior", "projected"):
        ...     log_r = theory.TEACHERS[name](logits, temperature=0.5)
        ...     print(name, np.exp(theory.log_prior(log_r)).round(4))
        unconstrained [0.9314 0.0686]
        inverse_prior [0.5766 0.4234]
        projected [0.5 0.5]
        """
        settings = self.check_settings(order=order, rounds=rounds)
        batch = check_batch(logits, temperature, weights, log_target)
        return tilt_kernel(batch.ensemble.log_p, self._checked(batch, settings), batch.ensemble.xp)

    def log_tilt(
        self,
        logits: Float[Array, "*batch N K"],
        *,
        temperature: Float[Array, "... 1"] | float = 1.0,
        weights: Float[Array, "*#batch N"] | None = None,
        log_target: Float[Array, "*#batch K"] | None = None,
        order: float | None = None,
        rounds: int | None = None,
    ) -> Float[Array, "*batch K"]:
        """λ(k) of a batch of raw logits, up to a constant, in nats.

        Parameters
        ----------
        logits
            z, [..., N, K]; log-probabilities are logits of temperature 1.
        temperature
            τ > 0, a number or an array [..., 1] that broadcasts against `logits`.
        weights
            Of the samples, [..., N], sum 1; None means 1/N.
        log_target
            log π, [..., K], every share positive; None means uniform.
        order
            s, the setting of "power_mean".
        rounds
            ≥ 1, the setting of "sinkhorn".

        Returns
        -------
        array [..., K]
            λ, in nats.

        Raises
        ------
        TypeError, ValueError
            Bad arguments, for "centering" also a temperature per sample; a setting that is missing or not of
            this teacher; a cluster without a positive mean.
        InfeasibleTarget, NotConverged
            "projected" only, as `theory.project`.

        Examples
        --------
        >>> import numpy as np
        >>> import theory
        >>> logits = np.array([[2.0, 0.0], [1.0, 0.0]])
        >>> theory.TEACHERS["power_mean"].log_tilt(logits, temperature=0.5, order=0.5).round(4)
        array([-0.6213,  2.1637])
        """
        settings = self.check_settings(order=order, rounds=rounds)
        return self._checked(check_batch(logits, temperature, weights, log_target), settings)

    def check_settings(self, *, order: float | None, rounds: int | None, tol: float = 1e-9) -> Settings:
        """The settings given, where they are those that this teacher needs."""
        for name, value in (("order", order), ("rounds", rounds)):
            if (value is None) == (name in self.settings):
                owner = next(teacher.name for teacher in TEACHERS.values() if name in teacher.settings)
                raise ValueError(
                    f"`{name}` must be given for teacher {owner!r} and for no other, got {value} "
                    f"for {self.name!r}."
                )
        s = None if order is None else check_order(order)
        return Settings(s, None if rounds is None else check_count("rounds", rounds), tol)

    # -- on checked input, for training loops ------------------------------------------------------

    def statistic_of(self, batch: Batch, settings: Settings) -> Float[Array, "*batch K"]:
        """S, [..., K]."""
        if self.statistic_kernel is not None:
            return self.statistic_kernel(batch, settings)
        return batch.ensemble.log_target - self.log_tilt_of(batch, settings)

    def log_tilt_of(self, batch: Batch, settings: Settings) -> Float[Array, "*batch K"]:
        """λ, [..., K]."""
        if self.log_tilt_kernel is not None:
            return self.log_tilt_kernel(batch, settings)
        statistic = self.statistic_of(batch, settings)
        return self.applied(statistic, batch.temperature, batch.ensemble.log_target)

    def order_of_average(self, settings: Settings) -> float:
        """The order of the power mean that averages statistics: the table's, or else the setting."""
        return next(order for order in (self.average_order, settings.order) if order is not None)

    def applied(
        self, statistic: Array, temperature: Array | float, log_target: Array
    ) -> Float[Array, "*batch K"]:
        """λ = log π − S, S divided by τ where it is in units of logits."""
        if self.in_logits:
            statistic = (statistic[..., None, :] / temperature)[..., 0, :]
        return log_target - statistic

    def _checked(self, batch: Batch, settings: Settings) -> Float[Array, "*batch K"]:
        xp = batch.ensemble.xp
        shape = tuple(getattr(batch.temperature, "shape", ()))
        if self.in_logits and len(shape) > 1 and shape[-2] > 1:
            raise ValueError(
                f"`temperature` must be one for all samples for teacher {self.name!r}, got shape {shape}."
            )
        if self.exact:
            check_feasible(batch.ensemble, name="logits")
        log_tilt = self.log_tilt_of(batch, settings)
        rule = f"give every cluster a positive mean for teacher {self.name!r}"
        reject("logits", ~xp.isfinite(log_tilt), rule, "0", xp)
        return log_tilt


def check_teacher(teacher: str | Teacher) -> Teacher:
    """The teacher of that name, or the one given."""
    if isinstance(teacher, Teacher):
        return teacher
    if not isinstance(teacher, str) or teacher not in TEACHERS:
        raise ValueError(f"`teacher` must be one of {', '.join(TEACHERS)}, got {teacher!r}.")
    return TEACHERS[teacher]


_BOTH = frozenset({"sample shift", "cluster bias"})

TEACHERS: Mapping[str, Teacher] = MappingProxyType({
    teacher.name: teacher
    for teacher in (
        Teacher(
            name="unconstrained", label="unconstrained", constrained=False, log_tilt_kernel=batches.zero_of,
        ),
        Teacher(
            name="centering", label="centering", in_logits=True, of_scores=True, pools=True,
            ignores=_BOTH, statistic_kernel=batches.center_of,
        ),
        Teacher(
            name="inverse_prior", label="inverse prior", average_order=1.0, pools=True,
            statistic_kernel=batches.log_power_mean_of,
        ),
        Teacher(
            name="power_mean", label="power mean", settings=("order",), average_order=None, pools=True,
            statistic_kernel=batches.log_power_mean_of,
        ),
        Teacher(name="cumulant", label="cumulant", log_tilt_kernel=batches.cumulant_of),
        Teacher(
            name="batch_softmax", label="softmax over the batch", average_order=1.0, of_scores=True,
            pools=True, ignores=frozenset({"cluster bias"}), statistic_kernel=batches.log_batch_sum_of,
        ),
        Teacher(name="sinkhorn", label="Sinkhorn", settings=("rounds",), log_tilt_kernel=batches.sinkhorn_of),
        Teacher(
            name="projected", label="projected", exact=True, ignores=_BOTH,
            log_tilt_kernel=batches.projected_of,
        ),
    )
})  # fmt: skip
"""Name → teacher.

:meta hide-value:
"""
