"""Ordered levels and epochs: does a number rise, where does it stay, and does a training overfit?

Each boils down to one number a seed, and so to a `statistics.Comparison` that `verdicts.decide` understands.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from cnnhelpers.errors import InputError, unknown
from cnnhelpers.statistics.intervals import (
    Comparison,
    Equivalence,
    equivalence,
    from_differences,
    numbers,
    paired,
    same_shape,
    subtract,
)
from cnnhelpers.statistics.planning import ALPHA, count, number

LAST_EPOCHS = 3  # whose mean loss stands for the end of a training


@dataclass(frozen=True)
class Trend:
    """How a number changes over ordered levels."""

    rise: Comparison  #: of the line fitted to each seed; its change from the first level to the last
    steps: tuple[Comparison, ...]  #: (num_levels - 1,), each level minus the one before
    monotone: bool  #: rise.p < ALPHA in the direction, and no step goes back by the margin or more
    page_p: float  #: Page's test as a check, one-sided in the direction; NaN below three levels or two seeds


@dataclass(frozen=True)
class Overfitting:
    """Whether validation loss grows after an epoch. Overfitting: growth above 0 while the training loss falls."""

    growth: Comparison  #: validation loss; mean of the last LAST_EPOCHS epochs - mean of the three around the epoch
    training: Comparison  #: the same difference of the training loss
    training_falls: bool  #: the whole interval of `training` lies below 0
    turning_epoch: float  #: median over seeds of the epoch, from 1, with the lowest smoothed validation loss


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
    weights = ranks * (len(levels) - 1) / np.sum(ranks**2)
    rise = from_differences(np.sum(weights[:, None] * subtract(levels, levels[0]), axis=0))
    steps = tuple(paired(after, before) for before, after in pairwise(levels))
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
            f"after_epoch must be at least 2 and at most the epochs less {LAST_EPOCHS + 1}, so that the three around "
            f"it lie before the last {LAST_EPOCHS}. Received: after_epoch={after_epoch}, {num_epochs} epochs"
        )
    complete = (np.isfinite(training) & np.isfinite(validation)).all(axis=1)

    def change(loss: np.ndarray) -> Comparison:
        end, around = loss[:, -LAST_EPOCHS:].mean(axis=1), loss[:, after_epoch - 2 : after_epoch + 1].mean(axis=1)
        return paired(np.where(complete, end, np.nan), around)

    growth, training_change = change(validation), change(training)
    turning_epoch = np.median(1 + np.argmin(_smoothed(validation[complete]), axis=1)) if complete.any() else np.nan
    return Overfitting(growth, training_change, training_change.high < 0, float(turning_epoch))


def _smoothed(losses: np.ndarray) -> np.ndarray:
    """Return (num_seeds, num_epochs) losses, each the mean of itself and its neighbours."""
    padded = np.pad(losses, ((0, 0), (1, 1)), constant_values=np.nan)
    return np.nanmean(np.stack([padded[:, :-2], padded[:, 1:-1], padded[:, 2:]]), axis=0)
