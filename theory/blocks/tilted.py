"""The tilt of an ensemble with its evidence, of one pass: log r, its marginal, primal and normalisers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from theory.blocks.walk import Exact, Namespace, Walk

if TYPE_CHECKING:
    from jaxtyping import Float

Certified = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def blocked_tilted(
    exact: Exact,
    log_p: Float[np.ndarray, "*batch N K"],
    log_tilt: Float[np.ndarray, "*batch K"],
    weights: Float[np.ndarray, "*batch N"],
    xp: Namespace,
) -> Certified:
    """log r [..., N, K], m [..., K] and, by ensemble, the primal and the mean log normaliser."""
    walk = Walk(log_p)
    b, _, k = walk.shape
    w = walk.weights(weights)
    lam = np.broadcast_to(log_tilt, (*walk.batch, k)).reshape(b, k)
    log_r, m, (primal, log_z) = np.empty(walk.shape, log_p.dtype), np.zeros((b, k)), np.zeros((2, b))
    for i, j, block in walk.blocks():
        kind, w_rows = block.dtype.type, w[i, j]
        shifted = np.add(block, lam[i, None], out=walk.buffer(0, block, kind))
        index = np.argmax(shifted, axis=-1, keepdims=True)
        largest = np.take_along_axis(shifted, index, -1)
        np.subtract(shifted, largest, out=shifted)
        e = walk.exp(shifted, 1)
        np.put_along_axis(e, index, 0.0, -1)
        rest = e.sum(-1)
        np.put_along_axis(e, index, 1.0, -1)
        log_rest = np.log1p(rest)
        found = np.subtract(shifted, log_rest.astype(kind)[..., None], out=shifted)
        log_r[i, j] = found
        shares = w_rows / (1.0 + rest)
        m[i] += (shares[:, None] @ e)[:, 0]
        change = walk.wide(np.subtract(found, block, out=found), 2)
        paid = np.vecdot(e, change)
        if not np.isfinite(paid).all():  # 0 · (−∞ + ∞)
            paid = np.vecdot(e, np.where(e > 0, change, 0.0))
        primal[i] += (shares * paid).sum(-1)
        log_z[i] += (w_rows * (largest[..., 0] + log_rest)).sum(-1)
    return log_r.reshape(log_p.shape), walk.back(m, k), walk.back(primal), walk.back(log_z)
