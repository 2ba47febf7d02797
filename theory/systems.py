"""The teachers of published systems, put together from the parts of this package.

================  ==================================================  ==============
function          log r                                               teacher of
================  ==================================================  ==============
`dino`            log softmax((z − c)/τ), c a moving average of z     DINO, iBOT
`dinov2`          Sinkhorn on e^{z/τ}: clusters first, samples last   DINOv2, DINOv3
`swav`            the same, z a cosine and τ called ε                 SwAV
`msn`             Sinkhorn on softmax(z/τ)                            MSN
`sela`            Sinkhorn on softmax(z)^s, run to convergence        SeLa
================  ==================================================  ==============

The two Sinkhorns differ in their first λ only: on e^{z/τ} it is `batch_softmax`, on probabilities
`theory.inverse_prior`. After any number of rounds the first ignores a bias per cluster but not a shift of
all logits of a sample, the second the shift but not the bias; their limit, `theory.project`, ignores both.
Rounds end on the samples: rows sum to 1 exactly, the prior is met in the limit only.  [T5] [T6]

In the published codes samples weigh the same, targets are uniform and no teacher is differentiated; here
`weights` and `log_target` are free, and detaching is left to the caller.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from theory.checks import (
    check_against,
    check_count,
    check_finite,
    check_number,
    check_rank,
    namespace,
    positive,
    reject,
)
from theory.logspace import Array, Namespace, log_mean_exp, weighted_mean
from theory.projection import project
from theory.simplex import check_scores, log_softmax, sample_weights, target_prior
from theory.teachers import sinkhorn, tilt


@dataclass(frozen=True, kw_only=True)
class Convention:
    """The published settings of one system.

    teacher: the function of this module.  clusters: their number, K.  student_temperature: τ_s.
    teacher_temperature: τ_t at the start.  final_teacher_temperature: τ_t after its warm-up, if it has one.
    teacher_momentum: of the weights, at the start; 0 where the teacher is the student itself.
    center_momentum: of the centre; 0 where none is carried from batch to batch.
    source: the paper, and the file of the reference code with these numbers.
    """

    teacher: str
    clusters: int
    student_temperature: float = 0.1
    teacher_temperature: float
    final_teacher_temperature: float
    teacher_momentum: float = 0.0
    center_momentum: float = 0.0
    source: str


CONVENTIONS: Mapping[str, Convention] = MappingProxyType({
    "dino": Convention(  # warmed up as in the paper; main_dino.py by default stays at 0.04
        teacher="dino", clusters=65536, teacher_temperature=0.04, final_teacher_temperature=0.07,
        teacher_momentum=0.996, center_momentum=0.9,
        source="Caron et al., arXiv 2104.14294, appendix D; facebookresearch/dino, main_dino.py"),
    "ibot": Convention(
        teacher="dino", clusters=8192, teacher_temperature=0.04, final_teacher_temperature=0.07,
        teacher_momentum=0.996, center_momentum=0.9,
        source="Zhou et al., arXiv 2111.07832; bytedance/ibot, README.md and main_ibot.py"),
    "dinov2": Convention(
        teacher="dinov2", clusters=131072, teacher_temperature=0.04, final_teacher_temperature=0.07,
        teacher_momentum=0.994,
        source="Oquab et al., arXiv 2304.07193; facebookresearch/dinov2, configs/train/vitl14.yaml"),
    "dinov3": Convention(
        teacher="dinov2", clusters=262144, teacher_temperature=0.04, final_teacher_temperature=0.07,
        teacher_momentum=0.994,
        source="Siméoni et al., arXiv 2508.10104; facebookresearch/dinov3, dinov3_vit7b16_pretrain.yaml"),
    "swav": Convention(
        teacher="swav", clusters=3000, teacher_temperature=0.05, final_teacher_temperature=0.05,
        source="Caron et al., arXiv 2006.09882; facebookresearch/swav, main_swav.py"),
    "msn": Convention(
        teacher="msn", clusters=1024, teacher_temperature=0.025, final_teacher_temperature=0.025,
        teacher_momentum=0.996,
        source="Assran et al., arXiv 2204.07141; facebookresearch/msn, configs/pretrain/msn_vits16.yaml"),
    "sela": Convention(
        teacher="sela", clusters=3000, student_temperature=1.0,
        teacher_temperature=0.04, final_teacher_temperature=0.04,
        source="Asano, Rupprecht and Vedaldi, ICLR 2020; yukimasano/self-label, main.py"),
})  # fmt: skip
"""System → its published settings.

:meta hide-value:
"""


def dino(logits: Array, center: Array, *, temperature: Array | float = 0.04) -> Array:
    """log r(k) = log softmax((z − c)/τ), c the centre left by the batches before.  [J3]

    logits: z, [..., N, K].  center: c, [..., K], finite; 0 at the start.  temperature: τ > 0.
    Returns [..., N, K] log-probabilities.  Afterwards the centre moves: `update_center`.
    Raises TypeError, ValueError: as `theory.log_softmax`; a centre of another shape or not finite.
    """
    xp = namespace(logits=logits, center=center)
    _check_center(logits, center, xp)
    return log_softmax(logits - center[..., None, :], temperature=temperature)


def update_center(
    center: Array, logits: Array, *, momentum: float = 0.9, weights: Array | None = None
) -> Array:
    """m c + (1 − m) Σₙ wₙ zₙ: the centre for the next batch, an average of raw logits.  [J3]

    center: c, [..., K].  logits: z, [..., N, K], finite.  momentum: m in [0, 1].  weights: [..., N], sum 1;
    None means 1/N.  Returns [..., K].
    """
    momentum = check_number("momentum", momentum, low=0.0, high=1.0)
    given = {} if weights is None else {"weights": weights}
    xp = namespace(center=center, logits=logits, **given)
    _check_center(logits, center, xp)
    check_finite("logits", logits, xp)
    mean = weighted_mean(logits, sample_weights(weights, logits, xp, "logits"), xp)
    return momentum * center + (1.0 - momentum) * mean


def batch_softmax(
    logits: Array,
    *,
    temperature: Array | float,
    weights: Array | None = None,
    log_target: Array | None = None,
) -> Array:
    """λ(k) = log π(k) − log Σₙ wₙ e^{zₙ(k)/τ}: each cluster's softmax runs over the batch.

    Its tilt of softmax(z/τ) is the "softmax(batch)" teacher of DINO's ablation, one round of `dinov2`.
    logits: z, [..., N, K].  temperature: τ > 0.  weights: [..., N], sum 1; None means 1/N.  log_target:
    log π, [..., K]; None means uniform.  Returns λ, [..., K].
    Raises ValueError: a cluster in which every sample of positive weight has the logit −inf.
    Source: Caron et al., arXiv 2104.14294, appendix B and table 15.
    """
    weights, log_pi, xp = _operands("logits", logits, weights, log_target)
    temperature = positive("temperature", temperature, logits, xp)
    overflow = xp.isfinite(logits) & (xp.abs(logits) / float(xp.finfo(logits.dtype).max) > temperature)
    reject("temperature", overflow, "leave logits/temperature finite", "inf", xp)
    return log_pi - log_mean_exp(logits / temperature, weights, xp)


def dinov2(
    logits: Array,
    *,
    temperature: Array | float = 0.04,
    steps: int = 3,
    weights: Array | None = None,
    log_target: Array | None = None,
) -> Array:
    """log r after `steps` rounds of r(k) ∝ π(k) r(k)/Σₙ wₙ rₙ(k) from e^{z/τ}: λ starts at `batch_softmax`.

    logits, weights, log_target: as there.  temperature: τ > 0.  steps: ≥ 1.  Returns [..., N, K].
    """
    steps = check_count("steps", steps)
    knobs = {"weights": weights, "log_target": log_target}
    first = batch_softmax(logits, temperature=temperature, **knobs)
    log_p = log_softmax(logits, temperature=temperature)
    return tilt(log_p, sinkhorn(log_p, steps=steps - 1, log_tilt=first, **knobs))


def swav(
    scores: Array,
    *,
    epsilon: float = 0.05,
    steps: int = 3,
    weights: Array | None = None,
    log_target: Array | None = None,
) -> Array:
    """log r of `dinov2` at τ = ε, on cosines of embeddings and prototypes.

    scores: [..., N, K].  epsilon: ε > 0.  steps, weights, log_target: as there.  Returns [..., N, K].
    """
    epsilon = check_number("epsilon", epsilon, low=0.0, open_low=True)
    _operands("scores", scores, weights, log_target)
    return dinov2(scores, temperature=epsilon, steps=steps, weights=weights, log_target=log_target)


def msn(
    logits: Array,
    *,
    temperature: Array | float = 0.025,
    steps: int = 3,
    weights: Array | None = None,
    log_target: Array | None = None,
) -> Array:
    """log r, the tilt of p = softmax(z/τ) by `theory.sinkhorn`: one round is the inverse prior.

    MSN sharpens softmax(cos/0.1) to the power 1/0.25, which is τ = 0.025, and adds log K − H(q̄) to its loss.
    logits, weights, log_target: as in `batch_softmax`.  steps: ≥ 1.  Returns [..., N, K].
    """
    steps = check_count("steps", steps)
    _operands("logits", logits, weights, log_target)
    log_p = log_softmax(logits, temperature=temperature)
    return tilt(log_p, sinkhorn(log_p, steps=steps, weights=weights, log_target=log_target))


def sela(
    logits: Array,
    *,
    sharpness: float = 25.0,
    weights: Array | None = None,
    log_target: Array | None = None,
    tol: float = 1e-9,
    max_iter: int = 200,
) -> Array:
    """log r, the projection of softmax(z)^s on the prior π.  [T3]

    SeLa stops its Sinkhorn at a tolerance, over the whole data set, and trains on argmax r as hard labels.
    logits, weights, log_target: as in `batch_softmax`.  sharpness: s > 0.  tol, max_iter: as in
    `theory.project`, which raises if it does not converge.  Returns [..., N, K].
    """
    sharpness = check_number("sharpness", sharpness, low=0.0, open_low=True)
    if 1.0 / sharpness == math.inf:
        raise ValueError(f"`sharpness` must have a finite inverse, got {sharpness:g}.")
    _operands("logits", logits, weights, log_target)
    log_p = log_softmax(logits, temperature=1.0 / sharpness)
    return project(log_p, weights=weights, log_target=log_target, tol=tol, max_iter=max_iter).log_r


def _check_center(logits: Array, center: Array, xp: Namespace) -> None:
    check_rank("logits", logits, 2)
    shape = (*logits.shape[:-2], logits.shape[-1])
    check_against("center", center, shape, "the clusters of `logits`")
    check_finite("center", center, xp)


def _operands(
    name: str, logits: Array, weights: Array | None, log_target: Array | None
) -> tuple[Array, Array, Namespace]:
    """Weights [..., N], log π [..., K] and namespace, all checked, of logits that leave no cluster empty."""
    given = {"weights": weights, "log_target": log_target}
    xp = namespace(**{name: logits}, **{key: x for key, x in given.items() if x is not None})
    check_rank(name, logits, 2)
    check_scores(name, logits, xp)
    weights = sample_weights(weights, logits, xp, name)
    log_pi = target_prior(log_target, logits, xp, name)
    empty = ~xp.any((logits > -math.inf) & (weights[..., None] > 0), axis=-2)
    reject(name, empty, "have a finite entry of positive weight in every cluster", "only -inf", xp)
    return weights, log_pi, xp
