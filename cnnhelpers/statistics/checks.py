"""Check the numbers and arrays that the statistics are given."""

import math

import numpy as np
from numpy.typing import ArrayLike

from cnnhelpers.errors import InputError


def number(value: float, name: str, low: float = -math.inf, high: float = math.inf, *, nan: bool = False) -> float:
    """Return `value` as a float from `low` to `high`, or NaN where `nan` admits it; raise InputError otherwise."""
    numeric = isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)
    if numeric and nan and math.isnan(value):
        return math.nan
    if not (numeric and math.isfinite(value) and low <= value <= high):
        limits = ((f"at least {low:g}", low), (f"at most {high:g}", high))
        wanted = f"a finite number {' and '.join(text for text, limit in limits if math.isfinite(limit))}".rstrip()
        raise InputError(f"{name} must be {wanted}. Received: {name}={value!r}")
    return float(value)


def share(value: float, name: str, low: float = 0.0) -> float:
    """Return `value` as a float above `low` and below 1; raise InputError otherwise."""
    if not low < number(value, name) < 1:
        raise InputError(f"{name} must be between {low:g} and 1, such as 0.9. Received: {name}={value!r}")
    return float(value)


def count(value: int, name: str) -> int:
    """Return `value` as an int of at least 0; raise InputError otherwise."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 0:
        raise InputError(f"{name} must be a whole number, at least 0. Received: {name}={value!r}")
    return int(value)


def numbers(values: ArrayLike, name: str, axes: tuple[str, ...]) -> np.ndarray:
    """Return `values` as a float64 array with the named axes, none of length 0; raise InputError otherwise."""
    try:
        array = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"{name} must hold numbers, NaN for a failed run. Received: {values!r}") from error
    if array.ndim != len(axes) or 0 in array.shape:
        wanted = f"({', '.join(axes)}{',' * (len(axes) == 1)})"
        raise InputError(f"{name} must be of shape {wanted}, each at least 1. Received: shape {array.shape}")
    return array


def same_shape(**arrays: np.ndarray) -> None:
    """Raise InputError unless the arrays have the same shape."""
    if len({array.shape for array in arrays.values()}) > 1:
        shapes = ", ".join(f"{name} {array.shape}" for name, array in arrays.items())
        raise InputError(
            f"{' and '.join(arrays)} must have the same shape, with NaN for missing seeds (by_seed adds them). "
            f"Received: {shapes}"
        )
