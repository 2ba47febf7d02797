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

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple

from theory.checks import Ensemble, check_count, check_order, reject
from theory.ensembles import power_mean_kernel
from theory.feasibility import check_feasible
from theory.logspace import Array, log_mean_exp, weighted_mean
from theory.projection import project_kernel
from theory.tilts import check_logits, cumulant_kernel, sinkhorn_kernel, tilt_kernel

__all__ = ["TEACHERS", "Teacher"]


class Batch(NamedTuple):
    """What λ is computed from, checked: raw logits, their temperature, and the ensemble they make."""

    logits: Array
    temperature: Array | float
    ensemble: Ensemble
    even: bool = False
    """All samples weigh the same, so that a plain mean will do."""


class Settings(NamedTuple):
    """What some teachers need besides a batch."""

    order: float | None = None
    """s of "power_mean"."""
    rounds: int | None = None
    """Of "sinkhorn"."""
    tol: float = 1e-9
    """Marginal error of "projected"."""


Kernel = Callable[[Batch, Settings], Array]


@dataclass(frozen=True, kw_only=True)
class Teacher:
    """One teacher of the family, r = tilt(softmax(z/τ), λ).

    name: its key in `TEACHERS`.  label: the name in words.
    settings: what it needs besides a batch, "order" or "rounds".
    constrained: λ answers to the batch, so that a constant output is mapped to π.  [T8]
    exact: its cluster prior is π, not only near it.  [T3]
    average_order: of the power mean that a moving average takes of its statistic; None: its own `order`.
    in_logits: the statistic is a mean of raw logits, a centre, and is divided by τ when it is applied.
    of_scores: the statistic is of e^{z/τ}, not of p: that of a uniform teacher is 0, not −log K.
    pools: the statistic of two batches together follows from those of each.
    ignores: what changes nothing in r: "sample shift", one number added to all logits of a sample;
        "cluster bias", one added to those of a cluster in every sample.  [T6]
    log_tilt_kernel, statistic_kernel: λ or S of a checked batch; the one follows from the other.
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
        logits: Array,
        *,
        temperature: Array | float = 1.0,
        weights: Array | None = None,
        log_target: Array | None = None,
        order: float | None = None,
        rounds: int | None = None,
    ) -> Array:
        """log r, the tilt of softmax(z/τ) by this teacher's λ.

        logits: z, [..., N, K]; log-probabilities are logits of temperature 1.  temperature: τ > 0.
        weights: [..., N], sum 1; None means 1/N.  log_target: log π, [..., K]; None means uniform.
        order, rounds: the setting of "power_mean", of "sinkhorn".  Returns [..., N, K].
        Raises TypeError, ValueError: bad arguments, a setting that is missing or not of this teacher.
        """
        settings = self.check_settings(order=order, rounds=rounds)
        batch = _check_batch(logits, temperature, weights, log_target)
        return tilt_kernel(batch.ensemble.log_p, self._checked(batch, settings), batch.ensemble.xp)

    def log_tilt(
        self,
        logits: Array,
        *,
        temperature: Array | float = 1.0,
        weights: Array | None = None,
        log_target: Array | None = None,
        order: float | None = None,
        rounds: int | None = None,
    ) -> Array:
        """λ of a batch of raw logits, [..., K], up to a constant.  Arguments and errors as in a call."""
        settings = self.check_settings(order=order, rounds=rounds)
        return self._checked(_check_batch(logits, temperature, weights, log_target), settings)

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

    def statistic_of(self, batch: Batch, settings: Settings) -> Array:
        """S, [..., K]."""
        if self.statistic_kernel is not None:
            return self.statistic_kernel(batch, settings)
        return batch.ensemble.log_target - self.log_tilt_of(batch, settings)

    def log_tilt_of(self, batch: Batch, settings: Settings) -> Array:
        """λ, [..., K]."""
        if self.log_tilt_kernel is not None:
            return self.log_tilt_kernel(batch, settings)
        statistic = self.statistic_of(batch, settings)
        return self.applied(statistic, batch.temperature, batch.ensemble.log_target)

    def order_of_average(self, settings: Settings) -> float:
        """The order of the power mean that averages statistics: the table's, or else the setting."""
        return next(order for order in (self.average_order, settings.order) if order is not None)

    def applied(self, statistic: Array, temperature: Array | float, log_target: Array) -> Array:
        """λ = log π − S, S divided by τ where it is in units of logits."""
        if self.in_logits:
            statistic = (statistic[..., None, :] / temperature)[..., 0, :]
        return log_target - statistic

    def _checked(self, batch: Batch, settings: Settings) -> Array:
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
    if teacher not in TEACHERS:
        raise ValueError(f"`teacher` must be one of {', '.join(TEACHERS)}, got {teacher!r}.")
    return TEACHERS[teacher]


def _check_batch(
    logits: Array, temperature: Array | float, weights: Array | None, log_target: Array | None
) -> Batch:
    ensemble, tau = check_logits(logits, temperature, weights, log_target)
    return Batch(logits, tau, ensemble, even=weights is None)


def _center(batch: Batch, settings: Settings) -> Array:
    _, weights, _, xp = batch.ensemble
    return xp.mean(batch.logits, axis=-2) if batch.even else weighted_mean(batch.logits, weights, xp)


def _log_power_mean(batch: Batch, settings: Settings) -> Array:
    log_p, weights, _, xp = batch.ensemble
    return power_mean_kernel(log_p, weights, 1.0 if settings.order is None else settings.order, xp)


def _log_batch_sum(batch: Batch, settings: Settings) -> Array:
    return log_mean_exp(batch.logits / batch.temperature, batch.ensemble.weights, batch.ensemble.xp)


def _zero(batch: Batch, settings: Settings) -> Array:
    return batch.ensemble.xp.zeros_like(batch.ensemble.log_p[..., 0, :])


def _cumulant(batch: Batch, settings: Settings) -> Array:
    return cumulant_kernel(batch.ensemble)


def _sinkhorn(batch: Batch, settings: Settings) -> Array:
    return sinkhorn_kernel(batch.ensemble, rounds=settings.rounds or 0)


def _projected(batch: Batch, settings: Settings) -> Array:
    return project_kernel(batch.ensemble, tol=settings.tol).log_tilt


_BOTH = frozenset({"sample shift", "cluster bias"})

TEACHERS: Mapping[str, Teacher] = MappingProxyType({
    teacher.name: teacher
    for teacher in (
        Teacher(name="unconstrained", label="unconstrained", constrained=False, log_tilt_kernel=_zero),
        Teacher(
            name="centering", label="centering", in_logits=True, of_scores=True, pools=True,
            ignores=_BOTH, statistic_kernel=_center,
        ),
        Teacher(
            name="inverse_prior", label="inverse prior", average_order=1.0, pools=True,
            statistic_kernel=_log_power_mean,
        ),
        Teacher(
            name="power_mean", label="power mean", settings=("order",), average_order=None, pools=True,
            statistic_kernel=_log_power_mean,
        ),
        Teacher(name="cumulant", label="cumulant", log_tilt_kernel=_cumulant),
        Teacher(
            name="batch_softmax", label="softmax over the batch", average_order=1.0, of_scores=True,
            pools=True, ignores=frozenset({"cluster bias"}), statistic_kernel=_log_batch_sum,
        ),
        Teacher(name="sinkhorn", label="Sinkhorn", settings=("rounds",), log_tilt_kernel=_sinkhorn),
        Teacher(
            name="projected", label="projected", exact=True, ignores=_BOTH, log_tilt_kernel=_projected,
        ),
    )
})  # fmt: skip
"""Name → teacher.

:meta hide-value:
"""
