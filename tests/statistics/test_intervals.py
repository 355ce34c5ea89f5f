"""Intervals and paired comparisons: by hand, against SciPy, on simulated runs, and where a t test has no answer."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from cnnhelpers.errors import InputError
from cnnhelpers.statistics import (
    by_seed,
    decide,
    equivalence,
    from_differences,
    interval,
    interval_over_test_images,
    paired,
)
from tests.statistics.simulated import SIMULATIONS, at_most, comparisons, generator

NAN = math.nan


def all_nan(*values):
    return all(map(math.isnan, values))


# --- intervals ---


def test_interval_by_hand():
    # mean (1 + 2 + 3 + 4 + 5) / 5 = 3; squares 4 + 1 + 0 + 1 + 4 = 10, sd = sqrt(10 / 4) = 1.5811
    # t(.975, 4) = 2.7764, half the width 2.7764 * 1.5811 / sqrt(5) = 1.9632
    estimate = interval([1, 2, 3, 4, 5])
    assert (estimate.mean, estimate.n, estimate.n_failed, estimate.confidence) == (3, 5, 0, 0.95)
    assert estimate.sd == pytest.approx(1.58114, abs=1e-5)
    assert (estimate.low, estimate.high) == pytest.approx((1.03676, 4.96324), abs=1e-5)
    # one more run: half the width 2.7764 * 1.5811 * sqrt(1 + 1 / 5) = 4.8089
    assert estimate.one_run == pytest.approx((-1.8089, 7.8089), abs=1e-4)


def test_interval_agrees_with_scipy_at_another_confidence():
    values = generator().normal(0.9, 0.01, 7)
    estimate = interval(values, confidence=0.9)
    assert (estimate.low, estimate.high) == pytest.approx(stats.t.interval(0.9, 6, values.mean(), stats.sem(values)))


def test_interval_covers_the_truth_at_its_confidence():
    rows = generator().normal(0, 1, (SIMULATIONS, 5))
    missed = np.mean([not (one.low <= 0 <= one.high) for one in map(interval, rows)])
    assert missed <= at_most(0.05)
    assert 1 - missed <= at_most(0.95)


def test_a_failed_run_is_counted_and_not_averaged():
    estimate = interval([0.9, NAN, 0.8, math.inf])
    assert (estimate.mean, estimate.n, estimate.n_failed) == (pytest.approx(0.85), 2, 2)


@pytest.mark.parametrize(("values", "mean", "n"), [([0.9], 0.9, 1), ([0.9, NAN], 0.9, 1), ([NAN, NAN], NAN, 0)])
def test_too_few_runs_have_no_interval(values, mean, n):
    estimate = interval(values)
    assert estimate.n == n
    assert np.array_equal(estimate.mean, mean, equal_nan=True)
    assert all_nan(estimate.low, estimate.high, estimate.sd, *estimate.one_run)


@pytest.mark.parametrize("values", [[0.1] * 6, [0.3, 0.1 + 0.2] * 3, [0.1, float(np.float32(0.1))] * 3])
def test_equal_runs_have_no_interval(values):
    estimate = interval(values)
    assert (estimate.mean, estimate.sd, estimate.n) == (pytest.approx(values[0]), 0, 6)
    assert all_nan(estimate.low, estimate.high, *estimate.one_run)


# --- pairs ---


def test_paired_by_hand():
    # differences 1 2 3 4 0: mean 2, squares 1 + 0 + 1 + 4 + 4 = 10, sd 1.5811, t = 2 / (1.5811 / sqrt(5)) = 2.8284
    # half the width 1.9632 as above; p = 2 P(t4 > 2.8284) = .0474
    comparison = paired([2, 4, 6, 8, 5], [1, 2, 3, 4, 5])
    assert comparison.differences == (1, 2, 3, 4, 0)
    assert (comparison.difference, comparison.wins, comparison.n_pairs, comparison.n_failed) == (2, 4, 5, 0)
    assert (comparison.low, comparison.high, comparison.p) == pytest.approx((0.03676, 3.96324, 0.04742), abs=1e-5)
    assert comparison.without_interval == ""


def test_paired_agrees_with_scipy():
    a, b = generator().normal(0.9, 0.01, (2, 10))
    comparison, theirs = paired(a, b), stats.ttest_rel(a, b)
    assert comparison.p == pytest.approx(theirs.pvalue)
    assert (comparison.low, comparison.high) == pytest.approx(tuple(theirs.confidence_interval(0.95)))


def test_a_pair_with_a_failed_run_is_incomplete_and_counted():
    comparison = paired([0.9, NAN, 0.8, 0.7, math.inf], [0.8, 0.8, NAN, 0.5, math.inf])
    assert comparison.differences == pytest.approx((0.1, 0.2))
    assert (comparison.n_pairs, comparison.n_failed) == (2, 3)


def test_paired_with_a_number_tests_whether_it_is_reached():
    assert paired([0.81, 0.82, 0.83], 0.80).p == pytest.approx(stats.ttest_1samp([0.81, 0.82, 0.83], 0.80).pvalue)


def test_above_and_below_are_where_the_whole_interval_is():
    for row in generator().normal(0.5, 1, (50, 6)):
        comparison = from_differences(row)
        assert (comparison.above(0.2), comparison.below(0.2)) == (comparison.low > 0.2, comparison.high < 0.2)


def test_no_pair_and_one_pair_have_no_test():
    for comparison in (paired([0.9], [0.8]), paired([0.9], [NAN])):
        assert all_nan(comparison.low, comparison.high, comparison.sd, comparison.p)
        assert comparison.smallest_detectable == math.inf
        assert comparison.without_interval
        assert decide(comparison, margin=0.01) == "not enough runs"


def test_leaving_one_seed_out_needs_only_the_differences():
    without_last = from_differences(paired([2, 4, 6, 8, 5], [1, 2, 3, 4, 5]).differences[:-1])
    assert (without_last.difference, without_last.n_pairs) == (2.5, 4)


def runs_table(*rows):
    return pd.DataFrame(rows, columns=["experiment", "seed", "test_accuracy"])


def test_by_seed_has_nan_for_a_missing_seed_and_a_failed_run():
    runs = runs_table(("A1", 2, 0.92), ("A1", 0, 0.90), ("A2", 1, 0.81), ("A2", 0, 0.80), ("A3", 0, NAN))
    table = by_seed(runs, "test_accuracy")
    assert table.index.tolist() == [0, 1, 2]
    assert np.array_equal(table["A1"], [0.90, NAN, 0.92], equal_nan=True)
    assert np.array_equal(table["A3"], [NAN] * 3, equal_nan=True)
    assert paired(table["A1"], table["A2"]).n_failed == 2


# --- without variance ---


def test_five_equal_differences_have_the_p_of_the_sign_flip_test_and_no_interval():
    apart = paired([0.9, 0.8, 0.7, 0.6, 0.5], [0.8, 0.7, 0.6, 0.5, 0.4])  # 0.9 - 0.8 is not 0.8 - 0.7
    assert apart.difference == pytest.approx(0.1)
    assert (apart.sd, apart.p, apart.wins) == (0, 0.0625, 5)
    assert all_nan(apart.low, apart.high)
    assert "0.0625" in apart.without_interval
    assert [decide(apart, 0.01, direction) for direction in ("higher", "lower", "equal")] == ["undecided"] * 3
    assert apart.smallest_detectable == math.inf


@pytest.mark.parametrize("n", [2, 5, 6, 10])
def test_equal_differences_agree_with_the_permutation_test_of_scipy(n):
    theirs = stats.permutation_test(([0.1] * n,), np.mean, permutation_type="samples", n_resamples=np.inf)
    assert from_differences([0.1] * n).p == pytest.approx(theirs.pvalue)


def test_six_equal_differences_are_significant():
    apart = from_differences([0.1] * 6)
    assert (apart.p, decide(apart, 0.01), decide(apart, 0.2)) == (0.03125, "holds", "holds but negligible")
    assert decide(apart, 0.01, "lower") == decide(apart, 0.01, "equal") == "contradicted"
    assert apart.smallest_detectable == 0


@pytest.mark.parametrize("step", [1e-4, 1e-5])
@pytest.mark.parametrize("kind", [np.float64, np.float32])
def test_rounding_of_the_runs_is_no_variance(step, kind):
    """One image more of 10,000 in every seed, in accuracies as Keras returns them."""
    b = np.array([0.9, 0.8731, 0.7712, 0.69, 0.5], kind)
    comparison = paired((b + kind(step)).astype(kind), b)
    assert (comparison.sd, comparison.p) == (0, 0.0625)
    assert comparison.difference == pytest.approx(step, rel=0.01)


def test_a_difference_of_rounding_is_none():
    same = paired([0.1, 0.2, 0.3], np.array([0.1, 0.2, 0.1]) + np.array([0, 0, 0.2]))  # 0.1 + 0.2 is not 0.3
    assert (same.difference, same.sd, same.p, same.wins) == (0, 0, 1, 0)


def test_equivalence_without_variance_has_the_p_of_the_sign_flip_test():
    assert equivalence(paired([0.1] * 5, [0.1] * 5), margin=0.01) == 1 / 32  # one-sided: 1 of 2**5 signs
    assert equivalence(paired([0.1] * 4, [0.1] * 4), margin=0.01) == 1 / 16
    assert equivalence(paired([0.2] * 5, [0.1] * 5), margin=0.01) == 1
    assert equivalence(paired([0.1] * 5, [0.1] * 5), margin=0) == 1  # a margin of 0 is never met
    assert math.isnan(equivalence(paired([0.1], [0.1]), margin=0.01))


# --- equivalence ---


def test_equivalence_by_hand():
    # differences -1 0 1 0 0: mean 0, sd = sqrt(2 / 4) = .7071, SE = .7071 / sqrt(5) = .3162; margin 1: t = 3.1623
    # both ways, p = P(t4 > 3.1623) = .01705
    assert equivalence(paired([0, 1, 2, 1, 1], [1, 1, 1, 1, 1]), margin=1) == pytest.approx(0.01705, abs=1e-5)


def test_equivalence_is_the_larger_of_two_scipy_tests_and_matches_the_90_percent_interval():
    for row in generator().normal(0.3, 1, (50, 6)):
        p, inner = equivalence(from_differences(row), margin=1), paired(row, 0.0, confidence=0.9)
        p_low = stats.ttest_1samp(row, -1, alternative="greater").pvalue
        p_high = stats.ttest_1samp(row, 1, alternative="less").pvalue
        assert p == pytest.approx(max(p_low, p_high))
        assert (p < 0.05) == (inner.low > -1 and inner.high < 1)


@pytest.mark.parametrize("seeds", [5, 10])
def test_equivalence_errs_in_5_percent_when_the_truth_is_the_margin(seeds):
    wrong = np.mean([equivalence(one, margin=1) < 0.05 for one in comparisons(seeds, effect=1, sd=0.3)])
    assert wrong <= at_most(0.05)


# --- test images ---


def correctness(seeds, num_images, image_sd, simulations):
    """Return correct or not, of A and B: (2, simulations, num_seeds, num_images), images anew in each simulation."""
    rng = generator(seeds, num_images)
    difficulty = rng.normal(0, 1.5, (simulations, 1, num_images))
    favour = rng.normal(0, image_sd, (simulations, 1, num_images))
    noise = rng.normal(0, 1, (2, simulations, seeds, num_images))
    return np.stack([difficulty + favour + noise[0], difficulty - favour + noise[1]]) > 0


def test_interval_over_test_images_by_hand():
    # Two seeds, four images. A - B: seed 0: 1 0 0 0, seed 1: 1 1 0 0, so d = .25, .5: mean .375, s_d^2 = .03125.
    # Image means 1 .5 0 0: variance (.390625 + .015625 + 2 * .140625) / 3 = .229167. Residuals of the two-way table:
    # seed 0: 1 - 1 - .25 + .375 = .125, .5 below: -.375, .125, .125; seed 1 the negative: sum of squares
    # 2 * (3 * .015625 + .140625) = .375, over 1 * 3 = .125. var_images = .229167 - .125 / 2 = .166667.
    # SE^2 = .03125 / 2 + .166667 / 4 = .057292, SE = .239357; t(.975, 1) = 12.7062: half 3.04131.
    both = interval_over_test_images([[1, 0, 0, 0], [1, 1, 0, 0]], np.zeros((2, 4)))
    assert both == pytest.approx((0.375 - 3.04131, 0.375 + 3.04131), abs=1e-4)


def over_seeds_and_images(runs):
    """Return the intervals over seeds alone and over seeds and images, (simulations, 2) each."""
    over_seeds = [paired(a.mean(axis=1), b.mean(axis=1)) for a, b in zip(*runs, strict=True)]
    over_images = [interval_over_test_images(a, b) for a, b in zip(*runs, strict=True)]
    return np.array([(one.low, one.high) for one in over_seeds]), np.array(over_images)


def test_other_test_images_are_covered_where_the_seeds_alone_are_not():
    # On average over images A and B are equal, yet these 200 images favour one of them for every seed.
    seeds_alone, both = over_seeds_and_images(correctness(5, 200, 1.0, 400))
    assert 1 - np.mean((both[:, 0] <= 0) & (both[:, 1] >= 0)) <= at_most(0.05, 400)
    assert 1 - np.mean((seeds_alone[:, 0] <= 0) & (seeds_alone[:, 1] >= 0)) > 0.2


def test_without_favoured_images_the_interval_is_that_of_the_seeds():
    seeds_alone, both = over_seeds_and_images(correctness(5, 400, 0.0, 100))
    assert 1 <= np.median(np.ptp(both, axis=1) / np.ptp(seeds_alone, axis=1)) < 1.1


def test_there_is_no_interval_over_test_images_without_one_over_seeds():
    a, b = np.ones((6, 10)), np.zeros((6, 10))
    a[2] = NAN
    for runs in (slice(None), slice(1), slice(2, 3)):  # five equal differences, one seed, a failed seed
        assert all_nan(*interval_over_test_images(a[runs], b[runs]))
    a[0, 0] = 0
    assert interval_over_test_images(a, b) == interval_over_test_images(np.delete(a, 2, 0), b[1:])


# --- bad input ---


@pytest.mark.parametrize(
    ("call", "names"),
    [
        (lambda: interval([[1, 2]]), ["values", "(num_seeds,)", "(1, 2)"]),
        (lambda: interval([]), ["values", "(0,)"]),
        (lambda: interval(["high"]), ["values", "high"]),
        (lambda: interval([1, 2], confidence=95), ["confidence=95"]),
        (lambda: paired([1, 2, 3], [1, 2]), ["a (3,)", "b (2,)"]),
        (lambda: paired([1, 2], "0.8"), ["b='0.8'"]),
        (lambda: equivalence(paired([1, 2], [1, 2]), margin=-0.1), ["margin=-0.1"]),
        (lambda: interval_over_test_images([[0.5]], [[1]]), ["correct_a"]),
        (lambda: by_seed(runs_table(("A1", 0, 0.90), ("A1", 0, 0.91)), "test_accuracy"), ["'A1'", "seed 0"]),
        (lambda: by_seed(runs_table(), "test_acuracy"), ["'test_acuracy'", "'test_accuracy'"]),
    ],
)
def test_bad_input_is_named(call, names):
    with pytest.raises(InputError) as error:
        call()
    assert all(name in str(error.value) for name in names)
