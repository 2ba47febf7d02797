"""Members of a file that torch.save wrote: tensors, by `weights_only`, so that nothing in it is run."""

from __future__ import annotations

import importlib
import pickle
import zipfile
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from theory.checks import check_plain
from theory.files.member import Member, Unreadable
from theory.files.rows import Rows
from theory.files.safetensors_files import widened

__all__: list[str] = []

DEPTH = 8
"""Of dictionaries in dictionaries."""


def torch_members(path: Path) -> Iterator[Member]:
    """Tensors, numbers and strings of all dictionaries and lists in the file, by names joined with dots."""
    yield from _flattened("", _loaded(path), DEPTH)


def _loaded(path: Path) -> Any:
    try:
        torch: Any = importlib.import_module("torch")  # here alone: the core loads no torch
    except ModuleNotFoundError:
        raise Unreadable(
            f"{path} is a file of PyTorch, which is not installed: "
            "np.savez('run.npz', logits=z.float().cpu().numpy()) writes one that needs no PyTorch."
        ) from None
    new = zipfile.is_zipfile(path)  # only these can be mapped
    try:
        return torch.load(path, map_location="cpu", weights_only=True, mmap=new)
    except pickle.UnpicklingError:
        raise Unreadable(
            f"{path} must hold tensors only, got other objects, of which nothing was loaded: "
            "torch.save({'logits': z}, 'run.pt') writes one."
        ) from None
    except (RuntimeError, ValueError, EOFError, OSError, KeyError, AttributeError, TypeError, IndexError):
        raise Unreadable(f"{path} is damaged, or no file of PyTorch.") from None


def _flattened(name: str, value: Any, depth: int) -> Iterator[Member]:
    if hasattr(value, "detach"):
        dtype = str(value.dtype).removeprefix("torch.")
        yield Member(
            name=name, shape=tuple(value.shape), dtype=dtype, open=partial(_array, name, value.detach())
        )
    elif isinstance(value, bool | int | float | str):
        yield Member(name=name, shape=(), dtype=type(value).__name__, open=partial(np.asarray, value))
    elif depth and isinstance(value, Mapping | list | tuple):
        pairs = value.items() if isinstance(value, Mapping) else enumerate(value)
        for key, inner in pairs:
            yield from _flattened(f"{name}.{key}" if name else str(key), inner, depth - 1)


def _array(name: str, tensor: Any) -> Any:
    check_plain(name or "the tensor", tensor)
    if "bfloat16" not in str(tensor.dtype):
        return tensor.numpy()
    halves = tensor.view(dtype=importlib.import_module("torch").uint16).numpy()
    return Rows([halves], bfloat16=True) if halves.ndim == 2 else widened(halves)
