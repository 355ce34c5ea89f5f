"""Figures of settings: a map of two of them, and the trials of a search. Reached as cnnhelpers.plotting.curves."""

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import PowerNorm
from matplotlib.patches import Rectangle

from cnnhelpers.plotting.style import COLOURS, QUIET, axes, ink, legend, need, quantity

EMPHASIS = 3  # power of the shade: the differences that matter are among the best
SHADES = "Blues"


def plot_heatmap(
    table: pd.DataFrame,
    ax: Axes | None = None,
    *,
    x: str = "learning_rate",
    y: str = "batch_size",
    metric: str = "validation_accuracy",
) -> Axes:
    """Draw a mean in every cell of a grid of two settings, with its SD over seeds; the best cell is framed.

    Parameters
    ----------
    table
        Columns `x` and `y` (numbers, in order on the axes), estimate, sd, n (runs) and lost (how many of them learned
        nothing), as search.settings_map gives. A cell with lost runs is hatched and says how many.
    metric
        What the estimate is, for the colour bar.
    """
    need(table, [x, y, "estimate", "sd", "n", "lost"], "plot_heatmap")
    name, factor = quantity(metric)
    grid = table.pivot_table(index=y, columns=x, values="estimate", dropna=False).sort_index(ascending=False) * factor
    ax = axes(ax, height=1.3 + 0.75 * len(grid), width=min(7.0, 2.4 + 1.1 * len(grid.columns)))
    finite = grid.to_numpy()[np.isfinite(grid.to_numpy())]
    low, high = (finite.min(), finite.max()) if len(finite) else (0.0, 1.0)
    norm, shades = PowerNorm(EMPHASIS, low, high if high > low else low + 1), colormaps[SHADES]
    picture = ax.imshow(grid, cmap=shades, norm=norm, aspect="auto")
    for cell in table.itertuples():
        row, column = grid.index.get_loc(getattr(cell, y)), grid.columns.get_loc(getattr(cell, x))
        known = np.isfinite(cell.estimate)
        colour = ink(shades(norm(cell.estimate * factor))[:3]) if known else "black"
        ax.text(column, row, _cell_words(cell, factor), ha="center", va="center", color=colour, fontsize=9)
        if cell.lost:
            look = {"fill": False, "hatch": "///", "edgecolor": QUIET, "linewidth": 0, "alpha": 0.5}
            ax.add_patch(Rectangle((column - 0.5, row - 0.5), 1, 1, **look))
    if len(finite):
        row, column = np.unravel_index(np.nanargmax(grid.to_numpy()), grid.shape)
        ax.add_patch(Rectangle((column - 0.48, row - 0.48), 0.96, 0.96, fill=False, edgecolor=COLOURS[1], linewidth=2))
    ax.set_xticks(range(len(grid.columns)), [f"{value:g}" for value in grid.columns])
    ax.set_yticks(range(len(grid)), [f"{value:g}" for value in grid.index])
    ax.tick_params(length=0)
    ax.set(xlabel=x.replace("_", " "), ylabel=y.replace("_", " "))
    ax.spines[:].set_visible(False)
    ticks = norm.inverse(np.linspace(0, 1, 5))  # evenly spaced in shade, not in number
    ax.figure.colorbar(picture, ax=ax, label=name, ticks=ticks, format="%.0f")
    return ax


def plot_search(
    trials: pd.DataFrame, fresh: pd.DataFrame, ax: Axes | None = None, *, metric: str = "validation_accuracy"
) -> Axes:
    """Draw the score of every trial, the best so far, and what the winner scores with seeds that chose nothing.

    Parameters
    ----------
    trials
        Columns trial, `metric` (NaN: diverged) and best, as search.search gives. The axis shows the good trials:
        those four times as far from the best as the median, or diverged, are crosses at its foot.
    fresh
        The winner's runs with other seeds, column `metric`: dots and their mean, right of the trials.
    """
    need(trials, ["trial", metric, "best"], "plot_search")
    need(fresh, [metric], "plot_search")
    ax = axes(ax)
    name, factor = quantity(metric)
    scores, again = trials[metric].to_numpy(float) * factor, fresh[metric].dropna().to_numpy(float) * factor
    known = scores[np.isfinite(scores)]
    floor = known.max() - 4 * (known.max() - np.median(known)) if len(known) else -np.inf
    good = scores >= floor  # not so where it is NaN
    ax.plot(trials["trial"][good], scores[good], "o", color=COLOURS[0], label="trial")
    if not good.all():
        look = {"color": QUIET, "transform": ax.get_xaxis_transform(), "clip_on": False}
        ax.plot(trials["trial"][~good], np.zeros((~good).sum()), "x", **look, label="far lower, or diverged")
        ax.set_ylim(bottom=min([*scores[good], *again], default=0) - 0.5)
    ax.step(trials["trial"], trials["best"] * factor, where="post", color=COLOURS[0], alpha=0.6, label="best so far")
    place = trials["trial"].max() + 2
    look = {"color": "none", "markeredgecolor": COLOURS[1]}
    ax.plot(place + np.linspace(-0.4, 0.4, len(again)), again, "D", **look, label="winner, fresh seeds")
    if len(again):
        ax.hlines(again.mean(), place - 0.7, place + 0.7, color=COLOURS[1], linewidth=2, label="their mean")
    ax.axvline(place - 1, color=QUIET, linewidth=0.8, linestyle=":")
    ax.set(xlabel="trial", ylabel=name)
    ax.xaxis.get_major_locator().set_params(integer=True)
    ax.grid(axis="y", color="#e0e0e0", linewidth=0.6)
    legend(ax, ax.get_legend_handles_labels()[0])
    return ax


def _cell_words(cell: object, factor: float) -> str:
    spread = f"\n±{cell.sd * factor:.1f}" if np.isfinite(cell.sd) else ""
    words = f"{cell.estimate * factor:.1f}{spread}" if np.isfinite(cell.estimate) else "no result"
    return words + (f"\n{cell.lost} of {cell.n} lost" if cell.lost else "")
