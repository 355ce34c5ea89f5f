"""Claims: planted effects get the right verdict from every kind of question, and what is missing is said."""

import math
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from cnnhelpers.analysis.measurements import ALIASES, measure
from cnnhelpers.book.tables import lacking, reading
from cnnhelpers.claims import results as claims
from cnnhelpers.claims.assessments import assess, decide_all
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
from cnnhelpers.errors import InputError
from cnnhelpers.records import store as records
from cnnhelpers.records.store import Record
from cnnhelpers.reports.conclusions import CLAIMS
from cnnhelpers.statistics.decisions import decide, holm
from cnnhelpers.statistics.intervals import from_differences
from cnnhelpers.statistics.planning import seeds_needed

NOISE = np.array([-0.002, 0.001, 0.0, 0.002, -0.001])  # mean 0, SD 0.00158
NAN = math.nan


def runs_of(quantity="test_accuracy", seeds=5, dataset="fashion_mnist", **values):
    """Runs of experiments with these values by seed; a number stands for itself plus noise of its own."""
    rows = []
    for position, (experiment, given) in enumerate(values.items()):
        own = given if isinstance(given, list) else (given + np.roll(NOISE, position)).tolist()
        rows += [{"experiment": experiment, "seed": seed, quantity: value} for seed, value in enumerate(own[:seeds])]
    return pd.DataFrame(rows).assign(dataset=dataset)


def word(question, runs, logic="all"):
    return claims.verdict(Claim("a claim", question, logic), runs).verdict


def recorded(experiment, seed, report="A", identity="0", validation=None, training=None, **metrics):
    """A record with a history of cross-entropies and test metrics."""
    history = {} if validation is None else {"validation_crossentropy": validation, "crossentropy": training}
    labels = {"experiment": experiment, "study": "s", "report": report, "profile": "published", "title": ""}
    data = {"name": "fashion_mnist", "official": True, "images": {"test": 10_000}}
    return Record(identity, seed, "", labels, data, "done", {}, history, {"test": metrics})


# --- one question ---


@pytest.mark.parametrize(
    ("gain", "verdict"),
    [(0.01, "holds"), (0.0015, "holds but negligible"), (-0.01, "contradicted"), (0.0, "equivalent")],
)
def test_better_finds_what_was_planted(gain, verdict):
    noise = [-0.0002, 0.0001, 0.0, 0.0002, -0.0001]
    runs = runs_of(A=[0.9 + gain + one for one in noise], B=[0.9] * 5)
    assert word(better("A", "B"), runs) == verdict


def test_equivalence_is_adjusted_for_the_other_claims_of_a_report():
    # sd 0.00274: t = 0.003 / (0.00274 / sqrt(5)) = 2.45, one-sided p with 4 degrees of freedom 0.035; doubled 0.07
    runs = runs_of(A=(0.9 + 1.732 * NOISE).tolist(), B=[0.9] * 5)
    one, other = Claim("one", better("A", "B"), report="x"), Claim("other", better("B", "A"), report="x")
    alone = claims.verdicts(runs, [one])
    assert alone["verdict"].item() == "equivalent"
    assert alone["adjusted_p"].item() == pytest.approx(0.035, abs=0.001)
    assert claims.verdicts(runs, [one, other])["verdict"].tolist() == ["undecided"] * 2


def test_the_best_names_the_rival_that_comes_closest():
    close, far = [0.896, 0.895, 0.898, 0.896, 0.895], [0.8] * 5
    found = claims.verdict(Claim("A is best", best("A", ["A", "B", "C"])), both(runs_of(A=0.91, B=close, C=far)))
    assert "also better than every rival alone, the hardest A − B: +1.40" in found.evidence


def test_better_is_undecided_where_the_spread_hides_it_and_says_how_many_seeds_would_decide():
    found = claims.verdict(Claim("A wins", better("A", "B")), runs_of(A=[0.91, 0.88, 0.92, 0.89, 0.91], B=[0.9] * 5))
    assert found.verdict == "undecided"
    assert found.estimate == pytest.approx(0.002)
    assert found.seeds_to_decide > 30  # of the margin, 0.003, which is larger than the estimate
    assert 0 < found.smallest_detectable < 0.05


def test_one_pair_alone_gets_the_verdict_of_the_decision_rule():
    generator, seen = np.random.default_rng(5), set()
    for shift in (0, 0.002, 0.0035, -0.004, 0.01) * 6:
        differences = generator.normal(shift, 0.002, 6)
        runs = measure(runs_of("train_accuracy", seeds=6, A=(0.9 + differences).tolist(), B=[0.9] * 6))
        for direction, ask in {"higher": better, "lower": lower, "equal": equal}.items():
            found = assess(Claim("c", ask("A", "B", "train_accuracy")), runs)
            expected = decide(from_differences((0.9 + differences) - 0.9), 0.003, direction)
            assert decide_all([found])[0][0] == expected
            seen.add(expected)
    assert len(seen) == 5


def test_lower_compares_times_without_a_margin():
    runs = runs_of("seconds", fast=[10.0, 11, 10, 11, 10], slow=[10.5, 11.4, 10.6, 11.5, 10.4])
    found = claims.verdict(Claim("fast is faster", lower("fast", "slow", "seconds")), runs)
    assert (found.verdict, found.unit, found.margin) == ("holds", "s", 0)
    assert found.estimate == pytest.approx(-0.48)


@pytest.mark.parametrize("other", [{"processor": "P2"}, {"precision": "bfloat16"}, {"device": "gpu:0"}])
def test_seconds_of_different_machines_are_not_compared(other):
    def timed(experiment, seconds, others):
        usual = {"processor": "P1", "precision": "float32", "device": "cpu:0"}
        row = {"experiment": experiment, "dataset": "mnist", "test_accuracy": 0.9}
        made = [usual | (other if seed in others else {}) for seed in range(6)]
        records = [Record("0", seed, "", {}, {}, "done", {}, {}, environment=one) for seed, one in enumerate(made)]
        return [
            row | {"seed": one.seed, "cpu_seconds": seconds * (1 + one.seed / 100), "record": one} for one in records
        ]

    slow = [*timed("A", 20, others=()), *timed("other", 1, others=range(6))]  # which no question asks
    question = lower("B", "A", "cpu_seconds")
    found = claims.verdict(Claim("B is faster", question), pd.DataFrame([*slow, *timed("B", 25, others=[0])]))
    assert (found.verdict, found.n) == ("contradicted", 5)
    assert "1 seeds left out, timed on different processors" in found.evidence
    found = claims.verdict(Claim("B is faster", question), pd.DataFrame([*slow, *timed("B", 1, others=[0, 3])]))
    assert found.verdict == "not enough runs"
    assert "2 seeds left out" in found.missing
    assert (
        assess(Claim("equal", equal("A", "B")), measure(pd.DataFrame([*slow, *timed("B", 1, [0])])))
        .parts[0]
        .comparison.n_pairs
        == 6
    )


@pytest.mark.parametrize(("gain", "verdict"), [(0.25, "holds"), (0.15, "contradicted"), (0.2, "undecided")])
def test_better_by_more_than_a_number(gain, verdict):
    found = claims.verdict(Claim("by 20", better("A", "B", by=0.20)), runs_of(A=0.5 + gain, B=0.5))
    assert (found.verdict, found.against) == (verdict, 0.20)
    assert found.estimate == pytest.approx(gain)


@pytest.mark.parametrize(("gain", "verdict"), [(0.01, "holds"), (0.001, "holds"), (-0.01, "contradicted")])
def test_at_least_allows_the_margin(gain, verdict):
    assert word(at_least("A", "B"), runs_of(A=0.9 + gain, B=0.9)) == verdict


def test_levels_are_compared_with_a_number():
    runs = runs_of(A=0.81)
    assert [word(above("A", level), runs) for level in (0.80, 0.82, 0.81)] == ["holds", "contradicted", "undecided"]
    gaps = runs.assign(train_accuracy=0.82, validation_accuracy=[0.819, 0.8195, 0.819, 0.8195, 0.819])
    assert word(below("A", None, "gap"), gaps) == "holds"  # below the margin of 0.003
    assert word(above("A", 0.0, "gap"), gaps) == "holds but negligible"


@pytest.mark.parametrize(("gain", "verdict"), [(0.0005, "holds"), (0.03, "contradicted"), (0.0035, "undecided")])
def test_equal_needs_the_whole_interval_within_the_margin(gain, verdict):
    runs = runs_of(A=[0.9 + gain + one for one in (-0.001, 0.001, 0, 0.001, -0.001)], B=[0.9] * 5)
    assert word(equal("A", "B"), runs) == verdict


def both(runs):
    return runs.assign(validation_accuracy=runs["test_accuracy"])


def test_the_best_of_many_must_beat_the_runner_up_and_every_rival_alone():
    names = ["A", "B", "C", "D"]
    assert word(best("A", names), both(runs_of(A=0.92, B=0.90, C=0.91, D=0.80))) == "holds"
    assert word(best("A", names), both(runs_of(A=0.90, B=0.90, C=0.92, D=0.80))) == "contradicted"
    assert word(best("A", names), both(runs_of(A=0.91, B=0.90, C=0.9095, D=0.80))) in ("undecided", "equivalent")


def test_a_rival_that_is_unlucky_on_validation_data_still_counts():
    runs = runs_of(A=0.92, B=0.90, C=0.9195)
    runs = runs.assign(validation_accuracy=runs["test_accuracy"].where(runs["experiment"] != "C", 0.5))
    found = claims.verdict(Claim("best", best("A", ["B", "C"])), runs)
    assert found.label == "A − B"
    assert found.verdict == "undecided"
    assert "not better than every rival alone" in found.evidence


def test_a_rival_whose_runs_all_failed_is_no_rival():
    runs = both(runs_of(A=0.92, B=0.90, C=[NAN] * 5))
    assert word(best("A", ["B", "C"]), runs) == "holds"


def test_the_fastest_of_many_is_the_lowest():
    runs = runs_of("seconds", A=[1.0, 2, 1, 2, 1], B=[3.0, 4, 3, 4, 5], C=[9.0, 8, 9, 9, 8])
    fastest = {"quantity": "seconds", "chosen_on": "seconds", "direction": "lower"}
    assert word(best("A", ["B", "C"], **fastest), runs) == "holds"
    assert word(best("C", ["A", "B"], **fastest), runs) == "contradicted"


def test_rises_over_levels_and_over_differences():
    runs = runs_of(L1=0.80, L2=0.82, L3=0.83, N1=0.80, N2=0.80, N3=0.80)
    assert word(rises(["L1", "L2", "L3"]), runs) == "holds"
    assert word(rises(["L3", "L2", "L1"]), runs) == "contradicted"
    assert word(rises(["L3", "L2", "L1"], direction="lower"), runs) == "holds"
    assert word(rises([("L1", "N1"), ("L2", "N2"), ("L3", "N3")]), runs) == "holds"


def curve_runs(end, epochs=10):
    falling = np.linspace(1.0, 0.3, epochs)
    made = []
    for seed in range(5):
        validation = falling.copy()
        validation[6:] = validation[5] + end * np.arange(1, epochs - 5) * (1 + 0.1 * seed)
        made.append(
            recorded("A", seed, validation=validation.tolist(), training=(falling * (1 + 0.01 * seed)).tolist())
        )
    return records.table(made)


def test_overfitting_needs_a_growing_validation_loss():
    assert word(overfits("A", 6), curve_runs(0.05)) == "holds"
    assert word(overfits("A", 6), curve_runs(-0.05)) == "contradicted"
    assert word(does_not_overfit("A", 6), curve_runs(-0.05)) == "holds"


def test_a_training_too_short_for_the_question_gives_no_verdict():
    found = claims.verdict(Claim("overfits", overfits("A", 8)), curve_runs(0.05))
    assert found.verdict == "not enough runs"
    assert "12 epochs" in found.missing
    assert word(overfits("A", 6), runs_of(A=0.9)) == "not enough runs"  # no records, no epochs


def test_guessing_is_among_the_classes_of_the_data():
    fifth = [0.2, 0.201, 0.199, 0.2, 0.2]
    assert word(fails_to_learn("E1"), runs_of(E1=fifth, dataset="fashion_mnist_5")) == "holds"
    assert word(fails_to_learn("E1"), runs_of(E1=fifth)) == "contradicted"


def test_fails_to_learn_is_decided_by_rule_and_has_no_p():
    found = claims.verdict(Claim("D6 cannot learn", fails_to_learn("D6")), runs_of(D6=[0.1, 0.1, 0.1003, 0.1, 0.0998]))
    assert found.verdict == "holds"
    assert math.isnan(found.adjusted_p)
    assert not found.fragile
    one = claims.verdict(
        Claim("D6 cannot learn", fails_to_learn("D6")), runs_of(D6=[0.1, 0.1, 0.1, 0.1, 0.3, NAN], seeds=6)
    )
    assert one.verdict == "contradicted"
    # Clopper and Pearson for 1 of 5: 1 - 0.975^(1/5), and the x with (1-x)^5 + 5 x (1-x)^4 = 0.025
    assert [one.estimate, one.low, one.high] == pytest.approx([0.2, 0.00505, 0.71642], abs=1e-5)
    assert one.evidence.startswith("D6, runs that learned: 20.00 [0.51, 71.64] %, 5 seeds, 1 incomplete; 1 of 5 runs")


def test_a_network_that_learns_has_the_p_of_its_runs_and_one_that_does_not_has_none():
    found = claims.verdict(Claim("cannot learn", fails_to_learn("D6")), runs_of(D6=[0.1, 0.1, 0.1, 0.1, 0.12]))
    p = stats.binom.sf(1199, 10_000, 0.1)
    assert found.parts[0].p_against == pytest.approx(5 * p)  # Holm: the smallest of five
    assert found.parts[0].p_for == 1


def test_deeper_filters_are_compared_within_a_run_and_with_random_order():
    eight = next(claim for claim in CLAIMS if claim.number == 8)
    runs = runs_of("last_filters_moran", **{"A-vis": 0.10}).assign(first_filters_moran=0.05)
    assert claims.verdict(eight, runs).verdict == "holds"
    below_random = runs.assign(last_filters_moran=runs.last_filters_moran - 0.3, first_filters_moran=-0.4)
    assert claims.verdict(eight, below_random).verdict == "contradicted"
    found = claims.verdict(eight, runs_of(**{"A-vis": 0.9}))
    assert (found.verdict, found.command) == ("not enough runs", "")
    assert "not measured on the trained models" in found.missing


# --- what a verdict rests on ---


def with_images(runs, favoured, num_images=1000):
    """Runs that get as many images right as their accuracy says; A is right on the `favoured` first images, B wrong."""
    rows = []
    for one in runs.itertuples():
        right = np.zeros(num_images, bool)
        right[:favoured] = one.experiment == "A"
        open_images = round(one.test_accuracy * num_images) - right.sum()
        right[favoured : favoured + open_images] = True
        rows.append(right)
    return runs.assign(test_correct=rows)


def test_a_difference_that_rests_on_few_images_is_said_to_be_of_this_test_set():
    runs = runs_of(A=[0.904] * 5, B=[0.900, 0.900, 0.900, 0.901, 0.901])
    found = claims.verdict(Claim("A wins", better("A", "B")), with_images(runs, 4))
    assert found.verdict == "holds"
    part = found.parts[0]
    assert part.new_images[0] < 0 < part.low
    assert part.on_this_test_set
    assert "on this test set only" in found.evidence
    clear = with_images(runs_of(A=0.95, B=0.90), 0)
    assert not claims.verdict(Claim("A wins", better("A", "B")), clear).parts[0].on_this_test_set
    chosen = claims.verdict(Claim("A is best", best("A", ["B"])), both(with_images(runs, 4))).parts[0]
    assert chosen.new_images == pytest.approx(part.new_images)


def test_images_of_two_test_sets_are_not_compared():
    runs = pd.concat([with_images(runs_of(A=0.92), 0), with_images(runs_of(B=0.9), 0, 500)])
    assert claims.verdict(Claim("A wins", better("A", "B")), runs).parts[0].new_images is None


def test_verdicts_name_what_they_rest_on_and_what_differs():
    made = {"profile": "published", "precision": "float32", "device": "cpu:0", "pixels": "another copy"}
    runs = runs_of(A=0.92, B=0.90, C=0.91).assign(**made)
    runs.loc[runs.experiment == "C", "precision"] = "bfloat16"
    asked = [Claim("A wins", better("A", "B"), number=1), Claim("A wins", better("A", "C"), number=2)]
    found = claims.verdicts(runs, asked)
    assert found["rests_on"][0] == "published profile, float32, cpu, fashion_mnist (another copy)"
    assert found["differs"].tolist() == ["", "precision differs: bfloat16 in C, float32 in A"]
    assert "**not the same in all of these runs: precision**" in reading(found).data
    assert "1: published profile, float32, cpu" in reading(found).data
    assert "2 rests on: published profile, bfloat16 and float32, cpu" in claims.plain(found)
    assert "precision differs" in str(claims.verdict(asked[1], runs))


def test_runs_of_other_claims_make_none_incomplete():
    runs = runs_of(A=0.92, B=0.90, seeds=5)
    more = pd.concat([runs, runs_of(Z=[0.9] * 10, seeds=10)], ignore_index=True)
    assert claims.verdict(Claim("A wins", better("A", "B")), more).evidence.endswith("5 seeds")
    uneven = pd.concat([runs, runs_of(C=[0.9] * 10, seeds=10)], ignore_index=True)
    assert claims.verdict(Claim("A wins", better("A", "C")), uneven).evidence.endswith("5 seeds, 5 incomplete")


def test_an_undecided_equality_needs_the_seeds_that_tell_the_estimate_from_the_margin():
    runs = runs_of(A=[0.9 + 0.0025 + one for one in (-0.001, 0.001, 0, 0.001, -0.001)], B=[0.9] * 5)
    found = claims.verdict(Claim("equal", equal("A", "B")), runs)
    assert found.verdict == "undecided"
    assert found.seeds_to_decide == seeds_needed(0.0005, found.parts[0].comparison.sd)


# --- several questions ---


def test_all_questions_must_hold_and_the_weakest_decides():
    runs = runs_of(A=0.92, B=0.90, C=0.915, D=0.90)
    found = claims.verdict(Claim("both", [better("A", "B"), better("C", "D")]), runs)
    assert (found.verdict, found.label) == ("holds", "C − D")
    assert found.p == max(part.p_for for part in found.parts)
    found = claims.verdict(Claim("both", [better("A", "B"), better("D", "C")]), runs)
    assert (found.verdict, found.label) == ("contradicted", "D − C")
    assert found.p == pytest.approx(2 * found.parts[1].p_against)


def test_any_question_may_hold():
    runs = runs_of(A=0.92, B=0.90, C=0.91, D=0.92)
    questions = [better("A", "B"), better("C", "D")]
    found = claims.verdict(Claim("one of them", questions, "any"), runs)
    assert (found.verdict, found.label) == ("holds", "A − B")
    assert found.p == pytest.approx(2 * found.parts[0].p_for)
    assert word([better("B", "A"), better("C", "D")], runs, "any") == "contradicted"


@pytest.mark.parametrize("logic", ["all", "any"])
def test_null_claims_of_several_questions_seldom_get_a_verdict(logic):
    generator, wrong, simulations = np.random.default_rng([7, ord(logic[1])]), 0, 200
    claim = Claim("null", [better("A", "B"), better("C", "D"), better("E", "F")], logic)
    for _ in range(simulations):
        values = generator.normal(0.9, 0.01, (6, 5)).tolist()
        one = assess(claim, measure(runs_of(**dict(zip("ABCDEF", values, strict=True)))))
        wrong += min(one.p_for, one.p_against) < 0.05
    assert wrong <= stats.binom.ppf(0.999, simulations, 0.05)


# --- Holm, fragility ---


def test_p_values_are_adjusted_within_a_report_only():
    runs = runs_of(A=0.9035, B=0.90, C=0.9045, D=0.90, E=0.9025, F=0.90)
    asked = [("A", "B", "x"), ("C", "D", "x"), ("E", "F", "y")]
    made = [Claim("c", better(a, b), report=report) for a, b, report in asked]
    found = claims.verdicts(runs, made)
    assert found["adjusted_p"][:2].tolist() == pytest.approx(holm(found["p"][:2]).tolist())
    assert found["adjusted_p"][2] == found["p"][2]


def test_a_claim_without_runs_counts_in_its_report_so_that_its_runs_change_no_other_verdict():
    runs = runs_of(A=0.91, B=0.90)
    made = [Claim("c", better("A", "B"), report="x"), Claim("c", better("A", "Z"), report="x")]
    found = claims.verdicts(runs, made)
    assert found["adjusted_p"][0] == 2 * found["p"][0]
    with_runs = claims.verdicts(pd.concat([runs, runs_of(A=0.91, Z=0.91)]).drop_duplicates(), made)
    assert with_runs["verdict"][1] != "not enough runs"
    assert with_runs["adjusted_p"][0] == found["adjusted_p"][0]


def test_a_verdict_that_hangs_on_one_seed_is_fragile():
    steady = runs_of(A=[0.92, 0.921, 0.919, 0.92, 0.922, 0.918], B=[0.9] * 6, seeds=6)
    assert not claims.verdict(Claim("c", better("A", "B")), steady).fragile
    restless = runs_of(A=[0.906, 0.905, 0.901, 0.9005, 0.904, 0.9005], B=[0.9] * 6, seeds=6)
    found = claims.verdict(Claim("c", better("A", "B")), restless)
    assert (found.verdict, found.fragile) == ("holds", True)
    assert "fragile" in str(found)


# --- what is missing ---


def test_missing_runs_are_named_with_the_command_that_trains_them():
    found = claims.verdicts(runs_of(A1=0.9, A2=0.9, seeds=4), report="a")
    first = found.iloc[0]
    assert first["verdict"] == "not enough runs"
    assert "A1 (4 of 5 seeds)" in first["missing"]
    assert "A3" in first["missing"].split(", ")
    assert first["command"] == "python -m cnnhelpers run A --seeds 5"
    one = claims.verdicts(runs_of(D7=0.75), [claim for claim in CLAIMS if claim.number == 23]).iloc[0]
    assert one["command"] == "python -m cnnhelpers run D6 --seeds 5"


@pytest.mark.parametrize(("profile", "dataset"), [("own", "fashion_mnist"), ("own", "mine.npz"), ("quick", "mnist")])
def test_no_command_is_told_that_would_train_on_other_data(profile, dataset):
    found = claims.verdicts(runs_of(A1=0.9, dataset=dataset).assign(profile=profile), report="A")
    assert set(found["verdict"]) == {"not enough runs"} and set(found["command"]) == {""}
    smoke = claims.verdicts(runs_of(A1=0.9, dataset="digits").assign(profile="smoke"), report="A")
    assert smoke["command"].iloc[0] == "python -m cnnhelpers run A --profile smoke --seeds 5"


def test_two_experiments_under_one_name_are_refused():
    mixed = runs_of(A1=0.9, A2=0.8).assign(identity=["a"] * 4 + ["b"] + ["c"] * 5)
    with pytest.raises(InputError, match=r"runs of 'A1' are of 2 experiments.*identity == 'a'.*Received: a, b"):
        claims.verdicts(mixed, report="A")


def test_without_any_run_every_published_claim_says_not_enough_runs():
    found = claims.verdicts(records.table([]))
    assert set(found["verdict"]) == {"not enough runs"}
    assert found["missing"].str.len().min() > 0
    assert found["number"].tolist() == list(range(1, 31))


def test_failed_seeds_are_counted_and_too_many_leave_no_verdict():
    runs = runs_of(A=[0.92, 0.921, 0.919, 0.92, 0.922, NAN], B=[0.9] * 6, seeds=6)
    found = claims.verdict(Claim("c", better("A", "B")), runs)
    assert (found.verdict, found.n) == ("holds", 5)
    assert "1 incomplete" in found.evidence
    runs.loc[0, "test_accuracy"] = NAN
    assert claims.verdict(Claim("c", better("A", "B")), runs).missing == "A − B (4 complete seeds)"


# --- published names ---


def test_a_level_of_a_sweep_stands_for_the_published_experiment():
    made = [recorded("3conv-l2=0.0001", seed, identity="3", accuracy=0.92 + NOISE[seed]) for seed in range(5)]
    made += [recorded("A4", seed, identity="4", accuracy=0.90) for seed in range(5)]
    assert word(better("A3", "A4"), records.table(made)) == "holds"


def test_own_experiments_may_have_such_names():
    runs = runs_of(D1=0.9, D2=0.95)
    assert word(better("D2", "D1"), runs) == "holds"


def test_aliases_are_the_same_experiment_and_claims_name_experiments_that_exist():
    from cnnhelpers.data import datasets as data
    from cnnhelpers.reports import regularization
    from cnnhelpers.reports.catalog import all_experiments

    known = {one.id: one for one in all_experiments()}
    assert {name for claim in CLAIMS for name in claim.experiments} <= set(known)
    kinds = [("l2", [0.0001]), ("dropout", [None, 0, 0.1]), ("early_stopping", [None, 3])]
    for kind, strengths in kinds:
        known |= {one.id: one for one in regularization.sweep(kind, strengths)}
    known |= {
        one.id: one for convolutions in (1, 3) for one in regularization.combinations(convolutions=[convolutions])
    }
    for alias, name in ALIASES.items():
        one, other = known[alias], known[name]
        assert one.protocol == other.protocol, alias
        if alias.startswith(("E4", "D2")):
            assert one.network == other.network, alias
        else:
            assert one.text(data.info("fashion_mnist")) == other.text(data.info("fashion_mnist")), alias


def test_the_thirty_conclusions_are_complete():
    assert [claim.number for claim in CLAIMS] == list(range(1, 31))
    counts = pd.Series([claim.report for claim in CLAIMS]).value_counts().to_dict()
    assert counts == {"A": 8, "B": 5, "C": 5, "D": 5, "E": 7}


# --- reading, refusing ---


def test_tables_show_the_tested_and_list_the_others():
    runs = runs_of(A=0.92, B=0.90)
    made = [Claim("A wins | really", better("A", "B"), report="x"), Claim("C wins", better("C", "B"), report="x")]
    found = claims.verdicts(runs, made)
    assert "A wins" in reading(found).data
    assert r"\|" in reading(found).data
    assert "seeds to decide" not in reading(found).data
    undecided = runs_of(A=[0.91, 0.88, 0.92, 0.89, 0.91], B=[0.9] * 5)
    assert "seeds to decide" in reading(claims.verdicts(undecided, made)).data
    assert "C wins" not in reading(found).data
    assert "| C |" in lacking(found).data
    assert "none of the conclusions of report y has runs enough" in reading(found, "y").data.casefold()
    told = claims.plain(found)
    assert "missing: C" in told
    assert "A − B: +2.00" in told


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Claim("empty", []), "a claim needs questions"),
        (lambda: Claim("c", better("A", "B"), "both"), "unknown logic 'both'"),
        (lambda: best("A", ["B"], direction="equal"), "unknown direction 'equal'"),
        (lambda: word(better("A", "B", "test_acuracy"), runs_of(A=0.9, B=0.9)), "did you mean 'test_accuracy'"),
        (lambda: claims.verdicts(runs_of(A=0.9).assign(profile=list("ppppq"))), "runs must be of one profile"),
        (lambda: claims.verdicts(pd.DataFrame({"seed": [0]})), "unknown column of runs 'experiment'"),
        (lambda: claims.verdicts(runs_of(A=0.9), report="F"), "unknown report 'F'"),
    ],
)
def test_bad_input_is_named_with_its_mend(call, message):
    with pytest.raises(InputError, match=message):
        call()


def test_verdicts_need_no_training_library():
    modules = ", ".join(f"cnnhelpers.{name}" for name in ("claims", "conclusions", "audit", "single_runs"))
    code = f"import sys, {modules}, cnnhelpers.book.tables, cnnhelpers.plotting.forest\n"
    code += "from cnnhelpers import Claim, compare, power, verdict\n"
    code += "print([m for m in ('keras', 'tensorflow') if m in sys.modules], power(0.01, 0.01, 10) > 0.5)"
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[] True\n"
    )
