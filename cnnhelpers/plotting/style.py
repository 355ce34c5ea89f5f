"""Set one look for all figures: sizes, colours for every kind of colour vision, axis labels with units."""

import textwrap
from collections.abc import Iterable, Sequence

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from seaborn.utils import relative_luminance

from cnnhelpers.errors import InputError

WIDTH = 7.0  # inches, the text width of the book
# Okabe & Ito (2008) without their yellow, which vanishes on white. The eighth is Paul Tol's wine, as far from the
# rest as these are from each other with every kind of colour vision.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#882255")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">")
HATCHES = ("", "////", "....", "\\\\\\\\")
RIGHT, WRONG, QUIET, BAND = COLOURS[0], COLOURS[1], "#767676", "#dddddd"

_LABELS = {
    "accuracy": "accuracy (%)",
    "crossentropy": "cross-entropy (nats)",
    "loss": "loss with penalty (nats)",
    "difference": "difference in accuracy (points)",
    "gap": "training minus validation accuracy (points)",
    "test_gap": "training minus test accuracy (points)",
    "running_gap": "running training minus validation accuracy (points)",
    "loss_gap": "test minus training cross-entropy (nats)",
    "penalty": "L2 penalty in the test loss (nats)",
    "epochs_run": "epochs trained",
    "seconds": "time (s)",
    "cpu_seconds": "processor time (s)",
    "seconds_per_epoch": "time per epoch (s)",
    "seconds_to_best": "time to the best epoch (s)",
    "peak_memory_mb": "peak memory of the process (MB)",
    "epochs_to_target": "epochs to the target accuracy",
    "seconds_to_target": "time to the target accuracy (s)",
    "cpu_seconds_to_target": "processor time to the target accuracy (s)",
    "flops": "FLOPs for one image",
}
_PARTS = {"train": "training", "last_train": "last epoch's running training"}


def use_style() -> None:
    """Set the look of figures, and write long names in pandas' tables out; call it once, at the top of a notebook."""
    pd.set_option("display.max_colwidth", 100)
    mpl.rcParams.update(
        {
            "figure.figsize": (WIDTH, 4.0),
            "figure.dpi": 100,
            "figure.facecolor": "white",  # a readable sheet on dark pages
            "savefig.facecolor": "white",
            "figure.constrained_layout.use": True,
            "font.size": 10,
            "axes.titlesize": 10,
            "axes.labelsize": 10,
            "legend.fontsize": 9,
            "legend.frameon": False,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.axisbelow": True,
            "grid.color": "#e0e0e0",
            "grid.linewidth": 0.6,
            "axes.prop_cycle": mpl.cycler(color=COLOURS),
            "svg.hashsalt": "cnnhelpers",  # equal figures give equal files
        }
    )


def axes(ax: Axes | None, height: float = 4.0, width: float = WIDTH) -> Axes:
    """Return `ax`, or the axes of a new figure of `width` x `height` inches."""
    if ax is None:
        figure, ax = plt.subplots(figsize=(width, height), layout="compressed")
        figure.get_layout_engine().set(w_pad=0.08, h_pad=0.06)  # inches; the default cuts the longest label
    return ax


def panels(ax: Axes, rows: int, columns: int, *, share: bool = False, **options: object) -> np.ndarray:
    """Return (rows, columns) axes that take the place of `ax`, with shared scales or not."""
    ax.set_axis_off()
    grid = ax.get_subplotspec().subgridspec(rows, columns, **options)
    return grid.subplots(squeeze=False, sharex=share, sharey=share)


def look_of(position: int) -> dict[str, str]:
    """Return colour and marker of the group at `position` of a figure; the pair repeats after 72 groups."""
    return {"color": COLOURS[position % len(COLOURS)], "marker": MARKERS[position % len(MARKERS)]}


def hues(groups: Iterable[str]) -> dict[str, object]:
    """Return order, palette and markers of groups, as seaborn's functions take them."""
    looks = {group: look_of(position) for position, group in enumerate(dict.fromkeys(groups))}
    orders = {"hue_order": list(looks), "style_order": list(looks)}
    palette, markers = ({group: look[kind] for group, look in looks.items()} for kind in ("color", "marker"))
    return orders | {"palette": palette, "markers": markers}


def axis_label(metric: str) -> tuple[str, float]:
    """Return the axis label of a metric, with its unit, and the factor from its values to that unit.

    >>> axis_label("validation_accuracy"), axis_label("seconds_per_epoch")
    (('validation accuracy (%)', 100.0), ('time per epoch (s)', 1.0))
    """
    part, _, name = metric.rpartition("_")
    label = _LABELS.get(metric, metric.replace("_", " "))
    if metric not in _LABELS and name in ("accuracy", "loss", "crossentropy"):
        label = f"{_PARTS.get(part, part.replace('_', ' '))} {_LABELS[name]}".strip()
    return label, 100.0 if label.endswith(("(%)", "(points)")) else 1.0


def wrapped(text: object, width: int = 30) -> str:
    """Return `text` in lines of `width` characters, with dollar signs that start no formula.

    >>> print(wrapped("three convolutions with dropout after each pooling"))
    three convolutions with
    dropout after each pooling
    """
    return "\n".join(textwrap.wrap(str(text), width, break_on_hyphens=False)).replace("$", r"\$") or " "


def ink(background: str | Sequence[float]) -> str:
    """Return "black" or "white", by the higher contrast with `background` (WCAG 2)."""
    return "black" if relative_luminance(background) > 0.179 else "white"


def check(fits: bool, name: str, expected: str, received: object) -> None:
    """Raise InputError unless the value of `name` fits."""
    if not fits:
        raise InputError(f"{name} must be {expected}. Received: {received}")


def need(table: pd.DataFrame, columns: Iterable[str], figure: str) -> None:
    """Raise InputError unless `table` has rows and all `columns`."""
    missing = [column for column in columns if column not in table.columns]
    if missing:
        raise InputError(f"{figure} needs the columns {missing}. Received: columns={list(table.columns)}")
    if table.empty:
        raise InputError(f"{figure} needs a row for each run or estimate. Received: a table without rows")


def legend(ax: Axes, handles: Sequence[Line2D | Patch] | None = None, title: str = "") -> None:
    """Put the legend outside the data: in a row above if it fits, else right of lone axes, below axes with neighbours.

    Neighbours with the same entries share the legend of the first.
    """
    handles = ax.get_legend_handles_labels()[0] if handles is None else handles
    labels = [handle.get_label() for handle in handles]
    if ax.get_legend():
        ax.get_legend().remove()  # seaborn's
    neighbours = [panel for panel in ax.figure.axes if panel is not ax and panel.axison]
    drawn = [panel.get_legend() for panel in neighbours if panel.get_legend()]
    if any({text.get_text() for text in entries.get_texts()}.issuperset(labels) for entries in drawn):
        return
    letters, inches = sum(len(label) + 8 for label in labels), ax.figure.bbox.width / ax.figure.dpi
    place = {"loc": "upper left", "bbox_to_anchor": (1.01, 1.02)}
    if neighbours:
        place = {"loc": "upper left", "bbox_to_anchor": (-0.1, -0.25), "ncols": 2}
    elif not title and letters < 15 * inches and not any("\n" in label for label in labels):
        place = {"loc": "lower right", "bbox_to_anchor": (1, 1), "ncols": len(labels)}
    ax.legend(handles=handles, title=title, alignment="left", frameon=False, borderpad=0.2, columnspacing=1.2, **place)


def nothing_yet(ax: Axes | None, text: str) -> Axes:
    """Say that there is nothing to draw yet, so that a page without runs still renders."""
    ax = axes(ax, height=0.8)
    ax.set_axis_off()
    ax.annotate(text, (0.5, 0.5), xycoords="axes fraction", ha="center", va="center")
    return ax
