"""What the layers of a Keras network answer to images, on any Keras backend."""

import math

import keras
import numpy as np

from cnnhelpers.errors import InputError

MOST_VALUES = 8192  # of a layer and image: larger maps are averaged 2x2 until they fit, which bounds the memory
BATCH_SIZE = 200
Layer = keras.layers.Layer


def network_of(model: keras.Model) -> keras.Model:
    """Return a copy of the network inside the model of a run, behind its scaling; of any other model as a whole.

    A copy, because every layer of it is called once, as those of a model that was loaded from a file are not.
    """
    network = _own_network(model) or model
    twin = keras.models.clone_model(network)
    twin.set_weights(network.get_weights())
    return twin


def network_inputs(model: keras.Model, images: np.ndarray) -> np.ndarray:
    """Return images (num_images, height, width, channels), pixels 0..255, as the network sees them: scaled, float32."""
    if _own_network(model) is None:
        return np.asarray(images, np.float32)
    (scaled,) = answers(keras.Sequential([*model.inputs, *model.layers[:-1]]), images)
    return scaled


def measured_layers(network: keras.Model) -> dict[str, Layer]:
    """Return the convolutions and dense layers of a network in order, as "convolution 1", "dense 1", ..., "output".

    Layers inside a nested model, such as a backbone, are not among them.

    Raises
    ------
    InputError
        If there is none.
    """
    found: dict[str, Layer] = {}
    for layer in network.layers:
        kind = {keras.layers.Conv2D: "convolution", keras.layers.Dense: "dense"}.get(type(layer))
        if kind:
            found[f"{kind} {1 + sum(name.startswith(kind) for name in found)}"] = layer
    if not found:
        raise InputError(f"{network.name} has no Conv2D and no Dense layer to look at")
    last = list(found)[-1]
    return {"output" if name == last else name: layer for name, layer in found.items()}


def convolutions(network: keras.Model) -> dict[str, Layer]:
    """Return those of the measured layers that are convolutions; InputError if there is none."""
    found = {name: layer for name, layer in measured_layers(network).items() if isinstance(layer, keras.layers.Conv2D)}
    if not found:
        raise InputError(f"{network.name} has no Conv2D, so there are no filters to look at")
    return found


def activations(network: keras.Model, inputs: np.ndarray) -> dict[str, np.ndarray]:
    """Return what every measured layer answers, after its activation function, and the "input" itself.

    Parameters
    ----------
    inputs
        (num_images, height, width, channels), as `network_inputs` gives.

    Returns
    -------
    Name to (num_images, height, width, channels) or (num_images, units), at most MOST_VALUES an image.
    """
    layers = {"input": network.inputs[0]} | {name: layer.output for name, layer in measured_layers(network).items()}
    model = keras.Model(network.inputs[0], [_bounded(output) for output in layers.values()])
    return dict(zip(layers, answers(model, inputs), strict=True))


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
    (maps,) = answers(keras.Model(network.inputs[0], found[0].output), inputs)
    return maps


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
    return model.layers[-1] if isinstance(model.layers[-1], keras.Model) else None
