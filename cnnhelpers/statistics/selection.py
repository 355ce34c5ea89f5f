"""Compare the best of many networks with its rivals."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from cnnhelpers.errors import InputError
from cnnhelpers.statistics.checks import count, numbers, same_shape
from cnnhelpers.statistics.intervals import Comparison, paired


@dataclass(frozen=True)
class BestOfMany:
    """A candidate next to its runner-up, which each seed leaves to the other seeds to choose."""

    comparison: Comparison  #: candidate - runner-up, on the test set
    runners_up: tuple[int, ...]  #: (num_seeds,), row of the runner-up of each seed; -1 where there is none
    hardest: Comparison  #: candidate - the rival that it beats least clearly on the test set; a strict check
    hardest_rival: int  #: its row


def best_of_many(validation: ArrayLike, test: ArrayLike, candidate: int) -> BestOfMany:
    """Compare a candidate with the runner-up, cross-fitted so that no luck is rewarded.

    Parameters
    ----------
    validation, test
        Accuracy, (num_networks, num_seeds) each; more is better (for seconds give `-seconds`). NaN: a failed run.
    candidate
        Row of the network that is claimed to be the best.

    Notes
    -----
    The runner-up of a seed is the other row with the best mean validation accuracy over the *other* seeds (failed runs
    left out; the first of equals); its test accuracy of this seed is compared.

    With few seeds the runner-up is at times a poorer network than the true second best. So where a rival is as good as
    the candidate, "holds" errs in 5 to 14 % instead of 2.5 (ten networks: tests/benchmarks/null_and_power.py). "holds"
    for `hardest` needs more seeds and is safe: the candidate then beats every rival at that level, without adjustment.

    >>> validation = [[0.93, 0.92, 0.94], [0.90, 0.91, 0.90], [0.85, 0.86, 0.84]]
    >>> best_of_many(validation, validation, candidate=0).runners_up
    (1, 1, 1)
    """
    axes = ("num_networks", "num_seeds")
    validation, test = numbers(validation, "validation", axes), numbers(test, "test", axes)
    same_shape(validation=validation, test=test)
    if len(validation) < 2 or count(candidate, "candidate") >= len(validation):
        raise InputError(
            f"candidate must be a row of at least two networks. Received: candidate={candidate}, {len(validation)} rows"
        )
    runners_up, rivals = [], np.full(test.shape[1], np.nan)
    for seed in range(test.shape[1]):
        means = np.ma.masked_invalid(np.delete(validation, seed, axis=1)).mean(axis=1).filled(-np.inf)
        means[candidate] = -np.inf
        runners_up.append(int(np.argmax(means)) if means.max() > -np.inf else -1)
        if runners_up[-1] >= 0:
            rivals[seed] = test[runners_up[-1], seed]
    against = {row: paired(test[candidate], rival) for row, rival in enumerate(test) if row != candidate}
    hardest = max(against, key=lambda row: _p_of_no_gain(against[row]))
    return BestOfMany(paired(test[candidate], rivals), tuple(runners_up), against[hardest], hardest)


def _p_of_no_gain(comparison: Comparison) -> float:
    """Return the one-sided p of A being no better than B; infinite where there is no test."""
    if np.isnan(comparison.p):
        return np.inf
    return comparison.p / 2 if comparison.difference > 0 else 1 - comparison.p / 2
