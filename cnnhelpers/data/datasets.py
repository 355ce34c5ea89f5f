"""Load datasets by name or path and identify them by the SHA-256 of their arrays."""

import hashlib
import os
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path

import numpy as np

from cnnhelpers.atomic import replace_file
from cnnhelpers.data import readers, sources, validation
from cnnhelpers.errors import InputError, unknown


@dataclass(frozen=True)
class DatasetInfo:
    """The part of a dataset that identities need; image_shape = (height, width, channels)."""

    name: str
    image_shape: tuple[int, int, int]
    classes: int
    fingerprint: str  #: hexadecimal SHA-256
    official: bool  #: the published arrays, pixel for pixel


_GREY, _COLOUR = (28, 28, 1), (32, 32, 3)
# Fingerprints of the arrays, see fingerprint(); those of CIFAR are the SHA-256 of the official archives, which Keras
# verifies: arrays from such an archive are official, another copy is identified by its arrays.
KNOWN = {
    name: DatasetInfo(name, image_shape, classes, fingerprint, official=True)
    for name, image_shape, classes, fingerprint in (
        ("digits", _GREY, 10, "8dd8ce551f7fae9efa6c15700eb1112c20236a4a3eae49f6a0fdfd1113cdc3f5"),
        ("mnist", _GREY, 10, "973f7be5365fcf5858d272393a2636eba6a671ff9671382396bbbbcea796c1ed"),
        ("fashion_mnist", _GREY, 10, "ccd84380da27114b6d48a80dc639b4a9d05225277074a74ea39cbacdc21e710e"),
        ("fashion_mnist_5", _GREY, 5, "6e7c4af9518190bfd8ef3fe6aaa1fda84c143c172a6586dfd52a3c80f3372613"),
        ("cifar10", _COLOUR, 10, "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce"),
        ("cifar100", _COLOUR, 100, "85cd44d02ba6437773c5bbd22e183051d648de2e7d6b014e1ef29b855ba677a7"),
    )
}
COPIES = {  # known copies that are not official, by fingerprint
    "f6e373695314d9b1a702f9949035c1ebf2e2db40ff969f862d5bb59689cd3be0": "a JPEG-compressed copy",  # of cifar10
}


def pixel_source(name: str, fingerprint: str, official: bool | None) -> str:
    """Return "official", "a JPEG-compressed copy", "another copy", or "own" for data that KNOWN does not list.

    >>> pixel_source("digits", KNOWN["digits"].fingerprint, True), pixel_source("flowers.npz", "ab" * 32, False)
    ('official', 'own')
    """
    if official:
        return "official"
    return COPIES.get(fingerprint, "another copy") if name in KNOWN else "own"


@dataclass(frozen=True, eq=False)
class Dataset:
    """Checked, read-only arrays: pixels 0..255 for any range in the file, labels 0..classes-1.

    Images are uint8, float32 only for floats from a file that are not k/255; labels uint8, or int64 for more than 256
    classes.

    >>> digits = load("digits")
    >>> digits.image_shape, digits.classes, digits.train_images.shape, digits.official
    ((28, 28, 1), 10, (1297, 28, 28, 1), True)
    """

    name: str
    train_images: np.ndarray = field(repr=False)  #: (num_images, height, width, channels)
    train_labels: np.ndarray = field(repr=False)  #: (num_images,)
    test_images: np.ndarray = field(repr=False)
    test_labels: np.ndarray = field(repr=False)
    class_names: tuple[str, ...]
    fingerprint: str
    official: bool
    source: str  #: the file or library that the arrays come from
    pixel_range: tuple[float, float] = (0, 255)  #: lowest and highest possible pixel in the source

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Return (height, width, channels)."""
        return self.train_images.shape[1:]

    @property
    def classes(self) -> int:
        """Return the number of classes."""
        return len(self.class_names)

    @property
    def info(self) -> DatasetInfo:
        """Return the part that identities need."""
        return DatasetInfo(self.name, self.image_shape, self.classes, self.fingerprint, self.official)

    def save(self, path: str | Path) -> Path:
        """Write a .npz file that `load` gives the same fingerprint; an existing file is replaced whole."""
        path = Path(path).expanduser()
        if path.suffix != ".npz":
            raise InputError(f"a dataset is saved as .npz. Received: path={str(path)!r}")
        arrays = {
            "x_train": self.train_images,
            "y_train": self.train_labels,
            "x_test": self.test_images,
            "y_test": self.test_labels,
            "class_names": np.array(self.class_names),
            "pixel_range": np.array([0, 255]),
        }
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, lambda file: np.savez(file, **arrays))
        return path


PROVIDED: dict[str, Dataset] = {}  # datasets received from another machine, by the name that `load` is called with


def load(
    name: str | Path,
    *,
    first_label: int = 0,
    pixel_range: tuple[float, float] | None = None,
    test_fraction: float = 0.2,
) -> Dataset:
    """Load a dataset by name or from a file or folder.

    InputError if it is unknown, missing, damaged, invalid, or cannot be downloaded.

    Parameters
    ----------
    name
        digits (bundled), mnist, fashion_mnist, fashion_mnist_5, cifar10, cifar100: searched in the folder that the
        environment variable CNNHELPERS_DATA names (NAME.npz with x_train, y_train, x_test, y_test), in Keras' cache,
        for Fashion-MNIST in Debian's folder, then downloaded by Keras. Or the path of a .npz file, or of a folder with
        a folder of images for each class. fashion_mnist_5 is a stand-in for report E's unpublished file, see
        sources.fashion_mnist_5.
    first_label
        The lowest label in the file.
    pixel_range
        Lowest and highest possible pixel in the file; by default 0..255 for integers, 0..1 for floats.
    test_fraction
        Fraction of the images of a file without a test part that is held out, stratified, the same images in each
        call; 0 for no test part.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "mine.npz"
    >>> images, labels = np.zeros((10, 8, 8), np.uint8), np.tile([1, 2], 5)  # labels from 1
    >>> np.savez(path, x_train=images, y_train=labels)
    >>> mine = load(path, first_label=1)
    >>> mine.train_images.shape, mine.test_images.shape, mine.classes
    ((8, 8, 8, 1), (2, 8, 8, 1), 2)
    """
    options = validation.options(first_label, pixel_range, test_fraction)
    if str(name) in PROVIDED:
        return PROVIDED[str(name)]
    if str(name) in KNOWN:
        if options != (0, None, 0.2):
            raise InputError(f"first_label, pixel_range and test_fraction are for files. Received: name={name!r}")
        place = _find(str(name))
        return _load_named(str(name), place, _stamp(*place.paths))
    path = _path(name)
    return _load_file(path, _stamp(path), *options)


def info(name: str | Path) -> DatasetInfo:
    """Return the info of the local copy of a dataset, else of the official dataset; never downloads.

    >>> info("digits").image_shape
    (28, 28, 1)
    """
    if str(name) not in KNOWN or str(name) in PROVIDED:
        return load(name).info
    # Copies of Keras and Debian are official or refused by load, so they need not be loaded here.
    return load(name).info if _find(str(name)).kind == "user" else KNOWN[str(name)]


def is_local(name: str | Path) -> bool:
    """Return whether `load` needs no download; InputError for an unknown name or a missing file.

    >>> is_local("digits")
    True
    """
    return _find(str(name)).kind != "download" if str(name) in KNOWN else bool(_path(name))


def fingerprint(*arrays: np.ndarray) -> str:
    """Return the hexadecimal SHA-256 over dtype, shape and bytes (C order) of the arrays.

    >>> fingerprint(np.zeros(2, np.uint8))[:16]
    '78a61fee516ce99d'
    """
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(f"{array.dtype.str} {array.shape}\n".encode())
        digest.update(np.ascontiguousarray(array).reshape(-1).view(np.uint8))
    return digest.hexdigest()


@lru_cache(maxsize=4)
def _load_named(name: str, place: sources.Place, stamp: tuple) -> Dataset:
    """Load a named dataset; copies of Keras and Debian must be official, those in the folder of CNNHELPERS_DATA may."""
    known = KNOWN[name]
    if name == "fashion_mnist_5" and not (place.kind == "user" and place.paths[0].stem == name):
        raw = _paired(_load_named("fashion_mnist", place, stamp))
    else:
        raw = validation.raw(sources.read(name, place), class_names=sources.CLASS_NAMES[name])
    dataset = _dataset(name, raw)
    if (dataset.image_shape, dataset.classes) != (known.image_shape, known.classes):
        raise InputError(
            f"{name} has images of {known.image_shape} in {known.classes} classes. Received from {dataset.source}: "
            f"{dataset.image_shape} in {dataset.classes}"
        )
    official = (name.startswith("cifar") and place.kind != "user") or dataset.fingerprint == known.fingerprint
    if not official and place.kind != "user":
        raise InputError(
            f"{name} from {dataset.source} is not the official dataset (sha256 {dataset.fingerprint[:16]}, expected "
            f"{known.fingerprint[:16]}): delete it there and load again, or put {name}.npz into a folder that "
            "CNNHELPERS_DATA names"
        )
    return replace(dataset, official=official, fingerprint=known.fingerprint if official else dataset.fingerprint)


@lru_cache(maxsize=2)
def _load_file(
    path: Path, stamp: tuple, first_label: int, pixel_range: tuple[float, float] | None, test_fraction: float
) -> Dataset:
    return _dataset(path.name, validation.raw(readers.read(path), first_label, pixel_range, test_fraction))


def _dataset(name: str, raw: readers.Raw) -> Dataset:
    arrays = (raw.train_images, raw.train_labels, raw.test_images, raw.test_labels)
    for array in arrays:
        array.flags.writeable = False  # cached, and so shared by all callers
    return Dataset(name, *arrays, raw.class_names, fingerprint(*arrays), False, raw.source, raw.pixel_range)


def _paired(ten: Dataset) -> readers.Raw:
    """Return Fashion-MNIST in report E's five classes."""
    return readers.Raw(
        ten.train_images,
        sources.fashion_mnist_5(ten.train_labels),
        ten.test_images,
        sources.fashion_mnist_5(ten.test_labels),
        sources.CLASS_NAMES["fashion_mnist_5"],
        ten.pixel_range,
        source=f"{ten.source}, classes paired (assumed)",
    )


def _find(name: str) -> sources.Place:
    """Return the place of a named dataset in the folders that the environment names now."""
    user, keras = os.environ.get("CNNHELPERS_DATA"), os.environ.get("KERAS_HOME") or "~/.keras"
    return sources.find(name, Path(user).expanduser() if user else None, Path(keras).expanduser() / "datasets")


def _path(name: str | Path) -> Path:
    """Return the resolved path of a file or folder; InputError if it is missing."""
    path = Path(name).expanduser()
    if str(name) and path.exists():
        return path.resolve()
    if isinstance(name, Path) or path.suffix or len(path.parts) > 1 or str(name).startswith((".", "~")):
        raise InputError(
            f"file not found: {name}, searched at {path.absolute()}; a notebook searches in its folder: use a full path"
        )
    raise unknown("dataset", str(name), KNOWN)


def _stamp(*paths: Path) -> tuple:
    """Return modification times and sizes, so that a changed file or folder is loaded again."""
    files = [file for path in paths for file in (sorted(path.rglob("*")) if path.is_dir() else [path.resolve()])]
    return tuple((str(file), file.lstat().st_mtime_ns, file.lstat().st_size) for file in files)
