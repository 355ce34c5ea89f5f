"""Pictures of images, of what a model takes them for, and of what it mixes up: arrays in, figures out."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import PowerNorm

from cnnhelpers.errors import InputError
from cnnhelpers.plotting.style import COLOURS, HATCHES, QUIET, RIGHT, WIDTH, WRONG, axes, ink, legend, panels, words

SHOWN = 3  # most probable classes with a bar in a prediction gallery
SLANTED = {"rotation": 45, "ha": "right", "rotation_mode": "anchor"}
LINE = 22  # characters that fit over one picture of a gallery


def plot_samples(
    images: np.ndarray,
    labels: np.ndarray,
    class_names: tuple[str, ...],
    ax: Axes | None = None,
    *,
    per_class: int = 10,
) -> Axes:
    """Draw the first `per_class` images of each class, a row a class.

    Parameters
    ----------
    images
        (num_images, height, width, channels), one grey or three colour channels, uint8, or floats from 0 to 1.
    labels
        (num_images,) integers from 0.
    """
    pictures, labels = _pictures(images), np.asarray(labels)
    if labels.shape != (len(pictures),):
        raise InputError(f"labels must be ({len(pictures)},), one an image. Received: {labels.shape}")
    height, width = pictures.shape[1:3]
    space = max(1, height // 12)
    cell = (height + space, width + space)
    sheet = np.full((len(class_names) * cell[0], per_class * cell[1], 3), 255, np.uint8)
    for row in range(len(class_names)):
        for column, index in enumerate(np.flatnonzero(labels == row)[:per_class]):
            top, left = row * cell[0], column * cell[1]
            sheet[top : top + height, left : left + width] = pictures[index]
    ax = axes(ax, height=(WIDTH - 1.2) * sheet.shape[0] / sheet.shape[1] + 0.2)
    ax.imshow(sheet, interpolation="nearest")
    ax.set_yticks(np.arange(len(class_names)) * cell[0] + height / 2, [words(name, 18) for name in class_names])
    _bare(ax)
    return ax


def plot_class_counts(counts: pd.DataFrame | pd.Series | Mapping[str, int], ax: Axes | None = None) -> Axes:
    """Draw how many images each class has: rows of `counts` are classes, its columns parts such as train and test."""
    table = counts if isinstance(counts, pd.DataFrame) else pd.Series(counts).to_frame("images")
    if table.empty:
        raise InputError("class_counts received no classes")
    parts, rows = len(table.columns), np.arange(len(table))
    many = len(table) > 30
    ax = axes(ax, height=1.0 + len(table) * (0.14 if many else 0.12 + 0.13 * parts))
    thick = 0.84 / parts
    for position, part in enumerate(table):
        look = {"color": COLOURS[position % 7], "hatch": HATCHES[position % 4], "edgecolor": "white", "linewidth": 0}
        bars = ax.barh(rows - 0.42 + thick * (position + 0.5), table[part], thick, label=words(part), **look)
        if not many:
            ax.bar_label(bars, fmt="{:,.0f}", padding=2, fontsize=8)
    ax.set_yticks(rows, [words(name) for name in table.index])
    ax.set_ylim(len(table) - 0.4, -0.6)
    ax.grid(axis="x", color="#e0e0e0", linewidth=0.6)
    ax.set_xlabel("images")
    ax.tick_params(axis="y", length=0, labelsize=7 if many else 9)
    ax.set_xlim(0, 1.12 * table.to_numpy(float).max())
    ax.xaxis.set_major_formatter("{x:,.0f}")
    if parts > 1:
        legend(ax, ax.get_legend_handles_labels()[0], above=True)
    return ax


def plot_confusion_matrix(matrix: np.ndarray, class_names: tuple[str, ...], ax: Axes | None = None) -> Axes:
    """Draw counts, and the percentage of each true class as the shade; up to 20 classes are written out.

    The shade grows with the square root of the percentage, so that rare mistakes are seen.

    Parameters
    ----------
    matrix
        (classes, classes) counts or their mean over seeds, rows true and columns predicted. A class without images
        has no percentages.
    """
    counts = np.asarray(matrix, dtype=float)
    classes = len(class_names)
    if counts.shape != (classes, classes) or not np.isfinite(counts).all() or (counts < 0).any():
        raise InputError(
            f"a confusion matrix of {classes} classes must be ({classes}, {classes}) finite counts. Received: "
            f"{counts.shape}, {counts.min() if counts.size else 'empty'} at least"
        )
    totals = counts.sum(axis=1, keepdims=True)
    percent = np.divide(100 * counts, totals, out=np.full_like(counts, np.nan), where=totals > 0)
    ax = axes(ax, height=min(5.7, 1.2 + max(1.8, 0.52 * classes)), width=min(WIDTH, 3.2 + 0.52 * classes))
    picture = ax.imshow(percent, cmap="Blues", norm=PowerNorm(0.5, 0, 100))
    named = range(0, classes, -(-classes // 20))  # more names than 20 would overlap
    names = [words(class_names[index], 18) for index in named]
    ax.set_xticks(named, names, fontsize=9, **({} if classes < 4 else SLANTED))
    ax.set_yticks(named, names, fontsize=9)
    ax.set(xlabel="predicted class", ylabel="true class")
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    ax.figure.colorbar(picture, ax=ax, label="% of the true class", ticks=[0, 1, 5, 20, 50, 100])
    if classes <= 20:
        _write_counts(ax, counts, percent)
    return ax


def plot_predictions(
    images: np.ndarray,
    probabilities: np.ndarray,
    labels: np.ndarray | None,
    class_names: tuple[str, ...],
    ax: Axes | None = None,
    *,
    columns: int = 5,
) -> Axes:
    """Draw each image with its three most probable classes as bars, in panels that take the place of `ax`.

    Right answers have a check mark and a plain bar, wrong ones a cross, the true class and a hatched bar.

    Parameters
    ----------
    images
        (num_images, height, width, channels), uint8, or floats from 0 to 1.
    probabilities
        (num_images, classes), 0 to 1.
    labels
        (num_images,) integers from 0, or None for pictures whose class is not known.
    """
    pictures, probabilities = _pictures(images), np.asarray(probabilities, dtype=float)
    if probabilities.shape != (len(pictures), len(class_names)) or not np.isfinite(probabilities).all():
        raise InputError(
            f"probabilities must be finite and ({len(pictures)}, {len(class_names)}), a row an image and a column "
            f"a class. Received: {probabilities.shape}"
        )
    if labels is not None and np.shape(labels) != (len(pictures),):
        raise InputError(f"labels must be ({len(pictures)},), one an image. Received: {np.shape(labels)}")
    columns = max(1, min(columns, len(pictures)))
    rows = -(-len(pictures) // columns)
    ax = axes(ax, height=2.45 * rows, width=WIDTH * columns / 5 if columns < 5 else WIDTH)
    places = panels(ax, 2 * rows, columns, height_ratios=[1.7, 1.0] * rows)
    for place in places.flat:
        place.set_axis_off()
    for index, picture in enumerate(pictures):
        row, column = divmod(index, columns)
        true = None if labels is None else int(labels[index])
        _picture(places[2 * row, column], picture, probabilities[index], true, class_names)
        _bars(places[2 * row + 1, column], probabilities[index], true, class_names)
    return ax


def _pictures(images: np.ndarray) -> np.ndarray:
    """Return images as (num_images, height, width, 3) uint8; InputError if they are no pictures."""
    pictures = np.asarray(images)
    pictures = pictures[..., None] if pictures.ndim == 3 else pictures
    if pictures.ndim != 4 or pictures.shape[-1] not in (1, 3) or len(pictures) == 0:
        raise InputError(
            "images must be (num_images, height, width, channels) with 1 or 3 channels, one image at least. "
            f"Received: {np.shape(images)}"
        )
    if pictures.dtype != np.uint8:
        finite = np.isfinite(pictures).all()
        low, high = (pictures.min(), pictures.max()) if finite else (np.nan, np.nan)
        if not (finite and low >= 0 and high <= (255 if pictures.dtype.kind in "iu" else 1)):
            raise InputError(
                f"pixels must be uint8, or floats from 0 to 1. Received: {pictures.dtype}, {low} to {high}"
            )
        pictures = np.round(pictures * (1 if pictures.dtype.kind in "iu" else 255)).astype(np.uint8)
    return np.broadcast_to(pictures, (*pictures.shape[:3], 3))


def _picture(
    ax: Axes, picture: np.ndarray, probabilities: np.ndarray, true: int | None, names: tuple[str, ...]
) -> None:
    ax.imshow(picture, interpolation="nearest")
    predicted = int(probabilities.argmax())
    if true is None:
        title, colour = _short(names[predicted], LINE), "black"
    elif predicted == true:
        title, colour = f"✓ {_short(names[predicted])}\n", RIGHT
    else:
        title, colour = f"✗ {_short(names[predicted])}\ntrue: {_short(names[true], LINE - 6)}", "#A34700"
    ax.set_anchor("W")
    ax.set_title(title, fontsize=8, color=colour, loc="left", pad=3)
    ax.set_yticks([])
    _bare(ax)


def _bars(ax: Axes, probabilities: np.ndarray, true: int | None, names: tuple[str, ...]) -> None:
    """Draw the most probable classes, name above bar; the predicted one coloured, and hatched if it is wrong."""
    shown = np.argsort(-probabilities, kind="stable")[:SHOWN]
    wrong = true is not None and shown[0] != true
    for row, index in enumerate(shown):
        colour = QUIET if row else WRONG if wrong else RIGHT
        look = (
            {"hatch": "//////", "facecolor": "white", "edgecolor": WRONG} if wrong and row == 0 else {"color": colour}
        )
        ax.barh(row + 0.32, probabilities[index], 0.26, linewidth=0.8, **look)
        ax.text(0, row, _short(names[index], 16), fontsize=7.5, va="center")
        ax.text(1, row, f"{probabilities[index]:.0%}", fontsize=7.5, va="center", ha="right")
    ax.set(xlim=(0, 1), ylim=(SHOWN - 0.35, -0.4))
    ax.set_yticks([])
    _bare(ax)


def _write_counts(ax: Axes, counts: np.ndarray, percent: np.ndarray) -> None:
    """Write count over percentage into each cell, in the ink that its shade needs."""
    whole = np.array_equal(counts, counts.round())
    size = 8 if len(counts) <= 12 else 5.5
    shades = ax.images[0].cmap(ax.images[0].norm(np.nan_to_num(percent)))
    for (row, column), count in np.ndenumerate(counts):
        number = f"{count:.0f}" if whole else f"{count:.1f}"
        share = f"{percent[row, column]:.0f}%" if percent[row, column] > 0.5 else "<1%"
        text = f"{number}\n{share}" if count else "·"
        ax.text(column, row, text, ha="center", va="center", fontsize=size, color=ink(shades[row, column][:3]))


def _short(name: str, length: int = LINE - 2) -> str:
    """Return a class name that fits its place, cut with an ellipsis if it must be."""
    text = str(name)
    return (text if len(text) <= length else text[: length - 1] + "…").replace("$", r"\$")


def _bare(ax: Axes) -> None:
    ax.set_xticks([])
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
