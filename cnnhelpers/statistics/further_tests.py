"""The questions that one pair of networks does not answer: the best of many, guessing, and other test images."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from cnnhelpers.errors import InputError
from cnnhelpers.statistics.decisions import FEWEST_PAIRS, Verdict, holm
from cnnhelpers.statistics.intervals import Comparison, numbers, paired, same_shape
from cnnhelpers.statistics.planning import ALPHA, count, number


@dataclass(frozen=True)
class BestOfMany:
    """The candidate against a runner-up that its own seed had no say in."""

    comparison: Comparison  #: candidate - runner-up, on the test set
    runners_up: tuple[int, ...]  #: (num_seeds,), row of the runner-up of each seed; -1 where there was none
    hardest: Comparison  #: candidate - the rival that it beats least clearly on the test set; a strict check
    hardest_rival: int  #: its row


@dataclass(frozen=True)
class Chance:
    """Whether runs are better than guessing."""

    chance: float  #: accuracy of guessing, 1 / classes
    accuracies: tuple[float, ...]  #: (n,)
    p_values: tuple[float, ...]  #: (n,), one-sided binomial; as many right by guessing, not adjusted
    n: int
    n_failed: int
    learned: tuple[bool, ...]  #: (n,), above chance by more than the margin, p below ALPHA after Holm over the runs
    verdict: Verdict  #: on "fails to learn"


@dataclass(frozen=True)
class OtherTestImages:
    """The interval of a difference if both the seeds and the test images were drawn anew."""

    comparison: Comparison  #: seeds alone
    low: float  #: never inside the seeds' own interval
    high: float
    image_sd: float  #: of the difference between images, what the seeds add taken out
    num_images: int
    on_this_test_set: bool  #: only the seeds' interval excludes 0; the difference may be these images' alone


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


def chance(correct: ArrayLike, num_images: int, classes: int, margin: float) -> Chance:
    """Test whether runs are better than guessing among `classes`: does the network fail to learn?

    Parameters
    ----------
    correct
        (num_seeds,) images that each run got right, of `num_images`; NaN for a failed run.

    Notes
    -----
    "holds" when no run is above chance by more than `margin` (below is no learning either); "contradicted" when at
    least one run learned; "undecided" otherwise; "not enough runs" below FEWEST_PAIRS runs.

    >>> chance([1000, 1000, 1003, 1000, 998], num_images=10_000, classes=10, margin=0.005).verdict
    'holds'
    """
    found, margin = numbers(correct, "correct", ("num_seeds",)), number(margin, "margin", low=0)
    if count(classes, "classes") < 2 or count(num_images, "num_images") < 1:
        raise InputError(f"classes must be at least 2, num_images 1. Received: {classes=}, {num_images=}")
    good = found[np.isfinite(found)]
    if ((good < 0) | (good > num_images) | (good != np.rint(good))).any():
        raise InputError(f"correct must count images, 0 to {num_images:,}, not fractions. Received: {correct!r}")
    guessing = 1 / classes
    p_values = stats.binom.sf(good - 1, num_images, guessing)
    above = good > (guessing + margin) * num_images * (1 + 1e-12)  # a run exactly on the margin is within it
    learned = above & (holm(p_values) < ALPHA)
    verdict: Verdict = "contradicted" if learned.any() else "undecided" if above.any() else "holds"
    return Chance(
        chance=guessing,
        accuracies=tuple((good / num_images).tolist()),
        p_values=tuple(p_values.tolist()),
        n=len(good),
        n_failed=len(found) - len(good),
        learned=tuple(learned.tolist()),
        verdict=verdict if len(good) >= FEWEST_PAIRS else "not enough runs",
    )


def with_test_images(correct_a: ArrayLike, correct_b: ArrayLike) -> OtherTestImages:
    """Return the 95 % interval of A - B with the luck of the test images: SE^2 = s_d^2 / n + var_images / N.

    Parameters
    ----------
    correct_a, correct_b
        (num_seeds, num_images) each, True where the run got the image right; a NaN in a row: a failed run.

    Notes
    -----
    s_d is the sd between seeds of the difference in accuracy, which already holds what a seed does to single images.
    So var_images is the variance between images of the mean difference, less the part of it that seeds cause (mean
    square of the residuals of the two-way table / n; Searle, Casella & McCulloch 1992). t with n - 1 degrees of
    freedom, so the interval is never narrower than that of the seeds alone.

    >>> a, b = np.ones((5, 100)), np.ones((5, 100))
    >>> b[:, :4] = 0  # every run of B fails on the same four images, every run of A is right
    >>> both = with_test_images(a, b)
    >>> round(both.comparison.low, 3), round(both.low, 3), round(both.high, 3), both.on_this_test_set
    (0.04, -0.015, 0.095, True)
    """
    axes = ("num_seeds", "num_images")
    a, b = numbers(correct_a, "correct_a", axes), numbers(correct_b, "correct_b", axes)
    same_shape({"correct_a": a, "correct_b": b})
    for name, array in (("correct_a", a), ("correct_b", b)):
        if not (np.isnan(array) | (array == 0) | (array == 1)).all():
            raise InputError(f"{name} must hold True or False for each image, NaN for a failed run")
    comparison = paired(a.mean(axis=1), b.mean(axis=1))
    differences = a - b
    variance = _image_variance(differences[np.isfinite(differences).all(axis=1)])
    n, num_images = comparison.n_pairs, a.shape[1]
    error = np.sqrt(comparison.sd**2 / max(n, 1) + variance / num_images)
    half = float(stats.t.ppf((1 + comparison.confidence) / 2, max(n - 1, 1)) * error)
    low, high = comparison.difference - half, comparison.difference + half
    only_seeds = (comparison.low > 0 or comparison.high < 0) and low <= 0 <= high
    return OtherTestImages(comparison, low, high, float(np.sqrt(variance)), num_images, only_seeds)


def _p_of_no_gain(comparison: Comparison) -> float:
    """Return the one-sided p of A being no better than B; infinite where there is no test."""
    if np.isnan(comparison.p):
        return np.inf
    return comparison.p / 2 if comparison.difference > 0 else 1 - comparison.p / 2


def _image_variance(differences: np.ndarray) -> float:
    """Return the variance between images of (num_seeds, num_images) differences, without what seeds cause."""
    n, num_images = differences.shape
    if n < 2 or num_images < 2:
        return np.nan
    of_images = differences.mean(axis=0)
    residuals = differences - of_images - differences.mean(axis=1, keepdims=True) + differences.mean()
    residual_square = np.sum(residuals**2) / ((n - 1) * (num_images - 1))
    return max(float(np.var(of_images, ddof=1) - residual_square / n), 0.0)
