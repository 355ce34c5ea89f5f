"""Compute the features of a frozen network once, keep them in files, and train its head alone on them.

A frozen network gives the same features of an image in every epoch. The head sees the same batches in the same order:
the run is the same, up to rounding.
"""

import hashlib
import json
import math
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
from cnnhelpers.experiments import Protocol, describe
from cnnhelpers.training.fast_layers import leaves
from cnnhelpers.training.pipeline import EVALUATION_BATCH, batches, compile_for, gathered, jit_compile
from cnnhelpers.training.precision import bfloat16_available

FOLDER = ".features"  # next to the folder of checkpoints, below the records
LIMIT = 4 * 2**30  # bytes of features in the folder, and of one run


@dataclass(frozen=True)
class Task:
    """A model to train on images, or the head of a model to train on features of them."""

    model: keras.Model
    protocol: Protocol  #: without padding where features are padded already
    parts: Split
    cost: dict[str, float] = field(default_factory=dict)  #: of computing the features, for the record


def task(model: keras.Model, protocol: Protocol, parts: Split, checkpoint_folder: Path | None) -> Task:
    """Return the head of `model` on the features of `parts` if all before the head is frozen; else all on images.

    Training the head trains `model`, see pipeline.assemble, as both have the same layers. Features are kept in the
    folder FOLDER next to `checkpoint_folder`, the oldest deleted beyond LIMIT; None keeps none.

    The cost of the task is empty without features, else feature_seconds and feature_cpu_seconds, the time of computing
    them in this run or an earlier one (a part of the training's time in a record), and features_cached: 1 if all are
    from files, else 0.
    """
    divided = split_frozen(model)
    if divided is None:
        return Task(model, protocol, parts)
    extractor, head = divided
    number = sum(map(len, parts.parts().values()))
    if number * 4 * math.prod(extractor.output_shape[1:]) > LIMIT:
        return Task(model, protocol, parts)
    origin = _origin(extractor, protocol.precision)
    folder = None if checkpoint_folder is None or origin is None else checkpoint_folder.with_name(FOLDER)
    features, costs = {}, []
    for name, part in parts.parts().items():
        values, cost = _features(extractor, origin, part, protocol.padding, folder)
        features[name] = Part(values, part.labels[part.indices], np.arange(len(values)))
        costs.append(cost)
    total = {f"feature_{name}": sum(cost[name] for cost in costs) for name in ("seconds", "cpu_seconds")}
    total["features_cached"] = float(all(cost["cached"] for cost in costs))
    compile_for(head, protocol, len(parts.train))
    return Task(head, replace(protocol, padding=None), replace(parts, **features), total)


def split_frozen(model: keras.Model) -> tuple[keras.Model, keras.Model] | None:
    """Return (from pixels to features, from features to probabilities), or None if the features are not fixed.

    They are fixed if everything before the first layer that learns is frozen, and neither dropout nor augmentation is
    there. For `model` see pipeline.assemble.
    """
    *front, network = model.layers
    learning = [layer for layer in network.layers if any(weight.trainable for weight in layer.weights)]
    if not learning:
        return None
    before = network.layers[: network.layers.index(learning[0])]
    frozen = [leaf for layer in before for leaf in leaves(layer) if leaf.weights]
    random = any(_random(leaf) for layer in (*front, *before) for leaf in leaves(layer))
    if not frozen or random or any(leaf.trainable for leaf in frozen):
        return None
    cut = learning[0].input
    if isinstance(cut, list):
        return None
    try:
        head = keras.Model(cut, network.outputs[0])
    except (ValueError, TypeError):  # the head has other inputs too
        return None
    pixels = outputs = keras.Input(model.input_shape[1:], dtype=model.inputs[0].dtype)
    for layer in (*front, keras.Model(network.inputs[0], cut)):
        outputs = layer(outputs)
    return keras.Model(pixels, outputs), head


def _random(layer: keras.layers.Layer) -> bool:
    """Return whether a layer draws random numbers in training."""
    draws = any(variable.path.endswith("seed_generator_state") for variable in layer.variables)
    return draws and getattr(layer, "rate", None) != 0


def _origin(extractor: keras.Model, precision: str) -> str | None:
    """Return a hash of all that features depend on except the pixels.

    None with layers in the user's code, whose source a worker process cannot read.
    """
    try:
        text = f"{describe(extractor)}\n{keras.backend.backend()}, {precision}, {bfloat16_available()}\n"
    except InputError:
        return None
    digest = hashlib.sha256(text.encode())
    for weight in extractor.get_weights():
        digest.update(weight.ravel())
    return digest.hexdigest()


def _features(
    extractor: keras.Model, origin: str | None, part: Part, padding: str | None, folder: Path | None
) -> tuple[np.ndarray, dict[str, float]]:
    """Return the features of a part, (num_part, ...) float32, and their cost; from the folder if they are there."""
    images, _ = gathered(part, padding)
    path = None
    if folder is not None:
        key = hashlib.sha256(f"{origin} {images.shape} {images.dtype}".encode())
        key.update(images.ravel())
        path = folder / f"{key.hexdigest()}.npy"
    if path is not None and (kept := _load(path, (len(part), *extractor.output_shape[1:]))):
        return kept[0], kept[1] | {"cached": 1.0}
    started, cpu_started = time.perf_counter(), time.process_time()
    extractor.compile(jit_compile=jit_compile())
    features = extractor.predict(**batches(images, batch_size=EVALUATION_BATCH), verbose=0)
    cost = {"seconds": time.perf_counter() - started, "cpu_seconds": time.process_time() - cpu_started}
    if path is not None:
        _write(path, features, cost)
    return features, cost | {"cached": 0.0}


def _load(path: Path, shape: tuple[int, ...]) -> tuple[np.ndarray, dict[str, float]] | None:
    """Return the features of a file, mapped into memory, and their cost; None if it is missing or damaged."""
    try:
        features = np.asarray(np.load(path, mmap_mode="r", allow_pickle=False))
        cost = json.loads(_cost(path).read_text())
        os.utime(path)  # the oldest are deleted first
    except (OSError, ValueError, EOFError):
        return None
    return (features, cost) if features.shape == shape else None


def _write(path: Path, features: np.ndarray, cost: dict[str, float]) -> None:
    """Write features and their cost, then delete the oldest beyond LIMIT; a full disk costs a warning."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(_cost(path), lambda file: file.write(json.dumps(cost).encode()))
        replace_file(path, partial(np.save, arr=features))
        others = (file for file in path.parent.glob("*.npy") if file != path)
        files = sorted(others, key=lambda file: file.stat().st_mtime)
        while files and sum(file.stat().st_size for file in (path, *files)) > LIMIT:
            oldest = files.pop(0)
            oldest.unlink(missing_ok=True)
            _cost(oldest).unlink(missing_ok=True)
    except OSError as error:
        warnings.warn(f"features are not kept: {error.strerror or error}; the run goes on", stacklevel=2)


def _cost(path: Path) -> Path:
    return path.with_suffix(".cost")
