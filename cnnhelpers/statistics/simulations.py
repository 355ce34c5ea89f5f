"""Simulate runs to measure how often the tests err, and how often they find a planted effect."""

import math
from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
from scipy import stats

from cnnhelpers.statistics.decisions import decide, holm
from cnnhelpers.statistics.intervals import Comparison, equivalence, from_differences, paired
from cnnhelpers.statistics.planning import ALPHA, LOOKS, power
from cnnhelpers.statistics.selection import best_of_many
from cnnhelpers.statistics.trends import overfitting, trend

SEEDS = tuple(LOOKS)
EFFECTS = (0.0, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0)  # true differences, in standard deviations of the paired differences
Generator = np.random.Generator


def false_holds(rng: Generator, simulations: int = 1000, seeds: Sequence[int] = SEEDS) -> pd.DataFrame:
    """Return how often each kind of claim holds where its null hypothesis is true.

    Columns claim, seeds, rate, low, high (95 % interval of the rate, from the number of simulations) and nominal: the
    rate that theory allows. A two-sided test at 5 % errs in 2.5 % on the claimed side.
    """
    rows = []
    for claim, (holds, nominal) in _NULLS.items():
        for n in seeds:
            rows.append((claim, n, *_rate([holds(rng, n) for _ in range(simulations)]), nominal))
    return pd.DataFrame(rows, columns=["claim", "seeds", "rate", "low", "high", "nominal"])


def planted_effects(
    rng: Generator, simulations: int = 1000, seeds: Sequence[int] = SEEDS, effects: Sequence[float] = EFFECTS
) -> pd.DataFrame:
    """Return how often a planted difference is significant, next to the power of the noncentral t.

    Columns effect (in standard deviations of the paired differences), seeds, rate (two-sided p below ALPHA), low, high
    (95 % interval of the rate) and theory.
    """
    rows = []
    for effect in effects:
        for n in seeds:
            samples = rng.normal(effect, 1, (simulations, n))
            shown = [from_differences(sample).p < ALPHA for sample in samples]
            rows.append((effect, n, *_rate(shown), power(effect, 1.0, n)))
    return pd.DataFrame(rows, columns=["effect", "seeds", "rate", "low", "high", "theory"])


def _holds(comparison: Comparison) -> bool:
    return decide(comparison, margin=0) == "holds"


def _best(rng: Generator, n: int) -> bool:
    """A rival is as good as the candidate, the others are worse; validation and test share half of a run's luck."""
    means = np.r_[1.0, 1.0, np.zeros(4)][:, None]
    luck, validation, test = rng.normal(size=(3, 6, n)) * math.sqrt(0.5)
    best = best_of_many(means + luck + validation, means + luck + test, candidate=0)
    return _holds(best.comparison) and _holds(best.hardest)


def _overfits(rng: Generator, n: int) -> bool:
    """Training loss falls, validation loss is flat."""
    training = np.linspace(10, 0, 12) + rng.normal(size=(n, 12))
    change = overfitting(training, rng.normal(size=(n, 12)), after_epoch=5)
    return change.training_falls and _holds(change.growth)


def _at_looks(differences: np.ndarray, *, fragile: bool = True) -> bool:
    """Return whether the claim holds at a look at 5, 10 and 20 seeds; `fragile`: even if the verdict is fragile."""
    for seeds, level in LOOKS.items():
        comparison = from_differences(differences[:seeds])
        if comparison.n_pairs == seeds and comparison.p < level:  # a decision is final
            without_a_seed = (from_differences(np.delete(differences[:seeds], seed)) for seed in range(seeds))
            robust = fragile or (comparison.signs_agree(level) and all(fewer.p < level for fewer in without_a_seed))
            return comparison.difference > 0 and robust
    return False


def _skewed(rng: Generator, n: int) -> np.ndarray:
    """Return (n,) differences with mean zero and a long lower tail."""
    return math.exp(0.125) - rng.lognormal(0, 0.5, n)


def _any_of_ten(rng: Generator, n: int) -> bool:
    """Return whether any of ten claims of a report, Holm-adjusted, holds."""
    comparisons = [from_differences(sample) for sample in rng.normal(size=(10, n))]
    adjusted = holm([comparison.p for comparison in comparisons])
    return "holds" in [decide(comparison, 0, adjusted_p=p) for comparison, p in zip(comparisons, adjusted, strict=True)]


# Whether a claim holds over n seeds of null effects, and its nominal rate. Runs that go wrong have a long lower tail;
# accuracies on 360 test images are coarse, and often equal; A and B that are not equal differ by exactly the margin.
_NULLS: dict[str, tuple[Callable[[Generator, int], bool], float]] = {
    "A is better than B": (lambda rng, n: _holds(from_differences(rng.normal(size=n))), ALPHA / 2),
    "A is better than B, some runs go wrong": (lambda rng, n: _holds(paired(*-rng.exponential(1, (2, n)))), ALPHA / 2),
    "A is better than B, on 360 test images": (
        lambda rng, n: _holds(paired(*rng.binomial(360, 0.97, (2, n)))),
        ALPHA / 2,
    ),
    "A equals B": (lambda rng, n: equivalence(from_differences(rng.normal(1, 0.3, n)), margin=1) < ALPHA, ALPHA),
    "A is the best of six": (_best, ALPHA / 2),
    "accuracy rises over four levels": (lambda rng, n: _holds(trend(rng.normal(size=(4, n)), 0).rise), ALPHA / 2),
    "A overfits": (_overfits, ALPHA / 2),
    "any of ten claims of a report": (_any_of_ten, ALPHA / 2),
    "A is better than B, looked at with 5, 10 and 20 seeds": (lambda rng, n: _at_looks(rng.normal(size=n)), ALPHA / 2),
    "the same, differences skewed to one side": (lambda rng, n: _at_looks(_skewed(rng, n)), ALPHA / 2),
    "the same, and not fragile": (lambda rng, n: _at_looks(_skewed(rng, n), fragile=False), ALPHA / 2),
}


def _rate(decisions: Sequence[bool]) -> tuple[float, float, float]:
    """Return the rate of True with its 95 % interval (Wilson)."""
    rate = stats.binomtest(int(np.sum(decisions)), len(decisions))
    interval = rate.proportion_ci(0.95, "wilson")
    return float(rate.statistic), float(interval.low), float(interval.high)
