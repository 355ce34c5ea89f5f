"""Several factors at once: main effects and interactions of a grid of experiments, paired by seed."""

from collections.abc import Iterable, Sequence
from itertools import combinations

import numpy as np
import pandas as pd

from cnnhelpers.errors import InputError, unknown
from cnnhelpers.statistics import Comparison, by_seed, from_differences, holm


def main_effect(runs: pd.DataFrame, pairs: Sequence[tuple[str, str]], metric: str = "test_accuracy") -> Comparison:
    """Return what a factor does on average over `pairs` (with, without) that differ in nothing else.

    Each seed gives one number, the mean of its differences; a seed that any of the experiments lacks is incomplete.

    Examples
    --------
    >>> accuracies = [0.90, 0.91, 0.92, 0.95, 0.80, 0.81, 0.84, 0.85]  # a with 0 and 1, then b
    >>> runs = pd.DataFrame({"experiment": ["a0", "a0", "a1", "a1", "b0", "b0", "b1", "b1"], "seed": [0, 1] * 4,
    ...                      "test_accuracy": accuracies})
    >>> round(main_effect(runs, [("a1", "a0"), ("b1", "b0")]).difference, 3)
    0.035
    """
    return from_differences(_differences(runs, pairs, metric).mean(axis=0))


def interaction(
    runs: pd.DataFrame,
    at_one: Sequence[tuple[str, str]],
    at_other: Sequence[tuple[str, str]],
    metric: str = "test_accuracy",
) -> Comparison:
    """Return how much more a factor does at one level of another than at the other: differences of differences.

    Parameters
    ----------
    at_one, at_other
        (with, without) pairs as for `main_effect`, those at the two levels in the same order.

    Examples
    --------
    >>> accuracies = [0.90, 0.91, 0.92, 0.95, 0.80, 0.81, 0.84, 0.85]
    >>> runs = pd.DataFrame({"experiment": ["a0", "a0", "a1", "a1", "b0", "b0", "b1", "b1"], "seed": [0, 1] * 4,
    ...                      "test_accuracy": accuracies})
    >>> [round(one, 3) for one in interaction(runs, [("b1", "b0")], [("a1", "a0")]).differences]
    [0.02, 0.0]
    """
    if len(at_one) != len(at_other):
        raise InputError(f"pairs at the two levels must match. Received: {len(at_one)} and {len(at_other)}")
    differences = _differences(runs, at_one, metric) - _differences(runs, at_other, metric)
    return from_differences(differences.mean(axis=0))


def factorial_effects(runs: pd.DataFrame, grid: pd.DataFrame, metric: str = "test_accuracy") -> pd.DataFrame:
    """Return every main effect and every interaction of two factors that the runs can show.

    Each level of a factor is compared with its lowest, over all pairs of experiments that agree in the other factors;
    an interaction is how much more the first factor does at a level of the second than at its lowest.

    Parameters
    ----------
    grid
        The level of each factor (columns) of each experiment (index); no two experiments alike. Experiments without
        runs are left out.

    Returns
    -------
    pandas.DataFrame
        Columns kind ("main effect" or "interaction"), label, cells (how many pairs, or pairs of pairs, are averaged),
        estimate, low, high (95 %), n (complete seeds) and p, Holm-adjusted over all rows.
    """
    if grid.duplicated().any():
        twice = ", ".join(grid.index[grid.duplicated(keep=False)])
        raise InputError(f"two experiments of a grid must differ in a factor. Received: {twice}")
    grid = grid[grid.index.isin(set(runs["experiment"]))]
    rows = []
    for factor in grid:
        for level in _levels(grid, factor)[1:]:
            pairs = _pairs(grid, factor, level)
            if pairs:
                label = f"{_words(factor, level)} rather than {_words(factor, _levels(grid, factor)[0], short=True)}"
                rows.append(_row("main effect", label, len(pairs), main_effect(runs, list(pairs.values()), metric)))
    for factor, other in combinations(grid, 2):
        for level, at in _crossed(grid, factor, other):
            quadruples = _quadruples(grid, factor, level, other, at)
            if quadruples:
                label = f"{_words(factor, level)}, more where {_words(other, at)}"
                found = interaction(runs, *map(list, zip(*quadruples, strict=True)), metric)
                rows.append(_row("interaction", label, len(quadruples), found))
    table = pd.DataFrame(rows, columns=["kind", "label", "cells", "estimate", "low", "high", "n", "p"])
    return table.assign(p=holm(table["p"]))


def _differences(runs: pd.DataFrame, pairs: Sequence[tuple[str, str]], metric: str) -> np.ndarray:
    """Return (num_pairs, num_seeds) differences, NaN where a run failed or is missing."""
    table = by_seed(runs, metric)
    for name in (name for pair in pairs for name in pair):
        if name not in table:
            raise unknown("experiment", name, map(str, table.columns))
    return np.array([table[one].to_numpy(float) - table[other].to_numpy(float) for one, other in pairs])


def _pairs(grid: pd.DataFrame, factor: str, level: object) -> dict[tuple, tuple[str, str]]:
    """Return (experiment at `level`, experiment at the lowest level) by the levels of the other factors."""
    others = [name for name in grid if name != factor]
    at_level, at_lowest = (
        {tuple(row): name for name, row in zip(cells.index, cells[others].to_numpy(), strict=True)}
        for cells in (grid[grid[factor] == value] for value in (level, _levels(grid, factor)[0]))
    )
    return {key: (name, at_lowest[key]) for key, name in at_level.items() if key in at_lowest}


def _quadruples(
    grid: pd.DataFrame, factor: str, level: object, other: str, at: object
) -> list[tuple[tuple[str, str], tuple[str, str]]]:
    """Return (pair of `factor` where `other` is `at`, the same pair where `other` is lowest), the rest alike."""
    pairs = _pairs(grid, factor, level)
    place = [name for name in grid if name != factor].index(other)
    lowest = _levels(grid, other)[0]
    partners = {key: (*key[:place], lowest, *key[place + 1 :]) for key in pairs if key[place] == at}
    return [(pairs[key], pairs[partner]) for key, partner in partners.items() if partner in pairs]


def _crossed(grid: pd.DataFrame, factor: str, other: str) -> Iterable[tuple[object, object]]:
    return ((level, at) for level in _levels(grid, factor)[1:] for at in _levels(grid, other)[1:])


def _levels(grid: pd.DataFrame, factor: str) -> list:
    """Return the levels of a factor from the lowest: numbers and truth values in order, words as they come."""
    found = list(dict.fromkeys(grid[factor]))
    return found if any(isinstance(one, str) for one in found) else sorted(found)


def _words(factor: str, level: object, short: bool = False) -> str:
    """Return a level in words.

    >>> _words("regularized", True), _words("convolutions", 5), _words("convolutions", 2, short=True)
    ('regularized', '5 convolutions', '2')
    """
    if isinstance(level, (bool, np.bool_)):
        return factor if level else "not"
    if isinstance(level, str):
        return level if short else f"{level} {factor}"
    return f"{level}" if short else f"{level} {factor}" if factor.endswith("s") else f"{factor} {level}"


def _row(kind: str, label: str, cells: int, found: Comparison) -> dict[str, object]:
    numbers = {"estimate": found.difference, "low": found.low, "high": found.high, "n": found.n_pairs, "p": found.p}
    return {"kind": kind, "label": label, "cells": cells, **numbers}
