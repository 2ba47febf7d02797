"""lightly's DINO loss without the rest of lightly, whose packages import torchvision on the way."""

from __future__ import annotations

import importlib
import sys
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

_PACKAGES = ("lightly", "lightly.loss", "lightly.models", "lightly.models.modules")


@cache
def absent() -> str:
    """Why it cannot be had; "" where it can."""
    if find_spec("lightly") is None:
        return "lightly is not installed"
    try:
        dino_loss()
    except ImportError as error:
        return f"not importable without its packages: {error}"
    return ""


@cache
def dino_loss() -> Any:
    """The class `DINOLoss`, from its own file; packages above it are empty while it is read."""
    spec = find_spec("lightly")
    if spec is None or spec.origin is None:
        raise ImportError("lightly is not installed")
    before = {name: sys.modules.pop(name) for name in list(sys.modules) if name.split(".")[0] == "lightly"}
    try:
        for name in _PACKAGES:
            package = ModuleType(name)
            package.__path__ = [str(Path(spec.origin).parent.joinpath(*name.split(".")[1:]))]
            sys.modules[name] = package
        return importlib.import_module("lightly.loss.dino_loss").DINOLoss
    finally:
        for name in [name for name in sys.modules if name.split(".")[0] == "lightly"]:
            del sys.modules[name]
        sys.modules.update(before)
