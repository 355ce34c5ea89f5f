"""Known answers by hand, agreement with SciPy, and planted and null effects for all that turns runs into verdicts."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from cnnhelpers.errors import InputError
from cnnhelpers.statistics import (
    best_of_many,
    better_than_guessing,
    interval_over_test_images,
    planning,
    selection,
    trends,
)
from cnnhelpers.statistics import decisions as verdicts
from cnnhelpers.statistics.decisions import MARGINS, decide, holm
from cnnhelpers.statistics.intervals import by_seed, equivalence, equivalence_of, from_differences, interval, paired

NAN = math.nan
SIMULATIONS = 1000


def generator(*key):
    return np.random.default_rng([2021, *key])


def simulated(seeds, effect=0.0, sd=1.0, simulations=SIMULATIONS, key=0):
    """Comparisons of (simulations, num_seeds) normal differences, from a fixed generator."""
    return [from_differences(row) for row in generator(seeds, key).normal(effect, sd, (simulations, seeds))]


def at_most(rate, simulations=SIMULATIONS):
    """The highest share that a true `rate` gives in all but 1 of 1,000 repetitions of the simulation."""
    return stats.binom.ppf(0.999, simulations, rate) / simulations


# --- intervals ---


def test_interval_by_hand():
    # mean (1 + 2 + 3 + 4 + 5) / 5 = 3; squares 4 + 1 + 0 + 1 + 4 = 10, sd = sqrt(10 / 4) = 1.5811
    # t(.975, 4) = 2.7764, half the width 2.7764 * 1.5811 / sqrt(5) = 1.9632
    found = interval([1, 2, 3, 4, 5])
    assert (found.mean, found.n, found.n_failed, found.confidence) == (3, 5, 0, 0.95)
    assert found.sd == pytest.approx(1.58114, abs=1e-5)
    assert (found.low, found.high) == pytest.approx((1.03676, 4.96324), abs=1e-5)
    # one more run: half the width 2.7764 * 1.5811 * sqrt(1 + 1 / 5) = 4.8089
    assert found.one_run == pytest.approx((-1.8089, 7.8089), abs=1e-4)
    assert all(map(math.isnan, interval([0.9]).one_run))


def test_interval_agrees_with_scipy_at_another_confidence():
    values = generator().normal(0.9, 0.01, 7)
    found = interval(values, confidence=0.9)
    assert (found.low, found.high) == pytest.approx(stats.t.interval(0.9, 6, values.mean(), stats.sem(values)))


def test_interval_covers_the_truth_at_its_confidence():
    rows = generator().normal(0, 1, (SIMULATIONS, 5))
    missed = np.mean([not (found.low <= 0 <= found.high) for found in map(interval, rows)])
    assert missed <= at_most(0.05)
    assert 1 - missed <= at_most(0.95)


def test_a_failed_run_is_counted_and_not_averaged():
    found = interval([0.9, NAN, 0.8, math.inf])
    assert (found.mean, found.n, found.n_failed) == (pytest.approx(0.85), 2, 2)


def test_equal_runs_have_an_interval_of_no_width():
    found = interval([0.1] * 6)
    assert (found.mean, found.low, found.high, found.sd) == (0.1, 0.1, 0.1, 0)


@pytest.mark.parametrize(("values", "mean", "n"), [([0.9], 0.9, 1), ([0.9, NAN], 0.9, 1), ([NAN, NAN], NAN, 0)])
def test_too_few_runs_have_no_interval(values, mean, n):
    found = interval(values)
    assert found.n == n
    assert np.array_equal([found.mean, found.low, found.high, found.sd], [mean, NAN, NAN, NAN], equal_nan=True)


# --- pairs ---


def test_paired_by_hand():
    # differences 1 2 3 4 0: mean 2, squares 1 + 0 + 1 + 4 + 4 = 10, sd 1.5811, t = 2 / (1.5811 / sqrt(5)) = 2.8284
    # half the width 1.9632 as above; p = 2 P(t4 > 2.8284) = .0474
    found = paired([2, 4, 6, 8, 5], [1, 2, 3, 4, 5])
    assert found.differences == (1, 2, 3, 4, 0)
    assert (found.difference, found.wins, found.n_pairs, found.n_failed) == (2, 4, 5, 0)
    assert (found.low, found.high, found.p) == pytest.approx((0.03676, 3.96324, 0.04742), abs=1e-5)


def test_paired_agrees_with_scipy():
    a, b = generator().normal(0.9, 0.01, (2, 10))
    found, theirs = paired(a, b), stats.ttest_rel(a, b)
    assert found.p == pytest.approx(theirs.pvalue)
    assert (found.low, found.high) == pytest.approx(tuple(theirs.confidence_interval(0.95)))


def test_a_pair_with_a_failed_run_is_incomplete_and_counted():
    found = paired([0.9, NAN, 0.8, 0.7, math.inf], [0.8, 0.8, NAN, 0.5, math.inf])
    assert found.differences == pytest.approx((0.1, 0.2))
    assert (found.n_pairs, found.n_failed) == (2, 3)


def test_paired_with_a_number_asks_whether_it_is_reached():
    assert paired([0.81, 0.82, 0.83], 0.80).p == pytest.approx(stats.ttest_1samp([0.81, 0.82, 0.83], 0.80).pvalue)


def test_equal_differences_are_certain_and_rounding_is_none():
    same = paired([0.1, 0.2, 0.3], np.array([0.1, 0.2, 0.1]) + np.array([0, 0, 0.2]))  # 0.1 + 0.2 is not 0.3
    assert (same.difference, same.low, same.high, same.sd, same.p, same.wins) == (0, 0, 0, 0, 1, 0)
    apart = paired([0.9, 0.8, 0.7], [0.8, 0.7, 0.6])  # 0.9 - 0.8 is not 0.8 - 0.7
    assert (apart.sd, apart.p, apart.wins, apart.smallest_detectable) == (0, 0, 3, 0)
    assert apart.low == apart.high == pytest.approx(0.1)


def test_one_pair_and_no_pair_have_no_test():
    one, none = paired([0.9], [0.8]), paired([0.9], [NAN])
    assert one.difference == pytest.approx(0.1)
    assert math.isnan(none.difference)
    for found in (one, none):
        assert all(math.isnan(value) for value in (found.low, found.high, found.sd, found.p))
        assert found.smallest_detectable == math.inf
        assert decide(found, margin=0.01) == "not enough runs"


def test_leaving_one_seed_out_needs_only_the_differences():
    found = paired([2, 4, 6, 8, 5], [1, 2, 3, 4, 5])
    without_last = from_differences(found.differences[:-1])
    assert (without_last.difference, without_last.n_pairs) == (2.5, 4)


def runs_table(*rows):
    return pd.DataFrame(rows, columns=["experiment", "seed", "test_accuracy"])


def test_by_seed_puts_a_missing_seed_and_a_failed_run_as_nan():
    runs = runs_table(("A1", 2, 0.92), ("A1", 0, 0.90), ("A2", 1, 0.81), ("A2", 0, 0.80), ("A3", 0, NAN))
    table = by_seed(runs, "test_accuracy")
    assert table.index.tolist() == [0, 1, 2]
    assert np.array_equal(table["A1"], [0.90, NAN, 0.92], equal_nan=True)
    assert np.array_equal(table["A3"], [NAN] * 3, equal_nan=True)
    assert paired(table["A1"], table["A2"]).n_failed == 2


def test_by_seed_refuses_two_runs_of_one_seed_and_an_unknown_column():
    runs = runs_table(("A1", 0, 0.90), ("A1", 0, 0.91))
    with pytest.raises(InputError, match="'A1', seed 0 twice"):
        by_seed(runs, "test_accuracy")
    with pytest.raises(InputError, match="did you mean 'test_accuracy'"):
        by_seed(runs, "test_acuracy")


# --- equivalence ---


def test_equivalence_by_hand():
    # differences -1 0 1 0 0: mean 0, sd = sqrt(2 / 4) = .7071, SE = .7071 / sqrt(5) = .3162; margin 1: t = 3.1623
    # both ways, p = P(t4 > 3.1623) = .01705; the 90 % interval 0 -+ t(.95, 4) .31623 = 2.13185 .31623 = .67415
    found = equivalence([0, 1, 2, 1, 1], [1, 1, 1, 1, 1], margin=1)
    assert (found.p, found.low, found.high) == pytest.approx((0.01705, -0.67415, 0.67415), abs=1e-5)


def test_equivalence_is_the_larger_of_two_scipy_tests_and_matches_its_interval():
    for row in generator().normal(0.3, 1, (50, 6)):
        found = equivalence(row, 0.0, margin=1)
        p_low = stats.ttest_1samp(row, -1, alternative="greater").pvalue
        p_high = stats.ttest_1samp(row, 1, alternative="less").pvalue
        assert found.p == pytest.approx(max(p_low, p_high))
        assert (found.p < 0.05) == (found.low > -1 and found.high < 1)


@pytest.mark.parametrize("seeds", [5, 10])
def test_equivalence_errs_in_5_percent_when_the_truth_is_the_margin(seeds):
    wrong = np.mean([equivalence_of(found, margin=1).p < 0.05 for found in simulated(seeds, effect=1, sd=0.3)])
    assert wrong <= at_most(0.05)


def test_equivalence_without_variance():
    assert equivalence([0.1] * 5, [0.1] * 5, margin=0.01).p == 0
    assert equivalence([0.2] * 5, [0.1] * 5, margin=0.01).p == 1
    assert equivalence([0.1] * 5, [0.1] * 5, margin=0).p == 1  # a margin of 0 is never met
    assert math.isnan(equivalence([0.1], [0.1], margin=0.01).p)


# --- verdicts ---


@pytest.mark.parametrize(
    ("mean", "direction", "adjusted_p", "verdict"),
    [
        # differences mean + (-1, 0, 1, 0, 0): SE .3162, 95 % interval mean -+ .8780, significant from |mean| .878 on
        (3.0, "higher", None, "holds"),
        (3.0, "lower", None, "contradicted"),
        (-3.0, "lower", None, "holds"),
        (-3.0, "higher", None, "contradicted"),
        (3.0, "higher", 0.06, "undecided"),
        (0.9, "higher", None, "holds but negligible"),  # interval .02 to 1.78, all below the margin of 2
        (-0.9, "lower", None, "holds but negligible"),
        (0.9, "lower", None, "contradicted"),
        (1.2, "higher", None, "holds"),  # interval .32 to 2.08 reaches beyond the margin
        (0.9, "higher", 0.20, "equivalent"),  # after Holm no difference, but surely below the margin
        (0.0, "higher", None, "equivalent"),
        (0.0, "equal", None, "holds"),
        (0.0, "equal", 0.20, "undecided"),
        (1.5, "equal", None, "undecided"),  # a difference, but maybe below the margin
        (3.0, "equal", None, "contradicted"),  # interval 2.12 to 3.88, all beyond the margin
        (-3.0, "equal", None, "contradicted"),
        (3.0, "equal", 0.06, "undecided"),
    ],
)
def test_each_verdict(mean, direction, adjusted_p, verdict):
    comparison = from_differences(mean + np.array([-1, 0, 1, 0, 0]))
    assert decide(comparison, 2.0, direction, adjusted_p) == verdict


def test_a_wide_spread_is_undecided_and_four_pairs_are_not_enough():
    assert decide(from_differences([-9, 9, -8, 8, 1]), margin=2) == "undecided"
    assert decide(from_differences([3, 3.1, 3.2, 3.1, NAN]), margin=2) == "not enough runs"
    assert decide(from_differences([3, 3.1, 3.2, 3.1, 3, NAN]), margin=2) == "holds"


def test_margin_0_makes_nothing_negligible_or_equivalent():
    assert decide(from_differences([1e-9] * 5), margin=0) == "holds"
    assert decide(from_differences([0.0] * 5), margin=0) == "undecided"


@pytest.mark.parametrize("seeds", [5, 10])
def test_no_more_than_5_percent_of_null_comparisons_get_a_verdict(seeds):
    found = [decide(comparison, margin=0) for comparison in simulated(seeds)]
    assert found.count("holds") / SIMULATIONS <= at_most(0.025)
    assert 1 - found.count("undecided") / SIMULATIONS <= at_most(0.05)


@pytest.mark.parametrize("seeds", [5, 10])
def test_null_comparisons_of_skewed_differences_err_little_more(seeds):
    # Accuracies have a long lower tail (a run that goes wrong): t stays near its level when both have it.
    a, b = -generator(seeds).exponential(1, (2, SIMULATIONS, seeds))
    assert np.mean([paired(one, other).p < 0.05 for one, other in zip(a, b, strict=True)]) <= at_most(0.05)


@pytest.mark.parametrize(("effect", "seeds"), [(2.0, 5), (1.5, 7), (1.0, 10), (0.5, 10)])
def test_planted_effects_are_found_as_often_as_theory_says(effect, seeds):
    found = np.mean([decide(comparison, margin=0) == "holds" for comparison in simulated(seeds, effect)])
    theory = planning.power(effect, 1, seeds)
    assert abs(found - theory) <= 3.3 * math.sqrt(theory * (1 - theory) / SIMULATIONS)


def test_holm_by_hand():
    # ascending .005 .01 .03 .04, times 4 3 2 1: .02 .03 .06 .04; never below the one before: .02 .03 .06 .06
    assert holm([0.01, 0.04, 0.03, 0.005]).tolist() == pytest.approx([0.03, 0.06, 0.06, 0.02])


def test_holm_of_ties_ones_nan_and_nothing():
    assert holm([0.02, 0.02, 0.02]).tolist() == pytest.approx([0.06] * 3)
    assert holm([0.6, 0.9]).tolist() == [1, 1]
    assert np.array_equal(holm([NAN, 0.03, NAN, 0.02]), [NAN, 0.04, NAN, 0.04], equal_nan=True)
    assert holm([]).size == 0
    assert np.isnan(holm([NAN])).all()


def test_holm_keeps_the_error_of_a_family_of_nulls():
    families = generator().uniform(size=(SIMULATIONS, 10))
    assert np.mean([(holm(family) < 0.05).any() for family in families]) <= at_most(0.05)


def test_margins_are_those_fixed_beforehand():
    assert MARGINS == {
        "mnist": 0.001,
        "fashion_mnist": 0.003,
        "fashion_mnist_5": 0.003,
        "cifar10": 0.005,
        "cifar100": 0.005,
        "digits": 0.01,
    }


# --- power ---


def test_seeds_needed_as_published_in_the_methods():
    assert [planning.seeds_needed(effect, 1) for effect in (0.5, 0.75, 1, 1.5, 2)] == [44, 21, 13, 7, 5]
    assert planning.seeds_needed(-0.005, 0.005) == 13  # only the ratio counts, not the sign


def test_seeds_needed_is_the_fewest():
    for effect in (0.3, 0.62, 1.9, 8.0):
        seeds = planning.seeds_needed(effect, 1)
        assert planning.power(effect, 1, seeds) >= 0.9
        assert seeds == 2 or planning.power(effect, 1, seeds - 1) < 0.9


@pytest.mark.parametrize("n", [2, 3, 5, 10, 100])
def test_smallest_detectable_effect_is_the_inverse_of_power(n):
    assert planning.power(planning.smallest_detectable_effect(0.004, n), 0.004, n) == pytest.approx(0.9)
    assert planning.power(0, 1, n) == pytest.approx(0.05)  # no effect: "found" as often as the level says


def test_power_has_no_holes_where_the_noncentral_t_of_scipy_has():
    effects = np.linspace(0, 60, 601)
    for n in (2, 5, 10, 100):
        found = np.array([planning.power(effect, 1, n) for effect in effects])
        assert np.isfinite(found).all()
        assert (np.diff(found) >= -1e-9).all()


def test_power_without_spread_seeds_or_knowledge():
    assert [planning.power(1, 0, 5), planning.power(0, 0, 5), planning.power(1, 1, 1), planning.power(1, 0, 1)] == [
        1,
        0,
        0,
        0,
    ]
    assert [planning.seeds_needed(0, 1), planning.seeds_needed(1, 0), planning.seeds_needed(1e-9, 1)] == [
        math.inf,
        2,
        math.inf,
    ]
    assert [planning.smallest_detectable_effect(0, 5), planning.smallest_detectable_effect(1, 1)] == [0, math.inf]
    unknown = planning.power(NAN, 1, 5), planning.seeds_needed(1, NAN), planning.smallest_detectable_effect(NAN, 5)
    assert np.isnan(unknown).all()


def test_wrong_order_by_hand_and_by_simulation():
    # variance .003^2 + .004^2 = .005^2, difference .005: P(normal < -1) = .1587
    assert planning.wrong_order(0.005, 0.003, 0.004) == pytest.approx(0.158655, abs=1e-6)
    assert planning.wrong_order(-0.005, 0.005, 0) == pytest.approx(0.158655, abs=1e-6)
    covariance = [[1, 0.6], [0.6, 1]]
    a, b = generator().multivariate_normal([0.5, 0], covariance, 100_000).T
    assert np.mean(a < b) == pytest.approx(planning.wrong_order(0.5, 1, 1, correlation=0.6), abs=0.005)
    assert [planning.wrong_order(0, 1, 1), planning.wrong_order(1, 0, 0), planning.wrong_order(1, 2, 2, 1)] == [
        0.5,
        0,
        0,
    ]


# --- best of many ---


def test_best_of_many_chooses_the_runner_up_by_the_other_seeds():
    # Mean validation of rows 1 and 2 without seed 0: 5 and 6, so row 2; without seed 1: 6.5 and 6, so row 1;
    # without seed 2: 6.5 and 6, so row 1. Test differences: 9 - 3, 9 - 2, 9 - 2.
    validation = [[9, 9, 9], [8, 5, 5], [6, 6, 6]]
    found = best_of_many(validation, [[9, 9, 9], [2, 2, 2], [3, 3, 3]], candidate=0)
    assert found.runners_up == (2, 1, 1)
    assert found.comparison.differences == (6, 7, 7)


def test_best_of_many_with_failed_runs_one_seed_and_one_rival():
    validation, test = [[9, 9, 9], [NAN, 7, 7], [6, 6, 6]], [[9, NAN, 9], [NAN, 2, 2], [3, 3, 3]]
    found = best_of_many(validation, test, candidate=0)
    assert found.runners_up == (1, 1, 1)
    assert (found.comparison.differences, found.comparison.n_failed) == ((7,), 2)
    assert (found.hardest.differences, found.hardest.n_failed) == ((7,), 2)  # one pair: least clear of all
    alone = best_of_many([[1], [2]], [[1], [2]], candidate=0)
    assert (alone.runners_up, alone.comparison.n_pairs) == ((-1,), 0)
    a, b = generator().normal(size=(2, 6))
    assert best_of_many([a, b], [a, b], candidate=0).comparison == paired(a, b)


def test_best_of_many_rewards_no_luck_on_pure_noise():
    # Ten equal networks; validation and test of a run share most of their noise, so luck would show.
    runs = generator().normal(size=(300, 10, 10))
    noise = generator(1).normal(0, 0.3, (2, 300, 10, 10))
    found = [best_of_many(runs[i] + noise[0, i], runs[i] + noise[1, i], candidate=0).comparison for i in range(300)]
    means = np.array([comparison.difference for comparison in found])
    assert abs(means.mean()) <= 3.3 * means.std() / math.sqrt(300)
    # 2.5 % is aimed at; what test and validation share of a run correlates the seeds, and makes 5 % of it at worst.
    assert np.mean([decide(comparison, margin=0) == "holds" for comparison in found]) <= at_most(0.05, 300)
    # The runner-up chosen by all seeds has luck: the same candidate seems to be worse than it.
    biased = [runs[i, 0].mean() - max(runs[i, 1:].mean(axis=1)) for i in range(300)]
    assert np.mean(biased) < -0.3


def test_hardest_rival_is_the_one_beaten_least_clearly():
    candidate = np.array([0.90, 0.91, 0.92, 0.90, 0.91])
    close, far = candidate - [0.01, -0.01, 0.01, 0.02, 0.01], candidate - [0.10, 0.11, 0.10, 0.12, 0.10]
    found = best_of_many([far, candidate, close], [far, candidate, close], candidate=1)
    assert found.runners_up == (2,) * 5
    assert found.hardest == found.comparison == paired(candidate, close)
    assert found.hardest_rival == 2
    better = best_of_many([far, candidate, close], [far, candidate, close], candidate=0)
    assert better.hardest == paired(far, candidate)


def test_hardest_is_safe_where_one_rival_is_as_good_as_the_candidate():
    runs = generator().normal(size=(300, 10, 10))
    runs[:, :2] += 1
    found = [best_of_many(one, one, candidate=0).hardest for one in runs]
    assert np.mean([decide(comparison, margin=0) == "holds" for comparison in found]) <= at_most(0.025, 300)


# --- trends ---


def test_trend_by_hand():
    # Centred ranks -1 0 1; seed 0: -1 + 3 = 2, seed 1: -2 + 5 = 3; sum of squared ranks 2, slopes 1 and 1.5,
    # over two steps: 2 and 3. The steps: (1, 1), (1, 2).
    found = trends.trend([[1, 2], [2, 3], [3, 5]], margin=0)
    assert found.rise.differences == (2, 3)
    assert [step.differences for step in found.steps] == [(1, 1), (1, 2)]


def test_trend_of_two_levels_is_the_pair():
    a, b = generator().normal(size=(2, 6))
    found = trends.trend([b, a], margin=0)
    assert found.rise.difference == pytest.approx(paired(a, b).difference)
    assert found.rise.p == pytest.approx(paired(a, b).p)
    assert math.isnan(found.page_p)


def test_a_planted_order_is_found_in_its_direction():
    levels = np.array([0.80, 0.82, 0.84, 0.86])[:, None] + generator().normal(0, 0.003, (4, 6))
    found, falling = trends.trend(levels, margin=0.005), trends.trend(-levels, margin=0.005, direction="lower")
    assert decide(found.rise, margin=0.005) == "holds"
    assert found.monotone
    assert found.page_p < 0.001
    assert decide(falling.rise, margin=0.005, direction="lower") == "holds"
    assert falling.monotone
    assert falling.page_p == found.page_p
    assert not trends.trend(levels, margin=0.005, direction="lower").monotone
    assert stats.page_trend_test(levels.T).pvalue == found.page_p


def test_a_step_back_breaks_a_monotone_trend_but_not_the_trend():
    levels = np.array([0.80, 0.86, 0.84, 0.90])[:, None] + generator().normal(0, 0.003, (4, 6))
    found = trends.trend(levels, margin=0.005)
    assert decide(found.rise, margin=0.005) == "holds"
    assert not found.monotone


def test_a_step_that_is_flat_within_the_margin_is_monotone_both_ways():
    levels = np.array([0.80, 0.82, 0.819, 0.84])[:, None] + generator().normal(0, 0.0005, (4, 6))
    assert trends.trend(levels, margin=0.005).monotone
    assert not trends.trend(levels, margin=0).monotone
    assert trends.trend(levels[::-1], margin=0.005, direction="lower").monotone
    assert not trends.trend(levels[::-1], margin=0, direction="lower").monotone


@pytest.mark.parametrize("seeds", [5, 10])
def test_null_trends_err_in_5_percent(seeds):
    levels = generator(seeds).normal(size=(300, 4, seeds))
    found = [trends.trend(one, margin=0.1) for one in levels]
    assert np.mean([one.rise.p < 0.05 for one in found]) <= at_most(0.05, 300)
    assert np.mean([one.page_p < 0.05 for one in found]) <= at_most(0.05, 300)


def test_trend_with_failed_runs_one_seed_and_equal_levels():
    found = trends.trend([[1, 2, 1], [2, NAN, 2], [3, 5, 4]], margin=0)
    assert (found.rise.n_pairs, found.rise.n_failed, found.steps[0].n_failed) == (2, 1, 1)
    one = trends.trend([[1], [2], [3]], margin=0)
    assert (one.rise.difference, one.monotone) == (2, False)
    assert math.isnan(one.page_p)
    flat = trends.trend([[0.3] * 5, [0.1 + 0.2] * 5, [0.1 + 0.2] * 5], margin=0.01)  # equal but for rounding
    assert (flat.rise.difference, flat.rise.p, flat.monotone) == (0, 1, False)


def test_saturation_is_the_worst_level_above():
    noise = generator().normal(0, 0.001, (4, 8))
    levels = np.array([0.70, 0.80, 0.801, 0.802])[:, None] + noise
    assert trends.saturation(levels, level=1, margin=0.005) == equivalence(levels[3], levels[1], 0.005)
    assert trends.saturation(levels, level=1, margin=0.005).p < 0.05
    assert trends.saturation(levels, level=0, margin=0.005).p > 0.95
    assert math.isnan(trends.saturation([[1], [1], [1]], level=0, margin=0.1).p)


# --- overfitting ---


def losses(turn, seeds=8, epochs=20, noise=0.01, key=0):
    """Training loss that falls throughout, validation loss that rises after epoch `turn`."""
    epoch = np.arange(1, epochs + 1)
    training = 1 / epoch + generator(key, 1).normal(0, noise, (seeds, epochs))
    rise = 0.03 * np.maximum(epoch - turn, 0)
    falls = np.maximum(turn - epoch, 0) * 0.05
    return training, 0.5 + falls + rise + generator(key, 2).normal(0, noise, (seeds, epochs))


def test_overfitting_by_hand():
    # Validation 5 4 3 2 3 4 5 6, k = 3: last three (4 + 5 + 6) / 3 = 5, around (4 + 3 + 2) / 3 = 3: growth 2.
    # Training 8 .. 1: (3 + 2 + 1) / 3 - (7 + 6 + 5) / 3 = -4. Smoothed: 4.5 4 3 2.67 3 4 5 5.5: lowest at epoch 4.
    validation, training = [[5, 4, 3, 2, 3, 4, 5, 6]] * 2, [[8, 7, 6, 5, 4, 3, 2, 1]] * 2
    found = trends.overfitting(training, validation, after_epoch=3)
    assert (found.growth.differences, found.training.differences) == ((2, 2), (-4, -4))
    assert (found.training_falls, found.turning_epoch) == (True, 4)


def test_a_planted_turning_point_is_found():
    found = trends.overfitting(*losses(turn=10), after_epoch=10)
    assert decide(found.growth, margin=0) == "holds"
    assert found.training_falls
    assert abs(found.turning_epoch - 10) <= 1


def test_without_a_turning_point_nothing_overfits():
    found = trends.overfitting(*losses(turn=20), after_epoch=10)
    assert decide(found.growth, margin=0) == "contradicted"
    assert found.turning_epoch >= 19


def test_a_loss_that_rises_on_both_is_not_overfitting():
    training, validation = losses(turn=10)
    assert not trends.overfitting(training[:, ::-1], validation, after_epoch=10).training_falls
    flat = generator().normal(0.5, 0.1, validation.shape)
    assert not trends.overfitting(flat, validation, after_epoch=10).training_falls


def test_flat_losses_err_in_5_percent():
    flat = generator().normal(0.5, 0.01, (2, 300, 6, 12))
    found = [
        trends.overfitting(training, validation, after_epoch=5) for training, validation in zip(*flat, strict=True)
    ]
    assert np.mean([one.growth.p < 0.05 for one in found]) <= at_most(0.05, 300)


def test_a_seed_that_failed_in_either_loss_is_failed():
    training, validation = losses(turn=10, seeds=4)
    training[0, -1], validation[1, 3] = NAN, math.inf
    found = trends.overfitting(training, validation, after_epoch=10)
    assert (found.growth.n_pairs, found.growth.n_failed, found.training.n_failed) == (2, 2, 2)
    nothing = trends.overfitting(training[:1], validation[:1], after_epoch=10)
    assert (nothing.growth.n_pairs, nothing.training_falls) == (0, False)
    assert math.isnan(nothing.turning_epoch)


# --- chance ---


def test_chance_agrees_with_scipy():
    found = better_than_guessing([10, 12, 20], num_images=100, classes=10, margin=0.05)
    theirs = [stats.binomtest(right, 100, 0.1, alternative="greater").pvalue for right in (10, 12, 20)]
    assert found.p_values == pytest.approx(theirs)
    assert found.accuracies == (0.10, 0.12, 0.20)
    assert (found.n, sum(found.learned), found.verdict) == (3, 1, "not enough runs")


@pytest.mark.parametrize(
    ("correct", "verdict", "learned"),
    [
        ([1000, 1000, 1000, 1000, 1000], "holds", 0),
        ([1000, 1050, 900, 1000, 1000], "holds", 0),  # on the margin of .005, and below chance
        ([1000, 1000, 1000, 1000, 4000], "contradicted", 1),
        ([1000, 1000, 1000, 1000, 1055], "undecided", 0),  # above the margin, yet 1.8 standard errors only
        ([1000, 1000, 1000, 1000, NAN], "not enough runs", 0),
        ([1000, 1000, 1000, 1000, 1000, NAN], "holds", 0),
    ],
)
def test_fails_to_learn(correct, verdict, learned):
    found = better_than_guessing(correct, num_images=10_000, classes=10, margin=0.005)
    assert (found.verdict, sum(found.learned)) == (verdict, learned)
    assert found.n + found.n_failed == len(correct)


def test_a_run_exactly_on_the_margin_is_within_it():
    # (1 / 8 + .02) * 6000 = 870, in floating point a little less
    assert better_than_guessing([870] * 5, num_images=6000, classes=8, margin=0.02).verdict == "holds"
    assert better_than_guessing([871] * 5, num_images=6000, classes=8, margin=0.02).verdict == "contradicted"


# --- other test images ---


def correctness(seeds, num_images, image_sd, simulations, advantage=0.0, base_sd=1.5, seed_noise=1.0):
    """Correct or not, of A and B, (2, simulations, num_seeds, num_images): images easier for one, anew each time."""
    rng = generator(seeds, num_images)
    difficulty = rng.normal(0, base_sd, (simulations, 1, num_images))
    favour = rng.normal(0, image_sd, (simulations, 1, num_images))
    noise = rng.normal(0, seed_noise, (2, simulations, seeds, num_images))
    return np.stack([difficulty + favour + advantage + noise[0], difficulty - favour + noise[1]]) > 0


def test_with_test_images_by_hand():
    # Two seeds, four images. A - B: seed 0: 1 0 0 0, seed 1: 1 1 0 0, so d = .25, .5: mean .375, s_d^2 = .03125.
    # Image means 1 .5 0 0: variance (.390625 + .015625 + 2 * .140625) / 3 = .229167. Residuals of the two-way table:
    # seed 0: 1 - 1 - .25 + .375 = .125, .5 below: -.375, .125, .125; seed 1 the negative: sum of squares
    # 2 * (3 * .015625 + .140625) = .375, over 1 * 3 = .125. var_images = .229167 - .125 / 2 = .166667.
    # SE^2 = .03125 / 2 + .166667 / 4 = .057292, SE = .239357; t(.975, 1) = 12.7062: half 3.04131.
    b = np.zeros((2, 4))
    found = interval_over_test_images([[1, 0, 0, 0], [1, 1, 0, 0]], b)
    assert found.image_sd**2 == pytest.approx(1 / 6)
    assert (found.low, found.high) == pytest.approx((0.375 - 3.04131, 0.375 + 3.04131), abs=1e-4)
    assert found.comparison.differences == (0.25, 0.5)
    assert not found.on_this_test_set


def test_other_test_images_are_covered_where_the_seeds_alone_are_not():
    # On average over images A and B are equal, yet these 200 images favour one of them for every seed.
    a, b = correctness(seeds=5, num_images=200, image_sd=1.0, simulations=400)
    found = [interval_over_test_images(one, other) for one, other in zip(a, b, strict=True)]
    seeds_alone = np.mean([not (one.comparison.low <= 0 <= one.comparison.high) for one in found])
    both = np.mean([not (one.low <= 0 <= one.high) for one in found])
    assert both <= at_most(0.05, 400)
    assert seeds_alone > 0.2
    assert np.mean([one.on_this_test_set for one in found]) == pytest.approx(seeds_alone - both)


def test_without_favoured_images_the_interval_is_that_of_the_seeds():
    a, b = correctness(seeds=5, num_images=400, image_sd=0.0, simulations=100)
    found = [interval_over_test_images(one, other) for one, other in zip(a, b, strict=True)]
    ratio = np.median([(one.high - one.low) / (one.comparison.high - one.comparison.low) for one in found])
    assert 1 <= ratio < 1.1


def test_with_test_images_of_a_failed_run_and_of_one_seed():
    a, b = np.ones((6, 10)), np.zeros((6, 10))
    a[2] = NAN
    found = interval_over_test_images(a, b)
    assert (found.comparison.n_pairs, found.comparison.n_failed) == (5, 1)
    assert (found.low, found.high, found.on_this_test_set) == (1, 1, False)
    one = interval_over_test_images(a[:1], b[:1])
    assert math.isnan(one.low)
    assert not one.on_this_test_set
    assert math.isnan(interval_over_test_images(a[2:3], b[2:3]).image_sd)


# --- bad input ---


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: interval([[1, 2]]), r"values must be of shape \(num_seeds,\).*Received: shape \(1, 2\)"),
        (lambda: interval([]), "none of them 0"),
        (lambda: interval(["high"]), "values must hold numbers"),
        (lambda: interval([1, 2], confidence=95), "confidence must be between 0 and 1"),
        (lambda: paired([1, 2, 3], [1, 2]), r"NaN for the seeds that one of them lacks .*a \(3,\), b \(2,\)"),
        (lambda: paired([1, 2], "0.8"), "b must be a finite number"),
        (lambda: equivalence([1, 2], [1, 2], margin=-0.1), "margin must be a finite number at least 0"),
        (lambda: decide(from_differences([1] * 5), 0.1, "better"), "unknown direction 'better'"),
        (lambda: decide(from_differences([1] * 5), 0.1, adjusted_p=1.2), "adjusted_p must be .* at most 1"),
        (lambda: decide(from_differences([1] * 5), 0.1, adjusted_p=NAN), "adjusted_p must be a finite number"),
        (lambda: decide(from_differences([1] * 5), NAN), "margin must be a finite number"),
        (lambda: holm([0.5, 1.5]), "between 0 and 1"),
        (lambda: planning.power(1, -1, 5), "sd must be a finite number at least 0"),
        (lambda: planning.power(1, 1, 2.5), "n must be a whole number"),
        (lambda: planning.seeds_needed(1, 1, power=90), "power must be between 0.05 and 1"),
        (lambda: planning.wrong_order(1, 1, 1, correlation=2), "correlation must be .* at least -1 and at most 1"),
        (lambda: best_of_many([[1, 2]], [[1, 2]], 0), "at least two networks"),
        (lambda: best_of_many([[1], [2]], [[1], [2]], 2), "candidate must be a row"),
        (lambda: better_than_guessing([0.1], 100, 10, 0.01), "correct must count images"),
        (lambda: better_than_guessing([10], 100, 1, 0.01), "classes must be at least 2"),
        (lambda: interval_over_test_images([[0.5]], [[1]]), "correct_a must hold True or False"),
        (lambda: trends.trend([[1, 2]], 0.1), "at least two levels"),
        (lambda: trends.trend([[1], [2]], 0.1, "up"), "unknown direction 'up'"),
        (lambda: trends.saturation([[1], [2]], 1, 0.1), "at most 0"),
        (lambda: trends.overfitting([[1] * 5], [[1] * 5], 2), "after_epoch=2, 5 epochs"),
        (lambda: trends.overfitting([[1] * 9], [[1] * 9], 1), "after_epoch must be at least 2"),
    ],
)
def test_bad_input_is_named_with_its_mend(call, message):
    with pytest.raises(InputError, match=message):
        call()


def test_nothing_here_imports_a_training_library():
    import subprocess
    import sys

    modules = ", ".join(
        f"cnnhelpers.{module.__name__.split('.')[1]}" for module in (planning, selection, trends, verdicts)
    )
    code = f"import sys, {modules}; print([m for m in ('keras', 'tensorflow', 'matplotlib') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
