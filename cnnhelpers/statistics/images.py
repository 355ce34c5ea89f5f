"""Estimate the interval of a difference over seeds and test images, both drawn anew."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from cnnhelpers.errors import InputError
from cnnhelpers.statistics.checks import numbers, same_shape
from cnnhelpers.statistics.intervals import Comparison, paired


@dataclass(frozen=True)
class OverTestImages:
    """A difference with the interval over seeds alone, and the one over seeds and test images."""

    comparison: Comparison  #: over seeds alone
    low: float  #: over both: never inside the interval over seeds, NaN where that is
    high: float
    image_sd: float  #: of the difference between images, without what seeds cause
    num_images: int
    on_this_test_set: bool  #: only the interval over seeds excludes 0


def interval_over_test_images(correct_a: ArrayLike, correct_b: ArrayLike) -> OverTestImages:
    """Return the 95 % interval of A - B with the luck of the test images: SE^2 = s_d^2 / n + var_images / N.

    Parameters
    ----------
    correct_a, correct_b
        (num_seeds, num_images) each, True where the run classified the image correctly; a NaN in a row: a failed run.

    Notes
    -----
    s_d is the sd between seeds of the difference in accuracy, which already holds what a seed does to single images.
    So var_images is the variance between images of the mean difference, less the part of it that seeds cause (mean
    square of the residuals of the two-way table / n; Searle, Casella & McCulloch 1992). t has n - 1 degrees of freedom.

    >>> a, b = np.ones((5, 100)), np.ones((5, 100))
    >>> b[:, :4] = 0  # every run of B fails on the same four images, every run of A is right, but for one image
    >>> a[0, 9] = 0
    >>> both = interval_over_test_images(a, b)
    >>> round(both.comparison.low, 3), round(both.low, 3), round(both.high, 3), both.on_this_test_set
    (0.032, -0.017, 0.093, True)
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
    n, num_images = comparison.n_pairs, a.shape[1]
    half = np.nan
    if comparison.sd > 0:
        error = np.sqrt(comparison.sd**2 / n + variance / num_images)
        half = float(special.stdtrit(n - 1, (1 + comparison.confidence) / 2) * error)
    low, high = comparison.difference - half, comparison.difference + half
    only_seeds = (comparison.low > 0 or comparison.high < 0) and low <= 0 <= high
    return OverTestImages(comparison, low, high, float(np.sqrt(variance)), num_images, only_seeds)


def _image_variance(differences: np.ndarray) -> float:
    """Return the variance between images of (num_seeds, num_images) differences, without what seeds cause."""
    n, num_images = differences.shape
    if n < 2 or num_images < 2:
        return np.nan
    of_images = differences.mean(axis=0)
    residuals = differences - of_images - differences.mean(axis=1, keepdims=True) + differences.mean()
    residual_square = np.sum(residuals**2) / ((n - 1) * (num_images - 1))
    return max(float(np.var(of_images, ddof=1) - residual_square / n), 0.0)
