"""Arrays from files of each kind: the same numbers, mapped where large, one under another where several."""

import json
import subprocess
import sys

import numpy as np
import pytest
import torch

import theory
from theory.files import member as members_module
from theory.files.opened import chosen, files_of, members, opened
from theory.files.rows import Rows

Z = np.random.default_rng(0).normal(size=(40, 6)).astype(np.float32)
HALVES = torch.from_numpy(Z).to(torch.bfloat16)


def safetensors(path, tensors):
    """A file by the format's description: 8 bytes of length, the header as JSON, the numbers."""
    header, data = {}, b""
    for name, (kind, array) in tensors.items():
        header[name] = {
            "dtype": kind,
            "shape": list(array.shape),
            "data_offsets": [len(data), len(data) + array.nbytes],
        }
        data += array.tobytes()
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + data)
    return path


def written(folder, kind, z=Z):
    """One array in a file of that kind."""
    path = folder / f"z{kind}"
    if kind == ".npy":
        np.save(path, z)
    elif kind == ".npz":
        np.savez(path, logits=z)
    elif kind == ".packed.npz":
        np.savez_compressed(path, logits=z)
    elif kind == ".safetensors":
        safetensors(path, {"logits": ("F32", z)})
    else:
        torch.save({"logits": torch.from_numpy(z)}, path, _use_new_zipfile_serialization=kind == ".pt")
    return path


KINDS = [".npy", ".npz", ".packed.npz", ".pt", ".pth", ".safetensors"]


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_file_gives_the_numbers_that_were_saved(tmp_path, kind):
    np.testing.assert_array_equal(opened("logits", written(tmp_path, kind)), Z)


@pytest.mark.parametrize("kind", [".npy", ".npz", ".safetensors"])
def test_large_arrays_are_mapped(tmp_path, monkeypatch, kind):
    monkeypatch.setattr("theory.files.numpy_files.IN_MEMORY", 0)
    found = opened("logits", written(tmp_path, kind))
    base = found
    while base is not None and not isinstance(base, np.memmap):
        base = base.base
    assert isinstance(base, np.memmap)
    assert not found.flags.writeable
    np.testing.assert_array_equal(found, Z)


@pytest.mark.parametrize("kind", [".pt", ".safetensors"])
def test_bfloat16_is_widened_without_loss(tmp_path, kind):
    path = tmp_path / f"z{kind}"
    if kind == ".pt":
        torch.save(HALVES, path)
    else:
        safetensors(path, {"logits": ("BF16", HALVES.view(torch.uint16).numpy())})
    found = opened("logits", path)
    assert isinstance(found, Rows) and found.dtype == np.float32
    np.testing.assert_array_equal(found.whole(), HALVES.float().numpy())
    np.testing.assert_array_equal(found.take(np.array([3, 7])), HALVES.float().numpy()[[3, 7]])
    assert theory.summarize(path).mutual_information == theory.summarize(HALVES).mutual_information


@pytest.mark.parametrize("dtype", [">f4", ">f8", np.float16, np.float64])
@pytest.mark.parametrize("order", ["C", "F"])
def test_any_order_of_bytes_and_axes_is_the_same_array(tmp_path, dtype, order):
    np.save(tmp_path / "z.npy", np.asarray(Z.astype(dtype), order=order))
    found = opened("logits", tmp_path / "z.npy")
    found = found.whole() if isinstance(found, Rows) else found
    assert found.dtype.isnative
    np.testing.assert_array_equal(found, Z.astype(dtype).astype(np.dtype(dtype).newbyteorder("=")))


@pytest.mark.parametrize("kind", [".npy", ".npz", ".pt", ".safetensors"])
def test_shards_are_one_under_another_in_the_order_of_their_numbers(tmp_path, kind):
    cuts = np.split(Z, [5, 6, 20, 21, 22, 23, 24, 25, 26, 27])
    for i, part in enumerate(cuts):
        written(tmp_path, kind, np.ascontiguousarray(part)).rename(tmp_path / f"rank{i}{kind}")
    pattern = tmp_path / f"rank*{kind}"
    assert [path.stem for path in files_of(pattern)] == [f"rank{i}" for i in range(11)]
    for given in (pattern, str(pattern), files_of(pattern)):
        found = opened("logits", given)
        assert found.shape == Z.shape
        np.testing.assert_array_equal(found.whole(), Z)
        np.testing.assert_array_equal(np.concatenate(list(found.blocks(13))), Z)
    index = np.array([0, 4, 5, 19, 20, 39])
    np.testing.assert_array_equal(found.take(index), Z[index])
    whole = theory.summarize(Z, temperature=0.5)
    assert theory.summarize(pattern, temperature=0.5).mutual_information == pytest.approx(
        whole.mutual_information, rel=1e-6
    )


def test_shards_of_unlike_clusters_or_types_are_refused(tmp_path):
    np.save(tmp_path / "a.npy", Z)
    np.save(tmp_path / "b.npy", Z[:, :5])
    np.save(tmp_path / "c.npy", Z.astype(np.float64))
    for other in "bc":
        with pytest.raises(
            ValueError, match=r"one K and one type in all files, got 6 of float32 in .*a\.npy"
        ):
            opened("logits", [tmp_path / "a.npy", tmp_path / f"{other}.npy"])


def test_a_name_with_the_signs_of_a_pattern_is_a_file_first(tmp_path):
    np.save(tmp_path / "z[1].npy", Z)
    assert files_of(tmp_path / "z[1].npy") == [tmp_path / "z[1].npy"]
    with pytest.raises(FileNotFoundError, match=r"q\*\.npy matches no file"):
        files_of(tmp_path / "q*.npy")


def test_the_array_is_that_of_its_name_or_the_only_one_that_can_be(tmp_path):
    np.savez(tmp_path / "a.npz", teacher=Z, epoch=np.asarray(3), labels=np.arange(40))
    held = members(tmp_path / "a.npz")
    assert chosen(held, tmp_path, "logits").name == "teacher"
    assert chosen(held, tmp_path, "logits", "labels").name == "labels"
    np.savez(tmp_path / "b.npz", teacher=Z, student=Z)
    with pytest.raises(ValueError, match=r"`key` names one of teacher \[40, 6\] float32, student"):
        opened("logits", tmp_path / "b.npz")
    np.testing.assert_array_equal(opened("logits", tmp_path / "b.npz", "student"), Z)
    with pytest.raises(ValueError, match="holds no `x`, but teacher"):
        opened("logits", tmp_path / "b.npz", "x")


def test_dictionaries_in_dictionaries_are_named_with_dots(tmp_path):
    torch.save({"step": 7, "out": {"teacher": [torch.from_numpy(Z)]}, "name": "run"}, tmp_path / "z.pt")
    assert set(members(tmp_path / "z.pt")) == {"step", "out.teacher.0", "name"}
    np.testing.assert_array_equal(opened("logits", tmp_path / "z.pt", "out.teacher.0"), Z)
    np.testing.assert_array_equal(opened("logits", tmp_path / "z.pt"), Z)


def test_headers_are_read_and_nothing_else(tmp_path, monkeypatch):
    """A member of 4 TiB costs nothing until it is asked for, and then a refusal."""
    monkeypatch.setattr(members_module, "UNPACKED", 100)
    monkeypatch.setattr("theory.files.numpy_files.UNPACKED", 100)
    np.savez_compressed(tmp_path / "z.npz", logits=Z)
    held = members(tmp_path / "z.npz")
    assert (held["logits"].shape, held["logits"].dtype) == ((40, 6), "float32")
    with pytest.raises(ValueError, match=r"compressed, 0\.0 GiB unpacked: np\.savez writes it"):
        held["logits"].open()


def test_reading_numpy_files_and_safetensors_loads_no_torch(tmp_path):
    paths = [str(written(tmp_path, kind)) for kind in (".npy", ".npz", ".safetensors")]
    code = (
        f"import sys, theory\nfor path in {paths}: theory.summarize(path)\nassert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
