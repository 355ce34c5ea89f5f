"""Explain predictions: saliency, Grad-CAM, preferred inputs, and a sanity check of explanations.

Inputs are scaled, float32, (num_images, height, width, channels), as activations.network_inputs returns. All functions
raise InputError for a network without one input and one output, inputs that do not fit it, and unknown classes.
"""

from collections.abc import Callable

import keras
import numpy as np
import pandas as pd

from cnnhelpers.errors import InputError, unknown
from cnnhelpers.interpretability.activations import BATCH_SIZE, check_inputs, convolutions, measured_layers, outputs_of

STEPS = 32  # of activation maximization
Explain = Callable[[keras.Model, np.ndarray, np.ndarray], np.ndarray]  # network, inputs, classes -> maps


def gradient(total: Callable, at: np.ndarray) -> np.ndarray:
    """Return the gradient of `total`, from a tensor to a scalar tensor, at a point; InputError for other backends."""
    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        tensor = tf.convert_to_tensor(at)
        with tf.GradientTape() as tape:
            tape.watch(tensor)
            value = total(tensor)
        return tape.gradient(value, tensor).numpy()
    if backend == "jax":
        import jax

        return np.asarray(jax.grad(total)(jax.numpy.asarray(at)))
    raise InputError(f"gradients need KERAS_BACKEND=tensorflow or jax. Received: {backend}")


def saliency(network: keras.Model, inputs: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """Return the saliency of each pixel, (num_images, height, width), from 0: Simonyan et al. (2013), arXiv:1312.6034.

    It is the absolute gradient of the logit of `classes`, (num_images,), the largest of the channels.
    """
    inputs, classes = _check(network, inputs, classes)
    scores = keras.Model(network.inputs[0], without_activation(network.layers[-1]))

    def explained(images: np.ndarray, classes: np.ndarray) -> np.ndarray:
        slopes = gradient(lambda images: _total_score(scores(images, training=False), classes), images)
        return np.abs(slopes).max(axis=-1)

    return _in_batches(explained, inputs, classes)


def grad_cam(network: keras.Model, inputs: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """Return the Grad-CAM of `classes`, (num_images,): Selvaraju et al. (2017), arXiv:1610.02391.

    The feature maps of the last convolution are summed with the mean gradients of the logit as weights; evidence
    against a class is 0. Branches around the convolution stay fixed. Maps are (num_images, height, width) of the
    convolution's output: coarser than the image after poolings.
    """
    inputs, classes = _check(network, inputs, classes)
    *_, layer = convolutions(network).values()
    front = keras.Model(network.inputs[0], layer.output)
    try:
        rest = keras.Model([layer.output, network.inputs[0]], without_activation(network.layers[-1]))
    except ValueError as error:  # Keras cannot cut at a layer that is called twice
        raise InputError(f"Grad-CAM needs a last convolution that is used once. Received: {layer.name}") from error

    def explained(images: np.ndarray, classes: np.ndarray) -> np.ndarray:
        (maps,), images = outputs_of(front, images), keras.ops.convert_to_tensor(images)
        gradients = gradient(lambda maps: _total_score(rest([maps, images], training=False), classes), maps)
        return np.maximum((maps * gradients.mean(axis=(1, 2), keepdims=True)).sum(axis=-1), 0)

    return _in_batches(explained, inputs, classes)


def preferred_inputs(network: keras.Model, name: str, filters: int, pixel_range: tuple[float, float]) -> np.ndarray:
    """Return inputs that the first filters of a convolution prefer: activation maximization, Erhan et al. (2009).

    From noise, STEPS steps follow the gradient of the filter's mean output (before its activation function), each a
    sixteenth of the pixel range (lowest and highest input value) in root mean square; pixels stay in the range. `name`
    is "convolution 1", ...; the images are (filters, height, width, channels).

    The mean over all places limits what can show. That of a first convolution is linear in the pixels, so each pixel
    goes to the end of the range given by the sign of the summed weights of its channel: a flat colour. An edge, whose
    weights cancel, cannot show there.
    """
    layers, (low, high) = convolutions(network), pixel_range
    if name not in layers:
        raise unknown("convolution", name, layers)
    if filters < 1 or not low < high or None in network.input_shape[1:]:
        raise InputError(
            "preferred inputs need one filter at least, a range that rises and a network for images of one size. "
            f"Received: {filters}, {pixel_range}, {network.input_shape}"
        )
    layer = layers[name]
    filters = min(filters, layer.filters)
    model = keras.Model(network.inputs[0], without_activation(layer))
    chosen = np.eye(filters, layer.filters, dtype=np.float32)[:, None, None]  # image i is for filter i

    def total(images):
        maps = model(images, training=False)
        return keras.ops.sum(keras.ops.mean(maps, axis=(1, 2), keepdims=True) * chosen)

    noise = np.random.default_rng(0).uniform(0.4, 0.6, (filters, *network.input_shape[1:]))
    images = (low + (high - low) * noise).astype(np.float32)
    for _ in range(STEPS):
        slope = gradient(total, images)
        size = np.sqrt((slope**2).mean(axis=(1, 2, 3), keepdims=True))
        step = np.divide(slope, size, out=np.zeros_like(slope), where=size > 0)
        images = np.clip(images + (high - low) / 16 * step, low, high)
    return images


def sanity_check(network: keras.Model, explain: Explain, inputs: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """Return how similar an explanation (saliency or grad_cam) stays as trained weights are destroyed.

    Layer by layer, from the output down, the weights of convolutions and dense layers are shuffled within each array
    (Adebayo et al., 2018, arXiv:1810.03292, draw new weights instead), and restored afterwards. An explanation that
    hardly changes does not depend on what the network learned. The result, (1 + num_layers,), is the mean over the
    images of Spearman's rank correlation with the maps of the intact network, after 0, 1, ... shuffled layers.
    """
    generator, weights = np.random.default_rng(0), network.get_weights()
    maps = [explain(network, inputs, classes)]
    try:
        for layer in reversed(measured_layers(network).values()):
            layer.set_weights([generator.permuted(array.ravel()).reshape(array.shape) for array in layer.get_weights()])
            maps.append(explain(network, inputs, classes))
    finally:
        network.set_weights(weights)
    return np.array([rank_correlation(maps[0], shuffled).mean() for shuffled in maps])


def rank_correlation(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return Spearman's rank correlation of two maps of each image, (num_images,); 0 where a map does not vary.

    >>> rank_correlation(np.array([[[1, 2, 3]], [[1, 2, 3]]]), np.array([[[3, 2, 1]], [[5, 5, 5]]]))
    array([-1.,  0.])
    """
    first, second = (pd.DataFrame(np.reshape(maps, (len(maps), -1))).rank(axis=1) for maps in (first, second))
    return first.corrwith(second, axis=1).fillna(0).to_numpy()


def without_activation(layer: keras.layers.Layer) -> keras.KerasTensor:
    """Return the output of a layer before its activation function: the logits of the output layer."""
    if isinstance(layer, keras.Model):
        raise InputError(f"the logits of {layer.name}, a nested model, are not accessible: explain it alone")
    if isinstance(layer, (keras.layers.Softmax, keras.layers.Activation, keras.layers.ReLU)):
        return layer.input
    if "activation" not in layer.get_config():
        return layer.output
    copy = type(layer).from_config(layer.get_config() | {"activation": "linear"})
    output = copy(layer.input)
    copy.set_weights(layer.get_weights())
    return output


def _check(network: keras.Model, inputs: np.ndarray, classes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return inputs as float32 and classes as an array; InputError unless they fit the network and each other."""
    inputs, classes, shape = check_inputs(network, inputs), np.asarray(classes), network.output_shape
    if len(shape) != 2 or shape[1] < 2:
        raise InputError(f"{network.name} must end in (batch, classes), 2 classes at least. Received: {shape}")
    known = classes.dtype.kind in "iu" and ((classes >= 0) & (classes < shape[1])).all()
    if not known or classes.shape != (len(inputs),):
        received = f"{classes.shape} of {classes.dtype}" + (f", up to {classes.max()}" if classes.size else "")
        raise InputError(
            f"classes must be whole numbers from 0 to {shape[1] - 1}, one for each of {len(inputs)} images. "
            f"Received: {received}"
        )
    return inputs, classes


def _in_batches(explained: Callable, inputs: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """Return explanations of all images, BATCH_SIZE at a time: gradients keep the outputs of every layer in memory."""
    places = [slice(start, start + BATCH_SIZE) for start in range(0, len(inputs), BATCH_SIZE)]
    return np.concatenate([explained(inputs[place], classes[place]) for place in places])


def _total_score(scores, classes: np.ndarray):
    """Return the sum over images of the score of each image's class; the gradient of an image has its score alone."""
    return keras.ops.sum(scores * np.eye(scores.shape[-1], dtype=np.float32)[classes])
