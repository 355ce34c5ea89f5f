"""The state of a run between two epochs, in one file that is there whole or not at all."""

import json
import time
import warnings
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import keras
import numpy as np

from cnnhelpers.atomic import replace_file

if TYPE_CHECKING:
    from cnnhelpers.training import Progress

SECONDS_BETWEEN = 10.0  # an epoch that ends sooner after the last backup is not worth one


class Backup:
    """Saves and restores weights, optimizer and progress of one run; does nothing without a folder."""

    def __init__(self, folder: Path | None, identity: str, seed: int) -> None:
        """The file is named by the run, so that no other run can be restored from it."""
        self._path = None if folder is None else folder / f"{identity}-{seed}.npz"
        self._saved = time.monotonic()

    def save(self, model: keras.Model, progress: "Progress") -> None:
        """Write the state beside and rename, unless the last backup is younger than SECONDS_BETWEEN."""
        if self._path is None or time.monotonic() - self._saved < SECONDS_BETWEEN:
            return
        arrays = {f"state_{i}": keras.ops.convert_to_numpy(value) for i, value in enumerate(_variables(model))}
        best = progress.best_weights or []
        arrays |= {f"best_{i}": value for i, value in enumerate(best)}
        told = {name: value for name, value in asdict(progress).items() if name != "best_weights"}
        self._path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(self._path, lambda file: np.savez(file, progress=np.asarray(json.dumps(told)), **arrays))
        self._saved = time.monotonic()

    def restore(self, model: keras.Model, fresh: "Progress") -> "Progress":
        """Return the saved progress and load the weights into `model`; `fresh` where there is no usable backup."""
        if self._path is None or not self._path.exists():
            return fresh
        variables = _variables(model)
        try:
            with np.load(self._path, allow_pickle=False) as file:
                told = json.loads(str(file["progress"]))
                state = [file[f"state_{i}"] for i in range(len(variables))]
                best = [file[f"best_{i}"] for i in range(sum(name.startswith("best_") for name in file.files))]
            if any(tuple(variable.shape) != value.shape for variable, value in zip(variables, state, strict=True)):
                raise ValueError("its weights are of another model")
        except Exception as error:  # a damaged file can fail in many ways; the run then starts afresh
            warnings.warn(f"backup {self._path.name} cannot be used ({error}); the run starts afresh", stacklevel=2)
            return fresh
        for variable, value in zip(variables, state, strict=True):
            variable.assign(value)
        progress = type(fresh)(**told, best_weights=best or None)
        progress.resumed_after.append(progress.epochs_run)
        return progress

    def clear(self) -> None:
        """Delete the file: the run is complete."""
        if self._path is not None:
            self._path.unlink(missing_ok=True)


def _variables(model: keras.Model) -> list[keras.Variable]:
    return [*model.weights, *model.optimizer.variables]
