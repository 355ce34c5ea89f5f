"""Rows have their estimates, intervals and runs; missing and failed ones are counted next to them."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from cnnhelpers import plotting
from tests.plotting.drawn import dots, legend, marks, save, texts, ticks


def ends(ax, collection=0):
    """Return low and high of each interval."""
    return [segment[:, 0].round(6).tolist() for segment in ax.collections[collection].get_segments() if len(segment)]


def notes(ax):
    return {text.xy[1]: text.get_text() for text in ax.texts if text.get_text()}


@pytest.fixture
def table():
    return pd.DataFrame(
        {
            "label": ["A1", "A2", "A3 three convolutions and L2 on the dense layer", "A4", "A5"],
            "estimate": [0.88, 0.87, 0.86, np.nan, 0.85],
            "low": [0.87, 0.86, 0.85, np.nan, 0.84],
            "high": [0.89, 0.88, 0.87, np.nan, 0.86],
            "published": [0.885, 0.90, 0.85, 0.80, np.nan],
        }
    )


def test_intervals_are_in_percent_from_the_top_down(table):
    ax = plotting.plot_intervals(table, metric="validation_accuracy")
    np.testing.assert_allclose(marks(ax, "o")[0].get_xdata(), [88, 87, 86, np.nan, 85])
    assert ends(ax) == [[87, 89], [86, 88], [85, 87], [84, 86]]
    assert ax.get_xlabel() == "validation accuracy (%)"
    assert "\n" in ticks(ax.yaxis)[2]
    assert list(notes(ax)) == [3] and ax.yaxis_inverted()
    save(ax.figure)


def test_published_numbers_inside_and_outside_differ_by_marker_and_word(table):
    ax = plotting.plot_intervals(table, reference="published")
    inside, outside = marks(ax, "D")[0], marks(ax, "X")[0]
    np.testing.assert_allclose(inside.get_xdata(), [88.5, 85, 80])  # the bound is inside; A4 has no interval
    np.testing.assert_allclose(outside.get_xdata(), [90])
    assert inside.get_markerfacecolor() == "none"
    words = notes(ax)
    assert words[0] == words[2] != words[1] and 4 not in words
    assert len(legend(ax)) == 3
    save(ax.figure)


WIDE = pd.DataFrame({"label": ["A1"], "strength": [1], "estimate": [0.5], "low": [-2.0], "high": [3.0]})


def test_intervals_of_accuracies_end_at_0_and_100_percent_others_are_whole():
    for draw in (plotting.plot_intervals, plotting.plot_dose_response):
        segment = draw(WIDE, metric="test_accuracy").collections[0].get_segments()[0]
        assert segment.max() == 100 and segment.min() == 0
    runs = pd.DataFrame({"experiment": ["A1"] * 2, "test_accuracy": [0.2, 0.8]})
    ax = plotting.plot_seeds(runs, "test_accuracy", table=WIDE.rename(columns={"label": "experiment"}))
    assert ends(ax, -1) == [[0, 100]]
    assert ends(plotting.plot_intervals(WIDE, metric="difference")) == [[-200, 300]]
    assert ends(plotting.plot_intervals(WIDE, metric="seconds")) == [[-2, 3]]
    front = WIDE.rename(columns={"label": "experiment", "strength": "parameters"}).assign(front=True)
    low, high = plotting.plot_pareto(front, "parameters").get_ylim()
    assert -10 < low < 0 and 100 < high < 110


def test_differences_are_in_points_with_zero_and_margin():
    table = pd.DataFrame({"label": ["dropout - plain"], "estimate": [0.004], "low": [-0.002], "high": [0.01]})
    ax = plotting.plot_intervals(table, metric="difference", margin=0.003)
    assert ax.get_xlabel() == "difference in accuracy (points)"
    assert [line for line in ax.lines if list(line.get_xdata()) == [0, 0]]
    box = ax.patches[0].get_extents().transformed(ax.transData.inverted())
    np.testing.assert_allclose([box.x0, box.x1], [-0.3, 0.3])


def test_a_margin_is_visible_next_to_differences_many_times_as_large():
    rows = {"label": ["near", "far"], "estimate": [0.01, -0.35], "low": [0.005, -0.37], "high": [0.015, -0.33]}
    ax = plotting.plot_intervals(pd.DataFrame(rows), metric="difference", margin=0.005)
    left, right = ax.transData.transform([(-0.5, 0), (0.5, 0)])[:, 0]
    assert right - left > 0.1 * ax.bbox.width
    assert ticks(ax.xaxis) == ["−30", "−10", "−3", "−1", "0", "1"]
    near = plotting.plot_intervals(pd.DataFrame(rows)[:1], metric="difference", margin=0.005)
    assert (ax.get_xscale(), near.get_xscale()) == ("symlog", "linear")


# runs


@pytest.fixture
def runs():
    rows = [
        {"experiment": name, "seed": seed, "train_accuracy": 0.9 + 0.01 * seed, "validation_accuracy": accuracy}
        for name, accuracies in {"A1": [0.85, 0.86, 0.87], "A2": [0.8, np.nan, 0.9], "A3": [np.nan] * 3}.items()
        for seed, accuracy in enumerate(accuracies)
    ]
    return pd.DataFrame(rows, index=[0] * 9)  # as tables of several studies have them


def test_every_seed_is_a_dot_and_failed_ones_are_counted(runs):
    ax = plotting.plot_seeds(runs, "validation_accuracy")
    assert dots(ax) == [[85, 86, 87], [80, 90]]
    np.testing.assert_allclose(marks(ax, "|")[0].get_xdata(), [86, 85])
    assert {row: note[:6] for row, note in notes(ax).items()} == {1: "1 of 3", 2: "3 of 3"}
    assert ticks(ax.yaxis) == ["A1", "A2", "A3"]
    ax = plotting.plot_seeds(runs.assign(gap=runs["train_accuracy"] - runs["validation_accuracy"]), "gap")
    (line,) = [line for line in ax.lines if list(line.get_xdata()) == [0, 0]]
    assert dots(ax)[0] == pytest.approx([5, 5, 5])
    assert line.axes.get_xlabel().endswith("(points)")


def test_seeds_have_the_given_intervals():
    runs = pd.DataFrame({"experiment": [2, 1] * 3, "seconds_per_epoch": [1.0, 5.0, 2.0, 5.0, 3.0, 5.0]})
    bounds = pd.DataFrame({"experiment": [1, 2], "low": [4.5, 1.5], "high": [5.5, 2.5]})
    ax = plotting.plot_seeds(runs, "seconds_per_epoch", table=bounds)
    segments = ax.collections[-1].get_segments()
    assert {round(segment[0, 1]): segment[:, 0].tolist() for segment in segments} == {0: [1.5, 2.5], 1: [4.5, 5.5]}
    assert ax.get_xlabel() == "time per epoch (s)"
    assert dots(ax) == [[1, 2, 3], [5, 5, 5]]


def test_times_to_accuracy_count_the_runs_that_never_reach_it():
    never = np.inf
    timed = pd.DataFrame({"experiment": ["a"] * 3 + ["b"] * 3, "epochs_to_target": [1, 2, 4, 3, never, never]})
    ax = plotting.plot_time_to_accuracy(timed)
    assert dots(ax) == [[1, 2, 4], [3]]
    assert marks(ax, "|")[0].get_data()[0].tolist() == [2]  # b's median is infinite
    assert {row: note[:6] for row, note in notes(ax).items()} == {1: "2 of 3"}
    assert ax.get_xlim()[0] == 0
    ax = plotting.plot_time_to_accuracy(timed[4:].assign(cpu_seconds_to_target=never), "cpu_seconds_to_target")
    assert not dots(ax) and {row: note[:6] for row, note in notes(ax).items()} == {0: "2 of 2"}


# verdicts and error rates


def claim(number, verdict, estimate, parts=(), **fields):
    row = {"number": number, "text": f"claim {number}", "verdict": verdict, "fragile": False, "label": "A − B"}
    row |= {"estimate": estimate, "low": estimate - 0.01, "high": estimate + 0.01, "against": 0.0, "parts": parts}
    row |= {"direction": "higher", "margin": 0.005, "scale": 0.005, "smallest_detectable": 0.02}
    return row | fields


def test_verdicts_are_distances_in_margins_on_the_claimed_side():
    measured = SimpleNamespace(smallest_detectable=0.02)
    part = SimpleNamespace(
        label="C − D", estimate=0.03, against=0.01, direction="higher", scale=0.005, comparison=measured
    )
    rows = [
        claim(1, "holds", 0.02, parts=(part,)),
        claim(2, "contradicted", 0.02, direction="lower", fragile=True),
        claim(3, "undecided", 2.0, margin=0.0, scale=0.0, smallest_detectable=4.0),
        claim(4, "not enough runs", np.nan),
    ]
    ax = plotting.plot_verdicts(pd.DataFrame(rows))
    places = [line.get_xdata().tolist() for line in ax.lines if line.get_marker() in "oX" and len(line.get_xdata())]
    assert np.concatenate(places) == pytest.approx([4, -4, 0.5])
    others = [line.get_xdata() for line in marks(ax, "|") if len(line.get_xdata())]
    assert np.concatenate(others) == pytest.approx([4])
    assert ticks(ax.yaxis) == ["1 claim 1", "2 claim 2", "3 claim 3"]
    assert "fragile" in notes(ax)[1] and "fragile" not in notes(ax)[0]
    save(ax.figure)
    assert not plotting.plot_verdicts(pd.DataFrame(rows[3:])).axison


def test_wrong_orders_compare_the_published_order_by_marker_and_word():
    pairs = pd.DataFrame({"label": ["a − b", "a − c", "b − c"], "wrong_order": [0.1, 0.2, 0.3]})
    ax = plotting.plot_wrong_orders(pairs.assign(as_ours=[True, False, None]))
    assert [line.get_xdata()[0] for line in ax.lines[:3]] == pytest.approx([10, 20, 30])
    assert ax.lines[0].get_marker() != ax.lines[1].get_marker() and len(set(texts(ax))) == 3
    assert not plotting.plot_wrong_orders(pairs.assign(as_ours=True)[:0]).axison


def test_false_positives_have_a_mark_for_each_number_of_seeds_and_the_nominal_rate():
    table = pd.DataFrame({"claim": ["a", "b"] * 2, "seeds": [5, 5, 10, 10], "rate": [0.01, 0.02, 0.03, 0.04]})
    ax = plotting.plot_false_positives(table.assign(low=0.0, high=0.05, nominal=0.025))
    assert marks(ax, "o")[0].get_xdata() == pytest.approx([1, 2])
    assert ends(ax) == [[2.5, 2.5]] * 2
    assert ticks(ax.yaxis) == ["a", "b"] and len(legend(ax)) == 3
