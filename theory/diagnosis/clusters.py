"""Which clusters do any work: dead ones, duplicates of others, and what the network itself assigns.  [T8]"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.sparse.csgraph import connected_components

from theory.checks import Ensemble
from theory.diagnosis.readings import SILENT, TeacherReading
from theory.diagnosis.report import Fate, Finding, Record, Report, note, warning
from theory.diagnosis.run import Run
from theory.logspace import Array

__all__ = ["ClusterReading"]

COMPARED = 2048
"""Clusters that are compared with one another: those with the largest shares."""
ALIKE = 0.1
"""Two clusters are duplicates if they differ by less than this part of what either differs from no answer."""
PARTIAL = 1 / 3
"""Of the clusters' worth that the target has: below it a live run has lost part of them."""
ROWS_EACH = 4
"""Samples a cluster, below which fewer clusters are expected to be seen."""


@dataclass(frozen=True, kw_only=True)
class ClusterReading(Record):
    """What the clusters are worth, under the constraint where the name does not say raw.  [O3, T8]

    Attributes
    ----------
    raw_clusters_in_use : int
        Those that are the largest of some sample before the constraint: the network's own assignment.
    duplicate_clusters : int
        Those that rise and fall over the samples with another, or not at all; of the 2048 largest.
    distinct_clusters : float
        e^H of the shares, duplicates taken together.
    clusters_told_apart : float
        e^I: as many clusters, told without a doubt, tell as much about the sample.
    """

    raw_clusters_in_use: int
    duplicate_clusters: int
    distinct_clusters: float
    clusters_told_apart: float


def read_clusters(report: Report, run: Run, constrained: Ensemble, teacher: TeacherReading) -> ClusterReading:
    """Add what the clusters of a live teacher are worth."""
    shares = _shares(constrained)
    groups = _groups(constrained, shares)
    joined = np.bincount(groups, weights=shares)
    joined = joined[joined > 0] / shares.sum()
    reading = ClusterReading(
        raw_clusters_in_use=int(np.count_nonzero(run.raw().largest_count)),
        duplicate_clusters=len(groups) - len(np.unique(groups)),
        distinct_clusters=float(np.exp(-(joined * np.log(joined)).sum())),
        clusters_told_apart=math.exp(teacher.teacher_information),
    )
    report.add(reading, _about_the_clusters(reading, teacher, run))
    return reading


def fate_of_clusters(fate: Fate, reading: ClusterReading, run: Run) -> Fate:
    """A live output that has lost most of the clusters that the target asks for."""
    partial = fate == "alive" and reading.distinct_clusters < PARTIAL * expected_clusters(run)
    return "partial collapse" if partial else fate


def expected_clusters(run: Run) -> float:
    """e^{H(π)}, or what so few samples can show."""
    log_pi = run.batch.ensemble.log_target
    return min(math.exp(-float((np.exp(log_pi) * log_pi).sum())), len(run.batch.logits) / ROWS_EACH)


def _about_the_clusters(reading: ClusterReading, teacher: TeacherReading, run: Run) -> Iterator[Finding]:
    wanted, distinct = expected_clusters(run), reading.distinct_clusters
    if distinct < PARTIAL * wanted:
        text = f"partial collapse: {distinct:.1f} clusters' worth do all the work where {wanted:.0f} could"
        text += f", {reading.clusters_told_apart:.1f} told apart (e^I)"
        few = math.exp(teacher.teacher_prior_entropy) < PARTIAL * wanted and not run.teacher.exact
        remedy = "a teacher whose shares are right, 'projected'" if few else ""
        if reading.duplicate_clusters:
            text += f"; {reading.duplicate_clusters} only repeat others"
            spread = "prototypes that start apart, or are kept apart (KoLeo); or fewer of them"
            remedy = f"{remedy}; {spread}" if remedy else spread
        yield warning("T8", f"{text}.", f"{remedy}." if remedy else "")
    elif reading.duplicate_clusters:
        text = (
            f"{reading.duplicate_clusters} clusters repeat others or tell nothing: {distinct:.1f} do the work"
        )
        yield note("O3", f"{text}, {reading.clusters_told_apart:.1f} told apart (e^I).")
    balanced, own = teacher.clusters_in_use, reading.raw_clusters_in_use
    if own < 0.5 * balanced:
        text = (
            f"the constraint spreads the samples over {balanced} clusters, the network's own largest output "
        )
        text += f"is one of {own}."
        remedy = (
            "assign by the constrained teacher, or add its λ to the network's bias, where labels are read."
        )
        yield warning("T8", text, remedy)


def _shares(ensemble: Ensemble) -> Array:
    return ensemble.weights @ np.exp(ensemble.log_p)


def _groups(ensemble: Ensemble, shares: Array) -> Array:
    """A number for each cluster, the same for duplicates; those beyond the largest stand for themselves.

    Clusters are compared by how their samples are spread, a(x) = p(x|k)/p(x): 1 − E √(a a') is 0 for
    duplicates, whatever their shares. A cluster that tells nothing has a = 1.
    """
    most = np.argsort(-shares, kind="stable")[:COMPARED]
    most = most[shares[most] > 0]
    root = np.exp(0.5 * (ensemble.log_p[:, most] - np.log(shares[most])))
    weighted = ensemble.weights[:, None] * root
    apart = np.maximum(1.0 - root.T @ weighted, 0.0)
    from_none = np.maximum(1.0 - weighted.sum(0), 0.0)
    idle = _told(ensemble, shares, most) < SILENT
    alike = apart < ALIKE * np.minimum.outer(from_none, from_none)
    alike |= np.logical_and.outer(idle, idle)
    _, found = connected_components(alike, directed=False)
    groups = np.arange(len(shares)) + len(most)
    groups[most] = found
    return groups


def _told(ensemble: Ensemble, shares: Array, some: Array) -> Array:
    """E a log a of each of these clusters, nats: how far its samples are from all samples."""
    log_a = ensemble.log_p[:, some] - np.log(shares[some])
    a = np.exp(log_a)
    return ensemble.weights @ np.where(a > 0, a * np.where(a > 0, log_a, 0.0), 0.0)
