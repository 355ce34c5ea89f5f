"""The progress of a training between two epochs: history and early stopping."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from cnnhelpers.experiments import Protocol

if TYPE_CHECKING:
    import keras


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
        """Return the fields history, best, stop and cost of a record; `cost` has what computing features took."""
        history, seconds = self.history, self.history["seconds"]
        watched = np.asarray(history.get("validation_loss", history["loss"]))
        best = int(np.nanargmin(watched)) if np.isfinite(watched).any() else 0
        wall, cpu = (cost.get(f"feature_{name}", 0.0) for name in ("seconds", "cpu_seconds"))  # a part of the training
        stop = {"reason": self.reason, "epochs_run": self.epochs_run, "best_epoch": best + 1, "error": None}
        return {
            "history": history,
            "best": {name: values[best] for name, values in history.items()},
            "stop": stop | {"resumed_after": self.resumed_after},
            "cost": cost
            | {
                "seconds": wall + sum(seconds),
                "seconds_per_epoch": float(np.median(seconds)),
                "seconds_to_best": wall + sum(seconds[: best + 1]),
                "cpu_seconds": cpu + self.cpu_seconds,
                "peak_memory_mb": round(self.peak_memory_mb, 1),
            },
        }
