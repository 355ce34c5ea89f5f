"""Measure signal and gradient in the layers of a network before training, on any Keras backend."""

import keras
import numpy as np
import pandas as pd

from cnnhelpers import data
from cnnhelpers.data import Part
from cnnhelpers.experiments import Experiment, padded_shape
from cnnhelpers.interpretability.activations import measured_layers, network_inputs, network_of
from cnnhelpers.seeds import integer
from cnnhelpers.training import assemble


def signals(network: keras.Model, inputs: np.ndarray, labels: np.ndarray) -> pd.DataFrame:
    """Return signal and gradient of each convolution and dense layer of a network, which is left as it is.

    As in training, with batch normalization by the batch, but without dropout, which would differ between images.
    `inputs` are (num_images, height, width, channels), scaled for the network; `labels` (num_images,) from 0.

    Columns are layer ("convolution 1", ..., "output"), depth (from 1), signal (standard deviation of its output over
    images, mean over places and units; NaN for the output, whose probabilities have another scale) and gradient
    (standard deviation of the gradient of the loss by its kernel).
    """
    copy = keras.models.clone_model(network)
    copy.set_weights(network.get_weights())
    for layer in copy.layers:
        if isinstance(layer, keras.layers.Dropout):
            layer.rate = 0.0
    layers = measured_layers(copy)
    hidden = {name: layer.output for name, layer in layers.items() if name != "output"}
    outputs = keras.Model(copy.inputs[0], hidden)(inputs, training=True) if hidden else {}
    signal = {name: keras.ops.convert_to_numpy(output).std(axis=0).mean() for name, output in outputs.items()}
    gradients = _gradients(copy, inputs, labels)
    return pd.DataFrame(
        {
            "layer": list(layers),
            "depth": range(1, len(layers) + 1),
            "signal": [float(signal.get(name, np.nan)) for name in layers],
            "gradient": [float(gradients[layer.kernel.path].std()) for layer in layers.values()],
        }
    )


def initial_signals(experiment: Experiment, seed: int = 0, images: int = 32) -> pd.DataFrame:
    """Return `signals` of a run before its first step, on random pixels and labels, with the column experiment, its id.

    Weights and scaling are those of the run; no data are needed. Real images differ more from each other than random
    pixels do once a layer has averaged over places, so their signal is stronger.
    """
    info, protocol = data.info(experiment.protocol.dataset), experiment.protocol
    generator = np.random.default_rng(seed)
    shape = padded_shape(info.image_shape, protocol.padding)
    pixels = generator.integers(0, 256, (images, *shape), np.uint8)
    labels = generator.integers(0, info.classes, images)
    keras.utils.set_random_seed(integer(seed, "weights"))
    model = assemble(experiment, Part(pixels, labels, np.arange(images)), info.classes)
    table = signals(network_of(model), network_inputs(model, pixels), labels)
    return table.assign(experiment=experiment.id)


def _gradients(network: keras.Model, inputs: np.ndarray, labels: np.ndarray) -> dict[str, np.ndarray]:
    """Return the gradient of the loss by the path of each weight; this trains `network` one step.

    Keras has no function for gradients, but the first velocity of SGD with momentum is minus the gradient at a learning
    rate of 1.
    """
    optimizer = keras.optimizers.SGD(learning_rate=1.0, momentum=0.5)
    network.compile(optimizer, "sparse_categorical_crossentropy", run_eagerly=True)  # tracing one step takes longer
    network.train_on_batch(inputs, labels)
    velocities = zip(network.trainable_variables, optimizer.momentums, strict=True)
    return {weight.path: -velocity.numpy() for weight, velocity in velocities}
