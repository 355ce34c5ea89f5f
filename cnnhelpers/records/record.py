"""The record of a run: its fields, its row in the table of runs, and its text as JSON with a checksum."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from cnnhelpers.data import pixel_source
from cnnhelpers.errors import InputError

SCHEMA = 1
METRICS = ("accuracy", "loss", "crossentropy")  # loss as minimized, with penalty; crossentropy without
PARTS = ("train", "validation", "test")
SETTLED = ("all epochs", "early stopping", "diverged")  # stop reasons that another try would not change


@dataclass(frozen=True)
class Record:
    """The result of a run. Nested values are plain JSON: numbers, text, lists and dicts."""

    identity: str
    seed: int
    text: str  #: the canonical text that the identity is the hash of
    labels: dict[str, str]  #: experiment, title, study, report, profile
    data: dict[str, Any]  #: name, fingerprint, official, source, images per part
    status: str  #: "done" or "failed"
    stop: dict[str, Any]  #: reason, error, epochs_run, best_epoch (1-based, lowest validation loss), resumed_after
    history: dict[str, list[float]] = field(default_factory=dict)  #: a value for each epoch
    metrics: dict[str, dict[str, float]] = field(default_factory=dict)  #: part -> METRICS at the end of training
    best: dict[str, float] = field(default_factory=dict)  #: history at best_epoch
    classes: dict[str, Any] = field(default_factory=dict)  #: names; part -> confusion, precision, recall, f1
    cost: dict[str, float] = field(default_factory=dict)  #: parameters, flops, seconds, memory of the process, ...
    environment: dict[str, Any] = field(default_factory=dict)  #: versions, backend, device, precision, threads, commit
    weights_sha256: str = ""

    def __repr__(self) -> str:
        """Return label, seed and status only: all fields would fill pages."""
        return f"Record({self.labels.get('experiment')}, seed={self.seed}, {self.status})"

    def row(self) -> dict[str, Any]:
        """Return the record as a row of the table that `load` returns; a missing metric is NaN."""
        name, fingerprint, official = (self.data.get(name) for name in ("name", "fingerprint", "official"))
        values = {name: self.labels.get(name, "") for name in ("study", "report", "experiment", "profile")}
        values |= {"network": f"{values['experiment']} {self.labels.get('title', '')}".strip()}
        values |= {"seed": self.seed, "status": self.status, "identity": self.identity}
        values |= {"dataset": name, "official": official, "pixels": pixel_source(name, fingerprint, official)}
        values |= {name: self.cost.get(name) for name in ("parameters", "flops")}
        values |= {"epochs_run": self.stop.get("epochs_run"), "stop_reason": self.stop.get("reason")}
        values |= {"best_epoch": self.stop.get("best_epoch")}
        for metric in METRICS:
            values |= {f"{part}_{metric}": _number(self.metrics.get(part, {}).get(metric)) for part in PARTS}
        for metric in ("accuracy", "loss"):
            values[f"last_train_{metric}"] = _number((self.history.get(metric) or [None])[-1])
        for name in ("seconds", "cpu_seconds", "seconds_per_epoch", "seconds_to_best", "peak_memory_mb"):
            values[name] = _number(self.cost.get(name))
        values |= {name: self.environment.get(name) for name in ("backend", "device", "precision", "threads")}
        return values | {"record": self}

    def to_json(self) -> str:
        """Return the text of the record's file, strict JSON: NaN and infinities of a diverged run become null."""
        content = _finite({"schema": SCHEMA, **asdict(self)})
        content["checksum"] = _checksum(content)
        return json.dumps(content, indent=None, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def load_record(path: Path) -> Record:
    """Return the record in a file; raise InputError if it is damaged, edited or of another schema."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if (schema := content["schema"]) != SCHEMA:
            raise ValueError(f"its schema is {schema!r}, not {SCHEMA}")
        if content.pop("checksum") != _checksum(content):
            raise ValueError("it differs from its checksum, so it was edited or damaged")
        return Record(**{field.name: content[field.name] for field in fields(Record)})
    except (OSError, ValueError, KeyError, TypeError) as error:
        reason = f"it has no {error}" if isinstance(error, KeyError) else error
        raise InputError(f"{path.name} is not a readable record ({reason}): delete it and run again") from error


def table(records: Iterable[Record]) -> pd.DataFrame:
    """Return records as a tidy table, a row for each run."""
    columns = list(Record("", 0, "", {}, {}, "", {}).row())
    return pd.DataFrame([record.row() for record in records], columns=columns)


def histories(runs: pd.DataFrame) -> pd.DataFrame:
    """Return the epochs of `runs` as a long table: experiment, seed, epoch (from 1), a column for each metric.

    >>> history = {"accuracy": [0.5, 0.8], "validation_accuracy": [0.6, 0.7]}
    >>> record = Record("0" * 16, 0, "", {"experiment": "plain"}, {}, "done", {}, history)
    >>> print(histories(table([record])).to_string(index=False))
    experiment  seed  accuracy  validation_accuracy  epoch
         plain     0       0.5                  0.6      1
         plain     0       0.8                  0.7      2
    """
    frames = []
    for run in runs[[bool(record.history) for record in runs["record"]]].itertuples():
        history = {name: np.asarray(values, dtype=float) for name, values in run.record.history.items()}
        frame = pd.DataFrame({"experiment": run.experiment, "seed": run.seed, **history})
        frames.append(frame.assign(epoch=range(1, len(frame) + 1)))
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=["experiment", "seed", "epoch"])


def _checksum(content: Mapping[str, Any]) -> str:
    """Return the checksum of a record's content, which must not hold it yet."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not np.isfinite(value) else value


def _number(value: float | None) -> float:
    return np.nan if value is None else value
