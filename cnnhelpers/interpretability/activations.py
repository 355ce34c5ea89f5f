"""What the layers of a Keras network answer to images, on any Keras backend."""

import math
from collections.abc import Sequence

import keras
import numpy as np

from cnnhelpers.errors import InputError, unknown

MOST_VALUES = 8192  # of a layer and image: larger maps are averaged 2x2 until they fit, which bounds the memory
BATCH_SIZE = 200
Layer = keras.layers.Layer


def network_of(model: keras.Model) -> keras.Model:
    """Return a copy of the network inside the model of a run, behind its scaling; of any other model as a whole.

    A copy, because every layer of it is called once, as those of a model that was loaded from a file are not.

    Raises
    ------
    InputError
        If it is subclassed or not built, or has several inputs or outputs.
    """
    network = _own_network(model) or model
    twin = keras.models.clone_model(network)
    twin.set_weights(network.get_weights())
    return twin


def network_inputs(model: keras.Model, images: np.ndarray) -> np.ndarray:
    """Return images (num_images, height, width, channels), pixels 0..255, as the network sees them: scaled, float32.

    InputError as of network_of, and if the images are not those that the model takes.
    """
    network, images = _own_network(model), _fitting(model, images)
    if network is None:
        return np.asarray(images, np.float32)
    (scaled,) = answers(keras.Sequential([*model.inputs, *model.layers[:-1]]), images)
    return scaled


def measured_layers(network: keras.Model) -> dict[str, Layer]:
    """Return the convolutions and dense layers of a network in order, as "convolution 1", "dense 1", ..., "output".

    "output" is the last one, if it is dense: a network may end in a convolution and an average, too.

    Raises
    ------
    InputError
        As of network_of; if there is none, or if a model with weights, such as a backbone, is nested in the network.
    """
    _check(network)
    found: dict[str, Layer] = {}
    for layer in network.layers:
        if isinstance(layer, keras.Model) and layer.weights:
            told = f"{network.name} has a nested model, {layer.name}, whose layers would be passed over"
            raise InputError(f"{told}: look at {layer.name} alone, or build the network of its layers")
        kind = {keras.layers.Conv2D: "convolution", keras.layers.Dense: "dense"}.get(type(layer))
        if kind:
            found[f"{kind} {1 + sum(name.startswith(kind) for name in found)}"] = layer
    if not found:
        raise InputError(f"{network.name} has no Conv2D and no Dense layer to look at")
    last = list(found)[-1]
    return {"output" if name == last and "dense" in name else name: layer for name, layer in found.items()}


def convolutions(network: keras.Model) -> dict[str, Layer]:
    """Return those of the measured layers that are convolutions; InputError if there is none."""
    found = {name: layer for name, layer in measured_layers(network).items() if isinstance(layer, keras.layers.Conv2D)}
    if not found:
        raise InputError(f"{network.name} has no Conv2D, so there are no filters to look at")
    return found


def activations(network: keras.Model, inputs: np.ndarray, names: Sequence[str] | None = None) -> dict[str, np.ndarray]:
    """Return what every measured layer answers, after its activation function, and the "input" itself.

    Parameters
    ----------
    inputs
        (num_images, height, width, channels), as `network_inputs` gives.
    names
        Of these layers alone, which takes less memory.

    Returns
    -------
    Name to (num_images, height, width, channels) or (num_images, units), at most MOST_VALUES an image.
    """
    inputs = checked(network, inputs)
    layers = {"input": network.inputs[0]} | {name: layer.output for name, layer in measured_layers(network).items()}
    names = list(layers if names is None else names)
    for name in names:
        if name not in layers:
            raise unknown("layer", name, layers)
    model = keras.Model(network.inputs[0], [_bounded(layers[name]) for name in names])
    return dict(zip(names, answers(model, inputs), strict=True))


def feature_maps(network: keras.Model, inputs: np.ndarray, kind: type[Layer]) -> np.ndarray:
    """Return what the first layer of a kind, such as keras.layers.MaxPooling2D, answers, not averaged.

    Raises
    ------
    InputError
        If the network has no such layer.
    """
    found = [layer for layer in network.layers if type(layer) is kind]
    if not found:
        raise InputError(f"{network.name} has no {kind.__name__}")
    (maps,) = answers(keras.Model(network.inputs[0], found[0].output), checked(network, inputs))
    return maps


def checked(network: keras.Model, inputs: np.ndarray) -> np.ndarray:
    """Return `inputs` as float32.

    Raises
    ------
    InputError
        As of network_of, or unless the inputs have the network's shape and are finite floating-point numbers, as
        `network_inputs` gives: pixels of another type were not scaled.
    """
    inputs = _fitting(network, inputs)
    finite = inputs.dtype.kind == "f" and np.isfinite(inputs).all()
    if not finite:
        received = inputs.dtype if inputs.dtype.kind != "f" else "NaN or infinity among them"
        raise InputError(f"inputs must be finite float32, as network_inputs gives. Received: {received}")
    return inputs.astype(np.float32, copy=False)


def answers(model: keras.Model, inputs: np.ndarray) -> list[np.ndarray]:
    """Return what each output of a model is for `inputs`, (num_images, ...) float32, computed in batches.

    Without the compilation of Model.predict, which takes longer than these few images.
    """
    starts = range(0, len(inputs), BATCH_SIZE)
    batches = [keras.tree.flatten(model(inputs[start : start + BATCH_SIZE], training=False)) for start in starts]
    outputs = zip(*batches, strict=True)
    return [np.concatenate([np.asarray(keras.ops.convert_to_numpy(one), np.float32) for one in own]) for own in outputs]


def _bounded(output: keras.KerasTensor) -> keras.KerasTensor:
    while len(output.shape) == 4 and math.prod(output.shape[1:]) > MOST_VALUES and max(output.shape[1:3]) > 1:
        output = keras.layers.AveragePooling2D(2, padding="same")(output)
    return output


def _own_network(model: keras.Model) -> keras.Model | None:
    """Return the network behind the scaling of a run's model; None for a model without one, or with other weights."""
    _check(model)
    *front, last = model.layers
    scaling = all(isinstance(layer, keras.layers.Normalization) or not layer.weights for layer in front)
    return last if isinstance(last, keras.Model) and scaling else None


def _check(model: keras.Model) -> None:
    """Raise InputError unless a model has one input and one output; a subclassed one, or one not built, has none."""
    inputs, outputs = (len(getattr(model, ends, ())) for ends in ("inputs", "outputs"))
    if inputs != 1 or outputs != 1:
        told = "must be a Sequential that starts with keras.Input, or a functional model, with one input and one output"
        raise InputError(f"{model.name} {told}. Received: {type(model).__name__}, {inputs} inputs, {outputs} outputs")


def _fitting(model: keras.Model, images: np.ndarray) -> np.ndarray:
    """Return images as an array; InputError unless they are those that a model with one input takes."""
    _check(model)
    images, shape = np.asarray(images), model.input_shape
    fit = images.ndim == len(shape) and all(side in (None, own) for side, own in zip(shape, images.shape, strict=True))
    if not fit or not len(images):
        raise InputError(f"{model.name} takes {shape}, one image at least. Received: {images.shape}")
    return images
