"""Runs built on purpose: a live one, and the three ways in which a network answers all samples alike."""

import numpy as np

N, K = 256, 16
KNOBS = {"temperature": 0.04, "student_temperature": 0.1}
SETTINGS = {"power_mean": {"order": 0.5}, "sinkhorn": {"rounds": 2}}
"""What some teachers need besides a name; of "sinkhorn" rounds may be left out."""


def noise(seed=0, scale=1.0, k=K):
    return scale * np.random.default_rng(seed).normal(size=(N, k))


def clustered(seed=0):
    """Teacher and student logits of two views that agree about K clusters, and the two views' features."""
    rng = np.random.default_rng(seed)
    label = rng.integers(0, K, N)
    centres = rng.normal(size=(K, 8))
    views = [centres[label] + 0.4 * rng.normal(size=(N, 8)) for _ in range(2)]
    return [0.3 * view @ centres.T for view in views], views


def levels(diagnosis, claim):
    return {finding.level for finding in diagnosis.findings if finding.claim == claim}


LIVE = clustered()[0][0]
UNIFORM = noise(scale=1e-5)
ONE = noise(scale=1e-5) + 4.0 * np.eye(K)[3]
CONSTANT = noise(scale=1e-5) + 0.05 * np.arange(K)
