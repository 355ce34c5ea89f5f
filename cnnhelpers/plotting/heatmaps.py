"""Draw matrices and maps: settings, confusions, similarities; and the trials of a search for settings."""

from collections.abc import Sequence
from numbers import Real

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.colors import PowerNorm
from matplotlib.patches import Rectangle

from cnnhelpers.plotting.style import COLOURS, QUIET, WIDTH, axes, axis_label, check, ink, legend, need, wrapped

SLANTED = {"rotation": 45, "ha": "right", "rotation_mode": "anchor"}
WRITTEN = 20  # classes up to which a confusion matrix has numbers in its cells


def plot_heatmap(
    table: pd.DataFrame,
    ax: Axes | None = None,
    *,
    x: str = "learning_rate",
    y: str = "batch_size",
    metric: str = "validation_accuracy",
) -> Axes:
    """Draw the mean of a metric, and its SD over seeds, for each pair of two settings; the best cell has a frame.

    `table` is as `settings_map` returns: columns `x`, `y`, estimate, sd, n (runs) and lost (runs that learned nothing).
    Cells with lost runs are hatched.
    """
    need(table, [x, y, "estimate", "sd", "n", "lost"], "plot_heatmap")
    label, factor = axis_label(metric)
    rows, columns = _levels(table[y])[::-1], _levels(table[x])
    ax = axes(ax, height=1.3 + 0.75 * len(rows), width=min(WIDTH, 2.4 + 1.1 * len(columns)))
    values = np.full((len(rows), len(columns)), np.nan)
    low, high = (table["estimate"].agg(["min", "max"]) * factor).fillna(0)
    shades = PowerNorm(3, low, high if high > low else low + 1)  # differences among the best matter
    texts = np.full(values.shape, "", object)
    for cell in table.itertuples():
        row, column = rows.index(_level(getattr(cell, y))), columns.index(_level(getattr(cell, x)))
        values[row, column] = cell.estimate * factor
        spread = f"\n±{cell.sd * factor:.1f}" if np.isfinite(cell.sd) else ""
        text = f"{cell.estimate * factor:.1f}{spread}" if np.isfinite(cell.estimate) else "no result"
        texts[row, column] = text + (f"\n{cell.lost} of {cell.n} lost" if cell.lost else "")
        if cell.lost:
            look = {"fill": False, "hatch": "///", "edgecolor": QUIET, "linewidth": 0, "alpha": 0.5, "zorder": 2}
            ax.add_patch(Rectangle((column, row), 1, 1, **look))
    bar = {"label": label, "ticks": shades.inverse(np.linspace(0, 1, 5)), "format": "%.0f"}
    _draw_matrix(ax, values, texts, cmap="Blues", norm=shades, cbar_kws=bar)
    if table["estimate"].notna().any():
        row, column = np.unravel_index(np.nanargmax(values), values.shape)
        ax.add_patch(Rectangle((column, row), 1, 1, fill=False, edgecolor=COLOURS[1], linewidth=3))
    _name_cells(ax, rows, columns)
    ax.set(xlabel=x.replace("_", " "), ylabel=y.replace("_", " "))
    return ax


def _levels(values: pd.Series) -> list[str]:
    """Return the levels of a setting as text, in order, None first."""
    return [_level(value) for value in values.drop_duplicates().sort_values(na_position="first")]


def _level(value: object) -> str:
    return "none" if pd.isna(value) else f"{value:g}" if isinstance(value, Real) else str(value)


def plot_confusion_matrix(matrix: np.ndarray, class_names: Sequence[str], ax: Axes | None = None) -> Axes:
    """Draw counts and, as text and shade, their percentage of the true class; up to 20 classes have the text.

    The shade grows with the square root of the percentage, which makes rare mistakes visible. `matrix` has counts, or
    their mean over seeds, (true classes, predicted classes).
    """
    counts, classes = np.asarray(matrix, dtype=float), len(class_names)
    fits = counts.shape == (classes, classes) and np.isfinite(counts).all() and (counts >= 0).all()
    check(fits, "matrix", f"({classes}, {classes}) finite counts from 0", counts)
    totals = counts.sum(axis=1, keepdims=True)
    percent = np.divide(100 * counts, totals, out=np.full_like(counts, np.nan), where=totals > 0)
    digits = 0 if np.array_equal(counts, counts.round()) else 1
    texts = np.full(counts.shape, "", object)
    if classes <= WRITTEN:
        for cell, count in np.ndenumerate(counts):
            share = f"{percent[cell]:.0f}%" if percent[cell] > 0.5 else "<1%"
            texts[cell] = f"{count:.{digits}f}\n{share}" if count else "·"
    ax = axes(ax, height=min(5.7, 1.2 + max(1.8, 0.52 * classes)), width=min(WIDTH, 3.2 + 0.52 * classes))
    bar = {"label": "% of the true class", "ticks": [0, 1, 5, 20, 50, 100]}
    look = {"cmap": "Blues", "norm": PowerNorm(0.5, 0, 100), "cbar_kws": bar, "square": True}
    _draw_matrix(ax, percent, texts, size=8 if classes <= 12 else 5.5, **look)
    names = [wrapped(name, 18) for name in class_names]
    _name_cells(ax, names, names, every=-(-classes // WRITTEN), slanted=sum(map(len, names)) > 30)
    ax.set(xlabel="predicted class", ylabel="true class")
    return ax


def plot_similarity(
    matrix: np.ndarray, rows: Sequence[str], columns: Sequence[str], names: tuple[str, str], ax: Axes | None = None
) -> Axes:
    """Draw CKA between layers: 1 for equal up to rotation and scale, near 0 for nothing in common.

    `matrix` is (rows, columns); `names` are the networks of the rows and of the columns.
    """
    matrix = np.asarray(matrix, float)
    ax = axes(ax, height=0.9 + 0.5 * len(rows), width=min(WIDTH, 2.6 + 0.62 * len(columns)))
    texts = pd.DataFrame(matrix).map("{:.2f}".format, na_action="ignore").fillna("–").to_numpy()
    _draw_matrix(ax, matrix, texts, size=8, cmap="cividis", cbar_kws={"label": "CKA"})
    _name_cells(ax, rows, columns, slanted=True)
    ax.set(xlabel=wrapped(names[1], 40), ylabel=wrapped(names[0], 30))
    return ax


def plot_search(
    trials: pd.DataFrame, fresh: pd.DataFrame, ax: Axes | None = None, *, metric: str = "validation_accuracy"
) -> Axes:
    """Draw the score of each trial, the best so far, and the winner's scores with new seeds.

    Trials that diverged, or are four times as far from the best as the median, are crosses at the foot of the axis.
    `trials` is as `search` returns: columns trial, `metric` (NaN: diverged) and best; `fresh` are the winner's runs.
    """
    need(trials, ["trial", metric, "best"], "plot_search")
    need(fresh, [metric], "plot_search")
    ax = axes(ax)
    label, factor = axis_label(metric)
    scores, again = trials[metric].to_numpy(float) * factor, fresh[metric].dropna().to_numpy(float) * factor
    known = scores[np.isfinite(scores)]
    good = scores >= known.max() - 4 * (known.max() - np.median(known)) if len(known) else np.zeros(len(scores), bool)
    ax.plot(trials["trial"][good], scores[good], "o", color=COLOURS[0], label="trial")
    if not good.all():
        look = {"color": QUIET, "transform": ax.get_xaxis_transform(), "clip_on": False}
        ax.plot(trials["trial"][~good], np.zeros((~good).sum()), "x", **look, label="far lower, or diverged")
        ax.set_ylim(bottom=min([*scores[good], *again], default=0) - 0.5)
    ax.step(trials["trial"], trials["best"] * factor, where="post", color=COLOURS[0], alpha=0.6, label="best so far")
    place = trials["trial"].max() + 2
    look = {"color": COLOURS[1], "markerfacecolor": "none"}
    ax.plot(place + np.linspace(-0.4, 0.4, len(again)), again, "D", **look, label="winner, new seeds")
    if len(again):
        ax.hlines(again.mean(), place - 0.7, place + 0.7, color=COLOURS[1], linewidth=2, label="their mean")
    ax.axvline(place - 1, color=QUIET, linewidth=0.8, linestyle=":")
    ax.set(xlabel="trial", ylabel=label)
    ax.xaxis.get_major_locator().set_params(integer=True)
    ax.grid(axis="y")
    legend(ax)
    return ax


def _draw_matrix(ax: Axes, values: np.ndarray, texts: np.ndarray, size: float = 9, **options: object) -> None:
    """Draw a shade for each value, with its text in black or white."""
    sns.heatmap(values, ax=ax, vmin=0, vmax=1, xticklabels=False, yticklabels=False, **options)  # or as `norm` says
    mesh = ax.collections[0]
    shades = mesh.cmap(mesh.norm(np.ma.masked_invalid(values)))
    for row, column in np.argwhere(texts != ""):
        colour = ink(shades[row, column][:3]) if np.isfinite(values[row, column]) else "black"
        ax.text(column + 0.5, row + 0.5, texts[row, column], ha="center", va="center", fontsize=size, color=colour)


def _name_cells(
    ax: Axes, rows: Sequence[str], columns: Sequence[str], every: int = 1, *, slanted: bool = False
) -> None:
    """Name rows and columns, or each `every`-th where all names would overlap."""
    ax.set_xticks(np.arange(0, len(columns), every) + 0.5, columns[::every], **(SLANTED if slanted else {}))
    ax.set_yticks(np.arange(0, len(rows), every) + 0.5, rows[::every], rotation=0)
    ax.tick_params(length=0)
