"""The questions that one pair of networks does not answer: best of many, a trend, overfitting, chance, the test set.

Each boils down to one number a seed, and so to a `statistics.Comparison` that `verdicts.decide` understands.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from cnnhelpers.errors import InputError, unknown
from cnnhelpers.power import ALPHA, count, number
from cnnhelpers.statistics import Comparison, Equivalence, equivalence, from_differences, numbers, paired, same_shape
from cnnhelpers.verdicts import FEWEST_PAIRS, Verdict, holm

LAST_EPOCHS = 3  # whose mean loss stands for the end of a training


@dataclass(frozen=True)
class BestOfMany:
    """The candidate against a runner-up that its own seed had no say in."""

    comparison: Comparison  # candidate - runner-up, on the test set
    runners_up: tuple[int, ...]  # (num_seeds,), row of the runner-up of each seed; -1 where there was none


@dataclass(frozen=True)
class Trend:
    """How a number changes over ordered levels."""

    rise: Comparison  # of the line fitted to each seed: its change from the first level to the last
    steps: tuple[Comparison, ...]  # (num_levels - 1,), each level minus the one before
    monotone: bool  # rise.p < ALPHA in the direction, and no step goes back by the margin or more
    page_p: float  # Page's test as a check, one-sided in the direction; NaN below three levels or two seeds


@dataclass(frozen=True)
class Overfitting:
    """Whether validation loss grows after an epoch. Overfitting: growth above 0 while the training loss falls."""

    growth: Comparison  # validation loss: mean of the last LAST_EPOCHS epochs - mean of the three around the epoch
    training: Comparison  # the same difference of the training loss
    training_falls: bool  # the whole interval of `training` lies below 0
    turning_epoch: float  # median over seeds of the epoch, from 1, with the lowest smoothed validation loss


@dataclass(frozen=True)
class Chance:
    """Whether runs are better than guessing."""

    chance: float  # accuracy of guessing, 1 / classes
    accuracies: tuple[float, ...]  # (n,)
    p_values: tuple[float, ...]  # (n,), one-sided binomial: as many right by guessing, not adjusted
    n: int
    n_failed: int
    n_learned: int  # runs above chance by more than the margin, with a p below ALPHA after Holm over the runs
    verdict: Verdict  # on "fails to learn"


@dataclass(frozen=True)
class OtherTestImages:
    """The interval of a difference if both the seeds and the test images were drawn anew."""

    comparison: Comparison  # seeds alone
    low: float  # never inside the seeds' own interval
    high: float
    image_sd: float  # of the difference between images, what the seeds add taken out
    num_images: int
    on_this_test_set: bool  # only the seeds' interval excludes 0: the difference may be these images' alone


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
    return BestOfMany(paired(judged_on[candidate], rivals), tuple(runners_up))


def trend(values: ArrayLike, margin: float, direction: Literal["higher", "lower"] = "higher") -> Trend:
    """Test whether `values` (num_levels, num_seeds) rise (or fall) over levels in their order.

    Parameters
    ----------
    margin
        A step back of less than this does not break a monotone trend: every step's interval must end short of it.
    direction
        "higher" or "lower": the claimed direction along the levels.

    Notes
    -----
    Each seed gives one number, its values weighted by the centred ranks of the levels; the weights are scaled so that
    it is the change of the fitted line from the first level to the last (two levels: their difference). Then t over
    seeds. A seed that failed at any level is incomplete.

    >>> depth = trend([[0.80, 0.81, 0.79], [0.83, 0.82, 0.84], [0.86, 0.86, 0.85]], margin=0.005)
    >>> round(depth.rise.difference, 3), depth.monotone, round(depth.page_p, 3)
    (0.057, False, 0.005)
    """
    levels, margin = numbers(values, "values", ("num_levels", "num_seeds")), number(margin, "margin", low=0)
    if direction not in ("higher", "lower"):
        raise unknown("direction", direction, ("higher", "lower"))
    if len(levels) < 2:
        raise InputError(f"values must have at least two levels to form a trend. Received: shape {levels.shape}")
    levels = np.where(np.isfinite(levels).all(axis=0), levels, np.nan)
    ranks = np.arange(len(levels)) - (len(levels) - 1) / 2
    rise = from_differences(ranks @ (levels - levels[0]) * ((len(levels) - 1) / (ranks @ ranks)))
    steps = tuple(paired(after, before) for before, after in zip(levels[:-1], levels[1:], strict=True))
    sign = 1 if direction == "higher" else -1
    significant = rise.p < ALPHA and sign * rise.difference > 0
    no_step_back = all((step.low if sign > 0 else -step.high) > -margin for step in steps)
    complete = sign * levels[:, np.isfinite(levels[0])].T
    page_p = stats.page_trend_test(complete).pvalue if len(levels) > 2 and len(complete) > 1 else np.nan
    return Trend(rise, steps, bool(significant and no_step_back), float(page_p))


def saturation(values: ArrayLike, level: int, margin: float) -> Equivalence:
    """Return whether `values` (num_levels, num_seeds) stay within `margin` of `level` at every level above it.

    The answer is the equivalence test of the worst level above: all are equivalent when its p is below ALPHA (all must
    be, so nothing needs adjusting). Saturation is a trend up to the level and this above it.

    >>> epochs = [[0.80, 0.81, 0.79], [0.900, 0.901, 0.899], [0.9005, 0.9005, 0.8995]]
    >>> saturation(epochs, level=1, margin=0.005).p < 0.05
    True
    """
    levels = numbers(values, "values", ("num_levels", "num_seeds"))
    if count(level, "level") >= len(levels) - 1:
        raise InputError(
            f"level must have a level above it, at most {len(levels) - 2}, counted from 0. Received: level={level}"
        )
    above = [equivalence(higher, levels[level], margin) for higher in levels[level + 1 :]]
    return max(above, key=lambda test: np.inf if np.isnan(test.p) else test.p)


def overfitting(training_loss: ArrayLike, validation_loss: ArrayLike, after_epoch: int) -> Overfitting:
    """Test whether validation loss grows after an epoch that the claim names, while training loss still falls.

    Parameters
    ----------
    training_loss, validation_loss
        (num_seeds, num_epochs) each, better without penalty; a seed with a NaN in either is failed.
    after_epoch
        k, counted from 1: the three epochs around it must lie before the last three, so 2 <= k <= num_epochs - 4.

    Notes
    -----
    The p of `growth` is left to the caller to adjust (`verdicts.holm`); decide with margin 0, as a loss has none.
    `turning_epoch` smooths by the mean of each epoch and its neighbours (one neighbour at the ends).

    >>> training = [[8, 7, 6, 5, 4, 3, 2, 1], [8, 7, 6, 5, 4, 3, 2, 1.5]]
    >>> found = overfitting(training, [[8, 5, 4, 3, 4, 5, 6, 7], [8, 5, 4, 3, 4, 5, 6, 9]], after_epoch=4)
    >>> round(found.growth.difference, 3), found.turning_epoch
    (2.667, 4.0)
    """
    axes = ("num_seeds", "num_epochs")
    training, validation = (
        numbers(training_loss, "training_loss", axes),
        numbers(validation_loss, "validation_loss", axes),
    )
    same_shape({"training_loss": training, "validation_loss": validation})
    num_epochs = training.shape[1]
    if not 2 <= count(after_epoch, "after_epoch") <= num_epochs - LAST_EPOCHS - 1:
        raise InputError(
            f"after_epoch must be from 2 to {num_epochs - LAST_EPOCHS - 1}, so that the three epochs around it lie "
            f"before the last {LAST_EPOCHS} of {num_epochs}. Received: after_epoch={after_epoch}"
        )
    complete = (np.isfinite(training) & np.isfinite(validation)).all(axis=1)

    def change(loss: np.ndarray) -> Comparison:
        end, around = loss[:, -LAST_EPOCHS:].mean(axis=1), loss[:, after_epoch - 2 : after_epoch + 1].mean(axis=1)
        return paired(np.where(complete, end, np.nan), around)

    growth, training_change = change(validation), change(training)
    turning_epoch = np.median(1 + np.argmin(_smoothed(validation[complete]), axis=1)) if complete.any() else np.nan
    return Overfitting(growth, training_change, training_change.high < 0, float(turning_epoch))


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
        n_learned=int(learned.sum()),
        verdict=verdict if len(good) >= FEWEST_PAIRS else "not enough runs",
    )


def with_test_images(correct_a: ArrayLike, correct_b: ArrayLike, confidence: float = 0.95) -> OtherTestImages:
    """Return the interval of A - B that also counts the luck of the test images: SE^2 = s_d^2 / n + var_images / N.

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
    comparison = paired(a.mean(axis=1), b.mean(axis=1), confidence)
    differences = a - b
    variance = _image_variance(differences[np.isfinite(differences).all(axis=1)])
    n, num_images = comparison.n_pairs, a.shape[1]
    error = np.sqrt(comparison.sd**2 / max(n, 1) + variance / num_images)
    half = float(stats.t.ppf((1 + confidence) / 2, max(n - 1, 1)) * error)
    low, high = comparison.difference - half, comparison.difference + half
    only_seeds = (comparison.low > 0 or comparison.high < 0) and low <= 0 <= high
    return OtherTestImages(comparison, low, high, float(np.sqrt(variance)), num_images, only_seeds)


def _image_variance(differences: np.ndarray) -> float:
    """Return the variance between images of (num_seeds, num_images) differences, without what seeds cause."""
    n, num_images = differences.shape
    if n < 2 or num_images < 2:
        return np.nan
    of_images = differences.mean(axis=0)
    residuals = differences - of_images - differences.mean(axis=1, keepdims=True) + differences.mean()
    residual_square = np.sum(residuals**2) / ((n - 1) * (num_images - 1))
    return max(float(np.var(of_images, ddof=1) - residual_square / n), 0.0)


def _smoothed(losses: np.ndarray) -> np.ndarray:
    """Return (num_seeds, num_epochs) losses, each the mean of itself and its neighbours."""
    padded = np.pad(losses, ((0, 0), (1, 1)), constant_values=np.nan)
    return np.nanmean(np.stack([padded[:, :-2], padded[:, 1:-1], padded[:, 2:]]), axis=0)
