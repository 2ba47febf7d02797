"""The experiment `shared_head`: the held loss holds the other from a share on (D8)."""

import numpy as np
import pytest

from experiments.studies import shared_head
from experiments.studies.shared import only

SETTINGS = shared_head.Settings(seeds=2, shares=(0.2, 0.45), steps=3000)


def entropies(**point):
    entropy, _ = shared_head.two_losses(only(shared_head.Chunk, SETTINGS, **point))
    return entropy / np.log(SETTINGS.clusters)


@pytest.mark.claim("D8")
def test_a_shared_bias_falls_on_the_predicted_side():
    """τ_t .07: held from .3 on."""
    lost, held = entropies(teacher_temperature=0.07, features=False)[0]
    assert held.min() > 0.999
    assert lost.max() < 0.9


@pytest.mark.control("D8")
def test_an_untied_bias_is_lost_whatever_the_share():
    assert entropies(teacher_temperature=0.07, features=False)[1].max() < 0.1


def test_a_centre_for_both_kinds_holds_both():
    chunk = only(shared_head.Chunk, SETTINGS, teacher_temperature=0.07, features=False)
    entropy, _ = shared_head.two_losses(chunk, center_second=True)
    np.testing.assert_allclose(entropy, np.log(8), rtol=1e-6)


def test_a_share_beyond_one_is_refused():
    with pytest.raises(ValueError, match="`shares`"):
        shared_head.Settings(shares=(1.2,))
