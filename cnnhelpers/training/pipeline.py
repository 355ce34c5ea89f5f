"""Assemble and compile the model of a run, and give it images: order, padding, scaling, augmentation, optimizer."""

from typing import Any

import keras
import numpy as np

from cnnhelpers.data import Part, pad, pixel_statistics
from cnnhelpers.experiments import Experiment, Protocol, padded_shape
from cnnhelpers.training.fast_layers import tensor_batches

GREATEST_SHIFT = 1 / 8  # of the image side, by the "shift" augmentation
EVALUATION_BATCH = 500  # images
STEPS_PER_CALL = 100  # batches between two returns to Python: same results, less waiting
FEW_STEPS = 500  # of a training, for which tracing a loop over batches takes longer than it saves


def gathered(part: Part, padding: str | None = None, order: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Return the images of a part, (num_images, height, width, channels), and their labels, (num_images,).

    `order` has positions in the part; None keeps its order. For `padding` see data.pad.
    """
    chosen = part.indices if order is None else part.indices[order]
    images = part.images[chosen]
    return (pad(images, padding) if padding else images), part.labels[chosen]


def batches(images: np.ndarray, labels: np.ndarray | None = None, *, batch_size: int) -> dict[str, Any]:
    """Return the arguments by which `fit`, `evaluate` and `predict` of a model take arrays in batches, in order.

    >>> model.evaluate(**batches(images, labels, batch_size=500))  # doctest: +SKIP
    """
    if keras.backend.backend() == "tensorflow":
        arrays = (images,) if labels is None else (images, labels)
        return {"x": tensor_batches(*arrays, batch_size=batch_size)}
    arguments = {"x": images, "batch_size": batch_size}
    return arguments if labels is None else arguments | {"y": labels}


def scaling_layers(scaling: str, train: Part) -> list[keras.layers.Layer]:
    """Return the layers that scale pixels 0..255; "standardized" takes mean and SD from the training part."""
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
    protocol = experiment.protocol
    shape = padded_shape(train.images.shape[1:], protocol.padding)
    front = [*scaling_layers(protocol.scaling, train), *augmentation_layers(protocol.augmentation)]
    network = experiment.build(shape, classes, pretrained=True)
    return keras.Sequential([keras.Input(shape, dtype=str(train.images.dtype)), *front, network])


def compile_for(model: keras.Model, protocol: Protocol, images: int) -> None:
    """Compile a model for a training by `protocol` on a number of images."""
    steps = -(-images // protocol.batch_size)
    total = steps * protocol.epochs
    options = {"learning_rate": learning_rate(protocol, total)}
    options |= {} if protocol.momentum is None else {"momentum": protocol.momentum}
    model.compile(
        optimizer=keras.optimizers.get({"class_name": protocol.optimizer, "config": options}),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy", keras.metrics.SparseCategoricalCrossentropy(name="crossentropy")],
        steps_per_execution=1 if total < FEW_STEPS else min(STEPS_PER_CALL, steps),
        jit_compile=jit_compile(),
    )


def learning_rate(protocol: Protocol, steps: int) -> float | keras.optimizers.schedules.LearningRateSchedule:
    """Return the learning rate of a training of `steps` batches.

    "cosine" falls to 0 along half a cosine (Loshchilov and Hutter, 2017). "one_cycle" rises from a 25th of the learning
    rate over 30 % of the batches, then falls to 0 likewise (Smith and Topin, 2018).
    """
    rate, schedules = protocol.learning_rate, keras.optimizers.schedules
    if protocol.schedule == "cosine":
        return schedules.CosineDecay(rate, decay_steps=steps)
    if protocol.schedule == "one_cycle":
        rising = max(1, round(0.3 * steps))
        return schedules.CosineDecay(
            rate / 25, decay_steps=max(1, steps - rising), warmup_target=rate, warmup_steps=rising
        )
    return rate


def jit_compile() -> str | bool:
    """Return the `jit_compile` of Keras: with JAX XLA compiles models as Keras sees fit, with other backends none."""
    return "auto" if keras.backend.backend() == "jax" else False
