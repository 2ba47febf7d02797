"""Real logits for the interactive page: a small network, trained with centering, on digits it has not seen.

`python docs/_ext/digit_logits.py` writes docs/interactive/teachers/digits.js: one JSON object after
`const DIGITS =`, since a page that is opened as a file can load scripts and nothing else.
"""

import json
import sys
from pathlib import Path
from typing import Any

import torch

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT)]

from experiments.data.digits import Digits  # noqa: E402  (needs the path above)
from experiments.training.distill import Training, train  # noqa: E402
from experiments.training.model import Architecture  # noqa: E402
from experiments.training.variants import Variant  # noqa: E402

TARGET = ROOT / "docs/interactive/teachers/digits.js"
OPENING = "const DIGITS = "
SEED, SAMPLES, CLUSTERS, STEPS, TEMPERATURE, DECIMALS = 0, 48, 8, 300, 0.04, 3


def digits() -> dict[str, Any]:
    """What made them, the logits [N, K], rounded, and the label of each image.

    In float64, where the order of sums moves nothing that the rounding keeps.
    """
    source = Digits(bank=8).source([SEED], dtype=torch.float64)
    architecture = Architecture(clusters=CLUSTERS, hidden=(64, 32), head_scale=0.1)
    variant = Variant(
        name="network",
        teacher="centering",
        center_momentum=None,
        teacher_temperature=TEMPERATURE,
        learning_rate=3e-3,
    )
    training = Training(steps=STEPS, batch_size=128, optimizer="adam", records=2, evaluation_size=64)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # products as small as these wait for threads longer than they compute
    try:
        network = train(
            source, architecture, [variant], training, dtype=torch.float64, description="network on digits"
        ).teacher
        batch = source.held_out(SAMPLES, views=1)
        z = architecture.logits(network, batch.views[:, 0])[0, 0]
    finally:
        torch.set_num_threads(threads)
    return {
        "made by": "python docs/_ext/digit_logits.py",
        "training temperature": TEMPERATURE,
        "labels": batch.labels[0].tolist(),
        "logits": [[round(value, DECIMALS) for value in row] for row in z.tolist()],
    }


def written(found: dict[str, Any]) -> str:
    """The script's text, a sample a line."""
    head = {key: value for key, value in found.items() if key != "logits"}
    rows = ",\n  ".join(json.dumps(row) for row in found["logits"])
    return f'{OPENING}{json.dumps(head)[:-1]}, "logits": [\n  {rows}\n]}};\n'


def read(text: str) -> dict[str, Any]:
    """What `written` wrote."""
    found: dict[str, Any] = json.loads(text.removeprefix(OPENING).removesuffix(";\n"))
    return found


if __name__ == "__main__":
    TARGET.write_text(written(digits()), encoding="utf-8")
    print(f"Wrote {TARGET.relative_to(ROOT)}.")
