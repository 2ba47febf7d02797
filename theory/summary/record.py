"""What one pass over an ensemble leaves: numbers that two parts of it can be merged from, without loss."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from theory.divergences import cross_entropy_kernel, kl_kernel
from theory.ensembles import jensen_gap_kernel
from theory.logspace import careful_log_mean_exp

if TYPE_CHECKING:
    from jaxtyping import Float, Int

__all__ = ["Summary"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Summary:
    """An ensemble softmax(z/τ) in numbers that do not grow with its samples; float64, nats.  [O3, J1, J5, E1]

    `a + b` is the summary of both ensembles together, each with its weight: what the numbers of the whole
    are made of is never negative (between the parts, and within them), so nothing cancels, and any cut in
    any order gives the same digits: 12 of float64 logits, 6 of float32, whose exponentials have 7. A gap J
    near 0 hangs on differences of log P between the parts, and is off by √(2 J) times a rounding of it.
    `sum` of summaries works too. Samples of weight 0 are not in it.

    Attributes
    ----------
    samples : int
        N, of positive weight.
    weight : float
        Σ w, N where no weights were given.
    temperature : float
        τ.
    log_prior : [K]
        log P, P = Σ w p/Σ w.
    jensen_gap : [K]
        J = log P − log G.
    mutual_information : float
        I(X;K).
    entropy : float
        Mean of H(pₙ).
    entropy_square : float
        Mean of H(pₙ)², nats².
    dispersion : [K]
        cv² = Var p/P².
    lowest : [K]
        Least log p(k).
    highest : [K]
        Largest log p(k).
    largest_count : [K], int
        Samples in which cluster k is the largest.
    """

    samples: int
    weight: float
    temperature: float
    log_prior: Float[np.ndarray, " K"]
    jensen_gap: Float[np.ndarray, " K"]
    mutual_information: float
    entropy: float
    entropy_square: float
    dispersion: Float[np.ndarray, " K"]
    lowest: Float[np.ndarray, " K"]
    highest: Float[np.ndarray, " K"]
    largest_count: Int[np.ndarray, " K"]

    @property
    def clusters(self) -> int:
        """K."""
        return len(self.log_prior)

    @property
    def log_geometric_mean(self) -> Float[np.ndarray, " K"]:
        """log G = Σ w log p/Σ w, not normalised; −inf where some p is 0."""
        return self.log_prior - self.jensen_gap

    @property
    def prior_entropy(self) -> float:
        """H(P)."""
        return float(cross_entropy_kernel(self.log_prior, self.log_prior, np))

    @property
    def lautum_information(self) -> float:
        """L(X;K) = Σ P J."""
        used = self.log_prior > -np.inf
        return float(np.exp(self.log_prior[used]) @ self.jensen_gap[used])

    @property
    def jeffreys_information(self) -> float:
        """I + L."""
        return self.mutual_information + self.lautum_information

    @property
    def log_range(self) -> Float[np.ndarray, " K"]:
        """R = highest − lowest; 0 where p is 0 in all samples."""
        never = self.highest == -np.inf
        return np.where(never, 0.0, self.highest) - np.where(never, 0.0, self.lowest)

    def inverse_prior_log_tilt(
        self, log_target: Float[np.ndarray, " K"] | None = None
    ) -> Float[np.ndarray, " K"]:
        """λ = log π − log P of the inverse-prior teacher; log π uniform where None."""
        return self._target(log_target) - self.log_prior

    def centering_log_tilt(
        self, log_target: Float[np.ndarray, " K"] | None = None
    ) -> Float[np.ndarray, " K"]:
        """λ = log π − log G of the centred teacher; log π uniform where None."""
        return self._target(log_target) - self.log_geometric_mean

    def _target(self, log_target: Float[np.ndarray, " K"] | None) -> Any:
        return -np.log(self.clusters) if log_target is None else log_target

    def __add__(self, other: Summary | int) -> Summary:
        if isinstance(other, int) and other == 0:  # the start of `sum`
            return self
        if not isinstance(other, Summary):
            return NotImplemented
        for name in ("clusters", "temperature"):
            mine, its = getattr(self, name), getattr(other, name)
            if mine != its:
                raise ValueError(f"summaries to be added must agree in `{name}`, got {mine:g} and {its:g}.")
        return _merged(self, other)

    __radd__ = __add__


def _merged(a: Summary, b: Summary) -> Summary:
    weight = a.weight + b.weight
    share = np.array([a.weight, b.weight]) / weight
    log_priors = np.stack([a.log_prior, b.log_prior])
    log_prior = careful_log_mean_exp(log_priors, share, np)

    def mean(name: str) -> Any:
        return share @ np.stack([getattr(a, name), getattr(b, name)])

    with np.errstate(invalid="ignore"):
        ratio = np.where(log_prior > -np.inf, np.expm1(log_priors - log_prior), 0.0)
    spread = share @ ((1.0 + ratio) ** 2 * np.stack([a.dispersion, b.dispersion]) + ratio**2)
    between = share @ kl_kernel(log_priors, log_prior[None], np)
    return Summary(
        samples=a.samples + b.samples,
        weight=weight,
        temperature=a.temperature,
        log_prior=log_prior,
        jensen_gap=jensen_gap_kernel(log_priors, share, np) + mean("jensen_gap"),
        mutual_information=float(between + mean("mutual_information")),
        entropy=float(mean("entropy")),
        entropy_square=float(mean("entropy_square")),
        dispersion=spread,
        lowest=np.minimum(a.lowest, b.lowest),
        highest=np.maximum(a.highest, b.highest),
        largest_count=a.largest_count + b.largest_count,
    )
