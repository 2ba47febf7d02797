"""Where accuracy is measured: a fixed grid of extremes for every public numerical function.

A case is the arguments of one call by name, in float64; what is an array is rounded to float32 for the second
half of the table. Names in `HIDDEN` go to the reference only.
"""

import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from tests.accuracy.balls import floats, known
from tests.accuracy.formulas import FORMULAS

HIDDEN = ("slack", "rounded", "start")
TEMPERATURES = (1e-6, 1e-3, 1.0, 1e3, 1e6)
SAMPLES = 4
FEW, ALL = (2,), (2, 16, 4096)
"""K: of the part of the grid that is measured again in seconds, and of the whole."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """One call: what it is, and its arguments."""

    label: str
    given: dict[str, Any]


Cases = Callable[[str, tuple[int, ...]], Iterator[Case]]
"""The cases of a function for a dtype and numbers of clusters."""


def log_softmax(logits: np.ndarray, dtype: str) -> np.ndarray:
    """Log-probabilities of float logits, each rounded once."""
    return floats(known(FORMULAS["log_softmax"], {"logits": logits, "temperature": 1.0})[""]).astype(dtype)


def uneven(n: int) -> np.ndarray:
    """Weights over twelve orders of magnitude, of sum 1."""
    w = 10.0 ** -np.linspace(0.0, 12.0, n)
    return w / w.sum()


def _apart(seed: int, n: int, k: int) -> np.ndarray:
    """Probabilities to 1e-300: logits down to −690 beside the largest."""
    z = np.random.default_rng(seed).uniform(-690.0, 0.0, (n, k))
    z[:, 0] = 0.0
    return z


ENSEMBLES: dict[str, Callable[[int, int, int], np.ndarray]] = {
    "nearly uniform": lambda seed, n, k: 1e-6 * np.random.default_rng(seed).standard_normal((n, k)),
    "nearly constant": lambda seed, n, k: (
        np.random.default_rng(9).standard_normal(k)
        + 1e-7 * np.random.default_rng(seed).standard_normal((n, k))
    ),
    "moderate": lambda seed, n, k: 2.0 * np.random.default_rng(seed).standard_normal((n, k)),
    "sharp": lambda seed, n, k: 100.0 * np.random.default_rng(seed).standard_normal((n, k)),
    "p to 1e-300": _apart,
}


@functools.cache
def _ensemble(name: str, seed: int, k: int, dtype: str) -> np.ndarray:
    return log_softmax(ENSEMBLES[name](seed, SAMPLES, k).astype(dtype).astype(float), dtype)


def ensembles(dtype: str, clusters: tuple[int, ...]) -> Iterator[tuple[str, dict[str, Any]]]:
    """log p without more, and with weights and a target."""
    for name in ENSEMBLES:
        for k in clusters:
            log_p = _ensemble(name, 0, k, dtype)
            yield f"{name}, K = {k}", {"log_p": log_p}
            given = {"weights": uneven(SAMPLES).astype(dtype), "log_target": _target(k, dtype)}
            yield f"{name}, K = {k}, weights over 12 orders", {"log_p": log_p, **given}


@functools.cache
def _target(k: int, dtype: str) -> np.ndarray:
    return log_softmax(-np.log(np.arange(1.0, k + 1.0)).astype(dtype).astype(float), dtype)


def _only(given: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: x for name, x in given.items() if name in names}


def of_ensembles(*names: str, settings: tuple[dict[str, Any], ...] = ({},)) -> Cases:
    """Cases of a function of log p and those of `names` that are there."""

    def cases(dtype: str, clusters: tuple[int, ...]) -> Iterator[Case]:
        for label, given in ensembles(dtype, clusters):
            for more in settings:
                said = "".join(f", {key} = {x:g}" for key, x in more.items())
                yield Case(label=label + said, given=_only(given, "log_p", *names) | more)

    return cases


def of_pairs(left: str, right: str, *names: str) -> Cases:
    """Cases of two ensembles: another draw of the same kind, and the first itself a rounding off."""

    def cases(dtype: str, clusters: tuple[int, ...]) -> Iterator[Case]:
        for label, given in ensembles(dtype, clusters):
            p = given["log_p"]
            near = p.copy()
            near[0] = np.nextafter(p[0], np.asarray(-np.inf, dtype))
            other = _ensemble(label.partition(", ")[0], 1, p.shape[1], dtype)
            for said, q in (("another draw", other), ("a rounding off", near)):
                more = _only(given, *names)
                yield Case(label=f"{label}, {said}", given={left: p, right: q} | more)

    return cases


def logits(dtype: str, clusters: tuple[int, ...]) -> Iterator[tuple[str, np.ndarray, float]]:
    """Logits of both signs from 1e-6 to 1e6, at every temperature."""
    for k in clusters:
        rng = np.random.default_rng(k)
        sizes = 10.0 ** rng.uniform(-6.0, 6.0, (SAMPLES, k))
        z = (rng.choice([-1.0, 1.0], sizes.shape) * sizes).astype(dtype)
        for tau in TEMPERATURES if k < max(ALL) else TEMPERATURES[::2]:  # what costs minutes is fewer
            yield f"logits to ±1e6, τ = {tau:g}, K = {k}", z, float(np.asarray(tau, dtype))


def of_logits(
    name: str = "logits",
    tau: str = "temperature",
    *,
    extra: tuple[str, ...] = ("weights", "log_target"),
    more: dict[str, Any] | None = None,
) -> Cases:
    """Cases of a function of logits and a temperature, without `extra` and with it."""

    def cases(dtype: str, clusters: tuple[int, ...]) -> Iterator[Case]:
        for label, z, temperature in logits(dtype, clusters):
            given = {name: z, tau: temperature, **(more or {})}
            yield Case(label=label, given=given)
            if extra:
                both = {"weights": uneven(SAMPLES).astype(dtype), "log_target": _target(z.shape[1], dtype)}
                yield Case(label=f"{label}, weights over 12 orders", given=given | _only(both, *extra))

    return cases
