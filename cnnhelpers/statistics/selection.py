"""Compare the claimed best of many networks with its rivals."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from cnnhelpers.errors import InputError
from cnnhelpers.statistics.intervals import Comparison, numbers, paired, same_shape
from cnnhelpers.statistics.planning import count


@dataclass(frozen=True)
class BestOfMany:
    """The candidate against a runner-up that its own seed had no say in."""

    comparison: Comparison  #: candidate - runner-up, on the test set
    runners_up: tuple[int, ...]  #: (num_seeds,), row of the runner-up of each seed; -1 where there was none
    hardest: Comparison  #: candidate - the rival that it beats least clearly on the test set; a strict check
    hardest_rival: int  #: its row


def best_of_many(validation: ArrayLike, test: ArrayLike, candidate: int) -> BestOfMany:
    """Compare the claimed best network with the runner-up, cross-fitted so that no luck is rewarded.

    Parameters
    ----------
    validation, test
        Accuracy, (num_networks, num_seeds) each; more is better (for seconds give `-seconds`). NaN: a failed run.
    candidate
        Row of the network that is claimed to be the best.

    Notes
    -----
    For each seed the runner-up is the best of the other rows by mean validation accuracy over the *other* seeds
    (those that did not fail), the first of equals; then its test accuracy of this seed is compared. With one seed
    there are no others, so there is no pair.

    With few seeds the runner-up is now and then a poorer network than the true second best. So where a rival is as good
    as the candidate, "holds" errs in 5 to 14 % instead of 2.5 (ten networks: tests/benchmarks/null_and_power.py).
    "holds" for `hardest` is safe: the candidate then beats every rival, each at that level, which needs no adjusting.
    It takes more seeds.

    >>> validation = [[0.93, 0.92, 0.94], [0.90, 0.91, 0.90], [0.85, 0.86, 0.84]]
    >>> best_of_many(validation, validation, candidate=0).runners_up
    (1, 1, 1)
    """
    axes = ("num_networks", "num_seeds")
    chosen_on, judged_on = numbers(validation, "validation", axes), numbers(test, "test", axes)
    same_shape({"validation": chosen_on, "test": judged_on})
    if len(chosen_on) < 2 or count(candidate, "candidate") >= len(chosen_on):
        raise InputError(
            f"candidate must be a row of at least two networks. Received: candidate={candidate}, {len(chosen_on)} rows"
        )
    runners_up, rivals = [], np.full(judged_on.shape[1], np.nan)
    for seed in range(judged_on.shape[1]):
        others = np.ma.masked_invalid(np.delete(chosen_on, seed, axis=1))
        means = others.mean(axis=1).filled(-np.inf)
        means[candidate] = -np.inf
        runners_up.append(int(np.argmax(means)) if means.max() > -np.inf else -1)
        if runners_up[-1] >= 0:
            rivals[seed] = judged_on[runners_up[-1], seed]
    against = {row: paired(judged_on[candidate], rival) for row, rival in enumerate(judged_on) if row != candidate}
    hardest = max(against, key=lambda row: _p_of_no_gain(against[row]))
    return BestOfMany(paired(judged_on[candidate], rivals), tuple(runners_up), against[hardest], hardest)


def _p_of_no_gain(comparison: Comparison) -> float:
    """Return the one-sided p of A being no better than B; infinite where there is no test."""
    if np.isnan(comparison.p):
        return np.inf
    return comparison.p / 2 if comparison.difference > 0 else 1 - comparison.p / 2
