"""One look for every figure and coloured table: sizes, colours told apart by all readers, axis names with units."""

import textwrap
from collections.abc import Iterable, Sequence

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import LogLocator, StrMethodFormatter

from cnnhelpers.errors import InputError

WIDTH = 7.0  # inches, the text width of the book
# Okabe & Ito (2008), readable with every kind of colour vision; their yellow is left out: it vanishes on white. The
# eighth is Paul Tol's wine, as far from the others, however they are seen, as those are from each other.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#882255")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">")
HATCHES = ("", "////", "....", "\\\\\\\\")
RIGHT, WRONG, QUIET = COLOURS[0], COLOURS[1], "#767676"

_NAMES = {
    "crossentropy": "cross-entropy (nats)",
    "loss": "loss with penalty (nats)",
    "difference": "difference in accuracy (points)",
    "gap": "training minus validation accuracy (points)",
    "epochs_run": "epochs run",
    "best_epoch": "best epoch",
    "seconds": "time (s)",
    "cpu_seconds": "processor time (s)",
    "seconds_per_epoch": "time per epoch (s)",
    "seconds_to_best": "time to the best epoch (s)",
    "peak_memory_mb": "peak memory of the process (MB)",
}
_PARTS = {"train": "training", "last_train": "last epoch's running training"}


def use_style() -> None:
    """Set the look of figures and tables for the whole notebook: call it once, at the top.

    Matplotlib's defaults, and names in pandas' tables that are written out where pandas would cut them.
    """
    pd.set_option("display.max_colwidth", 100)
    mpl.rcParams.update(
        {
            "figure.figsize": (WIDTH, 4.0),
            "figure.dpi": 100,
            "figure.facecolor": "white",  # so that dark pages show a readable sheet
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
            "axes.grid": False,
            "grid.color": "#e0e0e0",
            "grid.linewidth": 0.6,
            "axes.prop_cycle": mpl.cycler(color=COLOURS),
            "svg.hashsalt": "cnnhelpers",  # the same figure gives the same file
        }
    )


def axes(ax: Axes | None, height: float = 4.0, width: float = WIDTH) -> Axes:
    """Return `ax`, or the axes of a new figure of `width` x `height` inches."""
    if ax is None:
        figure, ax = plt.subplots(figsize=(width, height), layout="compressed")
        figure.get_layout_engine().set(w_pad=0.08, h_pad=0.06)  # inches; the default cuts the longest label
    return ax


def look_of(position: int) -> dict[str, str]:
    """Return colour and marker of the group at `position` of a figure; the pair repeats only after 72.

    >>> look_of(0), look_of(8)
    ({'color': '#0072B2', 'marker': 'o'}, {'color': '#0072B2', 'marker': '>'})
    """
    return {"color": COLOURS[position % len(COLOURS)], "marker": MARKERS[position % len(MARKERS)]}


def quantity(name: str) -> tuple[str, float]:
    """Return the axis name with unit of a column, and the factor that brings its values to that unit.

    >>> quantity("validation_accuracy")
    ('validation accuracy (%)', 100.0)
    >>> quantity("seconds_per_epoch")
    ('time per epoch (s)', 1.0)
    """
    if name in _NAMES:
        return _NAMES[name], 100.0 if name in ("difference", "gap") else 1.0
    part, _, measure = name.rpartition("_")
    part = _PARTS.get(part, part.replace("_", " "))
    if measure == "accuracy":
        return f"{part} accuracy (%)".strip(), 100.0
    if measure in ("loss", "crossentropy"):
        return f"{part} {_NAMES[measure]}", 1.0
    return name.replace("_", " "), 1.0


def words(text: object, width: int = 30) -> str:
    """Return `text` wrapped at `width` characters, its dollar signs safe from being read as formulas.

    >>> print(words("three convolutions with dropout after each pooling"))
    three convolutions with
    dropout after each pooling
    """
    return "\n".join(textwrap.wrap(str(text), width, break_on_hyphens=False)).replace("$", r"\$") or " "


def ink(background: str | Sequence[float]) -> str:
    """Return "black" or "white", whichever stands out more from `background` (contrast as WCAG 2 defines it).

    >>> ink("#0072B2"), ink("#E69F00")
    ('white', 'black')
    """
    channels = np.array(to_rgb(background))
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    luminance = float(linear @ (0.2126, 0.7152, 0.0722))
    return "black" if (luminance + 0.05) / 0.05 >= 1.05 / (luminance + 0.05) else "white"


def log_axis(ax: Axes) -> None:
    """Make the y axis logarithmic, its numbers written out (0.2, not 2 x 10^-1), two of them between powers of ten."""
    ax.set_yscale("log")
    ax.yaxis.set_minor_locator(LogLocator(subs=(2, 5)))
    for set_formatter in (ax.yaxis.set_major_formatter, ax.yaxis.set_minor_formatter):
        set_formatter(StrMethodFormatter("{x:g}"))


def ticks_both_sides(ax: Axes, sizes: Sequence[float]) -> None:
    """Put ticks at 0 and, within the limits of the horizontal axis, at plus and minus each of the ascending `sizes`."""
    low, high = ax.get_xlim()
    places = [place for place in (*(-size for size in reversed(sizes)), 0, *sizes) if low <= place <= high]
    ax.set_xticks(places, [f"{place:g}".replace("-", "−") for place in places])
    ax.set_xticks([], minor=True)


def need(table: pd.DataFrame, columns: Iterable[str], what: str) -> None:
    """Raise InputError unless `table` has rows and all `columns`."""
    missing = [column for column in columns if column not in table.columns]
    if missing:
        raise InputError(f"{what} needs the columns {missing}. Received: columns={list(table.columns)}")
    if table.empty:
        raise InputError(f"{what} received a table without rows: there are no runs to draw")


def legend(ax: Axes, handles: Sequence[Line2D | Patch], above: bool = False) -> None:
    """Put the legend where it covers no data: in a row above, right of lone axes, below axes with neighbours."""
    place = {"loc": "upper left", "bbox_to_anchor": (1.01, 1.02)}
    if above:
        place = {"loc": "lower right", "bbox_to_anchor": (1, 1), "ncols": 3, "columnspacing": 1.2}
    elif len(ax.figure.axes) > 1:
        place = {"loc": "upper left", "bbox_to_anchor": (-0.1, -0.24), "ncols": 2, "columnspacing": 1.2}
    ax.legend(handles=handles, frameon=False, borderpad=0.2, **place)


def nothing_yet(ax: Axes | None, text: str) -> Axes:
    """Say in words that there is nothing to draw yet, so that a page without runs still renders."""
    ax = axes(ax, height=0.8)
    ax.set_axis_off()
    ax.annotate(text, (0.5, 0.5), xycoords="axes fraction", ha="center", va="center")
    return ax


def seed_handles(numbers: list[int]) -> list[Line2D]:
    """Return a legend entry for each number of seeds."""
    return [Line2D([], [], **look_of(at), linestyle="none", label=f"{n} seeds") for at, n in enumerate(numbers)]


def panels(ax: Axes, rows: int, columns: int, **options: object) -> np.ndarray:
    """Return (rows, columns) axes that take the place of `ax`."""
    ax.set_axis_off()
    grid = ax.get_subplotspec().subgridspec(rows, columns, **options)
    return grid.subplots(squeeze=False)
