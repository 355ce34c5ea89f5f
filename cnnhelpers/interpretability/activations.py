"""Compute the activations of the layers of a Keras network, on any Keras backend.

All functions raise InputError for a model that is subclassed or not built, or has several inputs or outputs, and for
inputs that do not fit it.
"""

import math
from collections.abc import Sequence

import keras
import numpy as np

from cnnhelpers.errors import InputError, unknown

MOST_VALUES = 8192  # of a layer and image: larger maps are averaged 2x2 until they fit, which bounds the memory
BATCH_SIZE = 200
Layer = keras.layers.Layer


def network_of(model: keras.Model) -> keras.Model:
    """Return a copy of the network inside the model of a run, without its scaling; of any other model as a whole.

    In a copy each layer is called once, unlike in a model that was loaded from a file.
    """
    network = _inner_network(model) or model
    copy = keras.models.clone_model(network)
    copy.set_weights(network.get_weights())
    return copy


def network_inputs(model: keras.Model, images: np.ndarray) -> np.ndarray:
    """Return images (num_images, height, width, channels), pixels 0..255, as inputs of the network: scaled, float32."""
    network, images = _inner_network(model), _fitting(model, images)
    if network is None:
        return np.asarray(images, np.float32)
    (scaled,) = outputs_of(keras.Sequential([*model.inputs, *model.layers[:-1]]), images)
    return scaled


def measured_layers(network: keras.Model) -> dict[str, Layer]:
    """Return the convolutions and dense layers of a network in order, as "convolution 1", "dense 1", ..., "output".

    "output" is the last layer, if it is dense; a network may also end in a convolution and an average. InputError
    without such layers, and with a nested model that has weights, such as a backbone.
    """
    _check(network)
    layers: dict[str, Layer] = {}
    for layer in network.layers:
        if isinstance(layer, keras.Model) and layer.weights:
            raise InputError(
                f"the layers of {layer.name}, a nested model of {network.name}, cannot be measured: measure "
                f"{layer.name} alone, or build the network from its layers"
            )
        kind = {keras.layers.Conv2D: "convolution", keras.layers.Dense: "dense"}.get(type(layer))
        if kind:
            layers[f"{kind} {1 + sum(name.startswith(kind) for name in layers)}"] = layer
    if not layers:
        raise InputError(f"{network.name} has no Conv2D and no Dense layer to measure")
    *_, last = layers
    return {"output" if name == last and "dense" in name else name: layer for name, layer in layers.items()}


def convolutions(network: keras.Model) -> dict[str, Layer]:
    """Return the convolutions among the measured layers; InputError without any."""
    layers = {name: layer for name, layer in measured_layers(network).items() if isinstance(layer, keras.layers.Conv2D)}
    if not layers:
        raise InputError(f"{network.name} has no Conv2D, so there are no filters to measure")
    return layers


def activations(network: keras.Model, inputs: np.ndarray, names: Sequence[str] | None = None) -> dict[str, np.ndarray]:
    """Return the outputs of measured layers, after their activation function, and the "input" itself, by name.

    `inputs` are as `network_inputs` returns; `names` choose layers, which takes less memory. Outputs are (num_images,
    height, width, channels) or (num_images, units), at most MOST_VALUES an image.
    """
    inputs = check_inputs(network, inputs)
    layers = {"input": network.inputs[0]} | {name: layer.output for name, layer in measured_layers(network).items()}
    names = list(layers if names is None else names)
    for name in names:
        if name not in layers:
            raise unknown("layer", name, layers)
    model = keras.Model(network.inputs[0], [_bounded(layers[name]) for name in names])
    return dict(zip(names, outputs_of(model, inputs), strict=True))


def feature_maps(network: keras.Model, inputs: np.ndarray, kind: type[Layer]) -> np.ndarray:
    """Return the outputs of the first layer of a kind, such as keras.layers.MaxPooling2D; InputError without any."""
    layers = [layer for layer in network.layers if type(layer) is kind]
    if not layers:
        raise InputError(f"{network.name} has no {kind.__name__}")
    (maps,) = outputs_of(keras.Model(network.inputs[0], layers[0].output), check_inputs(network, inputs))
    return maps


def check_inputs(network: keras.Model, inputs: np.ndarray) -> np.ndarray:
    """Return `inputs` as float32; InputError unless they are finite floats: pixels of another type are not scaled."""
    inputs = _fitting(network, inputs)
    finite = inputs.dtype.kind == "f" and np.isfinite(inputs).all()
    if not finite:
        received = inputs.dtype if inputs.dtype.kind != "f" else "NaN or infinity among them"
        raise InputError(f"inputs must be finite float32, as network_inputs returns. Received: {received}")
    return inputs.astype(np.float32, copy=False)


def outputs_of(model: keras.Model, inputs: np.ndarray) -> list[np.ndarray]:
    """Return each output of a model for `inputs`, (num_images, ...) float32, computed in batches.

    Model.predict would compile first, which takes longer for few images.
    """
    starts = range(0, len(inputs), BATCH_SIZE)
    batches = [keras.tree.flatten(model(inputs[start : start + BATCH_SIZE], training=False)) for start in starts]
    return [
        np.concatenate([np.asarray(keras.ops.convert_to_numpy(batch), np.float32) for batch in output])
        for output in zip(*batches, strict=True)
    ]


def _bounded(output: keras.KerasTensor) -> keras.KerasTensor:
    while len(output.shape) == 4 and math.prod(output.shape[1:]) > MOST_VALUES and max(output.shape[1:3]) > 1:
        output = keras.layers.AveragePooling2D(2, padding="same")(output)
    return output


def _inner_network(model: keras.Model) -> keras.Model | None:
    """Return the network behind the scaling of a run's model; None for a model without one, or with other weights."""
    _check(model)
    *front, last = model.layers
    scaling = all(isinstance(layer, keras.layers.Normalization) or not layer.weights for layer in front)
    return last if isinstance(last, keras.Model) and scaling else None


def _check(model: keras.Model) -> None:
    inputs, outputs = (len(getattr(model, ends, ())) for ends in ("inputs", "outputs"))
    if inputs != 1 or outputs != 1:
        raise InputError(
            f"{model.name} must be a Sequential that starts with keras.Input, or a functional model, with one input "
            f"and one output. Received: {type(model).__name__}, {inputs} inputs, {outputs} outputs"
        )


def _fitting(model: keras.Model, images: np.ndarray) -> np.ndarray:
    """Return images as an array; InputError unless they fit a model with one input."""
    _check(model)
    images, shape = np.asarray(images), model.input_shape
    sides = images.ndim == len(shape) and zip(shape, images.shape, strict=True)
    if not sides or not len(images) or any(side not in (None, given) for side, given in sides):
        raise InputError(f"{model.name} takes {shape}, one image at least. Received: {images.shape}")
    return images
