"""Figures of verdicts and of power: tables in, axes out, readable without colour."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle

from cnnhelpers.claims import Evidence
from cnnhelpers.plotting.style import COLOURS, QUIET, axes, look_of, need, ticks_both_sides, words

LOOKS = {
    "holds": {"marker": "o", "color": COLOURS[0]},
    "holds but negligible": {"marker": "o", "color": COLOURS[0], "fillstyle": "left", "markerfacecoloralt": "white"},
    "contradicted": {"marker": "X", "color": COLOURS[1]},
    "equivalent": {"marker": "D", "color": COLOURS[2], "markerfacecolor": "white"},
    "undecided": {"marker": "o", "color": QUIET, "markerfacecolor": "white"},
}
TICKS = (1, 3, 10, 30, 100, 300)


def verdict_intervals(found: pd.DataFrame, ax: Axes | None = None) -> Axes:
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
        return _nothing(ax, "No claim has runs enough for a verdict yet.")
    need(tested, ["number", "text", "verdict", "fragile", "parts"], "verdict_intervals")
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


def power_lines(curves: pd.DataFrame, ax: Axes | None = None, *, seeds: Sequence[int] = (5, 10)) -> Axes:
    """Draw power by number of seeds at the median spread, a line and marker an effect.

    Parameters
    ----------
    curves
        As `single_runs.power_curves` returns it, effects as fractions: drawn in points.
    seeds
        Numbers of seeds where a bar goes from the power at the largest spread to that at the smallest.
    """
    if curves.empty:
        return _nothing(ax, "No pair of networks has runs enough yet.")
    need(curves, ["effect", "seeds", "power", "low", "high"], "power_lines")
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


def wrong_orders(pairs: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw for each pair the probability that single runs put it in the wrong order, as `single_runs.pairs` has it.

    A word beside each row says whether the published order is ours.
    """
    if "label" in pairs and pairs.empty:
        return _nothing(ax, "No pair of networks has runs enough yet.")
    need(pairs, ["label", "wrong_order", "as_ours"], "wrong_orders")
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


def _scaled(part: Evidence) -> tuple[float, float, float]:
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


def _nothing(ax: Axes | None, text: str) -> Axes:
    """Say in words that there is nothing to draw yet, so that a page without runs still renders."""
    ax = axes(ax, height=0.8)
    ax.set_axis_off()
    ax.annotate(text, (0.5, 0.5), xycoords="axes fraction", ha="center", va="center")
    return ax


def _beside(ax: Axes, place: float, text: str) -> None:
    ax.annotate(text, (1.01, place), xycoords=ax.get_yaxis_transform(), va="center", fontsize=9, color="#333333")
