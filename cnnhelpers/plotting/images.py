"""Draw images: samples of a dataset, predictions, filters and feature maps; and the number of images in each class."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from cnnhelpers.errors import InputError
from cnnhelpers.plotting.style import COLOURS, HATCHES, QUIET, RIGHT, WIDTH, WRONG, axes, legend, panels, wrapped

SHOWN = 3  # most probable classes with a bar
LETTERS = 22  # that fit over an image of plot_predictions


def plot_samples(
    images: np.ndarray, labels: np.ndarray, class_names: Sequence[str], ax: Axes | None = None, *, per_class: int = 10
) -> Axes:
    """Draw the first images of each class, a class in each row.

    Parameters
    ----------
    images
        (num_images, height, width, 1 or 3), uint8 or floats from 0 to 1.
    labels
        (num_images,) integers from 0.
    """
    pictures, labels = _pictures(images), np.asarray(labels)
    _check(labels.shape == (len(pictures),), "labels", f"({len(pictures)},), one an image", labels.shape)
    rows = [list(pictures[labels == label][:per_class]) for label in range(len(class_names))]
    sheet = _sheet(rows, 255, columns=per_class)
    ax = axes(ax, height=(WIDTH - 1.2) * sheet.shape[0] / sheet.shape[1] + 0.2)
    ax.imshow(sheet, interpolation="nearest")
    _bare(ax)
    height = pictures.shape[1]
    ax.set_yticks(_middles(len(class_names), height), [wrapped(name, 18) for name in class_names])
    return ax


def plot_class_counts(counts: pd.DataFrame | pd.Series | Mapping[str, int], ax: Axes | None = None) -> Axes:
    """Draw the number of images in each class; columns of `counts` are parts such as train and test."""
    table = counts if isinstance(counts, pd.DataFrame) else pd.Series(counts, dtype=float).to_frame("images")
    _check(len(table) > 0, "counts", "a table with a row for each class", "no rows")
    parts, many = len(table.columns), len(table) > 30
    ax = axes(ax, height=1.0 + len(table) * (0.14 if many else 0.12 + 0.13 * parts))
    table.rename(index=wrapped).plot.barh(ax=ax, width=0.84, legend=False, color=list(COLOURS[:parts]))
    for bars, hatch in zip(ax.containers, HATCHES * parts, strict=False):
        for bar in bars:
            bar.set(hatch=hatch, edgecolor="white", linewidth=0)
        if not many:
            ax.bar_label(bars, fmt="{:,.0f}", padding=2, fontsize=8)
    ax.invert_yaxis()
    ax.tick_params(axis="y", length=0, labelsize=7 if many else 9)
    ax.set(xlabel="images", ylabel="", xlim=(0, 1.12 * table.to_numpy(float).max()))
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
    """Draw each image over bars of its three most probable classes, in panels that take the place of `ax`.

    Right answers have a check mark; wrong answers have a cross, the true class and a hatched bar.

    Parameters
    ----------
    images
        (num_images, height, width, 1 or 3), uint8 or floats from 0 to 1.
    probabilities
        (num_images, classes), 0 to 1.
    labels
        (num_images,) integers from 0, or None where the classes are unknown.
    """
    pictures, probabilities = _pictures(images), np.asarray(probabilities, dtype=float)
    shape = (len(pictures), len(class_names))
    fits = probabilities.shape == shape and np.isfinite(probabilities).all()
    _check(fits, "probabilities", f"finite and {shape}, (images, classes)", probabilities.shape)
    labels_fit = labels is None or np.shape(labels) == (len(pictures),)
    _check(labels_fit, "labels", f"({len(pictures)},), one an image", np.shape(labels))
    columns = max(1, min(columns, len(pictures)))
    rows = -(-len(pictures) // columns)
    ax = axes(ax, height=2.45 * rows, width=WIDTH * min(columns, 5) / 5)
    grid = panels(ax, 2 * rows, columns, height_ratios=[1.7, 1.0] * rows)
    names = [str(name).replace("$", r"\$") for name in class_names]
    for index in range(rows * columns):
        row, column = divmod(index, columns)
        top, bottom = grid[2 * row : 2 * row + 2, column]
        if index >= len(pictures):
            top.set_axis_off()
            bottom.set_axis_off()
            continue
        true = None if labels is None else int(labels[index])
        _draw_answer(top, pictures[index], int(probabilities[index].argmax()), true, names)
        _draw_bars(bottom, probabilities[index], true, names)
    return ax


def plot_filters(kernels: np.ndarray, ax: Axes | None = None, *, filters: int = 6, channels: int = 3) -> Axes:
    """Draw the first filters of a convolution, a filter in each column and an input channel in each row.

    Blue is negative, red positive, white 0, on one scale for all.

    Parameters
    ----------
    kernels
        (height, width, input_channels, filters).
    """
    slices = np.asarray(kernels, float)[:, :, :channels, :filters].transpose(2, 3, 0, 1)  # channel, filter, row, column
    ax = axes(ax, height=0.7 + 0.8 * len(slices), width=min(WIDTH, 1.6 + 0.8 * slices.shape[1]))
    most = np.abs(slices).max()
    sheet = _sheet([list(row) for row in slices], np.nan)
    picture = ax.imshow(sheet, cmap="RdBu_r", vmin=-most, vmax=most, interpolation="nearest")
    _bare(ax)
    for set_ticks, count, size in ((ax.set_xticks, *slices.shape[1::2]), (ax.set_yticks, *slices.shape[::2])):
        set_ticks(_middles(count, size), range(1, count + 1))
    ax.set(xlabel="filter", ylabel="channel")
    ax.figure.colorbar(picture, ax=ax, label="weight")
    return ax


def plot_tiles(pictures: np.ndarray, ax: Axes | None = None, *, columns: int = 8) -> Axes:
    """Draw feature maps or images next to each other, each feature map on its own scale from dark to bright.

    Parameters
    ----------
    pictures
        (num_pictures, height, width[, 1]) numbers, or (num_pictures, height, width, 3) uint8.
    """
    pictures = np.asarray(pictures)
    pictures = pictures[..., 0] if pictures.ndim == 4 and pictures.shape[-1] == 1 else pictures
    fits = pictures.ndim in (3, 4) and len(pictures) > 0
    _check(fits, "pictures", "(num_pictures, height, width) numbers, or images", pictures.shape)
    if pictures.ndim == 3:
        low, high = (pictures.min(axis=(1, 2), keepdims=True), pictures.max(axis=(1, 2), keepdims=True))
        flat = np.zeros(pictures.shape)
        pictures = np.divide(pictures - low, high - low, out=flat, where=high > low)
    else:
        pictures = pictures / 255
    rows = [list(pictures[start : start + columns]) for start in range(0, len(pictures), columns)]
    sheet = _sheet(rows, 0.75)  # a grey that shows the edges of black and of white pictures
    ax = axes(ax, height=0.1 + (WIDTH - 0.2) * sheet.shape[0] / sheet.shape[1])
    ax.imshow(sheet, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
    _bare(ax)
    return ax


def _check(fits: bool, name: str, expected: str, received: object) -> None:
    if not fits:
        raise InputError(f"{name} must be {expected}. Received: {received}")


def _pictures(images: np.ndarray) -> np.ndarray:
    """Return images as (num_images, height, width, 3) uint8."""
    pictures = np.asarray(images)
    pictures = pictures[..., None] if pictures.ndim == 3 else pictures
    fits = pictures.ndim == 4 and pictures.shape[-1] in (1, 3) and len(pictures) > 0
    _check(fits, "images", "(num_images, height, width, 1 or 3), one image at least", np.shape(images))
    whole = pictures.dtype.kind in "iu"
    fits = np.isfinite(pictures).all() and pictures.min() >= 0 and pictures.max() <= (255 if whole else 1)
    received = f"{pictures.dtype}, {pictures.min()} to {pictures.max()}"
    _check(fits, "pixels", "uint8, or floats from 0 to 1", received)
    pictures = pictures if whole else np.round(255 * pictures)
    return np.broadcast_to(pictures.astype(np.uint8), (*pictures.shape[:3], 3))


def _draw_answer(ax: Axes, picture: np.ndarray, predicted: int, true: int | None, names: Sequence[str]) -> None:
    ax.imshow(picture, interpolation="nearest")
    if true is None:
        title, colour = _short(names[predicted]), "black"
    elif predicted == true:
        title, colour = f"✓ {_short(names[predicted], 2)}\n", RIGHT
    else:
        title, colour = f"✗ {_short(names[predicted], 2)}\ntrue: {_short(names[true], 6)}", "#A34700"
    ax.set_anchor("W")
    ax.set_title(title, fontsize=8, color=colour, loc="left", pad=3)
    _bare(ax)


def _draw_bars(ax: Axes, probabilities: np.ndarray, true: int | None, names: Sequence[str]) -> None:
    """Draw the most probable classes, each name over its bar; a wrong answer is hatched."""
    shown = np.argsort(-probabilities, kind="stable")[:SHOWN]
    wrong = true is not None and shown[0] != true
    for row, index in enumerate(shown):
        look = {"hatch": "//////", "facecolor": "white", "edgecolor": WRONG} if wrong else {"color": RIGHT}
        ax.barh(row + 0.32, probabilities[index], 0.26, linewidth=0.8, **({"color": QUIET} if row else look))
        ax.text(0, row, _short(names[index], 6), fontsize=7.5, va="center")
        ax.text(1, row, f"{probabilities[index]:.0%}", fontsize=7.5, va="center", ha="right")
    ax.set(xlim=(0, 1), ylim=(SHOWN - 0.35, -0.4))
    _bare(ax)


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


def _short(name: str, taken: int = 0) -> str:
    """Return a name cut to the letters that fit over an image, less those already taken."""
    length = LETTERS - taken
    return name if len(name) <= length else name[: length - 1] + "…"


def _bare(ax: Axes) -> None:
    ax.set(xticks=[], yticks=[])
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
