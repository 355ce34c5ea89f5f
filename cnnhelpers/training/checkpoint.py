"""The state of a run between two epochs, in a file that is there whole or not at all, and the file before that."""

import json
import time
import warnings
from contextlib import suppress
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from cnnhelpers import environment
from cnnhelpers.atomic import replace_file

if TYPE_CHECKING:
    import keras

    from cnnhelpers.training.trainer import Progress

SECONDS_BETWEEN = 10.0  # an epoch that ends sooner after the last backup is not worth one


class Backup:
    """Saves and restores weights, optimizer and progress of one run; does nothing without a folder."""

    def __init__(self, folder: Path | None, identity: str, seed: int) -> None:
        """The run names its files, and is named in them, so that no other run can be restored from them."""
        self._run = f"{identity}-{seed}"
        self._paths = [] if folder is None else _paths(folder, identity, seed)
        self._story = None if folder is None else _story(folder, identity, seed)
        self._saved = time.monotonic()

    def save(self, model: "keras.Model", progress: "Progress") -> None:
        """Write the state and keep the one before, unless it is younger than SECONDS_BETWEEN.

        A full disk costs the backup and a warning, not the run.
        """
        if not self._paths or time.monotonic() - self._saved < SECONDS_BETWEEN:
            return
        path, before = self._paths
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if path.exists():
                path.replace(before)
            replace_file(path, lambda file: np.savez(file, **_state(self._run, model, progress)))
        except OSError as error:
            warnings.warn(f"no backup of {self._run}: {error.strerror or error}; the run goes on", stacklevel=2)
        self._saved = time.monotonic()

    def tell(self, history: dict[str, list[float]]) -> None:
        """Leave the history so far for whoever has asked for it, see told; a full disk costs no more than that."""
        if self._story is not None and self._story.exists():
            with suppress(OSError):
                replace_file(self._story, lambda file: file.write(json.dumps(history).encode()))

    def restore(self, model: "keras.Model", fresh: "Progress") -> "Progress":
        """Load the last usable backup into `model` and return its progress; `fresh` where there is none."""
        for path in filter(Path.exists, self._paths):
            try:
                progress, state = _read(path, self._run, type(fresh), _variables(model))
            except Exception as error:  # a damaged file can fail in many ways
                warnings.warn(f"backup {path.name} cannot be used ({error}): taking the one before", stacklevel=2)
                continue
            for variable, value in zip(_variables(model), state, strict=True):
                variable.assign(value)
            progress.resumed_after.append(progress.epochs_run)
            return progress
        if any(map(Path.exists, self._paths)):
            warnings.warn(f"the backups of {self._run} cannot be used: it starts afresh", stacklevel=2)
        return fresh

    def clear(self) -> None:
        """Delete the files: the run is recorded."""
        for path in [*self._paths, self._story] if self._paths else []:
            with suppress(OSError):  # what stays costs nothing but room
                path.unlink(missing_ok=True)


def told(folder: Path, identity: str, seed: int) -> dict[str, list[float]] | None:
    """Return the history so far of a run in flight, epoch by epoch; None before an epoch ends after the first call.

    The first call leaves an empty file: that somebody asks is how the run knows that it is to tell.
    """
    story = _story(folder, identity, seed)
    try:
        return json.loads(story.read_text())
    except FileNotFoundError:
        with suppress(OSError):
            story.touch()
    except ValueError:  # empty: no epoch has ended yet
        pass
    return None


def clear(folder: Path, identity: str, seed: int) -> None:
    """Delete the backups of a run."""
    Backup(folder, identity, seed).clear()


def _story(folder: Path, identity: str, seed: int) -> Path:
    return folder / f"{identity}-{seed}.epochs"


def _paths(folder: Path, identity: str, seed: int) -> list[Path]:
    """Return the files of the last state and of the one before."""
    return [folder / f"{identity}-{seed}.npz", folder / f"{identity}-{seed}.before.npz"]


def _state(run: str, model: "keras.Model", progress: "Progress") -> dict[str, np.ndarray]:
    """Return everything that a run needs to go on."""
    import keras

    arrays = {f"state_{i}": keras.ops.convert_to_numpy(value) for i, value in enumerate(_variables(model))}
    arrays |= {f"best_{i}": value for i, value in enumerate(progress.best_weights or [])}
    told = {name: value for name, value in asdict(progress).items() if name != "best_weights"}
    texts = {"run": run, "code": _code(), "progress": json.dumps(told)}
    return arrays | {name: np.asarray(text) for name, text in texts.items()}


def _read(path: Path, run: str, kind: type["Progress"], variables: list) -> tuple["Progress", list[np.ndarray]]:
    """Return progress and state of a file; an exception of any kind if it is damaged, or of another run or code."""
    with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
        if (found := str(file["run"])) != run:
            raise ValueError(f"it is of another run, {found[:40]}")
        if "code" not in file.files or str(file["code"]) != _code():
            raise ValueError("it was made by other code")  # of which the record, with its one commit, would not tell
        told = json.loads(str(file["progress"]))
        state = [file[f"state_{i}"] for i in range(len(variables))]
        best = [file[f"best_{i}"] for i in range(sum(name.startswith("best_") for name in file.files))]
    if any(tuple(variable.shape) != value.shape for variable, value in zip(variables, state, strict=True)):
        raise ValueError("its weights are of another model")
    return kind(**told, best_weights=best or None), state


@cache
def _code() -> str:
    """Return what decides how a run goes on, besides its state: this package and the libraries below it."""
    import keras

    return f"{environment.code()}, {keras.backend.backend()}, {environment.versions()}"


def _variables(model: "keras.Model") -> list:
    return [*model.weights, *model.optimizer.variables]
