"""Draw a row for each configuration, pair or claim: intervals, runs, verdicts, error rates."""

from collections.abc import Iterable

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from cnnhelpers.plotting.style import (
    BAND,
    COLOURS,
    QUIET,
    axes,
    axis_label,
    legend,
    look_of,
    need,
    nothing_yet,
    wrapped,
)

VERDICTS = {
    "holds": {"marker": "o", "color": COLOURS[0]},
    "holds but negligible": {"marker": "o", "color": COLOURS[0], "fillstyle": "left", "markerfacecoloralt": "white"},
    "contradicted": {"marker": "X", "color": COLOURS[1]},
    "equivalent": {"marker": "D", "color": COLOURS[2], "markerfacecolor": "white"},
    "undecided": {"marker": "o", "color": QUIET, "markerfacecolor": "white"},
    "too close to tell": {"marker": "s", "color": QUIET, "markerfacecolor": "white"},
}
WIDE = 20  # margins: larger differences would make the band of the margin a line
MEAN = {"marker": "|", "color": COLOURS[0], "markersize": 9, "markeredgewidth": 2.2, "linestyle": "none"}
ABOVE = 0.3  # of a row, from the runs up to their mean


def plot_intervals(
    table: pd.DataFrame,
    ax: Axes | None = None,
    *,
    metric: str = "accuracy",
    reference: str | None = None,
    margin: float | None = None,
) -> Axes:
    """Draw a forest plot: an estimate and its interval in each row, in the order of `table`.

    Parameters
    ----------
    table
        Columns label, estimate, low and high; a row of NaN has no result.
    metric
        Gives label and unit of the axis, such as "validation_accuracy", "difference" or "gap".
    reference
        Column of published numbers, NaN where there is none: a hollow diamond inside the interval, a cross outside.
    margin
        Half-width of the band around 0 of negligible differences, in the unit of the estimates. Where differences are
        more than 20 times as large, the axis is logarithmic beyond four margins.
    """
    need(table, ["label", "estimate", "low", "high", *([reference] if reference else [])], "plot_intervals")
    ax = axes(ax, height=_height(table["label"]))
    name, factor = axis_label(metric)
    middle, (low, high) = table["estimate"].to_numpy(float) * factor, drawn_bounds(table, metric)
    rows = np.arange(len(table))
    if margin is not None:
        ax.axvspan(-margin * factor, margin * factor, color=BAND, zorder=0, label=f"within ±{margin * factor:g}")
    ax.hlines(rows, low, high, color=COLOURS[0], linewidth=2.2)
    ax.plot(middle, rows, "o", color=COLOURS[0], markersize=6.5, label="here, with its interval")
    words = np.where(np.isfinite(middle), "", "no result")
    if reference:
        published = table[reference].to_numpy(float) * factor
        inside = (low <= published) & (published <= high)
        outside = np.isfinite(published) & np.isfinite(low) & ~inside
        words = np.select([inside, outside], ["inside", "outside"], words)
        looks = {"inside": {"marker": "D", "markerfacecolor": "none"}, "outside": {"marker": "X"}}
        for (word, look), chosen in zip(looks.items(), (np.isfinite(published) & ~outside, outside), strict=True):
            if chosen.any():
                look |= {"linestyle": "none", "color": COLOURS[1], "markersize": 7.5, "zorder": 4}
                ax.plot(published[chosen], rows[chosen], **look, label=f"published, {word}")
    _rows(ax, table["label"], name, words)
    if margin and max(np.nanmax(-low, initial=0), np.nanmax(high, initial=0)) > WIDE * margin * factor:
        _logarithmic_beyond(ax, 4 * margin * factor)
    if margin is not None or reference:
        legend(ax)
    return ax


def plot_seeds(
    runs: pd.DataFrame,
    metric: str = "test_accuracy",
    ax: Axes | None = None,
    *,
    table: pd.DataFrame | None = None,
    label: str = "experiment",
) -> Axes:
    """Draw each run as a dot, below the mean of its experiment and, with `table`, the interval (low, high).

    Both tables have the column `label`; runs whose `metric` is NaN have failed, and are counted next to their row.
    """
    need(runs, [label, metric], "plot_seeds")
    ax = _draw_runs(runs, metric, ax, label, "mean" if table is None else "mean, interval", "failed")
    if table is not None:
        places = {name: place for place, name in enumerate(dict.fromkeys(runs[label]))}
        rows = table[label].map(places).to_numpy(float) - ABOVE
        ax.hlines(rows, *drawn_bounds(table, metric), color=COLOURS[0], linewidth=2.2)
    return ax


def plot_time_to_accuracy(
    timed: pd.DataFrame, metric: str = "epochs_to_target", ax: Axes | None = None, *, label: str = "experiment"
) -> Axes:
    """Draw the time of each run to the target accuracy, below the median of its experiment.

    Runs that never reach it (inf) count in the median, which is drawn where it is finite, and next to their row.
    `timed` is as `analysis.time_to_accuracy` returns.
    """
    need(timed, [label, metric], "plot_time_to_accuracy")
    ax = _draw_runs(timed, metric, ax, label, "median of all seeds", "never")
    ax.set_xlim(left=0)
    return ax


def plot_verdicts(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw each tested claim as the interval of its deciding question; distances right of 0 support the claim.

    The small grey lines are the estimates of a claim's other questions. The unit of accuracies is the margin of their
    dataset, with a grey band where the claim has a margin; times and losses are in smallest detectable differences.
    The axis is linear to 3 and logarithmic beyond. `table` is as `claims.verdicts` returns; claims without enough runs
    are omitted.
    """
    tested = table[table["verdict"] != "not enough runs"] if "verdict" in table else table
    if "parts" in table and tested.empty:
        return nothing_yet(ax, "No claim has enough runs for a verdict yet.")
    need(tested, ["number", "text", "verdict", "fragile", "parts"], "plot_verdicts")
    claims = list(tested.itertuples())
    names = [f"{claim.number or ''} {claim.text}".strip() for claim in claims]
    ax = axes(ax, height=0.6 + _height(names, 50), width=9.0)
    notes = []
    for row, claim in enumerate(claims):
        if claim.margin:
            ax.fill_between([-1, 1], row - 0.5, row + 0.5, color=BAND, linewidth=0, zorder=0)
        rest = [part for part in claim.parts if (part.label, part.estimate) != (claim.label, claim.estimate)]
        places = [_distance(part, part.estimate, part.comparison.smallest_detectable) for part in rest]
        ax.plot(places, [row] * len(rest), "|", color="#888888", markersize=8, zorder=2)
        low, middle, high = (
            _distance(claim, value, claim.smallest_detectable) for value in (claim.low, claim.estimate, claim.high)
        )
        ax.hlines(row, low, high, color=VERDICTS[claim.verdict]["color"], linewidth=2.2, zorder=3)
        ax.plot(middle, row, **VERDICTS[claim.verdict], markersize=8, linestyle="none", zorder=4)
        marks = {"asks for equality": claim.direction == "equal", "fragile": claim.fragile}
        notes.append(",\n".join([claim.verdict, *(mark for mark, holds in marks.items() if holds)]))
    ax.axvline(0, color="black", linewidth=0.9, zorder=1)
    _rows(ax, names, "distance in margins; without a margin, in smallest detectable differences", notes, width=50)
    ax.set_xscale("symlog", linthresh=3, linscale=1.2)
    far = max(3, *np.abs(ax.dataLim.intervalx))
    ax.set_xlim(-1.25 * far, 1.25 * far)
    shown = [distance for distance in (1, 3, 10, 30, 100, 300) if distance <= 1.2 * far]
    _ticks(ax, [distance for distance in shown if distance < shown[-1] / 3.5 or distance == shown[-1]])
    ax.set_title("← against the claim", loc="left", fontsize=9)
    ax.set_title("for the claim →", loc="right", fontsize=9)
    used = [name for name in VERDICTS if name in set(tested["verdict"])]
    handles = [Line2D([], [], **VERDICTS[name], markersize=8, linestyle="none", label=name) for name in used]
    handles.append(Line2D([], [], marker="|", color="#888888", linestyle="none", label="the claim's other questions"))
    handles.append(Patch(color=BAND, label="negligible"))
    ax.figure.legend(handles=handles, loc="outside upper center", ncols=3)
    return ax


def plot_wrong_orders(pairs: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw the probability that single runs put a pair in the wrong order; a word compares the published order.

    `pairs` is as `analysis.single_run_risk` returns.
    """
    if "label" in pairs and pairs.empty:
        return nothing_yet(ax, "No pair of networks has enough runs yet.")
    need(pairs, ["label", "wrong_order", "as_ours"], "plot_wrong_orders")
    ax = axes(ax, height=1.1 + 0.27 * len(pairs))
    rows, chances = np.arange(len(pairs)), 100 * pairs["wrong_order"].to_numpy(float)
    ax.hlines(rows, 0, chances, color="#bbbbbb", linewidth=1.2)
    words = {"holds": "published so", "contradicted": "published the other way", "undecided": "no published pair"}
    looks = ["undecided" if order is None else "holds" if order else "contradicted" for order in pairs["as_ours"]]
    for row, chance, look in zip(rows, chances, looks, strict=True):
        ax.plot(chance, row, **VERDICTS[look], markersize=7, linestyle="none")
    ax.axvline(50, color=QUIET, linewidth=0.9, linestyle="--")
    name = "probability of the wrong order from one run each (%); 50 % is a coin"
    _rows(ax, pairs["label"], name, [words[look] for look in looks])
    ax.set_xlim(-1, 52)
    return ax


def plot_false_positives(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw the share of claims that hold without an effect, with its 95 % interval; grey ticks are the nominal rates.

    `table` is as `statistics.false_holds` returns.
    """
    need(table, ["claim", "seeds", "rate", "low", "high", "nominal"], "plot_false_positives")
    claims = list(dict.fromkeys(table["claim"]))
    ax = axes(ax, height=1.1 + 0.42 * len(claims))
    nominal = 100 * table.groupby("claim", sort=False)["nominal"].first()
    middles = np.arange(len(claims))
    ax.vlines(nominal, middles - 0.42, middles + 0.42, color=QUIET, linewidth=1.4)
    groups = list(table.groupby("seeds", sort=False))
    for position, (number, rows) in enumerate(groups):
        look = look_of(position)
        places = rows["claim"].map(claims.index).to_numpy() + 0.22 * (position - (len(groups) - 1) / 2)
        ax.hlines(places, 100 * rows["low"], 100 * rows["high"], color=look["color"], linewidth=1.6)
        ax.plot(100 * rows["rate"], places, **look, linestyle="none", label=f"{number} seeds")
    _rows(ax, claims, "holds without an effect (%)", width=40)
    ax.set_xlim(0, max(8.0, 110 * table["high"].max()))
    legend(ax, [*ax.get_legend_handles_labels()[0], Line2D([], [], color=QUIET, linewidth=1.4, label="nominal rate")])
    return ax


def drawn_bounds(table: pd.DataFrame, metric: str) -> tuple[np.ndarray, np.ndarray]:
    """Return "low" and "high" of `table` in the unit of the axis, those of accuracies within 0 and 100 %.

    >>> drawn_bounds(pd.DataFrame({"low": [-2.0], "high": [3.0]}), "test_accuracy")
    (array([0.]), array([100.]))
    """
    label, factor = axis_label(metric)
    low, high = (table[column].to_numpy(float) * factor for column in ("low", "high"))
    return (low.clip(0, 100), high.clip(0, 100)) if label.endswith("(%)") else (low, high)


def _draw_runs(runs: pd.DataFrame, metric: str, ax: Axes | None, label: str, middle: str, without: str) -> Axes:
    """Draw a dot for each finite value and the mean or median of each row; count the values that are not finite."""
    name, factor = axis_label(metric)
    grouped = runs.groupby(label, sort=False)[metric]
    values = grouped.median() if middle.startswith("median") else grouped.mean()
    ax = axes(ax, height=_height(values.index))
    runs = runs.reset_index(drop=True)
    shown = pd.DataFrame({"value": runs[metric] * factor, "row": runs[label].astype(str)})
    finite = np.isfinite(runs[metric])
    look = {"color": COLOURS[1], "alpha": 0.7, "size": 4, "warn_thresh": 1}
    sns.swarmplot(shown[finite], x="value", y="row", order=values.index.astype(str), ax=ax, **look)
    places = np.arange(len(values))[np.isfinite(values)]
    ax.plot(values[np.isfinite(values)] * factor, places - ABOVE, **MEAN)
    lost = (~finite).groupby(runs[label], sort=False).agg(["sum", "size"]).itertuples(index=False)
    _rows(ax, values.index, name, [f"{number} of {size} {without}" if number else "" for number, size in lost])
    seed = {"color": COLOURS[1], "alpha": 0.7, "marker": "o", "markersize": 4, "linestyle": "none"}
    legend(ax, [Line2D([], [], **seed, label="one seed"), Line2D([], [], **MEAN, label=middle)])
    return ax


def _distance(question: object, value: float, detectable: float) -> float:
    """Return the distance of a value from a question's threshold in the unit of the axis, positive for the claim."""
    sign = -1 if question.direction == "lower" else 1
    return sign * (value - question.against) / (question.scale or detectable or 1.0)


def _logarithmic_beyond(ax: Axes, linear: float) -> None:
    """Make the axis of differences linear up to +-`linear` and logarithmic beyond."""
    ax.set_xscale("symlog", linthresh=linear, linscale=1.0)
    ax.margins(x=0.05)
    ax.autoscale(axis="x")
    sizes = [step * 10.0**power for power in range(-2, 4) for step in (1, 3)]
    _ticks(ax, [size for size in sizes if size >= linear / 2])
    ax.set_xlabel(f"{ax.get_xlabel()}, logarithmic beyond ±{linear:g}")


def _ticks(ax: Axes, sizes: list[float]) -> None:
    """Put ticks at 0 and, within the limits of the x axis, at plus and minus each of the ascending `sizes`."""
    low, high = ax.get_xlim()
    places = [place for place in (*(-size for size in reversed(sizes)), 0, *sizes) if low <= place <= high]
    ax.set_xticks(places, [f"{place:g}".replace("-", "−") for place in places])
    ax.set_xticks([], minor=True)


def _height(labels: Iterable[object], width: int = 30) -> float:
    """Return the inches of a figure that names its rows without overlap."""
    lines = [wrapped(label, width).count("\n") + 1 for label in labels]
    return 1.0 + len(lines) * max(0.36, 0.17 * max(lines) + 0.04)


def _rows(ax: Axes, labels: Iterable[object], name: str, notes: Iterable[str] = (), width: int = 30) -> None:
    """Name the rows from the top down, and the x axis; write the notes in the right margin."""
    labels = [wrapped(label, width) for label in labels]
    ax.set_yticks(range(len(labels)), labels)
    ax.set_ylim(len(labels) - 0.4, -0.6)
    ax.tick_params(axis="y", length=0)
    ax.set(xlabel=name, ylabel="")
    ax.grid(axis="x")
    if name.endswith("(points)"):
        ax.axvline(0, color=QUIET, linewidth=0.9, zorder=1)
    for row, note in enumerate(notes):
        ax.annotate(note, (1.01, row), xycoords=ax.get_yaxis_transform(), va="center", fontsize=9, color="#444444")
