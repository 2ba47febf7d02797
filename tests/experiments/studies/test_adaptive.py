"""The experiment `adaptive`: one bias, quiet inside the line and turning beyond it (D6)."""

import numpy as np
import pytest

from experiments.studies import adaptive
from experiments.studies.shared import only

SETTINGS = adaptive.Settings(
    seeds=2,
    center_momenta=(0.93, 0.99),
    learning_rates=(1e-5, 1e-4),
    teacher_momentum=0.98,
    steps=6000,
)


@pytest.mark.claim("D6")
@pytest.mark.parametrize("optimizer", ["Adam", "AdamW"])
def test_adam_is_quiet_inside_the_line_and_turns_beyond_it_at_every_rate(optimizer):
    """m_t .98: the line is .9694."""
    size, entropy = adaptive.bias_runs(only(adaptive.Chunk, SETTINGS, optimizer=optimizer, clusters=2))
    inside, beyond = size / np.array(SETTINGS.learning_rates)[:, None]
    assert inside.max() < 1
    assert beyond.min() > 50
    assert entropy[0].min() > 0.999 * np.log(2)


@pytest.mark.control("D6")
def test_plain_descent_at_a_small_rate_is_quiet_on_both_sides():
    size, _ = adaptive.bias_runs(only(adaptive.Chunk, SETTINGS, optimizer="SGD", clusters=2))
    assert size[:, 0].max() < 1e-5


def test_the_dataset_holds_what_the_theory_says():
    found = adaptive.run(adaptive.Settings.quick())
    assert float(found.line) == pytest.approx(1 - 0.02 * 1.5 / 0.98, rel=1e-3)
    assert found.predicted_size.values[0] < found.predicted_size.values[1]
