"""From a table of runs to tables of intervals: one configuration, two compared, all beside the published numbers."""

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import pandas as pd
from scipy import stats

from cnnhelpers.analysis.measurements import Measurements
from cnnhelpers.errors import unknown
from cnnhelpers.records import differing, differing_aspects
from cnnhelpers.reports import DATASETS, printed
from cnnhelpers.statistics import Comparison, by_seed, decide, holm, interval, need_columns, paired


def summary(runs: pd.DataFrame, metric: str = "test_accuracy", by: str | list[str] = "experiment") -> pd.DataFrame:
    """Return mean and 95 % t interval over seeds of one column of `runs`, a row for each value of `by` in its order.

    Returns
    -------
    pandas.DataFrame
        Columns `by`, estimate, low, high, sd, n, n_failed, in the unit of `metric`; failed runs are counted, not used.

    Examples
    --------
    >>> runs = pd.DataFrame({"experiment": ["a", "a", "a"], "test_accuracy": [0.89, 0.90, 0.91]})
    >>> summary(runs).round(3).values.tolist()
    [['a', 0.9, 0.875, 0.925, 0.01, 3, 0]]
    """
    need_columns(runs, metric)
    names = [by] if isinstance(by, str) else list(by)
    rows = []
    for key, group in runs.groupby(names, sort=False, dropna=False):
        found = interval(group[metric])
        spread = {"estimate": found.mean, "low": found.low, "high": found.high, "sd": found.sd}
        rows.append(dict(zip(names, key, strict=True)) | spread | {"n": found.n, "n_failed": found.n_failed})
    return pd.DataFrame(rows, columns=[*names, "estimate", "low", "high", "sd", "n", "n_failed"])


def compare(runs: pd.DataFrame, a: str, b: str, metric: str = "test_accuracy") -> Comparison:
    """Return A minus B, paired by seed, with its 95 % t interval and two-sided p.

    Parameters
    ----------
    runs
        One row a run: columns experiment, seed and `metric`, as `run` returns. A table of trainings of your own, made
        without `run`, does as well. Only the seeds of A and B count; one that only one of them has is incomplete.

    Raises
    ------
    InputError
        If an experiment or the column is not in `runs` (the nearest name is suggested).

    Examples
    --------
    >>> runs = pd.DataFrame({"experiment": list("aaabbb"), "seed": [0, 1, 2] * 2,
    ...                      "test_accuracy": [0.91, 0.92, 0.93, 0.90, 0.90, 0.90]})
    >>> print(in_points(compare(runs, "a", "b")))
    +2.0 points [-0.5, +4.5], 95 % interval over 3 seeds
    """
    need_columns(runs, metric)
    for name in (a, b):
        if name not in set(runs["experiment"]):
            raise unknown("experiment", name, map(str, runs["experiment"].unique()))
    both = runs[runs["experiment"].isin((a, b))]
    table = by_seed(both, metric)
    return replace(paired(table[a].to_numpy(), table[b].to_numpy()), differs=differing(both))


def in_points(comparison: Comparison, digits: int = 1) -> str:
    """Return a comparison of accuracies as a reader reads it: percentage points, interval, seeds, and what differs.

    >>> in_points(paired([0.91, 0.92, 0.93], [0.90, 0.90, 0.90]), digits=2)
    '+2.00 points [-0.48, +4.48], 95 % interval over 3 seeds'
    """
    points = [100 * number for number in (comparison.difference, comparison.low, comparison.high)]
    middle, low, high = (f"{number:+.{digits}f}" for number in points)
    if comparison.without_interval:
        text = f"{middle} points, {comparison.without_interval}"
    else:
        text = f"{middle} points [{low}, {high}], 95 % interval over {comparison.n_pairs} seeds"
    text += f", {comparison.n_failed} incomplete" if comparison.n_failed else ""
    return f"{text}; {comparison.differs}" if comparison.differs else text


def compare_all(
    runs: pd.DataFrame, pairs: Iterable[tuple[str, str]], margin: float, metric: str = "test_accuracy"
) -> pd.DataFrame:
    """Return "A is better than B" for every pair: difference, interval, Holm-adjusted p and verdict.

    `margin` is the difference of accuracy (a fraction) that does not matter, by dataset in statistics.MARGINS.
    A label says in which aspects besides the experiments, such as the device, its runs differ; `compare` says how.

    Examples
    --------
    >>> accuracies = [0.90, 0.91, 0.90, 0.92, 0.91] + [0.93, 0.94, 0.94, 0.95, 0.94]
    >>> runs = pd.DataFrame({"experiment": ["plain"] * 5 + ["wide"] * 5, "seed": [0, 1, 2, 3, 4] * 2,
    ...                      "test_accuracy": accuracies})
    >>> table = compare_all(runs, [("wide", "plain")], margin=0.003)
    >>> print(percent(table)[["label", "estimate", "low", "high", "wins", "verdict"]].to_string(index=False))
           label estimate  low high   wins verdict
    wide − plain     3.20 2.64 3.76 5 of 5   holds
    """
    pairs = list(pairs)
    found = [compare(runs, a, b, metric) for a, b in pairs]
    apart = [", ".join(differing_aspects(runs[runs["experiment"].isin(pair)])) for pair in pairs]
    adjusted = holm([one.p for one in found])
    rows = [
        {
            "label": f"{a} − {b}" + (f" (not the same: {aspects})" if aspects else ""),
            "estimate": one.difference,
            "low": one.low,
            "high": one.high,
            "wins": f"{one.wins} of {one.n_pairs}",
            "p": p,
            "verdict": decide(one, margin, adjusted_p=p),
        }
        for (a, b), one, aspects, p in zip(pairs, found, apart, adjusted, strict=True)
    ]
    return pd.DataFrame(rows, columns=["label", "estimate", "low", "high", "wins", "p", "verdict"])


def comparable_pairs(runs: pd.DataFrame, pairs: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return the pairs of experiments that `runs` has both of: pages of what is recorded can lack some.

    >>> comparable_pairs(pd.DataFrame({"experiment": ["a", "b"]}), [("a", "b"), ("a", "c")])
    [('a', 'b')]
    """
    known = {*runs["experiment"]}
    return [pair for pair in pairs if known.issuperset(pair)]


def learned(runs: pd.DataFrame, margin: float) -> pd.DataFrame:
    """Return how many runs of each network learned anything, beside those of the first network.

    Parameters
    ----------
    runs
        With the columns of records.load().
    margin
        By which a run must be above guessing to have learned, a fraction. A failed run has not.

    Returns
    -------
    pandas.DataFrame
        Columns experiment, learned and n (runs), and p: of Fisher's exact test, two-sided, that a run of the network
        learns as often as one of the first (NaN for itself). A handful of runs shows only large differences.
    """
    rows: list[dict[str, object]] = []
    measured = Measurements(runs)
    for name, n in runs.groupby("experiment", sort=False).size().items():
        row = {"experiment": name, "learned": sum(measured.against_guessing(name, margin).learned), "n": n}
        counts = [[one["learned"], one["n"] - one["learned"]] for one in (row, *rows[:1])]
        rows.append(row | {"p": stats.fisher_exact(counts).pvalue if rows else np.nan})
    return pd.DataFrame(rows, columns=["experiment", "learned", "n", "p"])


def beside_published(runs: pd.DataFrame, metric: str = "validation_accuracy", where: str = "log") -> pd.DataFrame:
    """Return `summary` of the experiments with the number that their report prints and whether it fits.

    Adds the columns published (NaN where nothing is printed, or printed for another dataset), inside ("yes", "no" or
    ""), whether the interval of the mean holds it, as_one_run, whether it lies where one more run of ours would
    (`Interval.one_run`), and seeds_below, how many seeds ended below it.
    """
    table = summary(runs, metric)
    datasets = runs.groupby("experiment", sort=False)["dataset"].first()
    numbers = [
        printed(name, metric, where) if DATASETS.get(name[0]) == datasets[name] else None
        for name in table["experiment"]
    ]
    table["published"] = [np.nan if number is None else number for number in numbers]
    within = table["published"].between(table["low"], table["high"])
    values = runs.groupby("experiment", sort=False)[metric]
    ends = [interval(values.get_group(name)).one_run for name in table["experiment"]]
    possible = table["published"].between([low for low, _ in ends], [high for _, high in ends])
    for column, fits in (("inside", within), ("as_one_run", possible)):
        table[column] = fits.map({True: "yes", False: "no"}).where(table["published"].notna(), "")
    table["seeds_below"] = [
        "" if np.isnan(number) else f"{(values.get_group(name) < number).sum()} of {count}"
        for name, number, count in zip(table["experiment"], table["published"], table["n"], strict=True)
    ]
    return table


def percent(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table of accuracies for reading: fractions as percent, text for text, nothing for NaN.

    >>> percent(pd.DataFrame({"experiment": ["A1"], "estimate": [0.8847], "low": [float("nan")]})).iloc[0].tolist()
    ['A1', '88.47', '']
    """
    shown = table.copy()
    for column in ("estimate", "low", "high", "sd", "published"):
        if column in shown:
            shown[column] = [("" if np.isnan(value) else f"{100 * value:.2f}") for value in shown[column]]
    for column in ("p", "page_p"):
        if column in shown:
            shown[column] = [
                ("" if np.isnan(value) else f"{value:.2g}" if value >= 1e-4 else "< 0.0001") for value in shown[column]
            ]
    return shown
