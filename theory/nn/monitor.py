"""What a run should log: the numbers that tell a live run from a collapsed one, at a hundredth of a step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from array_api_compat import torch as xp
from torch import Tensor

from theory.checks import check_count
from theory.diagnosis.readings import fate_of
from theory.nn.criterion import Criterion
from theory.nn.opaque import any_statistic
from theory.tilts import tilt_kernel

if TYPE_CHECKING:
    from jaxtyping import Float

__all__ = ["Monitor"]


class Monitor:
    r"""Margin H(r̄) − loss, informations and entropies of a step, as plain numbers for any logger.  [O5]

    .. math::
        \begin{gathered}
        \text{margin} = H(\bar r) - \frac1N \sum_n H(r_n, q_n) \\
        = I_r - \frac1N \sum_n \mathrm{KL}(r_n \,\|\, q_n), \\
        I_r = H(\bar r) - \frac1N \sum_n H(r_n)
        \end{gathered}

    with :math:`\bar r` the mean of r over the rows. Above 0 the student looks at its input.

    Call it with the logits that the criterion was given, after each step; all but every n-th call return at
    once, without a look at the tensors::

        monitor = Monitor(criterion, every=100)
        for crops in loader:
            student_out = [student(x) for x in crops]
            teacher_out = [teacher(x) for x in crops[:2]]
            loss = criterion(student_out, teacher_out); loss.backward(); optimizer.step()
            logger.log(monitor(student_out, teacher_out))  # else an empty dict

    A call that counts looks at up to `rows` samples, evenly, of the first teacher view and the last
    student view, in float32 and without gradient: two softmaxes of them, with the average as it is
    applied now, which a criterion that updates itself has moved by this batch already. Nothing of the
    criterion moves, and no random number is drawn. On an accelerator it waits for the step, once.

    Parameters
    ----------
    criterion
        A `ClusterDistillationLoss` or a `MaskedPatchLoss`, of one ensemble.
    every
        n ≥ 1: the calls between two that count, one of them included; the first counts.
    rows
        Samples looked at, at most; 32 or more for the fate to mean something.

    Attributes
    ----------
    calls : int
        How often it was called.

    Raises
    ------
    TypeError, ValueError
        No such criterion, `every` or `rows` below 1.

    Examples
    --------
    >>> import torch
    >>> from theory.nn import ClusterDistillationLoss, Monitor
    >>> criterion = ClusterDistillationLoss("inverse_prior", clusters=4, momentum=None)
    >>> monitor = Monitor(criterion, every=10)
    >>> views = [torch.eye(4).repeat(16, 1) / 2 for _ in range(2)]
    >>> found = monitor(views, views)
    >>> found["fate"], round(found["margin"], 2), monitor(views, views)
    ('alive', 1.37, {})
    """

    def __init__(self, criterion: Criterion, *, every: int = 100, rows: int = 256) -> None:
        kind = type(criterion).__name__
        if not issubclass(type(criterion), Criterion):
            raise TypeError(f"`criterion` must be a loss of theory.nn, got {kind}.")
        self.criterion, self.calls = criterion, 0
        self.every, self.rows = check_count("every", every), check_count("rows", rows)

    def __call__(
        self,
        student: Float[Tensor, "N K"] | Sequence[Float[Tensor, "N K"]],
        teacher: Float[Tensor, "N K"] | Sequence[Float[Tensor, "N K"]],
    ) -> dict[str, float | str]:
        """The numbers, every n-th time; else an empty dict.

        Parameters
        ----------
        student
            Raw logits of this step, as the criterion takes them: a tensor or a list of views.
        teacher
            Those of the teacher. Two lists of one shared view compare the networks on that view.

        Returns
        -------
        dict of str to float or str
            student_information, teacher_information: I(X;K), nats. student_prior_entropy,
            teacher_prior_entropy, teacher_entropy: nats. loss: the mean cross-entropy of these rows, nats.
            margin: H(r̄) − loss; above 0 it proves that the student looks at its input. marginal_error:
            Σₖ |r̄(k) − π(k)|. clusters_in_use: the largest of some row, under the constraint.
            center_lag_temperatures: osc of the difference between the λ of the moving average and that of
            these rows; only with a moving average. fate: of the student, as `theory.diagnose` names it.
        """
        counts = self.calls % self.every == 0
        self.calls += 1
        return self._read(_last(student), _first(teacher)) if counts else {}

    @torch.no_grad()
    def _read(self, z_student: Tensor, z_teacher: Tensor) -> dict[str, float | str]:
        normalizer, (tau_t, tau_s) = self.criterion.normalizer, self.criterion.temperatures
        step = -(-len(z_teacher) // self.rows)  # rows of the whole batch, should it be in some order
        z, zs = (x.detach()[::step].float() for x in (z_teacher, z_student))
        log_r, lag = self._constrained(z, tau_t)
        log_q = torch.log_softmax(zs / tau_s, dim=-1)
        r, q = log_r.exp(), log_q.exp()
        r_mean, q_mean, entropy, loss = r.mean(0), q.mean(0), _crossed(r, log_r), _crossed(r, log_q)
        found = {
            "loss": loss,
            "margin": _entropy(r_mean) - loss,
            "student_information": _entropy(q_mean) - _crossed(q, log_q),
            "student_prior_entropy": _entropy(q_mean),
            "teacher_information": _entropy(r_mean) - entropy,
            "teacher_prior_entropy": _entropy(r_mean),
            "teacher_entropy": entropy,
            "marginal_error": (r_mean - normalizer.log_target.exp()).abs().sum(),
            "clusters_in_use": torch.bincount(log_r.argmax(-1), minlength=normalizer.clusters).gt(0).sum(),
        }
        if lag is not None:
            found["center_lag_temperatures"] = lag
        numbers = dict(zip(found, torch.stack([x.float() for x in found.values()]).tolist(), strict=True))
        information, entropy_of_prior = numbers["student_information"], numbers["student_prior_entropy"]
        return numbers | {"fate": fate_of(information, entropy_of_prior, normalizer.clusters)}

    def _constrained(self, z: Tensor, temperature: float) -> tuple[Tensor, Tensor | None]:
        """log r with the average as it is, or else by these rows; and how far the average is from theirs.

        Other ranks are not asked: a monitor may run on one of them alone.
        """
        normalizer = self.criterion.normalizer
        teacher, moving, log_pi = normalizer.teacher, normalizer.moving, normalizer.log_target.to(z.dtype)
        log_p = torch.log_softmax(z / temperature, dim=-1)
        if not teacher.constrained:
            return log_p, None
        statistic = any_statistic(teacher, normalizer.settings, z, temperature, log_pi)
        average = statistic if moving is None else moving.average.to(z.dtype)
        log_r = tilt_kernel(log_p, teacher.applied(average, temperature, log_pi), xp)
        if moving is None:
            return log_r, None
        apart = teacher.applied(average, temperature, log_pi) - teacher.applied(
            statistic, temperature, log_pi
        )
        return log_r, apart.amax() - apart.amin()


def _entropy(p: Tensor) -> Tensor:
    return torch.special.entr(p).sum(-1)


def _crossed(p: Tensor, log_q: Tensor) -> Tensor:
    """Mean over rows of −Σ p log q, 0 log 0 = 0."""
    return -(p * log_q).masked_fill_(p == 0, 0.0).sum(-1).mean()


def _first(views: Tensor | Sequence[Tensor]) -> Tensor:
    return views if isinstance(views, Tensor) else views[0]


def _last(views: Tensor | Sequence[Tensor]) -> Tensor:
    return views if isinstance(views, Tensor) else views[-1]
