"""From a comparison to a verdict: margins fixed beforehand, Holm's adjustment, and one decision rule."""

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from cnnhelpers.errors import InputError, unknown
from cnnhelpers.statistics.intervals import Comparison, equivalence_of, from_differences, numbers
from cnnhelpers.statistics.planning import ALPHA, count, number

Verdict = Literal["holds", "holds but negligible", "contradicted", "equivalent", "undecided", "not enough runs"]
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


def decide(
    comparison: Comparison, margin: float, direction: Direction = "higher", adjusted_p: float | None = None
) -> Verdict:
    """Return what `comparison` says of the claim that A is higher than B, lower, or equal to it.

    Parameters
    ----------
    margin
        The largest difference that does not matter, in the unit of the comparison; 0 where there is none (seconds,
        losses): nothing is negligible or equivalent then.
    adjusted_p
        The claim's p after `holm` over its report: of `comparison.p` for "higher" and "lower", for "equal" of the
        smaller one of `equivalence` and `beyond`. None: the claim stands alone.

    Returns
    -------
    Verdict
        "not enough runs": fewer than MIN_PAIRS complete pairs.
        "holds": p < ALPHA in the claimed direction, for "equal" that of the equivalence test.
        "holds but negligible": so, but the whole interval lies below the margin.
        "contradicted": p < ALPHA the other way, for "equal" that the difference lies outside the margins.
        "equivalent": no significant difference, and the equivalence test shows that it is below the margin.
        "undecided": everything else. Not significant is never "no difference".

    >>> from cnnhelpers.statistics.intervals import paired
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
    found = weigh(comparison, margin, direction)
    p = min(found.p_for, found.p_against) if adjusted_p is None else number(adjusted_p, "adjusted_p", 0, 1)
    return verdict_of(found.p_for, found.p_against, p, found.p_equivalent, found.negligible)


@dataclass(frozen=True)
class Guessing:
    """Whether runs are better than guessing."""

    guessing: float  #: accuracy of guessing, 1 / classes
    accuracies: tuple[float, ...]  #: (n,)
    p_values: tuple[float, ...]  #: (n,), one-sided binomial; as many right by guessing, not adjusted
    n: int
    n_failed: int
    learned: tuple[bool, ...]  #: (n,), above chance by more than the margin, p below ALPHA after Holm over the runs
    verdict: Verdict  #: on "fails to learn"


@dataclass(frozen=True)
class Weighed:
    """What a comparison says for a claim and against it. Of a two-sided p the one on the other side is 1."""

    p_for: float
    p_against: float
    p_equivalent: float = 1.0  #: that the difference is below the margin, either way
    negligible: bool = False  #: in the claimed direction, the whole interval below the margin


def weigh(comparison: Comparison, margin: float, direction: Direction) -> Weighed:
    """Return what `comparison` says for and against its difference being higher than 0, lower, or within `margin`."""
    equivalent = equivalence_of(comparison, margin).p
    if direction == "equal":
        return Weighed(equivalent, beyond(comparison, margin))
    claimed = comparison.difference != 0 and (comparison.difference > 0) == (direction == "higher")
    farthest = comparison.high if direction == "higher" else -comparison.low
    p_for, p_against = (comparison.p, 1.0) if claimed else (1.0, comparison.p)
    negligible = bool(margin and claimed and farthest < margin)
    return Weighed(p_for, p_against, 1.0 if np.isnan(equivalent) else equivalent, negligible)


def verdict_of(p_for: float, p_against: float, p: float, p_equivalent: float, negligible: bool) -> Verdict:
    """Return the verdict on a claim from the p values of both sides and its adjusted `p` and `p_equivalent`."""
    if p >= ALPHA:
        return "equivalent" if p_equivalent < ALPHA else "undecided"
    if p_against < p_for:
        return "contradicted"
    return "holds but negligible" if negligible else "holds"


def beyond(comparison: Comparison, margin: float) -> float:
    """Return the two-sided p of a difference that lies outside the margins, 1 where the mean is within."""
    if abs(comparison.difference) <= margin or np.isnan(comparison.difference):
        return 1.0
    edge = margin if comparison.difference > 0 else -margin
    return from_differences(np.asarray(comparison.differences) - edge).p


def holm(p_values: ArrayLike) -> np.ndarray:
    """Return Holm's adjusted p values (num_claims,): reject those below ALPHA, and the family errs in ALPHA at most.

    NaN (a claim without a verdict) stays NaN and does not count as a claim.

    >>> holm([0.01, 0.04, 0.03, float("nan")]).tolist()
    [0.03, 0.06, 0.06, nan]

    Source: Holm 1979. SciPy has only Benjamini-Hochberg, which bounds another rate.
    """
    p = np.asarray(p_values, dtype=np.float64)
    p = p if p.shape == (0,) else numbers(p_values, "p_values", ("num_claims",))
    known = np.flatnonzero(~np.isnan(p))
    if ((p[known] < 0) | (p[known] > 1)).any():
        raise InputError(f"p_values must lie between 0 and 1, NaN for no test. Received: {p_values!r}")
    ascending = known[np.argsort(p[known], kind="stable")]
    stepwise = p[ascending] * np.arange(len(ascending), 0, -1)  # the smallest p times their number, and so on
    adjusted = np.full(p.shape, np.nan)
    adjusted[ascending] = np.minimum(np.maximum.accumulate(stepwise), 1.0)
    return adjusted


def better_than_guessing(correct: ArrayLike, num_images: int, classes: int, margin: float) -> Guessing:
    """Test whether runs are better than guessing among `classes`: does the network fail to learn?

    Parameters
    ----------
    correct
        (num_seeds,) images that each run got right, of `num_images`; NaN for a failed run.

    Notes
    -----
    "holds" when no run is above chance by more than `margin` (below is no learning either); "contradicted" when at
    least one run learned; "undecided" otherwise; "not enough runs" below MIN_PAIRS runs.

    >>> better_than_guessing([1000, 1000, 1003, 1000, 998], num_images=10_000, classes=10, margin=0.005).verdict
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
    return Guessing(
        guessing=guessing,
        accuracies=tuple((good / num_images).tolist()),
        p_values=tuple(p_values.tolist()),
        n=len(good),
        n_failed=len(found) - len(good),
        learned=tuple(learned.tolist()),
        verdict=verdict if len(good) >= MIN_PAIRS else "not enough runs",
    )
