"""From uint8 images in memory to what a network sees: order, padding, scaling, augmentation."""

from typing import Any

import keras
import numpy as np

from cnnhelpers.data import Part, pad, pixel_statistics
from cnnhelpers.experiments import Experiment, Protocol, padded_shape

GREATEST_SHIFT = 1 / 8  # of the image side, by the "shift" augmentation


def gathered(part: Part, padding: str | None = None, order: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Return the images of a part, (num_images, height, width, channels), and their labels, (num_images,).

    Parameters
    ----------
    padding
        None leaves the images as they are; see splits.pad.
    order
        Positions in `part`, (num_images,) integers; None keeps the part's own order.
    """
    chosen = part.indices if order is None else part.indices[order]
    images = part.images[chosen]
    return (pad(images, padding) if padding else images), part.labels[chosen]


def batches(images: np.ndarray, labels: np.ndarray | None = None, *, batch_size: int) -> dict[str, Any]:
    """Return the arguments by which `fit`, `evaluate` and `predict` of a model take arrays in batches, in order.

    >>> model.evaluate(**batches(images, labels, batch_size=500))  # doctest: +SKIP
    """
    if keras.backend.backend() == "tensorflow":
        from cnnhelpers.training import fast_layers as tensorflow_speed

        arrays = (images,) if labels is None else (images, labels)
        return {"x": tensorflow_speed.batches(*arrays, batch_size=batch_size)}
    given = {"x": images, "batch_size": batch_size}
    return given if labels is None else given | {"y": labels}


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
