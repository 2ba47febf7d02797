"""Six claims in balls, from the text of `paper_notes.md`: inequalities as pairs (smaller side, larger side).

Nothing here is taken from `theory`. Every bound is a function of its own, so that a test can put a wrong one
in its place and see certification fail.
"""

from itertools import pairwise

from flint import arb

from tests.certify.balls import (
    columns,
    cross_entropy,
    entropy,
    kl,
    largest,
    log_mean_exp,
    log_prior,
    log_softmax,
    mean,
    minus,
    osc,
    plus,
    smallest,
    total_variation,
)

INF = float("inf")
ORDERS = (-INF, -4.0, -1.0, -0.25, 0.0, 0.25, 1.0, 4.0, INF)
ROUNDS = 3


# -- the bounds -----------------------------------------------------------------------------------


def gap(column, w):
    """J = log Σ w p − Σ w log p of one cluster."""
    return log_mean_exp(w, column) - mean(w, column)


def specht(r):
    """log S(e^R) = u − 1 − log u, u = R/(e^R − 1)."""
    if r.is_zero():
        return arb(0)
    u = r / r.expm1()
    return u - 1 - u.log()


def hoeffding(r):
    return r * r / 8


def third_order(r):
    return r * r * r / (36 * arb(3).sqrt())


def power_mean(column, w, order):
    """log M_s; the samples of weight 0 are left out already."""
    if order == 0:
        return mean(w, column)
    if abs(order) == INF:
        return largest(column) if order > 0 else smallest(column)
    return log_mean_exp(w, [order * x for x in column]) / order


def ratio_bound(osc_gap):
    return osc_gap


def kl_bound(osc_gap):
    return osc_gap * osc_gap / 8


def tv_bound(osc_gap):
    return (osc_gap / 4).tanh()


def pinsker(divergence):
    return (divergence / 2).sqrt()


def price_of_constancy(information):
    """What a constant student pays at least."""
    return information


def diameter(log_p):
    """Δ = max over pairs of samples of osc(log pₙ − log pₘ)."""
    pairs = ((a, b) for i, a in enumerate(log_p) for b in log_p[:i])
    return largest([arb(0), *(osc(minus(a, b)) for a, b in pairs)])


def contraction(delta):
    root = (delta / 4).tanh()
    return root * root


def to_projected(delta):
    """κ/(1 − κ) = sinh²(Δ/4)."""
    root = (delta / 4).sinh()
    return root * root


def dual_gain(divergence):
    """By how much a round raises g at least."""
    return divergence


# -- the claims -----------------------------------------------------------------------------------


def counted(case):
    """The columns of log p and the weights, of the samples that count."""
    rows, w = case.log_p_balls(), case.weight_balls()
    used = [n for n, weight in enumerate(w) if not weight.is_zero()]
    return columns([rows[n] for n in used]), [w[n] for n in used]


def j1(case):
    cols, w = counted(case)
    return {"0 ≤ J": [(arb(0), gap(column, w)) for column in cols]}


def j6(case):
    cols, w = counted(case)
    found = {"J ≤ log S(e^R)": [], "log S(e^R) ≤ R²/8": [], "∣J − ½Var∣ ≤ R³/(36√3)": []}
    for column in cols:
        j, r, middle = gap(column, w), osc(column), mean(w, column)
        variance = mean(w, [(x - middle) * (x - middle) for x in column])
        pairs = (j, specht(r)), (specht(r), hoeffding(r)), (abs(j - variance / 2), third_order(r))
        for name, pair in zip(found, pairs, strict=True):
            found[name].append(pair)
    return found


def j9(case):
    cols, w = counted(case)
    pairs = []
    for column in cols:
        means = [power_mean(column, w, order) for order in ORDERS]
        pairs += pairwise(means)
    return {"M_s ≤ M_t": pairs}


def j7(case):
    log_p, w, log_pi = with_target(case)
    lam = balls_of_tilt(case, len(log_pi))
    log_mean, mean_log = log_prior(log_p, w), [mean(w, column) for column in columns(log_p)]
    to_inverse, to_centred = minus(log_pi, log_mean), minus(log_pi, mean_log)
    wide = osc(minus(log_mean, mean_log))
    names = "∣log c − log r∣ ≤ osc J", "KL(c‖r) ≤ osc²/8", "KL(r‖c) ≤ osc²/8", "TV ≤ tanh(osc/4)"
    found = {name: [] for name in names}
    for row in log_p:
        c, r = log_softmax(plus(row, to_centred)), log_softmax(plus(row, to_inverse))
        found[names[0]].append((largest([abs(x) for x in minus(c, r)]), ratio_bound(wide)))
        found[names[1]].append((kl(c, r), kl_bound(wide)))
        found[names[2]].append((kl(r, c), kl_bound(wide)))
        found[names[3]].append((total_variation(c, r), tv_bound(wide)))
    far = ratio_bound(wide) + to_projected(diameter(log_p)) * osc(to_inverse)
    return found | {"osc(λ_c − λ*) ≤ osc J + κ/(1 − κ) osc λ₁": [(osc(minus(to_centred, lam)), far)]}


def o5(case):
    w = case.weight_balls()
    r, q = ([log_softmax(row) for row in rows] for rows in (case.log_p_balls(), case.log_q_balls()))
    log_pi = log_softmax(balls_of_tilt(case, len(r[0])))
    r_mean, q_mean = log_prior(r, w), log_prior(q, w)

    def divergence(students):
        return mean(w, [kl(a, b) for a, b in zip(r, students, strict=True)])

    d, information = divergence(q), entropy(r_mean) - mean(w, [entropy(a) for a in r])
    loss = mean(w, [cross_entropy(a, b) for a, b in zip(r, q, strict=True)])
    reach = total_variation(log_pi, r_mean) + pinsker(d)
    constant = [(price_of_constancy(information), divergence([one] * len(r))) for one in (q[0], r_mean)]
    return {
        "KL(r̄‖q̄) ≤ D": [(kl(r_mean, q_mean), d)],
        "TV(π, q̄) ≤ TV(π, r̄) + √(D/2)": [(total_variation(log_pi, q_mean), reach)],
        "I_r ≤ D, q constant": constant[:1],
        "I_r ≤ D, q = r̄": constant[1:],
        "I_r − D = H(r̄) − loss": [(information - d, entropy(r_mean) - loss)],
    }


def t5(case):
    log_p, w = [log_softmax(row) for row in case.log_p_balls()], case.weight_balls()
    best, delta = balls_of_tilt(case, len(log_p[0])), diameter(log_p)

    def tilted(lam):
        """The marginal of the tilt by λ, as logarithms, and Σ w log Σ p e^λ."""
        rows = [plus(row, lam) for row in log_p]
        normalisers = [log_mean_exp([arb(1)] * len(row), row) for row in rows]
        log_r = [[x - z for x in row] for row, z in zip(rows, normalisers, strict=True)]
        return log_prior(log_r, w), mean(w, normalisers)

    log_pi, _ = tilted(best)
    pi = [x.exp() for x in log_pi]
    lam = [arb(0)] * len(best)
    log_m, mean_z = tilted(lam)
    names = "KL(π‖m) does not increase", "g rises by KL(π‖m)", "osc(λ − λ*) shrinks by κ"
    found = {name: [] for name in names}
    bound = "osc(λ₁ − λ*) ≤ κ/(1 − κ) osc λ₁"
    for _ in range(ROUNDS):
        after = plus(lam, minus(log_pi, log_m))
        log_m_after, mean_z_after = tilted(after)
        before = kl(log_pi, log_m)
        rise = mean(pi, minus(after, lam)) - mean_z_after + mean_z
        found[names[0]].append((kl(log_pi, log_m_after), before))
        found[names[1]].append((dual_gain(before), rise))
        found[names[2]].append((osc(minus(after, best)), contraction(delta) * osc(minus(lam, best))))
        found.setdefault(bound, [(osc(minus(after, best)), to_projected(delta) * osc(after))])
        lam, log_m, mean_z = after, log_m_after, mean_z_after
    return found


def balls_of_tilt(case, k):
    """λ* of a case, 0 where it has none: π is *defined* as the marginal of the tilt by it, so λ* is exact."""
    return case.log_tilt_balls() or [arb(0)] * k


def with_target(case):
    """Rows that sum to 1, weights, and log π as the marginal of the tilt by λ*."""
    rows, w = [log_softmax(row) for row in case.log_p_balls()], case.weight_balls()
    lam = balls_of_tilt(case, len(rows[0]))
    return rows, w, log_prior([log_softmax(plus(row, lam)) for row in rows], w)


STATEMENTS = {"O5": o5, "T5": t5, "J1": j1, "J6": j6, "J7": j7, "J9": j9}
