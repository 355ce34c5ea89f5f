"""What accuracy costs: the networks that no other beats at a lower price."""

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from cnnhelpers.analysis.comparisons import summary
from cnnhelpers.statistics import numbers, same_shape


def pareto_front(costs: ArrayLike, values: ArrayLike) -> np.ndarray:
    """Return which of several are on the Pareto front, (num_networks,) truth values.

    One is on it unless another costs no more and is worth no less, and differs in one of the two.

    Parameters
    ----------
    costs, values
        (num_networks,) each; less cost and more value are better. A NaN is never on the front and beats none.

    Examples
    --------
    >>> pareto_front([1, 2, 2, 3], [0.90, 0.95, 0.93, 0.94]).tolist()
    [True, True, False, False]
    """
    cost, value = numbers(costs, "costs", ("num_networks",)), numbers(values, "values", ("num_networks",))
    same_shape(costs=cost, values=value)
    no_worse = (cost[None] <= cost[:, None]) & (value[None] >= value[:, None])
    differs = (cost[None] != cost[:, None]) | (value[None] != value[:, None])
    return np.isfinite(cost) & np.isfinite(value) & ~(no_worse & differs).any(axis=1)


def pareto(runs: pd.DataFrame, cost: str, metric: str = "test_accuracy") -> pd.DataFrame:
    """Return the mean cost of each experiment, its mean value with the interval, and whether it is on the front.

    The front is one of means: a network that leaves it by less than its interval may be on it.

    Returns
    -------
    pandas.DataFrame
        Columns experiment, `cost`, estimate, low, high and front.
    """
    table = summary(runs, metric)
    means = pd.to_numeric(runs[cost]).groupby(runs["experiment"]).mean()
    table[cost] = table["experiment"].map(means).astype(float)
    table["front"] = pareto_front(table[cost], table["estimate"])
    return table[["experiment", cost, "estimate", "low", "high", "front"]]
