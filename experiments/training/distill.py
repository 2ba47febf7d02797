"""The one training loop: self-distillation of many runs at once, [variant, seed].

A step: the teacher's logits of its views are normalised (`TeacherNormalizer`); the student's logits of all
views descend on the mean of H(rⁱ, qʲ) over pairs i ≠ j of views; then the teacher moves towards the new
student, V ← m V + (1 − m) W, and the moving averages of the normalisers move. This is DINO's order.

Variants of a seed share data and initial weights, so that they are paired; a run's numbers do not depend on
which others train beside it, up to the rounding of batched products.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
import xarray as xr
from torch import Tensor

import theory
from experiments.data.sources import Source
from experiments.engine import progress
from experiments.training import metrics
from experiments.training.model import Architecture, Parameters
from experiments.training.network import Network, Room
from experiments.training.optimizers import Method, Optimizer
from experiments.training.teachers import Teachers
from experiments.training.variants import Rates, Variant
from experiments.training.weights import Weights

LARGEST_LOGIT = 1e6
BLOCK_BYTES = 1 << 20
"""Of a layer's activations: a few such arrays fit a second-level cache of 1 to 2 MiB."""


@dataclass(frozen=True, kw_only=True)
class Training:
    """What all runs share.

    views: V of each sample, all seen by the student; the first `teacher_views` by the teacher too.
    records: how many times the runs are evaluated, evenly from step 0 to the last; or at `record_at`.
    evaluation_size: held-out samples, in two views: the teacher is given the first, the student the second.
    """

    steps: int = 2000
    batch_size: int = 128
    views: int = 2
    teacher_views: int = 2
    optimizer: Method = "sgd"
    momentum: float = 0.9
    weight_decay: float = 0.0
    records: int = 41
    record_at: tuple[int, ...] = ()
    evaluation_size: int = 1024

    def __post_init__(self) -> None:
        for name in ("steps", "batch_size", "records", "evaluation_size"):
            if getattr(self, name) < 1:
                raise ValueError(f"`{name}` must be at least 1, got {getattr(self, name)}.")
        if not (1 <= self.teacher_views <= self.views and self.views >= 2):
            raise ValueError(
                f"`views` must be at least 2 and `teacher_views` in [1, views], "
                f"got {self.views} and {self.teacher_views}."
            )

        if self.record_at and not 0 <= min(self.record_at) <= max(self.record_at) <= self.steps:
            raise ValueError(f"`record_at` must lie in [0, steps = {self.steps}], got {self.record_at}.")

    @property
    def record_steps(self) -> tuple[int, ...]:
        """Steps after which the runs are evaluated."""
        even = (
            torch.linspace(0, self.steps, max(self.records, 2), dtype=torch.float64).round().long().unique()
        )
        return tuple(sorted(set(self.record_at))) if self.record_at else tuple(even.tolist())


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """The runs after `step` updates, on the held-out samples; arrays [A, S, N, K] in float64."""

    step: int
    architecture: Architecture
    student: Parameters
    teacher: Parameters
    log_p: Tensor
    log_r: Tensor
    log_q: Tensor
    labels: Tensor


@dataclass(frozen=True, kw_only=True)
class Trained:
    """records: dims (variant, seed, step), see `metrics.information_records`; and the final weights."""

    records: xr.Dataset
    student: Parameters
    teacher: Parameters


Observer = Callable[[Snapshot], Mapping[str, Tensor]]


def train(
    source: Source,
    architecture: Architecture,
    variants: Sequence[Variant],
    training: Training,
    *,
    observers: Sequence[Observer] = (),
    parameters: Parameters | None = None,
    dtype: torch.dtype = torch.float32,
    device: str = "cpu",
    description: str = "training",
) -> Trained:
    r"""Trains len(variants) × len(source.seeds) runs at once, by DINO's step; a seed is data and start.  [O2]

    .. math::
        \begin{gathered}
        W \leftarrow W - \eta\,\nabla_W \mathcal L, \quad V \leftarrow m_t V + (1 - m_t)\,W, \\
        \mathcal L = \frac{1}{\text{pairs}} \sum_{i \ne j} \frac1N \sum_n H(r_n^i, q_n^j)
        \end{gathered}

    of the student's weights W by plain descent, and of the teacher's V; then the teachers' averages move.

    observers: functions of the snapshot whose results [A, S] are recorded too.
    parameters: initial weights [A, S, …] instead of the architecture's.
    Raises FloatingPointError: a run diverges; names the variant, the seed and the step.
    """
    names = [v.name for v in variants]
    if not variants or len(set(names)) < len(names):
        raise ValueError(f"`variants` must be at least one, with different names, got {names}.")
    runs = _Runs(source, architecture, variants, training, parameters, dtype, device)
    record_steps = set(training.record_steps)
    records: dict[int, dict[str, Tensor]] = {}
    with progress.bar(description, training.steps) as advance:
        for step in range(training.steps + 1):
            if step in record_steps:
                snapshot = runs.snapshot(step)
                records[step] = metrics.information_records(
                    snapshot.log_p, snapshot.log_r, snapshot.log_q, snapshot.labels
                )
                for observe in observers:
                    records[step].update(observe(snapshot))
            if step < training.steps:
                runs.advance(step, source.draw(training.batch_size, views=training.views).views)
                advance()
    arrays = {
        name: (
            ("variant", "seed", "step"),
            torch.stack([r[name] for r in records.values()], -1).cpu().numpy(),
        )
        for name in records[min(records)]
    }
    return Trained(
        records=xr.Dataset(arrays, {"variant": names, "seed": list(source.seeds), "step": list(records)}),
        student={name: value.clone() for name, value in runs.student.by_name.items()},
        teacher={name: value.clone() for name, value in runs.teacher.by_name.items()},
    )


class _Runs:
    """The state of all runs, and one step of them."""

    def __init__(
        self,
        source: Source,
        architecture: Architecture,
        variants: Sequence[Variant],
        training: Training,
        parameters: Parameters | None,
        dtype: torch.dtype,
        device: str,
    ) -> None:
        seeds, clusters = source.seeds, architecture.clusters
        start = parameters or architecture.initialize(
            source.dim, variants=len(variants), seeds=seeds, dtype=dtype, device=device
        )
        self.architecture, self.training = architecture, training
        self.runs = [(v.name, seed) for v in variants for seed in seeds]
        self.student = Weights(start)
        self.teacher, self.gradient = self.student.clone(), self.student.clone()
        self.seeds, self.network = seeds, Network(architecture)
        self.teachers = Teachers(variants, seeds=len(seeds), clusters=clusters, device=device)
        self.rates = Rates(variants, dtype=dtype, device=device)
        self.optimizer = Optimizer(
            training.optimizer, momentum=training.momentum, weight_decay=training.weight_decay
        )
        self.held_out = source.held_out(training.evaluation_size, views=2)
        self.room = Room()

    @torch.no_grad()
    def advance(self, step: int, views: Tensor) -> None:
        """One step on a batch of views [S, V, B, D]."""
        now, x = self.rates.at(step), self._for_all_variants(views.flatten(1, 2))
        given = self.training.teacher_views * views.shape[-2]
        shape = (len(self.runs), given, self.architecture.clusters)
        z, blocks = self.room("z", shape, x), self._blocks(x)
        for runs in blocks:
            z[runs] = self.network.logits(self.teacher.of_runs(runs), x[runs, :given])
        axes = -1, views.shape[0]
        r = self.teachers.train(z.unflatten(0, axes), now["teacher_temperature"]).flatten(0, 1)
        for runs in blocks:
            self._descend(runs, step, x[runs], r[runs].unflatten(-2, (-1, views.shape[-2])))
        student, teacher = self.student.flat, self.teacher.flat
        self.optimizer.step(student, self.gradient.flat, self.student.spread(now["learning_rate"]))
        torch.lerp(student, teacher, self.teacher.spread(now["teacher_momentum"]), out=teacher)
        self.teachers.update()

    def _descend(self, runs: slice, step: int, x: Tensor, r: Tensor) -> None:
        """The gradient of some runs from their views x [R, V · B, D] and the teacher's r [R, T, B, K]."""
        weights = self.student.of_runs(runs)
        tau = self.rates.at(step)["student_temperature"].expand(-1, len(self.seeds), 1, 1).flatten(0, 1)[runs]
        z = self.network.logits(weights, x)
        self._check(z, step, runs.start)
        q = torch.softmax(z.div_(tau), dim=-1, out=self.room("q", tuple(z.shape), z))
        gradient = student_gradient(r, q.unflatten(-2, (-1, r.shape[-2])), tau)
        self.network.backward(weights, gradient.flatten(1, 2), into=self.gradient.of_runs(runs))

    def _blocks(self, x: Tensor) -> list[slice]:
        """Slices of the runs whose activations stay in cache together."""
        widest = max(self.architecture.hidden, default=self.architecture.clusters)
        count = max(1, BLOCK_BYTES // (x.shape[1] * widest * x.element_size()))
        return [slice(i, min(i + count, len(x))) for i in range(0, len(x), count)]

    @torch.no_grad()
    def snapshot(self, step: int) -> Snapshot:
        """Both networks on the held-out views, in float64 from the logits on."""
        now = self.rates.at(step)
        tau_t, tau_s = (now[f"{role}_temperature"].double() for role in ("teacher", "student"))
        z_teacher = self.architecture.logits(self.teacher.by_name, self.held_out.views[:, 0]).double()
        z_student = self.architecture.logits(self.student.by_name, self.held_out.views[:, 1]).double()
        self._check(z_student, step)
        return Snapshot(
            step=step,
            architecture=self.architecture,
            student=self.student.by_name,
            teacher=self.teacher.by_name,
            log_p=theory.log_softmax(z_teacher, temperature=tau_t),
            log_r=self.teachers(z_teacher, tau_t),
            log_q=theory.log_softmax(z_student, temperature=tau_s),
            labels=self.held_out.labels,
        )

    def _for_all_variants(self, x: Tensor) -> Tensor:
        """x [S, N, D] once for each variant, [A · S, N, D]."""
        variants = len(self.runs) // len(x)
        if variants == 1:
            return x
        return self.room("x", (variants, *x.shape), x).copy_(x).flatten(0, 1)

    def _check(self, logits: Tensor, step: int, first: int = 0) -> None:
        size = logits.abs()
        if bool(size.amax() < LARGEST_LOGIT):
            return
        largest = size.amax(dim=(-2, -1)).flatten()
        wild = int((~(largest < LARGEST_LOGIT)).nonzero()[0])
        variant, seed = self.runs[first + wild]
        raise FloatingPointError(
            f"Variant {variant!r} diverged: logits of {float(largest[wild]):.3g} at step {step}, "
            f"seed {seed}. Lower its `learning_rate`."
        )


def student_gradient(r: Tensor, q: Tensor, student_temperature: Tensor) -> Tensor:
    r"""∂/∂z of the mean of H(rⁱ, qʲ) over samples and pairs i ≠ j of views, q = softmax(z/τ_s).  [O2]

    .. math::
        \frac{\partial \mathcal L}{\partial z_n^j} =
        \frac{1}{\text{pairs} \cdot N\,\tau_s} \sum_{i \ne j} (q_n^j - r_n^i)

    the teacher being a constant.

    r: [..., T, N, K].  q: [..., V, N, K], V ≥ T, its first T views the teacher's; written over.
    """
    views, given = q.shape[-3], r.shape[-3]
    if given > 2:
        q[..., :given, :, :] *= given - 1
    if given == 1:
        q[..., :given, :, :] = 0.0
    if given > 1 and views > given:
        q[..., given:, :, :] *= given
    q -= r.sum(dim=-3, keepdim=True)
    q[..., :given, :, :] += r
    pairs = given * (views - 1)
    return q.div_(student_temperature[..., None] * (pairs * q.shape[-2]))
