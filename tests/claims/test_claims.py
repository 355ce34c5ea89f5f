"""Planted effects get the right verdict from every kind of question, and missing runs are named."""

import math
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from cnnhelpers.claims.claim import (
    Claim,
    above,
    at_least,
    below,
    best,
    better,
    does_not_overfit,
    equal,
    fails_to_learn,
    lower,
    overfits,
    rises,
)
from cnnhelpers.claims.results import as_text, shared_conditions, verdict, verdicts
from cnnhelpers.errors import InputError
from cnnhelpers.records import Record, table
from cnnhelpers.statistics.decisions import decide, holm
from cnnhelpers.statistics.intervals import from_differences
from cnnhelpers.statistics.planning import seeds_needed

NOISE = np.array([-0.002, 0.001, 0.0, 0.002, -0.001])  # mean 0, SD 0.00158
WIDE_SPREAD = [0.91, 0.88, 0.92, 0.89, 0.91]
NAN = math.nan


def runs_of(metric="test_accuracy", seeds=5, dataset="fashion_mnist", **values):
    """Return runs of experiments with these values by seed; a number stands for itself plus noise."""
    rows = []
    for position, (experiment, given) in enumerate(values.items()):
        by_seed = given if isinstance(given, list) else (given + np.roll(NOISE, position)).tolist()
        rows += [{"experiment": experiment, "seed": seed, metric: value} for seed, value in enumerate(by_seed[:seeds])]
    return pd.DataFrame(rows).assign(dataset=dataset)


def with_validation(runs):
    return runs.assign(validation_accuracy=runs["test_accuracy"])


def result(runs, question, logic="all"):
    return verdict(runs, Claim("a claim", question, logic))


# --- one question ---

STEADY = NOISE / 10
TRIPLE = with_validation(runs_of(A=0.92, B=0.90, C=0.91, D=0.80))
SECONDS = runs_of("seconds", A=[1.0, 2, 1, 2, 1], B=[3.0, 4, 3, 4, 5], C=[9.0, 8, 9, 9, 8])
FASTEST = {"metric": "seconds", "chosen_on": "seconds", "direction": "lower"}
LEVELS = runs_of(L1=0.80, L2=0.82, L3=0.83, N1=0.80, N2=0.80, N3=0.80)
GAPS = runs_of(A=0.81).assign(train_accuracy=0.82, validation_accuracy=[0.819, 0.8195, 0.819, 0.8195, 0.819])
GUESSES = [0.2, 0.201, 0.199, 0.2, 0.2]


def pair(gain, noise=STEADY):
    return runs_of(A=(0.9 + gain + noise).tolist(), B=[0.9] * 5)


@pytest.mark.parametrize(
    ("question", "runs", "expected"),
    [
        (better("A", "B"), pair(0.01), "holds"),
        (better("A", "B"), pair(0.0015), "holds but negligible"),
        (better("A", "B"), pair(-0.01), "contradicted"),
        (better("A", "B"), pair(0.0), "equivalent"),
        (better("A", "B", by=0.20), runs_of(A=0.75, B=0.5), "holds"),
        (better("A", "B", by=0.20), runs_of(A=0.65, B=0.5), "contradicted"),
        (better("A", "B", by=0.20), runs_of(A=0.70, B=0.5), "undecided"),
        (at_least("A", "B"), runs_of(A=0.910, B=0.9), "holds"),
        (at_least("A", "B"), runs_of(A=0.901, B=0.9), "holds"),
        (at_least("A", "B"), runs_of(A=0.890, B=0.9), "contradicted"),
        (equal("A", "B"), pair(0.0005, NOISE / 2), "holds"),
        (equal("A", "B"), pair(0.03, NOISE / 2), "contradicted"),
        (equal("A", "B"), pair(0.0035, NOISE / 2), "undecided"),
        (lower("A", "B", "seconds"), SECONDS, "holds"),
        (above("A", 0.80), runs_of(A=0.81), "holds"),
        (above("A", 0.82), runs_of(A=0.81), "contradicted"),
        (above("A", 0.81), runs_of(A=0.81), "undecided"),
        (below("A", None, "gap"), GAPS, "holds"),  # below the margin of 0.003
        (above("A", 0.0, "gap"), GAPS, "holds but negligible"),
        (best("A", "ABCD"), TRIPLE, "holds"),
        (best("B", "ABCD"), TRIPLE, "contradicted"),
        (best("A", "ABC"), with_validation(runs_of(A=0.92, B=0.90, C=[NAN] * 5)), "holds"),  # C is no rival
        (best("A", "BC", **FASTEST), SECONDS, "holds"),
        (best("C", "AB", **FASTEST), SECONDS, "contradicted"),
        (rises(["L1", "L2", "L3"]), LEVELS, "holds"),
        (rises(["L3", "L2", "L1"]), LEVELS, "contradicted"),
        (rises(["L3", "L2", "L1"], direction="lower"), LEVELS, "holds"),
        (rises([("L1", "N1"), ("L2", "N2"), ("L3", "N3")]), LEVELS, "holds"),
        (fails_to_learn("E1"), runs_of(E1=GUESSES, dataset="fashion_mnist_5"), "holds"),
        (fails_to_learn("E1"), runs_of(E1=GUESSES), "contradicted"),  # ten classes: guessing gives 0.1
    ],
)
def test_planted_effects_get_their_verdict(question, runs, expected):
    assert result(runs, question).verdict == expected


def test_each_direction_of_a_pair_agrees_with_the_decision_rule():
    generator, values, claims, expected = np.random.default_rng(5), {"B": [0.9] * 6}, [], []
    for at, shift in enumerate((0, 0.002, 0.0035, -0.004, 0.01) * 4):
        differences = generator.normal(shift, 0.002, 6)
        values[f"A{at}"] = (0.9 + differences).tolist()
        for direction, ask in {"higher": better, "lower": lower, "equal": equal}.items():
            claims.append(Claim("c", ask(f"A{at}", "B", "train_accuracy"), report=f"{at} {direction}"))
            expected.append(decide(from_differences((0.9 + differences) - 0.9), 0.003, direction))
    assert verdicts(runs_of("train_accuracy", seeds=6, **values), claims)["verdict"].tolist() == expected
    assert len(set(expected)) == 5


def test_the_numbers_of_a_result_are_those_of_its_comparison():
    found = result(
        runs_of("seconds", A=[10.0, 11, 10, 11, 10], B=[10.5, 11.4, 10.6, 11.5, 10.4]), lower("A", "B", "seconds")
    )
    assert (found.deciding.unit, found.deciding.margin) == ("s", 0)
    assert found.deciding.estimate == pytest.approx(-0.48)
    by = result(runs_of(A=0.75, B=0.5), better("A", "B", by=0.20)).deciding
    assert (by.against, by.estimate) == (0.20, pytest.approx(0.25))


def test_undecided_claims_have_the_seeds_that_would_decide_them():
    found = result(runs_of(A=WIDE_SPREAD, B=[0.9] * 5), better("A", "B"))
    assert found.verdict == "undecided"
    assert found.seeds_to_decide == seeds_needed(0.003, found.deciding.comparison.sd)  # the margin exceeds 0.002
    found = result(pair(0.0025, NOISE / 2), equal("A", "B"))
    assert found.verdict == "undecided"
    assert found.seeds_to_decide == seeds_needed(0.0005, found.deciding.comparison.sd)  # of estimate and margin


def test_a_rival_that_is_unlucky_on_validation_data_still_counts():
    runs = with_validation(runs_of(A=0.92, B=0.90, C=0.9195))
    runs.loc[runs["experiment"] == "C", "validation_accuracy"] = 0.5
    found = result(runs, best("A", "BC"))
    assert (found.verdict, found.deciding.label) == ("undecided", "A − B")
    assert found.p_for > 0.05 > found.deciding.comparison.p


def test_the_best_names_the_rival_that_is_hardest_to_beat():
    runs = with_validation(runs_of(A=0.91, B=[0.896, 0.895, 0.898, 0.896, 0.895], C=[0.8] * 5))
    assert "A − B: +1.40" in result(runs, best("A", "ABC")).deciding.note


@pytest.mark.parametrize("difference", [{"processor": "P2"}, {"precision": "bfloat16"}, {"device": "gpu:0"}])
def test_seconds_of_different_machines_are_not_compared(difference):
    def timed(experiment, seconds, elsewhere):
        rows = []
        for seed in range(6):
            made = {"processor": "P1", "precision": "float32", "device": "cpu:0"}
            record = Record(
                "0", seed, "", {}, {}, "done", {}, {}, environment=made | (difference if seed in elsewhere else {})
            )
            row = {"experiment": experiment, "dataset": "mnist", "test_accuracy": 0.9, "seed": seed, "record": record}
            rows.append(row | {"cpu_seconds": seconds * (1 + seed / 100)})
        return rows

    slow = [*timed("A", 20, ()), *timed("Z", 1, range(6))]  # Z is in no question
    runs = pd.DataFrame([*slow, *timed("B", 25, [0])])
    found = result(runs, lower("B", "A", "cpu_seconds"))
    assert (found.verdict, found.deciding.n) == ("contradicted", 5)
    assert found.deciding.note.startswith("1 seeds")
    assert result(runs, equal("A", "B")).deciding.n == 6
    found = result(pd.DataFrame([*slow, *timed("B", 1, [0, 3])]), lower("B", "A", "cpu_seconds"))
    assert found.verdict == "not enough runs" and "2 seeds" in found.missing


def curves(end, epochs=10):
    """Return five runs whose validation loss falls for six epochs and then grows by `end` an epoch, or a bit more."""
    falling, made = np.linspace(1.0, 0.3, epochs), []
    for seed in range(5):
        validation = falling.copy()
        validation[6:] = validation[5] + end * np.arange(1, epochs - 5) * (1 + 0.1 * seed)
        history = {
            "validation_crossentropy": validation.tolist(),
            "crossentropy": (falling * (1 + 0.01 * seed)).tolist(),
        }
        labels = {"experiment": "A", "study": "s", "report": "A", "profile": "published", "title": ""}
        made.append(Record("0", seed, "", labels, {"name": "fashion_mnist"}, "done", {}, history))
    return table(made)


@pytest.mark.parametrize(
    ("question", "end", "expected"),
    [
        (overfits("A", 6), 0.05, "holds"),
        (overfits("A", 6), -0.05, "contradicted"),
        (does_not_overfit("A", 6), -0.05, "holds"),
        (overfits("A", 8), 0.05, "not enough runs"),  # needs 12 epochs
    ],
)
def test_overfitting_is_a_growing_validation_loss(question, end, expected):
    assert result(curves(end), question).verdict == expected


def test_overfitting_needs_histories():
    assert result(runs_of(A=0.9), overfits("A", 6)).verdict == "not enough runs"


def test_fails_to_learn_is_decided_by_rule_and_shows_the_share_of_runs_that_learned():
    found = result(runs_of(D6=[0.1, 0.1, 0.1003, 0.1, 0.0998]), fails_to_learn("D6"))
    assert (found.verdict, found.fragile, math.isnan(found.p)) == ("holds", False, True)
    found = result(runs_of(D6=[0.1, 0.1, 0.1, 0.1, 0.3, NAN], seeds=6), fails_to_learn("D6"))
    share = found.deciding
    assert (found.verdict, share.n, share.comparison.n_failed) == ("contradicted", 5, 1)
    # Clopper and Pearson for 1 of 5: 1 - 0.975^(1/5), and the x with (1-x)^5 + 5 x (1-x)^4 = 0.025
    assert [share.estimate, share.low, share.high] == pytest.approx([0.2, 0.00505, 0.71642], abs=1e-5)
    one = result(runs_of(D6=[0.1, 0.1, 0.1, 0.1, 0.12]), fails_to_learn("D6")).deciding
    assert one.p_against == pytest.approx(5 * stats.binom.sf(1199, 10_000, 0.1))  # Holm: the smallest of five
    assert one.p_for == 1


def test_equal_differences_have_no_interval_and_the_p_of_the_sign_flip_test():
    five = result(runs_of(A=[0.3] * 5, B=[0.1] * 5), better("A", "B"))
    assert (five.verdict, five.p, five.seeds_to_decide) == ("undecided", 0.0625, 6)
    assert math.isnan(five.parts[0].low) and math.isnan(five.parts[0].high)
    assert "0.0625" in five.evidence and "nan" not in five.evidence
    six = runs_of(seeds=6, A=[0.3] * 6, B=[0.1] * 6)
    assert result(six, better("A", "B")).verdict == "holds"
    assert result(six, equal("A", "B")).verdict == "contradicted"
    assert result(runs_of(A=[0.1] * 5, B=[0.1] * 5), equal("A", "B")).verdict == "holds"  # p 1 / 32
    assert result(runs_of(A=[0.1] * 5), fails_to_learn("A")).verdict == "holds"


# --- conditions of the runs ---


def with_images(runs, favoured, num_images=1000):
    """Return runs with the test images that they classify: the first `favoured` ones only A gets right."""
    rows = []
    for run in runs.itertuples():
        right = np.zeros(num_images, bool)
        right[:favoured] = run.experiment == "A"
        right[favoured : favoured + round(run.test_accuracy * num_images) - right.sum()] = True
        rows.append(right)
    return runs.assign(test_correct=rows)


def test_a_difference_on_few_images_is_marked_as_one_of_this_test_set():
    runs = with_images(runs_of(A=[0.904] * 5, B=[0.900, 0.900, 0.900, 0.901, 0.901]), 4)
    found = result(runs, better("A", "B"))
    part = found.deciding
    assert (found.verdict, part.on_this_test_set) == ("holds", True)
    opposite = result(runs, better("B", "A"))
    assert (opposite.verdict, opposite.deciding.on_this_test_set) == ("contradicted", True)
    assert part.new_images[0] < 0 < part.low
    assert result(with_validation(runs), best("A", ["B"])).deciding.new_images == pytest.approx(part.new_images)
    clear = with_images(runs_of(A=0.95, B=0.90), 0)
    assert not result(clear, better("A", "B")).deciding.on_this_test_set
    two_test_sets = pd.concat([with_images(runs_of(A=0.92), 0), with_images(runs_of(B=0.9), 0, 500)])
    assert result(two_test_sets, better("A", "B")).deciding.new_images is None


def test_results_name_the_conditions_of_their_runs_and_their_differences():
    made = {"profile": "published", "precision": "float32", "device": "cpu:0", "pixels": "another copy"}
    runs = runs_of(A=0.92, B=0.90, C=0.91).assign(**made)
    runs.loc[runs.experiment == "C", "precision"] = "bfloat16"
    found = verdicts(runs, [Claim("A wins", better("A", name), number=at) for at, name in enumerate("BC")])
    assert found["rests_on"][0] == "published profile, float32, cpu, fashion_mnist (another copy)"
    assert found["differs"].tolist() == ["", "precision differs: bfloat16 in C, float32 in A"]
    assert shared_conditions(found) == [(conditions, str(at)) for at, conditions in enumerate(found["rests_on"])]
    assert all(conditions in as_text(found) for conditions in found["rests_on"])


def test_runs_of_other_claims_make_no_pair_incomplete():
    runs = runs_of(A=0.92, B=0.90)
    more = pd.concat([runs, runs_of(Z=[0.9] * 10, seeds=10)], ignore_index=True)
    assert result(more, better("A", "B")).deciding.comparison.n_failed == 0
    assert result(more, better("A", "Z")).deciding.comparison.n_failed == 5


# --- several questions ---


def test_all_questions_must_hold_and_the_weakest_decides():
    runs = runs_of(A=0.92, B=0.90, C=0.915, D=0.90)
    found = result(runs, [better("A", "B"), better("C", "D")])
    assert (found.verdict, found.deciding.label) == ("holds", "C − D")
    assert found.p == max(part.p_for for part in found.parts)
    found = result(runs, [better("A", "B"), better("D", "C")])
    assert (found.verdict, found.deciding.label) == ("contradicted", "D − C")
    assert found.p == pytest.approx(2 * found.parts[1].p_against)


def test_any_question_may_hold():
    runs = runs_of(A=0.92, B=0.90, C=0.91, D=0.92)
    found = result(runs, [better("A", "B"), better("C", "D")], "any")
    assert (found.verdict, found.deciding.label) == ("holds", "A − B")
    assert found.p == pytest.approx(2 * found.parts[0].p_for)
    assert result(runs, [better("B", "A"), better("C", "D")], "any").verdict == "contradicted"


@pytest.mark.parametrize("logic", ["all", "any"])
def test_null_claims_of_several_questions_seldom_get_a_verdict(logic):
    generator, simulations = np.random.default_rng([7, ord(logic[1])]), 60
    values = {f"{name}{at}": generator.normal(0.9, 0.01, 5).tolist() for at in range(simulations) for name in "ABCDEF"}
    claims = [
        Claim("null", [better(f"{a}{at}", f"{b}{at}") for a, b in ("AB", "CD", "EF")], logic, report=str(at))
        for at in range(simulations)
    ]
    wrong = (verdicts(runs_of(**values), claims)["p"] < 0.05).sum()
    assert wrong <= stats.binom.ppf(0.999, simulations, 0.05)


# --- Holm, fragility ---


def test_p_values_are_adjusted_within_a_report_only():
    runs = runs_of(A=0.9035, B=0.90, C=0.9045, D=0.90, E=0.9025, F=0.90)
    asked = [("A", "B", "x"), ("C", "D", "x"), ("E", "F", "y")]
    found = verdicts(runs, [Claim("c", better(a, b), report=report) for a, b, report in asked])
    assert found["adjusted_p"][:2].tolist() == pytest.approx(holm(found["p"][:2]).tolist())
    assert found["adjusted_p"][2] == found["p"][2]


def test_equivalence_is_adjusted_for_the_other_claims_of_a_report():
    # SD 0.00274: t = 0.003 / (0.00274 / sqrt(5)) = 2.45, one-sided p with 4 degrees of freedom 0.035; doubled 0.07
    runs = pair(0, 1.732 * NOISE)
    claims = [Claim("one", better("A", "B"), report="x"), Claim("two", better("B", "A"), report="x")]
    alone = verdicts(runs, claims[:1])
    assert alone["verdict"].item() == "equivalent"
    assert alone["adjusted_p"].item() == pytest.approx(0.035, abs=0.001)
    assert verdicts(runs, claims)["verdict"].tolist() == ["undecided"] * 2


def test_runs_of_one_claim_never_change_the_verdict_on_another():
    runs = runs_of(A=0.91, B=0.90)
    claims = [Claim("c", better("A", "B"), report="x"), Claim("c", better("A", "Z"), report="x")]
    before, after = verdicts(runs, claims), verdicts(pd.concat([runs, runs_of(_=0, Z=0.91)]), claims)
    assert before["verdict"][1] == "not enough runs" != after["verdict"][1]
    assert before["adjusted_p"][0] == after["adjusted_p"][0] == 2 * before["p"][0]


def test_a_verdict_that_depends_on_one_seed_is_fragile():
    steady = runs_of(A=[0.92, 0.921, 0.919, 0.92, 0.922, 0.918], B=[0.9] * 6, seeds=6)
    assert not result(steady, better("A", "B")).fragile
    restless = runs_of(A=[0.906, 0.905, 0.901, 0.9005, 0.904, 0.9005], B=[0.9] * 6, seeds=6)
    found = result(restless, better("A", "B"))
    assert (found.verdict, found.fragile) == ("holds", True)


# --- missing runs, bad input ---


# --- looks ---


def looked_at(differences, seeds, claims=1):
    """Return the results of the claim "A is better than B", and of others without runs, when `seeds` are recorded."""
    runs = runs_of(seeds=seeds, A=[0.9 + difference for difference in differences], B=[0.9] * len(differences))
    asked = [Claim("c", better("A", "B"), looks=True), *[Claim("c", better("A", "Z"), looks=True)] * (claims - 1)]
    return verdicts(runs, asked).iloc[0]


UNCLEAR = [0.001, 0.004, -0.002, 0.003, 0.001]  # p 0.25
CLEAR = [0.004, 0.005, 0.006, 0.0045, 0.0055]


def test_a_claim_is_looked_at_with_five_ten_and_twenty_seeds_only():
    gains = UNCLEAR + CLEAR + [0.02, -0.02] * 5
    seen = {seeds: looked_at(gains, seeds) for seeds in (4, 5, 9, 10, 19, 20)}
    assert [one.verdict for one in seen.values()] == ["not enough runs"] + ["undecided"] * 2 + ["holds"] * 3
    assert [one["look"] for one in seen.values()] == [5, 5, 5, 10, 10, 10]  # decided at ten: no further look
    assert [one.n for one in seen.values()][1:] == [5, 5, 10, 10, 10]
    p = {seeds: stats.ttest_1samp(gains[:seeds], 0).pvalue for seeds in (5, 10)}
    assert [seen[5].adjusted_p, seen[10].adjusted_p] == pytest.approx([p[5] * 2, p[10] * 4])


def test_what_only_one_look_at_all_seeds_would_show_is_not_shown_at_a_look():
    gains = [0.0020, 0.0043, -0.0002, 0.0033, 0.0015]  # p 0.042
    once = result(runs_of(A=[0.9 + gain for gain in gains], B=[0.9] * 5), better("A", "B"))
    assert (once.verdict, looked_at(gains, 5).verdict) == ("holds", "undecided")


def test_after_the_last_look_an_open_claim_is_too_close_to_tell():
    found = looked_at([0.02, -0.018] * 10, 20)
    assert (found.verdict, found["look"]) == ("too close to tell", 20)
    assert found.low < 0 < found.high and found.seeds_to_decide > 20


@pytest.mark.parametrize("claims", [1, 2, 3])
@pytest.mark.parametrize("shift", [-0.0006, 0.0, 0.0006])
def test_the_interval_excludes_zero_where_the_adjusted_p_decides(claims, shift):
    gains = [0.0036 + shift, 0.0043, 0.0012, 0.0033, 0.0025]  # p from 0.003 to 0.008: between 0.025 and a third of it
    found = looked_at(gains, 5, claims)
    assert (found.low > 0) == (found.verdict == "holds") == (found.adjusted_p < 0.05)
    level = 1 - found.confidence
    expected = stats.ttest_1samp(gains, 0).confidence_interval(1 - level)
    assert [found.low, found.high] == pytest.approx([*expected])
    assert level == pytest.approx(0.025 / claims)


def test_a_verdict_that_the_signs_do_not_show_is_fragile():
    gains = [0.010, -0.0001, 0.0095, -0.0002, 0.0105, 0.010, 0.010, 0.011, 0.009, -0.0003]
    comparison = from_differences(gains)  # three tiny negative ones: 2 * 2**3 of 2**10 flips are as extreme
    assert comparison.sign_flip_p == pytest.approx(16 / 1024)
    assert max(from_differences(np.delete(gains, seed)).p for seed in range(10)) < 0.0125  # no single seed matters
    assert (looked_at(gains, 10).verdict, looked_at(gains, 10).fragile) == ("holds", True)
    assert not result(runs_of(seeds=10, A=[0.9 + gain for gain in gains], B=[0.9] * 10), better("A", "B")).fragile
    assert from_differences(CLEAR).signs_agree(0.001)  # 5 of 5: as clear as five signs can be


def test_missing_runs_are_named_with_their_seeds():
    runs = runs_of(A1=0.9, A2=0.9, seeds=4)
    assert result(runs, better("A1", "A3")).missing == "A1 (4 of 5 seeds), A3"
    assert verdicts(table([]), [Claim("c", better("A", "B"))])["missing"].item() == "A, B"


def test_failed_seeds_are_counted_and_too_many_leave_no_verdict():
    runs = runs_of(A=[0.92, 0.921, 0.919, 0.92, 0.922, NAN], B=[0.9] * 6, seeds=6)
    found = result(runs, better("A", "B"))
    assert (found.verdict, found.deciding.n, found.deciding.comparison.n_failed) == ("holds", 5, 1)
    runs.loc[0, "test_accuracy"] = NAN
    assert result(runs, better("A", "B")).missing.startswith("A − B (4")


def test_experiments_of_your_own_may_have_published_names():
    assert result(runs_of(D1=0.9, D2=0.95), better("D2", "D1")).verdict == "holds"


def test_two_experiments_under_one_name_are_refused():
    mixed = runs_of(A1=0.9, A2=0.8).assign(identity=["a"] * 4 + ["b"] + ["c"] * 5)
    with pytest.raises(InputError, match="'A1'"):
        result(mixed, better("A1", "A2"))


def test_text_for_a_terminal_has_verdicts_evidence_and_missing_runs():
    claims = [Claim("A wins", better("A", "B"), number=7), Claim("C wins", better("C", "B"))]
    text = as_text(verdicts(runs_of(A=0.92, B=0.90), claims))
    assert all(part in text for part in ("A wins", "A − B: +2.00", "holds", "C wins", "missing: C"))


@pytest.mark.parametrize(
    ("call", "value"),
    [
        (lambda: Claim("empty", []), "[]"),
        (lambda: Claim("c", better("A", "B"), "both"), "'both'"),
        (lambda: best("A", ["B"], direction="equal"), "'equal'"),
        (lambda: result(runs_of(A=0.9, B=0.9), better("A", "B", "test_acuracy")), "'test_acuracy'"),
        (lambda: result(runs_of(A=0.9).assign(profile=list("ppppq")), above("A", 0)), "p, q"),
        (lambda: result(pd.DataFrame({"seed": [0]}), above("A", 0)), "'experiment'"),
    ],
)
def test_bad_input_is_named(call, value):
    with pytest.raises(InputError) as error:
        call()
    assert value in str(error.value)


def test_claims_need_no_training_library():
    code = "import sys; from cnnhelpers import Claim, compare, power, verdict; import cnnhelpers.claims.results\n"
    code += "print({'keras', 'tensorflow'} & {*sys.modules}, power(0.01, 0.01, 10) > 0.5)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set() True\n"
