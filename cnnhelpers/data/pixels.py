"""Pixels on the 0..255 scale, looked at in pieces so that no float copy of a whole array is made."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from cnnhelpers.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

    from cnnhelpers.data.datasets import Dataset
    from cnnhelpers.data.splits import Part, Split

PIECE = 2**20  # pixels looked at together
NEAR = 1e-6  # of the pixel range: floats that close to k/255 are the 8-bit image k


def rescale(
    parts: dict[str, np.ndarray], pixel_range: tuple[float, float] | None
) -> tuple[dict[str, np.ndarray], tuple[float, float]]:
    """Bring images to the 0..255 scale.

    Parameters
    ----------
    parts
        Name to (num_images, height, width, channels), all on one scale.
    pixel_range
        Lowest and highest possible pixel; None expects 0..255 of integers and 0..1 of floats.

    Returns
    -------
    The same names to uint8 arrays (float32 if any part has floats that are not k/255), and the range.
    """
    kinds = {images.dtype.kind == "f" for images in parts.values()}
    if len(kinds) > 1:
        types = ", ".join(f"{name} {images.dtype}" for name, images in parts.items())
        raise InputError(f"training and test images must be on one scale: integers or floats. Received: {types}")
    low, high = pixel_range = pixel_range or ((0, 1) if kinds == {True} else (0, 255))
    for name, images in parts.items():
        _check_pixels(name, images, pixel_range)
    as_they_are = pixel_range == (0, 255) and kinds == {False}
    exact = as_they_are or all(_is_exact(images, low, high) for images in parts.values())
    return {name: _convert(images, low, high, exact) for name, images in parts.items()}, pixel_range


def describe(dataset: Dataset, split: Split) -> pd.DataFrame:
    """Return a row a part (train, validation, test): images, their number per class, mean and SD of pixels on 0..1."""
    import pandas as pd

    rows = {}
    for name in ("train", "validation", "test"):
        part = getattr(split, name)
        if part is None:
            continue
        counts = part.counts(dataset.classes)
        mean, variance = _moments(part, per_channel=False)
        rows[name] = {
            "images": len(part),
            "smallest_class": int(counts.min()),
            "largest_class": int(counts.max()),
            "pixel_mean": mean[0] / 255,
            "pixel_sd": variance[0] ** 0.5 / 255,
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("part")


def pixel_statistics(part: Part) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and variance of the pixels of a part, per channel, (channels,) float64 on the 0..255 scale."""
    return _moments(part, per_channel=True)


def _check_pixels(name: str, images: np.ndarray, pixel_range: tuple[float, float]) -> None:
    """Raise InputError for a pixel that is no number, or pixels that are not on the scale."""
    low, high = pixel_range
    lowest, highest = images.min().item(), images.max().item()
    if not (math.isfinite(lowest) and math.isfinite(highest)):
        bad = next(piece for piece in _pieces(len(images), images) if not np.isfinite(images[piece]).all())
        image, *rest = (int(index) for index in np.argwhere(~np.isfinite(images[bad]))[0])
        where = (bad.start + image, *rest)
        shown = ", ".join(map(str, where if images.shape[-1] > 1 else where[:-1]))
        raise InputError(f"{name}[{shown}] is {images[where]}: pixels must be finite numbers; mend or drop that image")
    slack = NEAR * (high - low)
    if lowest < low - slack or highest > high + slack:
        out = f"reach {highest}" if highest > high + slack else f"go down to {lowest}"
        fits = lowest >= 0 and highest <= 255 and high < 255
        mend = "pass pixel_range=(0, 255)" if fits else "pass pixel_range=(lowest, highest) as they were meant"
        raise InputError(f"pixels {out} but {low:g}..{high:g} was expected in {name}: {mend}")
    if low == 0 and high >= 255 and 0 < highest <= 1:
        raise InputError(f"pixels reach only {highest} but 0..{high:g} was expected in {name}: pass pixel_range=(0, 1)")


def _is_exact(images: np.ndarray, low: float, high: float) -> bool:
    """Return whether all pixels are k/255 of the range."""
    scaled = (_to_255(images[piece], low, high) for piece in _pieces(len(images), images))
    return all(bool(np.all(np.abs(chunk - np.rint(chunk)) <= 255 * NEAR)) for chunk in scaled)


def _to_255(chunk: np.ndarray, low: float, high: float) -> np.ndarray:
    return np.clip((chunk.astype(np.float64) - low) * (255 / (high - low)), 0, 255)


def _convert(images: np.ndarray, low: float, high: float, exact: bool) -> np.ndarray:
    if images.dtype == np.uint8 and (low, high) == (0, 255):
        return np.ascontiguousarray(images)
    converted = np.empty(images.shape, np.uint8 if exact else np.float32)
    for piece in _pieces(len(images), images):
        scaled = _to_255(images[piece], low, high)
        converted[piece] = np.rint(scaled) if exact else scaled
    return converted


def _moments(part: Part, per_channel: bool) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and variance, (channels,) or (1,): exact from counts of the 256 values, floats by two passes."""
    columns = part.images.shape[-1] if per_channel else 1
    if part.images.dtype == np.uint8:
        counts = np.zeros((columns, 256), np.int64)
        for chunk in _part_chunks(part):
            for column, values in enumerate(chunk.reshape(-1, columns).T):
                counts[column] += np.bincount(values, minlength=256)
        total = [int(one) for one in counts.sum(axis=1)]
        first = [int(one) for one in counts @ np.arange(256)]
        second = [int(one) for one in counts @ np.arange(256) ** 2]
        mean = [s / n for s, n in zip(first, total, strict=True)]
        variance = [(n * q - s * s) / (n * n) for n, s, q in zip(total, first, second, strict=True)]
        return np.array(mean), np.array(variance)
    total = part.images[0].size // columns * len(part)
    mean = sum(_flat(chunk, columns).sum(axis=0) for chunk in _part_chunks(part)) / total
    return mean, sum(((_flat(chunk, columns) - mean) ** 2).sum(axis=0) for chunk in _part_chunks(part)) / total


def _flat(chunk: np.ndarray, columns: int) -> np.ndarray:
    return chunk.reshape(-1, columns).astype(np.float64)


def _pieces(num_images: int, images: np.ndarray) -> Iterator[slice]:
    """Return slices of up to PIECE pixels each, at least one image."""
    step = max(1, PIECE // math.prod(images.shape[1:]))
    return (slice(start, start + step) for start in range(0, num_images, step))


def _part_chunks(part: Part) -> Iterator[np.ndarray]:
    return (part.images[part.indices[piece]] for piece in _pieces(len(part), part.images))
