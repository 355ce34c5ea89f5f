"""Check raw arrays and bring them to one form; errors name the value, what was expected and the fix."""

import math

import numpy as np

from cnnhelpers.data.parts import check_classes, halves
from cnnhelpers.data.pixels import rescale
from cnnhelpers.data.readers import Raw
from cnnhelpers.errors import InputError, check_count


def options(
    first_label: int, pixel_range: tuple[float, float] | None, test_fraction: float
) -> tuple[int, tuple[float, float] | None, float]:
    """Return the checked arguments of data.load."""
    check_count("first_label", first_label, lowest=0)
    if pixel_range is not None:
        try:
            low, high = pixel_range = tuple(map(float, pixel_range))
        except (TypeError, ValueError):
            low = high = math.nan
        if not -math.inf < low < high < math.inf:
            raise InputError(f"pixel_range must be (lowest, highest), such as (0, 255). Received: {pixel_range=}")
    if type(test_fraction) not in (int, float) or not 0 <= test_fraction < 1:
        raise InputError(f"test_fraction must be between 0 (no test part) and 1. Received: {test_fraction=}")
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
    if source.test_images is None and test_fraction is None:
        raise InputError(f"{source.source} must hold x_train, y_train, x_test, y_test; x_test is missing")
    if source.test_images is None and test_fraction:
        setting = f"test_fraction={test_fraction}"
        kept, held_out = halves(np.arange(len(y_train)), test_fraction, setting, stratify=y_train)
        kept.sort()
        x_train, y_train, x_test, y_test = x_train[kept], y_train[kept], x_train[held_out], y_train[held_out]
    for part, present in (("train", y_train), ("test", y_test)):
        if len(present):
            check_classes(present, names, part, source.source, "add some, or leave the class out")
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
        raise InputError(f"{name} must be (images, height, width[, channels]){fix}. Received: shape {shape}")
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
        raise InputError(f"{name} is one-hot: np.argmax(y, axis=1) gives one label per image. Received: {labels.shape}")
    if labels.dtype.kind not in "uif":
        first = f" ({labels.ravel()[0]!s})" if labels.size else ""
        raise InputError(
            f"{name} holds {'text' if labels.dtype.kind in 'USO' else labels.dtype}{first}, but labels must be whole "
            "numbers: names, y = np.unique(y, return_inverse=True)"
        )
    if labels.ndim != 1:
        raise InputError(f"{name} must be (images,), one whole number per image. Received: shape {labels.shape}")
    if not len(labels):
        raise InputError(f"{name} is empty: at least one label is needed")
    if labels.dtype.kind == "f":
        bad = np.flatnonzero(~(np.isfinite(labels) & (labels == np.rint(labels)) & (np.abs(labels) < 2**53)))
        if len(bad):
            raise InputError(f"{name}[{bad[0]}] = {labels[bad[0]]}: labels must be whole numbers")
    return labels.astype(np.int64)


def _from_zero(parts: dict[str, np.ndarray], first_label: int) -> dict[str, np.ndarray]:
    """Return labels counted from 0, uint8 (int64 for more than 256 classes).

    InputError for negative labels, another first label, or a class without an image.
    """
    for name, labels in parts.items():
        if labels.min() < 0:
            where = np.argmax(labels < 0)
            raise InputError(f"labels must not be negative. Received: {name}[{where}] = {labels[where]}")
    present = np.unique(np.concatenate(list(parts.values())))
    first = present[0]
    if first != first_label:
        raise InputError(f"labels start at {first}: pass first_label={first}. Received: first_label={first_label}")
    gaps = np.flatnonzero(np.diff(present) > 1)
    if len(gaps):
        raise InputError(
            f"class {present[gaps[0]] + 1} has no image, yet labels reach {present[-1]}; renumber them: "
            "names, y = np.unique(y, return_inverse=True)"
        )
    if len(present) == 1:
        raise InputError(f"at least two classes are needed. Received: only labels {first}")
    dtype = np.uint8 if len(present) <= 256 else np.int64
    return {name: (labels - first_label).astype(dtype) for name, labels in parts.items()}


def _check_shapes(images: dict[str, np.ndarray], labels: dict[str, np.ndarray]) -> None:
    """Raise InputError unless each part has one label per image, and all images have one (height, width, channels)."""
    for (x, pixels), (y, numbers) in zip(images.items(), labels.items(), strict=True):
        if len(pixels) != len(numbers):
            raise InputError(
                f"{x} and {y} must be of equal length. Received: {len(pixels):,} images, {len(numbers):,} labels"
            )
    if len({array.shape[1:] for array in images.values()}) > 1:
        shapes = ", ".join(f"{name} {array.shape[1:]}" for name, array in images.items())
        raise InputError(f"training and test images must be of one size. Received: {shapes}")


def _class_names(source: Raw, labels: dict[str, np.ndarray], class_names: tuple[str, ...] | None) -> tuple[str, ...]:
    classes = 1 + max(int(part.max()) for part in labels.values())
    names = source.class_names or class_names or tuple(str(label) for label in range(classes))
    if classes > len(names):
        raise InputError(f"{source.source} names {len(names)} classes, but its labels count {classes}")
    return names
