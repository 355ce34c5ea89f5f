"""Transfer learning in seconds: what a frozen network says of the images is computed once, and its head trained on it.

A frozen network gives the same features of an image in every epoch. So they are computed once, kept in files, and only
the head runs epoch by epoch, with the same batches in the same order: the same run, up to rounding.
"""

import hashlib
import json
import os
import time
import warnings
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import keras
import numpy as np

from cnnhelpers.atomic import replace_file
from cnnhelpers.data import Part, Split
from cnnhelpers.errors import InputError
from cnnhelpers.experiments import Experiment, describe
from cnnhelpers.training import precision
from cnnhelpers.training.compilation import compile_for, jit_compile
from cnnhelpers.training.pipeline import batches, gathered

FOLDER = ".features"  # beside the backups, below the records
LIMIT = 4 * 2**30  # bytes of features in the folder, and of one run
BATCH = 500  # images at once


@dataclass(frozen=True)
class Task:
    """What is to be trained, on what: a model on images, or the head of a model on features of them."""

    model: keras.Model
    experiment: Experiment  #: its protocol does not pad what is padded already
    parts: Split
    cost: dict[str, float] = field(default_factory=dict)  #: of computing the features, for the record


def task(model: keras.Model, experiment: Experiment, parts: Split, backups: Path | None) -> Task:
    """Return the head of `model` on the features of `parts`, where all before the head is frozen; else all on images.

    Training the head trains `model`: they share their layers.

    Parameters
    ----------
    model
        See inputs.assemble.
    backups
        Features are kept in the folder FOLDER beside this one, the oldest deleted beyond LIMIT; None keeps none.

    Returns
    -------
    Task
        Its cost has feature_seconds and feature_cpu_seconds, what computing the features took, whoever did it (a record
        counts them into the time of the training), and features_cached, 1 if all of them were found and 0 if not; it is
        empty where there are no features.
    """
    divided = split_frozen(model)
    if divided is None:
        return Task(model, experiment, parts)
    extractor, head = divided
    every = {name: part for name in ("train", "validation", "test") if (part := getattr(parts, name)) is not None}
    if sum(map(len, every.values())) * 4 * int(np.prod(extractor.output_shape[1:])) > LIMIT:
        return Task(model, experiment, parts)
    origin = _origin(extractor, experiment.protocol.precision)
    folder = None if backups is None or origin is None else backups.with_name(FOLDER)
    found = {
        name: _features(extractor, origin, part, experiment.protocol.padding, folder) for name, part in every.items()
    }
    cost = {f"feature_{name}": sum(one[name] for _, one in found.values()) for name in ("seconds", "cpu_seconds")}
    cost["features_cached"] = float(all(one["cached"] for _, one in found.values()))
    of_features = {
        name: Part(one, every[name].labels[every[name].indices], np.arange(len(one)))
        for name, (one, _) in found.items()
    }
    compile_for(head, experiment.protocol, len(parts.train))
    return Task(head, experiment.change(padding=None), replace(parts, **of_features), cost)


def split_frozen(model: keras.Model) -> tuple[keras.Model, keras.Model] | None:
    """Return (from pixels to features, from features to probabilities), or None if the features are not fixed.

    They are if everything before the first layer that learns is frozen and nothing of it is random, be it dropout or
    augmentation.

    Parameters
    ----------
    model
        Scaling and augmentation, then the network as its last layer: see inputs.assemble.
    """
    *front, network = model.layers
    learning = [layer for layer in network.layers if any(weight.trainable for weight in layer.weights)]
    if not learning:
        return None
    before = network.layers[: network.layers.index(learning[0])]
    leaves = [leaf for layer in (*front, *before) for leaf in _leaves(layer)]
    learned = [leaf for leaf in leaves[len(front) :] if leaf.weights]
    if not learned or any(leaf.trainable for leaf in learned) or any(map(_random, leaves)):
        return None
    cut = learning[0].input
    if isinstance(cut, list):
        return None
    try:
        head = keras.Model(cut, network.outputs[0])
    except (ValueError, TypeError):  # the head reads from other places too
        return None
    pixels = outputs = keras.Input(model.input_shape[1:], dtype=model.inputs[0].dtype)
    for layer in (*front, keras.Model(network.inputs[0], cut)):
        outputs = layer(outputs)
    return keras.Model(pixels, outputs), head


def _leaves(layer: keras.layers.Layer) -> list[keras.layers.Layer]:
    """Return the layers of a model, and of the models within it; a layer that is no model is its own leaf."""
    return [leaf for one in layer.layers for leaf in _leaves(one)] if isinstance(layer, keras.Model) else [layer]


def _random(layer: keras.layers.Layer) -> bool:
    """Return whether a layer gives something else each time it is called in training."""
    draws = any(variable.path.endswith("seed_generator_state") for variable in layer.variables)
    return draws and getattr(layer, "rate", None) != 0


def _origin(extractor: keras.Model, products: str) -> "hashlib._Hash | None":
    """Return the hash, to be continued, of all that features depend on but the pixels.

    None if there is code of your own among the layers, of which a worker cannot read the source.
    """
    try:
        described = describe(extractor)
    except InputError:
        return None
    computed = f"{keras.backend.backend()}, {products}, {precision.available()}"
    digest = hashlib.sha256(f"{described}\n{computed}\n".encode())
    for weight in extractor.get_weights():
        digest.update(weight.ravel())
    return digest


def _features(
    extractor: keras.Model, origin: "hashlib._Hash | None", part: Part, padding: str | None, folder: Path | None
) -> tuple[np.ndarray, dict[str, float]]:
    """Return the features of a part, (num_part, ...) float32, and what they cost; from the folder if they are there."""
    images, _ = gathered(part, padding)
    path = None if folder is None else folder / f"{_key(origin, images)}.npy"
    if path is not None and path.exists() and (kept := _read(path, (len(part), *extractor.output_shape[1:]))):
        return kept[0], kept[1] | {"cached": 1.0}
    started, cpu_started = time.perf_counter(), time.process_time()
    extractor.compile(jit_compile=jit_compile())
    features = extractor.predict(**batches(images, batch_size=BATCH), verbose=0)
    cost = {"seconds": time.perf_counter() - started, "cpu_seconds": time.process_time() - cpu_started}
    if path is not None:
        _keep(path, features, cost)
    return features, cost | {"cached": 0.0}


def _key(origin: "hashlib._Hash", images: np.ndarray) -> str:
    digest = origin.copy()
    digest.update(f"{images.shape} {images.dtype}".encode())
    digest.update(images.ravel())
    return digest.hexdigest()


def _read(path: Path, shape: tuple[int, ...]) -> tuple[np.ndarray, dict[str, float]] | None:
    """Return the features of a file, left on the disk, and their cost; None if it is damaged."""
    try:
        features = np.asarray(np.load(path, mmap_mode="r", allow_pickle=False))
        cost = json.loads(_cost(path).read_text())
        os.utime(path)  # what is used stays longest
    except (OSError, ValueError, EOFError):
        return None
    return (features, cost) if features.shape == shape else None


def _keep(path: Path, features: np.ndarray, cost: dict[str, float]) -> None:
    """Write features and their cost, then delete the oldest beyond LIMIT; a full disk costs no more than a warning."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(_cost(path), lambda file: file.write(json.dumps(cost).encode()))
        replace_file(path, partial(np.save, arr=features))
        others = sorted((one for one in path.parent.glob("*.npy") if one != path), key=lambda one: one.stat().st_mtime)
        while others and sum(one.stat().st_size for one in (path, *others)) > LIMIT:
            oldest = others.pop(0)
            oldest.unlink(missing_ok=True)
            _cost(oldest).unlink(missing_ok=True)
    except OSError as error:
        warnings.warn(f"features are not kept: {error.strerror or error}; the run goes on", stacklevel=2)


def _cost(path: Path) -> Path:
    return path.with_suffix(".cost")
