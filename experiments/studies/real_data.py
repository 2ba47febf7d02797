"""Every teacher on handwritten digits, paired over seeds, beside k-means and a Gaussian mixture.

[O4, D1, T6] The teachers of a seed share data, order of batches and initial weights, so that differences
are paired: each is compared with centering by a moving average, DINO's, as fixed beforehand. The settings are
those of the experiment `collapse`. What theory says: without a constraint one cluster takes all (O4), and the
constrained teachers have one linearisation (D1), so that they differ less from each other than from none.

All are judged on the 360 held-out images as they are, without views: the student's argmax by NMI with the
digits and by the clusters in use; the teacher's features by k-NN (k = 20, cosine) and by a linear probe.
References: scikit-learn's k-means and Gaussian mixture with as many clusters, one fit per seed to the 1,437
training images as they are (features: distances to the centres, and posteriors); the pixels themselves; and
the untrained network, whose features are what training has to improve on. They see no augmentation.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import xarray as xr
from sklearn.cluster import KMeans
from sklearn.mixture import GaussianMixture
from torch import Tensor

from experiments.data.digits import Digits
from experiments.data.labels import clusters_in_use, normalized_mutual_information, shares
from experiments.data.sources import Batch
from experiments.engine import sweep
from experiments.studies.shared import labelled, over, paired_difference, variant_of
from experiments.training import metrics
from experiments.training.distill import Snapshot, Training, train
from experiments.training.model import Architecture

CLAIMS = ("O4", "D1", "T6")
MINUTES = 3
RUNS = (
    "moving_centering",
    "unconstrained",
    "centering",
    "power_mean",
    "cumulant",
    "inverse_prior",
    "sinkhorn",
    "projected",
)
"""The first is what the others are compared with."""
ORDER, ROUNDS = 0.5, 3
"""Of the power mean; of Sinkhorn."""
UNTRAINED = "untrained network"
REFERENCES = ("k-means", "Gaussian mixture", UNTRAINED, "pixels")
MEASURES = ("nmi", "clusters_in_use", "knn_accuracy", "probe_accuracy")


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Training; the data and its split are fixed."""

    seeds: int = 16
    """Runs of each teacher, and fits of each reference."""
    steps: int = 1000
    """Training steps."""
    batch_size: int = 128
    """Images of a step, in two views each."""
    clusters: int = 16
    """K, also of the references."""
    learning_rate: float = 0.01
    """η of gradient descent with momentum 0.9."""
    teacher_temperature: float = 0.04
    """τ_t."""
    student_temperature: float = 0.1
    """τ_s."""
    center_momentum: float = 0.9
    """m of the moving centre."""
    device: str = "cpu"
    """Where to train."""

    def __post_init__(self) -> None:
        for name in ("seeds", "steps"):
            if getattr(self, name) < 1:
                raise ValueError(f"`{name}` must be at least 1, got {getattr(self, name)}.")

    @classmethod
    def quick(cls) -> Settings:
        return cls(seeds=2, steps=20, batch_size=64)


@dataclass(frozen=True, kw_only=True)
class Chunk(Settings):
    """All runs of one teacher, or all fits of one reference."""

    method: str


def run(settings: Settings, *, context: sweep.Context | None = None) -> xr.Dataset:
    """Measures (method, seed), and their paired differences from the first teacher (method, bound)."""
    found = over(work, Chunk, settings, context=context, method=(*RUNS, *REFERENCES))
    first = found.isel(method=0, drop=True)
    for name in MEASURES:
        found[f"{name}_difference"] = paired_difference(found[name], first[name])
    of_differences = {
        f"{name}_difference": (f"{long_name}, less that of {RUNS[0]}: mean and 95% interval", units)
        for name, (long_name, units) in LABELS.items()
    }
    found = labelled(found, LABELS | of_differences)
    return found.astype("float32").assign_coords(seed=range(settings.seeds))


LABELS = {
    "nmi": ("NMI of clusters and digits, held-out images", "1"),
    "clusters_in_use": ("clusters in use", "1"),
    "knn_accuracy": ("k-NN accuracy of the features", "1"),
    "probe_accuracy": ("accuracy of a linear probe of the features", "1"),
}


def work(chunk: Chunk) -> xr.Dataset:
    source = Digits().source(range(chunk.seeds), device=chunk.device)
    galleries = source.gallery("train"), source.gallery("held_out")
    trained = chunk.method in RUNS
    if trained or chunk.method == UNTRAINED:
        variant = variant_of(
            chunk.method if trained else "unconstrained",
            order=ORDER,
            rounds=ROUNDS,
            center_momentum=chunk.center_momentum,
            teacher_temperature=chunk.teacher_temperature,
            student_temperature=chunk.student_temperature,
            learning_rate=chunk.learning_rate,
        )
        last = chunk.steps if trained else 0

        def observe(snapshot: Snapshot) -> dict[str, Tensor]:
            network, train_set, test_set = snapshot.architecture, *(g.views[:, 0] for g in galleries)
            features = [network.features(snapshot.teacher, x)[0].cpu() for x in (train_set, test_set)]
            clusters = network.logits(snapshot.student, test_set)[0].argmax(dim=-1).cpu()
            # in place of the records of the same names, which are of views
            return {
                name: v[None] for name, v in measure(features, clusters, galleries, chunk.clusters).items()
            }

        records = train(
            source,
            Architecture(clusters=chunk.clusters, hidden=(64, 32)),
            [variant],
            Training(steps=max(last, 1), batch_size=chunk.batch_size, record_at=(last,), evaluation_size=64),
            observers=[observe],
            device=chunk.device,
            description=chunk.method,
        ).records
        return records[list(MEASURES)].isel(variant=0, step=0, drop=True).drop_vars("seed")
    fits = [
        reference(chunk.method, seed, [g.views[0, 0].cpu() for g in galleries], chunk)
        for seed in range(chunk.seeds)
    ]
    features = [torch.stack([f[i] for f in fits]) for i in (0, 1)]
    found = measure(features, torch.stack([f[2] for f in fits]), galleries, chunk.clusters)
    if chunk.method == "pixels":  # they have no clusters
        found |= {name: torch.full_like(found[name], torch.nan) for name in ("nmi", "clusters_in_use")}
    return xr.Dataset({name: ("seed", value.numpy()) for name, value in found.items()})


def measure(
    features: list[Tensor], clusters: Tensor, galleries: tuple[Batch, Batch], count: int
) -> dict[str, Tensor]:
    """The four measures [S], from features [S, N, F] of both galleries and clusters [S, N] of the second."""
    labels = [g.labels.cpu() for g in galleries]
    both = features[0], labels[0], features[1], labels[1]
    return {
        "nmi": normalized_mutual_information(labels[1], clusters),
        "clusters_in_use": clusters_in_use(shares(clusters, count)),
        "knn_accuracy": metrics.knn_accuracy(*both),
        "probe_accuracy": metrics.linear_probe(*both),
    }


def reference(
    method: str, seed: int, images: list[Tensor], settings: Settings
) -> tuple[Tensor, Tensor, Tensor]:
    """Features of the training and of the held-out images, and clusters of the latter, of one fit."""
    train_set, test_set = (x.double().numpy() for x in images)
    if method == "pixels":
        return *(torch.from_numpy(x) for x in (train_set, test_set)), torch.zeros(
            len(test_set), dtype=torch.int64
        )
    if method == "k-means":
        model = KMeans(settings.clusters, random_state=seed).fit(train_set)
        features = [model.transform(x) for x in (train_set, test_set)]
    else:
        # blank pixels have no variance: the floor is that of the views' own noise
        model = GaussianMixture(settings.clusters, reg_covar=Digits().noise ** 2, random_state=seed)
        features = [model.fit(train_set).predict_proba(x) for x in (train_set, test_set)]
    clusters = np.asarray(model.predict(test_set), dtype=np.int64)
    return *(torch.from_numpy(x) for x in features), torch.from_numpy(clusters)
