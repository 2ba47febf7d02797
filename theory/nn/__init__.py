"""The teachers of the family in a PyTorch training loop: a loss in place of DINO's, in one line.

`ClusterDistillationLoss` is what most runs need, `MaskedPatchLoss` is that of masked patch tokens,
`Monitor` says what to log of them; `TeacherNormalizer` is their teacher alone, for a loop with a loss of
its own; `Schedule` is a temperature, a momentum or a rate that changes during training. Teachers go by
their names in `theory.TEACHERS`.

Needs PyTorch, which `import theory` does not load: ``pip install '.[torch]'`` in a clone of the repository.
"""

try:
    import torch  # noqa: F401
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        "theory.nn needs PyTorch: pip install '.[torch]' in a clone of the repository"
    ) from error

from theory.nn.loss import ClusterDistillationLoss
from theory.nn.monitor import Monitor
from theory.nn.normalizer import TeacherNormalizer
from theory.nn.patches import MaskedPatchLoss
from theory.nn.schedules import Schedule

__all__ = ["ClusterDistillationLoss", "MaskedPatchLoss", "Monitor", "Schedule", "TeacherNormalizer"]
