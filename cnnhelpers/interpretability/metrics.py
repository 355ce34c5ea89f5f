"""Measures of what a network has learned, on arrays alone: filters, activations, weights. Arrays in, arrays out.

Activations are (num_images, ...) of one layer. The module `activations` computes them from a network, `attribution`
needs its gradients, and `store` holds what is kept of a run.
"""

import numpy as np
from scipy.spatial.distance import squareform
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.manifold import TSNE
from sklearn.metrics import silhouette_score
from threadpoolctl import threadpool_limits

from cnnhelpers.errors import InputError

LARGEST = 1e15  # size of an activation: the products of larger ones overflow float32
SMALLEST = 1e-15  # range of a layer's activations: float32 cannot square a smaller one
PROBE_COMPONENTS = 100  # principal components that a probe sees of a layer
TSNE_COMPONENTS, TSNE_POINTS = 50, 2000
PERPLEXITY = 40  # report B's
COMPONENTS = 10  # whose explained variance is kept; the first three are kept themselves
BATCH = 20  # images that are compared with each other, see similarities


def moran(kernels: np.ndarray) -> np.ndarray:
    """Return Moran's I at lag 1 of every filter slice: how alike weights are that are neighbours.

    Parameters
    ----------
    kernels
        (height, width, input_channels, filters), as Keras keeps the kernel of a Conv2D.

    Returns
    -------
    (input_channels, filters), negative where neighbours differ in sign; NaN for a slice of equal weights or of one
    weight. Neighbours share an edge. The smoothest pattern comes near 1 in large slices only: nine weights reach 0.53
    at most, and -1.06 at least. Weights in random order have the expectation `random_moran(height, width)`.

    Notes
    -----
    P. A. P. Moran (1950), Notes on continuous stochastic phenomena, Biometrika 37.

    Examples
    --------
    >>> edge = np.array([[-1.0, 0.0, 1.0]] * 3)[..., None, None]
    >>> float(moran(edge)[0, 0])  # products of the 12 pairs of neighbours sum to 4, squares of the 9 weights to 6
    0.5
    """
    kernels = np.asarray(kernels, np.float64)
    if kernels.ndim != 4:
        raise InputError(f"kernels must be (height, width, input_channels, filters). Received: {kernels.shape}")
    height, width = kernels.shape[:2]
    centred = kernels - kernels.mean(axis=(0, 1))
    products = (centred[1:] * centred[:-1]).sum(axis=(0, 1)) + (centred[:, 1:] * centred[:, :-1]).sum(axis=(0, 1))
    pairs = (height - 1) * width + height * (width - 1)
    squares = (centred**2).sum(axis=(0, 1))
    varies = (kernels != kernels[0, 0]).any(axis=(0, 1))
    means = np.divide(products, pairs, out=np.full_like(squares, np.nan), where=varies)
    return np.divide(means, squares / (height * width), out=np.full_like(squares, np.nan), where=varies)


def random_moran(height: int, width: int) -> float:
    """Return the expectation of Moran's I of weights in random order: -1 / (n - 1) of n = height x width weights.

    NaN for a single weight, which has no neighbour.

    >>> random_moran(3, 3)
    -0.125
    """
    return -1 / (height * width - 1) if height * width > 1 else float("nan")


def similarities(activations: np.ndarray) -> np.ndarray:
    """Return the inner products of images within batches, all that `cka` needs of a layer and small enough to keep.

    Parameters
    ----------
    activations
        (num_images, ...): the same images in the same order for all that shall be compared. Whole batches of BATCH
        images are used.

    Returns
    -------
    (num_batches, BATCH * (BATCH - 1) / 2) float16: the products of each pair of different images of a batch, the
    activations centred, scaled to at most 1.
    """
    features = _flat(activations)
    batches = len(features) // BATCH
    if batches < 1:
        raise InputError(f"similarities need {BATCH} images at least. Received: {len(features)}")
    features = features[: batches * BATCH] - features.mean(axis=0)
    upper = np.triu_indices(BATCH, 1)
    with threadpool_limits(1):
        products = np.stack([(batch @ batch.T)[upper] for batch in np.split(features, batches)])
    return (products / (np.abs(products).max() or 1)).astype(np.float16)


def cka(first: np.ndarray, second: np.ndarray) -> float:
    """Return the linear centred kernel alignment of two layers, of one network or of two, from their similarities.

    1 for activations that differ by a rotation, a shift and a scale only; near 0 for independent ones, whatever the
    number of units, as every batch is estimated without bias (so it can be slightly negative). NaN for a layer that
    gives all images the same.

    Parameters
    ----------
    first, second
        (num_batches, pairs), as `similarities` gives, of the same images.

    Notes
    -----
    Kornblith et al. (2019), arXiv:1905.00414; in batches: Nguyen, Raghu and Kornblith (2021), arXiv:2010.15327; the
    estimate: Song et al. (2012), JMLR 13.
    """
    if np.shape(first) != np.shape(second):
        raise InputError(f"cka compares the same images. Received: {np.shape(first)} and {np.shape(second)}")
    pairs = BATCH * (BATCH - 1) // 2
    if np.ndim(first) != 2 or np.shape(first)[1] != pairs:
        raise InputError(f"cka takes what similarities gives, (num_batches, {pairs}). Received: {np.shape(first)}")
    first, second = (np.stack([squareform(row) for row in np.asarray(one, np.float64)]) for one in (first, second))
    own = _hsic(first, first) * _hsic(second, second)
    return float(_hsic(first, second) / np.sqrt(own)) if own > 0 else float("nan")


def _hsic(first: np.ndarray, second: np.ndarray) -> float:
    """Return the unbiased Hilbert-Schmidt independence criterion, the mean over batches of (batch, n, n) products."""
    n = first.shape[1]
    traces = (first * second).sum(axis=(1, 2))
    sums = first.sum(axis=(1, 2)) * second.sum(axis=(1, 2)) / ((n - 1) * (n - 2))
    mixed = 2 / (n - 2) * (first.sum(axis=1) * second.sum(axis=1)).sum(axis=1)
    return float(np.mean(traces + sums - mixed)) / (n * (n - 3))


def probe(activations: np.ndarray, labels: np.ndarray, test_activations: np.ndarray, test_labels: np.ndarray) -> float:
    """Return the test accuracy (0..1) of a linear classifier of a layer: how much of the classes can be read there.

    The classifier is a logistic regression on the first PROBE_COMPONENTS principal components of the training
    activations, each scaled to unit variance.

    Parameters
    ----------
    activations, test_activations
        (num_images, ...) of one layer.
    labels, test_labels
        (num_images,) whole numbers; those it learns from have two classes at least.

    Notes
    -----
    G. Alain and Y. Bengio (2016), Understanding intermediate layers using linear classifier probes, arXiv:1610.01644.
    """
    (train, labels), (test, test_labels) = _labelled(activations, labels), _labelled(test_activations, test_labels)
    if train.shape[1] != test.shape[1]:
        raise InputError(f"probe takes one layer. Received: {train.shape[1]} and, to test, {test.shape[1]} units")
    if len(np.unique(labels)) < 2:
        raise InputError(f"probe tells classes apart, two at least. Received: only class {labels[0]}")
    if (train == train[0]).all():  # a dead layer: there is nothing to read in it
        return float(np.mean(test_labels == np.bincount(labels).argmax()))
    with threadpool_limits(1):
        reduced = _principal(train, PROBE_COMPONENTS)
        deviations = np.sqrt(reduced.explained_variance_)
        kept = deviations > 1e-6 * deviations.max()
        train, test = (reduced.transform(one)[:, kept] / deviations[kept] for one in (train, test))
        classifier = LogisticRegression(C=0.1, max_iter=1000).fit(train, labels)
        return float(classifier.score(test, test_labels))


def silhouette(activations: np.ndarray, labels: np.ndarray) -> float:
    """Return the mean silhouette of the classes (-1..1, Euclidean): above 0 images lie nearer to their own class.

    Labels are (num_images,) whole numbers, with two classes at least and fewer than images.
    """
    features, labels = _labelled(activations, labels)
    classes = len(np.unique(labels))
    if not 2 <= classes < len(features):
        raise InputError(f"silhouette takes 2 classes at least, and more images. Received: {classes} of {len(labels)}")
    with threadpool_limits(1):
        return float(silhouette_score(features, labels))


def projections(activations: np.ndarray, seed: int = 0) -> dict[str, np.ndarray]:
    """Return a layer in two and three dimensions.

    Returns
    -------
    components
        (num_images, 3), the first principal components, or as many as there are; 2 at least.
    explained
        (COMPONENTS,) at most: the share of the variance along each.
    tsne
        (num_images, 2): t-SNE of the first TSNE_COMPONENTS principal components. Neighbours mean something in it,
        distances and sizes of groups do not.

    A layer of one unit has a second component of zeros. One that answers the same to all images is zeros throughout.

    Raises
    ------
    InputError
        For fewer than 5 or more than TSNE_POINTS images.
    """
    features = _flat(activations)
    if not 5 <= len(features) <= TSNE_POINTS:
        raise InputError(f"projections take 5 to {TSNE_POINTS} images. Received: {len(features)}")
    if np.ptp(features, axis=0).max() < SMALLEST:  # t-SNE would divide by this, and end the process
        nothing = np.zeros((len(features), 2), np.float32)
        return {"components": nothing, "explained": nothing[0], "tsne": nothing}
    features = np.pad(features, ((0, 0), (0, max(0, 2 - features.shape[1]))))
    with threadpool_limits(1):
        reduced = _principal(features, TSNE_COMPONENTS)
        scores = reduced.transform(features)
        perplexity = min(PERPLEXITY, (len(features) - 1) / 3)
        embedded = TSNE(perplexity=perplexity, init="pca", random_state=seed).fit_transform(scores)
    explained = reduced.explained_variance_ratio_[:COMPONENTS]
    return {"components": scores[:, :3], "explained": explained, "tsne": embedded}


def dead_units(activations: np.ndarray) -> float:
    """Return the share of units of a ReLU layer, (num_images, ..., units), that no image ever activates."""
    units = _flat(activations).reshape(-1, np.shape(activations)[-1])
    return float((units <= 0).all(axis=0).mean())


def change(before: np.ndarray, after: np.ndarray) -> float:
    """Return how far weights moved, relative to where they started: the norm of the difference over that of `before`.

    InputError if they are not of one shape.

    >>> change(np.array([3.0, 4.0]), np.array([3.0, 9.0]))
    1.0
    """
    if np.shape(before) != np.shape(after):
        raise InputError(f"change compares weights of one shape. Received: {np.shape(before)} and {np.shape(after)}")
    return float(np.linalg.norm(np.subtract(after, before)) / np.linalg.norm(before))


def _principal(features: np.ndarray, most: int) -> PCA:
    """Return the fitted principal components, `most` at most; those of wide layers by a randomized solver."""
    return PCA(min(most, *features.shape), random_state=0).fit(features)


def _flat(activations: np.ndarray) -> np.ndarray:
    """Return activations as (num_images, features) float32; InputError for what no measure can be taken of."""
    with np.errstate(over="ignore"):  # float64 that float32 cannot hold is refused below
        activations = np.asarray(activations, np.float32)
    if activations.ndim < 2 or not activations.size:
        raise InputError(f"activations must be (num_images, ...), one image at least. Received: {activations.shape}")
    most = np.abs(activations).max()
    if not most < LARGEST:  # NaN is not, either
        raise InputError(f"activations must be finite and below {LARGEST:g} in size. Received: {most}")
    return activations.reshape(len(activations), -1)


def _labelled(activations: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return activations, as _flat does, and their labels; InputError unless each image has one, a whole number."""
    features, labels = _flat(activations), np.asarray(labels)
    if labels.shape != (len(features),) or labels.dtype.kind not in "iu":
        expected = f"({len(features)},) whole numbers, one an image"
        raise InputError(f"labels must be {expected}. Received: {labels.shape} of {labels.dtype}")
    return features, labels
