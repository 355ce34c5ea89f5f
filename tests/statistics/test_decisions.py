"""Verdicts: each by hand, error rates on simulated runs, Holm's adjustment, guessing, the best of many."""

import math
import subprocess
import sys

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests

from cnnhelpers.errors import InputError
from cnnhelpers.statistics import best_of_many, better_than_guessing, decide, from_differences, holm, paired, power
from tests.statistics.simulated import SIMULATIONS, at_most, comparisons, generator

NAN = math.nan


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
        (0.9, "higher", 0.20, "equivalent"),  # after Holm no difference, but significantly below the margin
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
    assert decide(from_differences([1e-9, 1.1e-9, 0.9e-9, 1e-9, 1e-9]), margin=0) == "holds"
    assert decide(from_differences([0.0] * 6), margin=0) == "undecided"
    assert decide(from_differences([0.0] * 5), margin=0.01) == "equivalent"


@pytest.mark.parametrize("seeds", [5, 10])
def test_no_more_than_5_percent_of_null_comparisons_get_a_verdict(seeds):
    words = [decide(one, margin=0) for one in comparisons(seeds)]
    assert words.count("holds") / SIMULATIONS <= at_most(0.025)
    assert 1 - words.count("undecided") / SIMULATIONS <= at_most(0.05)


@pytest.mark.parametrize("seeds", [5, 10])
def test_null_comparisons_of_skewed_differences_err_little_more(seeds):
    # Accuracies have a long lower tail (a run that goes wrong): t stays near its level when both have it.
    a, b = -generator(seeds).exponential(1, (2, SIMULATIONS, seeds))
    assert np.mean([paired(*pair).p < 0.05 for pair in zip(a, b, strict=True)]) <= at_most(0.05)


@pytest.mark.parametrize(("effect", "seeds"), [(2.0, 5), (1.5, 7), (1.0, 10), (0.5, 10)])
def test_planted_effects_are_found_as_often_as_theory_says(effect, seeds):
    rate = np.mean([decide(one, margin=0) == "holds" for one in comparisons(seeds, effect)])
    theory = power(effect, 1, seeds)
    assert abs(rate - theory) <= 3.3 * math.sqrt(theory * (1 - theory) / SIMULATIONS)


# --- Holm ---


def test_holm_by_hand():
    # ascending .005 .01 .03 .04, times 4 3 2 1: .02 .03 .06 .04; never below the previous p: .02 .03 .06 .06
    assert holm([0.01, 0.04, 0.03, 0.005]).tolist() == pytest.approx([0.03, 0.06, 0.06, 0.02])


def test_holm_agrees_with_statsmodels():
    for size in (1, 2, 8):
        p = generator(size).uniform(size=size) ** 3
        assert holm(p) == pytest.approx(multipletests(p, method="holm")[1])


def test_holm_of_ties_ones_nan_and_nothing():
    assert holm([0.02, 0.02, 0.02]).tolist() == pytest.approx([0.06] * 3)
    assert holm([0.6, 0.9]).tolist() == [1, 1]
    assert np.array_equal(holm([NAN, 0.03, NAN, 0.02]), [NAN, 0.04, NAN, 0.04], equal_nan=True)
    assert holm([]).size == 0
    assert np.isnan(holm([NAN])).all()


def test_holm_keeps_the_error_of_a_family_of_nulls():
    families = generator().uniform(size=(SIMULATIONS, 10))
    assert np.mean([(holm(family) < 0.05).any() for family in families]) <= at_most(0.05)


# --- guessing ---


def test_better_than_guessing_agrees_with_scipy():
    runs = better_than_guessing([10, 12, 20], num_images=100, classes=10, margin=0.05)
    theirs = [stats.binomtest(correct, 100, 0.1, alternative="greater").pvalue for correct in (10, 12, 20)]
    assert runs.p_values == pytest.approx(theirs)
    assert runs.accuracies == (0.10, 0.12, 0.20)
    assert (runs.n, runs.learned) == (3, (False, False, True))


@pytest.mark.parametrize(
    ("correct", "learned"),
    [
        ([1000, 1050, 900, 1003], [False] * 4),  # on the margin of .005, and below guessing
        ([1000, 4000, NAN], [False, True]),
        ([1000, 1055], [False, False]),  # above the margin, yet 1.8 standard errors only
        ([1068, 1068], [True, True]),  # p .013 each, adjusted .025
        ([1068, *[1000] * 9], [False] * 10),  # one of ten: adjusted .13
    ],
)
def test_a_run_has_learned_if_it_is_above_guessing_by_more_than_the_margin_and_luck(correct, learned):
    runs = better_than_guessing(correct, num_images=10_000, classes=10, margin=0.005)
    assert list(runs.learned) == learned
    assert runs.n == len(learned) and runs.n + runs.n_failed == len(correct)


def test_a_run_exactly_on_the_margin_is_within_it():
    # (1 / 8 + .02) * 6000 = 870, in floating point a little less
    assert better_than_guessing([870, 871], num_images=6000, classes=8, margin=0.02).learned == (False, True)


# --- best of many ---


def test_best_of_many_chooses_the_runner_up_by_the_other_seeds():
    # Mean validation of rows 1 and 2 without seed 0: 5 and 6, so row 2; without seed 1: 6.5 and 6, so row 1;
    # without seed 2: 6.5 and 6, so row 1. Test differences: 9 - 3, 9 - 2, 9 - 2.
    validation = [[9, 9, 9], [8, 5, 5], [6, 6, 6]]
    best = best_of_many(validation, [[9, 9, 9], [2, 2, 2], [3, 3, 3]], candidate=0)
    assert best.runners_up == (2, 1, 1)
    assert best.comparison.differences == (6, 7, 7)


def test_best_of_many_with_failed_runs_one_seed_and_one_rival():
    validation, test = [[9, 9, 9], [NAN, 7, 7], [6, 6, 6]], [[9, NAN, 9], [NAN, 2, 2], [3, 3, 3]]
    best = best_of_many(validation, test, candidate=0)
    assert best.runners_up == (1, 1, 1)
    assert (best.comparison.differences, best.comparison.n_failed) == ((7,), 2)
    assert (best.hardest.differences, best.hardest.n_failed) == ((7,), 2)  # one pair: least clear of all
    alone = best_of_many([[1], [2]], [[1], [2]], candidate=0)
    assert (alone.runners_up, alone.comparison.n_pairs) == ((-1,), 0)
    a, b = generator().normal(size=(2, 6))
    assert best_of_many([a, b], [a, b], candidate=0).comparison == paired(a, b)


def test_best_of_many_rewards_no_luck_on_pure_noise():
    # Ten equal networks; validation and test of a run share most of their noise, so luck would show.
    runs = generator().normal(size=(300, 10, 10))
    validation, test = runs + generator(1).normal(0, 0.3, (2, 300, 10, 10))
    against = [best_of_many(*one, candidate=0).comparison for one in zip(validation, test, strict=True)]
    means = np.array([one.difference for one in against])
    assert abs(means.mean()) <= 3.3 * means.std() / math.sqrt(300)
    # 2.5 % is the aim; what test and validation share of a run correlates the seeds, and makes 5 % of it at worst.
    assert np.mean([decide(one, margin=0) == "holds" for one in against]) <= at_most(0.05, 300)
    # A runner-up chosen by all seeds has luck: the same candidate seems to be worse.
    assert np.mean(runs[:, 0].mean(axis=1) - runs[:, 1:].mean(axis=2).max(axis=1)) < -0.3


def test_the_hardest_rival_is_beaten_least_clearly():
    candidate = np.array([0.90, 0.91, 0.92, 0.90, 0.91])
    close, far = candidate - [0.01, -0.01, 0.01, 0.02, 0.01], candidate - [0.10, 0.11, 0.10, 0.12, 0.10]
    networks = [far, candidate, close]
    best = best_of_many(networks, networks, candidate=1)
    assert best.runners_up == (2,) * 5
    assert best.hardest == best.comparison == paired(candidate, close)
    assert best.hardest_rival == 2
    assert best_of_many(networks, networks, candidate=0).hardest == paired(far, candidate)


def test_hardest_is_safe_where_one_rival_is_as_good_as_the_candidate():
    runs = generator().normal(size=(300, 10, 10))
    runs[:, :2] += 1
    hardest = [best_of_many(one, one, candidate=0).hardest for one in runs]
    assert np.mean([decide(one, margin=0) == "holds" for one in hardest]) <= at_most(0.025, 300)


@pytest.mark.parametrize(
    ("call", "names"),
    [
        (lambda: decide(from_differences([1] * 5), 0.1, "better"), ["direction", "'better'"]),
        (lambda: decide(from_differences([1] * 5), 0.1, adjusted_p=1.2), ["adjusted_p=1.2"]),
        (lambda: decide(from_differences([1] * 5), 0.1, adjusted_p=NAN), ["adjusted_p=nan"]),
        (lambda: decide(from_differences([1] * 5), NAN), ["margin=nan"]),
        (lambda: holm([0.5, 1.5]), ["p_values", "1.5"]),
        (lambda: best_of_many([[1, 2]], [[1, 2]], 0), ["candidate=0", "1 rows"]),
        (lambda: best_of_many([[1], [2]], [[1], [2]], 2), ["candidate=2", "2 rows"]),
        (lambda: better_than_guessing([0.1], 100, 10, 0.01), ["correct", "0.1"]),
        (lambda: better_than_guessing([10], 100, 1, 0.01), ["classes=1"]),
    ],
)
def test_bad_input_is_named(call, names):
    with pytest.raises(InputError) as error:
        call()
    assert all(name in str(error.value) for name in names)


def test_nothing_here_imports_a_training_or_drawing_library():
    code = (
        "import sys\nfrom cnnhelpers import statistics\n[getattr(statistics, name) for name in statistics.__all__]\n"
        "print([name for name in ('keras', 'tensorflow', 'matplotlib', 'statsmodels') if name in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
