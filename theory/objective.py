"""The objective of self-supervised learning by clustering, its parts, and what a loss value proves."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from theory.checks import (
    Ensemble,
    check_ensemble,
    check_log_probabilities,
    check_rank,
    check_same_shape,
    namespace,
)
from theory.divergences import cross_entropy_kernel, kl_kernel
from theory.informations import informations_kernel
from theory.logspace import Array, log_mean_exp, mean_of_rows, sum_exp

if TYPE_CHECKING:
    from jaxtyping import Float

__all__ = ["Certificate", "Objective", "certificate", "evaluate"]


@dataclass(frozen=True, kw_only=True)
class Objective:
    """cross_entropy = teacher_entropy + kl, and the informations, in nats; each [...].  [O2, O3]

    Both prior entropies are log K in uniform collapse, both are 0 in collapse to one cluster.

    Attributes
    ----------
    cross_entropy : [...]
        Σ w H(rₙ, qₙ), the loss that is trained.
    kl : [...]
        Σ w KL(rₙ‖qₙ), what it can be lowered by.
    teacher_entropy : [...]
        Σ w H(rₙ).
    teacher_information : [...]
        I(X;K) of the teacher.
    student_information : [...]
        I(X;K) of the student.
    teacher_prior_entropy : [...]
        H of the cluster prior Σ w rₙ.
    student_prior_entropy : [...]
        H of the cluster prior Σ w qₙ.
    """

    cross_entropy: Array
    kl: Array
    teacher_entropy: Array
    teacher_information: Array
    student_information: Array
    teacher_prior_entropy: Array
    student_prior_entropy: Array


@dataclass(frozen=True, kw_only=True)
class Certificate:
    """What the value of the KL proves about the student; each [...].  [O5]

    Attributes
    ----------
    kl : [...]
        D = Σ w KL(rₙ‖qₙ), in nats.
    prior_kl : [...]
        KL(r̄‖q̄) of the cluster priors, never above D, in nats.
    prior_distance_bound : [...]
        At least TV(π, q̄): TV(π, r̄) + √(D/2), and at most 1. Below 1 − 1/K it rules out, for uniform π, a
        student that has fallen into one cluster.
    teacher_information : [...]
        I_r = H(r̄) − Σ w H(rₙ), what any constant student must pay, in nats.
    not_constant : [...], bool
        D < I_r by more than rounding, which proves that the student depends on its input. False proves
        nothing.
    """

    kl: Array
    prior_kl: Array
    prior_distance_bound: Array
    teacher_information: Array
    not_constant: Array


def evaluate(
    log_r: Float[Array, "*batch N K"],
    log_q: Float[Array, "*batch N K"],
    *,
    weights: Float[Array, "*#batch N"] | None = None,
) -> Objective:
    r"""Σ w H(rₙ, qₙ) = Σ w H(rₙ) + Σ w KL(rₙ‖qₙ), with the informations and prior entropies.  [O1, O2]

    .. math:: \sum_n w_n H(r_n, q_n) = \sum_n w_n H(r_n) + \sum_n w_n \mathrm{KL}(r_n \| q_n)

    Parameters
    ----------
    log_r, log_q
        Teacher and student, log-probabilities [..., N, K] of one shape.
    weights
        Of the samples, [..., N], sum 1; 1/N if not given.

    Returns
    -------
    Objective
        Each entry [...], in nats.

    Raises
    ------
    TypeError, ValueError
        Mixed namespaces or dtypes; shapes that differ, K < 2; not log-probabilities; weights that do not fit
        `log_r` or do not sum to 1.

    Examples
    --------
    >>> import numpy as np
    >>> import theory
    >>> log_r, log_q = np.log([[0.9, 0.1], [0.1, 0.9]]), np.log([[0.8, 0.2], [0.3, 0.7]])
    >>> found = theory.evaluate(log_r, log_q)
    >>> print(f"{found.cross_entropy:.4f} = {found.teacher_entropy:.4f} + {found.kl:.4f}")
    0.4016 = 0.3251 + 0.0765
    >>> print(f"{found.teacher_information:.4f} {found.student_information:.4f}")
    0.3681 0.1325
    """
    return evaluate_kernel(*_check_teacher_and_student(log_r, log_q, weights))


def evaluate_kernel(teacher: Ensemble, log_q: Float[Array, "*batch N K"]) -> Objective:
    """`evaluate` for checked input."""
    log_r, weights, _, xp = teacher

    of_r, of_q = (informations_kernel(x, weights, xp) for x in (log_r, log_q))
    return Objective(
        cross_entropy=mean_of_rows(cross_entropy_kernel(log_r, log_q, xp), weights, xp),
        kl=mean_of_rows(kl_kernel(log_r, log_q, xp), weights, xp),
        teacher_entropy=of_r.entropy,
        teacher_information=of_r.information,
        student_information=of_q.information,
        teacher_prior_entropy=cross_entropy_kernel(of_r.log_prior, of_r.log_prior, xp),
        student_prior_entropy=cross_entropy_kernel(of_q.log_prior, of_q.log_prior, xp),
    )


def certificate(
    log_r: Float[Array, "*batch N K"],
    log_q: Float[Array, "*batch N K"],
    *,
    weights: Float[Array, "*#batch N"] | None = None,
    log_target: Float[Array, "*#batch K"] | None = None,
) -> Certificate:
    r"""TV(π, q̄) ≤ TV(π, r̄) + √(D/2), and D < I_r only if q varies: two proofs against collapse.  [O5]

    .. math::

        \mathrm{TV}(\pi, \bar q) \le \mathrm{TV}(\pi, \bar r) + \sqrt{D/2},
        \qquad D = \sum_n w_n \mathrm{KL}(r_n \| q_n)

    From KL(r̄‖q̄) ≤ D (joint convexity) with Pinsker's inequality, and D = I_r + KL(r̄‖q) for constant q. The
    teacher need not meet π exactly: its own prior r̄ is used, and its distance from π added.

    Parameters
    ----------
    log_r, log_q
        Teacher and student, log-probabilities [..., N, K] of one shape.
    weights
        Of the samples, [..., N], sum 1; 1/N if not given.
    log_target
        log π, [..., K], every share positive; uniform if not given.

    Returns
    -------
    Certificate
        Each entry [...], those that are no verdict in nats or, `prior_distance_bound`, in [0, 1].

    Raises
    ------
    TypeError, ValueError
        Mixed namespaces or dtypes; shapes that differ, K < 2; not log-probabilities; weights or a target that
        do not fit `log_r` or do not sum to 1.

    Examples
    --------
    >>> import numpy as np
    >>> import theory
    >>> log_r, log_q = np.log([[0.9, 0.1], [0.1, 0.9]]), np.log([[0.8, 0.2], [0.3, 0.7]])
    >>> proof = theory.certificate(log_r, log_q)
    >>> print(f"{proof.kl:.4f} < {proof.teacher_information:.4f}: {proof.not_constant}")
    0.0765 < 0.3681: True
    >>> print(f"the prior is within {proof.prior_distance_bound:.4f} of uniform")
    the prior is within 0.1956 of uniform
    """
    return certificate_kernel(*_check_teacher_and_student(log_r, log_q, weights, log_target))


def certificate_kernel(teacher: Ensemble, log_q: Float[Array, "*batch N K"]) -> Certificate:
    """`certificate` for checked input."""
    log_r, weights, log_pi, xp = teacher
    of_r, log_q_mean = informations_kernel(log_r, weights, xp), log_mean_exp(log_q, weights, xp)
    log_r_mean, information = of_r.log_prior, of_r.information
    d = mean_of_rows(kl_kernel(log_r, log_q, xp), weights, xp)
    # For constant q D ≥ I_r up to the rounding of two sums of non-negative terms, each of a relative error of
    # a few eps, or of what the blocks of NumPy arrays may lose, and to second order, for r̄ minimises I_r, in
    # what weights and rows lack to a sum of 1 and in the rounding of log r̄, which NumPy arrays have in
    # float64 where I_r is small.
    eps = float(xp.finfo(d.dtype).eps)
    blocked = isinstance(log_r, np.ndarray)
    wide = 2.0**-52 if blocked else eps
    lost = {np.dtype(np.float64): 1e-12, np.dtype(np.float32): 1e-5}[log_r.dtype] if blocked else 16.0 * eps
    used = log_r_mean > -math.inf
    square = xp.sum(xp.where(used, xp.exp(log_r_mean) * xp.where(used, log_r_mean, 0.0) ** 2, 0.0), axis=-1)
    off = xp.abs(xp.sum(weights, axis=-1) - 1.0)
    for log in (log_r, log_q):
        off = off + xp.max(xp.abs(sum_exp(log, xp) - 1.0), axis=-1)
    rounding = lost * (d + information) + off**2 + 0.5 * wide**2 * square
    off_target = 0.5 * xp.sum(xp.abs(xp.exp(log_pi) - xp.exp(log_r_mean)), axis=-1)
    # √(D/2), at most 1; √ has no derivative at 0 and none is wanted where the bound is already 1.
    inside = (d > 0) & (d < 2.0)
    root = xp.where(inside, xp.sqrt(xp.where(inside, d, 1.0) / 2.0), xp.where(d > 0, 1.0, xp.zeros_like(d)))
    bound = off_target + root
    return Certificate(
        kl=d,
        prior_kl=kl_kernel(log_r_mean, log_q_mean, xp),
        prior_distance_bound=xp.where(bound < 1.0, bound, 1.0),
        teacher_information=information,
        not_constant=d + rounding < information,
    )


def _check_teacher_and_student(
    log_r: Array, log_q: Array, weights: Array | None, log_target: Array | None = None
) -> tuple[Ensemble, Array]:
    namespace(log_r=log_r, log_q=log_q)
    check_rank("log_q", log_q, 2)
    teacher = check_ensemble(log_r, weights, log_target, name="log_r")
    check_same_shape("log_q", log_q, "log_r", log_r)
    if log_q is not log_r:
        check_log_probabilities("log_q", log_q, teacher.xp)
    return teacher, log_q
