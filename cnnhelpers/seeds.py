"""Derive independent random streams from the seed of a run."""

import numpy as np

from cnnhelpers.errors import InputError

PURPOSES = ("split", "weights", "order", "dropout")  # "dropout" is for all random layers, augmentation included


def check_seed(seed: int) -> int:
    """Return `seed` as a Python int (Keras refuses numpy integers); raise InputError unless it is 0 .. 2**32 - 1."""
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or not 0 <= seed < 2**32:
        raise InputError(f"seed must be a whole number from 0 to 2**32 - 1. Received: seed={seed!r}")
    return int(seed)


def sequence(seed: int, purpose: str, *more: int) -> np.random.SeedSequence:
    """Return the seed sequence of a run for one of PURPOSES; `more` are counters such as the epoch."""
    return np.random.SeedSequence([check_seed(seed), PURPOSES.index(purpose), *more])


def generator(seed: int, purpose: str, *more: int) -> np.random.Generator:
    """Return the random generator of a run for one purpose."""
    return np.random.default_rng(sequence(seed, purpose, *more))


def integer(seed: int, purpose: str, *more: int) -> int:
    """Return a 31-bit integer of a run for one purpose, for libraries that take an integer seed."""
    return int(sequence(seed, purpose, *more).generate_state(1)[0] >> 1)
