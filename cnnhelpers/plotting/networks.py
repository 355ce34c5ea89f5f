"""Figures of whole networks: what accuracy costs, and what reaches the layers before training. Tables in, axes out."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import EngFormatter, LogLocator, NullFormatter

from cnnhelpers.plotting.forest import drawn_bounds
from cnnhelpers.plotting.style import COLOURS, QUIET, axes, legend, look_of, need, quantity, words

NAME_WIDTH, NAME_HEIGHT, NAME_GAP = 40, 11, 7  # points that the name of a network takes, and its distance from the dot


def plot_pareto(table: pd.DataFrame, cost: str, ax: Axes | None = None, *, metric: str = "test_accuracy") -> Axes:
    """Draw what each network achieves against its cost, on a logarithmic axis; the Pareto front is joined and filled.

    Parameters
    ----------
    table
        Columns experiment, `cost`, estimate, low, high and front, as analysis.pareto gives.
    """
    need(table, ["experiment", cost, "estimate", "low", "high", "front"], "plot_pareto")
    ax = axes(ax, height=3.6)
    name, factor = quantity(metric)
    ordered = table.dropna(subset=[cost, "estimate"]).sort_values(cost)
    best = ordered[ordered["front"]]
    ax.step(best[cost], best["estimate"] * factor, where="post", color=COLOURS[0], linewidth=1, alpha=0.6)
    ax.vlines(ordered[cost], *drawn_bounds(ordered, metric), color=QUIET, linewidth=1)
    for rows, face in ((best, COLOURS[0]), (ordered[~ordered["front"]], "white")):
        look = {"color": COLOURS[0], "markerfacecolor": face, "markersize": 6, "linestyle": "none"}
        ax.plot(rows[cost], rows["estimate"] * factor, "o", **look)
    if ordered[cost].max() > 2 * ordered[cost].min():
        ax.set_xscale("log")
        ax.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        ax.xaxis.set_minor_formatter(NullFormatter())
    ax.xaxis.set_major_formatter(EngFormatter(sep=" "))
    ax.margins(x=0.1)
    ax.set(xlabel=_cost_name(cost), ylabel=name)
    ax.grid(axis="y", color="#e0e0e0", linewidth=0.6)
    _names(ax, ordered, cost, factor)
    front = Line2D([], [], color=COLOURS[0], marker="o", label="none is better and cheaper")
    others = Line2D([], [], color=COLOURS[0], marker="o", markerfacecolor="white", linestyle="none", label="others")
    interval = Line2D([], [], color=QUIET, linewidth=1, label="95 % interval over seeds")
    legend(ax, [front, others, interval], above=True)
    return ax


def plot_signal(
    table: pd.DataFrame, metric: str = "signal", ax: Axes | None = None, *, learning_rate: float = 0.0
) -> Axes:
    """Draw the strength of signal or gradient by layer, one colour and marker a network, on a logarithmic axis.

    Parameters
    ----------
    table
        Columns experiment, depth and `metric`, as signals.at_the_start gives; of several networks one below the other.
    learning_rate
        Drawn as a line where it is above 0: a bias moves about so far in one step of Adam.
    """
    need(table, ["experiment", "depth", metric], "plot_signal")
    ax = axes(ax)
    for position, (name, rows) in enumerate(table.groupby("experiment", sort=False)):
        ax.plot(rows["depth"], rows[metric], **look_of(position), markersize=5, linewidth=1.5, label=words(name, 24))
    if learning_rate:
        ax.axhline(learning_rate, color=QUIET, linestyle="--", linewidth=1, label="learning rate")
    ax.set_yscale("log")
    ax.set(xlabel="layer with weights", ylabel=f"{metric} (standard deviation)")
    ax.xaxis.get_major_locator().set_params(integer=True)
    ax.grid(axis="y", color="#e0e0e0", linewidth=0.6)
    legend(ax, ax.get_legend_handles_labels()[0])
    return ax


def _names(ax: Axes, table: pd.DataFrame, cost: str, factor: float) -> None:
    """Write the name of each network beside its dot, moved up or down where it would cover a dot or another name."""
    ax.get_xlim(), ax.get_ylim()  # settles the limits, so that distances can be measured
    width, height = ax.figure.get_size_inches() * 72
    at = np.column_stack([table[cost], table["estimate"] * factor])
    dots = ax.transAxes.inverted().transform(ax.transData.transform(at)) * (width, height)
    taken: list[np.ndarray] = []

    def free(place: np.ndarray) -> bool:
        covers_dot = (abs(dots - place - (NAME_WIDTH / 2, 0)) < (NAME_WIDTH / 2, NAME_HEIGHT / 2 + 2)).all(axis=1).any()
        covers_name = any((abs(other - place) < (NAME_WIDTH, NAME_HEIGHT)).all() for other in taken)
        return NAME_HEIGHT / 2 < place[1] < height - NAME_HEIGHT / 2 and not covers_dot and not covers_name

    offsets = [(NAME_GAP, sign * step * NAME_HEIGHT / 2) for step in range(30) for sign in (1, -1)]
    for row in np.lexsort(dots.T[::-1]):
        offset = next((one for one in offsets if free(dots[row] + one)), offsets[0])
        taken.append(dots[row] + offset)
        line = {"arrowstyle": "-", "color": QUIET, "linewidth": 0.6} if abs(offset[1]) > NAME_HEIGHT else None
        look = {"textcoords": "offset points", "va": "center", "fontsize": 8, "arrowprops": line}
        ax.annotate(table["experiment"].iloc[row], at[row], xytext=offset, **look)


def _cost_name(cost: str) -> str:
    return {"flops": "FLOPs for one image", "parameters": "parameters"}.get(cost, quantity(cost)[0])
