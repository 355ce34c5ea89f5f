"""Figures of representations draw what they are given, and say so where an image is missing."""

import io
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from cnnhelpers import plotting
from cnnhelpers.errors import InputError


@pytest.fixture
def draw():
    return np.random.default_rng(0)


def finished(figure):
    """Draw for good: layout problems and missing glyphs would warn here."""
    figure.savefig(io.BytesIO(), dpi=50)


def test_figures_and_kept_measures_import_without_tensorflow():
    code = "import sys, cnnhelpers.plotting.interpretability, cnnhelpers.interpretability.store; "
    code += "assert not {'keras', 'tensorflow'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_filters_are_drawn_as_they_are_with_zero_in_the_middle(draw):
    kernels = draw.normal(size=(3, 3, 1, 8))
    ax = plotting.plot_filters(kernels)
    sheet = np.ma.getdata(ax.images[0].get_array())
    assert sheet.shape == (3, 6 * 4 - 1)  # one input channel: one row; six filters, a line between them
    assert sheet[:, 4:7] == pytest.approx(kernels[:, :, 0, 1])
    low, high = ax.images[0].get_clim()
    assert low == -high
    assert plotting.plot_filters(draw.normal(size=(3, 3, 4, 8))).images[0].get_array().shape == (11, 23)
    finished(ax.figure)


def test_tiles_put_every_map_on_its_own_scale(draw):
    maps = draw.uniform(2, 3, size=(10, 5, 5)) * np.arange(10)[:, None, None]
    ax = plotting.plot_tiles(maps)
    sheet = ax.images[0].get_array()
    assert sheet.shape == (11, 8 * 6 - 1)
    assert (sheet[:5, :5] == 0).all()  # a map that is the same everywhere
    assert (sheet[:5, 6:11].min(), sheet[:5, 6:11].max()) == (0, 1)
    assert (plotting.plot_tiles(np.full((2, 4, 4, 3), 255, np.uint8)).images[0].get_array()[:4, :4] == 1).all()
    with pytest.raises(InputError, match=r"Received: \(4, 4\)"):
        plotting.plot_tiles(np.zeros((4, 4)))


def test_a_line_by_layer_goes_through_the_means_of_the_runs():
    table = pd.DataFrame(
        {
            "layer": ["input", "output"] * 4,
            "moment": ["before training"] * 4 + ["after training"] * 4,
            "value": [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 1.0],
        }
    )
    ax = plotting.plot_by_layer(table, "accuracy", percent=True, reference=(0.25, "guessing"))
    lines = {line.get_label(): line for line in ax.lines}
    assert lines["before training"].get_ydata() == pytest.approx([20, 30])
    assert lines["after training"].get_ydata() == pytest.approx([60, 80])
    assert lines["guessing"].get_ydata()[0] == 25
    assert lines["before training"].get_linestyle() != lines["after training"].get_linestyle()
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["input", "output"]
    assert ax.get_ylabel() == "accuracy (%)"
    finished(ax.figure)
    with pytest.raises(InputError, match="without rows"):
        plotting.plot_by_layer(table[:0], "accuracy")


def test_a_projection_draws_every_class_and_names_the_variance(draw):
    labels = np.arange(30) % 3
    measures = {"components": draw.normal(size=(30, 3)), "explained": np.array([0.5, 0.25]), "labels": labels}
    figure = plotting.plot_projection(measures | {"tsne": draw.normal(size=(30, 2))}, ["a", "b", "c"]).figure
    _, first, second = figure.axes
    assert "50%" in first.get_xlabel() and "25%" in first.get_ylabel()
    assert [len(one.get_offsets()) for one in first.collections] == [10, 10, 10]
    assert np.ma.getdata(first.collections[1].get_offsets()) == pytest.approx(measures["components"][labels == 1, :2])
    assert len(second.collections) == 3 and not len(second.get_xticks())
    finished(figure)


def test_violins_have_a_half_for_each_moment(draw):
    before, after = (np.sort(draw.normal(size=(3, 101))) * scale for scale in (1, 2))
    ax = plotting.plot_weight_changes(before, after, ["convolution 1", "dense 1", "output"])
    assert len(ax.collections) == 6
    heights = [body.get_paths()[0].vertices[:, 1].max() for body in (ax.collections[0], ax.collections[3])]
    assert heights == pytest.approx([before[0, -2], after[0, -2]], rel=0.3)
    finished(ax.figure)


def test_similarity_writes_every_number_and_a_dash_where_there_is_none():
    ax = plotting.plot_similarity([[1.0, 0.25], [np.nan, 0.5]], ["a", "b"], ["c", "d"], ("one", "other"))
    assert [text.get_text() for text in ax.texts] == ["1.00", "0.25", "–", "0.50"]
    assert (ax.get_ylabel(), ax.get_xlabel()) == ("one", "other")
    finished(ax.figure)


def test_explanations_without_images_say_so_and_stay_whole(draw):
    maps = {"saliency": draw.uniform(size=(2, 8, 8)), "Grad-CAM": draw.uniform(size=(2, 3, 3))}
    images = draw.integers(0, 255, (2, 8, 8, 3), dtype=np.uint8)
    whole, bare = (plotting.plot_attributions(maps, ["a", "b"], shown).figure for shown in (images, None))
    assert (len(whole.axes) - 1, len(bare.axes) - 1) == (6, 4)
    assert "not on the machine" in bare.get_supxlabel() and not whole.get_supxlabel()
    assert bare.axes[1].get_title() == "a" and bare.axes[1].get_ylabel() == "saliency"
    finished(whole)
    finished(bare)
