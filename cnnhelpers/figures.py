"""Figures of runs and intervals: tables in, axes out. Nothing here trains or computes a statistic.

Each function draws into `ax`, or into a new figure as wide as the book's text if there is none, and returns the axes.
Accuracies come in as fractions and are drawn in percent. Pictures of images are in cnnhelpers.galleries.
"""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from cnnhelpers.errors import InputError
from cnnhelpers.galleries import confusion_matrix, prediction_gallery, sample_sheet
from cnnhelpers.style import COLOURS, HATCHES, MARKERS, QUIET, axes, need, quantity, use_style, words

__all__ = [
    "class_counts",
    "confusion_matrix",
    "gap",
    "intervals",
    "learning_curves",
    "prediction_gallery",
    "sample_sheet",
    "seed_dots",
    "sweep",
    "use_style",
]


def learning_curves(histories: pd.DataFrame, metric: str = "accuracy", ax: Axes | None = None) -> Axes:
    """Draw `metric` by epoch, one colour and marker an experiment: training dashed, validation solid.

    Parameters
    ----------
    histories
        Columns experiment, seed, epoch (from 1), `metric` and, unless nothing was validated, `validation_<metric>`;
        one row an epoch of a run, as records.histories gives.
    metric
        "accuracy", "loss" or "crossentropy".

    Notes
    -----
    The line is the mean over the seeds, the band goes from the lowest seed to the highest. Where some seeds have
    stopped or diverged the line is thin and pale: from there on it is the mean of the others.
    """
    need(histories, ["experiment", "seed", "epoch", metric], "learning_curves")
    parts = [(metric, "--", 0.10), (f"validation_{metric}", "-", 0.22)]
    parts = [part for part in parts if part[0] in histories and histories[part[0]].notna().any()]
    ax = axes(ax)
    label, factor = quantity(metric)
    handles, partial = [], False
    for position, (name, runs) in enumerate(histories.groupby("experiment", sort=False)):
        look = _look(position)
        seeds = runs["seed"].nunique()
        for column, line, shade in parts:
            grouped = (runs[column] * factor).groupby(runs["epoch"]).agg(["mean", "min", "max", "count"])
            partial |= _curve(ax, grouped[grouped["count"] > 0], seeds, {**look, "linestyle": line}, shade)
        found = runs[[column for column, *_ in parts]].notna().any(axis=None)
        handles.append(Line2D([], [], **look, linestyle="-", label=words(name if found else f"{name}: no result", 24)))
    handles += _part_handles(parts, histories.groupby("experiment")["seed"].nunique().max(), partial)
    ax.set(xlabel="epoch", ylabel=label)
    ax.xaxis.get_major_locator().set_params(integer=True)
    ax.grid(axis="y", color="#e0e0e0", linewidth=0.6)
    _legend(ax, handles)
    return ax


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
        Half-width of the band around 0 within which a difference counts as none, in the unit of `value`.
    measure
        What is drawn, for the axis: a runs column such as "validation_accuracy", or "difference", "gap".
    """
    need(table, [label, value, "low", "high", *([reference] if reference else [])], "intervals")
    ax = axes(ax, height=_height(table[label]))
    name, factor = quantity(measure)
    low, middle, high = (table[column].to_numpy(float) * factor for column in ("low", value, "high"))
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
    if margin is not None or reference:
        _legend(ax, ax.get_legend_handles_labels()[0], above=True)
    return ax


def sweep(
    table: pd.DataFrame,
    ax: Axes | None = None,
    *,
    x: str = "strength",
    by: str | None = "convolutions",
    runs: pd.DataFrame | None = None,
    measure: str = "validation_accuracy",
    unit: str = "",
) -> Axes:
    """Draw mean and interval at each strength in order, equally spaced, one line and marker a value of `by`.

    Parameters
    ----------
    table
        Columns `x`, "estimate", "low", "high" and, unless None, `by`.
    x
        Ordered numeric strengths. None, NaN or 0 is "none": it stands apart on the left, not joined to the line.
    runs
        Columns `x`, `measure` and `by`: each run a small dot beside its mean; a failed run (NaN) is counted in words.
    unit
        Unit of the strengths for the axis, such as "epochs".
    """
    need(table, [x, "estimate", "low", "high", *([by] if by else [])], "sweep")
    ax = axes(ax)
    name, factor = quantity(measure)
    ticks = _strengths(table[x])
    groups = list(table.groupby(by, sort=False)) if by else [("", table)]
    for position, (group, rows) in enumerate(groups):
        look = _look(position)
        shift = (position - (len(groups) - 1) / 2) * min(0.16, 0.6 / len(groups))
        places = np.array([ticks[_strength(one)] for one in rows[x]]) + shift
        rows, places = rows.iloc[np.argsort(places)], np.sort(places)
        middle, low, high = (rows[column].to_numpy(float) * factor for column in ("estimate", "low", "high"))
        joined = places > -0.5
        ax.plot(places[joined], middle[joined], color=look["color"], linewidth=1, alpha=0.6)
        ax.vlines(places, low, high, color=look["color"], linewidth=2)
        ax.plot(places, middle, **look, linestyle="none", label=words(f"{by}: {group}" if by else "mean, interval", 24))
        if runs is not None:
            own = runs[runs[by] == group] if by else runs
            dots = np.array([ticks.get(_strength(one), np.nan) for one in own[x]]) + shift + 0.06
            ax.plot(dots, own[measure].to_numpy(float) * factor, ".", color=look["color"], alpha=0.55, markersize=4)
    failed = 0 if runs is None else int(runs[measure].isna().sum())
    if failed:
        ax.set_title(f"failed runs, without a dot: {failed} of {len(runs)}", loc="left", color=QUIET)
    ax.set_xticks(list(ticks.values()), [_strength_name(one) for one in ticks])
    if min(ticks.values()) < -0.5:
        ax.axvline(-0.6, color=QUIET, linewidth=0.8, linestyle=":")
    ax.set(xlabel=words(f"{x} ({unit})" if unit else x.replace("_", " "), 60), ylabel=name)
    ax.grid(axis="y", color="#e0e0e0", linewidth=0.6)
    _legend(ax, ax.get_legend_handles_labels()[0])
    return ax


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
    bounds = {} if table is None else table.set_index(label)[["low", "high"]].to_dict("index")
    for row, (group, values) in enumerate(groups):
        good = values.dropna().to_numpy(float) * factor
        spread = np.linspace(0.06, 0.3, len(good)) if len(good) > 1 else np.full(len(good), 0.18)
        if group in bounds:
            low, high = (bounds[group][column] * factor for column in ("low", "high"))
            ax.hlines(row - 0.14, low, high, color=COLOURS[0], linewidth=2.2)
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
    _legend(ax, marks, above=True)
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
        _legend(ax, ax.get_legend_handles_labels()[0], above=True)
    return ax


def _look(position: int) -> dict[str, object]:
    """Return colour and marker of the experiment at `position`; the pair repeats only after 63."""
    return {"color": COLOURS[position % len(COLOURS)], "marker": MARKERS[position % len(MARKERS)], "markersize": 5}


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


def _legend(ax: Axes, handles: Sequence[Line2D | Patch], above: bool = False) -> None:
    """Put the legend where it covers no data: in a row above, right of lone axes, below axes with neighbours."""
    place = {"loc": "upper left", "bbox_to_anchor": (1.01, 1.02)}
    if above:
        place = {"loc": "lower right", "bbox_to_anchor": (1, 1), "ncols": 3, "columnspacing": 1.2}
    elif len(ax.figure.axes) > 1:
        place = {"loc": "upper left", "bbox_to_anchor": (-0.1, -0.24), "ncols": 2, "columnspacing": 1.2}
    ax.legend(handles=handles, frameon=False, borderpad=0.2, **place)


def _strength(value: float | None) -> float | None:
    return None if value is None or pd.isna(value) or value == 0 else float(value)


def _strengths(values: Iterable[float | None]) -> dict[float | None, float]:
    """Return the place of each strength on the axis: "none" at -1.2, the others at 0, 1, 2, ... in order."""
    found = {_strength(value) for value in values}
    places = {None: -1.2} if None in found else {}
    return places | {value: float(place) for place, value in enumerate(sorted(found - {None}))}


def _strength_name(value: float | None) -> str:
    return "none" if value is None else f"{value:g}"
