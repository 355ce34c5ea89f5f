"""Inspect a trained network: filters, activations, projections, probes and explanations as small arrays."""

import keras
import numpy as np

from cnnhelpers.errors import InputError
from cnnhelpers.interpretability.activations import (
    activations,
    answers,
    convolutions,
    feature_maps,
    measured_layers,
    network_inputs,
    network_of,
)
from cnnhelpers.interpretability.attribution import grad_cam, preferred_inputs, saliency, sanity
from cnnhelpers.interpretability.metrics import (
    change,
    cka,
    dead_units,
    moran,
    probe,
    projections,
    random_moran,
    silhouette,
    similarities,
)

TEST_IMAGES, PROBE_IMAGES = 1000, 2000  # the first of the test and of the training part
SIMILAR_IMAGES = 500  # of the test images, for CKA
SANITY_IMAGES = 32
EXPLAINED = 3  # right and as many wrong answers that are explained
FILTERS, CHANNELS = 8, 16  # filters of each convolution, channels of the feature maps that are kept
QUANTILES = 101  # of the weights of a layer
BOTH_MOMENTS = ("probe", "silhouette", "dead", "weights", "moran")

Measures = dict[str, np.ndarray]  # see measure
Images = tuple[np.ndarray, np.ndarray]  # images and their labels


def measure(model: keras.Model, initial: keras.Model, train: Images, test: Images) -> Measures:
    """Return all measures of a trained model.

    Parameters
    ----------
    model
        From pixels 0..255 to class probabilities, with one convolution at least.
    initial
        The same model with the weights that it started from.
    train, test
        Images (num_images, height, width, channels), pixels 0..255, and labels (num_images,): the probes learn from
        the first PROBE_IMAGES training images, everything else is of the first TEST_IMAGES test images.

    Returns
    -------
    Arrays by name. Layers are the input, every convolution and every dense layer, named by `layers`; the first axis
    of a pair is before and after training.

    layers (num_layers,) text; labels, predicted (num_test,);
    probe, silhouette, dead: (2, num_layers), dead units NaN where there is no ReLU;
    similarities: (num_layers, num_batches, pairs), see representations.similarities; kept: (num_layers,) the CKA of a
    layer with itself before training;
    weights: (2, num_layers - 1, QUANTILES) of the kernels; moved: (num_layers - 1,), see representations.change;
    moran: (2, num_convolutions) means over the slices; random_moran: (num_convolutions,);
    filters_first, filters_last: (height, width, input_channels, filters), FILTERS x FILTERS at most, after training;
    preferred_first, preferred_last: (filters, height, width, channels) uint8;
    maps_convolution, maps_pooling: (height, width, CHANNELS at most), of the first test image;
    components, explained, tsne: see representations.projections, of the last layer but one;
    shown: (num_shown,) positions of explained test images, right answers first; saliency, cam: a map (0..1) for each;
    sanity: (2, num_layers), saliency and Grad-CAM, see explanations.sanity.

    Raises
    ------
    InputError
        If the model is not plain (see activations.network_of and measured_layers) or `initial` is of another
        architecture, and for images or labels that do not fit it or leave nothing to measure.
    """
    network, start = network_of(model), network_of(initial)
    shapes, expected = ([array.shape for array in one.get_weights()] for one in (start, network))
    if shapes != expected:
        raise InputError(f"initial must be the model before training. Received: weights {shapes}, not {expected}")
    train, test = (
        (network_inputs(model, images[:count]), np.asarray(labels[:count], np.int16))
        for (images, labels), count in ((train, PROBE_IMAGES), (test, TEST_IMAGES))
    )
    before, after = (_moment(one, train, test) for one in (start, network))
    found = {name: np.stack([before[name], after[name]]) for name in BOTH_MOMENTS}
    found |= {name: after[name] for name in ("layers", "random_moran", "similarities")}
    for name, compare, what in (("kept", cka, "similarities"), ("moved", change, "kernels")):
        found[name] = np.array([compare(*pair) for pair in zip(before[what], after[what], strict=True)])
    (probabilities,) = answers(network, test[0])
    found |= {"labels": test[1], "predicted": probabilities.argmax(axis=-1).astype(np.int16)}
    found |= projections(_answer(network, test[0], found["layers"][-2]))
    found |= _pictures(network, test[0]) | _explained(network, *test, found["predicted"])
    return {name: _small(array) for name, array in found.items()}


def _moment(network: keras.Model, train: Images, test: Images) -> Measures:
    """Return what is measured of a network as it is at one moment, on its inputs and labels."""
    layers = measured_layers(network)
    kernels = [np.asarray(layer.get_weights()[0], np.float64) for layer in layers.values()]
    filters = [kernel for kernel in kernels if kernel.ndim == 4]
    relu = {name for name, layer in layers.items() if layer.get_config()["activation"] == "relu"}
    found = {"layers": ["input", *layers], "probe": [], "silhouette": [], "dead": [], "similarities": []}
    for name in found["layers"]:  # one by one: all layers of all images take gigabytes
        seen = _answer(network, test[0], name)
        found["probe"].append(probe(_answer(network, train[0], name), train[1], seen, test[1]))
        found["silhouette"].append(silhouette(seen, test[1]))
        found["dead"].append(dead_units(seen) if name in relu else np.nan)
        found["similarities"].append(similarities(seen[:SIMILAR_IMAGES]))
    return {name: np.array(values) for name, values in found.items()} | {
        "weights": np.stack([np.quantile(kernel, np.linspace(0, 1, QUANTILES)) for kernel in kernels]),
        "kernels": kernels,
        "moran": np.array([_mean(moran(kernel)) for kernel in filters]),
        "random_moran": np.array([random_moran(*kernel.shape[:2]) for kernel in filters]),
    }


def _answer(network: keras.Model, inputs: np.ndarray, name: str) -> np.ndarray:
    """Return the activations of one layer."""
    return activations(network, inputs, [name])[name]


def _pictures(network: keras.Model, inputs: np.ndarray) -> Measures:
    """Return filters, feature maps and preferred inputs of the network."""
    layers, low, high = convolutions(network), float(inputs.min()), float(inputs.max())
    found = {}
    for place, name in (("first", next(iter(layers))), ("last", list(layers)[-1])):
        found[f"filters_{place}"] = layers[name].get_weights()[0][:, :, :FILTERS, :FILTERS]
        images = preferred_inputs(network, name, FILTERS, (low, high))
        found[f"preferred_{place}"] = np.round(255 * (images - low) / (high - low)).astype(np.uint8)
    for place, kind in (("convolution", keras.layers.Conv2D), ("pooling", keras.layers.MaxPooling2D)):
        if any(type(layer) is kind for layer in network.layers):
            found[f"maps_{place}"] = feature_maps(network, inputs[:1], kind)[0, :, :, :CHANNELS]
    return found


def _explained(network: keras.Model, inputs: np.ndarray, labels: np.ndarray, predicted: np.ndarray) -> Measures:
    """Return explanations of the first right and the first wrong answers, each of the class that was predicted."""
    right, wrong = np.flatnonzero(predicted == labels), np.flatnonzero(predicted != labels)
    shown = np.concatenate([right[:EXPLAINED], wrong[:EXPLAINED]])
    several = inputs[:SANITY_IMAGES], predicted[:SANITY_IMAGES]
    maps = {"saliency": saliency, "cam": grad_cam}
    found = {name: explain(network, inputs[shown], predicted[shown]) for name, explain in maps.items()}
    scaled = {name: one / np.maximum(one.max(axis=(1, 2), keepdims=True), 1e-30) for name, one in found.items()}
    left = np.stack([sanity(network, explain, *several) for explain in maps.values()])
    return {"shown": shown, **scaled, "sanity": left}


def _mean(slices: np.ndarray) -> float:
    return float(np.nanmean(slices)) if np.isfinite(slices).any() else float("nan")


def _small(array: np.ndarray) -> np.ndarray:
    """Return floats in half precision where their range allows, which figures cannot tell apart."""
    array = np.asarray(array)
    if array.dtype.kind != "f" or array.dtype == np.float16:
        return array
    return array.astype(np.float16 if array.size > 1000 and np.nanmax(np.abs(array)) < 1000 else np.float32)
