"""Figures with a row for each configuration or class: intervals, seeds, gaps, counts."""

from collections.abc import Iterable

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle

from cnnhelpers.plotting.style import (
    COLOURS,
    QUIET,
    axes,
    legend,
    look_of,
    need,
    nothing_yet,
    quantity,
    seed_handles,
    ticks_both_sides,
    words,
)

LOOKS = {
    "holds": {"marker": "o", "color": COLOURS[0]},
    "holds but negligible": {"marker": "o", "color": COLOURS[0], "fillstyle": "left", "markerfacecoloralt": "white"},
    "contradicted": {"marker": "X", "color": COLOURS[1]},
    "equivalent": {"marker": "D", "color": COLOURS[2], "markerfacecolor": "white"},
    "undecided": {"marker": "o", "color": QUIET, "markerfacecolor": "white"},
}
TICKS = (1, 3, 10, 30, 100, 300)
HEIGHT = 0.42  # inches of a row
WIDE = 20  # margins: differences beyond that would make the band of the margin a line


def plot_intervals(
    table: pd.DataFrame,
    ax: Axes | None = None,
    *,
    metric: str = "accuracy",
    estimate: str = "estimate",
    label: str = "label",
    reference: str | None = None,
    margin: float | None = None,
) -> Axes:
    """Draw a forest plot: a dot and its interval a row, in the order of `table`.

    Parameters
    ----------
    table
        Columns `label`, `estimate`, "low" and "high"; a row of NaN is a configuration without a result, and says so.
    reference
        Column of published numbers, or None: drawn as a hollow diamond within the interval, as a cross outside,
        with the word beside the row. NaN where nothing was published.
    margin
        Half-width of the band around 0 within which a difference counts as none, in the unit of `estimate`. Where other
        differences are so large that the band would be a line, the axis is logarithmic further out, and says so.
    metric
        What is drawn, for the axis: a runs column such as "validation_accuracy", or "difference", "gap".
    """
    need(table, [label, estimate, "low", "high", *([reference] if reference else [])], "plot_intervals")
    ax = axes(ax, height=_height(table[label]))
    name, factor = quantity(metric)
    middle, (low, high) = table[estimate].to_numpy(float) * factor, drawn_bounds(table, metric)
    rows = np.arange(len(table))
    if margin is not None:
        band = ax.axvspan(-margin * factor, margin * factor, color="#dddddd", zorder=0)
        band.set_label(f"within ±{margin * factor:g}")
    if margin is not None or metric in ("difference", "gap"):
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


def plot_seeds(
    runs: pd.DataFrame,
    metric: str = "test_accuracy",
    ax: Axes | None = None,
    *,
    table: pd.DataFrame | None = None,
    label: str = "experiment",
) -> Axes:
    """Draw every run's `metric` as a dot, a row an experiment, over the mean of the seeds and, if given, its interval.

    Parameters
    ----------
    runs
        Columns `label` and `metric`; a failed run (NaN) is not drawn but counted beside its row.
    table
        Intervals: columns `label`, "low" and "high", in the unit of `metric`. None draws the mean alone.
    """
    need(runs, [label, metric], "plot_seeds")
    groups = list(runs.groupby(label, sort=False)[metric])
    ax = axes(ax, height=_height(group for group, _ in groups))
    name, factor = quantity(metric)
    bounded = () if table is None else zip(table[label], *drawn_bounds(table, metric), strict=True)
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


def plot_gap(
    runs: pd.DataFrame, ax: Axes | None = None, *, table: pd.DataFrame | None = None, label: str = "experiment"
) -> Axes:
    """Draw training minus validation accuracy of every run in points, as seed_dots does; right of 0 is overfitting.

    `runs` has the columns `label`, train_accuracy and validation_accuracy; `table` the intervals of the gap.
    """
    need(runs, [label, "train_accuracy", "validation_accuracy"], "plot_gap")
    difference = runs["train_accuracy"] - runs["validation_accuracy"]
    ax = plot_seeds(runs.assign(gap=difference), "gap", ax, table=table, label=label)
    ax.axvline(0, color=QUIET, linewidth=0.9, zorder=1)
    return ax


def plot_time_to_accuracy(
    timed: pd.DataFrame, metric: str = "epochs_to_target", ax: Axes | None = None, *, label: str = "experiment"
) -> Axes:
    """Draw when each run reached an accuracy, a row an experiment, over the median of all its runs.

    A run that never did (inf) has no dot but counts in the median, which is drawn where it is finite, and in words.

    Parameters
    ----------
    timed
        Columns `label` and `metric`, as speed.time_to_accuracy gives.
    """
    need(timed, [label, metric], "plot_time_to_accuracy")
    groups = list(timed.groupby(label, sort=False)[metric])
    ax = axes(ax, height=_height(group for group, _ in groups))
    for row, (_, values) in enumerate(groups):
        reached = values[np.isfinite(values)].to_numpy(float)
        spread = np.linspace(0.06, 0.3, len(reached)) if len(reached) > 1 else np.full(len(reached), 0.18)
        ax.plot(reached, row + spread, "o", color="none", markeredgecolor=COLOURS[1], markersize=4.5)
        if np.isfinite(values.median()):
            ax.plot(values.median(), row - 0.14, "|", color=COLOURS[0], markersize=11, markeredgewidth=2.2)
        if len(reached) < len(values):
            _beside(ax, row, f"{len(values) - len(reached)} of {len(values)} never")
    _rows(ax, [group for group, _ in groups], quantity(metric)[0])
    ax.set_xlim(left=0)
    marks = [
        Line2D([], [], color="none", marker="o", markeredgecolor=COLOURS[1], markersize=4.5, label="one seed"),
        Line2D([], [], linestyle="none", marker="|", color=COLOURS[0], markersize=11, markeredgewidth=2.2,
               label="median of all seeds"),
    ]  # fmt: skip
    legend(ax, marks, above=True)
    return ax


def plot_verdicts(found: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw every tested claim as its interval around the number that it must pass; right of 0 is in its favour.

    Parameters
    ----------
    found
        As `claims.verdicts` returns it; claims without runs enough are left out. The interval is that of the deciding
        question, the small grey lines are the estimates of a claim's other questions.

    Notes
    -----
    Accuracies are in margins of their data: 1 is the difference that does not matter, and the grey band spans it where
    the claim has such a margin. Times and losses have none and are in smallest detectable differences. The axis is
    linear to 3 and logarithmic beyond.
    """
    tested = found[found["verdict"] != "not enough runs"] if "verdict" in found else found
    if "parts" in found and tested.empty:
        return nothing_yet(ax, "No claim has runs enough for a verdict yet.")
    need(tested, ["number", "text", "verdict", "fragile", "parts"], "plot_verdicts")
    names = [words(f"{one.number or ''} {one.text}".strip(), 50) for one in tested.itertuples()]
    heights = np.array([max(0.36, 0.17 * (name.count("\n") + 1) + 0.12) for name in names])
    ax = axes(ax, height=1.3 + heights.sum(), width=9.0)
    places = np.cumsum(heights) - heights / 2
    for one, place, height in zip(tested.itertuples(), places, heights, strict=True):
        _claim(ax, one, place, height)
    ax.axvline(0, color="black", linewidth=0.9, zorder=1)
    ax.set_yticks(places, names)
    ax.set_ylim(heights.sum() + 0.05, -0.05)
    ax.set_xscale("symlog", linthresh=3, linscale=1.2)
    _ticks(ax)
    ax.tick_params(axis="y", length=0)
    ax.grid(axis="x", color="#e0e0e0", linewidth=0.6)
    ax.set_xlabel("distance in margins; where there is none, in smallest detectable differences")
    for side, place, text in (("left", 0.0, "← against the claim"), ("right", 1.0, "for the claim →")):
        ax.annotate(text, (place, 1.005), xycoords="axes fraction", ha=side, va="bottom", fontsize=9, color="#333333")
    _legend(ax, tested["verdict"], heights.sum())
    return ax


def plot_wrong_orders(pairs: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw the probability that single runs put each pair in the wrong order, of `analysis.single_run_risk`.

    A word beside each row says whether the published order is ours.
    """
    if "label" in pairs and pairs.empty:
        return nothing_yet(ax, "No pair of networks has runs enough yet.")
    need(pairs, ["label", "wrong_order", "as_ours"], "plot_wrong_orders")
    ax = axes(ax, height=1.1 + 0.27 * len(pairs))
    rows = np.arange(len(pairs))
    chances = 100 * pairs["wrong_order"].to_numpy(float)
    ax.hlines(rows, 0, chances, color="#bbbbbb", linewidth=1.2)
    for row, chance, as_ours in zip(rows, chances, pairs["as_ours"], strict=True):
        look = LOOKS["undecided"] if as_ours is None else LOOKS["holds"] if as_ours else LOOKS["contradicted"]
        word = "no published pair" if as_ours is None else "published so" if as_ours else "published the other way"
        ax.plot(chance, row, **look, markersize=7, linestyle="none")
        _beside(ax, row, word)
    ax.axvline(50, color=QUIET, linewidth=0.9, linestyle="--")
    ax.set_yticks(rows, pairs["label"])
    ax.set_ylim(len(pairs) - 0.4, -0.6)
    ax.set_xlim(-1, 52)
    ax.tick_params(axis="y", length=0)
    ax.grid(axis="x", color="#e0e0e0", linewidth=0.6)
    ax.set_xlabel("probability of the wrong order from one run each (%); 50 % is a coin")
    return ax


def plot_false_positives(found: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw how often claims hold where nothing is there to find, a marker a number of seeds.

    Parameters
    ----------
    found
        As `simulations.false_holds` returns it. Lines are 95 % intervals from the number of simulations, the grey tick
        of a row is the rate that theory allows.
    """
    need(found, ["claim", "seeds", "rate", "low", "high", "nominal"], "plot_false_positives")
    claims = list(dict.fromkeys(found["claim"]))
    ax = axes(ax, height=1.1 + HEIGHT * len(claims))
    nominal = found.groupby("claim", sort=False)["nominal"].first()
    ax.vlines(100 * nominal, np.arange(len(claims)) - 0.42, np.arange(len(claims)) + 0.42, color=QUIET, linewidth=1.4)
    numbers = list(dict.fromkeys(found["seeds"]))
    for position, number in enumerate(numbers):
        rows = found[found["seeds"] == number]
        places = rows["claim"].map(claims.index).to_numpy() + 0.22 * (position - (len(numbers) - 1) / 2)
        look = look_of(position)
        ax.hlines(places, 100 * rows["low"], 100 * rows["high"], color=look["color"], linewidth=1.6)
        ax.plot(100 * rows["rate"], places, **look, linestyle="none", markersize=6)
    ax.set_yticks(range(len(claims)), [words(claim, 40) for claim in claims])
    ax.set_ylim(len(claims) - 0.4, -0.6)
    ax.set_xlim(0, max(8.0, 110 * found["high"].max()))
    ax.tick_params(axis="y", length=0)
    ax.set_xlabel("holds although nothing is there (%)")
    legend(
        ax, [*seed_handles(numbers), Line2D([], [], color=QUIET, linewidth=1.4, label="what theory allows")], above=True
    )
    return ax


def drawn_bounds(table: pd.DataFrame, metric: str) -> tuple[np.ndarray, np.ndarray]:
    """Return "low" and "high" of `table` as they are drawn, in the unit of `metric`: accuracies within 0..100 %.

    Intervals over two or three seeds can reach far beyond.

    >>> drawn_bounds(pd.DataFrame({"low": [-2.0], "high": [3.0]}), "test_accuracy")
    (array([0.]), array([100.]))
    """
    factor = quantity(metric)[1]
    low, high = (table[column].to_numpy(float) * factor for column in ("low", "high"))
    return (low.clip(0, 100), high.clip(0, 100)) if metric.endswith("accuracy") else (low, high)


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


def _claim(ax: Axes, one: object, place: float, height: float) -> None:
    """Draw one claim at a height of the axis: band, other questions, interval, marker and words."""
    deciding = next(
        (part for part in one.parts if part.label == one.label and part.estimate == one.estimate), one.parts[0]
    )
    if deciding.margin:
        band = Rectangle((-1, place - height / 2), 2, height, color="#e4e4e4", linewidth=0, zorder=0)
        ax.add_patch(band)
    others = [_scaled(part)[1] for part in one.parts if part is not deciding]
    ax.plot(others, [place] * len(others), "|", color="#888888", markersize=8, zorder=2)
    low, middle, high = _scaled(deciding)
    look = LOOKS[one.verdict]
    ax.plot([low, high], [place, place], color=look["color"], linewidth=2.2, zorder=3, solid_capstyle="butt")
    ax.plot(middle, place, **look, markersize=8, linestyle="none", zorder=4)
    told = [one.verdict, *(["asks for equality"] * (deciding.direction == "equal")), *(["fragile"] * one.fragile)]
    _beside(ax, place, ",\n".join(told))


def _scaled(part: object) -> tuple[float, float, float]:
    """Return low, middle and high of what a question exceeds its number by, in its favour, in units of the axis."""
    found = part.comparison
    scale = part.scale or found.smallest_detectable or 1.0
    sign = -1 if part.direction == "lower" else 1
    low, middle, high = (sign * value / scale for value in (found.low, found.difference, found.high))
    return min(low, high), middle, max(low, high)


def _ticks(ax: Axes) -> None:
    """Set round ticks on both sides as far as the data go."""
    far = max(abs(limit) for limit in ax.dataLim.intervalx)
    shown = [tick for tick in TICKS if tick <= max(far, 3) * 1.2]
    shown = [tick for tick in shown if tick < shown[-1] / 3.5 or tick == shown[-1]]  # their labels would touch
    ax.set_xlim(*(side * max(far, 3) * 1.25 for side in (-1, 1)))
    ticks_both_sides(ax, shown)


def _legend(ax: Axes, verdicts: pd.Series, height: float) -> None:
    """Name the markers that occur, the band and the grey lines, above axes of `height` inches."""
    used = [name for name in LOOKS if name in set(verdicts)]
    handles = [Line2D([], [], **LOOKS[name], markersize=8, linestyle="none", label=name) for name in used]
    handles.append(Line2D([], [], marker="|", color="#888888", linestyle="none", label="the claim's other questions"))
    handles.append(Patch(color="#e4e4e4", label="too small to matter"))
    ax.legend(handles=handles, loc="lower right", bbox_to_anchor=(1, 1 + 0.22 / height), ncols=3, columnspacing=1.2)
