"""Parts of a dataset: indices into arrays that are never copied, the statistics of their pixels, and checks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from cnnhelpers.data.pixels import pieces
from cnnhelpers.errors import InputError

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class Part:
    """Some images of an array: `images[indices]` with `labels[indices]`."""

    images: np.ndarray  #: (num_images, height, width, channels), the whole array, pixels 0..255
    labels: np.ndarray  #: (num_images,), the whole array, 0..classes-1
    indices: np.ndarray  #: (num_part,) int64, ascending

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

    def parts(self) -> dict[str, Part]:
        """Return the parts that there are, by name."""
        return {name: part for name, part in vars(self).items() if part is not None}


def describe(split: Split, classes: int) -> pd.DataFrame:
    """Return a row for each part: images, images of the smallest and largest class, mean and SD of pixels on 0..1."""
    import pandas as pd

    rows = {}
    for name, part in split.parts().items():
        counts = part.counts(classes)
        mean, variance = pixel_statistics(part, channels=1)
        rows[name] = {
            "images": len(part),
            "smallest_class": int(counts.min()),
            "largest_class": int(counts.max()),
            "pixel_mean": mean[0] / 255,
            "pixel_sd": variance[0] ** 0.5 / 255,
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("part")


def pixel_statistics(part: Part, channels: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and variance of the pixels of a part, each (channels,) float64 on the 0..255 scale.

    Exact for uint8, from counts of the 256 values; floats are summed in two passes. `channels` 1 takes all channels of
    the images together.
    """
    channels = channels or part.images.shape[-1]
    if part.images.dtype == np.uint8:
        counts = np.zeros((channels, 256), np.int64)
        for values in _pixels(part, channels):
            counts += [np.bincount(channel, minlength=256) for channel in values.T]
        whole = counts.astype(object)  # Python's whole numbers do not overflow
        total, first, second = (whole @ np.arange(256) ** power for power in (0, 1, 2))
        return (first / total).astype(float), ((total * second - first**2) / total**2).astype(float)
    total = part.images[0].size // channels * len(part)
    mean = sum(values.astype(np.float64).sum(axis=0) for values in _pixels(part, channels)) / total
    squares = sum(((values.astype(np.float64) - mean) ** 2).sum(axis=0) for values in _pixels(part, channels))
    return mean, squares / total


def _pixels(part: Part, channels: int) -> Iterator[np.ndarray]:
    """Yield the pixels of a part in pieces, (num_pixels, channels)."""
    return (part.images[part.indices[piece]].reshape(-1, channels) for piece in pieces(len(part), part.images))


def halves(
    indices: np.ndarray, fraction: float, setting: str, random_state: int = 0, stratify: np.ndarray | None = None
) -> list[np.ndarray]:
    """Return scikit-learn's train_test_split of `indices`, in its order: the second part has the fraction.

    InputError, naming the `setting`, if there are too few.
    """
    from sklearn.model_selection import train_test_split

    try:
        return train_test_split(indices, test_size=fraction, random_state=random_state, stratify=stratify)
    except ValueError as error:
        raise InputError(f"{setting} does not fit {len(indices):,} images: {error}") from error


def check_classes(labels: np.ndarray, class_names: Sequence[str], part: str, setting: str, fix: str) -> None:
    """Raise InputError, naming the `setting`, for a class without an image in the part."""
    missing = np.flatnonzero(np.bincount(labels, minlength=len(class_names)) == 0)
    if len(missing):
        raise InputError(
            f"{setting}: class {missing[0]} ({class_names[missing[0]]}) has no image in the {part} part of "
            f"{len(labels):,} images: {fix}"
        )
