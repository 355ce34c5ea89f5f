"""Trends along ordered levels: planted ones are found, gaps and mix-ups are not hidden."""

import numpy as np
import pandas as pd
import pytest

from cnnhelpers.analysis import dose_response, percent
from cnnhelpers.errors import InputError


def runs(kinds):
    """Return runs of {kind: {level: accuracies of seeds 0, 1, ...}}."""
    return pd.DataFrame(
        {"experiment": f"{kind}{level}", "kind": kind, "depth": level, "seed": seed, "test_accuracy": accuracy}
        for kind, levels in kinds.items()
        for level, accuracies in levels.items()
        for seed, accuracy in enumerate(accuracies)
    )


def noisy(mean, seed):
    return mean + np.random.default_rng(seed).normal(0, 0.0005, 5)


def test_rises_falls_and_plateaus_are_told_apart():
    planted = {
        "rising": {2: 0.80, 3: 0.83, 5: 0.86},
        "falling": {2: 0.86, 3: 0.83, 5: 0.80},
        "flat at last": {2: 0.80, 3: 0.86, 5: 0.86, 7: 0.86},
        "up and down": {2: 0.80, 3: 0.90, 5: 0.80},
    }
    found = dose_response(
        runs({kind: {level: noisy(mean, level) for level, mean in levels.items()} for kind, levels in planted.items()}),
        "depth",
        "kind",
        margin=0.005,
    ).set_index("kind")
    assert found.loc[list(planted), "monotone"].tolist() == ["yes", "yes", "yes", "not shown"]
    assert found.loc[list(planted), "flat_from"].tolist() == ["not shown", "not shown", "3", "not shown"]
    assert found.estimate["rising"] == pytest.approx(0.06, abs=0.001)
    assert found.estimate["falling"] == pytest.approx(-0.06, abs=0.001)
    assert found.levels["flat at last"] == "2, 3, 5, 7"
    assert (found.loc[["rising", "falling"], "page_p"] < 0.05).all()


def test_the_line_and_its_p_are_those_computed_by_hand():
    table = dose_response(runs({"a": {0: [1, 2], 0.1: [2, 2], 0.5: [4, 5]}}), "depth", "kind", margin=0)
    # weights of three levels -1, 0, 1: changes 3 and 3 -> mean 3 without spread
    assert table.loc[0, ["estimate", "n", "p"]].tolist() == [3.0, 2, 0.5]
    assert table[["low", "high"]].isna().to_numpy().all()
    assert table.levels.tolist() == ["0, 0.1, 0.5"]


def test_a_seed_that_a_level_lacks_is_left_out_and_p_is_adjusted_over_the_rows():
    levels = {2: [0.80, 0.81, 0.79], 3: [0.83, 0.82, 0.84], 5: [0.86, 0.86]}
    alone = dose_response(runs({"a": levels}), "depth", "kind", margin=0.005)
    both = dose_response(runs({"a": levels, "b": levels}), "depth", "kind", margin=0.005)
    assert alone.n.tolist() == [2]
    assert both.p.tolist() == pytest.approx(2 * [2 * alone.p[0]])


def test_fewer_than_three_levels_and_single_seeds_say_nothing():
    assert dose_response(runs({"a": {2: [0.8, 0.9], 3: [0.9, 0.8]}}), "depth", "kind", margin=0.005).empty
    one = dose_response(runs({"a": {2: [0.8], 3: [0.9], 5: [0.95]}}), "depth", "kind", margin=0.005)
    assert np.isnan(one[["p", "page_p"]].to_numpy(float)).all()
    assert one.loc[0, ["monotone", "flat_from"]].tolist() == ["not shown", "not shown"]
    assert percent(one).page_p.tolist() == [""]


def test_two_experiments_of_one_level_and_unknown_columns_are_refused():
    twice = runs({"a": {2: [0.8], 3: [0.9], 5: [0.95]}}).assign(depth=[2, 2, 5])
    with pytest.raises(InputError, match=r"a level of depth must be one experiment for each kind\. Received: a2, a3"):
        dose_response(twice, "depth", "kind", margin=0.005)
    with pytest.raises(InputError, match="unknown column of runs 'width'"):
        dose_response(twice, "width", "kind", margin=0.005)
