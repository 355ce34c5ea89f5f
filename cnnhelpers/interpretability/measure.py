"""Measure a trained network: filters, activations, projections, probes and explanations as small arrays."""

import keras
import numpy as np
import pandas as pd

from cnnhelpers.errors import InputError
from cnnhelpers.interpretability import activations, attribution, metrics

TEST_IMAGES, PROBE_IMAGES = 1000, 2000  # the first of the test and of the training part
SIMILAR_IMAGES = 500  # of the test images, for CKA
SANITY_IMAGES = 32
EXPLAINED = 3  # right predictions, and 3 wrong ones
FILTERS, CHANNELS = 8, 16  # at most, of each convolution and of the feature maps
QUANTILES = 101  # of the weights of a layer

Measures = dict[str, np.ndarray]  # see measure
Images = tuple[np.ndarray, np.ndarray]  # images and their labels


def measure(model: keras.Model, initial: keras.Model, train: Images, test: Images) -> Measures:
    """Return all measures of a trained model.

    Parameters
    ----------
    model, initial
        The model with its trained and its initial weights: from pixels 0..255 to class probabilities, with one
        convolution at least.
    train, test
        Images (num_images, height, width, channels), pixels 0..255, and labels (num_images,): the probes learn from
        the first PROBE_IMAGES training images, everything else uses the first TEST_IMAGES test images.

    Returns
    -------
    Arrays by name. `layers` names the input, every convolution and every dense layer; a first axis of 2 is before and
    after training.

    layers (num_layers,) text; labels, predicted (num_test,);
    probe, silhouette, dead: (2, num_layers), see metrics; dead units NaN except with ReLU;
    similarities: (num_layers, num_batches, pairs), see metrics; kept: (num_layers,) CKA with the layer before training;
    weights: (2, num_layers - 1, QUANTILES) of the kernels; moved: (num_layers - 1,), see metrics.change;
    moran: (2, num_convolutions) means over the slices; random_moran: (num_convolutions,);
    filters_first, filters_last: (height, width, input_channels, filters), FILTERS x FILTERS at most, after training;
    preferred_first, preferred_last: (filters, height, width, channels) uint8;
    maps_convolution, maps_pooling: (height, width, CHANNELS at most), of the first test image;
    components, explained, tsne: of the last layer but one, see metrics.projections;
    shown: (num_shown,) positions of explained test images, right predictions first; saliency, cam: a map (0..1) each;
    sanity: (2, num_layers), of saliency and Grad-CAM, see attribution.sanity_check.

    Raises
    ------
    InputError
        For a model that activations.measured_layers refuses, an `initial` of another architecture, and images or labels
        that do not fit or all agree.
    """
    network, start = activations.network_of(model), activations.network_of(initial)
    shapes, expected = ([array.shape for array in copy.get_weights()] for copy in (start, network))
    if shapes != expected:
        raise InputError(f"initial must be the model before training. Received: weights {shapes}, not {expected}")
    train, test = (
        (activations.network_inputs(model, images[:count]), np.asarray(labels[:count], np.int16))
        for (images, labels), count in ((train, PROBE_IMAGES), (test, TEST_IMAGES))
    )
    before, after = (_moment(copy, train, test) for copy in (start, network))
    both = ("probe", "silhouette", "dead", "weights", "moran")
    measures = {name: np.stack([before[name], after[name]]) for name in both}
    measures |= {name: after[name] for name in ("layers", "random_moran", "similarities")}
    for name, compare, arrays in (("kept", metrics.cka, "similarities"), ("moved", metrics.change, "kernels")):
        measures[name] = np.array([compare(*pair) for pair in zip(before[arrays], after[arrays], strict=True)])
    (probabilities,) = activations.outputs_of(network, test[0])
    measures |= {"labels": test[1], "predicted": probabilities.argmax(axis=-1).astype(np.int16)}
    measures |= metrics.projections(_activations(network, test[0], measures["layers"][-2]))
    measures |= _pictures(network, test[0]) | _explained(network, *test, measures["predicted"])
    return {name: _small(array) for name, array in measures.items()}


def _moment(network: keras.Model, train: Images, test: Images) -> Measures:
    """Return the measures of a network before or after training, on its inputs and labels."""
    layers = activations.measured_layers(network)
    kernels = [np.asarray(layer.get_weights()[0], np.float64) for layer in layers.values()]
    filters = [kernel for kernel in kernels if kernel.ndim == 4]
    relu = {name for name, layer in layers.items() if layer.get_config()["activation"] == "relu"}
    rows = []
    for name in ["input", *layers]:  # layer by layer: all layers of all images take gigabytes
        tested = _activations(network, test[0], name)
        rows.append(
            {
                "layers": name,
                "probe": metrics.probe(_activations(network, train[0], name), train[1], tested, test[1]),
                "silhouette": metrics.silhouette(tested, test[1]),
                "dead": metrics.dead_units(tested) if name in relu else np.nan,
                "similarities": metrics.similarities(tested[:SIMILAR_IMAGES]),
            }
        )
    return {name: np.array([row[name] for row in rows]) for name in rows[0]} | {
        "weights": np.stack([np.quantile(kernel, np.linspace(0, 1, QUANTILES)) for kernel in kernels]),
        "kernels": kernels,
        "moran": np.array([pd.Series(metrics.moran(kernel).ravel()).mean() for kernel in filters]),
        "random_moran": np.array([metrics.random_moran(*kernel.shape[:2]) for kernel in filters]),
    }


def _activations(network: keras.Model, inputs: np.ndarray, name: str) -> np.ndarray:
    return activations.activations(network, inputs, [name])[name]


def _pictures(network: keras.Model, inputs: np.ndarray) -> Measures:
    """Return filters, feature maps and preferred inputs of the network."""
    layers, low, high = activations.convolutions(network), float(inputs.min()), float(inputs.max())
    pictures = {}
    for place, name in (("first", next(iter(layers))), ("last", list(layers)[-1])):
        pictures[f"filters_{place}"] = layers[name].get_weights()[0][:, :, :FILTERS, :FILTERS]
        images = attribution.preferred_inputs(network, name, FILTERS, (low, high))
        pictures[f"preferred_{place}"] = np.round(255 * (images - low) / (high - low)).astype(np.uint8)
    for place, kind in (("convolution", keras.layers.Conv2D), ("pooling", keras.layers.MaxPooling2D)):
        if any(type(layer) is kind for layer in network.layers):
            maps = activations.feature_maps(network, inputs[:1], kind)
            pictures[f"maps_{place}"] = maps[0, :, :, :CHANNELS]
    return pictures


def _explained(network: keras.Model, inputs: np.ndarray, labels: np.ndarray, predicted: np.ndarray) -> Measures:
    """Return explanations of the predicted class for the first right and the first wrong predictions."""
    right, wrong = np.flatnonzero(predicted == labels), np.flatnonzero(predicted != labels)
    shown = np.concatenate([right[:EXPLAINED], wrong[:EXPLAINED]])
    explained = {"shown": shown, "sanity": []}
    checked, classes = inputs[:SANITY_IMAGES], predicted[:SANITY_IMAGES]
    for name, explain in (("saliency", attribution.saliency), ("cam", attribution.grad_cam)):
        maps = explain(network, inputs[shown], predicted[shown])
        explained[name] = maps / np.maximum(maps.max(axis=(1, 2), keepdims=True), 1e-30)
        explained["sanity"].append(attribution.sanity_check(network, explain, checked, classes))
    return explained


def _small(array: np.ndarray) -> np.ndarray:
    """Return floats as float32, large arrays as float16 if their range allows: figures cannot tell them apart."""
    array = np.asarray(array)
    if array.dtype.kind != "f" or array.dtype == np.float16:
        return array
    return array.astype(np.float16 if array.size > 1000 and np.nanmax(np.abs(array)) < 1000 else np.float32)
