"""Images, feature maps and filters are drawn unchanged, predictions with their answers."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from cnnhelpers import plotting
from cnnhelpers.errors import InputError
from tests.plotting.drawn import legend, save, texts, ticks

NAMES = ("T-shirt/top", "Trouser", "Ankle boot")
PROBABILITIES = np.array([[0.7, 0.2, 0.1], [0.1, 0.3, 0.6], [0.2, 0.5, 0.3]])


@pytest.fixture
def images():
    return np.random.default_rng(0).integers(0, 256, (3, 8, 8, 1), dtype=np.uint8)


def test_class_counts_are_bars_with_numbers_and_hatches():
    counts = pd.DataFrame({"train": [5100, 5000, 10], "test": [900, 1000, 1]}, index=NAMES)
    ax = plotting.plot_class_counts(counts)
    assert [bar.get_width() for bar in ax.patches] == [5100, 5000, 10, 900, 1000, 1]
    assert texts(ax) == ["5,100", "5,000", "10", "900", "1,000", "1"]
    assert ax.patches[0].get_hatch() != ax.patches[3].get_hatch() and legend(ax) == ["train", "test"]
    assert ticks(ax.yaxis) == list(NAMES) and ax.yaxis_inverted()
    save(ax.figure)
    with pytest.raises(InputError, match="counts"):
        plotting.plot_class_counts(counts[:0])


def test_samples_are_the_first_images_of_each_class():
    images = np.zeros((6, 4, 4, 1), np.uint8) + np.arange(10, 70, 10, dtype=np.uint8)[:, None, None, None]
    ax = plotting.plot_samples(images, np.array([1, 0, 1, 0, 1, 2]), NAMES, per_class=2)
    sheet = ax.images[0].get_array()
    corners = [[sheet[row * 5, column * 5, 0] for column in (0, 1)] for row in (0, 1, 2)]
    assert corners == [[20, 40], [10, 30], [60, 255]]
    assert ticks(ax.yaxis) == list(NAMES)


def test_samples_can_be_colours_and_floats_but_no_other_arrays():
    colour = np.zeros((3, 4, 4, 3)) + np.array([1.0, 0.5, 0.0])
    ax = plotting.plot_samples(colour, np.arange(3), NAMES, per_class=1)
    assert list(ax.images[0].get_array()[0, 0]) == [255, 128, 0]
    for bad in (np.zeros((3, 4, 4, 2)), np.zeros((0, 4, 4, 1)), colour * 255, colour - 1, colour * np.nan):
        with pytest.raises(InputError):
            plotting.plot_samples(bad, np.arange(len(bad)), NAMES)
    with pytest.raises(InputError, match="labels"):
        plotting.plot_samples(colour, np.arange(2), NAMES)


def test_right_and_wrong_answers_differ_by_sign_words_and_hatching(images):
    figure = plotting.plot_predictions(images, PROBABILITIES, np.array([0, 1, 1]), NAMES).figure
    pictures, bars = figure.axes[1:4], figure.axes[4:]
    titles = [ax.get_title(loc="left").strip() for ax in pictures]
    assert titles == ["✓ T-shirt/top", "✗ Ankle boot\ntrue: Trouser", "✓ Trouser"]
    assert [ax.patches[0].get_hatch() is not None for ax in bars] == [False, True, False]
    np.testing.assert_allclose([bar.get_width() for bar in bars[1].patches], [0.6, 0.3, 0.1])
    assert texts(bars[1]) == ["Ankle boot", "60%", "Trouser", "30%", "T-shirt/top", "10%"]
    save(figure)


def test_predictions_without_labels_are_not_judged(images):
    names = ("a name longer than its picture", "b", "$c")
    figure = plotting.plot_predictions(images, PROBABILITIES, None, names, columns=2).figure
    titles = [ax.get_title(loc="left") for ax in figure.axes if ax.images]
    assert titles == ["a name longer than…"[:17] + "…", r"\$c", "b"]
    save(figure)


def test_predictions_take_the_place_of_the_given_axes(images):
    figure, (left, right) = plt.subplots(1, 2, layout="constrained")
    assert plotting.plot_predictions(images[:1], PROBABILITIES[:1], np.array([0]), NAMES, left) is left
    save(figure)
    picture, bars = figure.axes[2:]
    assert max(picture.get_position().x1, bars.get_position().x1) < right.get_position().x0


@pytest.mark.parametrize(
    ("probabilities", "labels", "name"),
    [
        (PROBABILITIES[:, :2], None, "probabilities"),
        (PROBABILITIES * np.nan, None, "probabilities"),
        (PROBABILITIES, [0], "labels"),
    ],
)
def test_predictions_of_another_shape_are_refused(images, probabilities, labels, name):
    with pytest.raises(InputError, match=name):
        plotting.plot_predictions(images, probabilities, labels, NAMES)


def test_filters_are_drawn_unchanged_with_zero_in_the_middle():
    draw = np.random.default_rng(0)
    kernels = draw.normal(size=(3, 3, 1, 8))
    ax = plotting.plot_filters(kernels)
    sheet = np.ma.getdata(ax.images[0].get_array())
    assert sheet.shape == (3, 6 * 4 - 1)  # one input channel: one row; six filters, a line between them
    assert sheet[:, 4:7] == pytest.approx(kernels[:, :, 0, 1])
    low, high = ax.images[0].get_clim()
    assert low == -high
    assert plotting.plot_filters(draw.normal(size=(3, 3, 4, 8))).images[0].get_array().shape == (11, 23)
    assert (ticks(ax.xaxis), ticks(ax.yaxis)) == (list("123456"), ["1"])
    save(ax.figure)


def test_each_feature_map_has_its_own_scale():
    maps = np.random.default_rng(0).uniform(2, 3, size=(10, 5, 5)) * np.arange(10)[:, None, None]
    sheet = plotting.plot_tiles(maps).images[0].get_array()
    assert sheet.shape == (11, 8 * 6 - 1)
    assert (sheet[:5, :5] == 0).all()  # a constant map
    assert (sheet[:5, 6:11].min(), sheet[:5, 6:11].max()) == (0, 1)
    assert (plotting.plot_tiles(np.full((2, 4, 4, 3), 255, np.uint8)).images[0].get_array()[:4, :4] == 1).all()
    with pytest.raises(InputError, match=r"\(4, 4\)"):
        plotting.plot_tiles(np.zeros((4, 4)))
