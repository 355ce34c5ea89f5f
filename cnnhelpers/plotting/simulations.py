"""Figures of simulated error rates and power: tables of `simulations` in, axes out."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from cnnhelpers.plotting.style import QUIET, axes, legend, look_of, need, words

HEIGHT = 0.42  # inches of a row


def null_rates(found: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw how often claims hold where nothing is there to find, a marker a number of seeds.

    Parameters
    ----------
    found
        As `simulations.false_holds` returns it. Lines are 95 % intervals from the number of simulations, the grey tick
        of a row is the rate that theory allows.
    """
    need(found, ["claim", "seeds", "rate", "low", "high", "nominal"], "null_rates")
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
    legend(ax, [*_seeds(numbers), Line2D([], [], color=QUIET, linewidth=1.4, label="what theory allows")], above=True)
    return ax


def power_found(found: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw how often planted differences are found, markers with 95 % intervals, beside theory as dashed lines.

    Parameters
    ----------
    found
        As `simulations.planted_effects` returns it.
    """
    need(found, ["effect", "seeds", "rate", "low", "high", "theory"], "power_found")
    ax, numbers = axes(ax, height=3.6), list(dict.fromkeys(found["seeds"]))
    for position, number in enumerate(numbers):
        rows, look = found[found["seeds"] == number], look_of(position)
        ax.plot(rows["effect"], 100 * rows["theory"], "--", color=look["color"], linewidth=1.2)
        ax.vlines(rows["effect"], 100 * rows["low"], 100 * rows["high"], color=look["color"], linewidth=1.6)
        ax.plot(rows["effect"], 100 * rows["rate"], **look, linestyle="none", markersize=6)
    ax.set(xlabel="true difference (standard deviations of the paired differences)", ylabel="found (%)", ylim=(0, 103))
    ax.grid(axis="y")
    legend(ax, [*_seeds(numbers), Line2D([], [], color=QUIET, linestyle="--", label="theory")], above=True)
    return ax


def _seeds(numbers: list[int]) -> list[Line2D]:
    return [Line2D([], [], **look_of(at), linestyle="none", label=f"{n} seeds") for at, n in enumerate(numbers)]
