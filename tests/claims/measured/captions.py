"""Captions whose numbers no claim's paragraph repeats: settings as the results were made with, and fates."""

from experiments.engine.store import settings_of
from tests.claims.measured.forms import fixed, word
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
    yield "moving average of momentum {}", f"{settings_of(found)['center_momentum']:g}"
    smallest, second = (int(found.training_batch_size[i]) for i in (0, 1))
    yield "every teacher is hurt below {} samples", f"{second}"
    nmi = found.nmi.median("seed")
    hurt = nmi.sel(training_batch_size=second) - nmi.sel(training_batch_size=smallest)
    assert (hurt > 0.1).all()
    yield "At {} samples the averaged inverse prior collapses", f"{smallest}"
    ratio = found.bias_ratio.median(("seed", "clusters", "batch_size"))
    assert float(ratio.sel(bin=slice(10, None)).max()) < 0.5


@says("figure center_momentum")
def the_plane():
    found = settings_of(results("center_momentum"))
    ratio = found["teacher_temperature"] / found["student_temperature"]
    yield "τ_t = {} τ_s, α = {}.", f"{ratio:g}", f"{found['step_size']:g}"
    yield "(r = {})", f"{found['correlation']:g}"
    yield "at {} of the critical rate", f"{found['beyond']:g}"
    yield "with features, at {} of it", f"{found['far_beyond']:g}"


@says("figure hysteresis")
def ways_to_start():
    found = settings_of(results("hysteresis"))
    yield "(τ_t raised from {} τ_s)", f"{found['warm_up_from']:g}"
    yield "agree with r = {};", f"{found['correlation']:g}"
    yield "or {} random pairs", f"{found['batch_size']}"


@says("figure initialisation")
def large_starts():
    found = results("initialisation")
    settings = settings_of(found)
    yield (
        "Gaussian mixture with r = {}, τ_t = τ_s/{}",
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
    yield "worth learning (r = {})", f"{settings_of(found)['correlation']:g}"
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
