"""How often the tests err, and how often they find what is there, on simulated runs: what the verdicts rest on.

In short::

    nulls = false_holds(numpy.random.default_rng(0))        # equal networks: how often does a claim hold?
    found = planted_effects(numpy.random.default_rng(0))    # a true difference: how often is it found?
"""

import math
from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
from scipy import stats

from cnnhelpers.statistics.decisions import decide, holm
from cnnhelpers.statistics.intervals import equivalence, from_differences, paired
from cnnhelpers.statistics.planning import ALPHA, power
from cnnhelpers.statistics.selection import best_of_many
from cnnhelpers.statistics.trends import overfitting, trend

SEEDS = (5, 10)
EFFECTS = (0.0, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0)  # true differences, in standard deviations of the paired differences
Generator = np.random.Generator


def false_holds(rng: Generator, simulations: int = 1000, seeds: Sequence[int] = SEEDS) -> pd.DataFrame:
    """Return how often each kind of claim holds although nothing is there to find.

    Returns
    -------
    pandas.DataFrame
        Columns claim, seeds, rate, low, high (95 % interval of the rate, from the number of simulations) and nominal:
        the rate that theory allows. A two-sided test at 5 % errs in 2.5 % on the claimed side.

    Examples
    --------
    >>> found = false_holds(np.random.default_rng(0), simulations=20, seeds=[5])
    >>> found["claim"].tolist()[:2]
    ['A is better than B', 'A is better than B, some runs go wrong']
    """
    rows = []
    for claim, (holds, nominal) in _NULLS.items():
        for number in seeds:
            rate = float(np.mean([holds(rng, number) for _ in range(simulations)]))
            rows.append({"claim": claim, "seeds": number, "rate": rate, "nominal": nominal} | _error(rate, simulations))
    return pd.DataFrame(rows)[["claim", "seeds", "rate", "low", "high", "nominal"]]


def planted_effects(
    rng: Generator, simulations: int = 1000, seeds: Sequence[int] = SEEDS, effects: Sequence[float] = EFFECTS
) -> pd.DataFrame:
    """Return how often a planted difference is found, beside what theory says (the noncentral t, planning.power).

    Returns
    -------
    pandas.DataFrame
        Columns effect (in standard deviations of the paired differences), seeds, rate (two-sided p below ALPHA), low,
        high (95 % interval of the rate) and theory, ALPHA where the effect is 0.
    """
    rows = []
    for effect in effects:
        for number in seeds:
            found = [paired(one, 0.0).p < ALPHA for one in rng.normal(effect, 1, (simulations, number))]
            rate, theory = float(np.mean(found)), power(effect, 1.0, number) if effect else ALPHA
            rows.append({"effect": effect, "seeds": number, "rate": rate, "theory": theory} | _error(rate, simulations))
    return pd.DataFrame(rows)[["effect", "seeds", "rate", "low", "high", "theory"]]


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
    found = best_of_many(means + luck + validation, means + luck + test, candidate=0)
    return decide(found.comparison, margin=0) == decide(found.hardest, margin=0) == "holds"


def _rises(rng: Generator, seeds: int) -> bool:
    return decide(trend(rng.normal(size=(4, seeds)), margin=0).rise, margin=0) == "holds"


def _overfits(rng: Generator, seeds: int) -> bool:
    """Training loss falls, validation loss has stopped to move."""
    training = np.linspace(10, 0, 12) + rng.normal(size=(seeds, 12))
    found = overfitting(training, rng.normal(size=(seeds, 12)), after_epoch=5)
    return found.training_falls and decide(found.growth, margin=0) == "holds"


def _any_of_ten(rng: Generator, seeds: int) -> bool:
    """Ten claims of one report, Holm-adjusted: does any hold?"""
    found = [from_differences(one) for one in rng.normal(size=(10, seeds))]
    adjusted = holm([one.p for one in found])
    return any(decide(one, 0, adjusted_p=p) == "holds" for one, p in zip(found, adjusted, strict=True))


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


def _error(rate: float, simulations: int) -> dict[str, float]:
    """Return the 95 % interval (Wilson) of a rate that was seen in so many simulations."""
    found = stats.binomtest(round(rate * simulations), simulations).proportion_ci(0.95, "wilson")
    return {"low": float(found.low), "high": float(found.high)}
