"""Account for luck: of the best of many networks, and of the test images."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

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

    `validation` and `test` are accuracies, (num_networks, num_seeds) each; more is better (for seconds give
    `-seconds`), NaN is a failed run. `candidate` is the row of a network.

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


def interval_over_test_images(correct_a: ArrayLike, correct_b: ArrayLike) -> tuple[float, float]:
    """Return the 95 % interval of A - B with the luck of the test images, NaN without an interval over seeds.

    The arrays are (num_seeds, num_images), True where the run classified the image correctly; a row with a NaN is a
    failed run.

    SE^2 = s_d^2 / n + var_images / N. s_d is the sd between seeds of the difference in accuracy, which already holds
    the effect of a seed on single images. So var_images is the variance between images of the mean difference, less the
    part of it that seeds cause (mean square of the residuals of the two-way table / n; Searle, Casella & McCulloch
    1992). t has n - 1 degrees of freedom, so the interval is never narrower than that over seeds.
    """
    axes = ("num_seeds", "num_images")
    a, b = numbers(correct_a, "correct_a", axes), numbers(correct_b, "correct_b", axes)
    same_shape(correct_a=a, correct_b=b)
    for name, array in (("correct_a", a), ("correct_b", b)):
        if not (np.isnan(array) | (array == 0) | (array == 1)).all():
            raise InputError(f"{name} must hold True or False for each image, NaN for a failed run")
    comparison = paired(a.mean(axis=1), b.mean(axis=1))
    differences = a - b
    variance = _image_variance(differences[np.isfinite(differences).all(axis=1)])
    if not comparison.sd > 0:
        return np.nan, np.nan
    error = np.sqrt(comparison.sd**2 / comparison.n_pairs + variance / a.shape[1])
    half = float(special.stdtrit(comparison.n_pairs - 1, (1 + comparison.confidence) / 2) * error)
    return comparison.difference - half, comparison.difference + half


def _p_of_no_gain(comparison: Comparison) -> float:
    """Return the one-sided p of A being no better than B; infinite where there is no test."""
    if np.isnan(comparison.p):
        return np.inf
    return comparison.p / 2 if comparison.difference > 0 else 1 - comparison.p / 2


def _image_variance(differences: np.ndarray) -> float:
    """Return the variance between images of (num_seeds, num_images) differences, without the part that seeds cause."""
    n, num_images = differences.shape
    if n < 2 or num_images < 2:
        return np.nan
    of_images = differences.mean(axis=0)
    residuals = differences - of_images - differences.mean(axis=1, keepdims=True) + differences.mean()
    residual_square = np.sum(residuals**2) / ((n - 1) * (num_images - 1))
    return max(float(np.var(of_images, ddof=1) - residual_square / n), 0.0)
