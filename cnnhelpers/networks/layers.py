"""Layers with their activation, and checks of options, that the networks share."""

import math
from typing import Any

from keras import layers

from cnnhelpers.errors import InputError, is_number

Shape = tuple[int, int, int]  # height, width, channels


def convolution(filters: int, kernel_size: int = 3, **options: Any) -> layers.Conv2D:
    """Return a convolution with ReLU."""
    return layers.Conv2D(filters, kernel_size, activation="relu", **options)


def dense(units: int, **options: Any) -> layers.Dense:
    """Return a dense layer with ReLU."""
    return layers.Dense(units, activation="relu", **options)


def output(classes: int, **options: Any) -> layers.Dense:
    """Return a softmax over the classes."""
    return layers.Dense(classes, activation="softmax", **options)


def check_dropout(rate: float) -> None:
    """Raise InputError unless `rate` is a dropout rate."""
    if not is_number(rate) or not 0 <= rate < 1:
        raise InputError(f"dropout must be a rate from 0 to below 1. Received: dropout={rate!r}")


def check_strength(name: str, strength: float | None) -> None:
    """Raise InputError unless `strength` is the strength of a weight penalty, or None for no penalty."""
    if strength is not None and (not is_number(strength) or not 0 <= strength < math.inf):
        raise InputError(f"{name} must be a finite number of at least 0, or None. Received: {name}={strength!r}")


def scaled(count: int, width: float) -> int:
    """Return `count` filters or units scaled by `width`, at least 1.

    >>> scaled(512, 0.25)
    128
    """
    return max(1, round(count * width))
