"""A training loop written for lightly, with its DINOLoss replaced in one line (pip install lightly).

python examples/digits_lightly.py --teacher projected     --quick for a few seconds; "lightly" is its loss
"""

import argparse

import torch
from lightly.loss import DINOLoss
from lightly.models.modules import DINOProjectionHead
from lightly.models.utils import update_momentum
from sklearn.datasets import load_digits
from torch import nn

import theory
from theory.nn import ClusterDistillationLoss, Monitor

parser = argparse.ArgumentParser()
parser.add_argument("--teacher", default="centering", choices=[*theory.TEACHERS, "lightly"])
parser.add_argument("--quick", action="store_true")
flags = parser.parse_args()

torch.manual_seed(0)
images = torch.tensor(load_digits().data, dtype=torch.float32) / 16
clusters, steps = 32, 200 if flags.quick else 2000
student, teacher = (
    nn.Sequential(nn.Linear(64, 128), nn.GELU(), DINOProjectionHead(128, 64, 32, clusters, batch_norm=False))
    for _ in range(2)
)
teacher.load_state_dict(student.state_dict())
teacher.requires_grad_(False)
settings = {"power_mean": {"order": 0.5}, "sinkhorn": {"rounds": 3}}.get(flags.teacher, {})
if flags.teacher == "lightly":
    theirs = DINOLoss(output_dim=clusters)
    ours = ClusterDistillationLoss("centering", clusters=clusters)  # for the monitor
else:
    ours = ClusterDistillationLoss(flags.teacher, clusters=clusters, momentum=0.9, **settings)
monitor = Monitor(ours, every=steps // 5)
optimizer = torch.optim.AdamW(student.parameters(), lr=1e-3)

for step in range(steps):
    batch = images[torch.randint(len(images), (256,))]
    views = [batch + 0.2 * torch.randn_like(batch) for _ in range(2)]
    student_out, teacher_out = [student(x) for x in views], [teacher(x) for x in views]
    if flags.teacher == "lightly":
        loss = theirs(teacher_out, student_out)
        ours.load_center(theirs.center)
    else:
        loss = ours(student_out, teacher_out)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    update_momentum(student, teacher, m=0.99)
    if found := monitor(student_out, teacher_out):
        shown = ("loss", "margin", "student_information", "clusters_in_use")
        print(f"step {step:5}: {found['fate']:17}", *(f"{name} {found[name]:.2f}" for name in shown))
