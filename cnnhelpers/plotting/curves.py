"""Draw learning curves, dose-response curves, power curves and the trials of a search."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import LogLocator, StrMethodFormatter

from cnnhelpers.plotting.forest import drawn_bounds
from cnnhelpers.plotting.style import BAND, QUIET, axes, axis_label, legend, look_of, need, nothing_yet, panels, wrapped

MOST_CURVES = 6  # in one panel; more get a panel each
COLUMNS = 3
SHIFT = 0.03  # of the distance between two doses, between neighbouring curves


def plot_learning_curves(
    histories: pd.DataFrame, metric: str = "accuracy", ax: Axes | None = None, *, log: bool = False
) -> Axes:
    """Draw a metric by epoch: the mean over seeds, and the band from the lowest seed to the highest.

    Training is dashed, validation solid. Where seeds have stopped or diverged, the line is thin: the mean of the
    remaining seeds. Each of more than six experiments has a panel, in the place of `ax`.

    `histories` has a row for each epoch of a run: experiment, seed, epoch (from 1), `metric` and, where there is
    validation, `validation_<metric>`. A `metric` such as "validation_accuracy" draws that curve alone. `log` makes the
    axis logarithmic, for losses that fall over decades.
    """
    need(histories, ["experiment", "seed", "epoch", metric], "plot_learning_curves")
    both = {"validation": f"validation_{metric}", "training": metric}
    parts = {"validation": metric} if metric.startswith("validation_") else both
    parts = {part: column for part, column in parts.items() if column in histories and histories[column].notna().any()}
    columns, (label, factor) = list(parts.values()), axis_label(metric)
    table = histories.reset_index(drop=True)
    table[columns] *= factor
    learned = table[columns].notna().any(axis=1).groupby(table["experiment"], sort=False).any()
    names = {name: wrapped(name if known else f"{name}: no result", 24) for name, known in learned.items()}
    looks = {name: look_of(position) for position, name in enumerate(names)}
    ax = axes(ax, height=height_of(len(names)))
    places = _panels_of(ax, names, table.pivot_table(index="epoch", columns="experiment", values=columns[:1]))
    thin = False
    for name, runs in table.groupby("experiment", sort=False):
        thin |= _draw_curves(places[name], runs, parts, looks[name])
    for place in set(places.values()):
        place.set_xlabel("epoch")
        place.grid(axis="y")
        place.xaxis.get_major_locator().set_params(integer=True, min_n_ticks=1)  # a single epoch has one tick
        if log:
            _write_powers_out(place)
    handles = _legend_of_parts(parts, table.groupby("experiment")["seed"].nunique().max() > 1, thin)
    _name_curves(ax, places, label, [Line2D([], [], **looks[name], label=names[name]) for name in names], handles)
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
    """Draw estimate and interval at each dose, equally spaced in order, with a curve for each value of `by`.

    The curves are shifted a little, so that intervals do not overlap. Each of more than six curves has a panel, in the
    place of `ax`. A dose `x` of None, NaN or 0 is "none", on the left. `table` has the columns `x`, estimate, low, high
    and `by`; `runs`, drawn as dots on the right of the intervals, `x`, `metric` (NaN: failed) and `by`.
    """
    need(table, [x, "estimate", "low", "high", *([by] if by else [])], "plot_dose_response")
    label, factor = axis_label(metric)
    doses = np.unique(_doses(table[x]))
    ticks = dict(zip(doses[doses != 0], np.arange(float(len(doses))), strict=False)) | {0.0: -1.2}
    groups = dict(iter(table.groupby(by, sort=False))) if by else {"": table}
    title = by.replace("_", " ") if by else ""
    several, intervals = len(groups) > MOST_CURVES, table[["low", "high"]].notna().any(axis=None)
    shift = min(SHIFT, 0.24 / len(groups)) if intervals and not several else 0.0
    names = {group: wrapped(group, 24) for group in groups}
    if len(groups) == 1:
        names = dict.fromkeys(groups, wrapped(f"{title} {next(iter(groups))}".strip() or "mean, interval", 24))
    ax = axes(ax, height=height_of(len(groups)))
    means = table.assign(place=_doses(table[x]).map(ticks), shown=table["estimate"].astype(float) * factor)
    places = _panels_of(ax, names, means.pivot_table("shown", "place", by))
    for position, (group, rows) in enumerate(groups.items()):
        look, offset = look_of(position), (position - (len(groups) - 1) / 2) * shift
        rows = rows.assign(place=_doses(rows[x]).map(ticks) + offset).sort_values("place")
        joined = rows[rows["place"] > -0.5]
        panel = places[group]
        panel.plot(joined["place"], joined["estimate"] * factor, color=look["color"], linewidth=1, alpha=0.6)
        panel.vlines(rows["place"], *drawn_bounds(rows, metric), color=look["color"], linewidth=1.5)
        panel.plot(rows["place"], rows["estimate"] * factor, **look, markersize=5, linestyle="none", label=names[group])
        if runs is not None:
            chosen = runs[runs[by] == group] if by else runs
            dots = _doses(chosen[x]).map(ticks) + offset + 0.06 + (len(groups) - 1) * shift  # right of all means
            panel.plot(dots, chosen[metric] * factor, ".", color=look["color"], alpha=0.55, markersize=4)
    for panel in set(places.values()):
        panel.set_xticks([ticks[dose] for dose in doses], [f"{dose:g}" if dose else "none" for dose in doses])
        if len(doses) == 1:
            panel.set_xlim(ticks[doses[0]] - 0.5, ticks[doses[0]] + 0.5)
        elif 0 in doses:
            panel.axvline(-0.6, color=QUIET, linewidth=0.8, linestyle=":")
        panel.tick_params(axis="x", rotation=30 if several else 0)
        panel.set_xlabel(x.replace("_", " "))
        panel.grid(axis="y")
    handles = []
    if runs is not None:
        handles.append(Line2D([], [], color=QUIET, marker=".", linestyle="none", label="one run"))
        if failed := int(runs[metric].isna().sum()):
            handles.append(Line2D([], [], linestyle="none", label=f"failed: {failed} of {len(runs)} runs"))
    curves = ax.get_legend_handles_labels()[0]
    _name_curves(ax, places, label, curves, handles, title if len(groups) > 1 else "")
    return ax


def plot_power(curves: pd.DataFrame, ax: Axes | None = None, *, seeds: Sequence[int] = (5, 10)) -> Axes:
    """Draw power by number of seeds at the median spread, with a curve for each true difference.

    `curves` is as `analysis.power_curves` returns. At `seeds` a bar goes from the power at the largest spread of a pair
    to that at the smallest.
    """
    if curves.empty:
        return nothing_yet(ax, "No pair of networks has enough runs yet.")
    need(curves, ["effect", "seeds", "power", "low", "high"], "plot_power")
    ax, effects = axes(ax), list(curves.groupby("effect", sort=False))
    for position, (effect, rows) in enumerate(effects):
        look = look_of(position) | {"markersize": 4.5, "markevery": 3}
        ax.plot(rows["seeds"], 100 * rows["power"], **look, label=f"{100 * effect:g}")
        marked = rows[rows["seeds"].isin(seeds)]
        shifted = marked["seeds"] + 0.28 * (position - (len(effects) - 1) / 2)
        ax.vlines(shifted, 100 * marked["low"], 100 * marked["high"], color=look["color"], linewidth=2.2, alpha=0.8)
    ax.axhline(90, color=QUIET, linewidth=0.9, linestyle="--", zorder=0)
    ax.set_yticks([0, 20, 40, 60, 80, 90, 100])
    ax.set(xlabel="seeds", ylabel="power (%)", xlim=(1.5, curves["seeds"].max() + 0.5), ylim=(0, 102))
    ax.grid(axis="y")
    bar = Line2D([], [], color=QUIET, linewidth=2.2, label="largest to smallest\nspread of a pair")
    legend(ax, [*ax.get_legend_handles_labels()[0], bar], title="true difference (points)")
    return ax


def plot_simulated_power(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw the share of planted differences that are detected, with its 95 % interval; the dashed line is theory.

    `table` is as `statistics.planted_effects` returns.
    """
    need(table, ["effect", "seeds", "rate", "low", "high", "theory"], "plot_simulated_power")
    ax = axes(ax, height=3.6)
    for position, (number, rows) in enumerate(table.groupby("seeds", sort=False)):
        look = look_of(position)
        ax.plot(rows["effect"], 100 * rows["theory"], "--", color=look["color"], linewidth=1.2)
        ax.vlines(rows["effect"], 100 * rows["low"], 100 * rows["high"], color=look["color"], linewidth=1.6)
        ax.plot(rows["effect"], 100 * rows["rate"], **look, linestyle="none", label=f"{number} seeds")
    ax.set(xlabel="true difference (standard deviations of the paired differences)", ylabel="detected (%)")
    ax.set_ylim(0, 103)
    ax.grid(axis="y")
    legend(ax, [*ax.get_legend_handles_labels()[0], Line2D([], [], color=QUIET, linestyle="--", label="theory")])
    return ax


def height_of(curves: int) -> float:
    """Return the inches of a figure of so many curves."""
    return 0.9 + 1.6 * -(-curves // COLUMNS) if curves > MOST_CURVES else 4.0


def _panels_of(ax: Axes, titles: Mapping[object, str], curves: pd.DataFrame) -> dict[object, Axes]:
    """Return `ax` for each key of `titles`, or if they are many a panel each, with all `curves` (columns) in grey."""
    if len(titles) <= MOST_CURVES:
        return dict.fromkeys(titles, ax)
    grid = panels(ax, -(-len(titles) // COLUMNS), COLUMNS, share=True).ravel()
    for panel in grid[len(titles) :]:
        panel.set_axis_off()
    for panel, title in zip(grid, titles.values(), strict=False):
        panel.plot(curves, color=BAND, linewidth=1, zorder=0)
        panel.set_title(title)
    return dict(zip(titles, grid, strict=False))


def _name_curves(
    ax: Axes,
    places: Mapping[object, Axes],
    label: str,
    curves: list[Line2D],
    handles: list[Line2D | Patch],
    title: str = "",
) -> None:
    """Write y label and legend of `ax`, or of all panels in its place: these have titles in the place of `curves`."""
    if len(places) <= MOST_CURVES:
        ax.set_ylabel(label)
        legend(ax, curves + handles, title)
        return
    for position, place in enumerate(places.values()):
        lowest = position + COLUMNS >= len(places)  # of its column
        place.tick_params(labelbottom=lowest)
        place.set(xlabel=place.get_xlabel() if lowest else "", ylabel="")
    ax.figure.supylabel(label, fontsize=10)
    grey = Line2D([], [], color=BAND, linewidth=1, label="the others")
    ax.figure.legend(handles=[*handles, grey], loc="outside lower center", ncols=5)


def _draw_curves(ax: Axes, runs: pd.DataFrame, parts: Mapping[str, str], look: Mapping[str, str]) -> bool:
    """Draw the curves of one experiment; return whether seeds are missing in some epochs."""
    seeds, thin = runs["seed"].nunique(), False
    marks = {"marker": look["marker"], "markersize": 5, "markevery": max(1, int(runs["epoch"].max()) // 8)}
    band = {"errorbar": ("pi", 100) if seeds > 1 else None, "err_kws": {"alpha": 0.18, "linewidth": 0}}
    for part, column in parts.items():
        known = runs.dropna(subset=column)
        counts = known.groupby("epoch")["seed"].count()
        last = max(counts.index[counts == seeds], default=0)  # epoch of all seeds
        options = {"x": "epoch", "y": column, "color": look["color"], "ax": ax, "legend": False}
        options["linestyle"] = "-" if part == "validation" else "--"
        if last:
            sns.lineplot(known[known["epoch"] <= last], **options, **band, **marks, linewidth=1.8, markeredgewidth=0)
        if len(known) and known["epoch"].max() > last:
            rest = known[known["epoch"] >= last]
            sns.lineplot(rest, **options, errorbar=None, linewidth=0.9, alpha=0.7)
            thin = True
    return thin


def _legend_of_parts(parts: Iterable[str], band: bool, thin: bool) -> list[Line2D | Patch]:
    """Return legend entries for validation and training, unless validation is alone, the band and the thin lines."""
    lines = {"validation": "-", "training": "--"}
    handles = [Line2D([], [], color=QUIET, linestyle=lines[part], label=part) for part in parts if "training" in parts]
    if band:
        handles.append(Patch(color=QUIET, alpha=0.25, linewidth=0, label="lowest to highest seed"))
    if thin:
        handles.append(Line2D([], [], color=QUIET, linewidth=0.9, alpha=0.7, label="fewer seeds (stopped, failed)"))
    return handles


def _write_powers_out(ax: Axes) -> None:
    """Make the y axis logarithmic, with numbers such as 0.2 instead of 2 x 10^-1, two between powers of ten."""
    ax.set_yscale("log")
    ax.yaxis.set_minor_locator(LogLocator(subs=(2, 5)))
    for set_formatter in (ax.yaxis.set_major_formatter, ax.yaxis.set_minor_formatter):
        set_formatter(StrMethodFormatter("{x:g}"))


def _doses(column: pd.Series) -> pd.Series:
    return pd.to_numeric(column).astype(float).fillna(0.0)
