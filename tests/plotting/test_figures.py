"""Figures draw the data they are given, name it with units, and tell marks apart without colour."""

import io
import subprocess
import sys
from functools import partial

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex, to_rgb

from cnnhelpers import plotting
from cnnhelpers.errors import InputError
from cnnhelpers.plotting import style
from cnnhelpers.reports import catalog as studies

NAMES = ("T-shirt/top", "Trouser", "Ankle boot")


def history(experiment, seeds=(0, 1, 2), epochs=4, shift=0.0):
    rows = [
        {"experiment": experiment, "seed": seed, "epoch": epoch, "accuracy": 0.5 + 0.1 * epoch + 0.01 * seed + shift}
        for seed in seeds
        for epoch in range(1, epochs + 1)
    ]
    return pd.DataFrame(rows).assign(validation_accuracy=lambda table: table["accuracy"] - 0.05)


def lines(ax, style):
    return [line for line in ax.lines if line.get_linestyle() == style and len(line.get_xdata()) > 1]


def legend(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def texts(ax):
    return [text.get_text() for text in ax.texts]


def dots(ax, marker):
    return [line for line in ax.lines if line.get_marker() == marker]


def drawn(figure):
    """Draw for good: layout problems and missing glyphs would warn here."""
    figure.savefig(io.BytesIO(), dpi=50)


def test_figures_import_without_tensorflow():
    code = "import sys, cnnhelpers.plotting.curves; assert not {'keras', 'tensorflow'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


# What a colour becomes for eyes without one kind of cones: Machado, Oliveira and Fernandes (2009), severity 1.
VISION = {
    "full": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.3039]],
}


@pytest.mark.parametrize("vision", VISION)
def test_colours_are_told_apart_with_every_kind_of_vision(vision):
    colours = np.array([to_rgb(colour) for colour in style.COLOURS])
    linear = np.where(colours <= 0.04045, colours / 12.92, ((colours + 0.055) / 1.055) ** 2.4)
    seen = (linear @ np.transpose(VISION[vision])).clip(0, 1)
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    xyz = seen @ to_xyz.T / to_xyz.sum(axis=1)
    x, y, z = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116).T
    lab = np.column_stack([116 * y - 16, 500 * (x - y), 200 * (y - z)])
    distances = np.linalg.norm(lab[:, None] - lab, axis=-1)[np.triu_indices(len(lab), 1)]
    assert len(lab) == 8 and distances.min() > 15  # 2.3 is what an eye just notices


# learning curves


def test_curves_are_the_means_of_the_seeds_in_percent():
    ax = plotting.plot_learning_curves(history("A1"))
    (training,), (validation,) = lines(ax, "--"), lines(ax, "-")
    np.testing.assert_allclose(training.get_ydata(), [61, 71, 81, 91])
    np.testing.assert_allclose(validation.get_ydata(), [56, 66, 76, 86])
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("epoch", "accuracy (%)")
    assert legend(ax) == ["A1", "validation", "training", "lowest to highest seed"]
    drawn(ax.figure)


def test_the_band_goes_from_the_lowest_seed_to_the_highest():
    ax = plotting.plot_learning_curves(history("A1"))
    band = ax.collections[0].get_paths()[0].vertices
    assert sorted({round(y, 6) for x, y in band if x == 2}) == [70, 72]


def test_one_seed_has_no_band():
    ax = plotting.plot_learning_curves(history("A1", seeds=(0,)))
    assert not ax.collections and "lowest to highest seed" not in legend(ax)


@pytest.mark.parametrize("epochs", [1, 2])
def test_few_epochs_have_whole_numbers(epochs):
    ax = plotting.plot_learning_curves(history("A1", epochs=epochs))
    drawn(ax.figure)
    low, high = ax.get_xlim()
    written = {text.get_position()[0]: text.get_text() for text in ax.get_xticklabels()}
    shown = [text for place, text in written.items() if low <= place <= high]
    assert shown == [str(epoch + 1) for epoch in range(epochs)]


def test_where_some_seeds_have_stopped_the_line_turns_thin():
    table = pd.concat([history("A7", seeds=(0, 1)), history("A7", seeds=(2,), epochs=2)])
    ax = plotting.plot_learning_curves(table)
    whole, rest = lines(ax, "-")
    assert list(whole.get_xdata()) == [1, 2] and list(rest.get_xdata()) == [2, 3, 4]
    assert rest.get_linewidth() < whole.get_linewidth() and "fewer seeds (stopped, failed)" in legend(ax)


def test_eight_experiments_differ_by_marker_and_a_failed_one_says_so():
    table = pd.concat([history(f"A{number}", shift=-0.01 * number) for number in range(1, 9)])
    table.loc[table["experiment"] == "A5", ["accuracy", "validation_accuracy"]] = np.nan
    ax = plotting.plot_learning_curves(table)
    handles = ax.get_legend().legend_handles[:8]
    assert len({handle.get_marker() for handle in handles}) == 8
    assert "A5: no result" in legend(ax)
    drawn(ax.figure)


def test_without_validation_there_are_only_training_curves():
    ax = plotting.plot_learning_curves(history("A-top").drop(columns="validation_accuracy"))
    assert lines(ax, "--") and not lines(ax, "-") and "validation" not in legend(ax)


def test_curves_go_into_the_axes_given_and_leave_them_room():
    figure, panels = plt.subplots(1, 2, layout="constrained", figsize=(7, 4))
    open_before = plt.get_fignums()
    assert plotting.plot_learning_curves(history("A1"), ax=panels[1]) is panels[1]
    assert not panels[0].lines and plt.get_fignums() == open_before
    drawn(figure)
    assert panels[1].get_position().width > 0.3


@pytest.mark.parametrize(
    ("losses", "written"), [((0.3, 1.2), "0.5 1"), ((0.004, 2), "0.005 0.01 0.02 0.05 0.1 0.2 0.5 1 2")]
)
def test_a_logarithmic_axis_writes_its_numbers_out(losses, written):
    table = history("A1", epochs=2).assign(crossentropy=losses * 3).drop(columns=["accuracy", "validation_accuracy"])
    ax = plotting.plot_learning_curves(table, "crossentropy", log=True)
    drawn(ax.figure)
    low, high = ax.get_ylim()
    ticks = {label.get_position()[1]: label.get_text() for label in ax.get_yticklabels(which="both")}
    assert " ".join(text for place, text in sorted(ticks.items()) if low <= place <= high) == written


def test_crossentropy_is_in_nats():
    table = history("A1").rename(columns={"accuracy": "crossentropy", "validation_accuracy": "validation_crossentropy"})
    ax = plotting.plot_learning_curves(table, "crossentropy")
    assert ax.get_ylabel() == "cross-entropy (nats)"
    np.testing.assert_allclose(lines(ax, "--")[0].get_ydata(), [0.61, 0.71, 0.81, 0.91])


def test_a_missing_column_and_an_empty_table_are_refused():
    with pytest.raises(InputError, match=r"learning_curves needs the columns \['losss'\]"):
        plotting.plot_learning_curves(history("A1"), "losss")
    with pytest.raises(InputError, match="without rows"):
        plotting.plot_learning_curves(history("A1").iloc[:0])


# intervals


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


def test_intervals_draw_estimates_and_bounds_in_percent(table):
    ax = plotting.plot_intervals(table, metric="validation_accuracy")
    np.testing.assert_allclose(dots(ax, "o")[0].get_xdata(), [88, 87, 86, np.nan, 85])
    bars = [segment[:, 0] for segment in ax.collections[0].get_segments() if len(segment)]
    np.testing.assert_allclose(bars, [[87, 89], [86, 88], [85, 87], [84, 86]])
    assert ax.get_xlabel() == "validation accuracy (%)"
    assert ax.get_yticklabels()[2].get_text() == "A3 three convolutions and L2\non the dense layer"
    assert texts(ax) == ["no result"] and ax.texts[0].xy[1] == 3
    assert ax.yaxis_inverted()
    drawn(ax.figure)


def test_published_numbers_in_and_out_of_the_interval_differ_by_marker_and_word(table):
    ax = plotting.plot_intervals(table, reference="published")
    inside, outside = dots(ax, "D")[0], dots(ax, "X")[0]
    np.testing.assert_allclose(inside.get_xdata(), [88.5, 85, 80])  # at the bound is inside; A4 has no interval
    np.testing.assert_allclose(outside.get_xdata(), [90])
    assert inside.get_markerfacecolor() == "none"
    assert {text.xy[1]: text.get_text() for text in ax.texts} == {
        0: "inside",
        1: "outside",
        2: "inside",
        3: "no result",
    }
    assert legend(ax) == ["here, with its interval", "published, inside", "published, outside"]
    drawn(ax.figure)


WIDE = pd.DataFrame({"label": ["A1"], "strength": [1], "estimate": [0.5], "low": [-2.0], "high": [3.0]})


def test_intervals_of_accuracies_end_where_accuracies_do():
    for draw in (plotting.plot_intervals, partial(plotting.plot_dose_response)):
        ends = draw(WIDE, metric="test_accuracy").collections[0].get_segments()[0]
        np.testing.assert_allclose(sorted(ends.ravel())[-1], 100)
        assert ends.min() == 0
    runs = pd.DataFrame({"experiment": ["A1"] * 2, "test_accuracy": [0.2, 0.8]})
    ax = plotting.plot_seeds(runs, "test_accuracy", table=WIDE.rename(columns={"label": "experiment"}))
    np.testing.assert_allclose(ax.collections[0].get_segments()[0][:, 0], [0, 100])


def test_intervals_of_differences_and_seconds_are_drawn_whole():
    ax = plotting.plot_intervals(WIDE, metric="difference")
    np.testing.assert_allclose(ax.collections[0].get_segments()[0][:, 0], [-200, 300])
    ax = plotting.plot_intervals(WIDE, metric="seconds")
    np.testing.assert_allclose(ax.collections[0].get_segments()[0][:, 0], [-2, 3])


def test_differences_are_in_points_with_zero_and_margin():
    table = pd.DataFrame({"label": ["dropout - plain"], "estimate": [0.004], "low": [-0.002], "high": [0.01]})
    ax = plotting.plot_intervals(table, metric="difference", margin=0.003)
    assert ax.get_xlabel() == "difference in accuracy (points)"
    assert [line for line in ax.lines if list(line.get_xdata()) == [0, 0]]
    assert legend(ax) == ["within ±0.3", "here, with its interval"]
    box = ax.patches[0].get_extents().transformed(ax.transData.inverted())
    np.testing.assert_allclose([box.x0, box.x1], [-0.3, 0.3])


# sweep


def test_a_sweep_sets_none_apart_and_orders_the_strengths():
    table = pd.DataFrame(
        {
            "strength": [0.01, None, 0.001, 0.0001] * 2,
            "convolutions": [1] * 4 + [3] * 4,
            "estimate": [0.80, 0.88, 0.87, 0.89, 0.81, 0.89, 0.88, 0.90],
        }
    ).assign(low=lambda one: one["estimate"] - 0.01, high=lambda one: one["estimate"] + 0.01)
    ax = plotting.plot_dose_response(table, by="convolutions")
    assert [text.get_text() for text in ax.get_xticklabels()] == ["none", "0.0001", "0.001", "0.01"]
    first, second = dots(ax, "o")[0], dots(ax, "s")[0]
    np.testing.assert_allclose(first.get_ydata(), [88, 89, 87, 80])
    assert (second.get_xdata() > first.get_xdata()).all()
    joined = next(line for line in ax.lines if line.get_marker() == "None" and len(line.get_xdata()) == 3)
    np.testing.assert_allclose(joined.get_ydata(), [89, 87, 80])
    assert legend(ax) == ["convolutions: 1", "convolutions: 3"]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("strength", "validation accuracy (%)")
    drawn(ax.figure)


def test_a_sweep_draws_a_line_above_another_where_it_is_above():
    lower = pd.DataFrame({"way": "scratch", "strength": [1, 2, 3], "estimate": [0.70, 0.772, 0.87]})
    table = pd.concat([lower, lower.assign(way="frozen", estimate=0.5), lower.assign(way="tuned")], ignore_index=True)
    table.loc[table.way == "tuned", "estimate"] += 0.013
    table = table.assign(low=lambda one: one["estimate"] - 0.02, high=lambda one: one["estimate"] + 0.02)
    ax = plotting.plot_dose_response(table, by="way")
    scratch, _, tuned = (line.get_data() for line in lines(ax, "-"))
    places = np.linspace(0.1, 1.9, 30)
    assert (np.interp(places, *tuned) > np.interp(places, *scratch)).all()
    assert len({line.get_xdata()[0] for line in lines(ax, "-")}) == 3  # their intervals do not cover each other


def test_a_margin_stays_to_be_seen_beside_differences_many_times_as_large():
    rows = {"label": ["near", "far"], "estimate": [0.01, -0.35], "low": [0.005, -0.37], "high": [0.015, -0.33]}
    ax = plotting.plot_intervals(pd.DataFrame(rows), metric="difference", margin=0.005)
    left, right = ax.transData.transform([(-0.5, 0), (0.5, 0)])[:, 0]
    assert right - left > 0.1 * ax.bbox.width
    assert ax.get_xlabel().endswith("logarithmic beyond ±2")
    assert [text.get_text() for text in ax.get_xticklabels()] == ["−30", "−10", "−3", "−1", "0", "1"]
    near = plotting.plot_intervals(pd.DataFrame(rows)[:1], metric="difference", margin=0.005)
    assert near.get_xscale() == "linear"


def test_the_runs_of_a_sweep_stand_right_of_all_its_intervals():
    table = pd.DataFrame({"strength": [1] * 4, "convolutions": range(4), "estimate": 0.8, "low": 0.7, "high": 0.9})
    runs = pd.DataFrame({"strength": [1] * 4, "convolutions": range(4), "validation_accuracy": 0.8})
    ax = plotting.plot_dose_response(table, by="convolutions", runs=runs)
    means = [line.get_xdata()[0] for marker in "os^D" for line in dots(ax, marker)]
    assert min(line.get_xdata()[0] for line in dots(ax, ".")) > max(means)
    assert ax.get_xlim() == (-0.5, 0.5)  # a lone strength stands in the middle, its runs beside it


def test_a_sweep_shows_every_run_and_counts_failed_ones():
    table = pd.DataFrame({"strength": [0, 2, 3], "estimate": [0.8] * 3, "low": [0.7] * 3, "high": [0.9] * 3})
    runs = pd.DataFrame({"strength": [0, 0, 2, 3], "validation_accuracy": [0.75, 0.85, 0.8, np.nan]})
    ax = plotting.plot_dose_response(table, runs=runs)
    np.testing.assert_allclose(dots(ax, ".")[0].get_ydata(), [75, 85, 80, np.nan])
    assert ax.get_title(loc="left") == "failed runs, without a dot: 1 of 4"
    assert ax.get_xlabel() == "strength"


def test_a_sweep_without_none_has_no_place_for_it():
    table = pd.DataFrame({"strength": [1, 2], "estimate": [0.8] * 2, "low": [0.7] * 2, "high": [0.9] * 2})
    assert [text.get_text() for text in plotting.plot_dose_response(table).get_xticklabels()] == ["1", "2"]


def test_a_sweep_of_single_runs_sets_every_mark_on_its_strength():
    table = pd.DataFrame({"rate": [0.1, 1.0] * 2, "optimizer": ["sgd"] * 2 + ["adam"] * 2, "estimate": [0.8] * 4})
    ax = plotting.plot_dose_response(table.assign(low=np.nan, high=np.nan), x="rate", by="optimizer")
    assert [list(dots(ax, marker)[0].get_xdata()) for marker in "os"] == [[0, 1], [0, 1]]
    assert legend(ax) == ["optimizer: sgd", "optimizer: adam"]


# dots of seeds


@pytest.fixture
def runs():
    rows = [
        {"experiment": name, "seed": seed, "train_accuracy": 0.9 + 0.01 * seed, "validation_accuracy": accuracy}
        for name, accuracies in {"A1": [0.85, 0.86, 0.87], "A2": [0.8, np.nan, 0.9], "A3": [np.nan] * 3}.items()
        for seed, accuracy in enumerate(accuracies)
    ]
    return pd.DataFrame(rows).assign(seconds_per_epoch=2.0)


def test_every_seed_is_a_dot_and_failed_ones_are_counted(runs):
    ax = plotting.plot_seeds(runs, "validation_accuracy")
    seeds = [line for line in dots(ax, "o") if len(line.get_xdata())]
    np.testing.assert_allclose(np.concatenate([line.get_xdata() for line in seeds]), [85, 86, 87, 80, 90])
    np.testing.assert_allclose([line.get_xdata()[0] for line in dots(ax, "|")], [86, 85])
    assert texts(ax) == ["1 of 3 failed", "3 of 3 failed"] and legend(ax) == ["one seed", "mean"]
    drawn(ax.figure)


def test_seed_dots_draw_the_intervals_given():
    runs = pd.DataFrame({"experiment": ["A1"] * 3, "seconds_per_epoch": [1.0, 2.0, 3.0]})
    bounds = pd.DataFrame({"experiment": ["A1"], "low": [1.5], "high": [2.5]})
    ax = plotting.plot_seeds(runs, "seconds_per_epoch", table=bounds)
    np.testing.assert_allclose(ax.collections[0].get_segments()[0][:, 0], [1.5, 2.5])
    assert ax.get_xlabel() == "time per epoch (s)" and "mean, interval" in legend(ax)


def test_the_gap_is_training_minus_validation_in_points(runs):
    ax = plotting.plot_gap(runs)
    np.testing.assert_allclose(dots(ax, "o")[0].get_xdata(), [5, 5, 5])
    assert ax.get_xlabel() == "training minus validation accuracy (points)"
    assert [line for line in ax.lines if list(line.get_xdata()) == [0, 0]]


# data


def test_class_counts_are_bars_with_numbers_and_hatches():
    counts = pd.DataFrame({"train": [5100, 5000, 10], "test": [900, 1000, 1]}, index=NAMES)
    ax = plotting.plot_class_counts(counts)
    assert [bar.get_width() for bar in ax.patches] == [5100, 5000, 10, 900, 1000, 1]
    assert texts(ax) == ["5,100", "5,000", "10", "900", "1,000", "1"]
    assert ax.patches[0].get_hatch() != ax.patches[3].get_hatch() and legend(ax) == ["train", "test"]
    assert [text.get_text() for text in ax.get_yticklabels()] == list(NAMES)
    assert plotting.plot_class_counts({"cat": 2}).get_xlabel() == "images"
    drawn(ax.figure)
    with pytest.raises(InputError, match="no classes"):
        plotting.plot_class_counts({})


def test_a_sample_sheet_has_a_row_a_class_with_the_first_images():
    images = np.zeros((6, 4, 4, 1), np.uint8) + np.arange(10, 70, 10, dtype=np.uint8)[:, None, None, None]
    ax = plotting.plot_samples(images, np.array([1, 0, 1, 0, 1, 2]), NAMES, per_class=2)
    sheet = ax.images[0].get_array()
    assert [[sheet[row * 5, column * 5, 0] for column in (0, 1)] for row in (0, 1, 2)] == [
        [20, 40],
        [10, 30],
        [60, 255],
    ]
    assert [text.get_text() for text in ax.get_yticklabels()] == list(NAMES)


def test_a_sample_sheet_takes_colour_and_floats_and_refuses_the_rest():
    colour = np.zeros((3, 4, 4, 3)) + np.array([1.0, 0.5, 0.0])
    ax = plotting.plot_samples(colour, np.arange(3), NAMES, per_class=1)
    assert list(ax.images[0].get_array()[0, 0]) == [255, 128, 0]
    for bad in (np.zeros((3, 4, 4, 2)), np.zeros((0, 4, 4, 1)), colour * 255, colour - 1, colour * np.nan):
        with pytest.raises(InputError):
            plotting.plot_samples(bad, np.arange(len(bad)), NAMES)
    with pytest.raises(InputError, match="one an image"):
        plotting.plot_samples(colour, np.arange(2), NAMES)


# confusion matrix


def test_a_confusion_matrix_writes_counts_and_percent_of_the_true_class_readably():
    matrix = np.array([[90, 10, 0], [1, 999, 0], [0, 0, 0]])
    ax = plotting.plot_confusion_matrix(matrix, NAMES)
    np.testing.assert_allclose(ax.images[0].get_array()[:2], [[90, 10, 0], [0.1, 99.9, 0]])
    assert texts(ax) == ["90\n90%", "10\n10%", "·", "1\n<1%", "999\n100%", "·", "·", "·", "·"]
    assert ax.texts[4].get_color() == "white" and ax.texts[1].get_color() == "black"
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("predicted class", "true class")
    assert ax.figure.axes[1].get_ylabel() == "% of the true class"
    drawn(ax.figure)


def test_mean_counts_keep_a_decimal_and_many_classes_are_not_written():
    assert "4.5\n90%" in texts(plotting.plot_confusion_matrix(np.array([[4.5, 0.5], [0, 2]]), ("cat", "dog")))
    hundred = plotting.plot_confusion_matrix(np.eye(100), tuple(f"class {index}" for index in range(100)))
    assert not hundred.texts and len(hundred.get_xticks()) == 20


@pytest.mark.parametrize("matrix", [np.ones((2, 3)), np.ones((2, 2)), -np.eye(3), np.full((3, 3), np.nan)])
def test_what_is_no_confusion_matrix_is_refused(matrix):
    with pytest.raises(InputError, match="confusion matrix of 3 classes"):
        plotting.plot_confusion_matrix(matrix, NAMES)


# prediction gallery


@pytest.fixture
def images():
    return np.random.default_rng(0).integers(0, 256, (3, 8, 8, 1), dtype=np.uint8)


PROBABILITIES = np.array([[0.7, 0.2, 0.1], [0.1, 0.3, 0.6], [0.2, 0.5, 0.3]])


def test_right_and_wrong_answers_differ_by_sign_words_and_hatching(images):
    figure = plotting.plot_predictions(images, PROBABILITIES, np.array([0, 1, 1]), NAMES).figure
    pictures, bars = figure.axes[1:4], figure.axes[4:]
    titles = [ax.get_title(loc="left").strip() for ax in pictures]
    assert titles == ["✓ T-shirt/top", "✗ Ankle boot\ntrue: Trouser", "✓ Trouser"]
    assert [ax.patches[0].get_hatch() is not None for ax in bars] == [False, True, False]
    np.testing.assert_allclose([bar.get_width() for bar in bars[1].patches], [0.6, 0.3, 0.1])
    assert texts(bars[1]) == ["Ankle boot", "60%", "Trouser", "30%", "T-shirt/top", "10%"]
    drawn(figure)


def test_a_gallery_without_labels_judges_nothing(images):
    names = ("a name longer than its picture", "b", "$c")
    figure = plotting.plot_predictions(images, PROBABILITIES, None, names, columns=2).figure
    titles = [ax.get_title(loc="left") for ax in figure.axes if ax.images]
    assert titles == ["a name longer than it…", r"\$c", "b"]
    assert not any(sign in title for sign in "✓✗" for title in titles)
    drawn(figure)


def test_a_gallery_takes_the_place_of_the_axes_given(images):
    figure, (left, right) = plt.subplots(1, 2, layout="constrained")
    assert plotting.plot_predictions(images[:1], PROBABILITIES[:1], np.array([0]), NAMES, left) is left
    drawn(figure)
    picture, bars = figure.axes[2:]
    assert max(picture.get_position().x1, bars.get_position().x1) < right.get_position().x0


def test_a_gallery_refuses_what_does_not_fit(images):
    with pytest.raises(InputError, match="a column a class"):
        plotting.plot_predictions(images, PROBABILITIES[:, :2], None, NAMES)
    with pytest.raises(InputError, match="finite"):
        plotting.plot_predictions(images, PROBABILITIES * np.nan, None, NAMES)
    with pytest.raises(InputError, match="one an image"):
        plotting.plot_predictions(images, PROBABILITIES, np.array([0]), NAMES)


# style


def test_ink_is_readable_on_every_shade_of_the_colour_scale():
    def luminance(colour):
        channels = np.array(mpl.colors.to_rgb(colour))
        return np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4) @ (
            0.2126,
            0.7152,
            0.0722,
        )

    for shade in mpl.colormaps["Blues"](np.linspace(0, 1, 50))[:, :3]:
        dark, light = sorted([luminance(shade), luminance(style.ink(shade))])
        assert (light + 0.05) / (dark + 0.05) >= 4.5, to_hex(shade)


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        ("accuracy", ("accuracy (%)", 100)),
        ("last_train_accuracy", ("last epoch's running training accuracy (%)", 100)),
        ("test_crossentropy", ("test cross-entropy (nats)", 1)),
        ("difference", ("difference in accuracy (points)", 100)),
        ("peak_memory_mb", ("peak memory of the process (MB)", 1)),
        ("own_measure", ("own measure", 1)),
    ],
)
def test_columns_have_names_and_units(column, expected):
    assert style.quantity(column) == expected


def test_the_style_is_for_the_width_of_the_book_on_white():
    plotting.use_style()
    assert mpl.rcParams["figure.figsize"][0] == 7.0 and mpl.rcParams["figure.facecolor"] == "white"
    assert plotting.plot_learning_curves(history("A1")).figure.get_figwidth() == 7.0


def test_tables_write_the_longest_title_of_a_study_out():
    plotting.use_style()
    longest = max((one.labels["title"] for one in studies.all_experiments()), key=len)
    assert len(longest) > 50  # where pandas cuts
    assert longest in pd.DataFrame({"title": [longest]}).to_html()


def test_equal_figures_are_equal_files(tmp_path):
    plotting.use_style()
    for name in ("a.svg", "b.svg"):
        plotting.plot_learning_curves(history("A1")).figure.savefig(tmp_path / name, metadata={"Date": None})
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()
