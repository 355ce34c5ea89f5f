"""Use a trained model: predict classes of pictures, list wrong answers, report precision and recall, write submissions.

A trained model scales its input itself: images go in with pixels from 0 to 255.
"""

import re
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from PIL import Image, ImageOps, UnidentifiedImageError

from cnnhelpers.atomic import replace_file
from cnnhelpers.errors import InputError

if TYPE_CHECKING:
    import keras
    from pandas.io.formats.style import Styler

PICTURES = (".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")


def predict(model: "keras.Model", images: np.ndarray, batch_size: int = 256) -> np.ndarray:
    """Return the class probabilities of images, (num_images, classes) float32.

    `images` are (num_images, height, width, channels) as in training: uint8, or numbers from 0 to 255.

    >>> import keras
    >>> from keras import layers
    >>> model = keras.Sequential([keras.Input((8, 8, 1)), layers.Flatten(), layers.Dense(3, activation="softmax")])
    >>> predict(model, np.zeros((2, 8, 8, 1), np.uint8)).shape
    (2, 3)
    """
    images, expected = np.asarray(images), tuple(model.input_shape[1:])
    matches = (size in (None, got) for size, got in zip(expected, images.shape[1:], strict=False))
    if images.ndim != len(expected) + 1 or not all(matches):
        wanted = ", ".join("any" if size is None else str(size) for size in expected)
        raise InputError(
            f"the model takes images of (num_images, {wanted}). Received: {images.shape}. One image needs "
            "images[None]; a grey image without channels needs images[..., None]; read_images brings "
            "pictures, data.pad arrays to the size"
        )
    if len(images) == 0:
        return np.zeros((0, model.output_shape[-1]), np.float32)
    if images.dtype.kind not in "uif" or (images.dtype.kind == "f" and not np.isfinite(images).all()):
        raise InputError(f"pixels must be finite numbers. Received: {images.dtype} with NaN, infinite or other values")
    if str(model.inputs[0].dtype) == "uint8" and (images.dtype.kind == "f" or images.min() < 0 or images.max() > 255):
        raise InputError(f"the model takes whole pixels from 0 to 255, scaled inside. Received: {images.dtype}")
    return np.asarray(model.predict(images, batch_size=batch_size, verbose=0)).astype(np.float32)


def read_images(
    pictures: str | Path | Iterable[str | Path], image_shape: tuple[int, int, int], *, invert: bool = False
) -> tuple[np.ndarray, list[str]]:
    """Return pictures as a model takes them, (num_images, height, width, channels) uint8, and their file names.

    Pictures are turned upright by their EXIF tag, put on white where they are transparent, converted to grey or RGB as
    `image_shape` has 1 or 3 channels, scaled as a whole with the Lanczos filter, and centred between black bars.

    `pictures` is a folder (its pictures in natural order: 2.png before 10.png), a file, or several files; `invert` is
    for dark drawings on light paper and a model of light on dark (MNIST, Fashion-MNIST, digits).
    """
    if len(image_shape) != 3 or image_shape[2] not in (1, 3):
        raise InputError(f"image_shape must be (height, width, 1 or 3). Received: {image_shape}")
    paths = _picture_paths(pictures)
    return np.stack([_read_image(path, image_shape, invert) for path in paths]), [path.name for path in paths]


def wrong_answers(probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return the indices of the wrong answers, the most confident first.

    >>> wrong_answers(np.array([[0.6, 0.4], [0.1, 0.9], [0.8, 0.2]]), np.array([1, 1, 1]))
    array([2, 0])
    """
    probabilities, labels = _probabilities(probabilities), np.asarray(labels)
    if labels.shape != (len(probabilities),):
        raise InputError(f"labels must be ({len(probabilities)},), one per image. Received: {labels.shape}")
    order = np.argsort(-probabilities.max(axis=1), kind="stable")
    return order[probabilities.argmax(axis=1)[order] != labels[order]]


def probability_table(
    probabilities: np.ndarray, class_names: Sequence[str], labels: np.ndarray | None = None
) -> "Styler":
    """Return a table to show: a row per image, a column per class, each percentage on its shade of blue.

    With `labels` the table has the true class and ✓ or ✗ as well.
    """
    probabilities = _probabilities(probabilities, len(class_names))
    table = pd.DataFrame(probabilities).rename_axis("image")
    columns = table.columns = pd.MultiIndex.from_product([["probability"], class_names])
    predicted = probabilities.argmax(axis=1)
    front = {("answer", "predicted"): [class_names[index] for index in predicted]}
    if labels is not None:
        front["answer", "true"] = [class_names[index] for index in labels]
        front["answer", "right"] = ["✓" if right else "✗" for right in predicted == np.asarray(labels)]
    style = pd.concat([pd.DataFrame(front, index=table.index), table], axis=1).style.format("{:.1%}", subset=columns)
    return style.background_gradient("Blues", vmin=0, vmax=1, text_color_threshold=0.17, subset=columns)


def classification_report(confusion: np.ndarray, class_names: tuple[str, ...] | None = None) -> pd.DataFrame:
    """Return precision, recall, F1 and support of each class, and the rows "macro" and "micro".

    `confusion` has (classes, classes) counts, rows true and columns predicted. Divisions by zero give NaN: the
    precision of a class that was never predicted, the recall of a class without images, the F1 of a class that is
    neither. "macro" is the mean over the classes, hence NaN if a class is NaN; "micro" counts all images alike, so its
    precision, recall and F1 equal the accuracy.

    >>> classification_report(np.array([[8, 2], [1, 9]]), ("cat", "dog")).round(3)
           precision  recall     f1  support
    cat        0.889    0.80  0.842       10
    dog        0.818    0.90  0.857       10
    macro      0.854    0.85  0.850       20
    micro      0.850    0.85  0.850       20
    """
    counts = np.asarray(confusion)
    if counts.ndim != 2 or counts.shape[0] != counts.shape[1] or (counts < 0).any():
        raise InputError(f"a confusion matrix must be (classes, classes) counts. Received: shape {counts.shape}")
    names = list(range(len(counts))) if class_names is None else list(class_names)
    if len(names) != len(counts):
        raise InputError(f"the confusion matrix has {len(counts)} classes. Received: {len(names)} class names")
    right, true, predicted = np.diag(counts).astype(float), counts.sum(axis=1), counts.sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        scores = np.stack([right / predicted, right / true, 2 * right / (predicted + true)], axis=1)
        accuracy = right.sum() / counts.sum()
    table = pd.DataFrame(scores, index=names, columns=["precision", "recall", "f1"]).assign(support=true)
    table.loc["macro"] = [*scores.mean(axis=0), counts.sum()]
    table.loc["micro"] = [accuracy, accuracy, accuracy, counts.sum()]
    return table.astype({"support": counts.dtype})


def write_submission(
    path: str | Path, answers: np.ndarray, class_names: Sequence[str], ids: Iterable[str | int] | None = None
) -> Path:
    """Write a Kaggle submission, "id,label" with class names, whole or not at all, and return its path.

    `answers` are (num_images,) labels from 0, or (num_images, classes) probabilities. `ids` has the id of each image,
    or the file names that `read_images` returns: names such as 7.png become ids such as 7 if all of them are numbers;
    None for 1, 2, 3, ...: the images must then be in the order of their ids.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "mine.csv"
    >>> write_submission(path, np.array([1, 0]), ("cat", "dog"), ids=["9.png", "10.png"]).read_text().split()
    ['id,label', '9,dog', '10,cat']
    """
    path, answers = Path(path), np.asarray(answers)
    labels = _probabilities(answers, len(class_names)).argmax(axis=1) if answers.ndim == 2 else answers
    if labels.ndim != 1 or labels.dtype.kind not in "iu" or ((labels < 0) | (labels >= len(class_names))).any():
        raise InputError(
            f"answers must be labels from 0 to {len(class_names) - 1}, (num_images,), or probabilities "
            f"(num_images, {len(class_names)}). Received: {answers.dtype} {answers.shape}"
        )
    table = pd.DataFrame({"id": _ids(ids, len(labels)), "label": [class_names[label] for label in labels]})
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_file(path, partial(table.to_csv, index=False, lineterminator="\n"))
    return path


def _ids(ids: Iterable[str | int] | None, number: int) -> list[str]:
    """Return an id for each of `number` images, see write_submission."""
    names = [str(name) for name in (range(1, number + 1) if ids is None else ids)]
    if len(names) != number or len({*names}) != number:
        raise InputError(f"{number} different ids are needed. Received: {len(names)} ids, {len({*names})} different")
    stems = [Path(name).stem for name in names]
    return stems if all(map(str.isdecimal, stems)) and len({*stems}) == number else names


def _probabilities(values: np.ndarray, classes: int | None = None) -> np.ndarray:
    """Return probabilities as (num_images, classes) floats, checked."""
    values = np.asarray(values, dtype=float)
    if values.ndim != 2 or (classes is not None and values.shape[1] != classes) or not np.isfinite(values).all():
        wanted = "classes" if classes is None else classes
        raise InputError(f"probabilities must be finite and (num_images, {wanted}). Received: {values.shape}")
    return values


def _picture_paths(pictures: str | Path | Iterable[str | Path]) -> list[Path]:
    if not isinstance(pictures, (str, Path)):
        paths = [Path(picture) for picture in pictures]
    elif Path(pictures).is_dir():
        paths = sorted((path for path in Path(pictures).iterdir() if path.suffix.lower() in PICTURES), key=_natural)
    else:
        paths = [Path(pictures)]
    if not paths:
        raise InputError(f"there are no pictures ({', '.join(PICTURES)}) in {pictures}")
    return paths


def _natural(path: Path) -> tuple[list[str | int], str]:
    """Return the sorting key by which 2.png comes before 10.png."""
    texts = re.split(r"(\d+)", path.name)
    return [int(text) if position % 2 else text for position, text in enumerate(texts)], path.name


def _read_image(path: Path, image_shape: tuple[int, int, int], invert: bool) -> np.ndarray:
    """Return a picture as (height, width, channels) uint8."""
    height, width, channels = image_shape
    try:
        with Image.open(path) as opened:
            picture = ImageOps.exif_transpose(opened)
            if picture.mode.startswith("I"):  # 16 bits per pixel; Pillow would cut off all above 255
                picture = Image.fromarray((np.asarray(picture, dtype=float) / 257).clip(0, 255).astype(np.uint8))
            picture = picture.convert("RGBA")
    except FileNotFoundError as error:
        raise InputError(f"there is no picture {path}") from error
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, SyntaxError, ValueError) as error:
        raise InputError(f"{path.name} is no picture that Pillow can read, or is cut short: {error}") from error
    picture = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture)
    picture = picture.convert("RGB" if channels == 3 else "L")
    picture = ImageOps.invert(picture) if invert else picture
    picture = ImageOps.pad(picture, (width, height), Image.Resampling.LANCZOS, color="black")
    return np.asarray(picture, dtype=np.uint8).reshape(height, width, channels)
