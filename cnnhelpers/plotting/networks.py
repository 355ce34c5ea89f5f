"""Draw whole networks: accuracy against cost, and the signal that reaches each layer before training."""

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import EngFormatter, LogLocator, NullFormatter

from cnnhelpers.plotting.forest import drawn_bounds
from cnnhelpers.plotting.style import COLOURS, QUIET, axes, axis_label, hues, legend, need, wrapped

NAME_WIDTH, NAME_HEIGHT, NAME_GAP = 40, 11, 7  # points of a network's name, and of its distance from the dot


def plot_pareto(table: pd.DataFrame, cost: str, ax: Axes | None = None, *, metric: str = "test_accuracy") -> Axes:
    """Draw the metric of each network against its cost; the networks of the Pareto front are joined and filled.

    `table` is as `analysis.pareto` returns; `cost` is a column such as "parameters", "flops" or "cpu_seconds".
    """
    need(table, ["experiment", cost, "estimate", "low", "high", "front"], "plot_pareto")
    ax = axes(ax, height=3.6)
    label, factor = axis_label(metric)
    ordered = table.dropna(subset=[cost, "estimate"]).sort_values(cost)
    front = ordered["front"].astype(bool)
    ax.step(ordered[cost][front], ordered["estimate"][front] * factor, where="post", color=COLOURS[0], alpha=0.6)
    ax.vlines(ordered[cost], *drawn_bounds(ordered, metric), color=QUIET, linewidth=1)
    looks = {"Pareto front": COLOURS[0], "dominated": "white"}
    for (name, face), rows in zip(looks.items(), (ordered[front], ordered[~front]), strict=True):
        look = {"color": COLOURS[0], "markerfacecolor": face, "linestyle": "none", "label": name}
        ax.plot(rows[cost], rows["estimate"] * factor, "o", **look)
    if ordered[cost].max() > 2 * ordered[cost].min():
        ax.set_xscale("log")
        ax.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        ax.xaxis.set_minor_formatter(NullFormatter())
    ax.xaxis.set_major_formatter(EngFormatter(sep=" "))
    ax.margins(x=0.1)
    ax.set(xlabel=axis_label(cost)[0], ylabel=label)
    ax.grid(axis="y")
    _name_dots(ax, ordered["experiment"], np.column_stack([ordered[cost], ordered["estimate"] * factor]))
    interval = Line2D([], [], color=QUIET, linewidth=1, label="95 % interval over seeds")
    legend(ax, [*ax.get_legend_handles_labels()[0], interval])
    return ax


def plot_signal(
    table: pd.DataFrame, metric: str = "signal", ax: Axes | None = None, *, learning_rate: float = 0.0
) -> Axes:
    """Draw the strength of signal or gradient by layer on a logarithmic axis, a curve for each network.

    `table` has the columns experiment, depth and `metric`, as `initial_signals` returns. `learning_rate`, unless 0, is
    the level of a horizontal line: the change of a bias in a step of Adam.
    """
    need(table, ["experiment", "depth", metric], "plot_signal")
    ax = axes(ax)
    shown = table.reset_index(drop=True)
    shown["network"] = [wrapped(name, 40) for name in table["experiment"]]
    look = hues(shown["network"]) | {"hue": "network", "style": "network", "dashes": False, "markeredgewidth": 0}
    sns.lineplot(shown, x="depth", y=metric, errorbar=None, ax=ax, **look)
    if learning_rate:
        ax.axhline(learning_rate, color=QUIET, linestyle="--", linewidth=1, label="learning rate")
    ax.set_yscale("log")
    ax.set(xlabel="layer with weights", ylabel=f"{metric} (standard deviation)")
    ax.xaxis.get_major_locator().set_params(integer=True)
    ax.grid(axis="y")
    legend(ax)
    return ax


def _name_dots(ax: Axes, names: pd.Series, points: np.ndarray) -> None:
    """Write each name next to its point, moved up or down until it covers no point and no name."""
    ax.get_xlim(), ax.get_ylim()  # settles the limits, so that distances can be measured
    width, height = ax.figure.get_size_inches() * 72
    dots = ax.transAxes.inverted().transform(ax.transData.transform(points)) * (width, height)
    taken: list[np.ndarray] = []

    def free(place: np.ndarray) -> bool:
        covers_dot = (abs(dots - place - (NAME_WIDTH / 2, 0)) < (NAME_WIDTH / 2, NAME_HEIGHT / 2 + 2)).all(axis=1).any()
        covers_name = any((abs(name - place) < (NAME_WIDTH, NAME_HEIGHT)).all() for name in taken)
        return NAME_HEIGHT / 2 < place[1] < height - NAME_HEIGHT / 2 and not covers_dot and not covers_name

    offsets = [(NAME_GAP, sign * step * NAME_HEIGHT / 2) for step in range(30) for sign in (1, -1)]
    for row in np.lexsort(dots.T[::-1]):
        offset = next((shift for shift in offsets if free(dots[row] + shift)), offsets[0])
        taken.append(dots[row] + offset)
        line = {"arrowstyle": "-", "color": QUIET, "linewidth": 0.6} if abs(offset[1]) > NAME_HEIGHT else None
        look = {"textcoords": "offset points", "va": "center", "fontsize": 8, "arrowprops": line}
        ax.annotate(names.iloc[row], points[row], xytext=offset, **look)
