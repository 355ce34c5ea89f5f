"""From uint8 images in memory to what a network sees: batches, scaling, augmentation."""

import keras
import numpy as np

from cnnhelpers.data import pixel_statistics
from cnnhelpers.experiment import Experiment, Protocol, padded_shape
from cnnhelpers.splits import Part, pad

GREATEST_SHIFT = 1 / 8  # of the image side, by the "shift" augmentation


class Batches(keras.utils.PyDataset):
    """The images of a part in a given order, gathered batch by batch; pixels stay as they are in memory.

    The order is the caller's: Keras would repeat one permutation in every epoch of a seeded run.
    """

    def __init__(self, part: Part, order: np.ndarray, batch_size: int, padding: str | None = None) -> None:
        """`order` holds positions in `part`, (num_images,) integers."""
        super().__init__()
        self._part, self._indices = part, part.indices[order]
        self._batch_size, self._padding = batch_size, padding

    def __len__(self) -> int:
        """Return the number of batches, the last one possibly smaller."""
        return -(-len(self._indices) // self._batch_size)

    def __getitem__(self, position: int) -> tuple[np.ndarray, np.ndarray]:
        """Return images (batch, height, width, channels) and labels (batch,)."""
        chosen = self._indices[position * self._batch_size : (position + 1) * self._batch_size]
        images = self._part.images[chosen]
        return (pad(images, self._padding) if self._padding else images), self._part.labels[chosen]


def scaling_layers(scaling: str, train: Part) -> list[keras.layers.Layer]:
    """Return the layers that turn pixels 0..255 into what `scaling` says; statistics come from the training part."""
    if scaling == "none":
        return [keras.layers.Rescaling(1.0)]
    if scaling == "unit":
        return [keras.layers.Rescaling(1 / 255)]
    if scaling == "unit_row_norm":  # keras.utils.normalize of grey images: the width axis of (batch, height, width, 1)
        return [keras.layers.Rescaling(1.0), keras.layers.UnitNormalization(axis=2)]
    mean, variance = pixel_statistics(train)
    return [keras.layers.Normalization(axis=-1, mean=mean, variance=variance)]


def augmentation_layers(augmentation: str | None) -> list[keras.layers.Layer]:
    """Return the layers that vary training images at random; they do nothing outside training."""
    kinds = augmentation.split("+") if augmentation else []
    layers: list[keras.layers.Layer] = []
    if "flip" in kinds:
        layers.append(keras.layers.RandomFlip("horizontal"))
    if "shift" in kinds:
        layers.append(keras.layers.RandomTranslation(GREATEST_SHIFT, GREATEST_SHIFT, fill_mode="constant"))
    return layers


def assemble(experiment: Experiment, train: Part, classes: int) -> keras.Model:
    """Return scaling, augmentation and network as one model of pixels 0..255, (batch, height, width, channels)."""
    protocol: Protocol = experiment.protocol
    shape = padded_shape(train.images.shape[1:], protocol.padding)
    front = [*scaling_layers(protocol.scaling, train), *augmentation_layers(protocol.augmentation)]
    network = experiment.build(shape, classes, pretrained=True)
    return keras.Sequential([keras.Input(shape, dtype=str(train.images.dtype)), *front, network])
