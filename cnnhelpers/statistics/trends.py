"""Test ordered levels and epochs: whether a metric rises, where it saturates, whether a training overfits.

Each seed gives one number for each question, so the answer is a `Comparison`.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import stats

from cnnhelpers.errors import InputError, unknown
from cnnhelpers.statistics.checks import count, number, numbers, same_shape
from cnnhelpers.statistics.intervals import Comparison, equivalence, from_differences, paired, resolution, subtract

LAST_EPOCHS = 3  # the loss at the end of a training is their mean


@dataclass(frozen=True)
class Trend:
    """The change of a metric over ordered levels."""

    rise: Comparison  #: of the line fitted to each seed; its change from the first level to the last
    steps: tuple[Comparison, ...]  #: each level minus the previous level
    monotone: bool  #: the rise is significant in the direction, and no step goes back by the margin or more
    page_p: float  #: Page's test as a check, one-sided in the direction; NaN below three levels or two seeds


@dataclass(frozen=True)
class Overfitting:
    """The change of both losses after an epoch. Overfitting: growth above 0 while the training loss falls."""

    growth: Comparison  #: validation loss; mean of the last LAST_EPOCHS epochs - mean of the three around the epoch
    training: Comparison  #: the same difference of the training loss
    training_falls: bool  #: `training` is significantly below 0
    turning_epoch: float  #: median over seeds of the epoch, from 1, with the lowest smoothed validation loss


def trend(values: ArrayLike, margin: float, direction: Literal["higher", "lower"] = "higher") -> Trend:
    """Test whether `values` (num_levels, num_seeds) rise ("higher") or fall ("lower") along the levels.

    Each seed gives one number, its values weighted by the centred ranks of the levels and scaled to the change of the
    fitted line from the first level to the last (two levels: their difference), tested by t over seeds. A seed that
    failed at any level is incomplete. A step back that is significantly smaller than `margin` does not break monotony.

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
    changes = np.sum(weights[:, None] * subtract(levels, levels[0]), axis=0)
    rise = from_differences(changes, resolution=resolution(levels))
    steps = tuple(paired(after, before) for before, after in pairwise(levels))
    if direction == "higher":
        monotone = rise.above() and all(step.above(-margin) for step in steps)
    else:
        monotone = rise.below() and all(step.below(margin) for step in steps)
    complete = (1 if direction == "higher" else -1) * levels[:, np.isfinite(levels[0])].T
    page_p = stats.page_trend_test(complete).pvalue if len(levels) > 2 and len(complete) > 1 else np.nan
    return Trend(rise, steps, monotone, float(page_p))


def saturation(values: ArrayLike, level: int, margin: float) -> float:
    """Return the p of any level above `level` differing from it by `margin` or more, in (num_levels, num_seeds).

    It is the largest p of their equivalence tests: below ALPHA all are equivalent, without adjustment.

    >>> epochs = [[0.80, 0.81, 0.79], [0.900, 0.901, 0.899], [0.9005, 0.9005, 0.8995]]
    >>> saturation(epochs, level=1, margin=0.005) < 0.05
    True
    """
    levels = numbers(values, "values", ("num_levels", "num_seeds"))
    if count(level, "level") >= len(levels) - 1:
        raise InputError(
            f"level must have a level above it, at most {len(levels) - 2}, counted from 0. Received: level={level}"
        )
    return float(np.max([equivalence(paired(higher, levels[level]), margin) for higher in levels[level + 1 :]]))


def overfitting(training_loss: ArrayLike, validation_loss: ArrayLike, after_epoch: int) -> Overfitting:
    """Test whether validation loss grows after an epoch that the claim names, while training loss still falls.

    The losses are (num_seeds, num_epochs) each, better without penalty; a seed with a NaN in either is incomplete.
    `after_epoch` is counted from 1: the three epochs around it must lie before the last three, so it is at least 2 and
    at most num_epochs - 4.

    >>> training, validation = [[8, 7, 6, 5, 4, 3, 2, 1]] * 5, [[8, 5, 4, 3, 4, 5, 6, 7]] * 5
    >>> change = overfitting(training, validation, after_epoch=4)
    >>> round(change.growth.difference, 3), change.turning_epoch
    (2.333, 4.0)
    """
    axes = ("num_seeds", "num_epochs")
    training = numbers(training_loss, "training_loss", axes)
    validation = numbers(validation_loss, "validation_loss", axes)
    same_shape(training_loss=training, validation_loss=validation)
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
    smoothed = pd.DataFrame(validation[complete].T).rolling(3, min_periods=1, center=True).mean()
    turning_epoch = (1 + smoothed.idxmin()).median()
    return Overfitting(growth, training_change, training_change.below(), float(turning_epoch))
