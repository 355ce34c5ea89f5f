"""Divide a dataset into training, validation and test part."""

import math
from contextlib import suppress
from dataclasses import replace
from functools import partial

import numpy as np

from cnnhelpers import seeds
from cnnhelpers.data.datasets import Dataset
from cnnhelpers.data.parts import Part, Split, check_classes, halves
from cnnhelpers.errors import InputError, check_count, unknown

FORMS = {
    "none": "none",
    "tail": "tail:0.15",
    "first": "first:10000",
    "last": "last:10000",
    "stratified": "stratified:0.2",
    "random": "random:0.1,0.1",
    "test": "test",
}


def parse_split(spec: str) -> tuple[str, tuple[float, ...]]:
    """Return the kind of a split and its numbers; InputError if `spec` has none of the FORMS.

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
    numbers = tuple(_number(text, kind in ("first", "last"), spec) for text in texts)
    if kind == "random" and sum(numbers) >= 1:
        raise InputError(f"the fractions of validation and test must sum to less than 1. Received: split={spec!r}")
    return kind, numbers


def split(dataset: Dataset, spec: str, seed: int, images: int | None = None) -> Split:
    """Divide a dataset; InputError if the numbers do not fit it, or a class is missing in a part.

    Parameters
    ----------
    spec
        "none": no validation part. "tail:0.15": the last 15 % of the training images, as Keras' validation_split.
        "first:10000", "last:10000": that number of training images. "stratified:0.2": a fifth of each class, drawn by
        the seed. "random:0.1,0.1": validation and test fractions of the training images by scikit-learn's
        train_test_split with random_state 0 twice, as in report E; the test images of the dataset stay unused.
        "test": validation is the test part, the leak of report C.
    seed
        Seed of the run.
    images
        Largest number of training images, and of validation images, drawn by the seed; the test part stays whole.
    """
    kind, numbers = parse_split(spec)
    if images is not None:
        check_count("images", images)
    if kind != "random" and not len(dataset.test_labels):
        raise InputError(
            f"{dataset.name} has no test images, which split={spec!r} needs: load it with test_fraction=0.2, "
            "or use split='random:0.1,0.1'"
        )
    of_training = partial(Part, dataset.train_images, dataset.train_labels)
    train, *others = _indices(dataset.train_labels, kind, numbers, spec, seed)
    validation, test = (None if indices is None else of_training(indices) for indices in others)
    if test is None:
        test = Part(dataset.test_images, dataset.test_labels, np.arange(len(dataset.test_labels)))
    validation = test if kind == "test" else validation
    draw = seeds.generator(seed, "split", 1)
    divided = Split(_at_most(images, of_training(train), draw), _at_most(images, validation, draw), test)
    setting, fix = f"split={spec!r}", "take more images, or split='stratified:0.2'"
    if images:
        setting, fix = f"{setting} with images={images}", f"take more images, seed {seed} draws too few"
    for name, part in divided.parts().items():
        check_classes(part.labels[part.indices], dataset.class_names, name, setting, fix)
    return divided


def _number(text: str, whole: bool, spec: str) -> float:
    if whole:
        if text.isascii() and text.isdecimal() and int(text) >= 1:
            return int(text)
        raise InputError(f"split needs a whole number of images of at least 1. Received: split={spec!r}")
    with suppress(ValueError):
        if 0 < float(text) < 1:
            return float(text)
    raise InputError(f"split needs fractions between 0 and 1. Received: split={spec!r}")


def _indices(
    labels: np.ndarray, kind: str, numbers: tuple[float, ...], spec: str, seed: int
) -> tuple[np.ndarray, np.ndarray | None, np.ndarray | None]:
    """Return ascending indices of training, validation and test into the training images; None for no such indices."""
    everything, setting = np.arange(len(labels)), f"split={spec!r}"
    if kind in ("none", "test"):
        return everything, None, None
    if kind == "stratified":
        train, validation = halves(everything, numbers[0], setting, seeds.integer(seed, "split"), labels)
        return np.sort(train), np.sort(validation), None
    if kind == "random":
        both = round(sum(numbers), 12)
        train, rest = halves(everything, both, setting)
        test, validation = halves(rest, round(numbers[0] / both, 12), setting)
        return np.sort(train), np.sort(validation), np.sort(test)
    keep = math.floor(len(labels) * (1 - numbers[0])) if kind == "tail" else len(labels) - int(numbers[0])
    if not 0 < keep < len(labels):
        raise InputError(
            f"{setting} leaves {max(keep, 0):,} of {len(labels):,} images for training: both parts need at least one"
        )
    if kind == "first":
        return everything[int(numbers[0]) :], everything[: int(numbers[0])], None
    return everything[:keep], everything[keep:], None


def _at_most(images: int | None, part: Part | None, draw: np.random.Generator) -> Part | None:
    """Return at most `images` images of a part, drawn without replacement, in their order."""
    if images is None or part is None or len(part) <= images:
        return part
    return replace(part, indices=np.sort(draw.choice(part.indices, images, replace=False)))
