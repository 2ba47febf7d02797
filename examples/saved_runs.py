"""Makes `examples/runs/`: 24 small runs of known fate, as a practitioner would have saved them.

Six settings of four seeds each, for which the theory gives a reason. A file NAME_SEED.npz holds the raw
logits of teacher and student for two views of 256 held-out samples at the end, the teacher's half-way, the
moving centre where there is one, and the knobs; NAME_SEED.csv the loss. They are read by
`python -m theory examples/runs/NAME_SEED.npz`, and
`python -m theory loss examples/runs/NAME_SEED.csv --clusters 16`.

Run it from the repository: ``python examples/saved_runs.py`` (half a minute on one core).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from experiments.data.mixtures import Mixture
from experiments.studies.shared import simplex_mixture
from experiments.training.distill import Snapshot, Training, train
from experiments.training.model import Architecture
from experiments.training.variants import Variant

HERE = Path(__file__).parent / "runs"
CLUSTERS, SEEDS = 16, (0, 1, 2, 3)
ENCODER = Architecture(clusters=CLUSTERS, hidden=(64, 32))
LINEAR = Architecture(clusters=CLUSTERS, hidden=(), head_scale=0.01)


@dataclass(frozen=True)
class Design:
    """One fate, and why these settings lead to it."""

    fate: str
    why: str
    mixture: Mixture
    architecture: Architecture
    variant: Variant
    training: Training


def training(steps: int, *, batch_size: int = 128, momentum: float = 0.9, every: int = 10) -> Training:
    at = tuple(range(0, steps + 1, every))
    return Training(steps=steps, batch_size=batch_size, momentum=momentum, record_at=at, evaluation_size=256)


EIGHT = Mixture(components=8, dim=8, separation=4.0)
THREE = simplex_mixture(3, 0.9)
UNSURE = simplex_mixture(CLUSTERS, 0.3)
DESIGNS = {
    "healthy": Design(
        "alive", "sharpened and constrained; 3 or 4 directions have ρ > τ_t/τ_s = 0.4  [D2]",
        EIGHT, ENCODER, Variant(name="healthy", teacher="centering", learning_rate=0.01), training(1500),
    ),
    "uniform": Design(
        "uniform collapse", "τ_t = τ_s: no correlation exceeds 1, all directions decay  [D3]",
        EIGHT, ENCODER,
        Variant(name="uniform", teacher="centering", teacher_temperature=0.1, learning_rate=0.01),
        training(2000),
    ),
    "one_cluster": Design(
        "one cluster", "sharpened, not constrained, ρ = 0.3 < 0.4: the constant direction alone grows  [D3]",
        UNSURE, LINEAR, Variant(name="one_cluster", teacher="unconstrained", learning_rate=0.05),
        training(2000),
    ),
    "constant": Design(
        "constant", "neither sharpened nor constrained: features decay, a bias stays  [O4]",
        EIGHT, ENCODER,
        Variant(name="constant", teacher="unconstrained", teacher_temperature=0.1, learning_rate=0.01),
        training(2000),
    ),
    "partial": Design(
        "partial collapse", "only two directions have ρ > τ_t/τ_s: 16 prototypes share what they tell  [D2]",
        THREE, ENCODER,
        Variant(name="partial", teacher="inverse_prior", center_momentum=None, learning_rate=0.01),
        training(1500),
    ),
    "turning": Design(
        "turning", "DINO's momenta .99 and .999: the centre is slower than the critical rate  [D4]",
        UNSURE, LINEAR,
        Variant(name="turning", teacher="centering", center_momentum=0.999, learning_rate=0.016),
        training(12000, batch_size=32, momentum=0.0, every=20),
    ),
}  # fmt: skip


def main() -> None:
    torch.set_num_threads(1)
    HERE.mkdir(exist_ok=True)
    for name, design in DESIGNS.items():
        for seed, run in enumerate(_runs(design)):
            run.save(HERE / f"{name}_{seed}")


@dataclass(frozen=True)
class Saved:
    """What is kept of one run."""

    arrays: dict[str, Any]
    steps: np.ndarray
    loss: np.ndarray

    def save(self, stem: Path) -> None:
        np.savez_compressed(stem.with_suffix(".npz"), **self.arrays)
        lines = [f"{step},{loss:.6f}" for step, loss in zip(self.steps, self.loss, strict=True)]
        stem.with_suffix(".csv").write_text("\n".join(["step,loss", *lines, ""]))


def _runs(design: Design) -> list[Saved]:
    """The four seeds."""
    source, steps = design.mixture.source(SEEDS), design.training.steps
    seen: dict[int, list[dict[str, np.ndarray]]] = {}
    held_out = source.held_out(design.training.evaluation_size, views=2)
    trained = train(
        source,
        design.architecture,
        [design.variant],
        design.training,
        observers=[_keep(seen, (steps // 2, steps), held_out.views, design.variant)],
        description=design.variant.name,
    ).records.isel(variant=0)
    return [
        Saved(
            arrays=seen[steps][seed]
            | {"earlier_logits": seen[steps // 2][seed]["logits"]}
            | {"labels": held_out.labels[seed].numpy().astype(np.int16)}
            | _knobs(design.variant),
            steps=trained.step.to_numpy(),
            loss=trained.loss.isel(seed=seed).to_numpy(),
        )
        for seed in range(len(SEEDS))
    ]


def _keep(
    seen: dict[int, list[dict[str, np.ndarray]]], at: tuple[int, ...], views: torch.Tensor, variant: Variant
) -> Callable[[Snapshot], dict[str, torch.Tensor]]:
    """Logits and centre of all seeds at these steps."""

    def observe(snapshot: Snapshot) -> dict[str, torch.Tensor]:
        if snapshot.step in at:
            teacher = snapshot.architecture.logits(snapshot.teacher, views[:, 0])[0]
            student = snapshot.architecture.logits(snapshot.student, views[:, 1])[0]
            kept = [
                {"logits": z.numpy(), "student_logits": other.numpy()}
                for z, other in zip(teacher.detach(), student.detach(), strict=True)
            ]
            if variant.teacher == "centering":
                tilt = (snapshot.log_r - snapshot.log_p)[0].mean(dim=-2)
                centers = -snapshot_temperature(variant) * (tilt - tilt.mean(dim=-1, keepdim=True))
                for arrays, center in zip(kept, centers, strict=True):
                    arrays["center"] = center.float().numpy()
            seen[snapshot.step] = kept
        return {}

    return observe


def snapshot_temperature(variant: Variant) -> float:
    """τ_t, which is constant here."""
    assert isinstance(variant.teacher_temperature, float)
    return variant.teacher_temperature


def _knobs(variant: Variant) -> dict[str, np.ndarray]:
    knobs: dict[str, Any] = {
        "temperature": variant.teacher_temperature,
        "student_temperature": variant.student_temperature,
        "teacher": variant.teacher,
        "teacher_momentum": variant.teacher_momentum,
    }
    if variant.teacher == "centering":
        knobs["center_momentum"] = variant.center_momentum
    return {name: np.asarray(value) for name, value in knobs.items()}


if __name__ == "__main__":
    main()
