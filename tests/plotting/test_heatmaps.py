"""Cells of matrices have their numbers in readable ink; searches show every trial."""

import numpy as np
import pandas as pd
import pytest

from cnnhelpers import plotting
from cnnhelpers.errors import InputError
from tests.plotting.drawn import legend, marks, save, texts, ticks


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


def test_a_heatmap_has_mean_spread_and_lost_runs_in_each_cell():
    ax = plotting.plot_heatmap(cells())
    written = {text.get_position(): text.get_text().split("\n") for text in ax.texts}
    assert {place: words[:2] for place, words in written.items()} == {  # low rates left, large batches on top
        (0.5, 1.5): ["80.0", "±1.0"],
        (1.5, 1.5): ["no result", "3 of 3 lost"],
        (0.5, 0.5): ["90.0", "±2.0"],
        (1.5, 0.5): ["10.0", "±0.0"],
    }
    assert (ticks(ax.yaxis), ticks(ax.xaxis)) == (["128", "32"], ["0.1", "1"])
    assert sorted(patch.get_xy() for patch in ax.patches if patch.get_hatch()) == [(1, 0), (1, 1)]  # lost
    assert [patch.get_xy() for patch in ax.patches if not patch.get_hatch()] == [(0, 0)]  # best
    colours = {text.get_position(): text.get_color() for text in ax.texts}
    assert colours[(0.5, 0.5)] == "white" and colours[(1.5, 0.5)] == "black"
    save(ax.figure)
    assert texts(plotting.plot_heatmap(cells(sd=np.nan, lost=0)))[0] == "90.0"  # of a single seed


@pytest.mark.parametrize("estimate", [0.5, np.nan])
def test_a_heatmap_of_equal_or_missing_cells_can_be_drawn(estimate):
    save(plotting.plot_heatmap(cells(estimate=estimate)).figure)


def test_a_setting_of_a_heatmap_may_be_none_or_text():
    table = pd.DataFrame({"momentum": [None, 0.9] * 2, "schedule": [None, None, "cosine", "cosine"]})
    ax = plotting.plot_heatmap(
        table.assign(estimate=[0.1, 0.2, 0.3, 0.4], sd=np.nan, n=1, lost=0), x="momentum", y="schedule"
    )
    assert (ticks(ax.yaxis), ticks(ax.xaxis)) == (["cosine", "none"], ["none", "0.9"])
    assert texts(ax) == ["30.0", "40.0", "10.0", "20.0"]


def test_a_heatmap_needs_its_columns():
    with pytest.raises(InputError, match="lost"):
        plotting.plot_heatmap(cells().drop(columns="lost"))


NAMES = ("T-shirt/top", "Trouser", "Ankle boot")


def test_a_confusion_matrix_has_counts_and_percentages_of_the_true_class():
    ax = plotting.plot_confusion_matrix(np.array([[90, 10, 0], [1, 999, 0], [0, 0, 0]]), NAMES)
    shades = np.ma.filled(ax.collections[0].get_array(), np.nan).reshape(3, 3)
    np.testing.assert_allclose(shades, [[90, 10, 0], [0.1, 99.9, 0], [np.nan] * 3])
    assert texts(ax) == ["90\n90%", "10\n10%", "·", "1\n<1%", "999\n100%", "·", "·", "·", "·"]
    assert ax.texts[4].get_color() == "white" and ax.texts[1].get_color() == "black"
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("predicted class", "true class")
    assert (ticks(ax.xaxis), ticks(ax.yaxis)) == (list(NAMES), list(NAMES)) and ax.yaxis_inverted()
    save(ax.figure)


def test_mean_counts_have_a_decimal_and_many_classes_no_text():
    assert "4.5\n90%" in texts(plotting.plot_confusion_matrix(np.array([[4.5, 0.5], [0, 2]]), ("cat", "dog")))
    hundred = plotting.plot_confusion_matrix(np.eye(100), tuple(f"class {index}" for index in range(100)))
    assert not hundred.texts and ticks(hundred.yaxis)[1] == "class 5"


@pytest.mark.parametrize("matrix", [np.ones((2, 3)), np.ones((2, 2)), -np.eye(3), np.full((3, 3), np.nan)])
def test_other_arrays_are_no_confusion_matrix(matrix):
    with pytest.raises(InputError, match=r"\(3, 3\)"):
        plotting.plot_confusion_matrix(matrix, NAMES)


def test_a_similarity_without_a_value_has_a_dash():
    ax = plotting.plot_similarity([[1.0, 0.25], [np.nan, 0.5]], ["a", "b"], ["c", "d"], ("rows", "columns"))
    assert texts(ax) == ["1.00", "0.25", "–", "0.50"]
    assert (ax.get_ylabel(), ax.get_xlabel()) == ("rows", "columns")
    assert (ticks(ax.yaxis), ticks(ax.xaxis)) == (["a", "b"], ["c", "d"])
    save(ax.figure)


# search


def trials(scores):
    table = pd.DataFrame({"trial": range(1, len(scores) + 1), "validation_accuracy": scores})
    return table.assign(best=table["validation_accuracy"].fillna(0).cummax())


def test_a_search_shows_trials_best_so_far_and_the_winner_with_new_seeds():
    fresh = pd.DataFrame({"validation_accuracy": [0.80, 0.84, np.nan]})
    ax = plotting.plot_search(trials([0.7, 0.9, 0.8]), fresh)
    assert marks(ax, "o")[0].get_ydata().tolist() == pytest.approx([70, 90, 80])
    steps = next(line for line in ax.lines if line.get_drawstyle() == "steps-post")
    assert steps.get_ydata().tolist() == pytest.approx([70, 90, 90])
    assert marks(ax, "D")[0].get_ydata().tolist() == pytest.approx([80, 84])
    assert marks(ax, "D")[0].get_xdata().min() > 3
    assert ax.collections[0].get_segments()[0][:, 1] == pytest.approx([82, 82])
    save(ax.figure)


def test_diverged_and_hopeless_trials_are_at_the_foot_of_the_axis():
    fresh = pd.DataFrame({"validation_accuracy": [0.8]})
    ax = plotting.plot_search(trials([0.86, 0.85, 0.84, np.nan, 0.1, 0.84]), fresh)
    assert marks(ax, "x")[0].get_xdata().tolist() == [4, 5]
    assert marks(ax, "o")[0].get_xdata().tolist() == [1, 2, 3, 6]
    assert 75 < ax.get_ylim()[0] < 80  # the new seed, at 80, is visible
    assert not marks(plotting.plot_search(trials([0.7, 0.6]), fresh), "x")


def test_a_winner_that_only_diverges_has_no_mean():
    ax = plotting.plot_search(trials([np.nan]), pd.DataFrame({"validation_accuracy": [np.nan]}))
    assert not ax.collections and len(legend(ax)) == 4
    save(ax.figure)
