"""The cross-entropy of all pairs of views in one differentiable operation that keeps nothing but r.

Rows go through in blocks that stay in cache; the sums of targets are made once a block, for all students; the
backward pass takes the softmax of the logits anew, so that besides the logits and r nothing [N, K] is kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor

from theory.nn.blocks import blocks, buffers, in_blocks, like, scaled

if TYPE_CHECKING:
    from jaxtyping import Float

__all__ = ["pair_cross_entropy"]


def pair_cross_entropy(
    r: Float[Tensor, "*batch T N K"],
    students: Sequence[Float[Tensor, "*batch N K"]],
    *,
    temperature: float | Tensor,
    shared: int | None = None,
    view_weights: Sequence[float] | None = None,
) -> Float[Tensor, "*batch"]:
    r"""Σ over pairs of different views (i, j) of the mean over samples of −Σₖ rⁱ(k) log softmax(zʲ/τ)(k).

    .. math:: \sum_{i \ne j} v_j \frac1N \sum_n -\sum_k r_n^i(k) \log \mathrm{softmax}(z_n^j/\tau)(k)

    0 log 0 = 0, so that a student may rule a cluster out that no teacher uses; else −inf stays infinite. It
    is computed in the dtype of r, and differentiated in the students only: ∂/∂zʲ = (softmax · Σ r − r)/(τN),
    in the dtype of the logits. With create_graph=True it can be differentiated again.

    Parameters
    ----------
    r
        Probabilities of the T teacher views, each [..., N, K], constants of differentiation; rows that sum to
        s count s times.
    students
        z¹, z², …, raw logits.
    temperature
        τ > 0.
    shared
        How many of the first views are the same for both: of these i = j is left out. T if not given.
    view_weights
        v_j of each student view; 1 if not given.

    Returns
    -------
    Float[Tensor, "*batch"]
        In nats, a sum over T · (views) pairs less those left out.

    Examples
    --------
    >>> import torch
    >>> from theory.nn.pairs import pair_cross_entropy
    >>> r = torch.tensor([[[0.5, 0.5]], [[1.0, 0.0]]])
    >>> students = [torch.zeros(1, 2), torch.zeros(1, 2)]
    >>> pair_cross_entropy(r, students, temperature=0.1)
    tensor(1.3863)
    """
    knobs = _Knobs(temperature, r.shape[-3] if shared is None else shared, view_weights)
    if torch.compiler.is_compiling():  # compilers fuse what autograd writes down
        return _whole_loss(r.detach(), students, knobs) / r.shape[-2]
    return _Pairs.apply(r.detach(), knobs, *students)


class _Knobs(NamedTuple):
    """What the pairs are, besides their numbers."""

    temperature: float | Tensor
    shared: int
    view_weights: Sequence[float] | None

    def weight(self, view: int) -> float:
        return 1.0 if self.view_weights is None else self.view_weights[view]


class _Pairs(torch.autograd.Function):
    """Forward and backward in blocks, or whole where the library fuses or the device wants it whole."""

    @staticmethod
    def forward(ctx: Any, r: Tensor, knobs: _Knobs, *students: Tensor) -> Tensor:
        ctx.save_for_backward(r, *students)
        ctx.knobs = knobs
        with torch.autocast(r.device.type, enabled=False):
            total = (_blocked_loss if _blocked(r, knobs) else _whole_loss)(r, students, knobs)
        return total / r.shape[-2]

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        r, *students = ctx.saved_tensors
        wanted, knobs = ctx.needs_input_grad[2:], ctx.knobs
        scale = grad.to(r.dtype) / (knobs.temperature * r.shape[-2])
        again = torch.is_grad_enabled()  # create_graph: what is written in place could not be differentiated
        with torch.autocast(r.device.type, enabled=False):
            gradients = (_blocked_gradients if _blocked(r, knobs) and not again else _whole_gradients)(
                r, students, wanted, knobs, scale
            )
        return None, None, *gradients


def _blocked(r: Tensor, knobs: _Knobs) -> bool:
    return in_blocks(r) and r.shape[-2] > 0 and not isinstance(knobs.temperature, Tensor)


def _targets(r: Tensor, views: int, shared: int) -> list[Tensor | None]:
    """For each student view the sum of r [..., T, N, K] over the others, None where there is none."""
    teachers = r.unbind(dim=-3)
    total = teachers[0] if len(teachers) == 1 else r.sum(dim=-3)
    own: list[Tensor | None] = [None] if len(teachers) == 1 else []
    if len(teachers) == 2:
        own = [teachers[1], teachers[0]]
    elif len(teachers) > 2 and shared:
        own = [sum(teachers[:j] + teachers[j + 1 :], r.new_zeros(())) for j in range(len(teachers))]
    return own[:shared] + [total] * (views - shared)


# -- whole: for accelerators and compilers ---------------------------------------------------------


def _whole_loss(r: Tensor, students: Sequence[Tensor], knobs: _Knobs) -> Tensor:
    loss = r.new_zeros(r.shape[:-3])
    for j, (t, z) in enumerate(zip(_targets(r, len(students), knobs.shared), students, strict=True)):
        if t is not None:
            log_q = torch.log_softmax(z.to(r.dtype) / knobs.temperature, dim=-1)
            loss = loss - knobs.weight(j) * torch.where(t == 0, 0.0, t * log_q).sum(dim=(-2, -1))
    return loss


def _whole_gradients(
    r: Tensor,
    students: Sequence[Tensor],
    wanted: Sequence[bool],
    knobs: _Knobs,
    scale: Tensor,
) -> list[Tensor | None]:
    gradients: list[Tensor | None] = []
    targets = _targets(r, len(students), knobs.shared)
    for j, (t, z, want) in enumerate(zip(targets, students, wanted, strict=True)):
        if t is None or not want:
            gradients.append(torch.zeros_like(z) if want else None)
            continue
        q = torch.softmax(z.to(r.dtype) / knobs.temperature, dim=-1)
        share = (scale * knobs.weight(j))[..., None, None]
        gradients.append(((q * t.sum(dim=-1, keepdim=True) - t) * share).to(z.dtype))
    return gradients


# -- in blocks: for the host -----------------------------------------------------------------------


def _flat(r: Tensor, students: Sequence[Tensor]) -> tuple[Tensor, list[Tensor]]:
    """[B, T, N, K] and views [B, N, K]."""
    return r.reshape(-1, *r.shape[-3:]), [z.reshape(-1, *z.shape[-2:]) for z in students]


def _blocked_loss(r: Tensor, students: Sequence[Tensor], knobs: _Knobs) -> Tensor:
    flat, views = _flat(r, students)
    first, second = buffers(flat, 2)
    loss = flat.new_zeros(flat.shape[0])
    for i, j in blocks((flat.shape[0], *flat.shape[-2:])):
        targets = _targets(flat[i, :, j], len(views), knobs.shared)
        for view, (t, z) in enumerate(zip(targets, views, strict=True)):
            if t is None:
                continue
            x = scaled(z[i, j], knobs.temperature, first)
            log_q = torch._log_softmax(x, -1, False, out=like(second, x))
            used = torch.mul(t, log_q, out=x).sum(dim=(-2, -1))
            if not bool(torch.isfinite(used).all()):  # 0 · −∞ among them
                used = x.masked_fill_(t == 0, 0.0).sum(dim=(-2, -1))
            loss[i] -= used * knobs.weight(view)
    return loss.reshape(r.shape[:-3])


def _blocked_gradients(
    r: Tensor,
    students: Sequence[Tensor],
    wanted: Sequence[bool],
    knobs: _Knobs,
    scale: Tensor,
) -> list[Tensor | None]:
    flat, views = _flat(r, students)
    gradients = [
        torch.empty_like(z, memory_format=torch.contiguous_format) if want else None
        for z, want in zip(students, wanted, strict=True)
    ]
    out = [None if g is None else g.view(-1, *g.shape[-2:]) for g in gradients]
    first, second = buffers(flat, 2)
    minus = [-knobs.weight(view) * scale.reshape(-1, 1, 1) for view in range(len(views))]
    for i, j in blocks((flat.shape[0], *flat.shape[-2:])):
        targets = _targets(flat[i, :, j], len(views), knobs.shared)
        masses = {id(t): t.sum(dim=-1, keepdim=True) for t in targets if t is not None}
        for view, (t, z, g) in enumerate(zip(targets, views, out, strict=True)):
            if g is None:
                continue
            if t is None:
                g[i, j] = 0.0
                continue
            x = scaled(z[i, j], knobs.temperature, first)
            q = torch._softmax(x, -1, False, out=like(second, x))
            rest = torch.addcmul(t, q, masses[id(t)], value=-1, out=x)
            if g.dtype == x.dtype:
                torch.mul(rest, minus[view][i], out=g[i, j])
            else:
                g[i, j] = rest.mul_(minus[view][i])
    return gradients
