"""Files that are damaged or made to hurt: one line, status 2, nothing run, no memory taken."""

import io
import json
import os
import pickle
import tracemalloc
import zipfile

import numpy as np
import pytest
import torch

from tests.theory.files.test_opened import safetensors
from theory.__main__ import main

Z = np.random.default_rng(0).normal(size=(64, 4)).astype(np.float32)
RUN = []


class Bomb:
    """Runs when it is unpickled."""

    def __reduce__(self):
        return (RUN.append, ("ran",))


def npy(descr="'<f4'", shape="(64, 4)", data=None, version=b"\x01\x00"):
    header = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}".encode()
    header += b" " * (118 - len(header)) + b"\n"
    return (
        b"\x93NUMPY"
        + version
        + len(header).to_bytes(2, "little")
        + header
        + (Z.tobytes() if data is None else data)
    )


def archive(**members):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as held:
        for name, data in members.items():
            held.writestr(name.replace("__", "."), data)
    return file.getvalue()


def pickled(value):
    file = io.BytesIO()
    torch.save(value, file)
    return file.getvalue()


def header(entry):
    text = json.dumps({"logits": entry}).encode()
    return len(text).to_bytes(8, "little") + text + Z.tobytes()


def flipped(data, at):
    return data[:at] + bytes([data[at] ^ 0xFF]) + data[at + 1 :]


GOOD = {"dtype": "F32", "shape": [64, 4], "data_offsets": [0, 1024]}
HOSTILE = {
    "empty.npy": b"",
    "one_byte.npz": b"P",
    "text.npy": b"1.0 2.0 3.0\n",
    "zeros.npy": bytes(4096),
    "magic_only.npy": b"\x93NUMPY",
    "version_9.npy": npy(version=b"\x09\x00"),
    "cut.npy": npy()[:-8],
    "huge.npy": npy(shape="(10000000000000, 262144)"),
    "overflow.npy": npy(shape=f"({2**62}, {2**62})"),
    "negative.npy": npy(shape="(-64, 4)"),
    "nested.npy": npy(shape="(" * 60 + ")" * 60),
    "not_a_tuple.npy": npy(shape="64"),
    "code.npy": npy(shape="__import__('os')"),
    "objects.npy": npy(descr="'|O'", data=pickle.dumps([Bomb()])),
    "structured.npy": npy(descr="[('a', '<f4')]"),
    "strings.npy": npy(descr="'<U4'"),
    "complex.npy": npy(descr="'<c8'", shape="(32, 4)"),
    "bits.npy": npy(descr="'<u2'", shape="(64, 8)"),
    "integers.npy": npy(descr="'<i4'"),
    "number.npy": npy(shape="()"),
    "no_rows.npy": npy(shape="(0, 4)"),
    "no_members.npz": archive(),
    "foreign.npz": archive(readme__txt=b"hello"),
    "cut.npz": archive(logits__npy=npy())[:-30],
    "flipped.npz": flipped(archive(logits__npy=npy()), 60),
    "bomb.npz": archive(logits__npy=npy(shape="(1000000000, 4)", data=bytes(1 << 26))),
    "objects.npz": archive(logits__npy=npy(descr="'|O'", data=pickle.dumps([Bomb()]))),
    "code.pt": pickled({"logits": Bomb()}),
    "cut.pt": pickled(torch.from_numpy(Z))[:-100],
    "legacy.pt": pickle.dumps({"logits": Bomb()}, protocol=2),
    "no_tensors.pt": pickled({"step": 3}),
    "cut.safetensors": header(GOOD)[:-8],
    "long_header.safetensors": (1 << 60).to_bytes(8, "little") + b"{}",
    "no_json.safetensors": (4).to_bytes(8, "little") + b"{{{{",
    "list.safetensors": (2).to_bytes(8, "little") + b"[]",
    "outside.safetensors": header(GOOD | {"data_offsets": [1024, 2048]}),
    "backwards.safetensors": header(GOOD | {"data_offsets": [1024, 0]}),
    "mismatch.safetensors": header(GOOD | {"shape": [64, 5]}),
    "negative.safetensors": header(GOOD | {"shape": [-64, -4]}),
    "no_type.safetensors": header({"shape": [64, 4]}),
    "deep.safetensors": (200000).to_bytes(8, "little") + b"[" * 200000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_ends_in_one_line_and_status_2(tmp_path, capsys, name):
    path = tmp_path / name
    path.write_bytes(HOSTILE[name])
    tracemalloc.start()
    try:
        assert main([str(path), "--temperature", "0.1"]) == 2
        assert tracemalloc.get_traced_memory()[1] < 1 << 28
    finally:
        tracemalloc.stop()
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert name in captured.err or "`logits`" in captured.err
    assert not RUN


def test_the_files_would_be_read_if_they_were_whole(tmp_path):
    whole = {
        "a.npy": npy(),
        "a.npz": archive(logits__npy=npy()),
        "a.pt": pickled(torch.from_numpy(Z)),
        "a.safetensors": header(GOOD),
    }
    for name, data in whole.items():
        (tmp_path / name).write_bytes(data)
        assert main([str(tmp_path / name), "--temperature", "0.1"]) < 2


@pytest.mark.parametrize("made", ["folder", "pipe", "loop", "long"])
def test_what_is_no_file_is_told_so(tmp_path, capsys, made):
    path = tmp_path / "x.npy"
    if made == "folder":
        path.mkdir()
    elif made == "pipe":
        os.mkfifo(path)
    elif made == "loop":
        path.symlink_to(path)
    else:
        path = tmp_path / ("x" * 5000)
    assert main([str(path), "--temperature", "0.1"]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_out_of_memory_is_no_problem_of_the_run(tmp_path, capsys, monkeypatch):
    def fails(**arguments):
        raise MemoryError

    monkeypatch.setattr("theory.__main__.diagnose", fails)
    safetensors(tmp_path / "z.safetensors", {"logits": ("F32", Z)})
    assert main([str(tmp_path / "z.safetensors"), "--temperature", "0.1"]) == 2
    assert "out of memory" in capsys.readouterr().err


def test_bits_of_bfloat16_are_told_from_numbers(tmp_path, capsys):
    (tmp_path / "bits.npy").write_bytes(HOSTILE["bits.npy"])
    assert main([str(tmp_path / "bits.npy"), "--temperature", "0.1"]) == 2
    assert "bits of bfloat16, write z.float()" in capsys.readouterr().err
