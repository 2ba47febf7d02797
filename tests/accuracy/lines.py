"""The linear theory of training runs by its formulas, as in `tests.accuracy.formulas`.

Eigenvalues are those of the matrix with `slack` of one rounding of its largest entry: LAPACK's are exact for
such a matrix, none nearer, so that is the change of input which its errors are held against. slack is 1.
"""

import numpy as np
from flint import arb

from tests.accuracy.balls import Values, balls, eigenvalues, solved, total
from tests.accuracy.formulas import of

_STEPS = 400  # halvings: an interval of 1e3 to 1e-117


def loosened(matrix: np.ndarray, slack: np.ndarray) -> np.ndarray:
    """The matrix, and (slack − 1) times its largest entry; slack is 1."""
    return matrix + np.max(np.abs(matrix)) * (slack - 1)


def stability(matrix: np.ndarray) -> Values:
    values = eigenvalues(matrix)
    first = values[0]
    if not first.imag.contains(0):
        period = 2 * arb.pi() / abs(first.arg())
    else:
        period = arb(2) if first.real < 0 else arb("inf")
    return {"spectral_radius": abs(first), "period": period}


def rows(*lines: list) -> np.ndarray:
    return np.array([[arb(x) for x in line] for line in lines], object)


def step_of(a, mu, gamma, tau_s, tau_t) -> np.ndarray:
    alpha, beta = a / tau_s, a / tau_t
    student = np.array([1 - alpha, beta, -beta], object)
    return np.stack(
        [student, mu * student + np.array([0, 1 - mu, 0], object), rows([0, gamma, 1 - gamma])[0]]
    )


@of
def center_stability(
    gain, teacher_momentum, center_momentum, student_temperature, teacher_temperature, slack
) -> Values:
    step = step_of(gain, 1 - teacher_momentum, 1 - center_momentum, student_temperature, teacher_temperature)
    return stability(loosened(step, slack))


@of
def center_race(
    correlation, gain, teacher_momentum, center_momentum, student_temperature, teacher_temperature, slack
) -> Values:
    mu, alpha = 1 - teacher_momentum, gain / student_temperature
    step = step_of(gain, mu, 1 - center_momentum, student_temperature, teacher_temperature)
    beta = gain * correlation / teacher_temperature
    two = rows([1 - alpha, beta], [mu * (1 - alpha), 1 - mu + mu * beta])
    return {
        "constant": abs(eigenvalues(loosened(step, slack))[0]).log(),
        "features": abs(eigenvalues(loosened(two, slack[:2, :2]))[0]).log(),
    }


@of
def shared_head_stability(
    share, gain, teacher_momentum, center_momenta, student_temperature, teacher_temperatures, slack
) -> Values:
    mu, one = 1 - teacher_momentum, arb(1)
    p1, p2 = (s * gain / t for s, t in zip((share, one - share), teacher_temperatures, strict=True))
    student = np.array([1 - gain / student_temperature, p1 + p2, -p1, -p2], object)
    teacher = mu * student + np.array([0, 1 - mu, 0, 0], object)
    c1, c2 = center_momenta
    return stability(
        loosened(np.vstack([student, teacher, rows([0, 1 - c1, c1, 0], [0, 1 - c2, 0, c2])]), slack)
    )


def _moments(views, w):
    w = (w / total(w))[:, None]
    means = [total(w * view, axis=0) for view in views]
    mean = sum(means) / len(views)
    centred = [view - mean for view in views]
    own = sum(view.T @ (w * view) for view in centred)
    whole = sum(centred)
    cross = (whole.T @ (w * whole) - own) / (len(views) * (len(views) - 1))
    return mean, own / len(views), cross


@of
def cross_view_moments(views, weights) -> Values:
    mean, own, cross = _moments(views, weights)
    return {"student_mean": mean, "covariance": own, "cross_covariance": cross}


@of
def coupled_center_stability(
    views, gain, teacher_momentum, center_momentum, student_temperature, teacher_temperature, slack
) -> Values:
    mean, own, cross = _moments(views, balls(np.ones(len(views[0]))))
    mean = np.append(mean, arb(1))
    d, mu, gamma = len(mean), 1 - teacher_momentum, 1 - center_momentum
    eye, zero = balls(np.eye(d)), balls(np.zeros((d, d)))
    pad = [(0, 1), (0, 1)]
    second, both = (np.pad(x, pad, constant_values=arb(0)) + np.outer(mean, mean) for x in (own, cross))
    pull, down = gain * both / teacher_temperature, -gain * mean[:, None] / teacher_temperature
    student = np.hstack([eye - gain * second / student_temperature, pull, down])
    teacher = mu * student + np.hstack([zero, (1 - mu) * eye, zero[:, :1]])
    center = np.concatenate([zero[0], gamma * mean, [1 - gamma]])[None, :]
    return stability(loosened(np.vstack([student, teacher, center]), slack))


@of
def correlations(cross, second, slack) -> Values:
    """Eigenvalues of C₂₂⁻¹ ½(C₁₂ + C₁₂ᵀ), each matrix loosened by a rounding of its largest entry."""
    cross, second = (cross + cross.T) / 2, (second + second.T) / 2
    slack = (slack + slack.T) / 2
    values = eigenvalues(solved(loosened(second, slack), loosened(cross, slack)))
    return {"values": _descending(values)}


def _descending(values) -> np.ndarray:
    return np.array(sorted((x.real for x in values), key=lambda x: -float(x.mid())), object)


@of
def growth_rates(
    cross, second, gain, student_temperature, teacher_temperature, teacher_rate, slack
) -> Values:
    second = (second + second.T) / 2
    pull, decay = gain * cross / teacher_temperature, gain * second / student_temperature
    one = balls(np.eye(len(second)))
    matrix = np.block([[-decay, pull], [teacher_rate * one, -teacher_rate * one]])
    return {"rates": _descending(eigenvalues(loosened(matrix, slack)))}


@of
def whitened_growth_rate(correlation, gain, student_temperature, teacher_temperature, teacher_rate) -> Values:
    alpha, beta = gain / student_temperature, gain * correlation / teacher_temperature
    inner = (alpha - teacher_rate) ** 2 + 4 * teacher_rate * beta
    root = np.array([x.sqrt() if x > 0 else arb(0) for x in inner], object)
    return {"": (root - (alpha + teacher_rate)) / 2}


def _root(square, linear, constant):
    return np.array(
        [
            ((b * b + 4 * a * c).sqrt() - b) / (2 * a) if a > 0 else c / b
            for a, b, c in zip(square, linear, constant, strict=True)
        ],
        object,
    )


@of
def critical_center_rate(gain, teacher_rate, student_temperature, teacher_temperature) -> Values:
    alpha, beta, mu = gain / student_temperature, gain / teacher_temperature, teacher_rate
    a = alpha + mu
    lost = np.array([max(x, arb(0)) for x in beta - alpha], object)
    return {"": _root(a, a**2 - mu * beta, a * mu * lost)}


@of
def critical_center_momentum(gain, teacher_momentum, student_temperature, teacher_temperature) -> Values:
    alpha, beta, mu = gain / student_temperature, gain / teacher_temperature, 1 - teacher_momentum
    a, slack = alpha + mu - alpha * mu, (1 - alpha) * (1 - mu)
    lost = np.array([max(x, arb(0)) for x in beta - alpha], object)
    return {"": 1 - _root(slack * a, a**2 - alpha * mu * a - slack * beta * mu, a * mu * lost)}


@of
def center_gain_limit(center_momentum, teacher_momentum, student_temperature, teacher_temperature) -> Values:
    """The same line as a quadratic in α: its coefficients in order, A = μ + (1 − μ) α, κ = τ_s/τ_t."""
    mu, gamma, kappa = 1 - teacher_momentum, 1 - center_momentum, student_temperature / teacher_temperature
    keep = 1 - mu
    c0 = keep * mu * gamma**2 + mu**2 * gamma
    c1 = (
        keep * gamma**2 * (keep - mu)
        + gamma * (2 * mu * keep - mu**2 - keep * kappa * mu)
        - mu**2 * (kappa - 1)
    )
    c2 = -(keep**2) * gamma**2 + gamma * (keep**2 - mu * keep + keep * kappa * mu) - mu * keep * (kappa - 1)
    inner = (c1**2 - 4 * c2 * c0).sqrt()
    roots = [2 * c0 / (-c1 + sign * inner) for sign in (1, -1)]
    return {"": student_temperature * min(x for x in roots if x > 0)}


def _odds(y, others):
    return (1 + others * y).log() - (1 - y).log()


def _own_odds(v, others):
    """L(y) at y = 1/(1 + eᵛ)."""
    return (1 + others / (1 + v.exp())).log() + (1 + (-v).exp()).log()


def _ratio(v, rho, others):
    return _odds(rho / (1 + v.exp()), others) / _own_odds(v, others)


def _warmest(rho, others):
    """v at the maximum of `_ratio`, by thirds, from the best of a scan."""
    scan = [arb(v) / 4 for v in range(-240, 81)]
    at = max(range(len(scan)), key=lambda i: float(_ratio(scan[i], rho, others).mid()))
    low, high = scan[max(at - 1, 0)], scan[min(at + 1, len(scan) - 1)]
    for _ in range(100):
        third = ((high - low) / 3).mid()
        a, b = (low + third).mid(), (high - third).mid()
        low, high = (a, high) if _ratio(a, rho, others).mid() < _ratio(b, rho, others).mid() else (low, b)
    return low


@of
def survival_temperature(correlation, clusters, student_temperature) -> Values:
    found = [max(rho, _ratio(_warmest(rho, clusters - 1), rho, clusters - 1)) for rho in correlation]
    return {"": student_temperature * np.array(found, object)}


def _learnt(rho, k, tau_s, tau_t):
    """u, s and t of the learnt fixed point, by halving beyond the top of `_ratio`."""
    others = k - 1
    low, high = arb(-700), arb(20) if others == 1 else _warmest(rho, others)
    for _ in range(_STEPS):
        half = ((low + high) / 2).mid()
        above = _ratio(half, rho, others).mid() > (tau_t / tau_s).mid()
        low, high = (low, half) if above else (half, high)
    u = tau_t * _own_odds(low, others)
    return u, *(1 / (1 + others * (-u / tau).exp()) for tau in (tau_s, tau_t))


def _saturated(share, k):
    rest = (1 - share) / (k - 1)
    d = share - rest
    return rows([rest, 0], [d * (1 - d), share * (1 - d)])


def _flow(rho, k, s, t, tau_s, tau_t):
    return rows([1, (1 - rho) / k], [0, rho]) @ _saturated(t, k) / tau_t, _saturated(s, k) / tau_s


@of
def learnt_solution(correlation, clusters, student_temperature, teacher_temperature, slack) -> Values:
    u, s, t = _learnt(correlation, clusters, student_temperature, teacher_temperature)
    pull, decay = _flow(correlation, clusters, s, t, student_temperature, teacher_temperature)
    rest = (1 - s) / (clusters - 1)
    return {
        "logit": u,
        "student_share": s,
        "teacher_share": t,
        "information": arb(clusters).log() + s * s.log() + (1 - s) * rest.log(),
        "rate": _descending(eigenvalues(loosened(clusters * (pull - decay), slack)))[0],
    }


@of
def learnt_center_stability(
    correlation,
    clusters,
    gain,
    teacher_momentum,
    center_momentum,
    student_temperature,
    teacher_temperature,
    slack,
) -> Values:
    _, s, t = _learnt(correlation, clusters, student_temperature, teacher_temperature)
    pull, decay = _flow(correlation, clusters, s, t, student_temperature, teacher_temperature)
    pull, decay = gain * clusters * pull, gain * clusters * decay
    mu, gamma, one = 1 - teacher_momentum, 1 - center_momentum, balls(np.eye(2))
    student = np.hstack([one - decay, pull, -pull[:, :1]])
    teacher = mu * student + np.hstack([0 * one, (1 - mu) * one, 0 * one[:, :1]])
    return stability(
        loosened(np.vstack([student, teacher, rows([0, 0, gamma, gamma / clusters, 1 - gamma])]), slack)
    )
