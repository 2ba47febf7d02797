"""The published settings of DINO, iBOT, DINOv2, DINOv3, SwAV, MSN, SeLa and CAPI."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

__all__ = ["SYSTEMS", "System"]


@dataclass(frozen=True, kw_only=True)
class System:
    """The published settings of one system.

    Attributes
    ----------
    teacher : str
        Its constraint, a name in `theory.TEACHERS`.
    function : str
        Its teacher's function in `theory.systems`.
    clusters : int
        Their number, K.
    student_temperature : float
        τ_s.
    teacher_temperature : float
        τ_t at the start.
    final_teacher_temperature : float
        τ_t after its warm-up, if it has one.
    teacher_momentum : float
        Of the weights, per step, at the start; 0 where the teacher is the student itself.
    center_momentum : float
        Of the centre, per step; 0 where none is carried from batch to batch.
    cosine_head : bool
        Its logits are cosines of unit-length features and prototypes: none is beyond 1.
    source : str
        The paper, and the file of the reference code with these numbers.
    """

    teacher: str
    function: str
    clusters: int
    student_temperature: float = 0.1
    teacher_temperature: float
    final_teacher_temperature: float
    teacher_momentum: float = 0.0
    center_momentum: float = 0.0
    cosine_head: bool = True
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
        teacher="projected", function="sela", clusters=3000, cosine_head=False,
        student_temperature=1.0,
        teacher_temperature=0.04, final_teacher_temperature=0.04,
        source="Asano, Rupprecht and Vedaldi, ICLR 2020; yukimasano/self-label, main.py"),
    "capi": System(  # the teacher's prototypes have lengths and biases of their own, and learn by themselves
        teacher="sinkhorn", function="capi", clusters=16384, cosine_head=False,
        student_temperature=0.12,
        teacher_temperature=0.06, final_teacher_temperature=0.06,
        teacher_momentum=0.999,  # of the encoder, after its warm-up from 1
        source="Darcet et al., arXiv 2502.08769; facebookresearch/capi, default_pretrain_config.yaml"),
})  # fmt: skip
"""System → its published settings.

:meta hide-value:
"""
