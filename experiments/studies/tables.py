"""Table students on noisy labels, whole populations: a step of many runs in closed form, in NumPy.

K labels, K clusters, one row of logits for each label; two views of a sample show labels that agree beyond
chance with probability ρ. The gradient of a row is known exactly, so nothing here is sampled.  [D3, D7, D8]
"""

from __future__ import annotations

import numpy as np
from scipy.special import softmax


def channel(correlation: float, clusters: int) -> np.ndarray:
    """P(label of one view | label of the other), [K, K]."""
    return correlation * np.eye(clusters) + (1 - correlation) / clusters


def small_tables(runs: int, clusters: int, *, size: float) -> np.ndarray:
    """Small random logits [runs, K, K], a stream for each run."""
    return np.stack(
        [size * np.random.default_rng(seed).normal(size=(clusters, clusters)) for seed in range(runs)]
    )


def information(logits: np.ndarray, temperature: float) -> np.ndarray:
    """I between label and cluster, [...], nats, of tables of logits [..., K, K]."""
    p = softmax(logits / temperature, axis=-1)
    prior = p.mean(axis=-2, keepdims=True)
    return np.sum(p * np.log(np.maximum(p, 1e-300) / prior), axis=-1).mean(axis=-1)


def prior_entropy(logits: np.ndarray, temperature: float) -> np.ndarray:
    """Entropy of the mean assignment, [...], nats."""
    prior = softmax(logits / temperature, axis=-1).mean(axis=-2)
    return -np.sum(prior * np.log(np.maximum(prior, 1e-300)), axis=-1)


def gap(
    student: np.ndarray,
    teacher: np.ndarray,
    channel: np.ndarray,
    *,
    student_temperature: float,
    teacher_temperature: float,
) -> np.ndarray:
    """q − E[r | the student's view], [..., K, K], of logits and of centred logits."""
    target = channel @ softmax(teacher / teacher_temperature, axis=-1)
    return softmax(student / student_temperature, axis=-1) - target
