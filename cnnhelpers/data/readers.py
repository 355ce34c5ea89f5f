"""Read images and labels from .npz files and from folders with a folder for each class."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cnnhelpers.atomic import DAMAGED, load_npz
from cnnhelpers.errors import InputError

PAIRS_OF_KEYS = (("x_train", "y_train"), ("x", "y"), ("images", "labels"), ("features", "target"))
IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp")


@dataclass(frozen=True, eq=False)
class Raw:
    """Unchecked arrays of a source; test arrays are None where the source has no test part."""

    train_images: np.ndarray
    train_labels: np.ndarray
    test_images: np.ndarray | None = None
    test_labels: np.ndarray | None = None
    class_names: tuple[str, ...] | None = None
    pixel_range: tuple[float, float] | None = None
    names: tuple[str, str] = ("x_train", "y_train")  # of the first two arrays, in error messages
    source: str = ""


def read(path: Path) -> Raw:
    """Return the raw arrays of a .npz file or a folder; InputError if it is missing, damaged or of another kind."""
    if path.is_dir():
        return folder(path)
    if path.suffix.lower() != ".npz":
        raise InputError(f"{path.name} must be a .npz file or a folder with a folder of images for each class")
    return npz(path, source=path.name)


def npz(path: Path, source: str) -> Raw:
    """Return the arrays of a .npz file with one of PAIRS_OF_KEYS, and x_test with y_test if it has them."""

    def wanted(names: set[str]) -> set[str]:
        pair = next((pair for pair in PAIRS_OF_KEYS if names.issuperset(pair)), None)
        test = names & {"x_test", "y_test"}
        if pair is None or len(test) == 1:
            raise InputError(
                f"{path.name} must hold x_train, y_train, x_test, y_test; or x, y; or images, labels; or features, "
                f"target. Received: {', '.join(sorted(names)) or 'nothing'}"
            )
        return {*pair} | test | (names & {"class_names", "pixel_range"})

    try:
        arrays = load_npz(path, wanted)
    except FileNotFoundError as error:
        raise InputError(f"file not found: {path}") from error
    names = next(pair for pair in PAIRS_OF_KEYS if pair[0] in arrays)
    class_names, pixel_range = arrays.get("class_names"), arrays.get("pixel_range")
    return Raw(
        *(arrays.get(name) for name in (*names, "x_test", "y_test")),
        class_names=None if class_names is None else tuple(str(name) for name in np.ravel(class_names)),
        pixel_range=None if pixel_range is None else tuple(np.ravel(pixel_range).tolist()),
        names=names,
        source=source,
    )


def folder(path: Path) -> Raw:
    """Return the images of a folder with a folder for each class, classes and files in order of name."""
    classes = sorted(entry for entry in path.iterdir() if entry.is_dir() and not entry.name.startswith("."))
    stray = [entry.name for entry in path.iterdir() if entry.suffix.lower() in IMAGE_SUFFIXES and entry.is_file()]
    if stray or not classes:
        received = f"the image {min(stray)} next to the folders" if stray else "no folder"
        raise InputError(f"{path.name} must be a folder with a folder for each class. Received: {received}")
    files = [(file, label) for label, class_folder in enumerate(classes) for file in _image_files(class_folder)]
    first = _pixels(files[0][0])
    images = np.empty((len(files), *first.shape), np.uint8)
    for index, (file, _) in enumerate(files):
        image = _pixels(file)
        if image.shape != first.shape:
            raise InputError(
                f"all images must be of one size and mode: {_label(file)} is {_size(image)}, but "
                f"{_label(files[0][0])} is {_size(first)}"
            )
        images[index] = image
    names = tuple(entry.name for entry in classes)
    labels = np.array([label for _, label in files])
    return Raw(images, labels, class_names=names, source=path.name, names=("images", "labels"))


def _image_files(class_folder: Path) -> list[Path]:
    """Return the images of a class; InputError for an empty folder, a nested folder, or another kind of file."""
    files = sorted(entry for entry in class_folder.iterdir() if not entry.name.startswith("."))
    for file in files:
        if file.is_dir() or file.suffix.lower() not in IMAGE_SUFFIXES:
            raise InputError(
                f"{_label(file)} is {'a folder' if file.is_dir() else 'no image'}: a class folder may hold only "
                f"{', '.join(IMAGE_SUFFIXES)} files"
            )
    if not files:
        raise InputError(f"class {class_folder.name} has no image: the folder is empty")
    return files


def _pixels(file: Path) -> np.ndarray:
    """Return an image file as (height, width, 1 or 3) uint8."""
    from PIL import Image

    try:
        with Image.open(file) as image:
            frames = getattr(image, "n_frames", 1)
            image.load()
    except (*DAMAGED, SyntaxError, Image.DecompressionBombError) as error:
        raise InputError(f"{_label(file)} cannot be read as an image ({error})") from error
    if frames > 1:
        raise InputError(f"{_label(file)} has {frames} frames, but one image per file is needed")
    if image.mode == "1" or (image.mode == "P" and "transparency" not in image.info):
        image = image.convert("L" if image.mode == "1" else "RGB")
    if image.mode not in ("L", "RGB"):
        raise InputError(
            f"{_label(file)} ({image.width}x{image.height}) is of mode {image.mode}, but L (grey) or RGB is needed: "
            "image.convert('RGB')"
        )
    return np.asarray(image).reshape(image.height, image.width, -1)


def _label(file: Path) -> str:
    return f"{file.parent.name}/{file.name}"


def _size(image: np.ndarray) -> str:
    return f"{image.shape[1]}x{image.shape[0]} {'L' if image.shape[2] == 1 else 'RGB'}"
