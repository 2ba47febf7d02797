"""What a clustering student learns from its own teacher, and at which temperature it stops.  [D1, D2, D3]

Student logits z = φᵀW, teacher logits φᵀV, gradient flow on W with learning rate η, loss
Σ w H(r_n, q_n). By O2 the gradient is E φ_s (q − r)ᵀ/τ_s. At W = V = 0 every output is uniform, and
there (D1) every constrained teacher of the family has one and the same linearisation,

    r_n = 1/K + (1/K) Π (z_n − z̄)/τ_t + O(z²),     Π = I − 11ᵀ/K,

so on the Π-projected columns of W, with a = η/(K τ_s) (`student_gain`),

    dW/dt = a [C₁₂ V/τ_t − C₂₂ W/τ_s],     dV/dt = μ (W − V).

Each direction of feature space carries K − 1 copies of its rate, one for each contrast of clusters. With a
non-uniform target π the same holds at any constant output, with diag π − ππᵀ in place of Π/K: another
gain for each contrast, the same r_j, the same critical temperature.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import scipy.linalg
import scipy.optimize
from numpy.typing import ArrayLike, NDArray

from theory.checks import Matrix, check_count, check_number, check_rate, finite_on_host
from theory.dynamics.moments import moment_pair

__all__ = [
    "Growth",
    "critical_temperature",
    "growth_rates",
    "student_gain",
    "survival_temperature",
    "whitened_growth_rate",
]


@dataclass(frozen=True, kw_only=True)
class Growth:
    """Rates of the linearised training run, fastest first, with the matrix they are the eigenvalues of."""

    rates: Matrix
    """Re λ per unit time; log |multiplier| per step if `discrete`. [M], M = D (V = W) or 2D."""
    frequencies: Matrix
    """Im λ, in radians per unit time or step. [M]"""
    growing: int
    """How many rates are positive (beyond rounding)."""
    directions: NDArray[np.complex128] | Matrix
    """Eigenvectors as columns: W alone if V = W, else W above V. [M, M]"""
    matrix: Matrix
    discrete: bool


def student_gain(*, learning_rate: float, clusters: int, student_temperature: float) -> float:
    """a = η/(K τ_s): speed of the student near uniform, per unit of feature variance.

    The loss is a mean over samples; if it is a sum, or a mean over other things too, η scales with it.
    """
    eta = check_number("learning_rate", learning_rate, low=0.0, open_low=True)
    tau = check_number("student_temperature", student_temperature, low=0.0, open_low=True)
    return eta / (check_count("clusters", clusters, low=2) * tau)


def growth_rates(
    cross: ArrayLike,
    second: ArrayLike,
    *,
    gain: float,
    student_temperature: float,
    teacher_temperature: float,
    teacher_rate: float = math.inf,
    discrete: bool = False,
) -> Growth:
    """Eigenvalues of a(C₁₂/τ_t − C₂₂/τ_s), or of [[−aC₂₂/τ_s, aC₁₂/τ_t], [μI, −μI]] for a slow teacher.  [D2]

    For symmetric C₁₂ as many are positive as there are r_j > τ_t/τ_s, for *every* teacher rate: eliminating
    V leaves λ² + λ(μ + aC₂₂/τ_s) + μa(C₂₂/τ_s − C₁₂/τ_t), whose middle term is positive definite, so the
    right half plane holds as many roots as the last term has negative eigenvalues, all of them real
    (Kelvin, Tait and Chetaev). A slow teacher changes how fast, never what. Where C₁₂ ≥ 0 as well, the
    decaying rates are real too: (μ + d)² − 4μ(d − p) = (μ − d)² + 4μp ≥ 0 for every direction (overdamped).

    gain: a > 0 (`student_gain`).  teacher_rate: μ > 0; inf means V = W.
    discrete: one step of W ← W + a(C₁₂V/τ_t − C₂₂W/τ_s), then V ← (1 − μ)V + μW with the new W; μ in (0, 1]
    is one minus the teacher momentum (inf and 1 both mean V = W), rates are per step.
    """
    c12, c22 = moment_pair(cross, second)
    a = check_number("gain", gain, low=0.0, open_low=True)
    tau_s = check_number("student_temperature", student_temperature, low=0.0, open_low=True)
    tau_t = check_number("teacher_temperature", teacher_temperature, low=0.0, open_low=True)
    mu = check_rate("teacher_rate", teacher_rate)
    pull, decay, one = a * c12 / tau_t, a * c22 / tau_s, np.eye(len(c22))
    if discrete and not (mu <= 1 or math.isinf(mu)):
        raise ValueError(
            f"`teacher_rate` must be in (0, 1] per step, or inf, if `discrete`, got {float(mu):g}."
        )
    if math.isinf(mu) or (discrete and mu == 1):
        matrix = pull - decay + (one if discrete else 0.0)
    elif discrete:
        student = np.hstack([one - decay, pull])
        matrix = np.vstack([student, mu * student + (1 - mu) * np.hstack([np.zeros_like(one), one])])
    else:
        matrix = np.block([[-decay, pull], [mu * one, -mu * one]])
    values, vectors = scipy.linalg.eigh(matrix) if (matrix == matrix.T).all() else scipy.linalg.eig(matrix)
    if discrete:
        with np.errstate(divide="ignore"):  # a multiplier of exactly 0 has rate −inf
            rates = np.log(np.abs(values))
        frequencies = np.angle(values)
    else:
        rates, frequencies = np.real(values), np.imag(values)
    order = np.argsort(-rates, kind="stable")
    rounding = (
        len(matrix) * np.finfo(np.float64).eps * max(1.0 if discrete else 0.0, float(np.abs(values).max()))
    )
    return Growth(
        rates=rates[order],
        frequencies=frequencies[order],
        growing=int((rates > rounding).sum()),
        directions=vectors[:, order],
        matrix=matrix,
        discrete=discrete,
    )


def whitened_growth_rate(
    correlation: ArrayLike,
    *,
    gain: float,
    student_temperature: float,
    teacher_temperature: float,
    teacher_rate: float = math.inf,
) -> Matrix:
    """λ = ½[√((α − μ)² + 4μβ) − (α + μ)]: top eigenvalue of [[−α, β], [μ, −μ]], α = a/τ_s, β = a r/τ_t.  [D2]

    One number per correlation, for features whitened so that C₂₂ = I; β − α when μ = inf (V = W). Real
    part, where r < −(α − μ)²τ_t/(4μa) makes the pair complex.

    correlation: r_j, any shape.  Returns the same shape.
    """
    r = finite_on_host("correlation", correlation)
    a = check_number("gain", gain, low=0.0, open_low=True)
    alpha = a / check_number("student_temperature", student_temperature, low=0.0, open_low=True)
    beta = a * r / check_number("teacher_temperature", teacher_temperature, low=0.0, open_low=True)
    mu = check_rate("teacher_rate", teacher_rate)
    if math.isinf(mu):
        return beta - alpha
    largest = max(alpha, mu)  # in units of which no square overflows
    x, y = alpha / largest, mu / largest
    root = np.sqrt(np.maximum((x - y) ** 2 + 4 * y * (beta / largest), 0.0))
    # The root minus (x + y) cancels; multiplied by its conjugate it is 4y(β − α) over a sum.
    return np.where(root > 0, 2 * y * (beta - alpha) / (root + x + y), -largest * (x + y) / 2)


def critical_temperature(correlation: ArrayLike, *, student_temperature: float) -> Matrix:
    """τ_t* = r τ_s: below it the direction grows from uniform, above it decays.  [D2, D3]

    0 where r ≤ 0: no teacher, however sharp, makes that direction grow. Without a constraint on the teacher
    the constant direction has r = 1, so it grows for every τ_t < τ_s, before anything else does.

    correlation: r_j, any shape.  Returns the same shape.
    """
    tau = check_number("student_temperature", student_temperature, low=0.0, open_low=True)
    return np.maximum(finite_on_host("correlation", correlation), 0.0) * tau


def survival_temperature(correlation: ArrayLike, *, clusters: int, student_temperature: float) -> Matrix:
    """τ_t† = τ_s max_y L(ry)/L(y), L(y) = log(1 + (K−1)y) − log(1 − y): learnt, it lives up to here.  [D3]

    K equally likely clusters, one for each output; given one view, the other shows the same cluster with
    probability r + (1−r)/K and any other with (1−r)/K, so r is the one cross-view correlation; the student
    has a table (one-hot features). A symmetric fixed point has logits u for its own cluster against the rest,
    and must match the averaged teacher: r h(u/τ_t) = h(u/τ_s), h(u) = (e^u − 1)/(e^u + K − 1). With
    y = h(u/τ_t) and L = h⁻¹ that reads τ_t/τ_s = L(ry)/L(y) for some y in (0, 1). y → 0 gives r, the critical
    temperature; L is concave near 0 for K > 2, so the maximum lies above: between the two a cold start dies
    and a learnt solution survives (hysteresis). For K = 2 they coincide. K → ∞ drives τ_t† to τ_s.

    correlation: r in [0, 1], any shape.  Returns the same shape.
    """
    r = finite_on_host("correlation", correlation)
    if ((r < 0) | (r > 1)).any():
        raise ValueError(f"`correlation` must be in [0, 1], got {r[(r < 0) | (r > 1)].ravel()[0]:g}.")
    others = check_count("clusters", clusters, low=2) - 1
    tau = check_number("student_temperature", student_temperature, low=0.0, open_low=True)

    def log_odds(y: float) -> float:
        return math.log1p(others * y) - math.log1p(-y)

    def ratio(v: float, rho: float) -> float:
        # y = 1/(1 + e^v): the maximum may lie within e^{-log K} of 1.
        y = 1.0 / (1.0 + math.exp(v))
        return log_odds(rho * y) / (math.log1p(others * y) + math.log1p(math.exp(-v)))  # 1 − y = 1/(1 + e⁻ᵛ)

    def highest(rho: float) -> float:
        if rho in (0.0, 1.0) or others == 1:
            return rho
        # One interior maximum at most (checked in the tests against a scan), else the limit r at y → 0.
        found = scipy.optimize.minimize_scalar(
            lambda v: -ratio(v, rho),
            bounds=(-40.0, 20.0),
            method="bounded",
            options={"xatol": 1e-10},
        )
        return max(rho, -float(found.fun))

    return tau * np.vectorize(highest, otypes=[np.float64])(r)
