"""Simulate runs to measure how often the tests err, and how often they find a planted effect."""

import math
from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
from scipy import stats

from cnnhelpers.statistics.decisions import decide, holm
from cnnhelpers.statistics.intervals import equivalence, from_differences
from cnnhelpers.statistics.planning import ALPHA, power
from cnnhelpers.statistics.selection import best_of_many
from cnnhelpers.statistics.trends import overfitting, trend

SEEDS = (5, 10)
EFFECTS = (0.0, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0)  # true differences, in standard deviations of the paired differences
Generator = np.random.Generator


def false_holds(rng: Generator, simulations: int = 1000, seeds: Sequence[int] = SEEDS) -> pd.DataFrame:
    """Return how often each kind of claim holds where its null hypothesis is true.

    Returns
    -------
    pandas.DataFrame
        Columns claim, seeds, rate, low, high (95 % interval of the rate, from the number of simulations) and nominal:
        the rate that theory allows. A two-sided test at 5 % errs in 2.5 % on the claimed side.

    Examples
    --------
    >>> table = false_holds(np.random.default_rng(0), simulations=20, seeds=[5])
    >>> table["claim"].tolist()[:2]
    ['A is better than B', 'A is better than B, some runs go wrong']
    """
    rows = []
    for claim, (holds, nominal) in _NULLS.items():
        for n in seeds:
            rate = float(np.mean([holds(rng, n) for _ in range(simulations)]))
            rows.append((claim, n, rate, *_rate_interval(rate, simulations), nominal))
    return pd.DataFrame(rows, columns=["claim", "seeds", "rate", "low", "high", "nominal"])


def planted_effects(
    rng: Generator, simulations: int = 1000, seeds: Sequence[int] = SEEDS, effects: Sequence[float] = EFFECTS
) -> pd.DataFrame:
    """Return how often a planted difference is significant, next to the power of the noncentral t.

    Returns
    -------
    pandas.DataFrame
        Columns effect (in standard deviations of the paired differences), seeds, rate (two-sided p below ALPHA), low,
        high (95 % interval of the rate) and theory.
    """
    rows = []
    for effect in effects:
        for n in seeds:
            samples = rng.normal(effect, 1, (simulations, n))
            rate = float(np.mean([from_differences(sample).p < ALPHA for sample in samples]))
            rows.append((effect, n, rate, *_rate_interval(rate, simulations), power(effect, 1.0, n)))
    return pd.DataFrame(rows, columns=["effect", "seeds", "rate", "low", "high", "theory"])


def _holds(differences: np.ndarray) -> bool:
    return decide(from_differences(differences), margin=0) == "holds"


def _better(rng: Generator, seeds: int) -> bool:
    return _holds(rng.normal(size=seeds))


def _skewed(rng: Generator, seeds: int) -> bool:
    """Both networks have runs that go wrong: a long lower tail."""
    a, b = -rng.exponential(size=(2, seeds))
    return _holds(a - b)


def _few_images(rng: Generator, seeds: int) -> bool:
    """Accuracies on 360 test images are coarse, and often equal."""
    a, b = rng.binomial(360, 0.97, (2, seeds)) / 360
    return _holds(a - b)


def _equal(rng: Generator, seeds: int) -> bool:
    """The true difference is exactly the margin, so they are not equal."""
    return equivalence(rng.normal(1, 0.3, seeds), np.zeros(seeds), margin=1) < ALPHA


def _best(rng: Generator, seeds: int) -> bool:
    """A rival is as good as the candidate, the others are worse; validation and test share half of a run's luck."""
    means = np.r_[1.0, 1.0, np.zeros(4)][:, None]
    luck, validation, test = rng.normal(size=(3, 6, seeds)) * math.sqrt(0.5)
    best = best_of_many(means + luck + validation, means + luck + test, candidate=0)
    return decide(best.comparison, margin=0) == decide(best.hardest, margin=0) == "holds"


def _rises(rng: Generator, seeds: int) -> bool:
    return decide(trend(rng.normal(size=(4, seeds)), margin=0).rise, margin=0) == "holds"


def _overfits(rng: Generator, seeds: int) -> bool:
    """Training loss falls, validation loss has stopped to move."""
    training = np.linspace(10, 0, 12) + rng.normal(size=(seeds, 12))
    change = overfitting(training, rng.normal(size=(seeds, 12)), after_epoch=5)
    return change.training_falls and decide(change.growth, margin=0) == "holds"


def _any_of_ten(rng: Generator, seeds: int) -> bool:
    """Ten claims of one report, Holm-adjusted: does any hold?"""
    comparisons = [from_differences(sample) for sample in rng.normal(size=(10, seeds))]
    adjusted = holm([comparison.p for comparison in comparisons])
    return any(decide(one, 0, adjusted_p=p) == "holds" for one, p in zip(comparisons, adjusted, strict=True))


_NULLS: dict[str, tuple[Callable[[Generator, int], bool], float]] = {
    "A is better than B": (_better, ALPHA / 2),
    "A is better than B, some runs go wrong": (_skewed, ALPHA / 2),
    "A is better than B, on 360 test images": (_few_images, ALPHA / 2),
    "A equals B": (_equal, ALPHA),
    "A is the best of six": (_best, ALPHA / 2),
    "accuracy rises over four levels": (_rises, ALPHA / 2),
    "A overfits": (_overfits, ALPHA / 2),
    "any of ten claims of a report": (_any_of_ten, ALPHA / 2),
}


def _rate_interval(rate: float, simulations: int) -> tuple[float, float]:
    """Return the 95 % interval (Wilson) of a rate from a number of simulations."""
    interval = stats.binomtest(round(rate * simulations), simulations).proportion_ci(0.95, "wilson")
    return float(interval.low), float(interval.high)
