"""Figures of what a network has learned: arrays and tables of cnnhelpers.interpretability.store in, axes out."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Patch

from cnnhelpers.errors import InputError
from cnnhelpers.plotting.style import COLOURS, HATCHES, QUIET, WIDTH, axes, ink, legend, look_of, need, panels, words

SLANTED = {"rotation": 30, "ha": "right", "rotation_mode": "anchor"}


def plot_filters(kernels: np.ndarray, ax: Axes | None = None, *, filters: int = 6, channels: int = 3) -> Axes:
    """Draw the first filters of a convolution, a column a filter and a row an input channel, as many as there are.

    Blue is negative, red is positive, white is 0: one scale for all slices, so that strong and weak ones differ.

    Parameters
    ----------
    kernels
        (height, width, input_channels, filters).
    """
    slices = np.asarray(kernels, float)[:, :, :channels, :filters].transpose(2, 3, 0, 1)  # channel, filter, row, column
    sheet = _sheet([list(row) for row in slices], np.nan)
    ax = axes(ax, height=0.7 + 0.8 * len(slices), width=min(WIDTH, 1.6 + 0.8 * slices.shape[1]))
    most = np.abs(slices).max()
    picture = ax.imshow(sheet, cmap="RdBu_r", vmin=-most, vmax=most, interpolation="nearest")
    height, width = slices.shape[2:]
    ax.set_xticks(_middles(slices.shape[1], width), [str(1 + place) for place in range(slices.shape[1])])
    ax.set_yticks(_middles(len(slices), height), [str(1 + place) for place in range(len(slices))])
    ax.set(xlabel="filter", ylabel="channel")
    _bare(ax)
    ax.figure.colorbar(picture, ax=ax, label="weight")
    return ax


def plot_tiles(pictures: np.ndarray, ax: Axes | None = None, *, columns: int = 8) -> Axes:
    """Draw pictures beside each other: feature maps, each on its own scale from dark to bright, or images.

    Parameters
    ----------
    pictures
        (num_pictures, height, width) or (..., 1) numbers, or (num_pictures, height, width, 3) uint8.
    """
    pictures = np.asarray(pictures)
    pictures = pictures[..., 0] if pictures.ndim == 4 and pictures.shape[-1] == 1 else pictures
    if pictures.ndim not in (3, 4) or len(pictures) == 0:
        raise InputError(f"tiles draws (num_pictures, height, width) numbers, or images. Received: {pictures.shape}")
    if pictures.ndim == 3:
        pictures = pictures.astype(float)
        low, high = (pictures.min(axis=(1, 2), keepdims=True), pictures.max(axis=(1, 2), keepdims=True))
        pictures = np.divide(pictures - low, high - low, out=np.zeros_like(pictures), where=high > low)
    else:
        pictures = pictures / 255
    rows = [list(pictures[start : start + columns]) for start in range(0, len(pictures), columns)]
    sheet = _sheet(rows, 0.75)  # a grey that neither black nor white pictures vanish in
    ax = axes(ax, height=0.1 + (WIDTH - 0.2) * sheet.shape[0] / sheet.shape[1])
    ax.imshow(sheet, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
    ax.set_xticks([])
    ax.set_yticks([])
    _bare(ax)
    return ax


def plot_by_layer(
    table: pd.DataFrame,
    label: str,
    ax: Axes | None = None,
    *,
    by: str = "moment",
    reference: tuple[float, str] | None = None,
    percent: bool = False,
) -> Axes:
    """Draw a measure along the depth of a network: every run a dot, a line through the means, one for each of `by`.

    Parameters
    ----------
    table
        Columns layer, value and `by`; layers in the order of their first rows.
    reference
        A value and its name, drawn as a horizontal line.
    """
    need(table, ["layer", "value", by], "plot_by_layer")
    ax = axes(ax, height=3.6)
    factor = 100 if percent else 1
    places = {layer: place for place, layer in enumerate(dict.fromkeys(table["layer"]))}
    groups = list(table.groupby(by, sort=False))
    for position, (name, rows) in enumerate(groups):
        shift = 0.12 * (position - (len(groups) - 1) / 2)
        look = look_of(position)
        line = "-" if name != "before training" else "--"
        means = rows.groupby("layer", sort=False)["value"].mean() * factor
        where = means.index.map(places).to_numpy(float) + shift
        ax.plot(where, means, line, **look, label=words(name, 24), linewidth=1.6, markersize=5)
        dots = rows["layer"].map(places).to_numpy(float) + shift
        ax.plot(dots, rows["value"] * factor, ".", color=look["color"], alpha=0.45, markersize=5)
    if reference is not None:
        ax.axhline(reference[0] * factor, color=QUIET, linestyle=":", label=words(reference[1], 24))
    ax.set_xticks(list(places.values()), list(places), **(SLANTED if len(places) > 4 else {}))
    ax.set(ylabel=f"{label} (%)" if percent else label)
    ax.grid(axis="y", color="#e0e0e0", linewidth=0.6)
    legend(ax, ax.get_legend_handles_labels()[0])
    return ax


def plot_projection(measures: dict[str, np.ndarray], class_names: Sequence[str], ax: Axes | None = None) -> Axes:
    """Draw images as points, a colour and a marker a class: by two principal components, and by t-SNE.

    Parameters
    ----------
    measures
        components (num_images, 2 or more), explained, tsne (num_images, 2) and labels (num_images,), as
        inspection.measure gives.
    """
    ax, labels = axes(ax, height=4.2, width=9.0), np.asarray(measures["labels"])
    first, second = panels(ax, 1, 2)[0]
    for index, name in enumerate(class_names):
        look = look_of(index) | {"label": words(name, 18)}
        for panel, places in zip((first, second), (measures["components"], measures["tsne"]), strict=True):
            panel.scatter(*np.asarray(places, float)[labels == index, :2].T, s=12, alpha=0.75, linewidth=0, **look)
    axis = "component {} ({:.0%} of the variance)"
    first.set(xlabel=axis.format(1, measures["explained"][0]), ylabel=axis.format(2, measures["explained"][1]))
    second.set(title="t-SNE", xticks=[], yticks=[])
    second.legend(handles=first.get_legend_handles_labels()[0], loc="center left", bbox_to_anchor=(1, 0.5))
    return ax


def plot_weight_changes(before: np.ndarray, after: np.ndarray, layers: Sequence[str], ax: Axes | None = None) -> Axes:
    """Draw the distribution of each layer's weights, left half before and right half after training.

    The outermost hundredths at both ends are left out, where single weights would stretch the picture.

    Parameters
    ----------
    before, after
        (num_layers, quantiles): equally spaced quantiles of the weights.
    """
    ax = axes(ax, height=3.8)
    for position, (quantiles, side) in enumerate(((before, "low"), (after, "high"))):
        shapes = ax.violinplot(
            [np.asarray(one, float)[1:-1] for one in quantiles],
            range(len(layers)), widths=0.8, showextrema=False, side=side,
        )  # fmt: skip
        for body in shapes["bodies"]:
            body.set(facecolor=COLOURS[position], alpha=0.8, hatch=HATCHES[position], edgecolor="white", linewidth=0)
    ax.axhline(0, color=QUIET, linewidth=0.7)
    ax.set_xticks(range(len(layers)), layers, **(SLANTED if len(layers) > 4 else {}))
    ax.set(ylabel="weight")
    looks = [{"facecolor": COLOURS[place], "hatch": HATCHES[place], "edgecolor": "white"} for place in (0, 1)]
    names = ("before training", "after training")
    legend(ax, [Patch(**look, linewidth=0, label=name) for look, name in zip(looks, names, strict=True)])
    return ax


def plot_similarity(
    matrix: np.ndarray, rows: Sequence[str], columns: Sequence[str], names: tuple[str, str], ax: Axes | None = None
) -> Axes:
    """Draw CKA between layers, 1 for the same up to rotation and scale, near 0 for nothing in common.

    Parameters
    ----------
    matrix
        (num_rows, num_columns).
    names
        Of the rows' and of the columns' network, for the axes.
    """
    matrix = np.asarray(matrix, float)
    ax = axes(ax, height=0.9 + 0.5 * len(rows), width=min(WIDTH, 2.6 + 0.62 * len(columns)))
    picture = ax.imshow(matrix, cmap="cividis", vmin=0, vmax=1, aspect="auto")
    for (row, column), value in np.ndenumerate(matrix):
        shade = picture.cmap(picture.norm(np.nan_to_num(value)))[:3]
        text = f"{value:.2f}" if np.isfinite(value) else "–"
        ax.text(column, row, text, ha="center", va="center", fontsize=8, color=ink(shade))
    ax.set_xticks(range(len(columns)), columns, **SLANTED)
    ax.set_yticks(range(len(rows)), rows)
    ax.set(xlabel=words(names[1], 40), ylabel=words(names[0], 30))
    _bare(ax)
    ax.figure.colorbar(picture, ax=ax, label="CKA")
    return ax


def plot_attributions(
    maps: dict[str, np.ndarray], titles: Sequence[str], images: np.ndarray | None = None, ax: Axes | None = None
) -> Axes:
    """Draw explanations below the images they explain, a column an image; without images the maps alone.

    Parameters
    ----------
    maps
        Name of the explanation to (num_images, height, width), from 0; each map on its own scale from dark to bright.
    titles
        One an image, such as "shirt (true: coat)".
    images
        (num_images, height, width, 1 or 3) uint8, or None where the data are not at hand: the figure says so.
    """
    rows = ([("image", images)] if images is not None else []) + list(maps.items())
    ax = axes(ax, height=0.55 + 1.15 * len(rows))
    grid = panels(ax, len(rows), len(titles))
    for own, (name, pictures) in zip(grid, rows, strict=True):
        for panel, picture in zip(own, pictures, strict=True):
            shade = {"cmap": "gray"} if name == "image" else {"cmap": "magma", "vmin": 0}
            panel.imshow(np.asarray(picture, None if name == "image" else float), interpolation="nearest", **shade)
            panel.set_xticks([])
            panel.set_yticks([])
            _bare(panel)
        own[0].set_ylabel(words(name, 14))
    for panel, title in zip(grid[0], titles, strict=True):
        panel.set_title(words(title, 15), fontsize=8)
    if images is None:
        ax.figure.supxlabel("The images themselves are not on the machine that made this page.", fontsize=9)
    return ax


def _sheet(rows: list[list[np.ndarray]], blank: float) -> np.ndarray:
    """Return pictures of one size as one, a line of `blank` between them."""
    height, width = rows[0][0].shape[:2]
    space = max(1, height // 14)
    size = (len(rows) * (height + space) - space, max(map(len, rows)) * (width + space) - space)
    sheet = np.full(size + rows[0][0].shape[2:], blank)
    for row, pictures in enumerate(rows):
        for column, picture in enumerate(pictures):
            top, left = row * (height + space), column * (width + space)
            sheet[top : top + height, left : left + width] = picture
    return sheet


def _middles(count: int, size: int) -> np.ndarray:
    """Return where the middle of each picture of a sheet is along one axis."""
    return np.arange(count) * (size + max(1, size // 14)) + (size - 1) / 2


def _bare(ax: Axes) -> None:
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
