"""What the verdicts rest on: no kind of claim holds too often where nothing is there, and power is what theory says."""

import numpy as np
import pytest
from scipy import stats

from cnnhelpers import plotting
from cnnhelpers.errors import InputError
from cnnhelpers.statistics import simulations

TIMES = 100


def test_no_kind_of_claim_holds_more_often_than_it_may():
    found = simulations.false_holds(np.random.default_rng(7), TIMES)
    assert len(found) == 2 * found["claim"].nunique() == 16
    assert (found["rate"] <= stats.binom.ppf(0.9999, TIMES, found["nominal"]) / TIMES).all()


def test_a_careless_test_would_be_seen(monkeypatch):
    careless = {"mean above 0": (lambda rng, seeds: bool(rng.normal(size=seeds).mean() > 0), 0.025)}
    monkeypatch.setattr(simulations, "_NULLS", careless)
    found = simulations.false_holds(np.random.default_rng(7), TIMES)
    assert (found["low"] > found["nominal"]).all()


def test_planted_effects_are_found_as_often_as_theory_says():
    found = simulations.planted_effects(np.random.default_rng(7), 1000, effects=[0, 1, 2])
    assert found["theory"].tolist()[:2] == [0.05, 0.05]
    error = 3.3 * np.sqrt(found["theory"] * (1 - found["theory"]) / 1000)
    assert (abs(found["rate"] - found["theory"]) <= error + 0.001).all()


def test_the_interval_of_a_rate_by_hand():
    # Wilson, 2 of 10: (0.2 + 3.8415 / 20 -+ 1.95996 sqrt(0.2 * 0.8 / 10 + 3.8415 / 400)) / (1 + 3.8415 / 10)
    found = simulations._error(0.2, 10)
    assert (found["low"], found["high"]) == (pytest.approx(0.05668, abs=1e-4), pytest.approx(0.50984, abs=1e-4))


def test_figures_draw_a_row_a_claim_and_a_curve_a_number_of_seeds():
    chance = np.random.default_rng(7)
    nulls = simulations.false_holds(chance, 20)
    ax = plotting.plot_false_positives(nulls)
    assert [label.get_text().replace("\n", " ") for label in ax.get_yticklabels()] == list(nulls["claim"].unique())
    assert len(ax.get_lines()) == 2
    found = simulations.planted_effects(chance, 20, effects=[0, 1])
    ax = plotting.plot_simulated_power(found)
    assert ax.get_lines()[0].get_ydata() == pytest.approx(100 * found["theory"][::2])
    with pytest.raises(InputError, match="without rows"):
        plotting.plot_simulated_power(found.iloc[:0])
