"""The weights of a network: are they finite, their hash, and files of them for the runs that start from them."""

import hashlib
import warnings
import zipfile
import zlib
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import keras
import numpy as np

from cnnhelpers.atomic import replace_file
from cnnhelpers.errors import InputError
from cnnhelpers.records import locked

DAMAGED = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error)  # what reading a file can raise


class DivergedError(InputError):
    """The loss of the run that another starts from stops being finite: another try would not change that."""


class KeptWeights:
    """Keeps the final weights of one run; does nothing without a folder."""

    def __init__(self, folder: Path | None, identity: str, seed: int) -> None:
        """The file lies beside the run's backups."""
        self._path = None if folder is None else folder / f"{identity}-{seed}.weights.npz"

    def alone(self) -> AbstractContextManager[None]:
        """Return a context in which no other process trains the run for its weights; entering it waits for that."""
        return nullcontext() if self._path is None else locked(self._path.with_suffix(".lock"))

    def read(self) -> list[np.ndarray] | None:
        """Return the weights; None if there are none, or none that can be read."""
        if self._path is None or not self._path.exists():
            return None
        try:
            with self._path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
                return [file[f"arr_{position}"] for position in range(len(file.files))]
        except DAMAGED as error:
            warnings.warn(f"{self._path.name} is damaged ({error}): its run is trained again", stacklevel=2)
            return None

    def write(self, weights: list[np.ndarray]) -> None:
        """Keep the weights; a full disk costs a warning, not the run."""
        if self._path is None:
            return
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            replace_file(self._path, lambda file: np.savez(file, *weights))
        except OSError as error:
            warnings.warn(f"weights are not kept: {error.strerror or error}; the run goes on", stacklevel=2)


def start_from(network: keras.Model, arrays: list[np.ndarray], label: str) -> None:
    """Set the weights of `network` to `arrays`, in order, up to the first that has another shape.

    Raises
    ------
    InputError
        If already the first has: they are of another network.
    """
    taken = 0
    for variable, array in zip(network.weights, arrays, strict=False):
        if tuple(variable.shape) != array.shape:
            break
        variable.assign(array)
        taken += 1
    if not taken:
        raise InputError(f"{label} cannot start from the weights of another network: their first shapes differ")


def finite(model: keras.Model) -> bool:
    """Return whether all weights of a model are finite: a loss can stay so for a while after they are not."""
    return all(np.isfinite(weight).all() for weight in model.get_weights())


def weights_hash(model: keras.Model) -> str:
    """Return the SHA-256 of all weights of a model, in order: equal hashes mean equal bits."""
    digest = hashlib.sha256()
    for weight in model.get_weights():
        digest.update(np.ascontiguousarray(weight).tobytes())
    return digest.hexdigest()
