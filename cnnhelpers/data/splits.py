"""Which images are for training, validation and test: indices into arrays that are never copied."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from cnnhelpers import seeds
from cnnhelpers.errors import InputError, unknown

if TYPE_CHECKING:
    from cnnhelpers.data.datasets import Dataset

FORMS = {
    "none": "none",
    "tail": "tail:0.15",
    "first": "first:10000",
    "last": "last:10000",
    "stratified": "stratified:0.2",
    "random": "random:0.1,0.1",
    "test": "test",
}
PADDED_SIDE = 32


@dataclass(frozen=True, eq=False)
class Part:
    """Some images of an array: `images[indices]` with `labels[indices]`.

    Parameters
    ----------
    images
        (num_images, height, width, channels), the whole array, pixels 0..255.
    labels
        (num_images,), the whole array, 0..classes-1.
    indices
        (num_part,) int64, ascending: the images that belong to the part.
    """

    images: np.ndarray
    labels: np.ndarray
    indices: np.ndarray

    def __len__(self) -> int:
        """Return the number of images of the part."""
        return len(self.indices)

    def counts(self, classes: int) -> np.ndarray:
        """Return the number of images of each class, (classes,)."""
        return np.bincount(self.labels[self.indices], minlength=classes)


@dataclass(frozen=True)
class Split:
    """The three parts of a run; validation is None if the protocol has none."""

    train: Part
    validation: Part | None
    test: Part


def parse_split(spec: str) -> tuple[str, tuple[float, ...]]:
    """Return the kind of a split and its numbers; InputError if `spec` is none of the FORMS.

    >>> parse_split("tail:0.15")
    ('tail', (0.15,))
    >>> parse_split("none")
    ('none', ())
    """
    if not isinstance(spec, str):
        raise InputError(f"split must be text such as 'stratified:0.2'. Received: split={spec!r}")
    kind, _, rest = spec.partition(":")
    if kind not in FORMS:
        raise unknown("split", spec, FORMS.values())
    wanted = FORMS[kind].partition(":")[2]
    texts = rest.split(",") if rest else []
    if len(texts) != (len(wanted.split(",")) if wanted else 0) or (":" in spec) != bool(wanted):
        raise InputError(f"split must look like {FORMS[kind]!r}. Received: split={spec!r}")
    read = _count if kind in ("first", "last") else _fraction
    numbers = tuple(read(text, spec) for text in texts)
    if kind == "random" and sum(numbers) >= 1:
        raise InputError(f"the fractions of validation and test must sum to less than 1. Received: split={spec!r}")
    return kind, numbers


def split(dataset: Dataset, spec: str, seed: int, images: int | None = None) -> Split:
    """Divide a dataset.

    Parameters
    ----------
    dataset
        See data.load.
    spec
        "none": no validation part. "tail:0.15": the last 15 % of the training images, as Keras' validation_split.
        "first:10000" and "last:10000": that many. "stratified:0.2": a fifth of every class, drawn by the seed.
        "random:0.1,0.1": validation and test fractions of the training images by scikit-learn's train_test_split
        with random_state 0 twice, as report E does; the test images of the dataset stay unused.
        "test": validation is the test part, the leak of report C.
    seed
        Seed of the run.
    images
        At most this many training and this many validation images, drawn by the seed; the test part stays whole.

    Raises
    ------
    InputError
        If the numbers do not fit the dataset, or a class is missing in a part.
    """
    kind, numbers = parse_split(spec)
    if images is not None and (type(images) is not int or images < 1):
        raise InputError(f"images must be a whole number of at least 1. Received: images={images!r}")
    if kind != "random" and not len(dataset.test_labels):
        raise InputError(
            f"{dataset.name} has no test images, which split={spec!r} needs: load it with test_fraction=0.2, "
            "or use split='random:0.1,0.1'"
        )
    train, validation, test = _indices(dataset.train_labels, kind, numbers, spec, seed)
    if kind == "test":
        validation = np.arange(len(dataset.test_labels))
    draw = seeds.generator(seed, "split", 1)
    train, validation = _at_most(images, train, draw), _at_most(images, validation, draw)
    of_training = partial(Part, dataset.train_images, dataset.train_labels)
    of_test = partial(Part, dataset.test_images, dataset.test_labels)
    parts = Split(
        train=of_training(train),
        validation=None if validation is None else of_test(validation) if kind == "test" else of_training(validation),
        test=of_test(np.arange(len(dataset.test_labels))) if test is None else of_training(test),
    )
    said = f"split={spec!r}", "take more images, or split='stratified:0.2'"
    if images:
        said = f"split={spec!r} with images={images}", f"take more images, seed {seed} draws too few"
    _check_classes(parts, dataset.class_names, *said)
    return parts


def pad(images: np.ndarray, mode: str) -> np.ndarray:
    """Zero-pad images to 32x32x3.

    Parameters
    ----------
    images
        (num_images, height, width, 1 or 3), up to 32x32.
    mode
        "middle": a grey image in the middle channel only, as report E did. "equal": in all three channels.

    Returns
    -------
    (num_images, 32, 32, 3) of the same dtype, the image in the centre.
    """
    if mode not in ("middle", "equal"):
        raise unknown("padding", mode, ("middle", "equal"))
    count, height, width, channels = images.shape
    if max(height, width) > PADDED_SIDE or channels not in (1, 3):
        raise InputError(
            f"padding={mode!r} needs images of up to 32x32x1 or 32x32x3. Received: {height}x{width}x{channels}"
        )
    if mode == "middle" and channels != 1:
        raise InputError("padding='middle' is for grey images; use padding='equal' for colour")
    top, left = (PADDED_SIDE - height) // 2, (PADDED_SIDE - width) // 2
    padded = np.zeros((count, PADDED_SIDE, PADDED_SIDE, 3), images.dtype)
    target = slice(1, 2) if mode == "middle" else slice(None)
    padded[:, top : top + height, left : left + width, target] = images
    return padded


def _count(text: str, spec: str) -> int:
    if not (text.isascii() and text.isdecimal()) or int(text) < 1:
        raise InputError(f"split needs a whole number of images of at least 1. Received: split={spec!r}")
    return int(text)


def _fraction(text: str, spec: str) -> float:
    try:
        fraction = float(text)
    except ValueError:
        fraction = math.nan
    if not 0 < fraction < 1:
        raise InputError(f"split needs fractions between 0 and 1. Received: split={spec!r}")
    return fraction


def _indices(
    labels: np.ndarray, kind: str, numbers: tuple[float, ...], spec: str, seed: int
) -> tuple[np.ndarray, np.ndarray | None, np.ndarray | None]:
    """Return ascending indices of training, validation and test into the training images; None is none of them."""
    everything = np.arange(len(labels))
    if kind in ("none", "test"):
        return everything, None, None
    if kind == "stratified":
        train, validation = _halves(everything, numbers[0], seeds.integer(seed, "split"), spec, stratify=labels)
        return np.sort(train), np.sort(validation), None
    if kind == "random":
        both = round(sum(numbers), 12)
        train, rest = _halves(everything, both, 0, spec)
        test, validation = _halves(rest, round(numbers[0] / both, 12), 0, spec)
        return np.sort(train), np.sort(validation), np.sort(test)
    keep = math.floor(len(labels) * (1 - numbers[0])) if kind == "tail" else len(labels) - int(numbers[0])
    if not 0 < keep < len(labels):
        raise InputError(
            f"split={spec!r} leaves {max(keep, 0):,} of {len(labels):,} images for training: "
            "both parts need at least one"
        )
    if kind == "first":
        return everything[int(numbers[0]) :], everything[: int(numbers[0])], None
    return everything[:keep], everything[keep:], None


def _halves(
    indices: np.ndarray, fraction: float, random_state: int, spec: str, stratify: np.ndarray | None = None
) -> list[np.ndarray]:
    """Return scikit-learn's train_test_split of `indices`, in its order: the second part has the fraction."""
    from sklearn.model_selection import train_test_split

    try:
        return train_test_split(indices, test_size=fraction, random_state=random_state, stratify=stratify)
    except ValueError as error:
        raise InputError(f"split={spec!r} does not fit {len(indices):,} images: {error}") from error


def _at_most(images: int | None, indices: np.ndarray | None, draw: np.random.Generator) -> np.ndarray | None:
    """Return at most `images` of the indices, drawn without replacement, in their order."""
    if images is None or indices is None or len(indices) <= images:
        return indices
    return np.sort(draw.choice(indices, images, replace=False))


def _check_classes(parts: Split, class_names: tuple[str, ...], said: str, mend: str) -> None:
    """Raise InputError for a class that has no image in a part."""
    for name in ("train", "validation", "test"):
        part = getattr(parts, name)
        if part is None:
            continue
        missing = np.flatnonzero(part.counts(len(class_names)) == 0)
        if len(missing):
            raise InputError(
                f"{said} leaves no image of class {missing[0]} ({class_names[missing[0]]}) in the {name} part "
                f"of {len(part):,} images: {mend}"
            )
