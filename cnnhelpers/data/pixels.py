"""Bring pixels to the 0..255 scale, in pieces so that no float copy of a whole array is made, and zero-pad images."""

import math
from collections.abc import Iterator

import numpy as np

from cnnhelpers.errors import InputError, unknown

PADDED_SIDE = 32
PIECE = 2**20  # pixels processed together
NEAR = 1e-6  # of the pixel range: floats this close to k/255 are the 8-bit image k


def rescale(
    parts: dict[str, np.ndarray], pixel_range: tuple[float, float] | None
) -> tuple[dict[str, np.ndarray], tuple[float, float]]:
    """Bring images to the 0..255 scale, as uint8 (float32 if any part has floats that are not k/255).

    `parts` maps names to (num_images, height, width, channels), all on one scale. `pixel_range` is the lowest and
    highest possible pixel, by default 0..255 of integers and 0..1 of floats; it is returned, too.
    """
    kinds = {images.dtype.kind == "f" for images in parts.values()}
    if len(kinds) > 1:
        types = ", ".join(f"{name} {images.dtype}" for name, images in parts.items())
        raise InputError(f"training and test images must be on one scale: integers or floats. Received: {types}")
    low, high = pixel_range = pixel_range or ((0, 1) if kinds == {True} else (0, 255))
    for name, images in parts.items():
        _check_pixels(name, images, low, high)
    unchanged = pixel_range == (0, 255) and kinds == {False}
    exact = unchanged or all(_is_exact(images, low, high) for images in parts.values())
    return {name: _convert(images, low, high, exact) for name, images in parts.items()}, pixel_range


def pad(images: np.ndarray, mode: str) -> np.ndarray:
    """Zero-pad images of (num_images, height, width, 1 or 3), up to 32x32, to (num_images, 32, 32, 3), in the centre.

    `mode` "middle" puts grey images into the middle channel only, as in report E; "equal" into all three channels.
    """
    if mode not in ("middle", "equal"):
        raise unknown("padding", mode, ("middle", "equal"))
    count, height, width, channels = images.shape
    if max(height, width) > PADDED_SIDE or channels not in (1, 3):
        raise InputError(f"padding={mode!r} takes up to 32x32x1 or 32x32x3. Received: {height}x{width}x{channels}")
    if mode == "middle" and channels != 1:
        raise InputError(f"padding='middle' is for grey images, 'equal' for colour. Received: {height}x{width}x3")
    top, left = (PADDED_SIDE - height) // 2, (PADDED_SIDE - width) // 2
    padded = np.zeros((count, PADDED_SIDE, PADDED_SIDE, 3), images.dtype)
    target = slice(1, 2) if mode == "middle" else slice(None)
    padded[:, top : top + height, left : left + width, target] = images
    return padded


def pieces(num_images: int, images: np.ndarray) -> Iterator[slice]:
    """Yield slices of 0..num_images with up to PIECE pixels each, at least one image."""
    step = max(1, PIECE // math.prod(images.shape[1:]))
    return (slice(start, start + step) for start in range(0, num_images, step))


def _check_pixels(name: str, images: np.ndarray, low: float, high: float) -> None:
    """Raise InputError for a pixel that is not finite, and for pixels that are not on the scale."""
    lowest, highest = images.min().item(), images.max().item()
    if not (math.isfinite(lowest) and math.isfinite(highest)):
        bad = next(piece for piece in pieces(len(images), images) if not np.isfinite(images[piece]).all())
        image, *rest = (int(index) for index in np.argwhere(~np.isfinite(images[bad]))[0])
        where = (bad.start + image, *rest)
        shown = ", ".join(map(str, where if images.shape[-1] > 1 else where[:-1]))
        raise InputError(f"{name}[{shown}] is {images[where]}: pixels must be finite numbers; fix or drop that image")
    slack = NEAR * (high - low)
    if lowest < low - slack or highest > high + slack:
        received = f"reach {highest}" if highest > high + slack else f"go down to {lowest}"
        is_8_bit = lowest >= 0 and highest <= 255 and high < 255
        fix = "pass pixel_range=(0, 255)" if is_8_bit else "pass pixel_range=(lowest, highest) of the source"
        raise InputError(f"pixels {received} but {low:g}..{high:g} was expected in {name}: {fix}")
    if low == 0 and high >= 255 and 0 < highest <= 1:
        raise InputError(f"pixels reach only {highest} but 0..{high:g} was expected in {name}: pass pixel_range=(0, 1)")


def _is_exact(images: np.ndarray, low: float, high: float) -> bool:
    """Return whether all pixels are k/255 of the range."""
    scaled = (_to_255(images[piece], low, high) for piece in pieces(len(images), images))
    return all(bool(np.all(np.abs(chunk - np.rint(chunk)) <= 255 * NEAR)) for chunk in scaled)


def _to_255(chunk: np.ndarray, low: float, high: float) -> np.ndarray:
    return np.clip((chunk.astype(np.float64) - low) * (255 / (high - low)), 0, 255)


def _convert(images: np.ndarray, low: float, high: float, exact: bool) -> np.ndarray:
    if images.dtype == np.uint8 and (low, high) == (0, 255):
        return np.ascontiguousarray(images)
    converted = np.empty(images.shape, np.uint8 if exact else np.float32)
    for piece in pieces(len(images), images):
        scaled = _to_255(images[piece], low, high)
        converted[piece] = np.rint(scaled) if exact else scaled
    return converted
