"""The published runs themselves, in order: settings and numbers as their sources print them."""

from __future__ import annotations

from typing import Any

from experiments.studies.ledger import HARD, TAU_S, Row

DINO_D, IBOT_E = "DINO, app. D", "iBOT, app. E"
IBOT: dict[str, Any] = {
    "clusters": 8192,
    "held_share": 0.5,
    "final_temperature": 0.07,
    "outcome": "learns",
    "source": IBOT_E,
}
RUAN: dict[str, Any] = {
    "source": "Ruan et al., table 9",
    "clusters": 4096,
    "center_momentum": None,
    "toy": False,
}
X_LOG: dict[str, Any] = {"clusters": 8192, "source": "DINO-X log, one seed", "toy": False}


def _sweep(name: str, rows: tuple[tuple[str, str, dict[str, Any]], ...], **common: Any) -> list[Row]:
    return [Row(sweep=name, setting=setting, observed=seen, **(common | own)) for setting, seen, own in rows]


def rows() -> tuple[Row, ...]:
    """All rows, in order."""
    learns, dies = {"outcome": "learns"}, {"outcome": "dies"}
    batch = {"center_momentum": None}
    one_head = {"toy": False}
    held = {"outcome": "held", "said": "held", "note": "D4: inside the line 0.9940, any rate"}
    return (
        *_sweep(
            "centre momentum, ViT-S, k-NN",
            tuple(
                (f"{m:g}", f"{knn:g}", {"center_momentum": m, "outcome": "learns" if knn > 1 else "dies"})
                for m, knn in ((0.0, 69.1), (0.9, 69.7), (0.99, 69.4), (0.999, 0.1))
            ),
            source=DINO_D,
        ),
        *_sweep(
            "teacher temperature, k-NN",
            (
                ("0", "43.9", learns | {"teacher_temperature": HARD}),
                ("0.02", "66.7", learns | {"teacher_temperature": 0.02, "free": True}),
                ("0.04", "69.6", learns | {"free": True}),
                ("0.06", "68.7", learns | {"teacher_temperature": 0.06, "free": True}),
                ("0.08", "0.1", dies | {"teacher_temperature": 0.08, "free": True}),
                ("0.04 to 0.07", "69.7", learns | {"final_temperature": 0.07}),
            ),
            source=DINO_D,
        ),
        *_sweep(
            "centering, sharpening",
            (
                ("both", "learns (curve)", learns),
                ("centering alone", "uniform (curve)", dies | {"teacher_temperature": TAU_S}),
                ("sharpening alone", "one cluster (curve)", dies | {"teacher": "unconstrained"}),
            ),
            source="DINO, sec. 5.3",
        ),
        *_sweep(
            "teacher, linear",
            (
                ("centering", "76.1", learns),
                ("softmax over the batch", "75.8", learns | batch | {"teacher": "batch_softmax"}),
                ("Sinkhorn", "76.0", learns | batch | {"teacher": "sinkhorn", "rounds": 3}),
                ("centering, no momentum", "0.1", dies | {"teacher_momentum": 0.0, "center_momentum": 0.9}),
                (
                    "batch, no momentum",
                    "72.2",
                    learns | batch | {"teacher": "batch_softmax", "teacher_momentum": 0.0},
                ),
                (
                    "Sinkhorn, no momentum",
                    "71.8",
                    learns | batch | {"teacher": "sinkhorn", "rounds": 3, "teacher_momentum": 0.0},
                ),
            ),
            source="DINO, table 15",
        ),
        *_sweep(
            "mean squared error",
            (
                ("without centering", "0.1", dies | {"teacher": "unconstrained"} | one_head),
                ("with centering", "52.6", learns | one_head),
            ),
            source="DINO, table 14",
        ),
        *_sweep(
            "batch size, k-NN",
            tuple(
                (b, seen, learns | one_head) for b, seen in (("8", "35.2"), ("128 to 1024", "57.9 to 59.9"))
            ),
            source="DINO, table 9",
        ),
        *_sweep(
            "iBOT's patches, centre, k-NN",
            tuple(
                (setting, seen, {"center_momentum": m})
                for setting, seen, m in (
                    ("0.8", "68.7", 0.8),
                    ("0.9", "69.1", 0.9),
                    ("0.99", "68.8", 0.99),
                    ("0.999", "68.9", 0.999),
                    ("none", "69.4", None),
                )
            ),
            **IBOT | one_head,
        ),
        *_sweep(
            "iBOT's patches, warm-up, k-NN",
            (
                ("0.04 to 0.06", "68.5", {"final_temperature": 0.06}),
                ("0.05 to 0.08", "68.7", {"final_temperature": 0.08, "teacher_temperature": 0.05}),
            ),
            **IBOT | one_head | {"held_share": 0.0},
        ),
        *_sweep(
            "teacher, K = 4096, k-NN",
            (
                ("centering", "72.4", {"center_momentum": 0.9}),
                ("Sinkhorn", "74.1", {"teacher": "sinkhorn"}),
                ("Sinkhorn and me-max", "73.2", {"teacher": "sinkhorn"}),
                ("me-max alone", "74.0", {"said": "", "note": "D3: a regularised student is not covered"}),
            ),
            **RUAN | learns,
        ),
        *_sweep(
            "Sinkhorn's temperature, linear",
            tuple(
                (f"{tau:g}", f"{seen:g}", {"teacher_temperature": tau})
                for tau, seen in ((0.005, 72.2), (0.01, 73.9), (0.025, 74.4), (0.05, 73.6))
            ),
            **RUAN | learns | {"teacher": "sinkhorn", "source": "Ruan et al., fig. 6"},
        ),
        *_sweep(
            "DINO-X, centre, loss at 2,000 steps",
            (
                (
                    "0.9",
                    "8.997 (log K 9.011)",
                    held,
                ),
                ("0.95", "8.998", held | {"center_momentum": 0.95}),
                ("0.99", "9.005", held | {"center_momentum": 0.99}),
                ("0.999", "5.763, retrieval no better", dies | {"center_momentum": 0.999}),
            ),
            **X_LOG,
        ),
        *_sweep(
            "DINO-X, later",
            (
                ("0.9 at 10,000", "loss 9.002, retrieval 4", held),
                ("0.999 at 10,000", "loss .941, retrieval 18", dies | {"center_momentum": 0.999}),
                ("0.999 at 100,000", "retrieval 1032: learns", learns | {"center_momentum": 0.999}),
                (
                    "0.9, cue shared by both views",
                    "8.992 to .134, retrieval no better",
                    learns | {"said": "learns", "note": "D2: the cue has ρ = 1: it is learnt, and first"},
                ),
            ),
            **X_LOG,
        ),
        *_sweep(
            "others",
            (
                (
                    "DINOv3 thread 199, 64 a GPU",
                    "stuck at log 4096",
                    dies | {"said": "", "note": "D2: needs ρ < τ_t/τ_s, not known", "clusters": 4096},
                ),
                (
                    "distinct prototypes, DINO; DINOv2",
                    "908 of 60,000; 2,556 of 262,144",
                    {"outcome": "", "said": "", "note": "C1: a uniform prior asks for no number"},
                ),
                (
                    "the same, CAPI; iBOT-L",
                    "16,383 of 16,384; 969 of 8,192",
                    {"outcome": "", "said": "", "note": "C1: a uniform prior asks for no number"},
                ),
            ),
            source="the last two at second hand",
            toy=False,
        ),
    )
