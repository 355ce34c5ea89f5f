"""Figures of settings and of times draw every cell, trial and run, and say in words what is lost or never came."""

import numpy as np
import pandas as pd
import pytest

from cnnhelpers import plotting
from cnnhelpers.errors import InputError
from tests.plotting.test_figures import dots, drawn, legend, texts


def cells(**changes):
    table = pd.DataFrame(
        {
            "learning_rate": [0.1, 1.0, 0.1, 1.0],
            "batch_size": [32, 32, 128, 128],
            "estimate": [0.80, np.nan, 0.90, 0.10],
            "sd": [0.01, np.nan, 0.02, 0.0],
            "n": [3, 3, 3, 3],
            "lost": [0, 3, 0, 3],
        }
    )
    return table.assign(**changes)


def test_heat_map_writes_mean_spread_and_losses_into_its_cell():
    ax = plotting.plot_heatmap(cells())
    words = {(text.get_position()): text.get_text() for text in ax.texts}
    assert words == {  # (column, row): small rates left, large batches on top
        (0, 1): "80.0\n±1.0",
        (1, 1): "no result\n3 of 3 lost",
        (0, 0): "90.0\n±2.0",
        (1, 0): "10.0\n±0.0\n3 of 3 lost",
    }
    assert [tick.get_text() for tick in ax.get_yticklabels()] == ["128", "32"]
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["0.1", "1"]
    drawn(ax.figure)


def test_heat_map_hatches_what_is_lost_and_frames_the_best():
    ax = plotting.plot_heatmap(cells())
    hatched = sorted(patch.get_xy() for patch in ax.patches if patch.get_hatch())
    framed = [patch.get_xy() for patch in ax.patches if not patch.get_hatch()]
    assert hatched == [(0.5, -0.5), (0.5, 0.5)]
    assert framed == [(-0.48, -0.48)]


def test_heat_map_of_one_seed_has_no_spread():
    assert texts(plotting.plot_heatmap(cells(sd=np.nan, lost=0)))[0] == "80.0"


@pytest.mark.parametrize("estimate", [0.5, np.nan])
def test_heat_map_of_equal_or_missing_cells_can_be_drawn(estimate):
    drawn(plotting.plot_heatmap(cells(estimate=estimate)).figure)


def test_heat_map_writes_readable_ink_on_every_shade():
    ax = plotting.plot_heatmap(cells())
    colours = {text.get_position(): text.get_color() for text in ax.texts}
    assert colours[(0, 0)] == "white" and colours[(1, 0)] == "black"  # best and worst


def test_heat_map_needs_its_columns():
    with pytest.raises(InputError, match="lost"):
        plotting.plot_heatmap(cells().drop(columns="lost"))


def trials(scores):
    table = pd.DataFrame({"trial": range(1, len(scores) + 1), "validation_accuracy": scores})
    return table.assign(best=table["validation_accuracy"].fillna(0).cummax())


def test_search_path_shows_trials_best_so_far_and_the_winner_with_fresh_seeds():
    fresh = pd.DataFrame({"validation_accuracy": [0.80, 0.84, np.nan]})
    ax = plotting.plot_search(trials([0.7, 0.9, 0.8]), fresh)
    assert dots(ax, "o")[0].get_ydata().tolist() == pytest.approx([70, 90, 80])
    steps = next(line for line in ax.lines if line.get_drawstyle() == "steps-post")
    assert steps.get_ydata().tolist() == pytest.approx([70, 90, 90])
    assert dots(ax, "D")[0].get_ydata().tolist() == pytest.approx([80, 84])
    assert dots(ax, "D")[0].get_xdata().min() > 3
    assert "their mean" in legend(ax)
    drawn(ax.figure)


def test_search_path_marks_diverged_and_hopeless_trials_at_its_foot():
    fresh = pd.DataFrame({"validation_accuracy": [0.8]})
    ax = plotting.plot_search(trials([0.86, 0.85, 0.84, np.nan, 0.1, 0.84]), fresh)
    assert dots(ax, "x")[0].get_xdata().tolist() == [4, 5]
    assert dots(ax, "o")[0].get_xdata().tolist() == [1, 2, 3, 6]
    assert 75 < ax.get_ylim()[0] < 80  # the fresh seed, at 80, is still seen
    assert not dots(plotting.plot_search(trials([0.7, 0.6]), fresh), "x")


def test_search_path_of_a_winner_that_only_diverges_can_be_drawn():
    ax = plotting.plot_search(trials([np.nan]), pd.DataFrame({"validation_accuracy": [np.nan]}))
    assert "their mean" not in legend(ax)
    drawn(ax.figure)


def test_times_to_accuracy_draw_who_reached_it_and_count_who_never_did():
    never = np.inf
    timed = pd.DataFrame({"experiment": ["a"] * 3 + ["b"] * 3, "epochs_to_target": [1, 2, 4, 3, never, never]})
    ax = plotting.plot_time_to_accuracy(timed)
    assert [line.get_xdata().tolist() for line in dots(ax, "o")] == [[1, 2, 4], [3]]
    assert [list(line.get_xdata()) for line in dots(ax, "|")] == [[2]]  # b's median is infinite
    assert texts(ax) == ["2 of 3 never"]
    assert ax.get_xlim()[0] == 0
    drawn(ax.figure)


def test_times_to_accuracy_can_be_drawn_where_no_run_reached_it():
    timed = pd.DataFrame({"experiment": ["a", "a"], "cpu_seconds_to_target": [np.inf] * 2})
    ax = plotting.plot_time_to_accuracy(timed, "cpu_seconds_to_target")
    assert texts(ax) == ["2 of 2 never"]
    drawn(ax.figure)


def test_learning_curves_of_validation_alone_have_one_line_an_experiment():
    table = pd.DataFrame({"experiment": "a", "seed": 0, "epoch": [1, 2], "accuracy": 0.5, "validation_accuracy": 0.6})
    ax = plotting.plot_learning_curves(table, "validation_accuracy")
    assert [line.get_ydata().tolist() for line in ax.lines] == [[60, 60]]
    assert "training" not in legend(ax)
