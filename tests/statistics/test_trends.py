"""Trends over ordered levels and overfitting: by hand, planted, null, with failed runs and without variance."""

import math

import numpy as np
import pytest
from scipy import stats

from cnnhelpers.errors import InputError
from cnnhelpers.statistics import decide, equivalence, overfitting, paired, saturation, trend
from tests.statistics.simulated import at_most, generator

NAN = math.nan


def test_trend_by_hand():
    # Centred ranks -1 0 1; seed 0: -1 + 3 = 2, seed 1: -2 + 5 = 3; sum of squared ranks 2, slopes 1 and 1.5,
    # over two steps: 2 and 3. The steps: (1, 1), (1, 2).
    change = trend([[1, 2], [2, 3], [3, 5]], margin=0)
    assert change.rise.differences == (2, 3)
    assert [step.differences for step in change.steps] == [(1, 1), (1, 2)]


def test_trend_of_two_levels_is_the_pair():
    a, b = generator().normal(size=(2, 6))
    change = trend([b, a], margin=0)
    assert change.rise.difference == pytest.approx(paired(a, b).difference)
    assert change.rise.p == pytest.approx(paired(a, b).p)
    assert math.isnan(change.page_p)


def test_a_planted_order_is_shown_in_its_direction():
    levels = np.array([0.80, 0.82, 0.84, 0.86])[:, None] + generator().normal(0, 0.003, (4, 6))
    rising, falling = trend(levels, margin=0.005), trend(-levels, margin=0.005, direction="lower")
    assert decide(rising.rise, margin=0.005) == decide(falling.rise, margin=0.005, direction="lower") == "holds"
    assert rising.monotone and falling.monotone
    assert rising.page_p == falling.page_p == stats.page_trend_test(levels.T).pvalue < 0.001
    assert not trend(levels, margin=0.005, direction="lower").monotone


def test_a_step_back_breaks_a_monotone_trend_but_not_the_trend():
    levels = np.array([0.80, 0.86, 0.84, 0.90])[:, None] + generator().normal(0, 0.003, (4, 6))
    change = trend(levels, margin=0.005)
    assert decide(change.rise, margin=0.005) == "holds"
    assert not change.monotone


def test_a_step_that_is_flat_within_the_margin_is_monotone_both_ways():
    levels = np.array([0.80, 0.82, 0.819, 0.84])[:, None] + generator().normal(0, 0.0005, (4, 6))
    for direction, ordered in (("higher", levels), ("lower", levels[::-1])):
        assert trend(ordered, margin=0.005, direction=direction).monotone
        assert not trend(ordered, margin=0, direction=direction).monotone


@pytest.mark.parametrize("seeds", [5, 10])
def test_null_trends_err_in_5_percent(seeds):
    changes = [trend(levels, margin=0.1) for levels in generator(seeds).normal(size=(300, 4, seeds))]
    assert np.mean([one.rise.p < 0.05 for one in changes]) <= at_most(0.05, 300)
    assert np.mean([one.page_p < 0.05 for one in changes]) <= at_most(0.05, 300)


def test_trend_with_failed_runs_and_one_seed():
    change = trend([[1, 2, 1], [2, NAN, 2], [3, 5, 4]], margin=0)
    assert (change.rise.n_pairs, change.rise.n_failed, change.steps[0].n_failed) == (2, 1, 1)
    single = trend([[1], [2], [3]], margin=0)
    assert (single.rise.difference, single.monotone) == (2, False)
    assert math.isnan(single.page_p)


def test_a_trend_without_variance_has_the_p_of_the_sign_flip_test():
    flat = trend([[0.3] * 5, [0.1 + 0.2] * 5, [0.1 + 0.2] * 5], margin=0.01)  # equal but for rounding
    assert (flat.rise.difference, flat.rise.p, flat.monotone) == (0, 1, False)
    five, six = (trend(np.outer([0.8, 0.83, 0.86], np.ones(n)), margin=0.005) for n in (5, 6))
    assert (five.rise.p, five.monotone) == (0.0625, False)
    assert math.isnan(five.rise.low)
    assert (six.rise.p, six.monotone) == (0.03125, True)


def test_saturation_is_the_worst_level_above():
    levels = np.array([0.70, 0.80, 0.801, 0.802])[:, None] + generator().normal(0, 0.001, (4, 8))
    assert saturation(levels, level=1, margin=0.005) == equivalence(paired(levels[3], levels[1]), 0.005) < 0.05
    assert saturation(levels, level=0, margin=0.005) > 0.95
    assert math.isnan(saturation([[1], [1], [1]], level=0, margin=0.1))
    assert saturation(np.ones((3, 5)), level=0, margin=0.1) == 1 / 32


# --- overfitting ---


def losses(turn, seeds=8, epochs=20):
    """Return training loss that falls throughout, validation loss that rises after epoch `turn`."""
    epoch = np.arange(1, epochs + 1)
    training = 1 / epoch + generator(1).normal(0, 0.01, (seeds, epochs))
    validation = 0.5 + 0.05 * np.maximum(turn - epoch, 0) + 0.03 * np.maximum(epoch - turn, 0)
    return training, validation + generator(2).normal(0, 0.01, (seeds, epochs))


def test_overfitting_by_hand():
    # Validation 5 4 3 2 3 4 5 6, k = 3: last three (4 + 5 + 6) / 3 = 5, around (4 + 3 + 2) / 3 = 3: growth 2.
    # Training 8 .. 1: (3 + 2 + 1) / 3 - (7 + 6 + 5) / 3 = -4. Smoothed: 4.5 4 3 2.67 3 4 5 5.5: lowest at epoch 4.
    validation, training = [[5, 4, 3, 2, 3, 4, 5, 6]] * 6, [[8, 7, 6, 5, 4, 3, 2, 1]] * 6
    change = overfitting(training, validation, after_epoch=3)
    assert (change.growth.differences, change.training.differences) == ((2,) * 6, (-4,) * 6)
    assert (change.training_falls, change.turning_epoch) == (True, 4)
    five = overfitting(training[1:], validation[1:], after_epoch=3)  # without variance five seeds show nothing
    assert (five.growth.p, five.training_falls, decide(five.growth, margin=0)) == (0.0625, False, "undecided")


def test_a_planted_turning_point_is_found():
    change = overfitting(*losses(turn=10), after_epoch=10)
    assert decide(change.growth, margin=0) == "holds"
    assert change.training_falls
    assert abs(change.turning_epoch - 10) <= 1


def test_without_a_turning_point_nothing_overfits():
    change = overfitting(*losses(turn=20), after_epoch=10)
    assert decide(change.growth, margin=0) == "contradicted"
    assert change.turning_epoch >= 19


def test_a_loss_that_rises_on_both_is_not_overfitting():
    training, validation = losses(turn=10)
    assert not overfitting(training[:, ::-1], validation, after_epoch=10).training_falls
    flat = generator().normal(0.5, 0.1, validation.shape)
    assert not overfitting(flat, validation, after_epoch=10).training_falls


def test_flat_losses_err_in_5_percent():
    flat = generator().normal(0.5, 0.01, (300, 2, 6, 12))
    assert np.mean([overfitting(*one, after_epoch=5).growth.p < 0.05 for one in flat]) <= at_most(0.05, 300)


def test_a_seed_that_failed_in_either_loss_is_incomplete():
    training, validation = losses(turn=10, seeds=4)
    training[0, -1], validation[1, 3] = NAN, math.inf
    change = overfitting(training, validation, after_epoch=10)
    assert (change.growth.n_pairs, change.growth.n_failed, change.training.n_failed) == (2, 2, 2)
    nothing = overfitting(training[:1], validation[:1], after_epoch=10)
    assert (nothing.growth.n_pairs, nothing.training_falls) == (0, False)
    assert math.isnan(nothing.turning_epoch)


@pytest.mark.parametrize(
    ("call", "names"),
    [
        (lambda: trend([[1, 2]], 0.1), ["values", "(1, 2)"]),
        (lambda: trend([[1], [2]], 0.1, "up"), ["direction", "'up'"]),
        (lambda: saturation([[1], [2]], 1, 0.1), ["level=1"]),
        (lambda: overfitting([[1] * 5], [[1] * 5], 2), ["after_epoch=2", "5 epochs"]),
        (lambda: overfitting([[1] * 9], [[1] * 9], 1), ["after_epoch=1"]),
    ],
)
def test_bad_input_is_named(call, names):
    with pytest.raises(InputError) as error:
        call()
    assert all(name in str(error.value) for name in names)
