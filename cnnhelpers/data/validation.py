"""Check raw arrays and bring them to one form; errors name the value, what was expected and the fix."""

import math

import numpy as np

from cnnhelpers.data.pixels import rescale
from cnnhelpers.data.readers import Raw
from cnnhelpers.errors import InputError


def options(
    first_label: int, pixel_range: tuple[float, float] | None, test_fraction: float
) -> tuple[int, tuple[float, float] | None, float]:
    """Return the checked arguments of data.load."""
    if type(first_label) is not int or first_label < 0:
        raise InputError(f"first_label must be a whole number from 0. Received: first_label={first_label!r}")
    if pixel_range is not None:
        try:
            low, high = pixel_range = tuple(float(value) for value in pixel_range)
        except (TypeError, ValueError):
            low = high = math.nan
        if not (math.isfinite(low) and math.isfinite(high) and low < high):
            raise InputError(
                "pixel_range must be the lowest and the highest pixel, such as (0, 255). "
                f"Received: pixel_range={pixel_range!r}"
            )
    if type(test_fraction) not in (int, float) or not 0 <= test_fraction < 1:
        raise InputError(
            f"test_fraction must be between 0 (no test part) and 1. Received: test_fraction={test_fraction!r}"
        )
    return first_label, pixel_range, test_fraction


def raw(
    source: Raw,
    first_label: int = 0,
    pixel_range: tuple[float, float] | None = None,
    test_fraction: float | None = None,
    class_names: tuple[str, ...] | None = None,
) -> Raw:
    """Return the checked arrays of a source: images uint8, labels from 0, a test part held out.

    `test_fraction` None demands a test part in the source; `class_names` are for a source without names.
    A test part without any image is kept: splits.split checks whether it is needed.
    """
    train, test = source.names, ("x_test", "y_test")
    images, labels = {train[0]: source.train_images}, {train[1]: source.train_labels}
    if source.test_images is not None and (source.test_images.size or source.test_labels.size):
        images[test[0]], labels[test[1]] = source.test_images, source.test_labels
    images = {name: _image_array(array, name) for name, array in images.items()}
    labels = {name: _whole_labels(array, name) for name, array in labels.items()}
    _check_shapes(images, labels)
    labels = _from_zero(labels, first_label)
    images, pixel_range = rescale(images, pixel_range or source.pixel_range)
    names = _class_names(source, labels, class_names)
    x_train, y_train = images[train[0]], labels[train[1]]
    x_test, y_test = images.get(test[0], x_train[:0]), labels.get(test[1], y_train[:0])
    _check_classes(y_train, names, "train")
    if source.test_images is None:
        if test_fraction is None:
            raise InputError(f"{source.source} must hold x_train, y_train, x_test, y_test; x_test is missing")
        kept, held_out = _hold_out(y_train, test_fraction)
        x_train, y_train, x_test, y_test = x_train[kept], y_train[kept], x_train[held_out], y_train[held_out]
        _check_classes(y_train, names, "train")
    if len(y_test):
        _check_classes(y_test, names, "test")
    return Raw(x_train, y_train, x_test, y_test, names, pixel_range, source=source.source)


def _image_array(images: np.ndarray, name: str) -> np.ndarray:
    """Return images as (num_images, height, width, 1 or 3); `name` is the name of the array in messages."""
    images = np.asarray(images)
    if images.dtype.kind not in "uif":
        fix = ": x.astype('uint8') * 255" if images.dtype == bool else ""
        raise InputError(f"{name} must hold numbers 0..255 or 0..1{fix}. Received: dtype {images.dtype}")
    shape = images.shape
    if images.ndim not in (3, 4):
        fix = ": x.reshape(-1, height, width)" if images.ndim == 2 else ""
        raise InputError(
            f"{name} must be (images, height, width) or (images, height, width, channels){fix}. Received: shape {shape}"
        )
    if images.ndim == 4 and shape[3] not in (1, 3):
        if shape[1] in (1, 3):
            raise InputError(
                f"{name} has the channels first, they must come last: np.moveaxis(x, 1, -1). Received: shape {shape}"
            )
        fix = ": drop the fourth with x[..., :3]" if shape[3] == 4 else ""
        raise InputError(f"{name} must have 1 or 3 channels{fix}. Received: shape {shape}")
    if 0 in shape:
        raise InputError(f"{name} is empty: at least one image is needed. Received: shape {shape}")
    return images.reshape(*shape[:3], -1)


def _whole_labels(labels: np.ndarray, name: str) -> np.ndarray:
    """Return labels as (num_images,) int64; InputError for text, fractions and one-hot labels."""
    labels = np.asarray(labels)
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.ndim == 2:
        raise InputError(
            f"{name} seems to be one-hot, but one whole number an image is needed: np.argmax(y, axis=1). "
            f"Received: shape {labels.shape}"
        )
    if labels.dtype.kind not in "uif":
        first = f" ({labels.ravel()[0]!s})" if labels.size else ""
        raise InputError(
            f"{name} holds {'text' if labels.dtype.kind in 'USO' else labels.dtype}{first}, but labels must be whole "
            "numbers: names, y = np.unique(y, return_inverse=True)"
        )
    if labels.ndim != 1:
        raise InputError(f"{name} must be (images,), one whole number an image. Received: shape {labels.shape}")
    if not len(labels):
        raise InputError(f"{name} is empty: at least one label is needed")
    if labels.dtype.kind == "f":
        bad = np.flatnonzero(~(np.isfinite(labels) & (labels == np.rint(labels)) & (np.abs(labels) < 2**53)))
        if len(bad):
            raise InputError(f"{name}[{bad[0]}] = {labels[bad[0]]}: labels must be whole numbers")
    return labels.astype(np.int64)


def _from_zero(parts: dict[str, np.ndarray], first_label: int) -> dict[str, np.ndarray]:
    """Return labels counted from 0, uint8 (int64 for more than 256 classes).

    Raises
    ------
    InputError
        For negative labels, another first label, or a class without an image.
    """
    for name, labels in parts.items():
        if labels.min() < 0:
            where = int(np.argmax(labels < 0))
            raise InputError(f"labels must not be negative. Received: {name}[{where}] = {labels[where]}")
    present = np.unique(np.concatenate(list(parts.values())))
    if present[0] != first_label:
        raise InputError(
            f"labels start at {present[0]}: pass first_label={present[0]}. Received: first_label={first_label}"
        )
    gaps = np.flatnonzero(np.diff(present) > 1)
    if len(gaps):
        raise InputError(
            f"class {present[gaps[0]] + 1} has no image, yet labels reach {present[-1]}; renumber them: "
            "names, y = np.unique(y, return_inverse=True)"
        )
    if len(present) == 1:
        raise InputError(f"at least two classes are needed. Received: only labels {present[0]}")
    dtype = np.uint8 if len(present) <= 256 else np.int64
    return {name: (labels - first_label).astype(dtype) for name, labels in parts.items()}


def _check_shapes(images: dict[str, np.ndarray], labels: dict[str, np.ndarray]) -> None:
    """Raise InputError unless each part has one label an image, and all images have one (height, width, channels)."""
    for (x, pixels), (y, numbers) in zip(images.items(), labels.items(), strict=True):
        if len(pixels) != len(numbers):
            raise InputError(
                f"{x} and {y} must be of equal length. Received: {len(pixels):,} images, {len(numbers):,} labels"
            )
    if len({array.shape[1:] for array in images.values()}) > 1:
        shapes = ", ".join(f"{name} {array.shape[1:]}" for name, array in images.items())
        raise InputError(f"training and test images must be of one size. Received: {shapes}")


def _check_classes(labels: np.ndarray, class_names: tuple[str, ...], part: str) -> None:
    """Raise InputError for a class without an image in the part."""
    missing = np.flatnonzero(np.bincount(labels, minlength=len(class_names)) == 0)
    if len(missing):
        raise InputError(f"class {missing[0]} ({class_names[missing[0]]}) has no image in the {part} part")


def _class_names(source: Raw, labels: dict[str, np.ndarray], class_names: tuple[str, ...] | None) -> tuple[str, ...]:
    classes = 1 + max(int(part.max()) for part in labels.values())
    names = source.class_names or class_names or tuple(str(label) for label in range(classes))
    if classes > len(names):
        raise InputError(f"{source.source} names {len(names)} classes, but its labels count {classes}")
    return names


def _hold_out(labels: np.ndarray, test_fraction: float) -> tuple[np.ndarray | slice, np.ndarray | slice]:
    """Return indices of the images kept, ascending, and held out, classes mixed; stratified, the same each time."""
    from sklearn.model_selection import train_test_split

    if test_fraction == 0:
        return slice(None), slice(0)
    try:
        halves = train_test_split(np.arange(len(labels)), test_size=test_fraction, random_state=0, stratify=labels)
    except ValueError as error:
        raise InputError(
            f"test_fraction={test_fraction} cannot hold out a test part of {len(labels):,} images: {error}"
        ) from error
    return np.sort(halves[0]), halves[1]
