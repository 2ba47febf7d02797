"""What a clustering student learns from its own teacher, and how fast.  [D1, D2, D3]

Student logits z = φᵀW, teacher logits φᵀV, gradient flow on W with learning rate η, loss
Σ w H(r_n, q_n). By O2 the gradient is E φ_s (q − r)ᵀ/τ_s. At W = V = 0 every output is uniform, and
there (D1) every constrained teacher of the family has one and the same linearisation,

    r_n = 1/K + (1/K) Π (z_n − z̄)/τ_t + O(z²),     Π = I − 11ᵀ/K,

so on the Π-projected columns of W, with a = η/(K τ_s) (`student_gain`),

    dW/dt = a [C₁₂ V/τ_t − C₂₂ W/τ_s],     dV/dt = μ (W − V).

Each direction of feature space carries K − 1 copies of its rate, one for each contrast of clusters. With a
non-uniform target π the same holds at any constant output, with diag π − ππᵀ in place of Π/K: another
gain for each contrast, the same ρ_j, the same critical temperature.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import scipy.linalg
from numpy.typing import ArrayLike

from theory.checks import check_count, check_number, check_quotient, check_rate, finite_on_host
from theory.dynamics.moments import check_moment_pair

if TYPE_CHECKING:
    from jaxtyping import Complex, Float

__all__ = ["Growth", "growth_rates", "student_gain", "whitened_growth_rate"]


@dataclass(frozen=True, kw_only=True)
class Growth:
    """Rates of the linearised training run, fastest first, with the matrix they are the eigenvalues of.

    M is D where the teacher is the student (V = W), else 2D.

    Attributes
    ----------
    rates : [M]
        Re ν per unit time; log ∣multiplier∣ per step if `discrete`.
    frequencies : [M]
        Im ν, in radians per unit time, or per step if `discrete`.
    growing : int
        How many rates are positive, beyond rounding.
    directions : [M, M]
        Eigenvectors as columns: W alone if V = W, else W above V. Real where the matrix is symmetric.
    matrix : [M, M]
        The generator of the flow, or the map of one step if `discrete`.
    discrete : bool
        Whether time is counted in steps.
    """

    rates: Float[np.ndarray, " M"]
    frequencies: Float[np.ndarray, " M"]
    growing: int
    directions: Float[np.ndarray, "M M"] | Complex[np.ndarray, "M M"]
    matrix: Float[np.ndarray, "M M"]
    discrete: bool


def student_gain(*, learning_rate: float, clusters: int, student_temperature: float) -> float:
    """a = η/(K τ_s): speed of the student near uniform, per unit of feature variance.

    The loss is a mean over samples; if it is a sum, or a mean over other things too, η scales with it.

    Parameters
    ----------
    learning_rate
        η > 0, per unit time of the flow or per step.
    clusters
        K ≥ 2.
    student_temperature
        τ_s > 0.

    Returns
    -------
    float
        a, per unit time or per step, as η is.

    Raises
    ------
    TypeError, ValueError
        An argument that is no number, K < 2 or no integer, η or τ_s not positive and finite.

    Examples
    --------
    >>> from theory.dynamics import student_gain
    >>> student_gain(learning_rate=0.5, clusters=10, student_temperature=0.25)
    0.2
    """
    eta = check_number("learning_rate", learning_rate, low=0.0, open_low=True)
    tau = check_number("student_temperature", student_temperature, low=0.0, open_low=True)
    return student_gain_kernel(eta, check_count("clusters", clusters, low=2), tau)


def student_gain_kernel(eta: float, clusters: int, tau: float) -> float:
    """`student_gain` for checked input."""
    return eta / (clusters * tau)


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

    For symmetric C₁₂ as many are positive as there are ρ_j > τ_t/τ_s, for *every* teacher rate: eliminating
    V leaves ν² + ν(μ + aC₂₂/τ_s) + μa(C₂₂/τ_s − C₁₂/τ_t), whose middle term is positive definite, so the
    right half plane holds as many roots as the last term has negative eigenvalues, all of them real
    (Kelvin, Tait and Chetaev). A slow teacher changes how fast, never what. Where C₁₂ ≥ 0 as well, the
    decaying rates are real too: (μ + d)² − 4μ(d − p) = (μ − d)² + 4μp ≥ 0 for every direction (overdamped).

    Parameters
    ----------
    cross, second
        C₁₂ and C₂₂, [D, D], the second one symmetric: `CrossViewMoments.cross` and `.second`.
    gain
        a > 0 (`student_gain`), per unit time, or per step if `discrete`.
    student_temperature, teacher_temperature
        τ_s > 0 and τ_t > 0.
    teacher_rate
        μ > 0, per unit time; inf means V = W. If `discrete`, one minus the teacher momentum of a step, in
        (0, 1]; 1 and inf both mean V = W.
    discrete
        One step of W ← W + a(C₁₂V/τ_t − C₂₂W/τ_s), then V ← (1 − μ)V + μW with the new W, in place of the
        flow.

    Returns
    -------
    Growth
        Fastest first; M = D where V = W, else 2D.

    Raises
    ------
    TypeError, ValueError
        Moments that are no moments, unlike shapes, NaN or inf, a number that is not positive, a rate above
        1 per step.

    Examples
    --------
    Of correlations 0.8 and 0.3 one exceeds τ_t/τ_s = 0.5, however slow the teacher:

    >>> import numpy as np
    >>> from theory.dynamics import growth_rates
    >>> knobs = {"gain": 0.1, "student_temperature": 0.2, "teacher_temperature": 0.1}
    >>> growth_rates(np.diag([0.8, 0.3]), np.eye(2), **knobs).rates.round(4)
    array([ 0.3, -0.2])
    >>> slow = growth_rates(np.diag([0.8, 0.3]), np.eye(2), teacher_rate=0.01, **knobs)
    >>> slow.growing, slow.rates.round(4)
    (1, array([ 0.0058, -0.004 , -0.506 , -0.5158]))
    """
    c12, c22 = check_moment_pair(cross, second)
    a = check_number("gain", gain, low=0.0, open_low=True)
    tau_s = check_number("student_temperature", student_temperature, low=0.0, open_low=True)
    tau_t = check_number("teacher_temperature", teacher_temperature, low=0.0, open_low=True)
    check_quotient("gain", a, student_temperature=tau_s, teacher_temperature=tau_t)
    mu = check_rate("teacher_rate", teacher_rate)
    if discrete and not (mu <= 1 or math.isinf(mu)):
        raise ValueError(
            f"`teacher_rate` must be in (0, 1] per step, or inf, if `discrete`, got {float(mu):g}."
        )
    matrix = (_step if discrete else _flow)(a * c12 / tau_t, a * c22 / tau_s, mu)
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
) -> Float[np.ndarray, "*shape"]:
    r"""ν = ½[√((α − μ)² + 4μβ) − (α + μ)]: top eigenvalue of [[−α, β], [μ, −μ]].  [D2]

    .. math:: \nu = \tfrac12\left[\sqrt{(\alpha - \mu)^2 + 4\mu\beta} - (\alpha + \mu)\right], \qquad
        \alpha = a/\tau_s, \quad \beta = a \rho/\tau_t

    With α = a/τ_s and β = a ρ/τ_t. One number per correlation, for features whitened so that C₂₂ = I; β − α
    when μ = inf (V = W). Real part, where ρ < −(α − μ)²τ_t/(4μa) makes the pair complex.

    Parameters
    ----------
    correlation
        ρ_j, any shape.
    gain
        a > 0 (`student_gain`), per unit time.
    student_temperature, teacher_temperature
        τ_s > 0 and τ_t > 0.
    teacher_rate
        μ > 0, per unit time; inf means V = W.

    Returns
    -------
    array, the shape of `correlation`
        ν, per unit time.

    Raises
    ------
    TypeError, ValueError
        A correlation that is not finite, a number that is not positive.

    Examples
    --------
    >>> from theory.dynamics import whitened_growth_rate
    >>> knobs = {"gain": 0.1, "student_temperature": 0.2, "teacher_temperature": 0.1}
    >>> whitened_growth_rate([0.8, 0.3], **knobs).round(4)
    array([ 0.3, -0.2])
    >>> whitened_growth_rate([0.8, 0.3], teacher_rate=0.01, **knobs).round(4)
    array([ 0.0058, -0.004 ])
    """
    rho = finite_on_host("correlation", correlation)
    a = check_number("gain", gain, low=0.0, open_low=True)
    alpha = a / check_number("student_temperature", student_temperature, low=0.0, open_low=True)
    beta = a * rho / check_number("teacher_temperature", teacher_temperature, low=0.0, open_low=True)
    mu = check_rate("teacher_rate", teacher_rate)
    if math.isinf(mu):
        return beta - alpha
    largest = max(alpha, mu)  # in units of which no square overflows
    x, y = alpha / largest, mu / largest
    root = np.sqrt(np.maximum((x - y) ** 2 + 4 * y * (beta / largest), 0.0))
    # The root minus (x + y) cancels; multiplied by its conjugate it is 4y(β − α) over a sum.
    return np.where(root > 0, 2 * y * (beta - alpha) / (root + x + y), -largest * (x + y) / 2)


def _flow(
    pull: Float[np.ndarray, "D D"], decay: Float[np.ndarray, "D D"], mu: float
) -> Float[np.ndarray, "M M"]:
    """The generator on W, or on W above V where the teacher is slow; pull = aC₁₂/τ_t, decay = aC₂₂/τ_s."""
    if math.isinf(mu):
        return pull - decay
    one = np.eye(len(decay))
    return np.block([[-decay, pull], [mu * one, -mu * one]])


def _step(
    pull: Float[np.ndarray, "D D"], decay: Float[np.ndarray, "D D"], mu: float
) -> Float[np.ndarray, "M M"]:
    """One step's map, in the same coordinates; the teacher follows the student that has just moved."""
    one = np.eye(len(decay))
    if math.isinf(mu) or mu == 1:
        return pull - decay + one
    student = np.hstack([one - decay, pull])
    return np.vstack([student, mu * student + (1 - mu) * np.hstack([np.zeros_like(one), one])])


def whitened_step_radius_kernel(alpha: float, beta: float, mu: float) -> float:
    """∣leading multiplier∣ of one step, w' = (1 − α)w + βv, v' = (1 − μ)v + μw', for checked input."""
    step = np.array([[1 - alpha, beta], [mu * (1 - alpha), 1 - mu + mu * beta]])
    return float(np.abs(np.linalg.eigvals(step)).max())
