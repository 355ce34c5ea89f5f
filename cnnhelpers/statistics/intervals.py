"""Estimate means over seeds and differences paired by seed: t intervals, t tests and equivalence tests.

A value that is not finite is a failed run: it is left out and counted in `n_failed`. Position s of every array is the
same seed (`by_seed` arranges a table of runs so), and a failed run makes its pair incomplete.

Fewer than two runs have neither interval nor p. Equal values have no variance, so a t test is undefined: there is no
interval (NaN), and p is that of the exact sign-flip test, 0.0625 for five equal differences.
"""

import math
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import special, stats

from cnnhelpers.errors import InputError, unknown
from cnnhelpers.statistics.checks import number, numbers, same_shape, share
from cnnhelpers.statistics.planning import ALPHA, sign_flip_p, smallest_detectable_effect

FLOAT32 = 2.0**-22  # relative: values closer than this are equal, as Keras computes metrics in 32 bits
FLOAT64 = 1e-12  # relative: differences closer than this are equal


@dataclass(frozen=True)
class Interval:
    """The mean of the successful runs, with its t interval over seeds."""

    mean: float
    low: float  #: NaN below two runs, as high and sd, and without variance
    high: float
    sd: float  #: between seeds, ddof 1
    n: int  #: successful runs
    n_failed: int
    confidence: float

    @property
    def one_run(self) -> tuple[float, float]:
        """The prediction interval: one more run lies in it with the same confidence.

        >>> [round(end, 3) for end in interval([0.90, 0.91, 0.92]).one_run]
        [0.86, 0.96]
        """
        half = (self.high - self.mean) * math.sqrt(self.n + 1)
        return self.mean - half, self.mean + half


@dataclass(frozen=True)
class Comparison:
    """The mean of the paired differences A - B, with its t interval and the two-sided p of no difference."""

    differences: tuple[float, ...]  #: (n_pairs,), the complete pairs in the order of the seeds
    difference: float  #: their mean
    low: float  #: NaN below two pairs, as high, sd and p, and without variance
    high: float
    sd: float  #: of the differences, ddof 1
    p: float  #: not adjusted for other claims, see `holm`
    n_pairs: int
    n_failed: int  #: incomplete pairs
    confidence: float
    differs: str = ""  #: other differences between A and B, such as the precision, see analysis.compare

    @property
    def wins(self) -> int:
        """The number of pairs with A above B: descriptive, no test."""
        return sum(difference > 0 for difference in self.differences)

    @property
    def smallest_detectable(self) -> float:
        """The true difference that as many pairs with this spread would show with 90 % power."""
        return smallest_detectable_effect(self.sd, self.n_pairs)

    @property
    def without_interval(self) -> str:
        """The reason why there is no interval, "" where there is one.

        >>> from_differences([0.01] * 5).without_interval
        'no interval: 5 equal differences, exact sign-flip p = 0.0625'
        """
        if self.n_pairs < 2:
            return f"no interval: {self.n_pairs} complete pair{'s' * (self.n_pairs != 1)}"
        if self.sd:
            return ""
        return f"no interval: {self.n_pairs} equal differences, exact sign-flip p = {self.p:.3g}"

    @property
    def sign_flip_p(self) -> float:
        """The two-sided p of the sign-flip test, which needs no normal differences; at least 2 / 2**n_pairs.

        Exact up to 13 pairs, from 9,999 random flips beyond.
        """
        if self.n_pairs < 2:
            return math.nan
        differences = (np.asarray(self.differences),)
        return float(stats.permutation_test(differences, np.mean, permutation_type="samples", rng=0).pvalue)

    def signs_agree(self, level: float = ALPHA) -> bool:
        """Return whether the sign-flip test shows a difference at `level`, or as clearly as so few pairs can.

        Where it does not, a significant t test may be due to skewed differences (`false_holds`).
        """
        return self.sign_flip_p <= max(level, 2.0 ** (1 - self.n_pairs))

    def at_level(self, level: float) -> "Comparison":
        """Return the comparison with the interval that excludes zero where p is below `level`."""
        mean, _, half = _t_interval(np.asarray(self.differences), 1 - level)
        return replace(self, low=mean - half, high=mean + half, confidence=1 - level)

    def p_of(self, level: float) -> float:
        """Return the two-sided p of a mean difference of `level`."""
        return _p_value(subtract(np.asarray(self.differences), level))

    def above(self, level: float = 0.0) -> bool:
        """Return whether the mean difference is significantly above `level`, as is then the whole interval."""
        return self.difference > level and self.p_of(level) < 1 - self.confidence

    def below(self, level: float = 0.0) -> bool:
        """Return whether the mean difference is significantly below `level`, as is then the whole interval."""
        return self.difference < level and self.p_of(level) < 1 - self.confidence


def need_columns(runs: pd.DataFrame, *columns: str) -> None:
    """Raise InputError for the first of `columns` that is missing in `runs`."""
    for column in columns:
        if column not in runs:
            raise unknown("column of runs", column, map(str, runs.columns))


def by_seed(runs: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Return one column of `runs` as a table (num_seeds, num_experiments), NaN for a failed or missing run.

    Raise InputError for a missing column, or two runs of an experiment with the same seed.

    >>> runs = pd.DataFrame({"experiment": ["A1", "A1", "A2"], "seed": [0, 1, 1], "test_accuracy": [0.9, 0.8, 0.7]})
    >>> by_seed(runs, "test_accuracy")["A2"].tolist()
    [nan, 0.7]
    """
    need_columns(runs, "experiment", "seed", metric)
    repeated = runs[runs.duplicated(["experiment", "seed"])]
    if len(repeated):
        raise InputError(
            "runs must hold one run of each experiment and seed; select one profile, dataset and precision. "
            f"Received: {repeated['experiment'].iloc[0]!r}, seed {repeated['seed'].iloc[0]} twice"
        )
    return runs.pivot_table(index="seed", columns="experiment", values=metric, aggfunc="first", dropna=False)


def interval(values: ArrayLike, confidence: float = 0.95) -> Interval:
    """Return the mean of `values` (num_seeds,) and its t interval.

    >>> accuracy = interval([0.89, 0.90, 0.91, float("nan")])
    >>> round(accuracy.mean, 3), round(accuracy.low, 3), round(accuracy.high, 3), accuracy.n, accuracy.n_failed
    (0.9, 0.875, 0.925, 3, 1)
    """
    values = numbers(values, "values", ("num_seeds",))
    good = values[np.isfinite(values)]
    mean, sd, half = _t_interval(_rounded(good, FLOAT32 * np.abs(good).max(initial=0)), confidence)
    return Interval(mean, mean - half, mean + half, sd, len(good), len(values) - len(good), confidence)


def paired(a: ArrayLike, b: ArrayLike, confidence: float = 0.95) -> Comparison:
    """Return the t test and interval of A - B, paired by seed.

    `a` and `b` are (num_seeds,) each, same seeds in the same order; NaN for a failed or missing run. `b` may be a
    number: `paired(a, 0.80)` asks whether A reaches 80 %, `paired(a, b + 0.20)` whether A is better by 20 points.

    As `scipy.stats.ttest_rel(a, b)`. At 5 seeds and a nominal 5 % the bootstrap is wrong in 16 % of null comparisons,
    and Wilcoxon's test is never significant (tests/benchmarks/null_and_power.py).

    >>> dropout = paired([0.91, 0.92, 0.90, 0.93, 0.92], [0.90, 0.90, 0.89, 0.90, 0.91])
    >>> round(dropout.difference, 3), round(dropout.low, 3), round(dropout.high, 3), round(dropout.p, 3), dropout.wins
    (0.016, 0.005, 0.027, 0.016, 5)
    """
    first, second = numbers(a, "a", ("num_seeds",)), np.asarray(b)
    second = np.full(first.shape, number(b, "b")) if second.ndim == 0 else numbers(b, "b", ("num_seeds",))
    same_shape(a=first, b=second)
    return from_differences(subtract(first, second), confidence, resolution=resolution(first, second))


def from_differences(differences: ArrayLike, confidence: float = 0.95, *, resolution: float = 0.0) -> Comparison:
    """Return the comparison of `differences` (num_seeds,) with zero, NaN where a pair is incomplete.

    Differences within `resolution` of each other are equal.
    """
    differences = numbers(differences, "differences", ("num_seeds",))
    good = differences[np.isfinite(differences)]
    good = _rounded(good, max(resolution, FLOAT64 * np.abs(good).max(initial=0)))
    mean, sd, half = _t_interval(good, confidence)
    return Comparison(
        differences=tuple(good.tolist()),
        difference=mean,
        low=mean - half,
        high=mean + half,
        sd=sd,
        p=_p_value(good),
        n_pairs=len(good),
        n_failed=len(differences) - len(good),
        confidence=confidence,
    )


def equivalence(comparison: Comparison, margin: float) -> float:
    """Return the p of a difference of `margin` or more: the larger of two one-sided tests (TOST).

    >>> same = paired([0.901, 0.899, 0.902, 0.900, 0.898], [0.900, 0.900, 0.901, 0.901, 0.898])
    >>> round(equivalence(same, margin=0.003), 4)
    0.0013
    """
    margin, differences = number(margin, "margin", low=0), np.asarray(comparison.differences)
    return max(_p_value(subtract(differences, -margin), "greater"), _p_value(subtract(differences, margin), "less"))


def resolution(*values: np.ndarray) -> float:
    """Return the largest difference of `values` that is rounding error of 32 bits."""
    return FLOAT32 * max(np.abs(array[np.isfinite(array)]).max(initial=0) for array in values)


def subtract(a: np.ndarray, b: np.ndarray | float) -> np.ndarray:
    """Return a - b elementwise: exactly 0 where they differ by rounding only, not finite where either failed."""
    with np.errstate(invalid="ignore"):
        difference = a - b
        return np.where((np.abs(difference) <= FLOAT32 * np.abs(b)) & np.isfinite(difference), 0.0, difference)


def _rounded(values: np.ndarray, resolution: float) -> np.ndarray:
    """Return `values` (num_seeds,), all equal where they are within `resolution`."""
    return np.full_like(values, np.median(values)) if len(values) and np.ptp(values) <= resolution else values


def _t_interval(values: np.ndarray, confidence: float) -> tuple[float, float, float]:
    """Return the mean, the sd and half the width of the t interval of finite values (num_seeds,)."""
    share(confidence, "confidence")
    if len(values) < 2:
        return (float(values[0]) if len(values) else math.nan), math.nan, math.nan
    if np.ptp(values) == 0:
        return float(values[0]), 0.0, math.nan
    sd = float(np.std(values, ddof=1))
    half = special.stdtrit(len(values) - 1, (1 + confidence) / 2) * sd / math.sqrt(len(values))
    return float(np.mean(values)), sd, float(half)


def _p_value(differences: np.ndarray, alternative: str = "two-sided") -> float:
    """Return the p value of `scipy.stats.ttest_1samp`; of the exact sign-flip test where all differences are equal."""
    n, sides = len(differences), 2 if alternative == "two-sided" else 1
    if n < 2:
        return math.nan
    mean = np.mean(differences)
    mean = {"two-sided": abs(mean), "greater": mean, "less": -mean}[alternative]
    if np.ptp(differences) == 0:
        return sides / 2 * sign_flip_p(n) if mean > 0 else 1.0
    return float(sides * special.stdtr(n - 1, -mean / (np.std(differences, ddof=1) / math.sqrt(n))))
