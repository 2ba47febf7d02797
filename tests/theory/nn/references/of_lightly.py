"""Makes of_lightly.json: what losses of lightly 1.6.0 are on inputs that a formula gives, torch 2.13.0, CPU.

Run by hand where lightly is installed: ``python tests/theory/nn/references/of_lightly.py``. Nothing of its
code is here, its classes are called as documented. Numbers are float32, as its modules compute them.
"""

import importlib
import json
import sys
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

import torch

N, K, STEPS = 6, 5, 3
FOUND = find_spec("lightly")
ROOT = Path(FOUND.origin).parent if FOUND else None


def loss_of(file, name):
    """A loss from its own file: packages above it, which import torchvision, stay empty."""
    for package in ("lightly", "lightly.loss", "lightly.models", "lightly.models.modules"):
        module = ModuleType(package)
        module.__path__ = [str(ROOT.joinpath(*package.split(".")[1:]))]
        sys.modules[package] = module
    return getattr(importlib.import_module(f"lightly.loss.{file}"), name)


def wave(*shape, phase):
    """Logits of the size that cosine heads have: sin(0.7 i + phase)."""
    count = torch.Size(shape).numel()
    return torch.sin(0.7 * torch.arange(count, dtype=torch.float64) + phase).reshape(shape).float()


def views(count, step, first):
    return [wave(N, K, phase=first + step + 0.37 * view) for view in range(count)]


def dino():
    constant = {"warmup_teacher_temp": 0.04, "teacher_temp": 0.04, "warmup_teacher_temp_epochs": 1}
    criterion = loss_of("dino_loss", "DINOLoss")(output_dim=K, **constant)
    found, centers = [], [criterion.center.tolist()]
    for step in range(STEPS):
        student = [view.requires_grad_() for view in views(4, step, 0.1)]
        loss = criterion(views(2, step, 5.0), student)
        gradient = torch.autograd.grad(loss, student)
        found.append({"loss": loss.item(), "gradient": [g.tolist() for g in gradient]})
        centers.append(criterion.center.tolist())
    return found, centers[-1], centers


def mask_of(step):
    """A variable number of masked tokens; none in the second image."""
    mask = torch.zeros(3, 2, 4, dtype=torch.bool)
    mask[0, 0, : 1 + step] = True
    mask[2, 1] = True
    return mask


def ibot():
    criterion = loss_of("ibot_loss", "IBOTPatchLoss")(output_dim=K, teacher_temp=0.04)
    found = []
    for step in range(STEPS):
        mask = mask_of(step)
        tokens = wave(3, 2, 4, K, phase=5.0 + step)[mask]
        student = wave(3, 2, 4, K, phase=0.1 + step)[mask].requires_grad_()
        loss = criterion(tokens, student, mask=mask)
        found.append({"loss": loss.item(), "gradient": torch.autograd.grad(loss, student)[0].tolist()})
    return found, criterion.center.value.tolist()


def swav():
    student = [view.requires_grad_() for view in views(4, 0, 0.1)]
    loss = loss_of("swav_loss", "SwaVLoss")()(student[:2], student[2:])
    return loss.item(), [g.tolist() for g in torch.autograd.grad(loss, student)]


def msn():
    prototypes = wave(K, 3, phase=0.9)
    anchors = wave(2 * N, 3, phase=0.1).requires_grad_()
    loss = loss_of("msn_loss", "MSNLoss")()(anchors, wave(N, 3, phase=5.0), prototypes)
    return loss.item(), torch.autograd.grad(loss, anchors)[0].tolist()


def targets():
    """Of the two Sinkhorns, on logits of temperature 0.05 and on their probabilities."""
    z = wave(4 * N, K, phase=2.0)
    swav_loss, msn_loss = (
        importlib.import_module(f"lightly.loss.{name}") for name in ("swav_loss", "msn_loss")
    )
    return swav_loss.sinkhorn(z, epsilon=0.05).tolist(), msn_loss.sinkhorn(
        torch.softmax(z / 0.05, 1)
    ).tolist()


if __name__ == "__main__":
    made = {"dino": dino(), "ibot": ibot(), "swav": swav(), "msn": msn(), "targets": targets()}
    Path(__file__).with_suffix(".json").write_text(json.dumps(made) + "\n")
