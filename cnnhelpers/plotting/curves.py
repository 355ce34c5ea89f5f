"""Figures of runs and intervals: tables in, axes out. Nothing here trains or computes a statistic.

Each function draws into `ax`, or into a new figure as wide as the book's text if there is none, and returns the axes.
Accuracies come in as fractions and are drawn in percent. Pictures of images are in cnnhelpers.plotting.images.
"""

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from cnnhelpers.plotting.forest import drawn_bounds
from cnnhelpers.plotting.style import (
    QUIET,
    axes,
    legend,
    log_axis,
    look_of,
    need,
    nothing_yet,
    quantity,
    seed_handles,
    words,
)

SHIFT = 0.03  # of the distance between two strengths, from a line of a sweep to the next


def plot_learning_curves(
    histories: pd.DataFrame, metric: str = "accuracy", ax: Axes | None = None, *, log: bool = False
) -> Axes:
    """Draw `metric` by epoch, one colour and marker an experiment: training dashed, validation solid.

    Parameters
    ----------
    histories
        Columns experiment, seed, epoch (from 1), `metric` and, unless nothing was validated, `validation_<metric>`;
        one row an epoch of a run, as records.histories gives.
    metric
        "accuracy", "loss" or "crossentropy"; with `validation_` before it, that curve alone.
    log
        Whether the metric has a logarithmic axis, as losses that fall over decades need.

    Notes
    -----
    The line is the mean over the seeds, the band goes from the lowest seed to the highest. Where some seeds have
    stopped or diverged the line is thin and pale: from there on it is the mean of the others.
    """
    need(histories, ["experiment", "seed", "epoch", metric], "plot_learning_curves")
    parts = [(metric, "--", 0.10), (f"validation_{metric}", "-", 0.22)]
    parts = [(metric, "-", 0.22)] if metric.startswith("validation_") else parts
    parts = [part for part in parts if part[0] in histories and histories[part[0]].notna().any()]
    ax = axes(ax)
    label, factor = quantity(metric)
    handles, partial = [], False
    for position, (name, runs) in enumerate(histories.groupby("experiment", sort=False)):
        look = look_of(position) | {"markersize": 5}
        seeds = runs["seed"].nunique()
        for column, line, shade in parts:
            grouped = (runs[column] * factor).groupby(runs["epoch"]).agg(["mean", "min", "max", "count"])
            partial |= _curve(ax, grouped[grouped["count"] > 0], seeds, {**look, "linestyle": line}, shade)
        found = runs[[column for column, *_ in parts]].notna().any(axis=None)
        handles.append(Line2D([], [], **look, linestyle="-", label=words(name if found else f"{name}: no result", 24)))
    handles += _part_handles(parts, histories.groupby("experiment")["seed"].nunique().max(), partial)
    ax.set(xlabel="epoch", ylabel=label)
    if log:
        log_axis(ax)
    ax.xaxis.get_major_locator().set_params(integer=True, min_n_ticks=1)  # one epoch has one tick
    ax.grid(axis="y", color="#e0e0e0", linewidth=0.6)
    legend(ax, handles)
    return ax


def plot_dose_response(
    table: pd.DataFrame,
    ax: Axes | None = None,
    *,
    x: str = "strength",
    by: str | None = None,
    runs: pd.DataFrame | None = None,
    metric: str = "validation_accuracy",
) -> Axes:
    """Draw mean and interval at each strength in order, equally spaced, one line and marker a value of `by`.

    Parameters
    ----------
    table
        Columns `x`, "estimate", "low", "high" and, unless None, `by`.
    x
        Ordered numeric strengths. None, NaN or 0 is "none": it stands apart on the left, not joined to the line.
    runs
        Columns `x`, `metric` and `by`: each run a small dot beside its mean; a failed run (NaN) is counted in words.

    Notes
    -----
    Lines stand a little beside each other, so that their intervals can be told apart; without intervals they do not.
    It is so little that a steep line does not cross one that is as steep and above it. The runs stand right of them.
    """
    need(table, [x, "estimate", "low", "high", *([by] if by else [])], "plot_dose_response")
    ax = axes(ax)
    name, factor = quantity(metric)
    ticks = _strengths(table[x])
    groups = list(table.groupby(by, sort=False)) if by else [("", table)]
    spread = min(SHIFT, 0.24 / len(groups)) if table[["low", "high"]].notna().any(axis=None) else 0.0
    beside = 0.06 + (len(groups) - 1) * spread  # from a mean to its runs, right of all means
    for position, (group, rows) in enumerate(groups):
        look = look_of(position) | {"markersize": 5}
        shift = (position - (len(groups) - 1) / 2) * spread
        places = np.array([ticks[_strength(one)] for one in rows[x]]) + shift
        rows, places = rows.iloc[np.argsort(places)], np.sort(places)
        middle = rows["estimate"].to_numpy(float) * factor
        low, high = drawn_bounds(rows, metric)
        joined = places > -0.5
        ax.plot(places[joined], middle[joined], color=look["color"], linewidth=1, alpha=0.6)
        ax.vlines(places, low, high, color=look["color"], linewidth=1.5)
        label = words(f"{by.replace('_', ' ')}: {group}" if by else "mean, interval", 24)
        ax.plot(places, middle, **look, linestyle="none", label=label)
        if runs is not None:
            own = runs[runs[by] == group] if by else runs
            dots = np.array([ticks.get(_strength(one), np.nan) for one in own[x]]) + shift + beside
            ax.plot(dots, own[metric].to_numpy(float) * factor, ".", color=look["color"], alpha=0.55, markersize=4)
    failed = 0 if runs is None else int(runs[metric].isna().sum())
    if failed:
        ax.set_title(f"failed runs, without a dot: {failed} of {len(runs)}", loc="left", color=QUIET)
    ax.set_xticks(list(ticks.values()), [_strength_name(one) for one in ticks])
    if len(ticks) == 1:  # or its runs would stand at the other end of the axis
        (place,) = ticks.values()
        ax.set_xlim(place - 0.5, place + 0.5)
    elif min(ticks.values()) < -0.5:
        ax.axvline(-0.6, color=QUIET, linewidth=0.8, linestyle=":")
    ax.set(xlabel=words(x.replace("_", " "), 60), ylabel=name)
    ax.grid(axis="y", color="#e0e0e0", linewidth=0.6)
    legend(ax, ax.get_legend_handles_labels()[0])
    return ax


def plot_power(curves: pd.DataFrame, ax: Axes | None = None, *, seeds: Sequence[int] = (5, 10)) -> Axes:
    """Draw power by number of seeds at the median spread, a line and marker an effect.

    Parameters
    ----------
    curves
        As `analysis.power_curves` returns it, effects as fractions: drawn in points.
    seeds
        Numbers of seeds where a bar goes from the power at the largest spread to that at the smallest.
    """
    if curves.empty:
        return nothing_yet(ax, "No pair of networks has runs enough yet.")
    need(curves, ["effect", "seeds", "power", "low", "high"], "plot_power")
    ax, effects = axes(ax), list(curves.groupby("effect", sort=False))
    for position, (effect, rows) in enumerate(effects):
        look = look_of(position) | {"markersize": 4.5, "markevery": 3}
        ax.plot(rows["seeds"], 100 * rows["power"], **look, label=f"{100 * effect:g}")
        marked = rows[rows["seeds"].isin(seeds)]
        shifted = marked["seeds"] + 0.28 * (position - (len(effects) - 1) / 2)
        ax.vlines(shifted, 100 * marked["low"], 100 * marked["high"], color=look["color"], linewidth=2.2, alpha=0.8)
    ax.axhline(90, color=QUIET, linewidth=0.9, linestyle="--", zorder=0)
    ax.annotate("90 %", (1.005, 90), xycoords=ax.get_yaxis_transform(), va="center", fontsize=9, color="#444444")
    ax.set(xlabel="seeds", ylabel="power (%)", ylim=(0, 102), xlim=(1.5, curves["seeds"].max() + 0.5))
    ax.grid(axis="y", color="#e0e0e0", linewidth=0.6)
    bar = Line2D([], [], color=QUIET, linewidth=2.2, label="largest to smallest\nspread of a pair")
    handles = [*ax.get_legend_handles_labels()[0], bar]
    ax.legend(handles=handles, title="true difference\n(points)", loc="upper left", bbox_to_anchor=(1.09, 1.02))
    return ax


def plot_simulated_power(found: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw how often planted differences are found, markers with 95 % intervals, beside theory as dashed lines.

    Parameters
    ----------
    found
        As `simulations.planted_effects` returns it.
    """
    need(found, ["effect", "seeds", "rate", "low", "high", "theory"], "plot_simulated_power")
    ax, numbers = axes(ax, height=3.6), list(dict.fromkeys(found["seeds"]))
    for position, number in enumerate(numbers):
        rows, look = found[found["seeds"] == number], look_of(position)
        ax.plot(rows["effect"], 100 * rows["theory"], "--", color=look["color"], linewidth=1.2)
        ax.vlines(rows["effect"], 100 * rows["low"], 100 * rows["high"], color=look["color"], linewidth=1.6)
        ax.plot(rows["effect"], 100 * rows["rate"], **look, linestyle="none", markersize=6)
    ax.set(xlabel="true difference (standard deviations of the paired differences)", ylabel="found (%)", ylim=(0, 103))
    ax.grid(axis="y")
    legend(ax, [*seed_handles(numbers), Line2D([], [], color=QUIET, linestyle="--", label="theory")], above=True)
    return ax


def _curve(ax: Axes, grouped: pd.DataFrame, seeds: int, look: dict[str, object], shade: float) -> bool:
    """Draw mean and band by epoch; return whether some epochs lack seeds, where the line is thin and pale."""
    epochs, mean = grouped.index.to_numpy(), grouped["mean"].to_numpy()
    every = max(1, len(epochs) // 10)
    whole = int((grouped["count"] == seeds).cumprod().sum())
    if seeds > 1:
        ax.fill_between(epochs, grouped["min"], grouped["max"], color=look["color"], alpha=shade, linewidth=0)
    ax.plot(epochs[:whole], mean[:whole], **look, markevery=every, linewidth=1.8)
    if whole < len(epochs):
        start = max(whole - 1, 0)
        ax.plot(epochs[start:], mean[start:], **{**look, "marker": None}, linewidth=0.9, alpha=0.7)
    return whole < len(epochs)


def _part_handles(parts: Sequence[tuple[str, str, float]], seeds: int, partial: bool) -> list[Line2D | Patch]:
    names = {"--": "training", "-": "validation"}
    handles = [Line2D([], [], color=QUIET, linestyle=line, label=names[line]) for _, line, _ in reversed(parts)]
    if seeds > 1:
        handles.append(Patch(color=QUIET, alpha=0.25, linewidth=0, label="lowest to highest seed"))
    if partial:
        handles.append(Line2D([], [], color=QUIET, linewidth=0.9, alpha=0.7, label="fewer seeds (stopped, failed)"))
    return handles


def _strength(value: float | None) -> float | None:
    return None if value is None or pd.isna(value) or value == 0 else float(value)


def _strengths(values: Iterable[float | None]) -> dict[float | None, float]:
    """Return the place of each strength on the axis: "none" at -1.2, the others at 0, 1, 2, ... in order."""
    found = {_strength(value) for value in values}
    places = {None: -1.2} if None in found else {}
    return places | {value: float(place) for place, value in enumerate(sorted(found - {None}))}


def _strength_name(value: float | None) -> str:
    return "none" if value is None else f"{value:g}"
