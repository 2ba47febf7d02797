"""Sums, entropies and divergences of balls: lists of `arb` at the precision of the moment.

A ball is a midpoint with a radius that encloses the true value; each operation of `arb` widens it by what it
rounds. Powers are written as products: `arb` has no power of a ball that holds 0.
"""

from contextlib import contextmanager

import numpy as np
from flint import arb, ctx


@contextmanager
def bits(precision):
    """All balls made inside carry so many bits."""
    before, ctx.prec = ctx.prec, precision
    try:
        yield
    finally:
        ctx.prec = before


def balls(numbers):
    """Floats, exactly, as balls of radius 0; or what a function without arguments makes at this precision."""
    if callable(numbers):
        return numbers()
    return [balls(row) if np.ndim(row) else arb(float(row)) for row in numbers]


def total(values):
    return sum(values, arb(0))


def mean(weights, values):
    return total(w * x for w, x in zip(weights, values, strict=True))


def log_mean_exp(weights, values):
    return mean(weights, [x.exp() for x in values]).log()


def log_softmax(scores):
    normaliser = total(x.exp() for x in scores).log()
    return [x - normaliser for x in scores]


def columns(rows):
    return [list(column) for column in zip(*rows, strict=True)]


def plus(a, b):
    return [x + y for x, y in zip(a, b, strict=True)]


def minus(a, b):
    return [x - y for x, y in zip(a, b, strict=True)]


def largest(values):
    first, *rest = values
    for x in rest:
        first = first.max(x)
    return first


def smallest(values):
    return -largest([-x for x in values])


def osc(values):
    return largest(values) - smallest(values)


def entropy(log_p):
    return cross_entropy(log_p, log_p)


def cross_entropy(log_r, log_q):
    return -total(x.exp() * y for x, y in zip(log_r, log_q, strict=True))


def kl(log_r, log_q):
    return total(x.exp() * (x - y) for x, y in zip(log_r, log_q, strict=True))


def total_variation(log_a, log_b):
    return total(abs(x.exp() - y.exp()) for x, y in zip(log_a, log_b, strict=True)) / 2


def log_prior(log_p, weights):
    return [log_mean_exp(weights, column) for column in columns(log_p)]
