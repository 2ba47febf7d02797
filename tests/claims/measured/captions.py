"""Captions whose numbers no claim's paragraph repeats: settings as the results were made with, and fates."""

import math

from experiments.engine.store import settings_of
from tests.claims.measured.forms import fixed, span, upper, word
from tests.claims.measured.jensen import DATA, price
from tests.claims.measured.statements import results, says


@says("figure assignments")
def clusters_in_the_plane():
    used = results("assignments").clusters_in_use.median("seed")
    free, equal = used.sel(teacher="unconstrained"), used.sel(zipf=0).drop_sel(teacher="unconstrained")
    assert (free == free[0]).all() and (equal == 6).all()
    yield "without a constraint {} of {} clusters are left", word(free[0]), word(equal.max())
    zipf = used.sel(zipf=1)
    assert (zipf.sel(teacher=["moving_centering", "centering"]) == 5).all()
    assert (zipf.sel(teacher=["inverse_prior", "projected"]) == 6).all()
    yield ("the centred teachers leave a cluster unused",)


@says("figure batch_size")
def small_batches():
    found = results("batch_size")
    ends = (f"{int(found.clusters[i])}" for i in (0, -1))
    yield "one curve for K from {} to {}", *ends
    ratio = found.bias_ratio.median(("seed", "clusters", "batch_size"))
    assert float(ratio.sel(bin=slice(10, None)).max()) < 0.5


@says("figure batch_size_training")
def small_batches_in_training():
    found = results("batch_size")
    yield "moving average of momentum {}", f"{settings_of(found)['center_momentum']:g}"
    smallest, second = (int(found.training_batch_size[i]) for i in (0, 1))
    yield "every teacher is hurt below {} samples", f"{second}"
    nmi = found.nmi.median("seed")
    hurt = nmi.sel(training_batch_size=second) - nmi.sel(training_batch_size=smallest)
    assert (hurt > 0.1).all()
    yield "At {} samples the averaged inverse prior collapses", f"{smallest}"


@says("figure center_momentum")
def the_plane():
    found = settings_of(results("center_momentum"))
    ratio = found["teacher_temperature"] / found["student_temperature"]
    yield "τ_t = {} τ_s, α = {}.", f"{ratio:g}", f"{found['step_size']:g}"
    yield "(ρ = {})", f"{found['correlation']:g}"
    yield "at {} of the critical rate", f"{found['beyond']:g}"
    yield "with features, at {} of it", f"{found['far_beyond']:g}"


@says("figure hysteresis")
def ways_to_start():
    found = settings_of(results("hysteresis"))
    yield "(τ_t raised from {} τ_s)", f"{found['warm_up_from']:g}"
    yield "agree with ρ = {};", f"{found['correlation']:g}"
    yield "or {} random pairs", f"{found['batch_size']}"


@says("figure initialisation")
def large_starts():
    found = results("initialisation")
    settings = settings_of(found)
    yield (
        "Gaussian mixture with ρ = {}, τ_t = τ_s/{}",
        f"{settings['correlation']:g}",
        fixed(1 / settings["temperature_ratio"], 0),
    )
    rate = (found.rate / found.predicted_rate).mean("seed")
    small = rate.sel({"size": slice(None, 0.1)})
    assert float(abs(small - 1).max()) < 0.06
    yield ("up to logits of a tenth of τ_s the predicted rate holds to a few per cent",)
    assert float(rate.sel({"size": 3.16}).max()) < 0
    yield ("beyond them saturated outputs shrink",)


@says("figure learnt_race")
def the_race():
    found = results("learnt_race")
    assert float(found.kept.sel(start="learnt").min()) > 0.999
    yield ("a learnt start keeps everything under every centre",)
    cold = found.kept.sel(start="cold")
    beyond = cold.where(found.ratio > 0)
    assert float(beyond.where(found.ratio < 1 / 2.5).min()) > 0.95
    yield ("keeps everything while features grow more than some two and a half times as fast",)
    assert float(cold.where(found.ratio > 1).median()) < 0.2
    yield ("and loses most when they are slower",)


@says("figure shared_head")
def the_share():
    found = results("shared_head")
    yield "worth learning (ρ = {})", f"{settings_of(found)['correlation']:g}"
    bias = found.prior_entropy.sel(features=False)
    line = found.held_share.sel(features=False)
    shared, untied = bias.sel(head="shared"), bias.sel(head="untied")
    assert float(shared.where(found.share > line + 1e-9).min()) > 0.99
    assert float(shared.where(found.share < line - 1e-9).max()) < 0.9
    assert float(untied.max()) < 0.1
    yield ("a bias that is shared falls on the predicted side at both temperatures",)
    yield ("one that is not shared is lost whatever the share",)


@says("figure tabular")
def free_logits():
    found = results("tabular")
    settings = settings_of(found)
    samples = settings["groups"] * settings["group_size"]
    yield "each of {} samples in {} groups", f"{samples}", word(settings["groups"])
    yield "after training at a leak of {},", f"{settings['leak']:g}"
    held = found.drop_sel(teacher="unconstrained").median("seed")
    below, beyond = found.leak < found.critical_leak, found.leak > found.critical_leak
    assert float(held.nmi_by_leak.where(below).min()) > 1 - 1e-6
    assert float(held.student_information_by_leak.where(beyond).max()) < 1e-6
    yield ("They find the groups up to the predicted leak and nothing beyond it",)


@says("figure jensen_gap")
def looseness_of_the_caption():
    found = results("jensen_gap").sel(network="inverse_prior")
    looseness = (found.specht / found.gap).median(("seed", "cluster"))
    yield "and here {} to {} times too large", *span(looseness, 0)
    ratio = (found.half_variance / found.gap).median(("seed", "cluster"))
    for data in DATA:
        edge = float(found.hoeffding_silent_below.sel(data=data).median())
        beyond = ratio.sel(data=data, temperature=slice(3 * edge, None))
        assert float(abs(beyond - 1).max()) < 0.03
        assert 1.3 < float(ratio.sel(data=data).sel(temperature=edge, method="nearest")) < 1.4
    yield ("a third or more too large at the dotted line and within three per cent from three times",)


@says("figure power_family")
def orders():
    found = results("power_family")
    settings = settings_of(found)
    yield "teacher; {} seeds, paired", f"{found.sizes['seed']}"
    yield "(log K = {})", fixed(math.log(settings["clusters"]), 2)
    assert float(found.half_way_at.max()) == settings["steps"]
    yield ('of the same seed\'s run with s = 1, or "never" within the run',)
    nmi = found.nmi.isel(step=-1).median("seed")
    assert (nmi.sel(teacher=["-1", "2", "4", "16"]).max("teacher") < nmi.sel(teacher="1")).all()
    yield ("Beyond the ends, on either side, NMI is lower",)


@says("figure price_of_centering")
def identity_of_the_caption():
    found = results("price_of_centering")
    runs = math.prod(found.sizes[dim] for dim in ("run", "data", "seed"))
    error = float(found.identity_error.max())
    yield (
        "at all {} steps of {} runs, to {}·10⁻¹⁴ nat",
        f"{int(found.step[-1]) + 1}", f"{runs}", upper(error * 1e14, 0),
    )  # fmt: skip
    yield "L starts at {} to {} times I", *span(price().isel(step=0), 0)
    yield "and ends at about {} times", word(round(float(price().isel(step=-1).mean())))


@says("figure price_of_centering_paid")
def paid_in_balance():
    found = results("price_of_centering")
    others = found.sel(bound="mean", run=["inverse_prior", "projected"])
    yield "(g, h): {} to {} clusters", *(word(x) for x in span(-others.clusters_in_use_difference, 0))
    centred = found.sel(run="centering").median("seed")
    deficit = centred.deficit_of_teacher
    worse = deficit.sel(aside="centering") > deficit.sel(aside="inverse_prior")
    since = found.step.where(worse.cumulative("step").sum() == 0).max("step")  # the last record before it
    (first,) = {int(found.step[found.step > step][0]) for step in since}
    assert worse.where(found.step >= first, True).all()
    yield "from step {} on it is worse", f"{first}"
    short = deficit.sel(aside="centering").isel(step=-1)
    yield "and stays {} nat short", fixed(short.mean(), 1)
    ratio = (centred.tv_bound / centred.tv_max).where(centred.tv_bound < 0.99)
    yield "within a factor of {} of the largest distance", upper(ratio.max(), 1)


@says("figure adaptive")
def at_the_settings_of_dino():
    found = settings_of(results("adaptive"))
    yield (
        "(m_t = {}) and temperatures ({}, {})",
        *(f"{found[name]:g}" for name in ("teacher_momentum", "student_temperature", "teacher_temperature")),
    )
    yield "in the last two fifths of {} steps", f"{found['steps']:,}"
    rates = (f"{rate:.0e}".replace("e-0", "e-") for rate in found["learning_rates"])
    yield "(circle {}, square {}, diamond {}, triangle {})", *rates


@says("figure collapse")
def sharpened():
    found = settings_of(results("collapse"))
    yield "sharpened (τ_t = {} τ_s,", f"{found['teacher_temperatures'][0] / found['student_temperature']:g}"


@says("figure learnt_race")
def at_the_settings_of_the_race():
    found = settings_of(results("learnt_race"))
    yield (
        "{} clusters, α = {}, τ = {}/{}",
        word(found["clusters"]),
        *(f"{found[name]:g}" for name in ("step_size", "student_temperature", "teacher_temperature")),
    )


@says("figure phase_diagram_learner")
def small_batches_of_the_learner():
    yield "batches of {} make out of noise", f"{settings_of(results('phase_diagram'))['batch_size']}"


@says("figure price_of_centering")
def held_out():
    yield "on {} held-out samples", f"{settings_of(results('price_of_centering'))['evaluation_size']}"


@says("figure growth")
def momenta():
    yield "it follows with momentum {}", f"{float(results('growth').teacher_momentum[-1]):g}"
