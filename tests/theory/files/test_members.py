"""What files hold and how it is listed: both sides of limits, no rows, one dimension, many members."""

import json
import sys

import numpy as np
import pytest
import torch

from tests.theory.files.test_opened import HALVES, Z, safetensors
from theory.files import opened as opened_module
from theory.files import safetensors_files, torch_files
from theory.files.member import Unreadable
from theory.files.opened import members, opened
from theory.files.rows import Rows


@pytest.mark.parametrize("kind", [".pt", ".safetensors"])
@pytest.mark.parametrize("shape", [(6,), (2, 20, 6), ()])
def test_bfloat16_of_any_rank_is_widened_without_loss(tmp_path, kind, shape):
    halves = HALVES.flatten()[: int(np.prod(shape))].reshape(shape)
    path = tmp_path / f"z{kind}"
    if kind == ".pt":
        torch.save({"z": halves}, path)
    else:
        safetensors(path, {"z": ("BF16", halves.view(torch.uint16).numpy())})
    member = members(path)["z"]
    found = np.asarray(member.open())
    assert found.dtype == np.float32 and member.shape == shape
    np.testing.assert_array_equal(found, halves.float().numpy())


def test_every_type_of_safetensors_is_read_and_others_are_passed_over(tmp_path):
    arrays = {kind: np.arange(6).astype(dtype) for kind, (_, dtype) in safetensors_files.TYPES.items()}
    given = {kind: (kind, array) for kind, array in arrays.items()} | {
        "F8": ("F8_E4M3", np.zeros(2, np.uint8))
    }
    held = members(safetensors(tmp_path / "z.safetensors", given))
    assert held.keys() == arrays.keys()
    for kind, array in arrays.items():
        found = np.asarray(held[kind].open())
        assert held[kind].dtype == safetensors_files.TYPES[kind][0]
        if kind != "BF16":
            np.testing.assert_array_equal(found, array)


def test_a_header_of_safetensors_may_fill_the_file_and_not_more(tmp_path):
    text = json.dumps(
        {"__metadata__": {"a": "b"}, "z": {"dtype": "F32", "shape": [0, 4], "data_offsets": [0, 0]}}
    )
    path = tmp_path / "z.safetensors"
    path.write_bytes(len(text).to_bytes(8, "little") + text.encode())
    assert members(path)["z"].open().shape == (0, 4)
    path.write_bytes((len(text) + 1).to_bytes(8, "little") + text.encode())
    with pytest.raises(Unreadable, match=f"cut short: its header is {len(text) + 1:,} bytes"):
        members(path)


@pytest.mark.parametrize("shape", [(0, 4), (3, 0)])
def test_arrays_without_numbers_have_their_shape(tmp_path, shape):
    np.save(tmp_path / "z.npy", np.zeros(shape, np.float32))
    safetensors(tmp_path / "z.safetensors", {"z": ("F32", np.zeros(shape, np.float32))})
    for name in ("z.npy", "z.safetensors"):
        (member,) = members(tmp_path / name).values()
        found = member.open()
        assert (found.shape, found.dtype) == (shape, np.float32)


@pytest.mark.parametrize("dtype", [[("a", "f4")], [("a", "f4", (2,))]])
def test_records_are_no_plain_numbers(tmp_path, dtype):
    np.save(tmp_path / "z.npy", np.zeros(3, dtype))
    np.savez(tmp_path / "z.npz", logits=np.zeros(3, dtype))
    for name, called in (("z.npy", "an array"), ("z.npz", "logits")):
        with pytest.raises(Unreadable, match=f"{name} must hold plain numbers, got `{called}` of "):
            members(tmp_path / name)


@pytest.mark.parametrize(
    ("count", "end"),
    [(11, "a10 [2] float64."), (12, "a11 [2] float64."), (13, " and 1 more."), (15, " and 3 more.")],
)
def test_twelve_members_are_listed_and_the_others_counted(tmp_path, count, end):
    np.savez(tmp_path / "z.npz", **{f"a{i}": np.zeros(2) for i in range(count)})
    with pytest.raises(Unreadable) as refused:
        opened("logits", tmp_path / "z.npz", "b")
    text = str(refused.value)
    assert text.endswith(end) and text.count("[2] float64") == min(count, 12)
    assert text.startswith(f"{tmp_path / 'z.npz'} holds no `b`, but a0 [2] float64, a1 [2]")


def test_nothing_is_listed_as_nothing():
    assert opened_module._listed([]) == "nothing"


@pytest.mark.parametrize("depth", [torch_files.DEPTH, torch_files.DEPTH + 1])
def test_dictionaries_are_followed_eight_deep(tmp_path, depth):
    value = torch.zeros(2)
    for _ in range(depth):
        value = {"a": value}
    torch.save(value, tmp_path / "z.pt")
    assert set(members(tmp_path / "z.pt")) == ({".".join("a" * 8)} if depth == 8 else set())


def test_numbers_words_and_flags_of_a_torch_file_are_members_and_other_things_are_not(tmp_path):
    torch.save({"f": 0.5, "i": 3, "b": True, "s": "dino", "n": None, "t": (1, [2.5])}, tmp_path / "z.pt")
    held = members(tmp_path / "z.pt")
    found = {name: (member.dtype, member.open().item()) for name, member in held.items()}
    assert found == {
        "f": ("float", 0.5), "i": ("int", 3), "b": ("bool", True), "s": ("str", "dino"),
        "t.0": ("int", 1), "t.1.0": ("float", 2.5),
    }  # fmt: skip


def test_a_torch_file_without_torch_says_what_to_write_instead(tmp_path, monkeypatch):
    torch.save({"logits": torch.from_numpy(Z)}, tmp_path / "z.pt")
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(Unreadable, match=r"is a file of PyTorch, which is not installed: np\.savez"):
        members(tmp_path / "z.pt")


def test_shards_without_rows_or_of_one_dimension_are_refused(tmp_path):
    np.save(tmp_path / "a.npy", Z)
    for other in (np.zeros((0, 6), np.float32), np.zeros((3, 0), np.float32), Z[0]):
        np.save(tmp_path / "b.npy", other)
        match = r"must have shape \[\.\.\., N, K\] in every file, got .* in .*b\.npy"
        with pytest.raises(Unreadable, match=match):
            opened("logits", [tmp_path / "a.npy", tmp_path / "b.npy"])


def test_rows_are_read_a_row_at_a_time_at_least():
    rows = Rows([Z[:7], Z[7:]])
    for elements, sizes in ((1, [1] * 40), (6, [1] * 40), (11, [1] * 40), (12, [2, 2, 2, 1, *[2] * 16, 1])):
        assert [len(block) for block in rows.blocks(elements)] == sizes
    assert (rows.shape, len(rows), rows.ndim) == ((40, 6), 40, 2)
    both = rows.under(Rows([Z[:3]]))
    np.testing.assert_array_equal(both.whole(), np.concatenate([Z, Z[:3]]))
    for index in ([], [6], [7], [0, 6, 7, 39]):
        np.testing.assert_array_equal(rows.take(np.array(index, int)), Z[index])


def test_a_torch_file_of_other_objects_is_said_to_hold_them(tmp_path):
    torch.save({"logits": Rows([Z])}, tmp_path / "z.pt")
    with pytest.raises(Unreadable, match=r"z\.pt must hold tensors only, got other objects"):
        members(tmp_path / "z.pt")


@pytest.mark.parametrize("shape, size", [([0, -4], 0), ([-64, -4, 1], 1024)])
def test_negative_lengths_whose_product_fits_are_damage(tmp_path, shape, size):
    entry = {"dtype": "F32", "shape": shape, "data_offsets": [0, size]}
    text = json.dumps({"z": entry}).encode()
    (tmp_path / "z.safetensors").write_bytes(len(text).to_bytes(8, "little") + text + bytes(size))
    with pytest.raises(Unreadable, match=r"z\.safetensors is damaged: `z`"):
        members(tmp_path / "z.safetensors")


@pytest.mark.parametrize("write", [np.savez, np.savez_compressed])
def test_only_what_is_not_compressed_is_mapped(tmp_path, monkeypatch, write):
    monkeypatch.setattr("theory.files.numpy_files.IN_MEMORY", 0)
    write(tmp_path / "z.npz", logits=Z)
    found = opened("logits", tmp_path / "z.npz")
    assert isinstance(found, np.memmap) == (write is np.savez)
    np.testing.assert_array_equal(found, Z)
