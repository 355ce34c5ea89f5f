"""Does more of it pay? Networks that differ in one ordered level, such as depths or dropout rates, paired by seed."""

import numpy as np
import pandas as pd

from cnnhelpers.errors import InputError
from cnnhelpers.statistics import ALPHA, by_seed, holm, need_columns, saturation, trend

MIN_LEVELS = 3  # levels below which a trend is no more than a difference
COLUMNS = ("levels", "estimate", "low", "high", "n", "p", "page_p", "monotone", "flat_from")


def dose_response(
    runs: pd.DataFrame, level: str, by: str, margin: float, metric: str = "test_accuracy"
) -> pd.DataFrame:
    """Return how a number changes along the levels of a column of `runs`, a row for each value of the column `by`.

    Parameters
    ----------
    runs
        One experiment for each level and value of `by`; fewer than MIN_LEVELS levels of a value have no row.
    level
        A column of numbers, such as the convolutions of a network.
    margin
        The difference that means nothing, in the unit of `metric`.

    Returns
    -------
    pandas.DataFrame
        Columns `by`, levels (in words), and, over the seeds that every level has (n):

        - estimate, low, high: change of the line fitted to each seed, from the first level to the last, with its
          interval of 95 %; p: that it is 0, Holm-adjusted over the rows
        - page_p: Page's test of the same order, two-sided and not adjusted, as a check; NaN below two seeds
        - monotone: "yes" where the line rises or falls (before Holm) and no step goes back by the margin or more, else
          "not shown"
        - flat_from: the lowest level that all above are equivalent to, "not shown" if there is none. Levels are tested
          from the last but one downwards until one fails, so that nothing needs adjusting.

    Raises
    ------
    InputError
        For a column that `runs` lacks, or several experiments of one level.

    Examples
    --------
    >>> accuracies = {2: [0.80, 0.81, 0.79], 3: [0.900, 0.901, 0.899], 5: [0.9005, 0.9005, 0.8995]}
    >>> runs = pd.DataFrame([{"experiment": f"C{depth}", "depth": depth, "kind": "3x3", "seed": seed, "accuracy": one}
    ...                      for depth, values in accuracies.items() for seed, one in enumerate(values)])
    >>> found = dose_response(runs, "depth", "kind", margin=0.005, metric="accuracy")
    >>> found[["kind", "levels", "n", "monotone", "flat_from"]].values.tolist()
    [['3x3', '2, 3, 5', 3, 'yes', '3']]
    """
    need_columns(runs, level, by)
    rows = []
    for name, own in runs.groupby(by):
        levels = own.groupby("experiment")[level].first().sort_values()
        if levels.duplicated().any():
            alike = ", ".join(levels.index[levels.duplicated(keep=False)])
            raise InputError(f"a level of {level} must be one experiment for each {by}. Received: {alike}")
        if len(levels) >= MIN_LEVELS:
            rows.append({by: name} | _row(by_seed(own, metric)[levels.index].to_numpy(float).T, levels, margin))
    table = pd.DataFrame(rows, columns=[by, *COLUMNS])
    return table.assign(p=holm(table["p"]))


def _row(values: np.ndarray, levels: pd.Series, margin: float) -> dict[str, object]:
    """Return the row of `values` (num_levels, num_seeds)."""
    found = trend(values, margin)
    if found.rise.difference < 0:
        found = trend(values, margin, "lower")
    names, flat_from = [f"{level:g}" for level in levels], "not shown"
    for place in reversed(range(len(levels) - 1)):
        if not saturation(values, place, margin) < ALPHA:
            break
        flat_from = names[place]
    numbers = {"estimate": found.rise.difference, "low": found.rise.low, "high": found.rise.high}
    numbers |= {"n": found.rise.n_pairs, "p": found.rise.p, "page_p": float(np.minimum(1, 2 * found.page_p))}
    monotone = "yes" if found.monotone else "not shown"
    return {"levels": ", ".join(names), **numbers, "monotone": monotone, "flat_from": flat_from}
