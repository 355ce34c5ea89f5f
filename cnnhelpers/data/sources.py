"""Find the raw arrays of the named datasets: a folder of the user, Keras' cache, Debian's folder, or a download."""

import gzip
import socket
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cnnhelpers.atomic import DAMAGED
from cnnhelpers.data.readers import Raw, npz
from cnnhelpers.errors import InputError, one_line

DEBIAN = Path("/usr/share/datasets/fashion-mnist")  # package dataset-fashion-mnist
IDX_FILES = (
    "train-images-idx3-ubyte.gz",
    "train-labels-idx1-ubyte.gz",
    "t10k-images-idx3-ubyte.gz",
    "t10k-labels-idx1-ubyte.gz",
)
KERAS_FILES = {
    "mnist": ("mnist.npz",),
    "fashion_mnist": tuple(f"fashion-mnist/{file}" for file in IDX_FILES),
    "cifar10": ("cifar-10-batches-py-target_archive",),
    "cifar100": ("cifar-100-python-target_archive",),
}
FASHION = ("T-shirt/top", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot")
PAIRS = ((2, 9), (4, 7), (6, 8), (0, 5), (1, 3))  # of FASHION, assumed: see fashion_mnist_5
CIFAR100 = """apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle bowl boy bridge bus butterfly camel can
castle caterpillar cattle chair chimpanzee clock cloud cockroach couch crab crocodile cup dinosaur dolphin elephant
flatfish forest fox girl hamster house kangaroo keyboard lamp lawn_mower leopard lion lizard lobster man maple_tree
motorcycle mountain mouse mushroom oak_tree orange orchid otter palm_tree pear pickup_truck pine_tree plain plate poppy
porcupine possum rabbit raccoon ray road rocket rose sea seal shark shrew skunk skyscraper snail snake spider squirrel
streetcar sunflower sweet_pepper table tank telephone television tiger tractor train trout tulip turtle wardrobe whale
willow_tree wolf woman worm"""
CLASS_NAMES = {
    "digits": tuple("0123456789"),
    "mnist": tuple("0123456789"),
    "fashion_mnist": FASHION,
    "fashion_mnist_5": tuple(f"{FASHION[first]} or {FASHION[second]} (assumed)" for first, second in PAIRS),
    "cifar10": ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"),
    "cifar100": tuple(CIFAR100.split()),
}


@dataclass(frozen=True)
class Place:
    """The place of a named dataset: "bundled", "user", "keras", "debian" or "download"."""

    kind: str
    paths: tuple[Path, ...] = ()


def find(name: str, user: Path | None, keras: Path) -> Place:
    """Return the first place that has the dataset `name`, a key of CLASS_NAMES.

    Folders are searched in order: `user` (named by CNNHELPERS_DATA; InputError if it is no folder), `keras`, DEBIAN.
    """
    if name == "digits":
        return Place("bundled")
    if user is not None:
        if not user.is_dir():
            raise InputError(f"CNNHELPERS_DATA must name a folder. Received: CNNHELPERS_DATA={str(user)!r}")
        if (user / f"{name}.npz").is_file():
            return Place("user", (user / f"{name}.npz",))
    if name == "fashion_mnist_5":
        return find("fashion_mnist", user, keras)
    cached = tuple(keras / file for file in KERAS_FILES[name])
    if all(path.is_file() for path in cached):
        return Place("keras", cached)
    packaged = tuple(DEBIAN / file for file in IDX_FILES)
    if name == "fashion_mnist" and all(path.is_file() for path in packaged):
        return Place("debian", packaged)
    return Place("download")


def read(name: str, place: Place) -> Raw:
    """Return the raw arrays of a named dataset (not fashion_mnist_5's pairs) from the place that `find` returned."""
    if place.kind == "bundled":
        return digits()
    if place.kind == "user":
        return npz(place.paths[0], source=f"{place.paths[0].name} in the folder of CNNHELPERS_DATA")
    if place.kind == "download" or name.startswith("cifar"):
        return _keras(name)
    where = "Keras cache" if place.kind == "keras" else "Debian package dataset-fashion-mnist"
    if name == "fashion_mnist":
        return Raw(*(_idx(path) for path in place.paths), source=where)
    try:
        return npz(place.paths[0], source=where)
    except InputError as error:
        raise InputError(f"{place.paths[0].name} in the {where} is damaged: delete it and load again") from error


def digits() -> Raw:
    """Return scikit-learn's 1,797 digits, 8x8 pixels 0..16, enlarged to 28x28: 3x3 for each pixel, 2 black ones around.

    The last 500 images are the test part.
    """
    from sklearn.datasets import load_digits

    bunch = load_digits()
    grey = (bunch.images.astype(np.int64) * 255 + 8) // 16
    blocks = np.kron(grey, np.ones((1, 3, 3), np.int64)).astype(np.uint8)
    images, labels = np.pad(blocks, ((0, 0), (2, 2), (2, 2))), bunch.target
    return Raw(images[:-500], labels[:-500], images[-500:], labels[-500:], source="scikit-learn load_digits")


def fashion_mnist_5(labels: np.ndarray) -> np.ndarray:
    """Return the five classes of report E, uint8, for the ten classes of Fashion-MNIST.

    The classes that the course joined are not published, nor is its file, a pickle: PAIRS, in this order, is the
    pairing that fits the per-class figures of the report best, an assumption. A fashion_mnist_5.npz in the folder of
    CNNHELPERS_DATA takes precedence.
    """
    positions = np.argsort(np.ravel(PAIRS))  # of the ten classes in PAIRS
    return (positions // 2).astype(np.uint8)[labels]


@contextmanager
def download_timeout(seconds: float) -> Iterator[None]:
    """Let downloads from a silent server fail after `seconds`; Keras sets no limit."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


def _keras(name: str) -> Raw:
    """Load by keras.datasets, which downloads missing files and verifies those with a known checksum."""
    import keras

    try:
        with download_timeout(30), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # NumPy's, on Keras' old pickles
            (x_train, y_train), (x_test, y_test) = getattr(keras.datasets, name).load_data()
    except Exception as error:  # Keras raises a bare Exception for a failed download
        reason = one_line(error) or type(error).__name__
        raise InputError(
            f"{name} is not on this machine and Keras could not download it ({reason}). Put {name}.npz with the keys "
            "x_train, y_train, x_test, y_test into a folder and name that in CNNHELPERS_DATA, or use dataset='digits'"
        ) from error
    return Raw(x_train, y_train, x_test, y_test, source=f"keras.datasets.{name}")


def _idx(path: Path) -> np.ndarray:
    """Read a gzipped idx file of bytes: 0, 0, 8, dimensions, their sizes as big-endian uint32, the values."""
    try:
        content = gzip.decompress(path.read_bytes())
        if content[:3] != b"\x00\x00\x08":
            raise ValueError("no idx file of bytes")
        sizes = np.frombuffer(content, ">u4", count=content[3], offset=4)
        return np.frombuffer(content, np.uint8, offset=4 + 4 * content[3]).reshape(sizes.tolist())
    except (*DAMAGED, IndexError) as error:
        raise InputError(f"{path.name} in {path.parent} is damaged ({error}): replace it and load again") from error
