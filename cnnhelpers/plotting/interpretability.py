"""Draw what a network has learned: measures by layer, projections, weights, attributions."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from cnnhelpers.plotting.style import COLOURS, MARKERS, QUIET, axes, legend, need, panels, wrapped

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

    Parameters
    ----------
    table
        Columns layer, value and `by`; layers in the order of their first rows.
    label
        Of the measure, for the axis.
    reference
        Value and name of a horizontal line.
    """
    need(table, ["layer", "value", by], "plot_by_layer")
    ax = axes(ax, height=3.6)
    factor = 100 if percent else 1
    layers = list(dict.fromkeys(table["layer"]))
    groups = {name: wrapped(name, 24) for name in dict.fromkeys(table[by])}
    shift = table[by].map(list(groups).index) - (len(groups) - 1) / 2
    shown = table.reset_index(drop=True).assign(group=table[by].map(groups).to_numpy())
    shown["place"] = shown["layer"].map(layers.index) + 0.12 * shift.to_numpy()
    shown["value"] *= factor
    looks = {"hue": "group", "style": "group", "palette": COLOURS[: len(groups)], "markers": MARKERS[: len(groups)]}
    looks["dashes"] = [(3, 1.5) if name == "before training" else "" for name in groups]
    looks |= {"errorbar": ("pi", 100), "err_style": "bars", "err_kws": {"linewidth": 1}, "markeredgewidth": 0}
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

    Parameters
    ----------
    measures
        components (num_images, 2 or more), explained, tsne (num_images, 2) and labels (num_images,), as
        `interpretability.measure` returns.
    """
    ax = axes(ax, height=4.2, width=9.5)
    first, second = panels(ax, 1, 2)[0]
    names = [wrapped(name, 18) for name in class_names]
    shown = [names[label] for label in measures["labels"]]
    looks = {"hue": shown, "style": shown, "hue_order": names, "style_order": names, "s": 18, "alpha": 0.75}
    looks |= {"palette": [COLOURS[place % len(COLOURS)] for place in range(len(names))], "linewidth": 0}
    looks["markers"] = [MARKERS[place % len(MARKERS)] for place in range(len(names))]
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

    The outermost quantiles are omitted: single weights would stretch the axis.

    Parameters
    ----------
    before, after
        (num_layers, quantiles): equally spaced quantiles of the weights.
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

    Parameters
    ----------
    maps
        Name of the method to (num_images, height, width), from 0; each map on its own scale from dark to bright.
    titles
        A title for each image, such as "shirt (true: coat)".
    images
        (num_images, height, width, 1 or 3) uint8, or None without the data, which the figure then says.
    """
    rows = {} if images is None else {"image": images}
    rows |= {name: np.asarray(pictures, float) for name, pictures in maps.items()}
    ax = axes(ax, height=0.55 + 1.15 * len(rows))
    grid = panels(ax, len(rows), len(titles))
    for cells, (name, pictures) in zip(grid, rows.items(), strict=True):
        shade = {"cmap": "gray"} if name == "image" else {"cmap": "magma", "vmin": 0}
        for panel, picture in zip(cells, pictures, strict=True):
            panel.imshow(picture, interpolation="nearest", **shade)
            panel.set(xticks=[], yticks=[])
            panel.spines[:].set_visible(False)
        cells[0].set_ylabel(wrapped(name, 14))
    for panel, title in zip(grid[0], titles, strict=True):
        panel.set_title(wrapped(title, 15), fontsize=8)
    if images is None:
        ax.figure.supxlabel("The images are not on this machine.", fontsize=9)
    return ax


def _name_layers(ax: Axes, layers: Sequence[str]) -> None:
    ax.set_xticks(range(len(layers)), layers, **(SLANTED if len(layers) > 4 else {}))
