"""Estimate the effects of factors: main effects and interactions of a grid, dose-response trends of ordered levels."""

from collections.abc import Sequence
from itertools import combinations, product

import numpy as np
import pandas as pd

from cnnhelpers.errors import InputError
from cnnhelpers.statistics import (
    ALPHA,
    Comparison,
    by_seed,
    from_differences,
    holm,
    need_columns,
    resolution,
    saturation,
    trend,
)

MIN_LEVELS = 3  # fewer make a difference, no trend
Pair = tuple[str, str]


def factorial_effects(runs: pd.DataFrame, grid: pd.DataFrame, metric: str = "test_accuracy") -> pd.DataFrame:
    """Return every main effect and every interaction of two factors that the runs can show.

    Each level of a factor is compared with its lowest, over all pairs of experiments that agree in the other factors.
    `grid` holds the level of each factor (columns) of each experiment (index); no two experiments are equal.
    Experiments without runs are left out.

    Columns kind ("main effect" or "interaction"), label, cells (number of pairs, or pairs of pairs, averaged),
    estimate, low, high (95 %), n (complete seeds) and p, Holm-adjusted over all rows.
    """
    if grid.duplicated().any():
        equal = ", ".join(grid.index[grid.duplicated(keep=False)])
        raise InputError(f"two experiments of a grid must differ in a factor. Received: {equal}")
    grid = grid[grid.index.isin(set(runs["experiment"]))]
    levels = {factor: _levels(grid[factor]) for factor in grid}
    values, rows = by_seed(runs, metric), []
    for factor in grid:
        for level in levels[factor][1:]:
            if pairs := _pairs(grid, factor, level, levels[factor][0]):
                label = f"{_words(factor, level)} rather than {_words(factor, levels[factor][0], short=True)}"
                rows.append(("main effect", label, len(pairs), *_mean_effect(values, [*pairs.values()])))
    for factor, second in combinations(grid, 2):
        for level, second_level in product(levels[factor][1:], levels[second][1:]):
            more, less = (
                _pairs(grid[grid[second] == at].drop(columns=second), factor, level, levels[factor][0])
                for at in (second_level, levels[second][0])
            )
            if matched := [(more[others], less[others]) for others in more if others in less]:
                label = f"{_words(factor, level)}, more where {_words(second, second_level)}"
                rows.append(("interaction", label, len(matched), *_mean_effect(values, *zip(*matched, strict=True))))
    table = pd.DataFrame(rows, columns=["kind", "label", "cells", "estimate", "low", "high", "n", "p"])
    return table.assign(p=holm(table["p"]))


def dose_response(
    runs: pd.DataFrame, level: str, by: str, margin: float, metric: str = "test_accuracy"
) -> pd.DataFrame:
    """Return the change of a metric along the levels of a column, a row for each value of the column `by`.

    Runs are of one experiment for each `level` (a number) and value of `by`; fewer than MIN_LEVELS levels have no row.
    `margin` is the difference that does not matter, in the unit of `metric`.

    Columns `by`, levels (in words), and, over the n seeds that every level has:

    - estimate, low, high: change of the line fitted to each seed, from the first level to the last, with its 95 %
      interval; p: that it is 0, Holm-adjusted over the rows
    - page_p: Page's test of the same order, two-sided and not adjusted, as a check; NaN below two seeds
    - monotone: "yes" where the line rises or falls (before Holm) and no step goes back by the margin or more, else
      "not shown"
    - flat_from: the lowest level to which all above are equivalent, "not shown" if there is none. Levels are tested
      downwards from the last but one until one fails, so that no adjustment is needed.

    >>> accuracies = {2: [0.80, 0.81, 0.79], 3: [0.900, 0.901, 0.899], 5: [0.9005, 0.9005, 0.8995]}
    >>> runs = pd.DataFrame([{"experiment": f"C{depth}", "depth": depth, "kind": "3x3", "seed": seed, "accuracy": value}
    ...                      for depth, values in accuracies.items() for seed, value in enumerate(values)])
    >>> table = dose_response(runs, "depth", "kind", margin=0.005, metric="accuracy")
    >>> table[["kind", "levels", "n", "monotone", "flat_from"]].values.tolist()
    [['3x3', '2, 3, 5', 3, 'yes', '3']]
    """
    need_columns(runs, level, by)
    rows = []
    for name, group in runs.groupby(by):
        levels = group.groupby("experiment")[level].first().sort_values()
        if levels.duplicated().any():
            equal = ", ".join(levels.index[levels.duplicated(keep=False)])
            raise InputError(f"a level of {level} must be one experiment for each {by}. Received: {equal}")
        if len(levels) >= MIN_LEVELS:
            values = by_seed(group, metric)[levels.index].to_numpy(float).T
            rows.append((name, *_trend_row(values, levels, margin)))
    columns = [by, "levels", "estimate", "low", "high", "n", "p", "page_p", "monotone", "flat_from"]
    table = pd.DataFrame(rows, columns=columns)
    return table.assign(p=holm(table["p"]))


def _trend_row(values: np.ndarray, levels: pd.Series, margin: float) -> tuple[object, ...]:
    """Return the row of `values` (num_levels, num_seeds)."""
    change = trend(values, margin)
    if change.rise.difference < 0:
        change = trend(values, margin, "lower")
    names, flat_from = [f"{level:g}" for level in levels], "not shown"
    for place in reversed(range(len(levels) - 1)):
        if not saturation(values, place, margin) < ALPHA:
            break
        flat_from = names[place]
    page_p, monotone = float(np.minimum(1, 2 * change.page_p)), "yes" if change.monotone else "not shown"
    return ", ".join(names), *_estimate(change.rise), page_p, monotone, flat_from


def _mean_effect(values: pd.DataFrame, pairs: Sequence[Pair], less: Sequence[Pair] = ()) -> tuple[float, ...]:
    """Return estimate, low, high, n and p of the mean difference of `pairs`, less that of other pairs if given."""

    def mean(pairs: Sequence[Pair]) -> np.ndarray:  # (num_seeds,), NaN where a run failed or is missing
        return np.mean([values[a].to_numpy(float) - values[b].to_numpy(float) for a, b in pairs], axis=0)

    differences = mean(pairs) - (mean(less) if less else 0)
    return _estimate(from_differences(differences, resolution=resolution(values.to_numpy(float))))


def _estimate(comparison: Comparison) -> tuple[float, ...]:
    return comparison.difference, comparison.low, comparison.high, comparison.n_pairs, comparison.p


def _pairs(grid: pd.DataFrame, factor: str, level: object, lowest: object) -> dict[tuple, Pair]:
    """Return the pairs (experiment at `level`, experiment at `lowest`), by the levels of the other factors."""
    others = grid.drop(columns=factor)
    cells = {(grid.loc[name, factor], tuple(others.loc[name])): name for name in grid.index}
    at_level = {rest: name for (own, rest), name in cells.items() if own == level}
    return {rest: (name, cells[lowest, rest]) for rest, name in at_level.items() if (lowest, rest) in cells}


def _levels(column: pd.Series) -> list:
    """Return the levels of a factor from the lowest: numbers and truth values in order, words as they come."""
    levels = list(dict.fromkeys(column))
    return levels if any(isinstance(level, str) for level in levels) else sorted(levels)


def _words(factor: str, level: object, short: bool = False) -> str:
    """Return a level in words.

    >>> _words("regularized", True), _words("convolutions", 5), _words("convolutions", 2, short=True)
    ('regularized', '5 convolutions', '2')
    """
    if isinstance(level, (bool, np.bool_)):
        return factor if level else "not"
    if short:
        return str(level)
    return f"{level} {factor}" if isinstance(level, str) or factor.endswith("s") else f"{factor} {level}"
