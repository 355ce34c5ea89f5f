"""Error rates and power on simulated runs: no kind of claim holds too often, and power is that of theory."""

import numpy as np
import pytest
from scipy import stats

from cnnhelpers.statistics import simulations

TIMES = 100


def test_no_kind_of_claim_holds_more_often_than_its_nominal_rate():
    table = simulations.false_holds(np.random.default_rng(7), TIMES)
    assert len(table) == 3 * table["claim"].nunique() == 33
    normal = table[~table["claim"].str.startswith("the same")]
    assert (normal["rate"] <= stats.binom.ppf(0.9999, TIMES, normal["nominal"]) / TIMES).all()


def test_looks_keep_the_error_rate_and_what_skewed_differences_show_is_fragile(monkeypatch):
    kinds = {
        name: kind
        for name, kind in simulations._NULLS.items()
        if name.startswith(("the same", "A is better than B, l"))
    }
    monkeypatch.setattr(simulations, "_NULLS", kinds)
    looks, skewed, not_fragile = simulations.false_holds(np.random.default_rng(7), 500, [20])["rate"]
    assert looks <= stats.binom.ppf(0.9999, 500, 0.025) / 500
    assert not_fragile <= stats.binom.ppf(0.999, 500, 0.05) / 500 < skewed + 0.03
    assert skewed > stats.binom.ppf(0.999, 500, 0.025) / 500


def test_a_careless_test_would_be_seen(monkeypatch):
    careless = {"mean above 0": (lambda rng, seeds: bool(rng.normal(size=seeds).mean() > 0), 0.025)}
    monkeypatch.setattr(simulations, "_NULLS", careless)
    table = simulations.false_holds(np.random.default_rng(7), TIMES)
    assert (table["low"] > table["nominal"]).all()


def test_planted_effects_are_found_as_often_as_theory_says():
    table = simulations.planted_effects(np.random.default_rng(7), 1000, effects=[0, 1, 2])
    assert table["theory"].tolist()[:2] == pytest.approx([0.05, 0.05])
    error = 3.3 * np.sqrt(table["theory"] * (1 - table["theory"]) / 1000)
    assert (abs(table["rate"] - table["theory"]) <= error + 0.001).all()


def test_the_interval_of_a_rate_by_hand():
    # Wilson, 2 of 10: (0.2 + 3.8415 / 20 -+ 1.95996 sqrt(0.2 * 0.8 / 10 + 3.8415 / 400)) / (1 + 3.8415 / 10)
    assert simulations._rate([True] * 2 + [False] * 8) == pytest.approx((0.2, 0.05668, 0.50984), abs=1e-4)
