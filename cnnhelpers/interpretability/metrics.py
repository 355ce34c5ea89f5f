"""Measure arrays of a network: filters, activations, which are (num_images, ...) of one layer, and weights."""

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
PROBE_COMPONENTS = 100  # principal components of a layer that a probe uses
TSNE_COMPONENTS, TSNE_POINTS = 50, 2000
PERPLEXITY = 40  # report B's
COMPONENTS = 10  # principal components with their explained variance; the scores of the first three are kept
BATCH = 20  # images that are compared with each other, see similarities


def moran(kernels: np.ndarray) -> np.ndarray:
    """Return Moran's I (Biometrika 37, 1950) at lag 1 of every filter slice: the spatial autocorrelation of weights.

    Kernels are (height, width, input_channels, filters), as in Keras; the result is (input_channels, filters). It is
    negative where neighbours (which share an edge) differ in sign, and NaN for a slice of equal weights or of one
    weight. The smoothest pattern comes near 1 in large slices only: nine weights range from -1.06 to 0.53. Weights in
    random order have the expectation `random_moran(height, width)`.

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
    """Return the expectation of Moran's I of n = height x width weights in random order, -1 / (n - 1); NaN for n = 1.

    >>> random_moran(3, 3)
    -0.125
    """
    return -1 / (height * width - 1) if height * width > 1 else float("nan")


def similarities(activations: np.ndarray) -> np.ndarray:
    """Return the inner products of images within batches: all of a layer that `cka` needs, and small.

    Activations are of the same images in the same order in all layers to compare; an incomplete batch does not count.
    The products of each pair of different images of a batch are (num_batches, BATCH * (BATCH - 1) / 2) float16, of
    centred activations, scaled to at most 1.
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
    """Return the linear centred kernel alignment (CKA) of two layers from their `similarities` of the same images.

    1 for activations that differ only by a rotation, a shift and a scale; near 0 for independent ones, whatever the
    number of units, as the estimate of each batch is unbiased (so it can be slightly negative). NaN for a layer with
    the same outputs for all images. Kornblith et al. (2019), arXiv:1905.00414; in batches: Nguyen et al. (2021),
    arXiv:2010.15327; the estimate: Song et al. (2012), JMLR 13.
    """
    if np.shape(first) != np.shape(second):
        raise InputError(f"cka compares the same images. Received: {np.shape(first)} and {np.shape(second)}")
    pairs = BATCH * (BATCH - 1) // 2
    if np.ndim(first) != 2 or np.shape(first)[1] != pairs:
        raise InputError(f"cka takes arrays of similarities, (num_batches, {pairs}). Received: {np.shape(first)}")
    first, second = (np.stack([squareform(row) for row in np.asarray(rows, np.float64)]) for rows in (first, second))
    scale = _hsic(first, first) * _hsic(second, second)
    return float(_hsic(first, second) / np.sqrt(scale)) if scale > 0 else float("nan")


def _hsic(first: np.ndarray, second: np.ndarray) -> float:
    """Return the unbiased Hilbert-Schmidt independence criterion, the mean over batches of (batch, n, n) products."""
    n = first.shape[1]
    traces = (first * second).sum(axis=(1, 2))
    sums = first.sum(axis=(1, 2)) * second.sum(axis=(1, 2)) / ((n - 1) * (n - 2))
    mixed = 2 / (n - 2) * (first.sum(axis=1) * second.sum(axis=1)).sum(axis=1)
    return float(np.mean(traces + sums - mixed)) / (n * (n - 3))


def probe(activations: np.ndarray, labels: np.ndarray, test_activations: np.ndarray, test_labels: np.ndarray) -> float:
    """Return the test accuracy (0..1) of a linear classifier of a layer (Alain and Bengio, 2016, arXiv:1610.01644).

    It is a logistic regression on the first PROBE_COMPONENTS principal components of the training activations, each
    scaled to unit variance. Labels are (num_images,) whole numbers, two classes at least.
    """
    (train, labels), (test, test_labels) = _labelled(activations, labels), _labelled(test_activations, test_labels)
    if train.shape[1] != test.shape[1]:
        raise InputError(f"probe takes one layer. Received: {train.shape[1]} and, to test, {test.shape[1]} units")
    if len(np.unique(labels)) < 2:
        raise InputError(f"probe tells classes apart, two at least. Received: only class {labels[0]}")
    if (train == train[0]).all():  # a dead layer
        return float(np.mean(test_labels == np.bincount(labels).argmax()))
    with threadpool_limits(1):
        reduced = _principal(train, PROBE_COMPONENTS)
        deviations = np.sqrt(reduced.explained_variance_)
        kept = deviations > 1e-6 * deviations.max()
        train, test = (reduced.transform(part)[:, kept] / deviations[kept] for part in (train, test))
        classifier = LogisticRegression(C=0.1, max_iter=1000).fit(train, labels)
        return float(classifier.score(test, test_labels))


def silhouette(activations: np.ndarray, labels: np.ndarray) -> float:
    """Return the mean silhouette of the classes (-1..1, Euclidean): above 0, images are nearer to their own class."""
    features, labels = _labelled(activations, labels)
    classes = len(np.unique(labels))
    if not 2 <= classes < len(features):
        raise InputError(f"silhouette takes 2 classes at least, and more images. Received: {classes} of {len(labels)}")
    with threadpool_limits(1):
        return float(silhouette_score(features, labels))


def projections(activations: np.ndarray, seed: int = 0) -> dict[str, np.ndarray]:
    """Return a layer of 5 to TSNE_POINTS images in two and three dimensions; equal outputs for all become zeros.

    "components" are the first principal components, (num_images, 3), or 2 of a layer with fewer than 3 units (0 for
    the second of a single unit); "explained", (COMPONENTS,) at most, is the share of the variance along each. "tsne",
    (num_images, 2), is t-SNE of the first TSNE_COMPONENTS principal components, which shows neighbours; distances
    between groups, and their sizes, have no meaning.
    """
    features = _flat(activations)
    if not 5 <= len(features) <= TSNE_POINTS:
        raise InputError(f"projections take 5 to {TSNE_POINTS} images. Received: {len(features)}")
    if np.ptp(features, axis=0).max() < SMALLEST:  # t-SNE would divide by this, and end the process
        zeros = np.zeros((len(features), 2), np.float32)
        return {"components": zeros, "explained": zeros[0], "tsne": zeros}
    features = np.pad(features, ((0, 0), (0, max(0, 2 - features.shape[1]))))
    with threadpool_limits(1):
        reduced = _principal(features, TSNE_COMPONENTS)
        scores = reduced.transform(features)
        perplexity = min(PERPLEXITY, (len(features) - 1) / 3)
        embedded = TSNE(perplexity=perplexity, init="pca", random_state=seed).fit_transform(scores)
    explained = reduced.explained_variance_ratio_[:COMPONENTS]
    return {"components": scores[:, :3], "explained": explained, "tsne": embedded}


def dead_units(activations: np.ndarray) -> float:
    """Return the share of units of a ReLU layer, (num_images, ..., units), that no image activates anywhere."""
    units = _flat(activations).reshape(-1, np.shape(activations)[-1])
    return float((units <= 0).all(axis=0).mean())


def change(before: np.ndarray, after: np.ndarray) -> float:
    """Return the change of weights, of one shape: the norm of their difference over the norm of `before`.

    >>> change(np.array([3.0, 4.0]), np.array([3.0, 9.0]))
    1.0
    """
    if np.shape(before) != np.shape(after):
        raise InputError(f"change compares weights of one shape. Received: {np.shape(before)} and {np.shape(after)}")
    return float(np.linalg.norm(np.subtract(after, before)) / np.linalg.norm(before))


def _principal(features: np.ndarray, number: int) -> PCA:
    """Return fitted principal components, at most `number`; scikit-learn takes a randomized solver for wide layers."""
    return PCA(min(number, *features.shape), random_state=0).fit(features)


def _flat(activations: np.ndarray) -> np.ndarray:
    """Return activations as (num_images, features) float32; InputError if they cannot be measured."""
    with np.errstate(over="ignore"):  # float64 that float32 cannot hold is refused below
        activations = np.asarray(activations, np.float32)
    if activations.ndim < 2 or not activations.size:
        raise InputError(f"activations must be (num_images, ...), one image at least. Received: {activations.shape}")
    largest = np.abs(activations).max()
    if not largest < LARGEST:  # NaN is not, either
        raise InputError(f"activations must be finite and below {LARGEST:g} in size. Received: {largest}")
    return activations.reshape(len(activations), -1)


def _labelled(activations: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return activations, as _flat does, and labels; InputError unless each image has a label, a whole number."""
    features, labels = _flat(activations), np.asarray(labels)
    if labels.shape != (len(features),) or labels.dtype.kind not in "iu":
        expected = f"({len(features)},) whole numbers, one for each image"
        raise InputError(f"labels must be {expected}. Received: {labels.shape} of {labels.dtype}")
    return features, labels
