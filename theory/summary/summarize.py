"""`theory.summarize`: one pass over an array, a file or a stream of blocks."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from os import PathLike
from typing import TYPE_CHECKING

import numpy as np

from theory.checks import check_number, check_scores, reject
from theory.checks.arrays import reads_values
from theory.logspace import Array
from theory.summary.one_pass import Part
from theory.summary.record import Summary
from theory.summary.sources import Rows, parts_of

if TYPE_CHECKING:
    from jaxtyping import Float

__all__ = ["summarize"]

WORKERS = 4
"""Threads at most, where there is more than one part; each holds a few blocks."""


def summarize(
    logits: Float[Array, "*batch N K"] | str | PathLike[str] | Iterable[Float[Array, "n K"]],
    *,
    temperature: float = 1.0,
    weights: Float[Array, "*batch N"] | None = None,
) -> Summary:
    r"""log P, J, I, L, H(P) and what else the theory asks of softmax(z/τ), in one pass over the rows.

    .. math::

        p_n(k) = \frac{e^{z_n(k)/\tau}}{\sum_j e^{z_n(j)/\tau}}, \qquad P = \frac{\sum_n w_n p_n}{\sum_n w_n}

    One exponential an element, computed in the precision of the logits and added in float64, in blocks that
    stay in cache: beyond the input it takes 8 MiB a thread and what the K clusters need. More than 2²⁴ logits
    go in parts, on up to four threads. A memory-mapped array is read once, in order; where two shards are on
    two machines, the sum of their summaries is that of both. A number that has lost its digits by
    cancellation is computed again from the rows it needs.

    Parameters
    ----------
    logits
        z, [..., N, K], finite or −inf, all leading axes samples; an array of any library (bfloat16 too), the
        path of a .npy, .npz, .pt or .safetensors file, which is mapped, a pattern or a list of paths, one
        under another, or an iterable of arrays [n, K], or of pairs (z, w).
    temperature
        τ > 0; log-probabilities are logits of temperature 1.
    weights
        Of the samples, [..., N], not negative, of any positive sum; None means 1 each.

    Returns
    -------
    Summary
        Numbers that can be added to those of other samples: `a + b`.

    Raises
    ------
    TypeError, ValueError
        Not floating-point; no shape [..., N, K] with K ≥ 2; NaN, +inf or a row of −inf only; blocks of unlike
        K; weights that do not fit, are negative or all 0; τ ≤ 0; nothing in the iterable.

    Examples
    --------
    >>> import numpy as np
    >>> import theory
    >>> logits = np.random.default_rng(0).normal(size=(1000, 8))
    >>> whole = theory.summarize(logits, temperature=0.5)
    >>> print(f"{whole.mutual_information:.4f} {whole.lautum_information:.4f} {whole.samples}")
    0.8887 1.3946 1000
    >>> parts = sum(theory.summarize(part, temperature=0.5) for part in np.split(logits, [100, 700]))
    >>> bool(np.allclose(parts.log_prior, whole.log_prior, rtol=1e-12, atol=0))
    True
    """
    tau = check_number("temperature", temperature, low=0.0, open_low=True)
    found: Summary | int = 0
    checked = reads_values("logits")
    if weights is not None:
        reads_values("weights")
    parts = _numbered(parts_of(logits, weights))
    for part in _in_order(parts, partial(_summary, tau=tau, checked=checked)):
        found = part + found
    if isinstance(found, int):
        raise ValueError("`logits` must hold at least one block with a sample of positive weight, got none.")
    return found


def _numbered(parts: Iterator[Rows]) -> Iterator[tuple[int, Rows]]:
    """Each part with the number of its first row."""
    start = 0
    for part in parts:
        yield start, part
        start += len(part[0])


def _in_order(
    parts: Iterator[tuple[int, Rows]], work: Callable[..., Summary | int]
) -> Iterator[Summary | int]:
    """`work` of each part, a few parts at a time: NumPy's loops leave the interpreter to other threads."""
    first = next(parts, None)
    if first is None:
        return
    second = next(parts, None)
    if second is None:
        yield work(*first)
        return
    workers = min(WORKERS, os.cpu_count() or 1)
    with ThreadPoolExecutor(workers) as pool:
        begun = deque(pool.submit(work, *part) for part in (first, second))
        for part in parts:
            begun.append(pool.submit(work, *part))
            if len(begun) > workers:
                yield begun.popleft().result()
        while begun:
            yield begun.popleft().result()


def _summary(start: int, part: Rows, *, tau: float, checked: bool) -> Summary | int:
    """Of one part; 0 where all its weights are. What is wrong in it is said with the row it starts at."""
    try:
        return _checked_summary(*part, tau=tau, checked=checked)
    except ValueError as failure:
        if not start:
            raise
        raise ValueError(f"{failure} (Counted from row {start}.)") from None


def _checked_summary(
    rows: np.ndarray, weights: np.ndarray | None, *, tau: float, checked: bool
) -> Summary | int:
    if weights is None:
        weights = np.ones(len(rows))
    elif not ((weights > 0) & (weights < np.inf)).all():
        reject("weights", ~np.isfinite(weights), "be finite", weights, np)
        reject("weights", weights < 0, "not be negative", weights, np)
        rows, weights = rows[weights > 0], weights[weights > 0]
        if not len(rows):
            return 0
    part = Part(rows, weights, tau)
    if checked and not part.finite:
        check_scores("logits", rows, np)
    return part.summary()
