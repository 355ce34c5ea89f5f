"""Figures of networks and of what they have learned go through the given numbers."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.text import Text

from cnnhelpers import plotting
from cnnhelpers.errors import InputError
from tests.plotting.drawn import legend, save, ticks


@pytest.fixture
def draw():
    return np.random.default_rng(0)


def test_curves_by_layer_are_means_of_the_runs_and_skip_missing_layers():
    table = pd.DataFrame(
        {
            "layer": ["input", "dense", "output"] * 4,
            "moment": ["after training"] * 6 + ["before training"] * 6,
            "value": [0.5, 0.9, 0.6, 0.7, 0.9, 1.0, 0.1, 0.9, 0.2, 0.3, 0.9, 0.4],
        }
    )
    table = table[(table["layer"] != "dense") | (table["moment"] == "after training")]
    ax = plotting.plot_by_layer(table, "accuracy", percent=True, reference=(0.25, "guessing"))
    after, before = (line for line in ax.lines if len(line.get_xdata()) and line.get_marker() in ("o", "s"))
    (reference,) = [line for line in ax.lines if line.get_label() == "guessing"]
    np.testing.assert_allclose(before.get_ydata(), [20, 30])
    np.testing.assert_allclose(after.get_ydata(), [60, 90, 80])
    assert (before.get_xdata().round().tolist(), reference.get_ydata()[0]) == ([0, 2], 25)
    assert before.get_linestyle() != after.get_linestyle()
    assert legend(ax)[:3] == ["after training", "before training", "guessing"]
    assert (ticks(ax.xaxis), ax.get_ylabel()) == (["input", "dense", "output"], "accuracy (%)")
    save(ax.figure)
    with pytest.raises(InputError, match="rows"):
        plotting.plot_by_layer(table[:0], "accuracy")


def test_a_projection_has_every_image_and_the_explained_variance(draw):
    labels = np.arange(30) % 3
    measures = {"components": draw.normal(size=(30, 3)), "explained": np.array([0.5, 0.25]), "labels": labels}
    figure = plotting.plot_projection(measures | {"tsne": draw.normal(size=(30, 2))}, ["a", "b", "c"]).figure
    _, first, second = figure.axes
    assert "50%" in first.get_xlabel() and "25%" in first.get_ylabel()
    np.testing.assert_allclose(first.collections[0].get_offsets(), measures["components"][:, :2])
    assert len(np.unique(first.collections[0].get_facecolors(), axis=0)) == 3
    assert legend(second) == ["a", "b", "c"] and not len(second.get_xticks())
    save(figure)


def test_weights_have_a_half_violin_for_each_moment(draw):
    before, after = (np.sort(draw.normal(size=(3, 101))) * scale for scale in (1, 2))
    ax = plotting.plot_weight_changes(before, after, ["convolution 1", "dense 1", "output"])
    shapes = [body.get_paths()[0].vertices for body in ax.collections]
    assert len(shapes) == 6
    for layer in range(3):
        left, right = shapes[2 * layer : 2 * layer + 2]
        assert left[:, 0].min() < layer <= right[:, 0].max() and left[:, 0].max() <= layer <= right[:, 0].min()
        assert (left[:, 1].max(), right[:, 1].max()) == pytest.approx((before[layer, -2], after[layer, -2]))
    save(ax.figure)


def test_attributions_without_images_say_so(draw):
    maps = {"saliency": draw.uniform(size=(2, 8, 8)), "Grad-CAM": draw.uniform(size=(2, 3, 3))}
    images = draw.integers(0, 255, (2, 8, 8, 3), dtype=np.uint8)
    whole, bare = (plotting.plot_attributions(maps, ["a", "b"], shown).figure for shown in (images, None))
    assert (len(whole.axes) - 1, len(bare.axes) - 1) == (6, 4)
    assert bare.get_supxlabel() and not whole.get_supxlabel()
    assert bare.axes[1].get_title() == "a" and bare.axes[1].get_ylabel() == "saliency"
    save(whole)
    save(bare)


@pytest.mark.parametrize("values", [(0.76, 0.745, 0.10, 0.80, 0.805, 0.79), (0.90, 0.9, 0.9, 0.9, 0.9, 0.9)])
def test_names_of_networks_cover_neither_dots_nor_each_other(values):
    costs = [2.80e5, 2.79e5, 6.1e5, 9e5, 9e5, 9e5]
    table = pd.DataFrame({"experiment": [f"D10-{one}" for one in range(6)], "parameters": costs, "estimate": values})
    ax = plotting.plot_pareto(table.assign(low=values, high=values, front=False), "parameters")
    ax.figure.draw_without_rendering()
    renderer = ax.figure.canvas.get_renderer()
    boxes = [Text.get_window_extent(text, renderer) for text in ax.texts]  # without the lines to the dots
    assert not any(box.overlaps(before) for place, box in enumerate(boxes) for before in boxes[:place])
    dots = ax.transData.transform(np.column_stack([costs, 100 * np.array(values)]))
    assert not any(box.contains(*dot) for box in boxes for dot in dots)
    assert all(ax.get_window_extent().y0 <= box.y0 and box.y1 <= ax.get_window_extent().y1 for box in boxes)


def test_signals_have_a_curve_for_each_network_and_share_a_legend():
    table = pd.DataFrame({"experiment": ["a", "a", "b", "b"], "depth": [1, 2] * 2, "signal": [1, 0.1, 1, 0.01]})
    figure, (left, right) = plt.subplots(1, 2)
    for ax in (left, right):
        plotting.plot_signal(table.set_index(np.zeros(4)), "signal", ax, learning_rate=0.001)
    assert [line.get_ydata().tolist() for line in left.lines[:2]] == [[1, 0.1], [1, 0.01]]
    assert legend(left) == ["a", "b", "learning rate"] and right.get_legend() is None
    assert left.get_yscale() == "log"
    save(figure)
    ten = pd.DataFrame({"experiment": list("abcdefghij") * 2, "depth": [1] * 10 + [2] * 10, "signal": 0.5})
    lines = plotting.plot_signal(ten).lines[:10]
    assert len({(line.get_color(), line.get_marker()) for line in lines}) == 10  # more than there are colours
