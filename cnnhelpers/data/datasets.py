"""Datasets by name or path: checked, uint8 in memory, told apart by the fingerprint of their decoded arrays."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path

import numpy as np

from cnnhelpers.atomic import replace_file
from cnnhelpers.data import readers as files
from cnnhelpers.data import sources
from cnnhelpers.data import validation as checks
from cnnhelpers.data.pixels import describe, pixel_statistics
from cnnhelpers.errors import InputError, unknown

__all__ = ["KNOWN", "Card", "Dataset", "at_hand", "card", "describe", "fingerprint", "load", "pixel_statistics"]


@dataclass(frozen=True)
class Card:
    """What an experiment's identity needs of a dataset; image_shape = (height, width, channels)."""

    name: str
    image_shape: tuple[int, int, int]
    classes: int
    fingerprint: str  #: hexadecimal SHA-256
    official: bool  #: the published arrays, pixel for pixel


_GREY, _COLOUR = (28, 28, 1), (32, 32, 3)
# Of the decoded arrays, see fingerprint(); of CIFAR it is the SHA-256 of the official archive, which Keras verifies:
# the arrays that come out of that archive are official, any other copy has a fingerprint of its own.
KNOWN = {
    card.name: card
    for card in (
        Card("digits", _GREY, 10, "8dd8ce551f7fae9efa6c15700eb1112c20236a4a3eae49f6a0fdfd1113cdc3f5", True),
        Card("mnist", _GREY, 10, "973f7be5365fcf5858d272393a2636eba6a671ff9671382396bbbbcea796c1ed", True),
        Card("fashion_mnist", _GREY, 10, "ccd84380da27114b6d48a80dc639b4a9d05225277074a74ea39cbacdc21e710e", True),
        Card("fashion_mnist_5", _GREY, 5, "6e7c4af9518190bfd8ef3fe6aaa1fda84c143c172a6586dfd52a3c80f3372613", True),
        Card("cifar10", _COLOUR, 10, "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce", True),
        Card("cifar100", _COLOUR, 100, "85cd44d02ba6437773c5bbd22e183051d648de2e7d6b014e1ef29b855ba677a7", True),
    )
}

COPIES = {  # known copies that are not official, by their fingerprint
    "f6e373695314d9b1a702f9949035c1ebf2e2db40ff969f862d5bb59689cd3be0": "a JPEG-compressed copy",  # of cifar10
}


def whose_pixels(name: str, fingerprint: str, official: bool | None) -> str:
    """Return whose pixels they are: "official", "a JPEG-compressed copy", "another copy", or "own" data.

    >>> whose_pixels("digits", KNOWN["digits"].fingerprint, True), whose_pixels("flowers.npz", "ab" * 32, False)
    ('official', 'own')
    """
    if official:
        return "official"
    return COPIES.get(fingerprint, "another copy") if name in KNOWN else "own"


@dataclass(frozen=True, eq=False)
class Dataset:
    """Checked arrays, read-only. Pixels are 0..255 whatever the file held, labels 0..classes-1.

    Parameters
    ----------
    train_images, test_images
        (num_images, height, width, channels), uint8; float32 only for own floats that are not k/255.
    train_labels, test_labels
        (num_images,), uint8, or int64 for more than 256 classes.
    source
        Where it came from, in words.
    pixel_range
        Lowest and highest possible pixel in the source, before it was brought to 0..255.

    Examples
    --------
    >>> digits = load("digits")
    >>> digits.image_shape, digits.classes, digits.train_images.shape, digits.official
    ((28, 28, 1), 10, (1297, 28, 28, 1), True)
    """

    name: str
    train_images: np.ndarray = field(repr=False)
    train_labels: np.ndarray = field(repr=False)
    test_images: np.ndarray = field(repr=False)
    test_labels: np.ndarray = field(repr=False)
    class_names: tuple[str, ...]
    fingerprint: str
    official: bool
    source: str
    pixel_range: tuple[float, float] = (0, 255)

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Return (height, width, channels)."""
        return self.train_images.shape[1:]

    @property
    def classes(self) -> int:
        """Return the number of classes."""
        return len(self.class_names)

    @property
    def card(self) -> Card:
        """Return what identity needs."""
        return Card(self.name, self.image_shape, self.classes, self.fingerprint, self.official)

    def save(self, path: str | Path) -> Path:
        """Write a .npz that `load` reads back with the same fingerprint; a file of that name is replaced whole."""
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
        replace_file(path, lambda file: np.savez(file, **arrays))
        return path


HANDED_OVER: dict[str, Dataset] = {}  # by the name that `load` is called with, see handover.provide


def load(
    name: str | Path,
    *,
    first_label: int = 0,
    pixel_range: tuple[float, float] | None = None,
    allow_pickle: bool = False,
    test_fraction: float = 0.2,
) -> Dataset:
    """Load a dataset by name or from your own file or folder.

    Parameters
    ----------
    name
        digits (bundled), mnist, fashion_mnist, fashion_mnist_5, cifar10, cifar100: searched in the folder that the
        environment variable CNNHELPERS_DATA names (NAME.npz with x_train, y_train, x_test, y_test), in Keras' cache,
        for Fashion-MNIST in Debian's folder, then downloaded by Keras. Or the path of a .npz, of a .npy, or of a
        folder of one folder per class. fashion_mnist_5 stands in for report E's course file
        fashion_mnist_dataset_train.npy: which classes it joins is an assumption, see sources.fashion_mnist_5.
    first_label
        The lowest label of your own file.
    pixel_range
        Lowest and highest possible pixel of your own file; by default 0..255 for integers, 0..1 for floats.
    allow_pickle
        Read a .npy that holds a pickled dict of arrays; nothing in it is run.
    test_fraction
        Of your own file without a test part: held out, stratified, always the same images; 0 for no test part.

    Raises
    ------
    InputError
        If the dataset is unknown, missing, damaged, cannot be downloaded or has something wrong in it.

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
    first_label, pixel_range, test_fraction = checks.options(first_label, pixel_range, test_fraction)
    options = (first_label, pixel_range, bool(allow_pickle), test_fraction)
    if str(name) in HANDED_OVER:
        return HANDED_OVER[str(name)]
    if str(name) in KNOWN:
        if options != (0, None, False, 0.2):
            raise InputError(f"first_label, pixel_range, allow_pickle and test_fraction are for own files, not {name}")
        return _load_named(str(name), sources.find(str(name), _folders()))
    path = _own_path(name)
    return _load_own(path, _stamp(path), *options)


def card(name: str | Path) -> Card:
    """Return the card of the dataset as this machine has it, else of the official one; never downloads.

    >>> card("digits").image_shape
    (28, 28, 1)
    """
    if str(name) not in KNOWN or str(name) in HANDED_OVER:
        return load(name).card
    place = sources.find(str(name), _folders())
    # What Keras and Debian hold is official or refused on loading, so there is nothing to look up.
    return _load_named(str(name), place).card if place.kind == "own" else KNOWN[str(name)]


def at_hand(name: str | Path) -> bool:
    """Return whether loading needs no download; InputError for an unknown name or a missing file.

    >>> at_hand("digits")
    True
    """
    if str(name) not in KNOWN:
        return bool(_own_path(name))
    return sources.find(str(name), _folders()).kind != "download"


def fingerprint(*arrays: np.ndarray) -> str:
    """Return the SHA-256 over dtype, shape and bytes (C order) of the arrays, hexadecimal.

    >>> fingerprint(np.zeros(2, np.uint8))[:16]
    '78a61fee516ce99d'
    """
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(f"{array.dtype.str} {array.shape}\n".encode())
        digest.update(np.ascontiguousarray(array).reshape(-1).view(np.uint8))
    return digest.hexdigest()


@lru_cache(maxsize=4)
def _load_named(name: str, place: sources.Place) -> Dataset:
    """Read, check and compare with KNOWN: what Keras and Debian hold must be official, what you put there may be."""
    known = KNOWN[name]
    if name == "fashion_mnist_5" and not (place.kind == "own" and place.paths[0].stem == name):
        dataset = _paired(_load_named("fashion_mnist", place))
    else:
        dataset = _dataset(name, checks.raw(sources.read(name, place), class_names=sources.CLASS_NAMES[name]))
    if (dataset.image_shape, dataset.classes) != (known.image_shape, known.classes):
        raise InputError(
            f"{name} has images of {known.image_shape} in {known.classes} classes. Received from {dataset.source}: "
            f"{dataset.image_shape} in {dataset.classes}"
        )
    by_archive = name.startswith("cifar") and place.kind != "own"
    official = by_archive or dataset.fingerprint == known.fingerprint
    if not official and place.kind != "own":
        raise InputError(
            f"{name} from {dataset.source} is not what it should be (sha256 {dataset.fingerprint[:16]}, expected "
            f"{known.fingerprint[:16]}): delete it there and load again, or put {name}.npz into a folder that "
            "CNNHELPERS_DATA names"
        )
    return replace(dataset, official=official, fingerprint=known.fingerprint if official else dataset.fingerprint)


@lru_cache(maxsize=2)
def _load_own(
    path: Path,
    stamp: tuple,
    first_label: int,
    pixel_range: tuple[float, float] | None,
    allow_pickle: bool,
    test_fraction: float,
) -> Dataset:
    raw = files.read(path, allow_pickle)
    return _dataset(path.name, checks.raw(raw, first_label, pixel_range, test_fraction))


def _dataset(name: str, raw: files.Raw) -> Dataset:
    arrays = (raw.train_images, raw.train_labels, raw.test_images, raw.test_labels)
    for array in arrays:
        array.flags.writeable = False  # the cache hands the same arrays to everyone
    return Dataset(name, *arrays, raw.class_names, fingerprint(*arrays), False, raw.source, raw.pixel_range)


def _paired(ten: Dataset) -> Dataset:
    """Return Fashion-MNIST in report E's five classes."""
    y_train, y_test = sources.fashion_mnist_5(ten.train_labels), sources.fashion_mnist_5(ten.test_labels)
    y_train.flags.writeable = y_test.flags.writeable = False
    return replace(
        ten,
        name="fashion_mnist_5",
        train_labels=y_train,
        test_labels=y_test,
        class_names=sources.CLASS_NAMES["fashion_mnist_5"],
        fingerprint=fingerprint(ten.train_images, y_train, ten.test_images, y_test),
        source=f"{ten.source}, classes paired (assumed)",
    )


def _folders() -> sources.Folders:
    """Return the folders to search as the environment names them now."""
    own, keras = os.environ.get("CNNHELPERS_DATA"), os.environ.get("KERAS_HOME") or "~/.keras"
    return sources.Folders(
        own=Path(own).expanduser() if own else None,
        keras=Path(keras).expanduser() / "datasets",
        debian=sources.DEBIAN,
    )


def _own_path(name: str | Path) -> Path:
    """Return the path of an own file or folder; InputError if there is none."""
    path = Path(name).expanduser()
    if str(name) and path.exists():
        return path.resolve()
    if isinstance(name, Path) or path.suffix or len(path.parts) > 1 or str(name).startswith((".", "~")):
        raise InputError(
            f"file not found: {name}, looked for as {Path(name).absolute()}; a notebook looks beside itself: give it "
            "the whole path"
        )
    raise unknown("dataset", str(name), KNOWN)


def _stamp(path: Path) -> tuple:
    """Return what changes when the file, or one in the folder, changes."""
    found = sorted(path.rglob("*")) if path.is_dir() else [path]
    return tuple((str(one), one.lstat().st_mtime_ns, one.lstat().st_size) for one in found)
