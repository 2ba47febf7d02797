"""Views with a shared part, every teacher by name, and training runs with no linearisation anywhere."""

import numpy as np
import torch
from hypothesis import strategies as st

from theory import TEACHERS, log_softmax, project

seeds = st.integers(0, 2**32 - 1)
temperatures = st.floats(0.05, 2.0)
decades = st.floats(-3.0, 3.0).map(lambda x: 10.0**x)
ratios = st.floats(-1.5, 1.5).map(lambda x: 1.0 + 10.0**x)  # τ_s/τ_t > 1
DINO = {"student_temperature": 0.1, "teacher_temperature": 0.04}

CONSTRAINED = [name for name, teacher in TEACHERS.items() if teacher.constrained]
_SETTINGS = {"power_mean": {"order": 2.5}, "sinkhorn": {"rounds": 3}}


def teach(name, logits, *, temperature=1.0, **batch):
    """log r of the teacher of that name."""
    if TEACHERS[name].exact:  # logits of 1e-7 show what a tolerance of 1e-9 leaves
        return project(log_softmax(logits, temperature=temperature), tol=1e-12, **batch).log_r
    return TEACHERS[name](logits, temperature=temperature, **_SETTINGS.get(name, {}), **batch)


def views_of(seed, *, n=40, d=3, noise=1.0):
    rng = np.random.default_rng(seed)
    shared = rng.normal(size=(n, d)) * rng.uniform(0.3, 2.0, size=d)
    return [shared + noise * rng.normal(size=(n, d)) for _ in range(2)]


def descend(views, w, v, *, teacher, learning_rate, tau_s, tau_t, teacher_rate, steps):
    """Gradient descent on the symmetrised cross-entropy: no linearisation anywhere. Returns (W, V)."""
    phi = [torch.as_tensor(np.column_stack([x, np.ones(len(x))])) for x in views]
    w, v = torch.tensor(w, requires_grad=True), torch.tensor(v)
    for _ in range(steps):
        with torch.no_grad():
            log_r = teach(teacher, torch.cat([x @ v for x in phi]), temperature=tau_t).chunk(2)
        log_q = [torch.log_softmax(x @ w / tau_s, dim=-1) for x in phi]
        loss = -sum((torch.exp(r) * q).sum(-1).mean() for r, q in zip(log_r, log_q[::-1], strict=True)) / 2
        (gradient,) = torch.autograd.grad(loss, w)
        with torch.no_grad():
            w -= learning_rate * gradient
            v += teacher_rate * (w - v)
    return w.detach().numpy(), v.numpy()


def contrasts(rng, rows, columns):
    """Weights whose rows sum to 0: the Π-projected columns D2 speaks of."""
    w = rng.normal(size=(rows, columns))
    return w - w.mean(axis=1, keepdims=True)


def paired_views(seed, *, n=60, d=4, views=2, noise=1.0, offset=0.0):
    """A shared part and a private part for each view."""
    rng = np.random.default_rng(seed)
    shared = rng.normal(size=(n, d)) @ rng.normal(size=(d, d))
    return [shared + noise * rng.normal(size=(n, d)) + offset for _ in range(views)]


def train_bias(start, *, steps, learning_rate, teacher_momentum, center_momentum, student_temperature,
               teacher_temperature):  # fmt: skip
    """DINO on a bias alone, softmax and all, in DINO's order: student, teacher, centre [steps + 1, 3, K]."""
    w, v, c = start
    path = [(w, v, c)]
    for _ in range(steps):
        target = np.exp(log_softmax(v - c, temperature=teacher_temperature))
        c = center_momentum * c + (1 - center_momentum) * v
        output = np.exp(log_softmax(w, temperature=student_temperature))
        w = w - learning_rate * (output - target) / student_temperature
        v = teacher_momentum * v + (1 - teacher_momentum) * w
        path.append((w, v, c))
    return np.array(path)


def bias_start(k, size=1e-9):
    z = np.random.default_rng(3).normal(size=(3, k))
    return size * (z - z.mean(1, keepdims=True))
