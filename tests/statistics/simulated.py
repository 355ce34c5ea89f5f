"""Simulated runs with a fixed generator, shared by the tests of the statistics."""

import numpy as np
from scipy import stats

from cnnhelpers.statistics import from_differences

SIMULATIONS = 1000


def generator(*key):
    return np.random.default_rng([2021, *key])


def comparisons(seeds, effect=0.0, sd=1.0, simulations=SIMULATIONS):
    """Return comparisons of (simulations, num_seeds) normal differences."""
    return [from_differences(row) for row in generator(seeds, 0).normal(effect, sd, (simulations, seeds))]


def at_most(rate, simulations=SIMULATIONS):
    """Return the highest share that a true `rate` gives in all but 1 of 1,000 repetitions of the simulation."""
    return stats.binom.ppf(0.999, simulations, rate) / simulations
