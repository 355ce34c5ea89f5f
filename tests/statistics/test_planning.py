"""Power and the number of seeds: published values, statsmodels, extremes, zero variance."""

import math

import numpy as np
import pytest
from statsmodels.stats.power import TTestPower

from cnnhelpers.errors import InputError
from cnnhelpers.statistics import power, seeds_needed, smallest_detectable_effect, wrong_order
from tests.statistics.simulated import generator

NAN = math.nan


def test_seeds_needed_as_published_in_the_methods():
    assert [seeds_needed(effect, 1) for effect in (0.5, 0.75, 1, 1.5, 2)] == [44, 21, 13, 7, 5]
    assert seeds_needed(-0.005, 0.005) == 13  # only the ratio counts, not the sign


def test_seeds_needed_is_the_smallest_number():
    for effect in (1e-3, 0.3, 0.62, 1.9, 8.0):
        seeds = seeds_needed(effect, 1)
        assert power(effect, 1, seeds) >= 0.9
        assert seeds == 2 or power(effect, 1, seeds - 1) < 0.9


def test_power_and_seeds_agree_with_statsmodels():
    theirs = TTestPower()
    for effect in (0.1, 0.3, 0.5, 1.0, 1.9):
        for n in (2, 5, 10, 13):
            assert power(effect, 1, n) == pytest.approx(theirs.power(effect, n, 0.05), abs=1e-12)
        assert seeds_needed(effect, 1) == math.ceil(theirs.solve_power(effect, None, 0.05, 0.9))


@pytest.mark.parametrize("n", [2, 3, 5, 10, 100])
def test_smallest_detectable_effect_is_the_inverse_of_power(n):
    assert power(smallest_detectable_effect(0.004, n), 0.004, n) == pytest.approx(0.9)
    assert power(0, 1, n) == pytest.approx(0.05)  # no effect: significant as often as the level says


def test_power_has_no_holes_where_the_noncentral_t_of_scipy_has():
    for n in (2, 5, 10, 100):
        values = np.array([power(effect, 1, n) for effect in np.linspace(0, 60, 601)])
        assert np.isfinite(values).all()
        assert (np.diff(values) >= -1e-9).all()


def test_without_spread_six_seeds_show_every_effect_and_fewer_none():
    assert [power(1, 0, n) for n in (1, 5, 6)] == [0, 0, 1]
    assert power(0, 0, 6) == 0
    assert seeds_needed(1, 0) == 6
    assert [smallest_detectable_effect(0, n) for n in (5, 6)] == [math.inf, 0]


def test_no_effect_one_seed_and_nan():
    assert [seeds_needed(0, 1), seeds_needed(0, 0), seeds_needed(1e-9, 1)] == [math.inf] * 3
    assert (power(1, 1, 1), smallest_detectable_effect(1, 1)) == (0, math.inf)
    assert np.isnan([power(NAN, 1, 5), seeds_needed(1, NAN), smallest_detectable_effect(NAN, 5)]).all()
    assert np.isnan([wrong_order(NAN, 1, 1), wrong_order(NAN, 0, 0), wrong_order(1, NAN, 1)]).all()


def test_wrong_order_by_hand_and_by_simulation():
    # variance .003^2 + .004^2 = .005^2, difference .005: P(normal < -1) = .1587
    assert wrong_order(0.005, 0.003, 0.004) == pytest.approx(0.158655, abs=1e-6)
    assert wrong_order(-0.005, 0.005, 0) == pytest.approx(0.158655, abs=1e-6)
    a, b = generator().normal([[0.5], [0]], [[1], [2]], (2, 100_000))
    assert np.mean(a < b) == pytest.approx(wrong_order(0.5, 1, 2), abs=0.005)
    assert [wrong_order(0, 1, 1), wrong_order(0, 0, 0), wrong_order(1, 0, 0)] == [0.5, 0.5, 0]


@pytest.mark.parametrize(
    ("call", "received"),
    [
        (lambda: power(1, -1, 5), "sd=-1"),
        (lambda: power(1, 1, 2.5), "n=2.5"),
        (lambda: seeds_needed(1, 1, power=90), "power=90"),
        (lambda: wrong_order(1, -1, 1), "sd_a=-1"),
    ],
)
def test_bad_input_is_named(call, received):
    with pytest.raises(InputError) as error:
        call()
    assert received in str(error.value)
