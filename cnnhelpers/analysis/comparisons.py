"""Tables of intervals from a table of runs: each experiment, two compared, many compared, accuracy against cost."""

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import pandas as pd
from scipy import stats

from cnnhelpers.analysis.measurements import Measurements
from cnnhelpers.errors import unknown
from cnnhelpers.records import differing, differing_aspects
from cnnhelpers.statistics import Comparison, by_seed, decide, holm, interval, need_columns, paired


def summary(runs: pd.DataFrame, metric: str = "test_accuracy", by: str | list[str] = "experiment") -> pd.DataFrame:
    """Return mean and 95 % t interval over seeds of one column of `runs`, a row for each value of `by` in its order.

    Columns `by`, estimate, low, high, sd, n, n_failed, in the unit of `metric`; failed runs are counted, not used.
    Equal runs have no interval (NaN).

    >>> runs = pd.DataFrame({"experiment": ["a", "a", "a"], "test_accuracy": [0.89, 0.90, 0.91]})
    >>> summary(runs).round(3).values.tolist()
    [['a', 0.9, 0.875, 0.925, 0.01, 3, 0]]
    """
    need_columns(runs, metric)
    names = [by] if isinstance(by, str) else list(by)
    rows = []
    for key, group in runs.groupby(names, sort=False, dropna=False):
        seeds = interval(group[metric])
        rows.append((*key, seeds.mean, seeds.low, seeds.high, seeds.sd, seeds.n, seeds.n_failed))
    return pd.DataFrame(rows, columns=[*names, "estimate", "low", "high", "sd", "n", "n_failed"])


def compare(runs: pd.DataFrame, a: str, b: str, metric: str = "test_accuracy") -> Comparison:
    """Return A minus B, paired by seed, with its 95 % t interval and two-sided p.

    `runs` has a row for each run with the columns experiment, seed and `metric`, as `run` returns it or your own
    training loop. Only the seeds of A and B count; a seed that only one of them has is incomplete.

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
    """Return a comparison of accuracies as text: percentage points, interval, seeds, and other differences.

    >>> in_points(paired([0.91, 0.92, 0.93], [0.90, 0.90, 0.90]), digits=2)
    '+2.00 points [-0.48, +4.48], 95 % interval over 3 seeds'
    """
    numbers = (comparison.difference, comparison.low, comparison.high)
    middle, low, high = (f"{100 * number:+.{digits}f}" for number in numbers)
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
    A label names other aspects in which its runs differ, such as the device.

    >>> accuracies = [0.90, 0.91, 0.90, 0.92, 0.91] + [0.93, 0.94, 0.94, 0.95, 0.94]
    >>> runs = pd.DataFrame({"experiment": ["plain"] * 5 + ["wide"] * 5, "seed": [0, 1, 2, 3, 4] * 2,
    ...                      "test_accuracy": accuracies})
    >>> table = compare_all(runs, [("wide", "plain")], margin=0.003)
    >>> print(percent(table).drop(columns="p").to_string(index=False))
           label difference (points) low (points) high (points)   wins verdict
    wide − plain                3.20         2.64          3.76 5 of 5   holds
    """
    pairs = list(pairs)
    comparisons = [compare(runs, a, b, metric) for a, b in pairs]
    adjusted = holm([comparison.p for comparison in comparisons])
    rows = []
    for (a, b), comparison, p in zip(pairs, comparisons, adjusted, strict=True):
        aspects = ", ".join(differing_aspects(runs[runs["experiment"].isin((a, b))]))
        label = f"{a} − {b}" + (f" (not the same: {aspects})" if aspects else "")
        wins, verdict = f"{comparison.wins} of {comparison.n_pairs}", decide(comparison, margin, adjusted_p=p)
        rows.append((label, comparison.difference, comparison.low, comparison.high, wins, p, verdict))
    return pd.DataFrame(rows, columns=["label", "estimate", "low", "high", "wins", "p", "verdict"])


def comparable_pairs(runs: pd.DataFrame, pairs: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return the pairs of experiments that both have runs.

    >>> comparable_pairs(pd.DataFrame({"experiment": ["a", "b"]}), [("a", "b"), ("a", "c")])
    [('a', 'b')]
    """
    known = {*runs["experiment"]}
    return [pair for pair in pairs if known.issuperset(pair)]


def learned(runs: pd.DataFrame, margin: float) -> pd.DataFrame:
    """Return the number of runs of each network that learned anything, compared with the first network.

    A run has learned if it is above guessing by more than `margin`; a failed run has not. Columns experiment, learned
    and n (runs), and p: Fisher's exact test, two-sided, of learning as often as the first network (NaN for itself).
    """
    rows: list[dict[str, object]] = []
    measurements = Measurements(runs)
    for name, n in runs.groupby("experiment", sort=False).size().items():
        row = {"experiment": name, "learned": sum(measurements.against_guessing(name, margin).learned), "n": n}
        counts = [[network["learned"], network["n"] - network["learned"]] for network in (row, *rows[:1])]
        rows.append(row | {"p": stats.fisher_exact(counts).pvalue if rows else np.nan})
    return pd.DataFrame(rows, columns=["experiment", "learned", "n", "p"])


def pareto(runs: pd.DataFrame, cost: str, metric: str = "test_accuracy") -> pd.DataFrame:
    """Return the mean cost of each experiment, its mean metric with the interval, and whether it is on the front.

    On the front of means, no other network is cheaper and no worse, or better and no more expensive; NaN is never on
    it. Columns experiment, `cost`, estimate, low, high and front.

    >>> runs = pd.DataFrame({"experiment": list("abc"), "test_accuracy": [0.8, 0.9, 0.7], "seconds": [1, 2, 3]})
    >>> pareto(runs, "seconds")["front"].tolist()
    [True, True, False]
    """
    table = summary(runs, metric)
    table[cost] = table["experiment"].map(pd.to_numeric(runs[cost]).groupby(runs["experiment"]).mean()).astype(float)
    costs, means = table[cost].to_numpy(), table["estimate"].to_numpy()
    no_worse = (costs <= costs[:, None]) & (means >= means[:, None])
    better = no_worse & ((costs < costs[:, None]) | (means > means[:, None]))
    table["front"] = np.isfinite(costs) & np.isfinite(means) & ~better.any(axis=1)
    return table[["experiment", cost, "estimate", "low", "high", "front"]]


def percent(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table of accuracies for reading, in percent or, with a column p, in points; NaN becomes empty.

    Leaves out sd, and n_failed where no run failed. Columns are named in words.

    >>> percent(pd.DataFrame({"experiment": ["A1"], "estimate": [0.8847], "low": [float("nan")]})).to_dict("records")
    [{'experiment': 'A1', 'estimate (%)': '88.47', 'low (%)': ''}]
    """
    shown = table.drop(columns=["sd", *(["n_failed"] if not any(table.get("n_failed", ())) else [])], errors="ignore")
    for column in shown.columns.intersection(["estimate", "low", "high", "published"]):
        shown[column] = ["" if np.isnan(value) else f"{100 * value:.2f}" for value in shown[column]]
    for column in shown.columns.intersection(["p", "page_p"]):
        p_values = shown[column].astype(float)
        shown[column] = ["" if np.isnan(p) else f"{p:.2g}" if p >= 1e-4 else "< 0.0001" for p in p_values]
    estimate, unit = ("difference", "points") if "p" in table else ("estimate", "%")
    names = {"estimate": f"{estimate} ({unit})"} | {name: f"{name} ({unit})" for name in ("low", "high", "published")}
    names |= {"n": "seeds", "n_failed": "failed runs", "page_p": "p of Page's test", "likely": "likely as one run"}
    return shown.rename(columns=names | {"flat_from": "flat from", "seeds_below": "seeds below it"})
