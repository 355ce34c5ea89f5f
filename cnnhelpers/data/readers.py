"""Readers of your own files: .npz, .npy, a folder of one folder per class. No code of a file is ever run."""

import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cnnhelpers.data.unpickle import unpickle
from cnnhelpers.errors import InputError

PAIRS_OF_KEYS = (("x_train", "y_train"), ("x", "y"), ("images", "labels"), ("features", "target"))
IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp")
DAMAGED = (OSError, ValueError, EOFError, KeyError, RuntimeError, SyntaxError, zipfile.BadZipFile, zlib.error)


@dataclass(frozen=True, eq=False)
class Raw:
    """Arrays as a source holds them, unchecked; test arrays are None where the source has no test part."""

    train_images: np.ndarray
    train_labels: np.ndarray
    test_images: np.ndarray | None = None
    test_labels: np.ndarray | None = None
    class_names: tuple[str, ...] | None = None
    pixel_range: tuple[float, float] | None = None
    names: tuple[str, str] = ("x_train", "y_train")  # how error messages call the first two
    source: str = ""


def read(path: Path, allow_pickle: bool) -> Raw:
    """Return the raw arrays of a .npz, a .npy or a folder; InputError if it is missing, damaged or something else."""
    if path.is_dir():
        return folder(path)
    if not path.is_file():
        raise InputError(f"file not found: {path}")
    if path.suffix.lower() == ".npz":
        return npz(path, source=path.name)
    if path.suffix.lower() == ".npy":
        return npy(path, allow_pickle)
    raise InputError(f"{path.name} must be a .npz, a .npy or a folder of one folder per class")


def npz(path: Path, source: str) -> Raw:
    """Return the arrays of a .npz with one of PAIRS_OF_KEYS, and x_test with y_test if it has them."""
    try:
        with path.open("rb") as file:
            archive = np.load(file, allow_pickle=False)
            if isinstance(archive, np.ndarray):
                raise ValueError("a single array")
            arrays = {key: archive[key] for key in sorted(_wanted(set(archive.files), path.name))}
    except InputError:
        raise
    except DAMAGED as error:
        raise InputError(
            f"{path.name} is damaged or no .npz of plain arrays ({error}): write it with np.savez(path, x_train=..., "
            "y_train=..., x_test=..., y_test=...)"
        ) from error
    return _raw(arrays, source)


def npy(path: Path, allow_pickle: bool) -> Raw:
    """Return the arrays of a .npy that holds a pickled dict with one of PAIRS_OF_KEYS, only with allow_pickle=True.

    Report E's course file is one: `features` (60000, 28, 28) in 0..1 and `target` 1..5. The pickle is read without
    running anything: arrays, dicts, lists, text and numbers are rebuilt, anything else is refused by its name.
    """
    try:
        with path.open("rb") as file:
            start = file.read(6)
            file.seek(0)
            if start == b"\x93NUMPY":
                old = np.lib.format.read_magic(file) == (1, 0)
                header = np.lib.format.read_array_header_1_0 if old else np.lib.format.read_array_header_2_0
                if not header(file)[2].hasobject:
                    raise InputError(
                        f"{path.name} holds one array, but images and labels are needed: "
                        "np.savez('data.npz', x=images, y=labels)"
                    )
            if not allow_pickle:
                raise InputError(f"{path.name} holds a pickle: if you trust where it is from, pass allow_pickle=True")
            content = unpickle(file)
        if not isinstance(content, dict):
            raise InputError(f"{path.name} must hold a dict of arrays. Received: {type(content).__name__}")
        content = {str(key): value for key, value in content.items()}
        arrays = {key: np.asarray(content[key]) for key in _wanted(set(content), path.name)}
    except InputError:
        raise
    except Exception as error:  # a damaged pickle can raise anything
        raise InputError(f"{path.name} is damaged or no .npy file ({error})") from error
    return _raw(arrays, path.name)


def folder(path: Path) -> Raw:
    """Return the images of a folder of one folder per class, classes in order of name, files in order of name."""
    classes = sorted(entry for entry in path.iterdir() if entry.is_dir() and not entry.name.startswith("."))
    stray = [entry.name for entry in path.iterdir() if entry.suffix.lower() in IMAGE_SUFFIXES and entry.is_file()]
    if stray or not classes:
        found = f"the image {min(stray)} beside the folders" if stray else "no folder"
        raise InputError(f"{path.name} must be a folder of one folder per class. Received: {found}")
    files: list[Path] = []
    labels: list[int] = []
    for label, folder_of_class in enumerate(classes):
        found = _image_files(folder_of_class)
        files += found
        labels += [label] * len(found)
    first = _pixels(files[0])
    images = np.empty((len(files), *first.shape), np.uint8)
    for index, file in enumerate(files):
        image = _pixels(file)
        if image.shape != first.shape:
            raise InputError(
                f"all images must be of one size and mode: {_label(file)} is {_size(image)}, but {_label(files[0])} is "
                f"{_size(first)}"
            )
        images[index] = image
    names = tuple(entry.name for entry in classes)
    return Raw(images, np.array(labels), class_names=names, source=path.name, names=("images", "labels"))


def _wanted(keys: set[str], name: str) -> set[str]:
    """Return the keys to read."""
    pair = next((pair for pair in PAIRS_OF_KEYS if keys.issuperset(pair)), None)
    has_test = keys & {"x_test", "y_test"}
    if pair is None or len(has_test) == 1:
        raise InputError(
            f"{name} must hold x_train, y_train, x_test, y_test; or x, y; or images, labels; or features, target. "
            f"Received: {', '.join(sorted(keys)) or 'nothing'}"
        )
    return set(pair) | has_test | (keys & {"class_names", "pixel_range"})


def _raw(arrays: dict[str, np.ndarray], source: str) -> Raw:
    names = next(pair for pair in PAIRS_OF_KEYS if pair[0] in arrays)
    class_names = arrays.get("class_names")
    pixel_range = arrays.get("pixel_range")
    return Raw(
        arrays[names[0]],
        arrays[names[1]],
        arrays.get("x_test"),
        arrays.get("y_test"),
        None if class_names is None else tuple(str(name) for name in np.ravel(class_names)),
        None if pixel_range is None else tuple(np.ravel(pixel_range).tolist()),
        names,
        source,
    )


def _image_files(folder_of_class: Path) -> list[Path]:
    """Return the images of one class; InputError for an empty folder, a folder in it, or another kind of file."""
    files = sorted(entry for entry in folder_of_class.iterdir() if not entry.name.startswith("."))
    for file in files:
        if file.is_dir() or file.suffix.lower() not in IMAGE_SUFFIXES:
            raise InputError(
                f"{_label(file)} is {'a folder' if file.is_dir() else 'no image'}: a class folder may hold only "
                f"{', '.join(IMAGE_SUFFIXES)} files"
            )
    if not files:
        raise InputError(f"class {folder_of_class.name} has no image: the folder is empty")
    return files


def _pixels(file: Path) -> np.ndarray:
    """Return one image file as (height, width, 1 or 3) uint8."""
    from PIL import Image

    try:
        with Image.open(file) as image:
            if getattr(image, "n_frames", 1) > 1:
                raise InputError(f"{_label(file)} has {image.n_frames} frames, but one image a file is needed")
            if image.mode == "1" or (image.mode == "P" and "transparency" not in image.info):
                image = image.convert("L" if image.mode == "1" else "RGB")
            if image.mode not in ("L", "RGB"):
                raise InputError(
                    f"{_label(file)} ({image.width}x{image.height}) is of mode {image.mode}, but L (grey) or RGB is "
                    "needed: image.convert('RGB')"
                )
            array = np.asarray(image)
    except InputError:
        raise
    except (*DAMAGED, Image.DecompressionBombError) as error:
        raise InputError(f"{_label(file)} cannot be read as an image ({error})") from error
    return array.reshape(*array.shape[:2], -1)


def _label(file: Path) -> str:
    return f"{file.parent.name}/{file.name}"


def _size(image: np.ndarray) -> str:
    return f"{image.shape[1]}x{image.shape[0]} {'L' if image.shape[2] == 1 else 'RGB'}"
