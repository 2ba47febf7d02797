"""Which conventions some code followed, told from what it produced: targets, and centres before and after."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np

from theory.checks import check_count, check_floating, check_number, check_rank, on_host
from theory.logspace import Array
from theory.systems.candidates import Given, center_ways, per_position_ways, position_ways, target_ways

if TYPE_CHECKING:
    from jaxtyping import Float

__all__ = ["Conventions", "Match", "which_system"]

CLOSE = {2: 4e-3, 4: 1e-4, 8: 1e-7}
"""Largest `Match.difference` that is rounding; by the bytes of a number."""


@dataclass(frozen=True, kw_only=True)
class Match:
    """One way to have computed it, and how far what it gives is from what was there.

    Attributes
    ----------
    name : str
        The way, in words.
    mistake : bool
        It is none of the published ones, but a known slip.
    difference : float
        Largest |difference|: of probabilities over the largest of them, or of centres over the spread of the
        logits' means.
    matches : bool
        No further than rounding.
    """

    name: str
    mistake: bool
    difference: float
    matches: bool


@dataclass(frozen=True, kw_only=True)
class Conventions:
    """What targets and centres were found to be; `str` is the report.

    Attributes
    ----------
    targets : tuple of Match
        Ways to have computed the targets, nearest first; empty if none were given.
    centers : tuple of Match
        Ways to have moved the centre, nearest first; empty if it was not given before and after.
    """

    targets: tuple[Match, ...]
    centers: tuple[Match, ...]

    @property
    def mistakes(self) -> tuple[str, ...]:
        """Slips that explain what was there, where no published way does."""
        return self._slips(alone=True)

    @property
    def possible_mistakes(self) -> tuple[str, ...]:
        """Slips that these numbers do not tell from a published way that explains them too."""
        return self._slips(alone=False)

    def _slips(self, *, alone: bool) -> tuple[str, ...]:
        return tuple(
            match.name
            for found in (self.targets, self.centers)
            for match in found
            if match.matches and match.mistake
            if alone != any(other.matches and not other.mistake for other in found)
        )

    def __str__(self) -> str:
        return "\n".join([*_told("targets", self.targets), *_told("centre", self.centers)])


def which_system(
    logits: Float[Array, "N K"],
    targets: Float[Array, "N K"] | None = None,
    *,
    temperature: float,
    center: Float[Array, " K"] | None = None,
    next_center: Float[Array, " K"] | None = None,
    momentum: float = 0.9,
    rounds: int = 3,
) -> Conventions:
    """The conventions that some code's teacher follows, and which known mistakes would explain it.

    Every way is computed and compared: no constraint; a centre, that given or the batch's; inverse priors;
    Sinkhorn on scores (DINOv2, SwAV; for each position, CAPI) and on probabilities (MSN); the projected
    teacher (SeLa). Mistakes: a centre subtracted after the division by τ, updated before its use, or added;
    Sinkhorn over an even part of the batch, as on one rank. Of a centre's move: by the mean of logits;
    mistakes: of probabilities, a sum over n processes that was not divided, or divided twice, a momentum to
    the power of n micro-batches, n read off the centre, 1 − m for m, one centre for each position.

    Parameters
    ----------
    logits
        z, [N, K], the teacher's raw outputs of one step; N ≥ 2; or [N, P, K], of tokens at P positions.
    targets
        r, of the shape of z, the probabilities that the student was trained on, or their logs.
    temperature
        τ > 0 of that step.
    center
        c before the step, [K] or with leading axes of 1; [P, K] if there is one for each position.
    next_center
        c after it.
    momentum
        m of the centre, per step.
    rounds
        Of Sinkhorn.

    Returns
    -------
    Conventions
        All ways, nearest first. Several match where the numbers cannot tell them apart: with a centre of 0,
        say, those with a centre and those without.

    Raises
    ------
    TypeError, ValueError
        Arrays that do not fit each other, NaN; neither targets nor both centres; τ ≤ 0; a momentum outside
        [0, 1].

    Examples
    --------
    >>> import numpy as np
    >>> import theory
    >>> z = np.random.default_rng(0).normal(size=(32, 8)) / 3
    >>> c = z.mean(axis=0) / 2
    >>> wrong = np.exp(theory.log_softmax(z / 0.04 - c))  # the centre after the temperature
    >>> theory.systems.which_system(z, wrong, temperature=0.04, center=c).mistakes
    ('centre subtracted after the division by τ',)
    """
    tau = check_number("temperature", temperature, low=0.0, open_low=True)
    m, rounds = check_number("momentum", momentum, low=0.0, high=1.0), check_count("rounds", rounds)
    if targets is None and (center is None or next_center is None):
        raise ValueError("`targets` must be given, or both `center` and `next_center`, got neither.")
    z, precision = _logits(logits), _bytes(logits)
    rows = z.reshape(-1, z.shape[-1])
    shapes = [tuple(getattr(x, "shape", ())) for x in (center, next_center)]
    each = z.ndim == 3 and z.shape[1] > 1 and any(shape[:-1] == z.shape[1:2] for shape in shapes)
    before, after = (
        None if x is None else _center(name, x, z.shape[1:] if each else z.shape[-1:])
        for name, x in (("center", center), ("next_center", next_center))
    )
    given = Given(
        logits=rows,
        temperature=tau,
        center=None if each else before,
        next_center=None if each else after,
        momentum=m,
        rounds=rounds,
    )
    found: tuple[Match, ...] = ()
    if targets is not None:
        r = _probabilities(targets, z)
        ways = chain(target_ways(given), per_position_ways(z, tau, rounds) if z.ndim == 3 else ())
        found = _matched(ways, r, float(r.max()), CLOSE[min(precision, _bytes(targets))])
    moved: tuple[Match, ...] = ()
    if before is not None and after is not None:
        spread = float(np.ptp(rows.mean(axis=0))) or 1.0
        steps = position_ways(z, before, m) if each else center_ways(given)
        moved = _matched(steps, after, spread, CLOSE[min(precision, _bytes(next_center))])
    return Conventions(targets=found, centers=moved)


def _matched(
    ways: Iterable[tuple[str, bool, np.ndarray]], wanted: np.ndarray, scale: float, close: float
) -> tuple[Match, ...]:
    found = []
    for name, mistake, value in ways:
        difference = float(np.abs(value - wanted).max()) / scale
        found.append(Match(name=name, mistake=mistake, difference=difference, matches=difference <= close))
    return tuple(sorted(found, key=lambda match: (match.difference, match.mistake)))


def _told(what: str, found: tuple[Match, ...]) -> Iterator[str]:
    if not found:
        return
    matching = [match for match in found if match.matches]
    if not matching:
        nearest = f"the nearest, {found[0].name}, is {found[0].difference:.2g} off"
        yield f"{what}: none of {len(found)} ways; {nearest}"
    for match in matching:
        kind = "a mistake: " if match.mistake else ""
        yield f"{what}: {kind}{match.name} ({match.difference:.1g} off)"
    if len(matching) > 1:
        yield f"{what}: these numbers do not tell {len(matching)} ways apart"


def _logits(array: Any) -> np.ndarray:
    check_floating("logits", array)
    host = on_host("logits", array)
    check_rank("logits", host, 2)
    if host.ndim not in (2, 3) or len(host) < 2:
        raise ValueError(f"`logits` must have shape [N, K] or [N, P, K] with N at least 2, got {host.shape}.")
    if not np.isfinite(host).all():
        raise ValueError("`logits` must be finite, got NaN or inf.")
    return host


def _center(name: str, array: Any, shape: tuple[int, ...]) -> np.ndarray:
    host = on_host(name, array)
    extra = host.ndim - len(shape)
    if extra < 0 or host.shape[extra:] != shape or set(host.shape[:extra]) - {1}:
        raise ValueError(f"`{name}` must have shape {list(shape)}, got {host.shape}.")
    if not np.isfinite(host).all():
        raise ValueError(f"`{name}` must be finite, got NaN or inf.")
    return host.reshape(shape)


def _probabilities(targets: Any, z: np.ndarray) -> np.ndarray:
    r = on_host("targets", targets)
    if r.shape != z.shape:
        raise ValueError(f"`targets` must have the shape of `logits`, {z.shape}, got {r.shape}.")
    with np.errstate(over="ignore"):
        p = r if (r >= 0).all() else np.exp(r)
    if not (np.abs(p.sum(axis=-1) - 1) < 0.02).all():
        raise ValueError(
            f"`targets` must be probabilities or their logs, got rows that sum to {p.sum(-1).flat[0]:.3g}."
        )
    return p.reshape(-1, z.shape[-1])


def _bytes(array: Any) -> int:
    """Of a number as it came: bfloat16 and float16 are 2."""
    kind = str(getattr(array, "dtype", "float64"))
    return 2 if "16" in kind else 4 if "32" in kind else 8
