"""One seed per run, from which each source of chance derives a stream of its own."""

import numpy as np

from cnnhelpers.errors import InputError

PURPOSES = ("split", "weights", "order", "dropout")  # dropout: of all random layers, augmentation too


def check_seed(seed: int) -> int:
    """Return `seed` as a Python int (Keras refuses numpy integers); raise InputError unless it is 0 .. 2**32 - 1."""
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or not 0 <= seed < 2**32:
        raise InputError(f"seed must be a whole number from 0 to 2**32 - 1. Received: seed={seed!r}")
    return int(seed)


def sequence(seed: int, purpose: str, *more: int) -> np.random.SeedSequence:
    """Return the seed sequence of one `purpose` (one of PURPOSES) of run `seed`, `more` being an epoch or a count."""
    return np.random.SeedSequence([check_seed(seed), PURPOSES.index(purpose), *more])


def generator(seed: int, purpose: str, *more: int) -> np.random.Generator:
    """Return the random generator of one `purpose` of run `seed`."""
    return np.random.default_rng(sequence(seed, purpose, *more))


def integer(seed: int, purpose: str, *more: int) -> int:
    """Return one 31-bit integer of a `purpose`, for libraries that take an integer seed."""
    return int(sequence(seed, purpose, *more).generate_state(1)[0] >> 1)
