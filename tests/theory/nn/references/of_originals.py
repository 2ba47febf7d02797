"""Makes of_originals.json: what the authors' code gives on inputs that a formula gives, torch 2.13.0, CPU.

Run by hand where the repositories are cloned side by side, each in a folder named as below:
``python tests/theory/nn/references/of_originals.py CLONES``. Nothing of their code is here: a class or
function is taken from its file as it stands and called; one process is all the ranks there are. The commits
are written beside the numbers, which are float32 as that code computes them.
"""

import ast
import json
import math
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import torch
from torch import distributed, nn
from torch.nn import functional

from tests.theory.nn.references.of_lightly import STEPS, K, N, mask_of, views, wave

FILES = {
    "facebookresearch+dino": "main_dino.py",
    "bytedance+ibot": "main_ibot.py",
    "facebookresearch+dinov2": "dinov2/loss/ibot_patch_loss.py",
    "facebookresearch+swav": "main_swav.py",
    "facebookresearch+msn": "src/losses.py",
    "facebookresearch+capi": "model.py",
    "facebookresearch+vissl": "vissl/losses/distibuted_sinkhornknopp.py",
    "vturrisi+solo-learn": "solo/losses/dino.py",
}
POWER_LAW = "vissl/losses/distibuted_sinkhornknopp_powerlaw.py"


def of(clone, name, file=None, **given):
    """The last function or class of that name, alone in a namespace of what its file imports."""
    file = FILES[clone.name] if file is None else file
    text = subprocess.run(
        ["git", "-C", clone, "show", f"HEAD:{file}"], capture_output=True, check=True, text=True
    ).stdout
    found = [node for node in ast.walk(ast.parse(text)) if getattr(node, "name", None) == name][-1]
    if isinstance(found, ast.FunctionDef):
        found.returns = None
        for argument in (*found.args.args, *found.args.kwonlyargs):
            argument.annotation = None
    around = {"torch": torch, "nn": nn, "F": functional, "np": np, "dist": distributed, "math": math} | given
    exec(compile(ast.Module(body=[found], type_ignores=[]), file, "exec"), around)
    return around[name]


def dino(clone, crops=4, **named):
    names = {"warmup_teacher_temp": 0.04, "teacher_temp": 0.04, "warmup_teacher_temp_epochs": 0} | named
    criterion = of(clone, "DINOLoss")(**names)
    found = []
    for step in range(STEPS):
        student = [view.requires_grad_() for view in views(crops, step, 0.1)]
        teacher = torch.cat(views(2, step, 5.0))
        loss = criterion(torch.cat(student), teacher, *([0] if "ncrops" in named else []))
        gradient = torch.autograd.grad(loss, student)
        found.append({"loss": loss.item(), "gradient": [g.tolist() for g in gradient]})
    return found, criterion.center.tolist()


def ibot(clone):
    """Its patches: of the two global views, each its own target."""
    settings = {"warmup_teacher_temp": 0.04, "teacher_temp": 0.04, "warmup_teacher_temp2": 0.04}
    settings |= {"teacher_temp2": 0.04, "warmup_teacher_temp_epochs": 0, "nepochs": 1}
    criterion = of(clone, "iBOTLoss")(K, K, 1, 1, **settings)
    found = []
    for step in range(STEPS):
        student = wave(3, 8, K, phase=0.1 + step).requires_grad_()
        tokens, cls = wave(3, 8, K, phase=5.0 + step), wave(3, K, phase=2.0)
        loss = criterion((cls, student), (cls, tokens), cls, [mask_of(step)], 0)["patch"]
        found.append({"loss": loss.item(), "gradient": torch.autograd.grad(loss, student)[0].tolist()})
    return found, criterion.center2.tolist()


def dinov2(clone):
    """Masked tokens of a variable number, packed, with the Sinkhorn of these tokens."""
    criterion = of(clone, "iBOTPatchLoss", lossfunc=of(clone, "lossfunc"))(K)
    found = []
    for step in range(STEPS):
        mask = mask_of(step).flatten(1)
        tokens = wave(3, 8, K, phase=5.0 + step)[mask]
        student = wave(3, 8, K, phase=0.1 + step)[mask].requires_grad_()
        target = criterion.sinkhorn_knopp_teacher(tokens, 0.04, torch.tensor(len(tokens)))
        loss = criterion.forward_masked(student, target, mask)
        found.append({"loss": loss.item(), "gradient": torch.autograd.grad(loss, student)[0].tolist()})
    return found


def msn(clone):
    loss_of = of(
        clone,
        "init_msn_loss",
        AllReduce=SimpleNamespace(apply=lambda x: x),
        distributed_sinkhorn=of(clone, "distributed_sinkhorn"),
    )(num_views=2)
    anchors = wave(2 * N, 3, phase=0.1).requires_grad_()
    loss, me_max, *_ = loss_of(
        anchors,
        wave(N, 3, phase=5.0),
        wave(K, 3, phase=0.9),
        torch.eye(K),
        use_sinkhorn=True,
    )
    return loss.item(), me_max.item(), torch.autograd.grad(loss + me_max, anchors)[0].tolist()


def swav(clone):
    args = SimpleNamespace(epsilon=0.05, world_size=1, sinkhorn_iterations=3)
    return of(clone, "distributed_sinkhorn", args=args)(wave(4 * N, K, phase=2.0)).tolist()


def capi(clone):
    """Logits [B, P, K] of two sizes at its temperature: its last axes are those of B samples and clusters."""
    sinkhorn = of(
        clone,
        "sinkhorn_knopp",
        stable_exp=of(clone, "stable_exp", exp_max_values={torch.float32: 50}),
        reduced_sum=lambda x, **axes: x.sum(**axes),
    )
    z = wave(4 * N, 3, K, phase=2.0).transpose(0, 1)
    return [sinkhorn(x / 0.06, n_iterations=3).transpose(0, 1).tolist() for x in (z / 2, z.clone())]


def vissl(clone):
    """Its codes for SwAV: even, hard, and with a power law."""
    alone = {"all_reduce_sum": lambda x: x}
    even = of(clone, "distributed_sinkhornknopp", **alone)
    uneven = of(clone, "distributed_sinkhorn_powerlaw", POWER_LAW, **alone)
    knobs = {"num_iter": 3, "world_size": 1, "use_double_prec": False, "use_gpu": False}
    q = torch.exp(wave(4 * N, K, phase=2.0) / 0.05).T
    return {
        "even": even(Q=q.clone(), hard_assignment=False, **knobs).tolist(),
        "hard": even(Q=q.clone(), hard_assignment=True, **knobs).tolist(),
        "power law": uneven(Q=q.clone(), hard_assignment=False, powerlaw=0.5, **knobs).tolist(),
    }


def main():
    clones = {name: Path(sys.argv[1]) / name for name in FILES}
    distributed.init_process_group("gloo", store=distributed.HashStore(), rank=0, world_size=1)
    made = {
        "commits": {
            name: subprocess.run(
                ["git", "-C", clone, "rev-parse", "HEAD"], capture_output=True, check=True, text=True
            ).stdout.strip()
            for name, clone in clones.items()
        },
        "dino": dino(clones["facebookresearch+dino"], out_dim=K, ncrops=4, nepochs=1),
        "solo-learn dino": dino(
            clones["vturrisi+solo-learn"], num_prototypes=K, num_large_crops=4, num_epochs=1
        ),
        "ibot": ibot(clones["bytedance+ibot"]),
        "dinov2": dinov2(clones["facebookresearch+dinov2"]),
        "swav": swav(clones["facebookresearch+swav"]),
        "msn": msn(clones["facebookresearch+msn"]),
        "capi": capi(clones["facebookresearch+capi"]),
        "vissl": vissl(clones["facebookresearch+vissl"]),
    }
    Path(__file__).with_suffix(".json").write_text(json.dumps(made) + "\n")


if __name__ == "__main__":
    main()
