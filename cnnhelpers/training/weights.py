"""Check and hash the weights of a network, and keep them in files for the runs that start from them."""

import hashlib
import shutil
import tempfile
import warnings
import zipfile
from contextlib import AbstractContextManager, nullcontext
from itertools import takewhile
from pathlib import Path

import keras
import numpy as np

from cnnhelpers.atomic import load_npz, replace_file
from cnnhelpers.errors import InputError
from cnnhelpers.records import locked


class DivergedError(InputError):
    """The run that another starts from diverged: it has no weights, and training it again would not change that."""


class KeptWeights:
    """The file of the final weights of one run, next to its checkpoint; without a folder there is none."""

    def __init__(self, folder: Path | None, identity: str, seed: int) -> None:
        """Name the file after the run."""
        self._path = None if folder is None else folder / f"{identity}-{seed}.weights.npz"

    def lock(self) -> AbstractContextManager[None]:
        """Return a context in which no other process trains the run for its weights; entering it may wait."""
        return nullcontext() if self._path is None else locked(self._path.with_suffix(".lock"))

    def load(self) -> list[np.ndarray] | None:
        """Return the weights; None without a file, or with a damaged one."""
        if self._path is None or not self._path.exists():
            return None
        try:
            arrays = load_npz(self._path)
            return [arrays[f"arr_{position}"] for position in range(len(arrays))]
        except (OSError, ValueError, KeyError) as error:
            warnings.warn(f"{error}: the run is trained again", stacklevel=2)
            return None

    def write(self, weights: list[np.ndarray]) -> None:
        """Write the weights; a full disk costs a warning, not the run."""
        if self._path is None:
            return
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            replace_file(self._path, lambda file: np.savez(file, *weights))
        except OSError as error:
            warnings.warn(f"weights are not kept: {error.strerror or error}; the run goes on", stacklevel=2)


def start_from(network: keras.Model, arrays: list[np.ndarray], label: str) -> None:
    """Set the weights of `network` to `arrays`, in order, up to the first that has another shape.

    InputError if the first has another shape already: they are of another network.
    """
    pairs = zip(network.weights, arrays, strict=False)
    fitting = list(takewhile(lambda pair: tuple(pair[0].shape) == pair[1].shape, pairs))
    if not fitting:
        raise InputError(f"{label} cannot start from the weights of another network: their first shapes differ")
    for variable, array in fitting:
        variable.assign(array)


def weights_hash(model: keras.Model) -> str:
    """Return the SHA-256 of all weights of a model, in order: equal hashes mean equal bits."""
    digest = hashlib.sha256()
    for weight in model.get_weights():
        digest.update(np.ascontiguousarray(weight).tobytes())
    return digest.hexdigest()


def save_model(model: keras.Model, path: str | Path) -> Path:
    """Write `model` to a .keras file, whole or not at all, and return its path."""
    path = _keras_path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        finished = Path(folder) / "model.keras"
        model.save(finished)
        with finished.open("rb") as source:
            replace_file(path, lambda file: shutil.copyfileobj(source, file))
    return path


def load_model(path: str | Path) -> keras.Model:
    """Load the model of a .keras file, not compiled.

    InputError if it is missing, truncated, no Keras model, or would run code (a Lambda layer): Keras' safe mode is on.
    """
    path = _keras_path(path)
    if not path.is_file():
        raise InputError(f"there is no model file {path}: save one with save_model(model, {path.name!r})")
    if not zipfile.is_zipfile(path):
        raise InputError(f"{path.name} is not a whole .keras file (cut short, or of another kind): save it again")
    try:
        return keras.saving.load_model(path, compile=False)
    except Exception as error:  # Keras lets errors of json, zip, h5py and its own through
        reason = str(error).partition("\n")[0]
        if "lambda" in reason.lower():
            raise InputError(
                f"{path.name} holds a Lambda layer, which is code that loading would run, and is refused. "
                "Rebuild the model with a layer class, or load it with Keras if you trust its source"
            ) from error
        raise InputError(f"{path.name} is no model that Keras can load: {reason[:300]}") from error


def _keras_path(path: str | Path) -> Path:
    if Path(path).suffix != ".keras":
        raise InputError(f"a model file ends in .keras. Received: {Path(path).name}")
    return Path(path)
