"""Results of a chapter: figures of metrics and comparisons, each with its table."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from IPython.display import Markdown, display

from cnnhelpers import analysis, execution, plotting, records, reports
from cnnhelpers.analysis import DIFFERENCES, comparable_pairs, compare_all, summary
from cnnhelpers.book.chapters import tables
from cnnhelpers.book.chapters.runs import NO_RUNS, OTHER_MARGIN, margin, timed_elsewhere, unofficial


def show_seeds(runs: pd.DataFrame, metric: str = "test_accuracy", label: str = "experiment") -> Markdown | None:
    """Draw a metric of each run with mean and 95 % interval, a row for each value of the column `label`.

    `metric` is a column, or a difference of two in analysis.DIFFERENCES, such as "gap".
    """
    if metric in DIFFERENCES:
        first, second = DIFFERENCES[metric]
        runs = runs.assign(**{metric: runs[first] - runs[second]}).dropna(subset=[first, second])
    if runs.empty:
        return Markdown(NO_RUNS)
    plotting.plot_seeds(runs, metric, table=summary(runs, metric, label), label=label)
    return None


def show_curves(
    runs: pd.DataFrame,
    metric: str = "accuracy",
    *,
    label: str = "experiment",
    panels: Mapping[str, Sequence[str]] | None = None,
    log: bool = False,
) -> Markdown | None:
    """Draw learning curves of each value of the column `label`; each of `panels`, title to experiments, by itself."""
    curves = records.histories(runs.assign(experiment=runs[label]))
    parts = {
        title: curves[curves["experiment"].isin(names)] for title, names in (panels or {"": {*runs[label]}}).items()
    }
    parts = {title: part for title, part in parts.items() if len(part)}
    if not parts:
        return Markdown(NO_RUNS)
    if panels is None:
        plotting.plot_learning_curves(curves, metric, log=log)
        return None
    numbers = [part["experiment"].nunique() for part in parts.values()]
    if max(numbers) > plotting.MOST_CURVES:  # a panel each
        heights = [0.4 + plotting.height_of(number) for number in numbers]
        figure = plt.figure(figsize=(8, sum(heights)), layout="constrained")
        figures = figure.subfigures(len(parts), 1, squeeze=False, height_ratios=heights).ravel()
        axes = [subfigure.subplots() for subfigure in figures]
        titles = [subfigure.suptitle for subfigure in figures]
    else:
        size = (max(7, 5 * len(parts)), 5)
        _, axes = plt.subplots(1, len(parts), figsize=size, sharey=True, squeeze=False, layout="constrained")
        axes = axes.ravel()
        titles = [ax.set_title for ax in axes]
    for ax, write_title, (title, part) in zip(axes, titles, parts.items(), strict=True):
        plotting.plot_learning_curves(part, metric, ax, log=log)
        write_title(title)
    return None


def show_published(
    runs: pd.DataFrame, metric: str = "validation_accuracy", label: str = "experiment"
) -> Markdown | None:
    """Draw and display the intervals next to the numbers that the reports print.

    A network without the metric, such as the validation accuracy of one that trains on all images, is left out.
    """
    runs = runs[runs[metric].notna() | (runs["status"] != "done")] if metric in runs else runs
    if runs.empty:
        return Markdown(NO_RUNS)
    compared = reports.compare_with_published(runs, metric)
    labels = compared["experiment"].map(dict(zip(runs["experiment"], runs[label], strict=True)))
    plotting.plot_intervals(compared.assign(label=labels), reference="published", metric=metric)
    display(analysis.percent(compared))
    return unofficial(runs)


def differences(
    runs: pd.DataFrame,
    questions: Iterable[Sequence[str]],
    metric: str = "test_accuracy",
    *,
    label: str = "experiment",
    by: str | None = None,
    grid: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Return `compare_all` of the questions of which both experiments have runs.

    Parameters
    ----------
    questions
        (A, B) or (A, B, label of the row): values of the column `label` of `runs`.
    by
        Column of `runs`: each of its values is compared, and adjusted by Holm, on its own.
    grid
        As `best_of_grid` returns it: a row that a level beyond the grid could reverse is undecided.
    """
    questions = {tuple(question[:2]): question[2:] for question in questions}
    groups = runs.groupby(by) if by else [(None, runs)]
    parts = []
    for value, part in groups:
        named = part.assign(experiment=part[label])
        pairs = comparable_pairs(named, questions)
        table = compare_all(named, pairs, margin(runs), metric)
        table = table if grid is None else execution.beyond_the_grid(table, pairs, grid)
        labels = [*(questions[pair] or (text,) for pair, text in zip(pairs, table["label"], strict=True))]
        first = "" if by is None or isinstance(value, str) else f"{value:,.0f} {by}: "
        parts.append(table.assign(label=[first + text for (text,) in labels]))
    return pd.concat(parts, ignore_index=True) if parts else compare_all(runs, [], OTHER_MARGIN)


def show_differences(
    runs: pd.DataFrame, questions: Iterable[Sequence[str]], metric: str = "test_accuracy", **options: Any
) -> pd.DataFrame:
    """Draw, display and return `differences`, with the band of differences that do not matter."""
    compared = differences(runs, questions, metric, **options)
    if compared.empty:
        display(Markdown("*No two networks that a question compares have runs yet.*"))
        return compared
    plotting.plot_intervals(compared, metric="difference", margin=margin(runs))
    display(analysis.percent(compared.set_index("label")))
    if text := unofficial(runs):
        display(text)
    return compared


def show_dose_response(
    runs: pd.DataFrame,
    x: str,
    by: str | None = None,
    metric: str = "validation_accuracy",
    label: str = "",
) -> Markdown | None:
    """Draw a metric at each value of `x`, a curve for each value of `by`; `label` names the axis of `x`."""
    if runs.empty:
        return Markdown(NO_RUNS)
    points = summary(runs, metric, [x, by] if by else x)
    ax = plotting.plot_dose_response(points, x=x, by=by, runs=runs, metric=metric)
    ax.set_xlabel(label or ax.get_xlabel())
    return None


def show_trends(runs: pd.DataFrame, level: str, by: str) -> pd.DataFrame | Markdown:
    """Return the change of test accuracy along a line through the values of `level`, a column for each of `by`."""
    trends = analysis.dose_response(runs, level, by, margin(runs)) if len(runs) else runs
    if trends.empty:
        return Markdown("*Nothing has three levels with runs yet.*")
    return analysis.percent(trends.set_index(by)).T


def show_effects(runs: pd.DataFrame, grid: pd.DataFrame) -> pd.DataFrame | Markdown:
    """Draw main effects and interactions of the factors of a grid, and return them as a table.

    A main effect of a single pair is no average and is left out.
    """
    effects = analysis.factorial_effects(runs, grid)
    effects = effects[(effects["cells"] > 1) | (effects["kind"] == "interaction")]
    if effects.empty:
        return Markdown("*No factor has two pairs of networks with runs yet.*")
    plotting.plot_intervals(effects, metric="difference", margin=margin(runs))
    return analysis.percent(effects)


def show_selection(runs: pd.DataFrame, fewest: int = 5) -> pd.DataFrame | Markdown:
    """Draw the accuracy of the best of single runs on the images that selected it and on others; return the table."""
    correct = analysis.selection_answers(runs)
    if len(correct) < fewest:
        return Markdown(f"*Left out: {len(correct)} of these networks have runs, and a choice needs {fewest}.*")
    choices = analysis.selection_bias(correct, np.random.default_rng(0))
    ax = plotting.plot_intervals(choices[:3], metric="test_accuracy")
    ax.set_title(f"the best of {len(correct)} networks", loc="left")
    return analysis.percent(choices)


def show_cost(runs: pd.DataFrame, cost: str) -> Markdown | None:
    """Draw test accuracy against a cost with the Pareto front; of "seconds" those of runs timed alike."""
    if cost != "seconds":
        plotting.plot_pareto(analysis.pareto(runs, cost), cost)
        return None
    timed = records.timed_alike(runs)
    column = records.seconds_column(timed)
    plotting.plot_pareto(analysis.pareto(runs.assign(**{column: timed[column]}), column), column)
    return timed_elsewhere(runs, timed)


def show_time(runs: pd.DataFrame, label: str = "experiment") -> Markdown:
    """Draw the time of each run, of runs timed alike, display medians, and return what is left out."""
    timed = records.timed_alike(runs)
    show_seeds(timed, records.seconds_column(timed), label)
    columns = ["seconds_per_epoch", "seconds_to_best", "best_epoch", "epochs_run"]
    display(timed.groupby("experiment", sort=False)[columns].median().round(1))
    return timed_elsewhere(runs, timed)


def feature_costs(runs: pd.DataFrame) -> pd.DataFrame | Markdown:
    """Return mean processor seconds of a training, of computing its features, and of an epoch without them."""
    if runs.empty:
        return Markdown(NO_RUNS)
    features = [record.cost.get("feature_cpu_seconds", 0.0) for record in runs["record"]]
    costs = runs[["experiment", "cpu_seconds"]].assign(feature_cpu_seconds=features)
    costs["per epoch"] = (costs["cpu_seconds"] - costs["feature_cpu_seconds"]) / runs["epochs_run"]
    return costs.groupby("experiment", sort=False).mean().round(2)


def show_other_profile(
    study: "reports.Regularization", other_profile: str, seeds: int | Sequence[int]
) -> Markdown | None:
    """Display the answers of a study under its profile next to those under another; return which are opposite.

    Without another profile ("") there is nothing to display or to return.
    """
    if not other_profile:
        return None
    found, questions = {}, replace(study, profile="published").questions
    for profile in (study.profile, other_profile):
        runs = execution.run(replace(study, profile=profile).experiments, seeds, train=False)
        found[profile] = differences(runs, questions)
    display(tables.side_by_side(found))
    return tables.opposite_answers(found)
