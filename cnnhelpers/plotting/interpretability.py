"""Draw what a network has learned: measures by layer, projections, weights, attributions."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from cnnhelpers.plotting.images import bare
from cnnhelpers.plotting.style import COLOURS, QUIET, axes, hues, legend, need, panels, wrapped

SLANTED = {"rotation": 30, "ha": "right", "rotation_mode": "anchor"}


def plot_by_layer(
    table: pd.DataFrame,
    label: str,
    ax: Axes | None = None,
    *,
    by: str = "moment",
    reference: tuple[float, str] | None = None,
    percent: bool = False,
) -> Axes:
    """Draw a measure along the depth of networks: mean, and lowest to highest run, for each value of `by`.

    `table` has the columns layer, value and `by`, the layers in order; `label` names the axis; `reference` is the value
    and the name of a horizontal line.
    """
    need(table, ["layer", "value", by], "plot_by_layer")
    ax = axes(ax, height=3.6)
    factor = 100 if percent else 1
    layers, names = list(dict.fromkeys(table["layer"])), list(dict.fromkeys(table[by]))
    groups = {name: wrapped(name, 24) for name in names}
    shown = table.reset_index(drop=True)
    shown["place"] = shown["layer"].map(layers.index) + 0.12 * (shown[by].map(names.index) - (len(names) - 1) / 2)
    shown["group"], shown["value"] = shown[by].map(groups), factor * shown["value"]
    dashes = {name: (3, 1.5) if name == "before training" else "" for name in groups.values()}
    bars = {"errorbar": ("pi", 100), "err_style": "bars", "err_kws": {"linewidth": 1}, "markeredgewidth": 0}
    looks = hues(groups.values()) | bars | {"hue": "group", "style": "group", "dashes": dashes}
    sns.lineplot(shown, x="place", y="value", ax=ax, **looks)
    if reference is not None:
        level, name = reference
        ax.axhline(level * factor, color=QUIET, linestyle=":", label=wrapped(name, 24))
    _name_layers(ax, layers)
    ax.set(xlabel="", ylabel=f"{label} (%)" if percent else label)
    ax.grid(axis="y")
    band = Line2D([], [], color=QUIET, linewidth=1, label="lowest to highest run")
    legend(ax, [*ax.get_legend_handles_labels()[0], band])
    return ax


def plot_projection(measures: Mapping[str, np.ndarray], class_names: Sequence[str], ax: Axes | None = None) -> Axes:
    """Draw each image as a point of its class, by two principal components and by t-SNE, in the place of `ax`.

    `measures` has components (num_images, 2 or more), explained, tsne (num_images, 2) and labels (num_images,), as
    `interpretability.measure` returns.
    """
    ax = axes(ax, height=4.2, width=9.5)
    first, second = panels(ax, 1, 2)[0]
    names = [wrapped(name, 18) for name in class_names]
    shown = [names[label] for label in measures["labels"]]
    looks = hues(names) | {"hue": shown, "style": shown, "s": 18, "alpha": 0.75, "linewidth": 0}
    for panel, points in ((first, measures["components"]), (second, measures["tsne"])):
        x, y = np.asarray(points, float)[:, :2].T
        sns.scatterplot(x=x, y=y, ax=panel, legend=panel is second, **looks)
    axis = "component {} ({:.0%} of the variance)"
    first.set(xlabel=axis.format(1, measures["explained"][0]), ylabel=axis.format(2, measures["explained"][1]))
    second.set(title="t-SNE", xticks=[], yticks=[])
    second.legend(loc="center left", bbox_to_anchor=(1, 0.5), markerscale=1.4)
    return ax


def plot_weight_changes(before: np.ndarray, after: np.ndarray, layers: Sequence[str], ax: Axes | None = None) -> Axes:
    """Draw the distribution of each layer's weights, left half before and right half after training.

    `before` and `after` are (num_layers, quantiles), equally spaced; the outermost are omitted, because single weights
    would stretch the axis.
    """
    parts = {"before training": before, "after training": after}
    weights = pd.concat(
        pd.DataFrame(np.asarray(quantiles, float)[:, 1:-1].T, columns=list(layers)).melt().assign(moment=moment)
        for moment, quantiles in parts.items()
    )
    ax = axes(ax, height=3.8)
    look = {"split": True, "inner": None, "cut": 0, "density_norm": "width", "linewidth": 0, "palette": COLOURS[:2]}
    sns.violinplot(weights, x="variable", y="value", hue="moment", ax=ax, **look)
    ax.axhline(0, color=QUIET, linewidth=0.7)
    _name_layers(ax, layers)
    ax.set(xlabel="", ylabel="weight")
    legend(ax)
    return ax


def plot_attributions(
    maps: Mapping[str, np.ndarray], titles: Sequence[str], images: np.ndarray | None = None, ax: Axes | None = None
) -> Axes:
    """Draw attribution maps below their images, in panels that take the place of `ax`.

    `maps` are the name of each method and (num_images, height, width) from 0, each map on its own scale from dark to
    bright; `titles` name the images, such as "shirt (true: coat)". Without `images` the figure says so.
    """
    rows = {} if images is None else {"image": images}
    rows |= {name: np.asarray(pictures, float) for name, pictures in maps.items()}
    ax = axes(ax, height=0.55 + 1.15 * len(rows))
    grid = panels(ax, len(rows), len(titles))
    for cells, (name, pictures) in zip(grid, rows.items(), strict=True):
        shade = {"cmap": "gray"} if name == "image" else {"cmap": "magma", "vmin": 0}
        for panel, picture in zip(cells, pictures, strict=True):
            panel.imshow(picture, interpolation="nearest", **shade)
            bare(panel)
        cells[0].set_ylabel(wrapped(name, 14))
    for panel, title in zip(grid[0], titles, strict=True):
        panel.set_title(wrapped(title, 15), fontsize=8)
    if images is None:
        ax.figure.supxlabel("The images are not on this machine.", fontsize=9)
    return ax


def _name_layers(ax: Axes, layers: Sequence[str]) -> None:
    ax.set_xticks(range(len(layers)), layers, **(SLANTED if len(layers) > 4 else {}))
