"""The risk of single runs, and the accuracy that selection on test images adds."""

import numpy as np
import pandas as pd
import pytest

from cnnhelpers import records
from cnnhelpers.analysis import power_curves, selection_answers, selection_bias, single_run_risk
from cnnhelpers.errors import InputError
from cnnhelpers.statistics import power, wrong_order
from tests.analysis.tables import runs_of
from tests.tiny import record

PAIRS = pd.DataFrame(
    [("x", "a", "b", "test_accuracy", -0.01), ("x", "b", "c", "test_accuracy", np.nan)],
    columns=["report", "a", "b", "metric", "published"],
)


def test_the_risk_of_single_runs_by_hand():
    spread = np.array([-0.002, 0.001, 0.0, 0.002, -0.001])
    runs = runs_of(a=0.91 + spread, b=0.90 + np.roll(spread, 1), c=[0.8] * 4)
    table = single_run_risk(runs, PAIRS)
    assert table["label"].tolist() == ["a − b"]  # c has too few seeds
    row = table.iloc[0]
    assert (row.report, row.metric, row.published, row.n) == ("x", "test_accuracy", -0.01, 5)
    assert row.difference == pytest.approx(0.01)
    sd = np.std(spread, ddof=1)
    assert row.wrong_order == pytest.approx(wrong_order(0.01, sd, sd))
    assert not row.as_ours
    assert power(0.01, row.sd, row.seeds_needed) >= 0.9


def test_equal_runs_have_a_risk_and_an_unknown_published_order_none():
    table = single_run_risk(runs_of(a=[0.3] * 5, b=[0.1] * 5, c=[0.1] * 5), PAIRS)
    assert table["wrong_order"].tolist() == [0, 0.5]
    assert table["seeds_needed"].tolist() == [6, np.inf]
    assert table["low"].isna().all()
    assert table["as_ours"].tolist() == [False, None]


def test_power_curves_span_the_spreads():
    curves = power_curves([0.001, 0.002, 0.004], [0.003], most_seeds=4)
    assert curves["seeds"].tolist() == [2, 3, 4]
    assert curves["power"].tolist() == [power(0.003, 0.002, n) for n in (2, 3, 4)]
    assert (curves["low"] <= curves["power"]).all() and (curves["power"] <= curves["high"]).all()
    assert power_curves([], [0.01]).empty


def test_selection_among_equals_pays_on_the_images_that_selected_and_nowhere_else():
    generator = np.random.default_rng(0)
    equals = {f"network {number}": generator.random((4, 2000)) < 0.9 for number in range(10)}
    table = selection_bias(equals, np.random.default_rng(1), draws=100).set_index("label")["estimate"]
    luck = 1.54 * np.sqrt(0.09 / 1000)  # expected largest of 10 normal numbers, times the SD of half of the images
    assert table.iloc[3] == pytest.approx(luck, rel=0.35)
    assert table.iloc[1] == pytest.approx(0.9, abs=0.005)
    again = selection_bias(equals, np.random.default_rng(1), draws=100).set_index("label")["estimate"]
    assert table.equals(again)


def test_selection_of_a_clear_winner_costs_nothing():
    generator = np.random.default_rng(0)
    clear = {"good": generator.random((4, 2000)) < 0.95, "poor": generator.random((4, 2000)) < 0.6}
    table = selection_bias(clear, generator, draws=200).set_index("label")
    assert table["estimate"].iloc[3] == pytest.approx(0, abs=0.002)
    assert table["low"].iloc[3] < 0 < table["high"].iloc[3]


@pytest.mark.parametrize(
    "correct",
    [
        {"a": np.ones((2, 5))},
        {"a": np.ones((2, 5)), "b": np.ones((2, 6))},
        {"a": np.ones((1, 5)), "b": np.ones((2, 5))},
    ],
)
def test_a_selection_needs_two_networks_two_seeds_and_the_same_images(correct):
    with pytest.raises(InputError, match="Received"):
        selection_bias(correct, np.random.default_rng(0))


def test_runs_on_different_test_images_choose_no_network(tmp_path):
    for seed, images in enumerate((10, 12)):
        correct = {"test_correct": np.packbits(np.ones(images, bool)), "num_test": np.array(images)}
        records.write(record(seed), tmp_path, correct)
    with pytest.raises(InputError, match=r"\[10, 12\] test images"):
        selection_answers(records.load(tmp_path), tmp_path)
