"""The same run as a LightningModule; the monitor's numbers go to its logger (pip install lightning).

python examples/digits_lightning.py --teacher sinkhorn      --quick for a few seconds
"""

import argparse
import copy

import lightning
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import theory
from theory.nn import ClusterDistillationLoss, Monitor


class Distillation(lightning.LightningModule):
    def __init__(self, teacher: str, clusters: int = 32) -> None:
        super().__init__()
        self.student = nn.Sequential(nn.Linear(64, 128), nn.GELU(), nn.Linear(128, clusters))
        self.teacher = copy.deepcopy(self.student).requires_grad_(False)
        settings = {"power_mean": {"order": 0.5}, "sinkhorn": {"rounds": 3}}.get(teacher, {})
        self.criterion = ClusterDistillationLoss(teacher, clusters=clusters, momentum=0.9, **settings)
        self.monitor = Monitor(self.criterion, every=20)

    def training_step(self, batch: list[torch.Tensor], _: int) -> torch.Tensor:
        views = [batch[0] + 0.2 * torch.randn_like(batch[0]) for _ in range(2)]
        outputs = [self.student(x) for x in views], [self.teacher(x) for x in views]
        loss = self.criterion(*outputs)
        if found := self.monitor(*outputs):
            print(f"step {self.global_step:5}: {found.pop('fate'):17} margin {found['margin']:.2f}")
            self.log_dict(found)
        return loss

    def on_train_batch_end(self, *_: object) -> None:
        for slow, fast in zip(self.teacher.parameters(), self.student.parameters(), strict=True):
            slow.data.lerp_(fast.data, 0.01)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.AdamW(self.student.parameters(), lr=1e-3)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--teacher", default="centering", choices=theory.TEACHERS)
    parser.add_argument("--quick", action="store_true")
    flags = parser.parse_args()
    torch.manual_seed(0)
    images = TensorDataset(torch.tensor(load_digits().data, dtype=torch.float32) / 16)
    trainer = lightning.Trainer(
        max_epochs=10 if flags.quick else 200, accelerator="cpu", enable_progress_bar=False, logger=False,
        enable_checkpointing=False, enable_model_summary=False,
    )  # fmt: skip
    trainer.fit(Distillation(flags.teacher), DataLoader(images, batch_size=256, shuffle=True))
