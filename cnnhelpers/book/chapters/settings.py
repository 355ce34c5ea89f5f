"""What settings of an optimizer do: chosen rates, maps, speed, and the luck of a search."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from IPython.display import Markdown, display

from cnnhelpers import analysis, execution, plotting
from cnnhelpers.analysis import summary


def chosen_rates(chosen: pd.DataFrame, tuned: pd.DataFrame, at_default: pd.DataFrame) -> pd.DataFrame:
    """Return the best rate of each optimizer, its score when chosen and with fresh seeds, and the luck of the choice.

    `chosen` is as `best_of_grid` returns it; `tuned` and `at_default` are runs with fresh seeds.
    """
    again = summary(tuned, "validation_accuracy", "optimizer")[["optimizer", "estimate"]]
    scores = chosen.merge(again, on="optimizer", suffixes=("_when_chosen", "_with_fresh_seeds"))
    luck = scores["estimate_when_chosen"] - scores["estimate_with_fresh_seeds"]
    usual = at_default.groupby("optimizer")["learning_rate"].first()
    return scores.assign(keras_default=scores["optimizer"].map(usual), luck=luck).round(4)


def ranges(parts: Mapping[str, pd.DataFrame], by: str, metric: str = "validation_accuracy") -> pd.DataFrame:
    """Return the best and the worst value of `by` in each table of runs by the mean of `metric`, and their distance."""
    rows = {}
    for name, runs in parts.items():
        means = runs.groupby(by)[metric].mean()
        distance = round(100 * (means.max() - means.min()), 1)
        rows[name] = {"best": means.idxmax(), "worst": means.idxmin(), "distance (points)": distance}
    return pd.DataFrame.from_dict(rows, orient="index")


def show_time_to_accuracy(runs: pd.DataFrame, target: float, by: Sequence[str]) -> pd.DataFrame:
    """Draw the first epoch at which each run reached an accuracy, and return the median times, the fastest first."""
    timed = analysis.time_to_accuracy(runs, target)
    timed["label"] = [", ".join(f"{value:g}" if isinstance(value, float) else str(value) for value in row)
                      for row in timed[list(by)].itertuples(index=False)]  # fmt: skip
    plotting.plot_time_to_accuracy(timed, label="label")
    times = analysis.median_times(timed, list(by)).sort_values("cpu_seconds_to_target", kind="stable")
    for column in ("epochs_to_target", "cpu_seconds_to_target"):
        times[column] = [f"{value:.4g}" if np.isfinite(value) else "never" for value in times[column]]
    return times


def show_settings_map(cells: pd.DataFrame) -> pd.DataFrame:
    """Draw validation accuracy by learning rate and batch size; return the best rate of each batch size."""
    corners = execution.settings_map(cells, "learning_rate", "batch_size", _classes(cells))
    plotting.plot_heatmap(corners)
    known = corners[corners["lost"] < corners["n"]].dropna(subset="estimate")
    best = known.loc[known.groupby("batch_size")["estimate"].idxmax(), ["batch_size", "learning_rate", "estimate"]]
    return analysis.percent(best.set_index("batch_size"))


def show_scaling(cells: pd.DataFrame, batch_size: int) -> pd.DataFrame | Markdown:
    """Draw accuracy against the rate, and against the rate scaled to `batch_size`; return the table of the latter.

    Runs that learned nothing are left out. `range` is the distance between the numbers of a row.
    """
    learned = cells[cells["validation_accuracy"] >= execution.learning_threshold(_classes(cells))]
    if learned.empty:
        return Markdown("*No run of the map learned anything.*")
    rates = learned["learning_rate"] * batch_size / learned["batch_size"]
    scaled = learned.assign(scaled_rate=[float(f"{rate:.6g}") for rate in rates])
    _, panels = plt.subplots(1, 2, figsize=(10, 4.4), sharey=True, layout="constrained")
    for x, ax in zip(("learning_rate", "scaled_rate"), panels, strict=True):
        points = summary(scaled, "validation_accuracy", [x, "batch_size"])
        plotting.plot_dose_response(points, ax, x=x, by="batch_size", runs=scaled)
    rows = 100 * points.pivot_table("estimate", "scaled_rate", "batch_size")
    ranges = (rows.max(axis=1) - rows.min(axis=1)).where(rows.count(axis=1) > 1)
    return rows.assign(range=ranges).round(1)


def show_search(trials: pd.DataFrame, fresh: pd.DataFrame) -> Markdown:
    """Draw the scores of a search, display its five best trials, and return what luck added to the highest score.

    `fresh` are runs of the best trial with other seeds.
    """
    plotting.plot_search(trials, fresh)
    display(trials.sort_values("validation_accuracy", ascending=False).head().round(4))
    luck = 100 * (trials["best"].iloc[-1] - fresh["validation_accuracy"].mean())
    return Markdown(f"Luck added {luck:+.2f} points of validation accuracy to the score of the best trial.")


def _classes(runs: pd.DataFrame) -> int:
    return len(runs["record"].iloc[0].classes["names"])
