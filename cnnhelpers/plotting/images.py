"""Draw images: samples of a dataset, predictions, filters and feature maps; and the number of images in each class."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from cnnhelpers.plotting.style import COLOURS, HATCHES, QUIET, RIGHT, WIDTH, WRONG, axes, check, legend, panels, wrapped

SHOWN, LETTERS = 3, 18  # most probable classes with a bar, and the letters of their names


def plot_samples(
    images: np.ndarray, labels: np.ndarray, class_names: Sequence[str], ax: Axes | None = None, *, per_class: int = 10
) -> Axes:
    """Draw the first images of each class, a class in each row.

    `images` are (num_images, height, width, 1 or 3), uint8 or floats from 0 to 1; `labels` integers from 0.
    """
    pictures, labels = _pictures(images), np.asarray(labels)
    check(labels.shape == (len(pictures),), "labels", f"({len(pictures)},), a label for each image", labels.shape)
    rows = [list(pictures[labels == label][:per_class]) for label in range(len(class_names))]
    sheet = _sheet(rows, 255, columns=per_class)
    ax = axes(ax, height=(WIDTH - 1.2) * sheet.shape[0] / sheet.shape[1] + 0.2)
    ax.imshow(sheet, interpolation="nearest")
    bare(ax)
    ax.set_yticks(_middles(len(class_names), pictures.shape[1]), [wrapped(name, 18) for name in class_names])
    return ax


def plot_class_counts(counts: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw the number of images in each class: rows of `counts` are classes, columns parts such as train and test."""
    check(len(counts) > 0, "counts", "a table with a row for each class", "no rows")
    parts, many = len(counts.columns), len(counts) > 30
    ax = axes(ax, height=1.0 + len(counts) * (0.14 if many else 0.12 + 0.13 * parts))
    counts.rename(index=wrapped).plot.barh(ax=ax, width=0.84, legend=False, color=list(COLOURS[:parts]))
    for bars, hatch in zip(ax.containers, HATCHES * parts, strict=False):
        for bar in bars:
            bar.set(hatch=hatch, edgecolor="white", linewidth=0)
        if not many:
            ax.bar_label(bars, fmt="{:,.0f}", padding=2, fontsize=8)
    ax.invert_yaxis()
    ax.tick_params(axis="y", length=0, labelsize=7 if many else 9)
    ax.set(xlabel="images", ylabel="", xlim=(0, 1.12 * counts.to_numpy(float).max()))
    ax.xaxis.set_major_formatter("{x:,.0f}")
    ax.grid(axis="x")
    if parts > 1:
        legend(ax)
    return ax


def plot_predictions(
    images: np.ndarray,
    probabilities: np.ndarray,
    labels: np.ndarray | None,
    class_names: Sequence[str],
    ax: Axes | None = None,
    *,
    columns: int = 5,
) -> Axes:
    """Draw each image over bars of its most probable classes, in panels that take the place of `ax`.

    Right answers have a check mark; wrong answers have a cross, the true class and a hatched bar. `images` are as in
    plot_samples, `probabilities` (num_images, classes), `labels` integers from 0, or None where they are unknown.
    """
    pictures, probabilities = _pictures(images), np.asarray(probabilities, dtype=float)
    shape = (len(pictures), len(class_names))
    fits = probabilities.shape == shape and np.isfinite(probabilities).all()
    check(fits, "probabilities", f"finite and {shape}, (images, classes)", probabilities.shape)
    answers = [None] * len(pictures) if labels is None else list(labels)
    check(len(answers) == len(pictures), "labels", f"({len(pictures)},), a label for each image", np.shape(labels))
    columns = max(1, min(columns, len(pictures)))
    rows = -(-len(pictures) // columns)
    ax = axes(ax, height=2.45 * rows, width=WIDTH * min(columns, 5) / 5)
    grid = panels(ax, 2 * rows, columns, height_ratios=[1.7, 1.0] * rows)
    names = [str(name) if len(str(name)) <= LETTERS else f"{str(name)[: LETTERS - 1]}…" for name in class_names]
    names = [name.replace("$", r"\$") for name in names]
    cells = list(zip(grid[::2].ravel(), grid[1::2].ravel(), strict=True))
    for cell, *answer in zip(cells, pictures, probabilities, answers, strict=False):
        _draw_answer(*cell, *answer, names)
    for panel in np.ravel(cells[len(pictures) :]):
        panel.set_axis_off()
    return ax


def plot_filters(kernels: np.ndarray, ax: Axes | None = None) -> Axes:
    """Draw the first six filters of a convolution in a row, and below each other their first three input channels.

    Blue is negative, red positive, white 0, on one scale. `kernels` are (height, width, input_channels, filters).
    """
    slices = np.asarray(kernels, float)[:, :, :3, :6].transpose(2, 3, 0, 1)  # channel, filter, row, column
    ax = axes(ax, height=0.7 + 0.8 * len(slices), width=min(WIDTH, 1.6 + 0.8 * slices.shape[1]))
    largest = np.abs(slices).max()
    sheet = _sheet([list(row) for row in slices], np.nan)
    picture = ax.imshow(sheet, cmap="RdBu_r", vmin=-largest, vmax=largest, interpolation="nearest")
    bare(ax)
    for set_ticks, count, size in ((ax.set_xticks, *slices.shape[1::2]), (ax.set_yticks, *slices.shape[::2])):
        set_ticks(_middles(count, size), range(1, count + 1))
    ax.set(xlabel="filter", ylabel="channel")
    ax.figure.colorbar(picture, ax=ax, label="weight")
    return ax


def plot_tiles(pictures: np.ndarray, ax: Axes | None = None) -> Axes:
    """Draw feature maps or images, eight in a row, each feature map on its own scale from dark to bright.

    `pictures` are (num_pictures, height, width[, 1]) numbers, or (num_pictures, height, width, 3) uint8.
    """
    pictures = np.asarray(pictures)
    pictures = pictures[..., 0] if pictures.ndim == 4 and pictures.shape[-1] == 1 else pictures
    fits = pictures.ndim in (3, 4) and len(pictures) > 0
    check(fits, "pictures", "(num_pictures, height, width) numbers, or images", pictures.shape)
    low, high = pictures.min(axis=(1, 2), keepdims=True), pictures.max(axis=(1, 2), keepdims=True)
    low, high = (low, np.where(high > low, high, low + 1)) if pictures.ndim == 3 else (0, 255)
    pictures = (pictures - low) / (high - low)
    rows = [list(pictures[start : start + 8]) for start in range(0, len(pictures), 8)]
    sheet = _sheet(rows, 0.75)  # a grey that shows the edges of black and of white pictures
    ax = axes(ax, height=0.1 + (WIDTH - 0.2) * sheet.shape[0] / sheet.shape[1])
    ax.imshow(sheet, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
    bare(ax)
    return ax


def _pictures(images: np.ndarray) -> np.ndarray:
    """Return images as (num_images, height, width, 3) uint8."""
    pictures = np.asarray(images)
    pictures = pictures[..., None] if pictures.ndim == 3 else pictures
    fits = pictures.ndim == 4 and pictures.shape[-1] in (1, 3) and len(pictures) > 0
    check(fits, "images", "(num_images, height, width, 1 or 3) with at least one image", np.shape(images))
    whole = pictures.dtype.kind in "iu"
    fits = np.isfinite(pictures).all() and pictures.min() >= 0 and pictures.max() <= (255 if whole else 1)
    received = f"{pictures.dtype}, {pictures.min()} to {pictures.max()}"
    check(fits, "pixels", "uint8, or floats from 0 to 1", received)
    pictures = pictures if whole else np.round(255 * pictures)
    return np.broadcast_to(pictures.astype(np.uint8), (*pictures.shape[:3], 3))


def _draw_answer(
    top: Axes, bottom: Axes, picture: np.ndarray, probabilities: np.ndarray, true: int | None, names: Sequence[str]
) -> None:
    """Draw an image with its answer, and each of the most probable classes over its bar."""
    shown = np.argsort(-probabilities, kind="stable")[:SHOWN]
    answer, wrong = names[shown[0]], true is not None and shown[0] != true
    title = answer if true is None else f"✗ {answer}\ntrue: {names[true]}" if wrong else f"✓ {answer}\n"
    top.imshow(picture, interpolation="nearest")
    top.set_anchor("W")
    top.set_title(title, fontsize=8, color="#A34700" if wrong else "black", loc="left", pad=3)
    look = {"hatch": "//////", "facecolor": "white", "edgecolor": WRONG} if wrong else {"color": RIGHT}
    for row, index in enumerate(shown):
        bottom.barh(row + 0.32, probabilities[index], 0.26, linewidth=0.8, **({"color": QUIET} if row else look))
        bottom.text(0, row, names[index], fontsize=7.5, va="center")
        bottom.text(1, row, f"{probabilities[index]:.0%}", fontsize=7.5, va="center", ha="right")
    bottom.set(xlim=(0, 1), ylim=(SHOWN - 0.35, -0.4))
    for ax in (top, bottom):
        bare(ax)


def _sheet(rows: list[list[np.ndarray]], blank: float, columns: int = 0) -> np.ndarray:
    """Return pictures of one size as a single picture, with lines of `blank` between them."""
    first = next(picture for row in rows for picture in row)
    height, width = first.shape[:2]
    space = _space(height)
    size = (len(rows) * (height + space) - space, (columns or max(map(len, rows))) * (width + space) - space)
    sheet = np.full(size + first.shape[2:], blank, first.dtype)
    for row, pictures in enumerate(rows):
        for column, picture in enumerate(pictures):
            top, left = row * (height + space), column * (width + space)
            sheet[top : top + height, left : left + width] = picture
    return sheet


def _middles(count: int, size: int) -> np.ndarray:
    """Return the middle of each picture along an axis of a sheet."""
    return np.arange(count) * (size + _space(size)) + (size - 1) / 2


def _space(size: int) -> int:
    return max(1, size // 13)


def bare(ax: Axes) -> None:
    """Remove ticks and frame."""
    ax.set(xticks=[], yticks=[])
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
