"""What several seeds say: t intervals, differences paired by seed, and equivalence.

Arrays in, small frozen results out; no chance enters. A value that is not finite is a failed run: it is left out of
the arithmetic and counted in `n_failed`, never silently dropped. Position s of every array is the same seed (`by_seed`
sees to that for a table of runs), so a pair with one failed run is incomplete and counts as failed.

Too few runs and zero variance are answered without warnings: one run has a mean and NaN for the rest; equal runs have
sd 0 and an interval of no width; equal differences have p 0, or p 1 when they are all 0.
"""

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import special

from cnnhelpers.errors import InputError, unknown
from cnnhelpers.statistics.planning import ALPHA, number, smallest_detectable_effect

_ROUNDING = 1e-12  # relative: values closer than this are equal, their difference is rounding


@dataclass(frozen=True)
class Interval:
    """The mean of the runs that ended well, with its t interval over seeds."""

    mean: float
    low: float  #: NaN for fewer than two runs, as high and sd
    high: float
    sd: float  #: between seeds, ddof 1
    n: int  #: runs that ended well
    n_failed: int
    confidence: float

    @property
    def one_run(self) -> tuple[float, float]:
        """Return where one more run lies with the same confidence: the prediction interval.

        >>> [round(end, 3) for end in interval([0.90, 0.91, 0.92]).one_run]
        [0.86, 0.96]
        """
        if self.n < 2:
            return math.nan, math.nan
        half = float(special.stdtrit(self.n - 1, (1 + self.confidence) / 2)) * self.sd * math.sqrt(1 + 1 / self.n)
        return self.mean - half, self.mean + half


@dataclass(frozen=True)
class Comparison:
    """The mean of the paired differences A - B, with its t interval and the two-sided p of no difference."""

    differences: tuple[float, ...]  #: (n_pairs,), the complete pairs in the order of the seeds
    difference: float  #: their mean
    low: float  #: NaN for fewer than two pairs, as high, sd and p
    high: float
    sd: float  #: of the differences, ddof 1
    p: float  #: not adjusted for other claims; see verdicts.holm
    n_pairs: int
    n_failed: int  #: incomplete pairs
    confidence: float
    differs: str = ""  #: what else is not the same in A and B, such as the precision; see comparisons.compare

    @property
    def wins(self) -> int:
        """Pairs in which A is above B: descriptive, no test."""
        return sum(difference > 0 for difference in self.differences)

    @property
    def smallest_detectable(self) -> float:
        """The true difference that as many pairs with this spread would show with 90 % power."""
        return smallest_detectable_effect(self.sd, self.n_pairs)


@dataclass(frozen=True)
class Equivalence:
    """Two one-sided t tests of the paired differences against -margin and +margin (TOST)."""

    difference: float
    low: float  #: the interval that lies within the margins exactly when p < ALPHA; 90 %
    high: float
    margin: float
    p: float  #: the larger of the two
    n_pairs: int
    n_failed: int


@dataclass(frozen=True)
class OtherTestImages:
    """The interval of a difference if both the seeds and the test images were drawn anew."""

    comparison: Comparison  #: seeds alone
    low: float  #: never inside the seeds' own interval
    high: float
    image_sd: float  #: of the difference between images, what the seeds add taken out
    num_images: int
    on_this_test_set: bool  #: only the seeds' interval excludes 0; the difference may be these images' alone


def need_columns(runs: pd.DataFrame, *columns: str) -> None:
    """Raise InputError for the first of `columns` that `runs` lacks.

    >>> need_columns(pd.DataFrame({"experiment": [], "seed": []}), "seed", "sead")
    Traceback (most recent call last):
    cnnhelpers.errors.InputError: unknown column of runs 'sead': did you mean 'seed'? Known: experiment, seed
    """
    for column in columns:
        if column not in runs:
            raise unknown("column of runs", column, map(str, runs.columns))


def by_seed(runs: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Return one column of `runs` as a table (num_seeds, num_experiments): pairs stand in one row.

    A seed that an experiment lacks, or that failed, is NaN.

    >>> runs = pd.DataFrame({"experiment": ["A1", "A1", "A2"], "seed": [0, 1, 1], "test_accuracy": [0.9, 0.8, 0.7]})
    >>> by_seed(runs, "test_accuracy")["A2"].tolist()
    [nan, 0.7]

    Raises
    ------
    InputError
        For a column that `runs` lacks, or two runs of one experiment with one seed.
    """
    need_columns(runs, "experiment", "seed", metric)
    twice = runs[runs.duplicated(["experiment", "seed"])]
    if len(twice):
        raise InputError(
            "runs must hold one run of each experiment and seed; select one profile, dataset and precision. "
            f"Received: {twice.iloc[0]['experiment']!r}, seed {twice.iloc[0]['seed']} twice"
        )
    return runs.pivot_table(index="seed", columns="experiment", values=metric, aggfunc="first", dropna=False)


def interval(values: ArrayLike, confidence: float = 0.95) -> Interval:
    """Return the mean of `values` (num_seeds,) and its t interval.

    >>> accuracy = interval([0.89, 0.90, 0.91, float("nan")])
    >>> round(accuracy.mean, 3), round(accuracy.low, 3), round(accuracy.high, 3), accuracy.n, accuracy.n_failed
    (0.9, 0.875, 0.925, 3, 1)
    """
    found = numbers(values, "values", ("num_seeds",))
    good = found[np.isfinite(found)]
    mean, sd, half = _spread(good, confidence)
    return Interval(mean, mean - half, mean + half, sd, len(good), len(found) - len(good), confidence)


def paired(a: ArrayLike, b: ArrayLike, confidence: float = 0.95) -> Comparison:
    """Return the t test and interval of A - B, paired by seed.

    Parameters
    ----------
    a, b
        (num_seeds,) each, same seeds in the same order; NaN for a failed or missing run. `b` may be one number:
        does A reach 80 %? is `paired(a, 0.80)`; is A better by 20 points? is `paired(a, b + 0.20)`.

    Notes
    -----
    As `scipy.stats.ttest_rel(a, b)`. The bootstrap and Wilcoxon's test were measured and left: at 5 seeds and a nominal
    5 % they are wrong in 16 % of null comparisons, and never significant (tests/benchmarks/null_and_power.py).

    >>> dropout = paired([0.91, 0.92, 0.90, 0.93, 0.92], [0.90, 0.90, 0.89, 0.90, 0.91])
    >>> round(dropout.difference, 3), round(dropout.low, 3), round(dropout.high, 3), round(dropout.p, 3), dropout.wins
    (0.016, 0.005, 0.027, 0.016, 5)
    """
    first, second = numbers(a, "a", ("num_seeds",)), np.asarray(b)
    second = np.full(first.shape, number(b, "b")) if second.ndim == 0 else numbers(b, "b", ("num_seeds",))
    same_shape({"a": first, "b": second})
    return from_differences(subtract(first, second), confidence)


def from_differences(differences: ArrayLike, confidence: float = 0.95) -> Comparison:
    """Return the comparison of `differences` (num_seeds,) with zero: one number a seed, NaN where incomplete.

    With one of the `differences` of a Comparison left out, this tells how much hangs on that seed.

    >>> from_differences([0.01, 0.01, 0.01, 0.01, 0.01]).p
    0.0
    """
    found = numbers(differences, "differences", ("num_seeds",))
    good = found[np.isfinite(found)]
    if len(good) and np.ptp(good) <= _ROUNDING * np.abs(good).max():
        good = np.full_like(good, np.median(good))
    mean, sd, half = _spread(good, confidence)
    return Comparison(
        differences=tuple(good.tolist()),
        difference=mean,
        low=mean - half,
        high=mean + half,
        sd=sd,
        p=_p_value(good, 0.0, "two-sided"),
        n_pairs=len(good),
        n_failed=len(found) - len(good),
        confidence=confidence,
    )


def equivalence(a: ArrayLike, b: ArrayLike, margin: float) -> Equivalence:
    """Return whether A and B, (num_seeds,) each, differ by less than `margin`: equivalent when p < ALPHA.

    >>> same = equivalence([0.901, 0.899, 0.902, 0.900, 0.898], [0.900, 0.900, 0.901, 0.901, 0.898], margin=0.003)
    >>> round(same.p, 4)
    0.0013
    """
    return equivalence_of(paired(a, b), margin)


def equivalence_of(comparison: Comparison, margin: float) -> Equivalence:
    """Return the equivalence test of a comparison that is already made; a margin of 0 is never met."""
    margin = number(margin, "margin", low=0)
    differences = np.asarray(comparison.differences)
    above, below = _p_value(differences, -margin, "greater"), _p_value(differences, margin, "less")
    mean, _, half = _spread(differences, 1 - 2 * ALPHA)
    return Equivalence(
        mean, mean - half, mean + half, margin, max(above, below), comparison.n_pairs, comparison.n_failed
    )


def interval_over_test_images(correct_a: ArrayLike, correct_b: ArrayLike) -> OtherTestImages:
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
    >>> both = interval_over_test_images(a, b)
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
    half = float(special.stdtrit(max(n - 1, 1), (1 + comparison.confidence) / 2) * error)
    low, high = comparison.difference - half, comparison.difference + half
    only_seeds = (comparison.low > 0 or comparison.high < 0) and low <= 0 <= high
    return OtherTestImages(comparison, low, high, float(np.sqrt(variance)), num_images, only_seeds)


def subtract(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return a - b elementwise: exactly 0 where they differ by rounding only, not finite where either failed."""
    with np.errstate(invalid="ignore"):
        equal = np.isclose(a, b, rtol=_ROUNDING, atol=0) & np.isfinite(a)
        return np.where(equal, 0.0, a - b)


def numbers(values: ArrayLike, name: str, axes: tuple[str, ...]) -> np.ndarray:
    """Return `values` as a float64 array with the named axes, at least one of each; raise InputError otherwise."""
    try:
        array = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"{name} must hold numbers, NaN for a failed run. Received: {values!r}") from error
    if array.ndim != len(axes) or 0 in array.shape:
        wanted = f"({', '.join(axes)}{',' * (len(axes) == 1)})"
        raise InputError(f"{name} must be of shape {wanted}, none of them 0. Received: shape {array.shape}")
    return array


def same_shape(arrays: dict[str, np.ndarray]) -> None:
    """Raise InputError unless the named arrays are of one shape."""
    if len({array.shape for array in arrays.values()}) > 1:
        shapes = ", ".join(f"{name} {array.shape}" for name, array in arrays.items())
        raise InputError(
            f"{' and '.join(arrays)} must be of one shape, with NaN for the seeds that one of them lacks "
            f"(by_seed does it). Received: {shapes}"
        )


def _spread(values: np.ndarray, confidence: float) -> tuple[float, float, float]:
    """Return the mean, the sd and half the width of the t interval of finite values (num_seeds,)."""
    if not 0 < number(confidence, "confidence") < 1:
        raise InputError(f"confidence must be between 0 and 1, such as 0.95. Received: confidence={confidence!r}")
    if len(values) < 2:
        return (float(values[0]) if len(values) else math.nan), math.nan, math.nan
    if np.ptp(values) == 0:
        return float(values[0]), 0.0, 0.0
    sd = float(np.std(values, ddof=1))
    half = special.stdtrit(len(values) - 1, (1 + confidence) / 2) * sd / math.sqrt(len(values))
    return float(np.mean(values)), sd, float(half)


def _p_value(differences: np.ndarray, against: float, alternative: str) -> float:
    """Return the p value of `scipy.stats.ttest_1samp` for finite differences (num_seeds,), equal ones included."""
    if len(differences) < 2:
        return math.nan
    if np.ptp(differences) == 0:
        above = differences[0] - against
        return float({"two-sided": above == 0, "greater": above <= 0, "less": above >= 0}[alternative])
    t = (np.mean(differences) - against) / (np.std(differences, ddof=1) / math.sqrt(len(differences)))
    tail, sides = {"two-sided": (-abs(t), 2), "greater": (-t, 1), "less": (t, 1)}[alternative]
    return float(sides * special.stdtr(len(differences) - 1, tail))


def _image_variance(differences: np.ndarray) -> float:
    """Return the variance between images of (num_seeds, num_images) differences, without what seeds cause."""
    n, num_images = differences.shape
    if n < 2 or num_images < 2:
        return np.nan
    of_images = differences.mean(axis=0)
    residuals = differences - of_images - differences.mean(axis=1, keepdims=True) + differences.mean()
    residual_square = np.sum(residuals**2) / ((n - 1) * (num_images - 1))
    return max(float(np.var(of_images, ddof=1) - residual_square / n), 0.0)
