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

The two Sinkhorns differ in their first λ only: on e^{z/τ} it is that of the softmax over the batch, on
probabilities that of the inverse prior. After any number of rounds the first ignores a bias per cluster but
not a shift of all logits of a sample, the second the shift but not the bias; their limit, `theory.project`,
ignores both.
Rounds end on the samples: rows sum to 1 exactly, the prior is met in the limit only.  [T5] [T6]

In the published codes samples weigh the same, targets are uniform and no teacher is differentiated; here
`weights` and `log_target` are free, and detaching is left to the caller.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from theory.batches import check_logits
from theory.checks import (
    check_against,
    check_count,
    check_finite,
    check_number,
    check_rank,
    check_scores,
    check_temperature,
    check_weights,
    namespace,
)
from theory.feasibility import check_feasible
from theory.logspace import Array, Namespace, log_mean_exp, normalize, weighted_mean
from theory.projection import project_kernel
from theory.sinkhorn import sinkhorn_kernel
from theory.tilts import tilt_kernel

__all__ = ["SYSTEMS", "System", "dino", "dinov2", "msn", "sela", "swav", "update_center"]


@dataclass(frozen=True, kw_only=True)
class System:
    """The published settings of one system.

    teacher: its constraint, a name in `theory.TEACHERS`.  function: of this module.
    clusters: their number, K.  student_temperature: τ_s.
    teacher_temperature: τ_t at the start.  final_teacher_temperature: τ_t after its warm-up, if it has one.
    teacher_momentum: of the weights, at the start; 0 where the teacher is the student itself.
    center_momentum: of the centre; 0 where none is carried from batch to batch.
    source: the paper, and the file of the reference code with these numbers.
    """

    teacher: str
    function: str
    clusters: int
    student_temperature: float = 0.1
    teacher_temperature: float
    final_teacher_temperature: float
    teacher_momentum: float = 0.0
    center_momentum: float = 0.0
    source: str


SYSTEMS: Mapping[str, System] = MappingProxyType({
    "dino": System(  # warmed up as in the paper; main_dino.py by default stays at 0.04
        teacher="centering", function="dino", clusters=65536,
        teacher_temperature=0.04, final_teacher_temperature=0.07,
        teacher_momentum=0.996, center_momentum=0.9,
        source="Caron et al., arXiv 2104.14294, appendix D; facebookresearch/dino, main_dino.py"),
    "ibot": System(
        teacher="centering", function="dino", clusters=8192,
        teacher_temperature=0.04, final_teacher_temperature=0.07,
        teacher_momentum=0.996, center_momentum=0.9,
        source="Zhou et al., arXiv 2111.07832; bytedance/ibot, README.md and main_ibot.py"),
    "dinov2": System(
        teacher="sinkhorn", function="dinov2", clusters=131072,
        teacher_temperature=0.04, final_teacher_temperature=0.07,
        teacher_momentum=0.994,
        source="Oquab et al., arXiv 2304.07193; facebookresearch/dinov2, configs/train/vitl14.yaml"),
    "dinov3": System(
        teacher="sinkhorn", function="dinov2", clusters=262144,
        teacher_temperature=0.04, final_teacher_temperature=0.07,
        teacher_momentum=0.994,
        source="Siméoni et al., arXiv 2508.10104; facebookresearch/dinov3, dinov3_vit7b16_pretrain.yaml"),
    "swav": System(
        teacher="sinkhorn", function="swav", clusters=3000,
        teacher_temperature=0.05, final_teacher_temperature=0.05,
        source="Caron et al., arXiv 2006.09882; facebookresearch/swav, main_swav.py"),
    "msn": System(
        teacher="sinkhorn", function="msn", clusters=1024,
        teacher_temperature=0.025, final_teacher_temperature=0.025,
        teacher_momentum=0.996,
        source="Assran et al., arXiv 2204.07141; facebookresearch/msn, configs/pretrain/msn_vits16.yaml"),
    "sela": System(
        teacher="projected", function="sela", clusters=3000,
        student_temperature=1.0,
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
    centred = logits - center[..., None, :]
    check_scores("logits", centred, xp)
    return normalize(centred, xp, check_temperature(temperature, centred, xp))


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
    mean = weighted_mean(logits, check_weights(weights, logits, xp, "logits"), xp)
    return momentum * center + (1.0 - momentum) * mean


def dinov2(
    logits: Array,
    *,
    temperature: Array | float = 0.04,
    rounds: int = 3,
    weights: Array | None = None,
    log_target: Array | None = None,
) -> Array:
    """log r after `rounds` of r(k) ∝ π(k) r(k)/Σₙ wₙ rₙ(k) from e^{z/τ}: λ starts at
    `theory.batch_softmax_log_tilt`.

    logits, weights, log_target: as there.  temperature: τ > 0.  rounds: ≥ 1.  Returns [..., N, K].
    """
    rounds = check_count("rounds", rounds)
    return _rounds_on_scores("logits", logits, temperature, rounds, weights, log_target)


def swav(
    scores: Array,
    *,
    epsilon: float = 0.05,
    rounds: int = 3,
    weights: Array | None = None,
    log_target: Array | None = None,
) -> Array:
    """log r of `dinov2` at τ = ε, on cosines of embeddings and prototypes.

    scores: [..., N, K].  epsilon: ε > 0.  rounds, weights, log_target: as there.  Returns [..., N, K].
    """
    epsilon = check_number("epsilon", epsilon, low=0.0, open_low=True)
    rounds = check_count("rounds", rounds)
    return _rounds_on_scores("scores", scores, epsilon, rounds, weights, log_target)


def msn(
    logits: Array,
    *,
    temperature: Array | float = 0.025,
    rounds: int = 3,
    weights: Array | None = None,
    log_target: Array | None = None,
) -> Array:
    """log r, the tilt of p = softmax(z/τ) by `theory.sinkhorn_log_tilt`: one round is the inverse prior.

    MSN sharpens softmax(cos/0.1) to the power 1/0.25, which is τ = 0.025, and adds log K − H(q̄) to its loss.
    logits, weights, log_target: as in `dinov2`.  rounds: ≥ 1.  Returns [..., N, K].
    """
    rounds = check_count("rounds", rounds)
    ensemble, _ = check_logits(logits, temperature, weights, log_target)
    return tilt_kernel(ensemble.log_p, sinkhorn_kernel(ensemble, rounds=rounds), ensemble.xp)


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
    logits, weights, log_target: as in `dinov2`.  sharpness: s > 0.  tol, max_iter: as in
    `theory.project`, which raises if it does not converge.  Returns [..., N, K].
    """
    sharpness = check_number("sharpness", sharpness, low=0.0, open_low=True)
    if 1.0 / sharpness == math.inf:
        raise ValueError(f"`sharpness` must have a finite inverse, got {sharpness:g}.")
    tol, max_iter = check_number("tol", tol, low=0.0, open_low=True), check_count("max_iter", max_iter)
    ensemble, _ = check_logits(logits, 1.0 / sharpness, weights, log_target)
    check_feasible(ensemble, name="logits")
    return project_kernel(ensemble, tol=tol, max_iter=max_iter).log_r


def _check_center(logits: Array, center: Array, xp: Namespace) -> None:
    check_rank("logits", logits, 2)
    shape = (*logits.shape[:-2], logits.shape[-1])
    check_against("center", center, shape, "the clusters of `logits`")
    check_finite("center", center, xp)


def _rounds_on_scores(
    name: str,
    scores: Array,
    temperature: Array | float,
    rounds: int,
    weights: Array | None,
    log_target: Array | None,
) -> Array:
    """log r after rounds of Sinkhorn on e^{z/τ}, clusters first: the first λ is that of `batch_softmax`."""
    ensemble, tau = check_logits(scores, temperature, weights, log_target, name=name)
    log_p, w, log_pi, xp = ensemble
    first = log_pi - log_mean_exp(scores / tau, w, xp)
    return tilt_kernel(log_p, sinkhorn_kernel(ensemble, rounds=rounds - 1, log_tilt=first), xp)
