"""The inequalities of the notes, both sides by public functions of `theory` on tensors.

Where a claim needs the projected teacher, π is *defined* as the marginal of the tilt by λ*, which is exact.
"""

import itertools

import torch

import theory
from tests.search.points import ATTAINED, LIMIT, Hunt, absolute, constant, mean, one, osc, relative, zero
from tests.search.rounding import reach_of_a_round, rounded, rounding_of_osc


def met(c):
    """log π as the marginal of the tilt by λ*."""
    return theory.log_prior(theory.tilt(c.log_p, c.lam), weights=c.w)


def dual(c, lam, log_pi):
    return (log_pi.exp() * lam).sum(-1) - mean(c.w, torch.logsumexp(c.log_p + lam[..., None, :], -1))


def first_round(c):
    """log π, λ₁ and log m(λ₁)."""
    log_pi = met(c)
    lam = theory.sinkhorn_log_tilt(c.log_p, rounds=1, weights=c.w, log_target=log_pi)
    return log_pi, lam, theory.log_prior(theory.tilt(c.log_p, lam), weights=c.w)


def closed_forms(c, log_pi):
    """λ of the centred teacher, that of the inverse-prior teacher, and how far apart the two can be."""
    ways = theory.centering_log_tilt, theory.inverse_prior_log_tilt
    found = (way(c.log_p, weights=c.w, log_target=log_pi) for way in ways)
    return *found, theory.teacher_distance_bound(theory.jensen_gap(c.log_p, weights=c.w))


def both_teachers(c):
    *tilts, bound = closed_forms(c, c.log_pi)
    return *(theory.tilt(c.log_p, lam) for lam in tilts), bound


def batches(c, size):
    """log P̂ of every batch of so many draws, [S, N^B, K], and its probability."""
    n = c.log_p.shape[-2]
    draws = torch.tensor(list(itertools.product(range(n), repeat=size)))
    return theory.log_prior(c.log_p[..., draws, :]), c.w[..., draws].prod(-1)


def expected(c, size):
    log_priors, chance = batches(c, size)
    return mean(chance, log_priors)


# -- O --------------------------------------------------------------------------------------------


def kl_is_not_negative(c):
    divergence = theory.kl(c.log_p, c.log_q)
    return absolute(zero(divergence), divergence)


def constant_pays_the_information(c):
    cost = mean(c.w, theory.kl(c.log_p, constant(c.log_s, c.log_p)))
    return relative(theory.mutual_information(c.log_p, weights=c.w), cost)


def loss_is_not_negative(c):
    loss = theory.evaluate(c.log_p, c.log_q, weights=c.w).cross_entropy
    return absolute(zero(loss), loss)


def prior_divergence(c):
    proof = theory.certificate(c.log_p, c.log_q, weights=c.w, log_target=c.log_pi)
    return relative(proof.prior_kl, proof.kl)


def prior_distance(c):
    return _distance(c, c.log_pi)


def prior_distance_of_a_teacher_on_target(c):
    return _distance(c, theory.log_prior(c.log_p, weights=c.w))


def _distance(c, log_pi):
    bound = theory.certificate(c.log_p, c.log_q, weights=c.w, log_target=log_pi).prior_distance_bound
    q_mean = theory.log_prior(c.log_q, weights=c.w).exp()
    # A bound of 1 says nothing and is not counted.
    return (log_pi.exp() - q_mean).abs().sum(-1) / 2, bound, torch.where(bound < 1, bound, 0.0)


def constant_student(c):
    proof = theory.certificate(c.log_p, constant(c.log_s, c.log_p), weights=c.w)
    return relative(proof.teacher_information, proof.kl)


def views(c):
    log_r, log_q = (theory.log_prior(x, weights=c.w) for x in (c.log_p, c.log_q))
    return relative(theory.kl(log_r, log_q), mean(c.w, theory.kl(c.log_p, c.log_q)))


# -- T --------------------------------------------------------------------------------------------


def inverse_prior_is_closest(c):
    lam = theory.inverse_prior_log_tilt(c.log_p, weights=c.w, log_target=c.log_pi)
    log_r = c.log_p + lam[..., None, :]
    log_other = c.log_q + (c.log_pi - theory.log_prior(c.log_q, weights=c.w))[..., None, :]

    def cost(log_x):
        return mean(c.w, (log_x.exp() * (log_x - c.log_p) - log_x.exp() + c.log_p.exp()).sum(-1))

    return relative(cost(log_r), cost(log_other))


def dual_is_highest(c):
    log_pi = met(c)
    best = dual(c, c.lam, log_pi)
    return absolute(dual(c, c.lam + c.s, log_pi), best)


def feasible_costs_more(c):
    r = theory.tilt(c.log_p, c.lam).exp()
    off = c.y - mean(c.w, c.y)[..., None, :]
    off = off - off.mean(-1, keepdim=True)
    size = torch.tanh(c.s[..., :1, None]) * r.amin((-1, -2), keepdim=True) * 0.999
    other = r + size * off / (off.abs().amax((-1, -2), keepdim=True) + 1e-12)
    least, cost = (theory.evaluate(x.log(), c.log_p, weights=c.w).kl for x in (r, other))
    return relative(least, cost)


def round_lowers_the_divergence(c):
    log_pi, _, log_m = first_round(c)
    return relative(theory.kl(log_pi, log_m), theory.kl(log_pi, theory.log_prior(c.log_p, weights=c.w)))


def round_raises_the_dual(c):
    log_pi, lam, _ = first_round(c)
    before = theory.kl(log_pi, theory.log_prior(c.log_p, weights=c.w))
    return relative(before, dual(c, lam, log_pi) - dual(c, zero(lam), log_pi))


def round_contracts(c):
    _, lam, _ = first_round(c)
    bound = theory.sinkhorn_contraction(c.log_p) * osc(c.lam)
    return rounded(osc(lam - c.lam), bound, rounding_of_osc(c))


def one_round_is_near(c):
    _, lam, _ = first_round(c)
    bound = theory.projected_distance_bound(c.log_p, lam)
    return rounded(osc(lam - c.lam), bound, (1 + reach_of_a_round(c)) * rounding_of_osc(c))


# -- J --------------------------------------------------------------------------------------------


def gap_is_not_negative(c):
    gap = theory.jensen_gap(c.log_p, weights=c.w)
    return absolute(zero(gap), gap)


def centering_overstates(c):
    log_g = theory.log_prior(c.log_p, order=0.0, weights=c.w)
    over = mean(c.w, (c.log_p.exp() * (c.log_p - log_g[..., None, :])).sum(-1))
    return relative(theory.mutual_information(c.log_p, weights=c.w), over)


def gap_below_specht(c):
    bound = theory.specht_bound(theory.log_range(c.log_p, weights=c.w))
    return relative(theory.jensen_gap(c.log_p, weights=c.w), bound)


def specht_below_hoeffding(c):
    reach = theory.log_range(c.log_p, weights=c.w)
    return relative(theory.specht_bound(reach), theory.hoeffding_bound(reach))


def half_the_variance(c):
    off = theory.jensen_gap(c.log_p, weights=c.w) - theory.log_variance(c.log_p, weights=c.w) / 2
    return relative(off.abs(), theory.variance_bound(theory.log_range(c.log_p, weights=c.w)))


def teachers_ratio(c):
    log_c, log_r, bound = both_teachers(c)
    return relative((log_c - log_r).abs().amax(-1), bound.log_ratio[..., None])


def teachers_kl(c):
    log_c, log_r, bound = both_teachers(c)
    return relative(torch.maximum(theory.kl(log_c, log_r), theory.kl(log_r, log_c)), bound.kl[..., None])


def teachers_tv(c):
    log_c, log_r, bound = both_teachers(c)
    return relative((log_c.exp() - log_r.exp()).abs().sum(-1) / 2, bound.total_variation[..., None])


def centred_from_projected(c):
    centred, inverse, apart = closed_forms(c, met(c))
    bound = apart.log_ratio + theory.projected_distance_bound(c.log_p, inverse)
    return rounded(osc(centred - c.lam), bound, (2 + reach_of_a_round(c)) * rounding_of_osc(c))


def power_means(c):
    orders = (-float("inf"), -4.0, -1.0, 0.0, 0.25, 1.0, 4.0, float("inf"))
    means = torch.stack([theory.log_prior(c.log_p, order=order, weights=c.w) for order in orders], -1)
    return absolute(means[..., :-1], means[..., 1:])


# -- E, C -----------------------------------------------------------------------------------------


def larger_batches(c):
    gap = theory.jensen_gap(c.log_p, weights=c.w)
    return expected(c, 2), expected(c, 3), gap


def batch_below_population(c):
    gap = theory.jensen_gap(c.log_p, weights=c.w)
    return expected(c, 3), theory.log_prior(c.log_p, weights=c.w), gap


def inverse_prior_of_a_batch(c):
    log_priors, chance = batches(c, 2)
    ratio = mean(chance, (theory.log_prior(c.log_p, weights=c.w)[..., None, :] - log_priors).exp())
    return absolute(one(ratio), ratio)


def distinct_prototypes(c):
    """Each cluster told twice, in shares of its own."""
    shares = torch.nn.functional.logsigmoid(torch.stack([c.s, -c.s], -1))
    told = (c.log_p[..., None] + shares[..., None, :, :]).flatten(-2)
    information = theory.mutual_information(told, weights=c.w)
    return relative(information, torch.full_like(information, c.log_p.shape[-1]).log())


def inequality(claim, name, sides, sharp, low=0.0, **more):
    return Hunt(claim=claim, name=name, sides=sides, sharp=sharp, low=low, **more)


HUNTS = [
    inequality("O2", "0 ≤ KL(p‖q)", kl_is_not_negative, ATTAINED),
    inequality("O3", "I ≤ Σ w KL(p‖s)", constant_pays_the_information, ATTAINED, 1e-2),
    inequality("O4", "0 ≤ Σ w H(r, q)", loss_is_not_negative, ATTAINED),
    inequality("O5", "KL(r̄‖q̄) ≤ D", prior_divergence, ATTAINED, 1e-2),
    inequality("O5", "TV(π, q̄) ≤ TV(π, r̄) + √(D/2)", prior_distance, ATTAINED, 1e-5),
    inequality("O5", "TV(r̄, q̄) ≤ √(D/2)", prior_distance_of_a_teacher_on_target, ATTAINED, 1e-6),
    inequality("O5", "I_r ≤ D, q constant", constant_student, ATTAINED, 1e-2),
    inequality("O6", "KL of means ≤ mean KL", views, ATTAINED, 1e-2),
    inequality("T1", "the inverse prior costs least", inverse_prior_is_closest, ATTAINED, 1e-2),
    inequality("T3", "g(λ) ≤ g(λ*)", dual_is_highest, ATTAINED),
    inequality("T4", "r* costs least", feasible_costs_more, ATTAINED, 1e-2),
    inequality("T5", "KL(π‖m) does not increase", round_lowers_the_divergence, ATTAINED, 1e-4),
    inequality("T5", "g rises by KL(π‖m)", round_raises_the_dual, ATTAINED, 1e-2),
    inequality("T5", "osc(λ − λ*) shrinks by κ", round_contracts, ATTAINED, 1e-5),
    inequality("T5", "osc(λ₁ − λ*) ≤ κ/(1 − κ) osc λ₁", one_round_is_near, ATTAINED, 1e-5),
    inequality("J1", "0 ≤ J", gap_is_not_negative, ATTAINED),
    inequality("J4", "I ≤ Σ w Σ p log(p/G)", centering_overstates, LIMIT, 1e-12),
    inequality("J6", "J ≤ log S(e^R)", gap_below_specht, ATTAINED, 1e-2),
    inequality("J6", "log S(e^R) ≤ R²/8", specht_below_hoeffding, ATTAINED, 1e-12),
    inequality("J6", "∣J − ½Var∣ ≤ R³/(36√3)", half_the_variance, LIMIT, 1e-8),
    inequality("J7", "∣log c − log r∣ ≤ osc J", teachers_ratio, ATTAINED, 1e-3),
    inequality("J7", "KL ≤ osc²/8", teachers_kl, ATTAINED, 1e-10),
    inequality("J7", "TV ≤ tanh(osc/4)", teachers_tv, ATTAINED, 1e-2),
    inequality("J7", "osc(λ_c − λ*) ≤ osc J + κ/(1 − κ) osc λ₁", centred_from_projected, ATTAINED, 1e-2),
    inequality("J9", "M_s ≤ M_t", power_means, ATTAINED),
    inequality("E1", "E log P̂₂ ≤ E log P̂₃", larger_batches, ATTAINED, 1e-3),
    inequality("E1", "E log P̂₃ ≤ log P", batch_below_population, LIMIT, 1e-3),
    inequality("E1", "1 ≤ P E[1/P̂₂]", inverse_prior_of_a_batch, ATTAINED),
    inequality("C1", "I ≤ log M", distinct_prototypes, ATTAINED),
]
