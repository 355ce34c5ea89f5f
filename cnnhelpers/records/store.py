"""Records: one run, one JSON file (and one small npz of arrays), written once and whole, loaded as a tidy table."""

import hashlib
import json
import os
import re
import warnings
import zipfile
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from cnnhelpers.atomic import replace_file
from cnnhelpers.data import pixel_source
from cnnhelpers.errors import InputError

SCHEMA = 1
METRICS = ("accuracy", "loss", "crossentropy")  # loss as minimized, with penalty; crossentropy without
PARTS = ("train", "validation", "test")
SETTLED = ("all epochs", "early stopping", "diverged")  # stop reasons that another try would not change


@dataclass(frozen=True)
class Record:
    """What one run left behind. Nested values are plain JSON: numbers, text, lists and dicts."""

    identity: str
    seed: int
    text: str  #: the canonical text that the identity is the hash of
    labels: dict[str, str]  #: experiment, title, study, report, profile
    data: dict[str, Any]  #: name, fingerprint, official, source, images per part
    status: str  #: "done" or "failed"
    stop: dict[str, Any]  #: reason, error, epochs_run, best_epoch (1-based, lowest validation loss), resumed_after
    history: dict[str, list[float]] = field(default_factory=dict)  #: one value an epoch
    metrics: dict[str, dict[str, float]] = field(default_factory=dict)  #: part -> METRICS at the end of training
    best: dict[str, float] = field(default_factory=dict)  #: history at best_epoch
    classes: dict[str, Any] = field(default_factory=dict)  #: names; part -> confusion, precision, recall, f1
    cost: dict[str, float] = field(default_factory=dict)  #: parameters, flops, seconds, memory of the process, ...
    environment: dict[str, Any] = field(default_factory=dict)  #: versions, backend, device, precision, threads, commit
    weights_sha256: str = ""

    def __repr__(self) -> str:
        """Return the label, the seed and the status only: a record is a long thing."""
        return f"Record({self.labels.get('experiment')}, seed={self.seed}, {self.status})"

    def row(self) -> dict[str, Any]:
        """Return the record as one row of the table that `load` returns."""
        stop, cost, environment = self.stop, self.cost, self.environment
        values: dict[str, Any] = {
            name: self.labels.get(name, "") for name in ("study", "report", "experiment", "profile")
        }
        values |= {"seed": self.seed, "status": self.status, "identity": self.identity}
        about = {name: self.data.get(name) for name in ("name", "fingerprint", "official")}
        values |= {"dataset": about["name"], "official": about["official"], "pixels": pixel_source(**about)}
        values |= {name: cost.get(name) for name in ("parameters", "flops")}
        values |= {"epochs_run": stop.get("epochs_run"), "stop_reason": stop.get("reason")}
        values |= {"best_epoch": stop.get("best_epoch")}
        for metric in METRICS:
            values |= {f"{part}_{metric}": _number(self.metrics.get(part, {}).get(metric)) for part in PARTS}
        for metric in ("accuracy", "loss"):
            values[f"last_train_{metric}"] = _number((self.history.get(metric) or [None])[-1])
        for name in ("seconds", "cpu_seconds", "seconds_per_epoch", "seconds_to_best", "peak_memory_mb"):
            values[name] = _number(cost.get(name))
        values |= {name: environment.get(name) for name in ("backend", "device", "precision", "threads")}
        return values | {"record": self}


def default_folder() -> Path:
    """Return where runs are recorded: $CNNHELPERS_RECORDS, else book/records of this checkout, else ./records."""
    named = os.environ.get("CNNHELPERS_RECORDS")
    checkout = Path(__file__).resolve().parents[2] / "book"
    return Path(named) if named else checkout / "records" if checkout.is_dir() else Path("records")


def write(record: Record, folder: Path, arrays: Mapping[str, np.ndarray] | None = None) -> Path:
    """Write a record below `folder` (study/experiment-identity-seed.json) and return its path.

    The arrays go into an npz of the same name first; the JSON is the record, so a crash in between leaves no run.
    """
    study = folder / slug(record.labels.get("study", "own"))
    study.mkdir(parents=True, exist_ok=True)
    path = study / f"{slug(record.labels.get('experiment', ''))}-{record.identity}-{record.seed}.json"
    beside = path.with_suffix(".npz")
    if arrays:
        replace_file(beside, lambda file: np.savez_compressed(file, **arrays))
    content = _finite({"schema": SCHEMA, **asdict(record)})
    content["checksum"] = _checksum(content)
    text = json.dumps(content, indent=None, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    try:
        replace_file(path, lambda file: file.write(text.encode()))
    except OSError:
        if not path.exists():
            beside.unlink(missing_ok=True)
        raise
    if not arrays:  # of an earlier try
        beside.unlink(missing_ok=True)
    for other in folder.rglob(f"*-{record.identity}-{record.seed}.json"):  # an earlier try under another label
        if other != path:
            other.with_suffix(".npz").unlink(missing_ok=True)
            other.unlink()
    return path


def read(path: Path) -> Record:
    """Return the record of a file; InputError if it is damaged, edited by hand or of another schema."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"), parse_constant=_refuse)
    except (OSError, ValueError) as error:
        raise InputError(f"{path.name} is not a readable record: {error}") from error
    if not isinstance(content, dict) or content.get("schema") != SCHEMA:
        found = content.get("schema") if isinstance(content, dict) else type(content).__name__
        raise InputError(f"{path.name} is not a record of schema {SCHEMA}. Received: schema={found!r}; run it again")
    if content.pop("checksum", None) != _checksum(content):
        raise InputError(
            f"{path.name} was changed after it was written (its checksum differs); delete it and run again"
        )
    try:
        return Record(**{field.name: content[field.name] for field in fields(Record)})
    except KeyError as error:
        raise InputError(f"{path.name} lacks the field {error}; run it again") from error


def verify(folder: Path | str | None = None) -> pd.DataFrame:
    """Return what is wrong with the records below `folder`, one row a problem: file, problem.

    A record is wrong if it cannot be read, is of another schema, was changed after it was written, bears another
    name than its identity and seed, or if the arrays beside it are missing or cannot be read.
    """
    folder = Path(folder) if folder is not None else default_folder()
    found = [(path, problem) for key, path in index(folder).items() if (problem := _problem(path, key))]
    rows = [(str(path.relative_to(folder)), problem) for path, problem in found]
    return pd.DataFrame(rows, columns=["file", "problem"])


def _problem(path: Path, key: tuple[str, int]) -> str:
    try:
        record = read(path)
        if (record.identity, record.seed) != key:
            return f"{path.name} holds another run: identity {record.identity}, seed {record.seed}; rename it back"
        if not _read_arrays(path) and "test" in record.classes:
            return f"the arrays beside {path.name} are missing; delete it and run again"
    except InputError as error:
        return str(error)
    return ""


def arrays(record: Record, folder: Path | str | None = None) -> dict[str, np.ndarray]:
    """Return the arrays recorded beside a run (empty if there are none).

    test_correct: (num_test,) bool; gallery_probabilities: (num_gallery, classes) float32 of the first test images.
    """
    return arrays_of(index(folder or default_folder()).get((record.identity, record.seed)))


def arrays_of(path: Path | None) -> dict[str, np.ndarray]:
    """Return the arrays beside the record at `path`, see arrays; empty if there are none."""
    found = {} if path is None else _read_arrays(path)
    if "test_correct" in found:
        number = int(found.pop("num_test"))
        found["test_correct"] = np.unpackbits(found["test_correct"], count=number).astype(bool)
    return found


def _read_arrays(path: Path) -> dict[str, np.ndarray]:
    """Return the arrays as they lie beside the record `path`; InputError if they are damaged."""
    beside = path.with_suffix(".npz")
    try:
        with beside.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise InputError(f"{beside.name} is damaged ({error}); delete {path.name} and run again") from error


def index(folder: Path | str, suffix: str = ".json") -> dict[tuple[str, int], Path]:
    """Return (identity, seed) -> file of every record below `folder`, read from the file names alone.

    Another `suffix` gives the files of that kind which lie beside the records.
    """
    paths = sorted(Path(folder).rglob(f"*{suffix}"))
    names = ((path, re.fullmatch(r".*-([0-9a-f]{16})-(\d+)", path.name.removesuffix(suffix))) for path in paths)
    return {(found[1], int(found[2])): path for path, found in names if found}


def load(folder: Path | str | None = None, study: str | None = None) -> pd.DataFrame:
    """Return every run recorded below `folder`, one row each (columns of Record.row).

    Unreadable records are left out and named in one warning.

    >>> import tempfile
    >>> len(load(tempfile.mkdtemp()))
    0
    """
    folder = Path(folder) if folder is not None else default_folder()
    kept, refused = [], []
    for path in index(folder).values():
        try:
            kept.append(read(path))
        except InputError as error:
            refused.append(str(error))
    if refused:
        warnings.warn(f"{len(refused)} records left out: " + "; ".join(refused), stacklevel=2)
    return table(record for record in kept if study is None or record.labels.get("study") == study)


def table(records: Iterable[Record]) -> pd.DataFrame:
    """Return records as a tidy table, one row a run, metrics of failed runs NaN."""
    columns = list(Record("", 0, "", {}, {}, "", {}).row())
    return pd.DataFrame([record.row() for record in records], columns=columns)


def histories(runs: pd.DataFrame) -> pd.DataFrame:
    """Return the epochs of `runs` as a long table: experiment, seed, epoch (from 1), a column for each metric.

    Examples
    --------
    >>> history = {"accuracy": [0.5, 0.8], "validation_accuracy": [0.6, 0.7]}
    >>> record = Record("0" * 16, 0, "", {"experiment": "plain"}, {}, "done", {}, history)
    >>> print(histories(table([record])).to_string(index=False))
    experiment  seed  accuracy  validation_accuracy  epoch
         plain     0       0.5                  0.6      1
         plain     0       0.8                  0.7      2
    """
    frames = [
        pd.DataFrame({"experiment": run.experiment, "seed": run.seed, **_floats(run.record.history)}).assign(
            epoch=lambda frame: np.arange(1, len(frame) + 1)
        )
        for run in runs.itertuples()
        if run.record.history
    ]
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=["experiment", "seed", "epoch"])


def _checksum(content: Mapping[str, Any]) -> str:
    """Return the checksum of a record's content, which is strict JSON already."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")


def _finite(value: Any) -> Any:
    """Return `value` as strict JSON has it: NaN and infinities, which a diverged run has, become null."""
    if isinstance(value, Mapping):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not np.isfinite(value) else value


def _floats(history: Mapping[str, list[float | None]]) -> dict[str, np.ndarray]:
    return {name: np.asarray(values, dtype=float) for name, values in history.items()}


def _number(value: float | None) -> float:
    return np.nan if value is None else value


def slug(text: str) -> str:
    """Return `text` as the name of a file or folder, or the first part of such a name; never ".." or a hidden name.

    >>> slug("3 conv/l2=0.001"), slug("../..")
    ('3_conv_l2=0.001', '_..')
    """
    return re.sub(r"[^A-Za-z0-9._=+]+", "_", text).lstrip(".")[:80] or "experiment"
