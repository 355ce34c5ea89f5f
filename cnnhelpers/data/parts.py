"""Parts of a dataset: indices into arrays that are never copied, and the statistics of their pixels."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from cnnhelpers.data.pixels import pieces

if TYPE_CHECKING:
    import pandas as pd


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
        (num_part,) int64, ascending.
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

    def parts(self) -> dict[str, Part]:
        """Return the parts that there are, by name."""
        named = {"train": self.train, "validation": self.validation, "test": self.test}
        return {name: part for name, part in named.items() if part is not None}


def describe(split: Split, classes: int) -> pd.DataFrame:
    """Return a row for each part: images, images of the smallest and largest class, mean and SD of pixels on 0..1."""
    import pandas as pd

    rows = {}
    for name, part in split.parts().items():
        counts = part.counts(classes)
        mean, variance = _moments(part, columns=1)
        rows[name] = {
            "images": len(part),
            "smallest_class": int(counts.min()),
            "largest_class": int(counts.max()),
            "pixel_mean": mean[0] / 255,
            "pixel_sd": variance[0] ** 0.5 / 255,
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("part")


def pixel_statistics(part: Part) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and variance of the pixels of a part, each (channels,) float64 on the 0..255 scale."""
    return _moments(part, columns=part.images.shape[-1])


def _moments(part: Part, columns: int) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and variance, (columns,): exact for uint8, from counts of the 256 values; floats in two passes."""
    if part.images.dtype == np.uint8:
        counts = np.zeros((columns, 256), np.int64)
        for values in _pixels(part, columns):
            for column in range(columns):
                counts[column] += np.bincount(values[:, column], minlength=256)
        total, first, second = (  # Python's whole numbers do not overflow
            [int(number) for number in counts @ np.arange(256) ** power] for power in (0, 1, 2)
        )
        mean = [s / n for s, n in zip(first, total, strict=True)]
        variance = [(n * q - s * s) / (n * n) for n, s, q in zip(total, first, second, strict=True)]
        return np.array(mean), np.array(variance)
    total = part.images[0].size // columns * len(part)
    mean = sum(values.astype(np.float64).sum(axis=0) for values in _pixels(part, columns)) / total
    return mean, sum(((values.astype(np.float64) - mean) ** 2).sum(axis=0) for values in _pixels(part, columns)) / total


def _pixels(part: Part, columns: int) -> Iterator[np.ndarray]:
    """Yield the pixels of a part in pieces, (num_pixels, columns)."""
    return (part.images[part.indices[piece]].reshape(-1, columns) for piece in pieces(len(part), part.images))
