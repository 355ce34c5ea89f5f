"""Why a network answers as it does: saliency, Grad-CAM, preferred inputs, and whether they depend on what it learned.

Gradients are taken by TensorFlow or JAX, whichever Keras runs on. Inputs are what the network sees: scaled, float32,
(num_images, height, width, channels), as activations.network_inputs gives. All raise InputError for a network without
one input and one output, for inputs that do not fit it, and for classes that it does not tell apart.
"""

from collections.abc import Callable

import keras
import numpy as np
from scipy.stats import rankdata

from cnnhelpers.errors import InputError, unknown
from cnnhelpers.interpretability.activations import BATCH_SIZE, answers, checked, convolutions, measured_layers

STEPS = 32  # of activation maximization
Explain = Callable[[keras.Model, np.ndarray, np.ndarray], np.ndarray]  # network, inputs, classes -> maps


def gradient(total: Callable, at: np.ndarray) -> np.ndarray:
    """Return the gradient of `total`, a function from a tensor to a scalar tensor, where the tensor is `at`.

    Raises
    ------
    InputError
        If Keras runs on neither TensorFlow nor JAX.
    """
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
    """Return how strongly each pixel moves the score of a class: its gradient, absolute, the largest of the channels.

    Parameters
    ----------
    classes
        (num_images,) the class that is explained, one an image. Its score is the logit, before the softmax.

    Returns
    -------
    (num_images, height, width), from 0.

    Notes
    -----
    Simonyan, Vedaldi and Zisserman (2013), Deep inside convolutional networks, arXiv:1312.6034.
    """
    inputs, classes = _checked(network, inputs, classes)
    scores = keras.Model(network.inputs[0], without_activation(network.layers[-1]))

    def explained(images: np.ndarray, classes: np.ndarray) -> np.ndarray:
        slopes = gradient(lambda images: _chosen(scores(images, training=False), classes), images)
        return np.abs(slopes).max(axis=-1)

    return _in_batches(explained, inputs, classes)


def grad_cam(network: keras.Model, inputs: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """Return where the last convolution finds evidence for a class (Grad-CAM); branches around it stay as they are.

    Its maps are summed with the mean gradients of the class's score as weights; what speaks against the class is 0.

    Parameters
    ----------
    classes
        (num_images,) the class that is explained, one an image.

    Returns
    -------
    (num_images, height, width) of the convolution's output, from 0: coarser than the image after poolings.

    Notes
    -----
    Selvaraju et al. (2017), arXiv:1610.02391.
    """
    inputs, classes = _checked(network, inputs, classes)
    *_, layer = convolutions(network).values()
    looking = keras.Model(network.inputs[0], layer.output)
    try:
        rest = keras.Model([layer.output, network.inputs[0]], without_activation(network.layers[-1]))
    except ValueError as error:  # Keras cannot cut where a layer is met twice
        raise InputError(f"Grad-CAM needs a last convolution that is used once. Received: {layer.name}") from error

    def explained(images: np.ndarray, classes: np.ndarray) -> np.ndarray:
        (maps,), images = answers(looking, images), keras.ops.convert_to_tensor(images)
        gradients = gradient(lambda maps: _chosen(rest([maps, images], training=False), classes), maps)
        return np.maximum((maps * gradients.mean(axis=(1, 2), keepdims=True)).sum(axis=-1), 0)

    return _in_batches(explained, inputs, classes)


def preferred_inputs(
    network: keras.Model, name: str, filters: int, pixel_range: tuple[float, float], seed: int = 0
) -> np.ndarray:
    """Return images that activate the first filters of a convolution strongly, climbed to from noise.

    STEPS steps along the gradient of the filter's mean answer (before its activation function), each a sixteenth of
    the pixel range in root mean square; pixels stay in the range.

    The mean over all places has a say in what is shown. That of a first convolution is linear in the pixels, so each
    goes to the end of the range that the sum of the filter's weights of its channel points to: a flat colour. An edge,
    whose weights cancel, cannot show there.

    Parameters
    ----------
    name
        Of the convolution: "convolution 1", ...
    pixel_range
        Lowest and highest value that the network sees, which differ.

    Returns
    -------
    (filters, height, width, channels).

    Notes
    -----
    Erhan et al. (2009), Visualizing higher-layer features of a deep network.
    """
    found, (low, high) = convolutions(network), pixel_range
    if name not in found:
        raise unknown("convolution", name, found)
    if filters < 1 or not low < high or None in network.input_shape[1:]:
        told = "one filter at least, a range that rises and a network for images of one size"
        raise InputError(f"preferred inputs need {told}. Received: {filters}, {pixel_range}, {network.input_shape}")
    layer = found[name]
    filters = min(filters, layer.filters)
    answers = keras.Model(network.inputs[0], without_activation(layer))
    own = np.eye(filters, layer.filters, dtype=np.float32)[:, None, None]  # image i is for filter i

    def total(images):
        maps = answers(images, training=False)
        return keras.ops.sum(keras.ops.mean(maps, axis=(1, 2), keepdims=True) * own)

    noise = np.random.default_rng(seed).uniform(0.4, 0.6, (filters, *network.input_shape[1:]))
    images = (low + (high - low) * noise).astype(np.float32)
    for _ in range(STEPS):
        slope = gradient(total, images)
        size = np.sqrt((slope**2).mean(axis=(1, 2, 3), keepdims=True))
        step = np.divide(slope, size, out=np.zeros_like(slope), where=size > 0)
        images = np.clip(images + (high - low) / 16 * step, low, high)
    return images


def sanity(
    network: keras.Model, explain: Explain, inputs: np.ndarray, classes: np.ndarray, seed: int = 0
) -> np.ndarray:
    """Return how much of an explanation is left when what the network learned is destroyed, from the output down.

    Layer by layer the weights are shuffled within each array, those of the layers above staying shuffled. Convolutions
    and dense layers alone are, and the distribution of their weights stays. An explanation that hardly changes says
    nothing about what they learned. The network has its own weights again afterwards.

    Parameters
    ----------
    explain
        saliency or grad_cam.

    Returns
    -------
    (1 + num_layers,): the mean over the images of Spearman's rank correlation with the maps of the network itself,
    after 0, 1, ... shuffled layers. A map without any variation correlates with none.

    Notes
    -----
    Adebayo et al. (2018), Sanity checks for saliency maps, arXiv:1810.03292 (they draw new weights instead).
    """
    draw, own = np.random.default_rng(seed), network.get_weights()
    maps = [explain(network, inputs, classes)]
    try:
        for layer in reversed(measured_layers(network).values()):
            layer.set_weights([draw.permuted(array.ravel()).reshape(array.shape) for array in layer.get_weights()])
            maps.append(explain(network, inputs, classes))
    finally:
        network.set_weights(own)
    return np.array([rank_correlation(maps[0], other).mean() for other in maps])


def rank_correlation(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return Spearman's rank correlation of two maps of each image, (num_images,); 0 where a map does not vary.

    >>> rank_correlation(np.array([[[1, 2, 3]], [[1, 2, 3]]]), np.array([[[3, 2, 1]], [[5, 5, 5]]]))
    array([-1.,  0.])
    """
    first, second = (rankdata(np.reshape(maps, (len(maps), -1)), axis=1) for maps in (first, second))
    first, second = (ranks - ranks.mean(axis=1, keepdims=True) for ranks in (first, second))
    sizes = np.sqrt((first**2).sum(axis=1) * (second**2).sum(axis=1))
    return np.divide((first * second).sum(axis=1), sizes, out=np.zeros(len(first)), where=sizes > 0)


def without_activation(layer: keras.layers.Layer) -> keras.KerasTensor:
    """Return what a layer gives before its activation function: of the output layer the logits."""
    if isinstance(layer, keras.Model):
        raise InputError(f"{layer.name} is a nested model: its logits cannot be had from outside. Explain it alone")
    if isinstance(layer, (keras.layers.Softmax, keras.layers.Activation, keras.layers.ReLU)):
        return layer.input
    if "activation" not in layer.get_config():
        return layer.output
    twin = type(layer).from_config(layer.get_config() | {"activation": "linear"})
    output = twin(layer.input)
    twin.set_weights(layer.get_weights())
    return output


def _checked(network: keras.Model, inputs: np.ndarray, classes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return inputs as float32 and classes as an array; InputError unless they fit the network and each other."""
    inputs, classes, shape = checked(network, inputs), np.asarray(classes), network.output_shape
    if len(shape) != 2 or shape[1] < 2:
        raise InputError(f"{network.name} must end in (batch, classes), 2 classes at least. Received: {shape}")
    known = classes.dtype.kind in "iu" and ((classes >= 0) & (classes < shape[1])).all()
    if not known or classes.shape != (len(inputs),):
        expected = f"one whole number from 0 to {shape[1] - 1} for each of {len(inputs)} images"
        received = f"{classes.shape} of {classes.dtype}" + (f", up to {classes.max()}" if classes.size else "")
        raise InputError(f"classes must be {expected}. Received: {received}")
    return inputs, classes


def _in_batches(explained: Callable, inputs: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """Return explanations of all images, BATCH_SIZE at a time: gradients keep what every layer answered."""
    places = [slice(start, start + BATCH_SIZE) for start in range(0, len(inputs), BATCH_SIZE)]
    return np.concatenate([explained(inputs[place], classes[place]) for place in places])


def _chosen(scores, classes: np.ndarray):
    """Return the sum over images of the score of each image's class: images do not act on each other's gradients."""
    return keras.ops.sum(scores * np.eye(scores.shape[-1], dtype=np.float32)[classes])
