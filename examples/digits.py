"""Self-distillation on handwritten digits in a bare loop: the teacher is a flag, a monitor tells how it goes.

python examples/digits.py --teacher inverse_prior     any name in theory.TEACHERS; --quick for a few seconds
"""

import argparse
import copy

import torch
from sklearn.datasets import load_digits
from sklearn.metrics import normalized_mutual_info_score
from torch import nn

import theory
from theory.nn import ClusterDistillationLoss, Monitor

parser = argparse.ArgumentParser()
parser.add_argument("--teacher", default="centering", choices=theory.TEACHERS)
parser.add_argument("--center-momentum", type=float, help="of a moving average; by the batch if not given")
parser.add_argument("--quick", action="store_true")
flags = parser.parse_args()

torch.manual_seed(0)
digits = load_digits()
images, labels = torch.tensor(digits.data, dtype=torch.float32) / 16, digits.target
clusters, steps, every = 32, 600 if flags.quick else 3000, 100 if flags.quick else 500

student = nn.Sequential(nn.Linear(64, 128), nn.GELU(), nn.Linear(128, 64), nn.GELU(), nn.Linear(64, clusters))
nn.init.normal_(student[-1].weight, std=0.01)
teacher = copy.deepcopy(student).requires_grad_(False)
settings = {"power_mean": {"order": 0.5}, "sinkhorn": {"rounds": 3}}.get(flags.teacher, {})
criterion = ClusterDistillationLoss(
    flags.teacher, clusters=clusters, momentum=flags.center_momentum, **settings
)
monitor = Monitor(criterion, every=every)
optimizer = torch.optim.AdamW(student.parameters(), lr=1e-3)

for step in range(steps):
    batch = images[torch.randint(len(images), (256,))]
    views = [batch + 0.2 * torch.randn_like(batch) for _ in range(2)]
    student_out, teacher_out = [student(x) for x in views], [teacher(x) for x in views]
    loss = criterion(student_out, teacher_out)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    for slow, fast in zip(teacher.parameters(), student.parameters(), strict=True):
        slow.lerp_(fast.detach(), 0.01)
    if found := monitor(student_out, teacher_out):
        shown = ("loss", "margin", "student_information")
        numbers = [
            *(f"{name} {found[name]:.2f}" for name in shown),
            f"clusters {found['clusters_in_use']:.0f}",
        ]
        print(f"step {step:5}: {found['fate']:17}", *numbers)

with torch.no_grad():
    assigned = student(images).argmax(1)
print(f"NMI of {len(set(assigned.tolist()))} clusters with the labels:", end=" ")
print(f"{normalized_mutual_info_score(labels, assigned):.2f}")
