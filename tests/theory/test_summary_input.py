"""What `theory.summarize` refuses: named, with what arrived."""

import sys

import numpy as np
import pytest
import torch

import theory

GOOD = np.zeros((4, 3))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"logits": np.array([[0.0, np.nan], [0.0, 0.0]])}, r"`logits` must not contain NaN.*index \(0, 1\)"),
        ({"logits": np.array([[0.0, np.inf], [0.0, 0.0]])}, r"`logits` must not contain \+inf"),
        ({"logits": np.array([[-np.inf, -np.inf], [0.0, 0.0]])}, "finite entry in every row"),
        ({"logits": np.zeros(3)}, r"shape \[..., N, K\].*got shape \(3,\)"),
        ({"logits": np.zeros((3, 1))}, "K at least 2"),
        ({"logits": np.zeros((0, 3))}, r"got shape \(0, 3\)"),
        ({"logits": []}, "at least one block"),
        ({"logits": [GOOD, np.zeros((4, 2))]}, "one K, got 3 and 2"),
        ({"logits": [GOOD, (GOOD, np.ones(4))]}, "got both"),
        ({"logits": GOOD, "weights": np.ones(3)}, r"`weights` must have shape \(4,\)"),
        ({"logits": GOOD, "weights": np.array([1.0, -1, 1, 1])}, "`weights` must not be negative, got -1"),
        ({"logits": GOOD, "weights": np.array([1.0, np.nan, 1, 1])}, "`weights` must be finite"),
        ({"logits": GOOD, "weights": np.array([1.0, np.inf, 1, 1])}, "`weights` must be finite"),
        ({"logits": GOOD, "weights": np.zeros(4)}, "positive weight, got none"),
        ({"logits": [GOOD], "weights": np.ones(4)}, "pairs"),
        ({"logits": GOOD, "temperature": 0.0}, "`temperature`"),
    ],
)
def test_what_is_no_ensemble_is_refused_by_name(given, message):
    with pytest.raises(ValueError, match=message):
        theory.summarize(**given)


@pytest.mark.parametrize("logits", [3, None, np.zeros((4, 3), int), "text", {"a": GOOD}])
def test_what_is_no_array_is_refused(logits):
    with pytest.raises((TypeError, FileNotFoundError)):
        theory.summarize(logits)


def test_a_file_of_something_else_is_refused(tmp_path):
    np.savez(tmp_path / "z.npz", a=GOOD, b=GOOD)
    with pytest.raises(ValueError, match=r"z\.npz must hold an array named `logits`.* a \[.*, b \["):
        theory.summarize(tmp_path / "z.npz")
    (tmp_path / "z.txt").write_text("1 2 3")
    with pytest.raises(ValueError, match=r"z\.txt must be a file of plain numbers, \.npy, \.npz"):
        theory.summarize(tmp_path / "z.txt")


def test_summaries_of_other_temperatures_or_clusters_do_not_add():
    a = theory.summarize(GOOD)
    with pytest.raises(ValueError, match="`temperature`, got 1 and 2"):
        a + theory.summarize(GOOD, temperature=2.0)
    with pytest.raises(ValueError, match="`clusters`, got 3 and 2"):
        a + theory.summarize(np.zeros((4, 2)))
    with pytest.raises(TypeError):
        a + 1


class Elsewhere(torch.Tensor):
    """A tensor of an accelerator, as far as NumPy sees it: only a copy on the host can be read."""

    def cpu(self):
        return self.as_subclass(torch.Tensor)

    def __array__(self, *given, **options):
        raise TypeError("not on the host")


def test_what_is_on_an_accelerator_is_copied_to_the_host():
    z = torch.arange(12.0).reshape(4, 3).sin()
    far = z.as_subclass(Elsewhere)
    with pytest.raises(TypeError, match="not on the host"):
        np.asarray(far)
    assert (theory.summarize(far).log_prior == theory.summarize(z).log_prior).all()


@pytest.mark.parametrize("weights", [None, np.ones(4)])
def test_each_array_of_a_summary_is_read_once(monkeypatch, weights):
    read = []
    monkeypatch.setattr(sys.modules["theory.summary.summarize"], "reads_values", read.append)
    theory.summarize(GOOD, weights=weights)
    assert read == ["logits", *(["weights"] if weights is not None else [])]
