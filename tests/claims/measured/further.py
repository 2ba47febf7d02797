"""D5 to D9 and C1: published runs, an adaptive student, races, shared heads, and the predictions."""

from collections import Counter

import numpy as np

from experiments.engine.store import settings_of
from experiments.studies.predictions import judge
from tests.claims.measured.forms import fixed, lower, percent, upper, word
from tests.claims.measured.statements import results, says
from theory.dynamics import center_race, survival_temperature

WORDED = {3: "three", 5: "five"}


def verdicts():
    """Of the rows that could fail."""
    found = results("published")
    return Counter(found.verdict.values[found.free.values == 0].tolist())


def kept(setting):
    """Information of a toy in log K, by seed."""
    found = results("published")
    return found.student_information.values[found.toy_setting.values.tolist().index(setting)]


@says("D5")
def the_ledger():
    count, found = verdicts(), results("published")
    yield (
        "Of the {} rows that could fail {} are as predicted, {} silent, {} inconclusive, {} contradicts",
        f"{sum(count.values())}",
        *(f"{count[verdict]}" for verdict in ("as predicted", "silent", "inconclusive", "contradicts")),
    )
    hits = int((found.toy_verdict == "as predicted").sum())
    yield (
        "toys at DINO's {} settings, {} seeds, where gain and correlation are known: {} end as predicted",
        f"{found.sizes['toy']}", f"{found.sizes['seed']}", f"{hits}",
    )  # fmt: skip
    lost = found.toy_setting.values[found.toy_verdict.values == "contradicts"]
    assert all("batch" in name for name in lost) and len(lost) == 2


@says("D5")
def the_toys():
    yield (
        "keep {} of $\\log K$ under a centre beyond the line",
        fixed(kept("teacher, linear: centering, no momentum").mean(), 2),
    )
    slow = kept("centre momentum, ViT-S, k-NN: 0.999")
    yield "at .{} they lose it and keep {} to {}", "999", fixed(slow.min(), 2), fixed(slow.max(), 2)
    batch = kept("teacher, linear: softmax over the batch")
    yield (
        "which keeps {} [{}, {}] with a momentum teacher",
        *(fixed(x, 2) for x in (np.median(batch), batch.min(), batch.max())),
    )
    alone = kept("teacher, linear: batch, no momentum")
    twin = results("published").twin_information.values
    yield (
        "and {}–{} without, for {} of its twin",
        fixed(alone.min(), 2), fixed(alone.max(), 2), fixed(twin[13].mean(), 2),
    )  # fmt: skip


def adam(clusters):
    """Largest bias of Adam and AdamW, and where the predicted one is below τ_s."""
    found = results("adaptive").sel(optimizer=["Adam", "AdamW"], clusters=clusters)
    predicted = found.predicted_size * found.learning_rate
    beyond = found.center_momentum > found.line
    return found, (found["size"] / predicted).where(beyond & (predicted < 0.1))


@says("D6")
def quiet_and_turning():
    found = results("adaptive")
    yield "`adaptive`, {} steps, {} seeds", "40,000", f"{found.sizes['seed']}"
    both = found.sel(optimizer=["Adam", "AdamW"])
    over = both["size"] / both.learning_rate
    inside = over.where(both.center_momentum < float(both.line))
    momenta = found.center_momentum.values[found.center_momentum.values < float(found.line)]
    assert (momenta[0], momenta[-1]) == (0.9, 0.993)
    yield "no bias of Adam or AdamW ends above {} $\\eta$", upper(inside.max(), 2)
    assert float(over.where(both.center_momentum > float(both.line)).min()) > 50
    two, eight = (adam(k)[1] for k in (2, 8))
    yield (
        "the measured one is {} to {} times it (two clusters; {} to {} for eight)",
        fixed(two.min(), 2), fixed(two.max(), 1), fixed(eight.min(), 2), fixed(eight.max(), 1),
    )  # fmt: skip


@says("D6")
def high_turns():
    at = {"center_momentum": 0.999, "learning_rate": 5e-4}
    found = results("adaptive").sel(**at)
    predicted = float(found.predicted_size) * 5e-4 / 0.1
    two = float(found["size"].sel(optimizer="Adam", clusters=2).max()) / 0.1
    eight = float(found["size"].sel(optimizer="AdamW", clusters=8).max()) / 0.1
    least = float(found.prior_entropy.sel(optimizer="AdamW", clusters=8).mean())
    yield (
        ("they reach {} $\\tau_s$ where {} were predicted ({} with eight clusters, "
        "whose prior falls to {} of $\\log K$ in every turn)"),
        fixed(two, 1), fixed(predicted, 0), fixed(eight, 1), fixed(least, 2),
    )  # fmt: skip


@says("D7")
def the_race():
    found = results("learnt_race")
    cold, learnt = (found.kept.sel(start=start) for start in ("cold", "learnt"))
    yield "`learnt_race`, {} runs from each start", f"{learnt.size}"
    assert float(learnt.min()) > 0.9999
    ratio = found.ratio.broadcast_like(cold)

    def between(low, high):
        values = cold.where((ratio > low) & (ratio <= high)).to_numpy()
        return values[~np.isnan(values)]

    first = between(0, 0.4)
    yield (
        "with a ratio of rates up to {} all {} keep at least {}",
        "0.4", f"{len(first)}", lower(first.min(), 2),
    )  # fmt: skip
    middle, lost, far = between(0.4, 1), between(1, 2), between(2, np.inf)
    yield (
        "from {} to {}, {}% keep {}; from {} to {}, {}%; above {}, none, {} at most",
        "0.4", "1", percent((middle >= 0.9).mean()), "0.9", "1", "2", percent((lost >= 0.9).mean()), "2",
        upper(far.max(), 2),
    )  # fmt: skip


@says("D7")
def races_of_features():
    found = results("center_momentum")
    settings = settings_of(found)
    tau_s, tau_t = settings["student_temperature"], settings["teacher_temperature"]
    kept, beyond = found.student_information.mean("seed"), []
    for i, teacher in enumerate(found.teacher_rate.values):
        for j, center in enumerate(found.center_rate.values[:-1]):
            race = center_race(
                settings["correlation"],
                gain=settings["step_size"] * tau_s,
                teacher_momentum=1 - float(teacher),
                center_momentum=1 - float(center),
                student_temperature=tau_s,
                teacher_temperature=tau_t,
            )
            whole = bool(kept[i, j] >= 0.9 * kept[i, -1])
            if race.constant > 0:
                beyond.append((race.constant / race.features, whole))
    won = [whole for ratio, whole in beyond if ratio <= 0.5]
    lost = [whole for ratio, whole in beyond if ratio > 1]
    assert all(won) and not any(lost)
    yield (
        ("of {} settings beyond the line all {} with a ratio up to {} keep what the batch's centre keeps, "
        "and none of the {} with one above {}"),
        f"{len(beyond)}", f"{len(won)}", "0.5", f"{len(lost)}", "1",
    )  # fmt: skip


@says("D7")
def races_registered():
    found = results("predictions")
    for name in ("adam_kept_beyond_line", "features_kept_far_beyond"):
        assert int((found[name] > 0.95).sum()) == 2 and found[name].size == 8
    yield ("in the mean two of eight kept everything each time",)


@says("D8")
def shares():
    found = results("shared_head")
    yield "`shared_head`, {} seeds", f"{found.sizes['seed']}"
    alone = found.sel(features=False)
    shared = alone.prior_entropy.sel(head="shared")
    above = shared.where(found.share > alone.held_share + 1e-6)
    below = shared.where(found.share < alone.held_share - 1e-6)
    yield "keeps its whole prior ({} $\\log K$)", fixed(above.min(), 3)
    yield "every one below less ({} at most)", fixed(below.max(), 2)
    assert float(alone.prior_entropy.sel(head="untied").max()) < 0.01
    entropy = results("predictions").shared_prior_entropy.mean()
    yield "the prior's entropy on the shared head is {} where {} was", fixed(entropy, 3), "0.95"
    yield "a miss, by {}", fixed(0.95 - float(entropy), 3)


@says("D9")
def the_fold():
    found = results("predictions")
    shift = float(found.shift_2048.mean())
    large = found.last_alive_512.mean()
    middle = large - found.last_alive_512_less_128.mean()
    small = middle - found.last_alive_128_less_32.mean()
    fold = float(survival_temperature(0.5, clusters=12, student_temperature=1.0))
    shifts = [fold - float(x) for x in (large, middle, small)]
    yield (
        ("batches of {}, {} and {} are lost {}, {} and at least {} below the fold at {}, "
        "read on a grid of {}: factors of {} and {} for four times the batch, {} by the law"),
        "512", "128", "32", *(fixed(x, 3) for x in shifts), fixed(fold, 3), "0.01",
        fixed(shifts[1] / shifts[0], 1), fixed(shifts[2] / shifts[1], 1), fixed(4 ** (2 / 3), 1),
    )  # fmt: skip
    yield (
        "at batches of {} the shift is {} ({} predicted)",
        "2048", fixed(shift, 3), fixed(shifts[0] / 4 ** (2 / 3), 3),
    )  # fmt: skip
    yield (
        "batches of {} at a quarter of the rate survive up to {} ({} at {}, below {} at the full rate)",
        "32", fixed(found.last_alive_32_at_a_quarter.mean(), 3), fixed(middle, 2), "128", "0.50",
    )  # fmt: skip
    assert float(small) < 0.5


@says("C1")
def prototypes():
    found = results("predictions")
    apart, prior = found.clusters_told_apart, found.clusters_by_the_prior
    yield (
        ("of {} outputs that are {} prototypes $e^I$ finds {} to {}, never more; "
        "the entropy of the prior says {} clusters"),
        "32", "8", fixed(apart.min(), 1), fixed(apart.max(), 1), fixed(prior.mean(), 1),
    )  # fmt: skip
    assert float(apart.max()) <= 8
    assert int((prior < 28).sum()) == 4 and prior.size == 8
    yield ("for four of eight runs lost a prototype",)


@says("README.md")
def what_came():
    count, found = verdicts(), results("published")
    yield (
        "of the {} that could have failed {} are as predicted",
        f"{sum(count.values())}",
        f"{count['as predicted']}",
    )
    yield (f"{WORDED[count['silent']]} silent, {WORDED[count['inconclusive']]} hang on a number",)
    hits = int((found.toy_verdict == "as predicted").sum())
    yield (
        "Of toy runs at DINO's own {} settings, where all numbers are known, {} are as predicted",
        f"{found.sizes['toy']}", f"{hits}",
    )  # fmt: skip


@says("README.md")
def what_missed():
    judged = judge(results("predictions"))
    missed = [said.name for said in judged if not said.hit]
    assert missed == ["distinct", "heads"]
    yield (
        (
            f"{word(len(judged)).capitalize()} predictions were committed before the runs that test them "
            f"([predictions/](predictions/README.md)): {word(len(missed))} missed, "
            f"{word(len(judged) - len(missed))} came true"
        ),
    )
