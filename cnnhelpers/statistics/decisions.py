"""Decide on a claim: margins fixed beforehand, Holm's adjustment, and the rule from p values to a verdict."""

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from cnnhelpers.errors import InputError, unknown
from cnnhelpers.statistics.checks import count, number, numbers
from cnnhelpers.statistics.intervals import Comparison, equivalence
from cnnhelpers.statistics.planning import ALPHA

Verdict = Literal[
    "holds",
    "holds but negligible",
    "contradicted",
    "equivalent",
    "undecided",
    "too close to tell",  # undecided after the last of LOOKS
    "not enough runs",
]
Direction = Literal["higher", "lower", "equal"]

MIN_PAIRS = 5  # fewer give an interval, but no verdict

# Differences in accuracy (a fraction) below these do not matter. Fixed before the runs.
MARGINS = {
    "mnist": 0.001,
    "fashion_mnist": 0.003,
    "fashion_mnist_5": 0.003,
    "cifar10": 0.005,
    "cifar100": 0.005,
    "digits": 0.010,
}


@dataclass(frozen=True)
class Guessing:
    """Accuracies of runs compared with the accuracy of guessing, 1 / classes."""

    accuracies: tuple[float, ...]  #: (n,)
    p_values: tuple[float, ...]  #: (n,), one-sided binomial, not adjusted
    above: tuple[bool, ...]  #: (n,), above guessing by more than the margin
    learned: tuple[bool, ...]  #: (n,), above, and p below ALPHA after Holm over the runs
    n: int
    n_failed: int


def decide(
    comparison: Comparison, margin: float, direction: Direction = "higher", adjusted_p: float | None = None
) -> Verdict:
    """Return the verdict on the claim that A is higher than B, lower, or equal to it.

    `margin` is the largest difference that does not matter, in the unit of the comparison; with 0 (seconds, losses)
    nothing is negligible or equivalent. `adjusted_p` is the p of the claim after `holm` over its report: of
    `comparison.p` for "higher" and "lower", for "equal" of the smaller p of equivalence and of a difference beyond the
    margin. None: not adjusted.

    - "not enough runs": fewer than MIN_PAIRS complete pairs
    - "holds": p < ALPHA in the claimed direction, for "equal" in the equivalence test
    - "holds but negligible": it holds, and the whole interval lies below the margin
    - "contradicted": p < ALPHA in the other direction, for "equal" for a difference beyond the margin
    - "equivalent": no significant difference, but a significant equivalence
    - "undecided": everything else, which is never "no difference"

    >>> from cnnhelpers.statistics import paired
    >>> better = paired([0.91, 0.92, 0.90, 0.93, 0.92], [0.90, 0.90, 0.89, 0.90, 0.91])
    >>> decide(better, margin=0.003), decide(better, margin=0.03), decide(better, margin=0.003, direction="lower")
    ('holds', 'holds but negligible', 'contradicted')
    >>> decide(better, margin=0.003, adjusted_p=0.20)
    'undecided'
    """
    margin = number(margin, "margin", low=0)
    if direction not in get_args(Direction):
        raise unknown("direction", direction, get_args(Direction))
    if comparison.n_pairs < MIN_PAIRS:
        return "not enough runs"
    p_for, p_against, p_equivalent = p_values(comparison, margin, direction)
    p = min(p_for, p_against) if adjusted_p is None else number(adjusted_p, "adjusted_p", 0, 1)
    return verdict_of(p_for, p_against, p, p_equivalent, is_negligible(comparison, margin, direction))


def p_values(comparison: Comparison, margin: float, direction: Direction) -> tuple[float, float, float]:
    """Return the p values for a claim, against it and for a difference within `margin`; 1 on a side without a test."""
    equivalent = equivalence(comparison, margin)
    if direction == "equal":
        beyond = comparison.p_of(margin if comparison.difference > 0 else -margin)
        return equivalent, beyond if abs(comparison.difference) > margin else 1.0, 1.0
    p_for, p_against = (comparison.p, 1.0) if _as_claimed(comparison, direction) else (1.0, comparison.p)
    return p_for, p_against, 1.0 if np.isnan(equivalent) else equivalent


def is_negligible(comparison: Comparison, margin: float, direction: Direction) -> bool:
    """Return whether a difference in the claimed direction is significantly smaller than `margin`."""
    if direction == "equal" or not margin or not _as_claimed(comparison, direction):
        return False
    return comparison.below(margin) if direction == "higher" else comparison.above(-margin)


def verdict_of(p_for: float, p_against: float, p: float, p_equivalent: float, negligible: bool) -> Verdict:
    """Return the verdict from the p values for and against a claim and its adjusted `p` and `p_equivalent`."""
    if p >= ALPHA:
        return "equivalent" if p_equivalent < ALPHA else "undecided"
    if p_against < p_for:
        return "contradicted"
    return "holds but negligible" if negligible else "holds"


def holm(p_values: ArrayLike) -> np.ndarray:
    """Return Holm's adjusted p values (num_claims,): rejecting those below ALPHA errs in at most ALPHA of families.

    NaN (a claim without a verdict) stays NaN and does not count. As statsmodels' multipletests(method="holm"),
    which collects garbage in every call: 0.2 s, thousands of times here.

    >>> holm([0.01, 0.04, 0.03, float("nan")]).tolist()
    [0.03, 0.06, 0.06, nan]
    """
    p = np.asarray(p_values, dtype=np.float64)
    p = p if p.shape == (0,) else numbers(p_values, "p_values", ("num_claims",))
    if ((p < 0) | (p > 1)).any():
        raise InputError(f"p_values must lie between 0 and 1, NaN for no test. Received: {p_values!r}")
    ascending = np.argsort(p)[: np.count_nonzero(~np.isnan(p))]  # NaN is last
    stepwise = p[ascending] * np.arange(len(ascending), 0, -1)  # the smallest p times their number, and so on
    adjusted = np.full(p.shape, np.nan)
    adjusted[ascending] = np.minimum(np.maximum.accumulate(stepwise), 1.0)
    return adjusted


def better_than_guessing(correct: ArrayLike, num_images: int, classes: int, margin: float) -> Guessing:
    """Test whether runs are better than guessing among `classes` by more than `margin`.

    `correct` (num_seeds,) is the number of images that each run classified correctly, NaN for a failed run.

    >>> better_than_guessing([1000, 1200, 1003], num_images=10_000, classes=10, margin=0.005).learned
    (False, True, False)
    """
    correct, margin = numbers(correct, "correct", ("num_seeds",)), number(margin, "margin", low=0)
    if count(classes, "classes") < 2 or count(num_images, "num_images") < 1:
        raise InputError(f"classes must be at least 2, num_images 1. Received: {classes=}, {num_images=}")
    good = correct[np.isfinite(correct)]
    if ((good < 0) | (good > num_images) | (good != np.rint(good))).any():
        raise InputError(f"correct must count images, 0 to {num_images:,}, not fractions. Received: {correct!r}")
    guessing = 1 / classes
    p = stats.binom.sf(good - 1, num_images, guessing)
    above = good > (guessing + margin) * num_images * (1 + 1e-12)  # a run exactly on the margin is within it
    return Guessing(
        accuracies=tuple((good / num_images).tolist()),
        p_values=tuple(p.tolist()),
        above=tuple(above.tolist()),
        learned=tuple((above & (holm(p) < ALPHA)).tolist()),
        n=len(good),
        n_failed=len(correct) - len(good),
    )


def _as_claimed(comparison: Comparison, direction: Direction) -> bool:
    return comparison.difference > 0 if direction == "higher" else comparison.difference < 0
