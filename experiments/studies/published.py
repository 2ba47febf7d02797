"""Published runs beside what section D says of their settings, and toy runs at DINO's (D5).

The rows and the predictions are in `published_rows` and `ledger`. DINO's own (Caron et al. 2021) are run as
toys too: a linear student on a mixture whose gain and correlation are known, so that the theory says of each
whether it dies, keeps all that its twin keeps, or less. The twin is the same run centred by its batch.

Their softmax over the batch is one Sinkhorn round on logits (`theory.batch_softmax_log_tilt`), their Sinkhorn
three (the toy's three are on probabilities). Neither has a lag.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr

from experiments.engine import sweep
from experiments.studies.ledger import HARD, TAU_S, Row, predict
from experiments.studies.published_rows import rows
from experiments.studies.shared import learning_rate_of, simplex_mixture
from experiments.training.distill import Training, train
from experiments.training.model import Architecture
from experiments.training.variants import Variant
from theory import TEACHERS
from theory.dynamics import center_race, survival_temperature
from theory.nn.schedules import Schedule

CLAIMS = ("D3", "D4", "D5", "D6", "D7", "D8", "C1")
MINUTES = 1
MEASURED = ("student_prior_entropy", "teacher_entropy", "student_information", "nmi")
DEAD, WHOLE = 0.1, 0.9
"""Information below the first share of log K is dead; from the second share of the twin's on, whole."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The toy run: a linear student on a mixture whose correlation lies in the published bracket."""

    seeds: int = 4
    components: int = 8
    correlation: float = 0.7
    step_size: float = 0.1
    """α = η/(K τ_s²) per step."""
    steps: int = 4000
    warm_up: int = 1500
    batch_size: int = 64
    records: int = 21

    @classmethod
    def quick(cls) -> Settings:
        """The small variant."""
        return cls(seeds=1, steps=100, warm_up=40, records=5)


def toys() -> tuple[Row, ...]:
    """The rows that are run as toys."""
    return tuple(row for row in rows() if row.toy)


def twin_of(row: Row) -> tuple[float, float | None, float]:
    """The settings that a row shares with its twin."""
    return row.teacher_temperature, row.final_temperature, row.teacher_momentum


def _variant(row: Row, settings: Settings, *, twin: bool) -> Variant:
    temperature: float | Schedule = row.teacher_temperature
    if row.final_temperature is not None:
        temperature = Schedule(
            start=row.teacher_temperature, end=row.final_temperature, steps=settings.warm_up
        )
    return Variant(
        name=f"twin at {twin_of(row)}" if twin else f"{row.sweep}: {row.setting}",
        teacher="centering" if twin else row.teacher,
        rounds=None if twin else row.rounds,
        center_momentum=None if twin else row.center_momentum,
        teacher_temperature=temperature,
        student_temperature=TAU_S,
        teacher_momentum=row.teacher_momentum,
        learning_rate=learning_rate_of(
            settings.step_size, clusters=settings.components, student_temperature=TAU_S
        ),
    )


def work(settings: Settings) -> xr.Dataset:
    """The toy run at every setting and its twin, averaged over the last fifth of its records."""
    source = simplex_mixture(settings.components, settings.correlation).source(range(settings.seeds))
    runs = toys()
    twins = {twin_of(row): _variant(row, settings, twin=True) for row in runs}
    records = train(
        source,
        Architecture(clusters=settings.components, hidden=(), head_scale=0.01),
        [*(_variant(row, settings, twin=False) for row in runs), *twins.values()],
        Training(
            steps=settings.steps,
            batch_size=settings.batch_size,
            momentum=0.0,
            records=settings.records,
            evaluation_size=512,
        ),
        description="published",
    ).records
    late = records.isel(step=slice(-max(settings.records // 5, 1), None)).mean("step")
    unit = {"nmi": 1.0}
    values = {name: late[name].to_numpy() / unit.get(name, np.log(settings.components)) for name in MEASURED}
    order = [len(runs) + list(twins).index(twin_of(row)) for row in runs]
    return xr.Dataset(
        {name: (("toy", "seed"), value[: len(runs)]) for name, value in values.items()}
        | {"twin_information": (("toy", "seed"), values["student_information"][order])}
    )


def run(settings: Settings, *, context: sweep.Context | None = None) -> xr.Dataset:
    """The ledger, and the toys; entropies in log K."""
    (toy,) = sweep.sweep(work, [settings], context=context)
    table = rows()
    said = [predict(row) for row in table]
    of_toys = [toy_said(row, settings) for row in toys()]
    found = [
        fate(kept, twin)
        for kept, twin in zip(
            toy.student_information.mean("seed").values, toy.twin_information.mean("seed").values, strict=True
        )
    ]
    return toy.assign_coords(
        sweep=("row", [row.sweep for row in table]),
        setting=("row", [row.setting for row in table]),
        source=("row", [row.source for row in table]),
        toy_setting=("toy", [f"{row.sweep}: {row.setting}" for row in toys()]),
        seed=np.arange(settings.seeds),
    ).assign(
        observed=("row", [row.observed for row in table]),
        free=("row", [float(row.free) for row in table]),
        predicted=("row", [one.said for one in said]),
        depends=("row", [one.depends for one in said]),
        claim=("row", [one.claim for one in said]),
        verdict=("row", [one.verdict for one in said]),
        toy_predicted=("toy", of_toys),
        toy_found=("toy", found),
        toy_verdict=("toy", [toy_verdict(*pair) for pair in zip(of_toys, found, strict=True)]),
    )


def toy_said(row: Row, settings: Settings) -> str:
    """What section D says of the toy run: "dead", "whole", or "less" (than its twin keeps)."""
    rho, tau = settings.correlation, row.teacher_temperature
    if row.final_temperature is not None:  # [D3]
        fold = survival_temperature(rho, clusters=settings.components, student_temperature=TAU_S)
        return "whole" if row.final_temperature < float(fold) else "dead"
    if tau >= rho * TAU_S:  # [D2]
        return "dead"
    constrained = TEACHERS[row.teacher].constrained
    if constrained and (row.center_momentum is None or tau == HARD):
        return "whole"
    race = center_race(  # [D7] no constraint: a centre that never moves
        rho,
        gain=settings.step_size * TAU_S,
        teacher_momentum=row.teacher_momentum,
        center_momentum=(row.center_momentum or 0.0) if constrained else 1.0,
        student_temperature=TAU_S,
        teacher_temperature=tau,
    )
    return "less" if race.lost else "whole"


def fate(kept: float, twin: float) -> str:
    """What a toy run came to, from its information and its twin's, in units of log K."""
    if kept < DEAD:
        return "dead"
    return "whole" if kept >= WHOLE * twin else "less"


def toy_verdict(said: str, found: str) -> str:
    """A dead run meets "less" too: how much is lost is not said."""
    return "as predicted" if said == found or (said, found) == ("less", "dead") else "contradicts"
