"""Figures with a row for each configuration or class: intervals, seeds, gaps, counts."""

from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from cnnhelpers.errors import InputError
from cnnhelpers.plotting.style import COLOURS, HATCHES, QUIET, axes, legend, need, quantity, ticks_both_sides, words

WIDE = 20  # margins: differences beyond that would make the band of the margin a line


def intervals(
    table: pd.DataFrame,
    ax: Axes | None = None,
    *,
    value: str = "estimate",
    label: str = "label",
    reference: str | None = None,
    margin: float | None = None,
    measure: str = "accuracy",
) -> Axes:
    """Draw a forest plot: a dot and its interval a row, in the order of `table`.

    Parameters
    ----------
    table
        Columns `label`, `value`, "low" and "high"; a row of NaN is a configuration without a result, and says so.
    reference
        Column of published numbers, or None: drawn as a hollow diamond within the interval, as a cross outside,
        with the word beside the row. NaN where nothing was published.
    margin
        Half-width of the band around 0 within which a difference counts as none, in the unit of `value`. Where other
        differences are so large that the band would be a line, the axis is logarithmic further out, and says so.
    measure
        What is drawn, for the axis: a runs column such as "validation_accuracy", or "difference", "gap".
    """
    need(table, [label, value, "low", "high", *([reference] if reference else [])], "intervals")
    ax = axes(ax, height=_height(table[label]))
    name, factor = quantity(measure)
    middle, (low, high) = table[value].to_numpy(float) * factor, drawn_bounds(table, measure)
    rows = np.arange(len(table))
    if margin is not None:
        band = ax.axvspan(-margin * factor, margin * factor, color="#dddddd", zorder=0)
        band.set_label(f"within ±{margin * factor:g}")
    if margin is not None or measure in ("difference", "gap"):
        ax.axvline(0, color=QUIET, linewidth=0.9, zorder=1)
    ax.hlines(rows, low, high, color=COLOURS[0], linewidth=2.2)
    ax.plot(middle, rows, "o", color=COLOURS[0], markersize=6.5, label="here, with its interval")
    if reference:
        _published(ax, table[reference].to_numpy(float) * factor, low, high)
    for row in rows[~np.isfinite(middle)]:
        _beside(ax, row, "no result")
    _rows(ax, table[label], name)
    if margin and max(np.nanmax(-low, initial=0), np.nanmax(high, initial=0)) > WIDE * margin * factor:
        _logarithmic_beyond(ax, 4 * margin * factor)
    if margin is not None or reference:
        legend(ax, ax.get_legend_handles_labels()[0], above=True)
    return ax


def _logarithmic_beyond(ax: Axes, linear: float) -> None:
    """Make the axis of differences linear up to +-`linear`, logarithmic further out, and say so below it."""
    ax.set_xscale("symlog", linthresh=linear, linscale=1.0)
    ax.margins(x=0.05)
    ax.autoscale(axis="x")
    far = max(abs(end) for end in ax.get_xlim())
    sizes = [step * 10.0**power for power in range(-2, 4) for step in (1, 3)]
    shown = [size for size in sizes if linear / 2 <= size <= far]
    ticks_both_sides(ax, shown)
    ax.set_xlabel(f"{ax.get_xlabel()}, logarithmic beyond ±{linear:g}")


def seed_dots(
    runs: pd.DataFrame,
    value: str = "test_accuracy",
    ax: Axes | None = None,
    *,
    table: pd.DataFrame | None = None,
    label: str = "experiment",
) -> Axes:
    """Draw every run's `value` as a dot, a row an experiment, over the mean of the seeds and, if given, its interval.

    Parameters
    ----------
    runs
        Columns `label` and `value`; a failed run (NaN) is not drawn but counted beside its row.
    table
        Intervals: columns `label`, "low" and "high", in the unit of `value`. None draws the mean alone.
    """
    need(runs, [label, value], "seed_dots")
    groups = list(runs.groupby(label, sort=False)[value])
    ax = axes(ax, height=_height(group for group, _ in groups))
    name, factor = quantity(value)
    bounded = () if table is None else zip(table[label], *drawn_bounds(table, value), strict=True)
    bounds = {group: (low, high) for group, low, high in bounded}
    for row, (group, values) in enumerate(groups):
        good = values.dropna().to_numpy(float) * factor
        spread = np.linspace(0.06, 0.3, len(good)) if len(good) > 1 else np.full(len(good), 0.18)
        if group in bounds:
            ax.hlines(row - 0.14, *bounds[group], color=COLOURS[0], linewidth=2.2)
        if len(good):
            ax.plot(good.mean(), row - 0.14, "|", color=COLOURS[0], markersize=11, markeredgewidth=2.2)
        ax.plot(good, row + spread, "o", color="none", markeredgecolor=COLOURS[1], markersize=4.5)
        if len(good) < len(values):
            _beside(ax, row, f"{len(values) - len(good)} of {len(values)} failed")
    _rows(ax, [group for group, _ in groups], name)
    bar = "mean, interval" if bounds else "mean"
    marks = [
        Line2D([], [], color="none", marker="o", markeredgecolor=COLOURS[1], markersize=4.5, label="one seed"),
        Line2D([], [], linestyle="none", marker="|", color=COLOURS[0], markersize=11, markeredgewidth=2.2, label=bar),
    ]
    legend(ax, marks, above=True)
    return ax


def gap(
    runs: pd.DataFrame, ax: Axes | None = None, *, table: pd.DataFrame | None = None, label: str = "experiment"
) -> Axes:
    """Draw training minus validation accuracy of every run in points, as seed_dots does; right of 0 is overfitting.

    `runs` has the columns `label`, train_accuracy and validation_accuracy; `table` the intervals of the gap.
    """
    need(runs, [label, "train_accuracy", "validation_accuracy"], "gap")
    difference = runs["train_accuracy"] - runs["validation_accuracy"]
    ax = seed_dots(runs.assign(gap=difference), "gap", ax, table=table, label=label)
    ax.axvline(0, color=QUIET, linewidth=0.9, zorder=1)
    return ax


def times_to_accuracy(
    timed: pd.DataFrame, value: str = "epochs_to_target", ax: Axes | None = None, *, label: str = "experiment"
) -> Axes:
    """Draw when each run reached an accuracy, a row an experiment, over the median of all its runs.

    A run that never did (inf) has no dot but counts in the median, which is drawn where it is finite, and in words.

    Parameters
    ----------
    timed
        Columns `label` and `value`, as speed.time_to_accuracy gives.
    """
    need(timed, [label, value], "times_to_accuracy")
    groups = list(timed.groupby(label, sort=False)[value])
    ax = axes(ax, height=_height(group for group, _ in groups))
    for row, (_, values) in enumerate(groups):
        reached = values[np.isfinite(values)].to_numpy(float)
        spread = np.linspace(0.06, 0.3, len(reached)) if len(reached) > 1 else np.full(len(reached), 0.18)
        ax.plot(reached, row + spread, "o", color="none", markeredgecolor=COLOURS[1], markersize=4.5)
        if np.isfinite(values.median()):
            ax.plot(values.median(), row - 0.14, "|", color=COLOURS[0], markersize=11, markeredgewidth=2.2)
        if len(reached) < len(values):
            _beside(ax, row, f"{len(values) - len(reached)} of {len(values)} never")
    _rows(ax, [group for group, _ in groups], quantity(value)[0])
    ax.set_xlim(left=0)
    marks = [
        Line2D([], [], color="none", marker="o", markeredgecolor=COLOURS[1], markersize=4.5, label="one seed"),
        Line2D([], [], linestyle="none", marker="|", color=COLOURS[0], markersize=11, markeredgewidth=2.2,
               label="median of all seeds"),
    ]  # fmt: skip
    legend(ax, marks, above=True)
    return ax


def class_counts(counts: pd.DataFrame | pd.Series | Mapping[str, int], ax: Axes | None = None) -> Axes:
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
    _rows(ax, table.index, "images")
    ax.tick_params(axis="y", labelsize=7 if many else 9)
    ax.set_xlim(0, 1.12 * table.to_numpy(float).max())
    ax.xaxis.set_major_formatter("{x:,.0f}")
    if parts > 1:
        legend(ax, ax.get_legend_handles_labels()[0], above=True)
    return ax


def drawn_bounds(table: pd.DataFrame, measure: str) -> tuple[np.ndarray, np.ndarray]:
    """Return "low" and "high" of `table` as they are drawn, in the unit of `measure`: accuracies within 0..100 %.

    Intervals over two or three seeds can reach far beyond.

    >>> drawn_bounds(pd.DataFrame({"low": [-2.0], "high": [3.0]}), "test_accuracy")
    (array([0.]), array([100.]))
    """
    factor = quantity(measure)[1]
    low, high = (table[column].to_numpy(float) * factor for column in ("low", "high"))
    return (low.clip(0, 100), high.clip(0, 100)) if measure.endswith("accuracy") else (low, high)


def _published(ax: Axes, published: np.ndarray, low: np.ndarray, high: np.ndarray) -> None:
    """Mark published numbers: hollow diamond and "inside", or cross and "outside" of the interval."""
    inside = (low <= published) & (published <= high)
    outside = np.isfinite(published) & np.isfinite(low) & ~inside
    unknown = np.isfinite(published) & ~np.isfinite(low)
    looks = (
        (inside | unknown, {"marker": "D", "markerfacecolor": "none", "label": "published, inside"}),
        (outside, {"marker": "X", "label": "published, outside"}),
    )
    for chosen, look in looks:
        if chosen.any():
            rows = np.flatnonzero(chosen)
            ax.plot(published[rows], rows, linestyle="none", color=COLOURS[1], markersize=7.5, zorder=4, **look)
    for rows, text in ((inside, "inside"), (outside, "outside")):
        for row in np.flatnonzero(rows):
            _beside(ax, row, text)


def _beside(ax: Axes, row: float, text: str) -> None:
    """Write `text` in the right margin, at the height of `row`."""
    ax.annotate(text, (1.01, row), xycoords=ax.get_yaxis_transform(), va="center", fontsize=9, color="#444444")


def _height(labels: Iterable[object]) -> float:
    """Return the inches that a figure needs to name its rows without overlap."""
    lines = [words(label).count("\n") + 1 for label in labels]
    return 1.0 + len(lines) * max(0.36, 0.17 * max(lines) + 0.04)


def _rows(ax: Axes, labels: Iterable[object], name: str) -> None:
    """Name the rows from the top down, and the x axis."""
    names = [words(label) for label in labels]
    ax.set_yticks(range(len(names)), names)
    ax.set_ylim(len(names) - 0.4, -0.6)
    ax.tick_params(axis="y", length=0)
    ax.set_xlabel(name)
    ax.grid(axis="x", color="#e0e0e0", linewidth=0.6)
