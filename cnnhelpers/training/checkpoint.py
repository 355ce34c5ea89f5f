"""The progress of a training between two epochs, and its checkpoints, from which a killed run resumes."""

import json
import time
import warnings
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cnnhelpers import environment
from cnnhelpers.atomic import load_npz, replace_file
from cnnhelpers.experiments import Protocol

if TYPE_CHECKING:
    import keras

SECONDS_BETWEEN = 10.0  # at least, between two checkpoints


@dataclass
class Progress:
    """History and early stopping of a run: all that a checkpoint holds besides the weights and the optimizer."""

    history: dict[str, list[float]] = field(default_factory=dict)
    best: float = np.inf  #: lowest value of the watched metric; an accuracy counts negative
    waited: int = 0  #: epochs since then
    reason: str = "all epochs"
    cpu_seconds: float = 0.0
    peak_memory_mb: float = 0.0  #: of the process at the ends of epochs, earlier runs in it included
    resumed_after: list[int] = field(default_factory=list)
    best_weights: list[np.ndarray] | None = None

    @property
    def epochs_run(self) -> int:
        """Return the number of complete epochs."""
        return len(self.history.get("loss", []))

    def append(self, logs: dict[str, float]) -> None:
        """Add the metrics of an epoch to the history."""
        for name, value in logs.items():
            self.history.setdefault(name, []).append(float(value))

    def watch(self, model: "keras.Model", protocol: Protocol) -> None:
        """Compare the watched metric of the last epoch with the best; stop after `patience` epochs without a better."""
        value = self.history[protocol.early_stopping][-1]
        value = -value if protocol.early_stopping.endswith("accuracy") else value
        if value < self.best:
            self.best, self.waited = value, 0
            self.best_weights = model.get_weights() if protocol.restore_best else None
        else:
            self.waited += 1
            if self.waited >= protocol.patience:
                self.reason = "early stopping"

    def fields(self, cost: dict[str, float]) -> dict[str, Any]:
        """Return the fields history, best, stop and cost of a record; `cost` has the time of computing features."""
        history, seconds = self.history, self.history["seconds"]
        watched = np.asarray(history.get("validation_loss", history["loss"]))
        best = int(np.nanargmin(watched)) if np.isfinite(watched).any() else 0
        wall, cpu = (cost.get(f"feature_{name}", 0.0) for name in ("seconds", "cpu_seconds"))  # a part of the training
        stop = {"reason": self.reason, "epochs_run": self.epochs_run, "best_epoch": best + 1, "error": None}
        stop["resumed_after"] = self.resumed_after
        cost = cost | {
            "seconds": wall + sum(seconds),
            "seconds_per_epoch": float(np.median(seconds)),
            "seconds_to_best": wall + sum(seconds[: best + 1]),
            "cpu_seconds": cpu + self.cpu_seconds,
            "peak_memory_mb": round(self.peak_memory_mb, 1),
        }
        at_best = {name: values[best] for name, values in history.items()}
        return {"history": history, "best": at_best, "stop": stop, "cost": cost}


class Checkpoint:
    """The checkpoint of one run, in a file that is written whole, and the one before; without a folder there is none.

    Loading the partial history, and deleting, need no Keras.
    """

    def __init__(self, folder: Path | None, identity: str, seed: int) -> None:
        """Name the files after the run."""
        self.folder, self._run = folder, f"{identity}-{seed}"
        self._paths = [] if folder is None else [folder / f"{self._run}{end}" for end in (".npz", ".before.npz")]
        self._history = None if folder is None else folder / f"{self._run}.epochs"
        self._saved = time.monotonic()

    def save(self, model: "keras.Model", progress: Progress) -> None:
        """Write the state unless the last is younger than SECONDS_BETWEEN; a full disk costs a warning, not the run."""
        if not self._paths or time.monotonic() - self._saved < SECONDS_BETWEEN:
            return
        path, before = self._paths
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if path.exists():
                path.replace(before)
            replace_file(path, lambda file: np.savez(file, **_state(self._run, model, progress)))
        except OSError as error:
            warnings.warn(f"no checkpoint of {self._run}: {error.strerror or error}; the run goes on", stacklevel=2)
        self._saved = time.monotonic()

    def restore(self, model: "keras.Model") -> Progress:
        """Load the last usable state into a compiled model and return its progress: epoch 0 without one."""
        paths = [path for path in self._paths if path.exists()]
        for path in paths:
            try:
                progress, values = _load(path, self._run, model)
            except Exception as error:  # a damaged file can fail in many ways
                warnings.warn(f"checkpoint {path.name} cannot be used ({error}): taking the one before", stacklevel=2)
                continue
            for variable, value in zip(_variables(model), values, strict=True):
                variable.assign(value)
            progress.resumed_after.append(progress.epochs_run)
            return progress
        if paths:
            warnings.warn(f"the checkpoints of {self._run} cannot be used: it starts afresh", stacklevel=2)
        return Progress()

    def write_history(self, history: dict[str, list[float]]) -> None:
        """Write the partial history for live plots, if another process has asked for it; a full disk is no error."""
        if self._history is not None and self._history.exists():
            with suppress(OSError):
                replace_file(self._history, lambda file: file.write(json.dumps(history).encode()))

    def load_history(self) -> dict[str, list[float]] | None:
        """Load the partial history of a run in flight: None before an epoch ends after the first call.

        The first call writes an empty file, which asks the run for its history.
        """
        try:
            return json.loads(self._history.read_text())
        except FileNotFoundError:
            with suppress(OSError):
                self._history.touch()
        except (OSError, ValueError):  # unreadable, or empty: no epoch has ended yet
            pass
        return None

    def delete(self) -> None:
        """Delete the files of a run that is recorded."""
        for path in [*self._paths, self._history] if self._paths else []:
            with suppress(OSError):  # a file that stays costs only room
                path.unlink(missing_ok=True)


def _state(run: str, model: "keras.Model", progress: Progress) -> dict[str, np.ndarray]:
    """Return all that the rest of the training depends on."""
    arrays = {f"state_{i}": variable.numpy() for i, variable in enumerate(_variables(model))}
    arrays |= {f"best_{i}": value for i, value in enumerate(progress.best_weights or [])}
    fields = {name: value for name, value in vars(progress).items() if name != "best_weights"}
    texts = {"run": run, "code": _code(), "progress": json.dumps(fields)}
    return arrays | {name: np.asarray(text) for name, text in texts.items()}


def _load(path: Path, run: str, model: "keras.Model") -> tuple[Progress, list[np.ndarray]]:
    """Return progress and state of a file; raise any exception if it is damaged, or of another run or code."""
    arrays = load_npz(path)
    if str(arrays["run"]) != run:
        raise ValueError(f"it is of another run, {str(arrays['run'])[:40]}")
    if "code" not in arrays or str(arrays["code"]) != _code():
        raise ValueError("it was made by other code")  # which the one commit of a record would hide
    values, best = (
        [arrays[f"{kind}_{i}"] for i in range(sum(name.startswith(f"{kind}_") for name in arrays))]
        for kind in ("state", "best")
    )
    if [tuple(variable.shape) for variable in _variables(model)] != [value.shape for value in values]:
        raise ValueError("its weights are of another model")
    return Progress(**json.loads(str(arrays["progress"])), best_weights=best or None), values


@cache
def _code() -> str:
    """Return the code that computes, as text: this package, the backend and the libraries."""
    import keras

    return f"{environment.code()}, {keras.backend.backend()}, {environment.versions()}"


def _variables(model: "keras.Model") -> list:
    return [*model.weights, *model.optimizer.variables]
