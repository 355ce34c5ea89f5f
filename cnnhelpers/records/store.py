"""The store of records: a JSON file for each run and an npz of arrays next to it, written once and whole."""

import os
import re
import warnings
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from cnnhelpers.atomic import load_npz, replace_file
from cnnhelpers.errors import InputError
from cnnhelpers.records.record import Record, load_record, table

Key = tuple[str, int]  # identity and seed of a run


def default_folder() -> Path:
    """Return the folder of records: $CNNHELPERS_RECORDS, else book/records of this checkout, else ./records."""
    named = os.environ.get("CNNHELPERS_RECORDS")
    checkout = Path(__file__).resolve().parents[2] / "book"
    return Path(named) if named else checkout / "records" if checkout.is_dir() else Path("records")


def load(folder: Path | str | None = None, study: str | None = None) -> pd.DataFrame:
    """Return every run recorded below `folder`, a row each (see Record.row); a warning names unreadable records."""
    records, errors = [], []
    for path in index(_folder(folder)).values():
        try:
            records.append(load_record(path))
        except InputError as error:
            errors.append(str(error))
    if errors:
        warnings.warn(f"{len(errors)} records left out: " + "; ".join(errors), stacklevel=2)
    return table(record for record in records if study is None or record.labels.get("study") == study)


def write(record: Record, folder: Path, arrays: Mapping[str, np.ndarray] | None = None) -> Path:
    """Write a record below `folder` (study/experiment-identity-seed.json) and return its path.

    The arrays are written first, so that a crash in between leaves no incomplete run.
    """
    study = folder / slug(record.labels.get("study", "own"))
    study.mkdir(parents=True, exist_ok=True)
    path = study / f"{slug(record.labels.get('experiment', ''))}-{record.identity}-{record.seed}.json"
    if arrays:
        replace_file(path.with_suffix(".npz"), lambda file: np.savez_compressed(file, **arrays))
    try:
        replace_file(path, lambda file: file.write(record.to_json().encode()))
    except OSError:
        if not path.exists():
            path.with_suffix(".npz").unlink(missing_ok=True)
        raise
    if not arrays:  # of an earlier try
        path.with_suffix(".npz").unlink(missing_ok=True)
    for earlier in folder.rglob(f"*-{record.identity}-{record.seed}.json"):  # under another label
        if earlier != path:
            earlier.with_suffix(".npz").unlink(missing_ok=True)
            earlier.unlink()
    return path


def index(folder: Path | str, suffix: str = ".json") -> dict[Key, Path]:
    """Return the file of every record below `folder`, by identity and seed, from the file names alone.

    Another `suffix` gives the files of measures next to records.
    """
    paths = sorted(Path(folder).rglob(f"*{suffix}"))
    names = ((path, re.fullmatch(r".*-([0-9a-f]{16})-(\d+)", path.name.removesuffix(suffix))) for path in paths)
    return {(match[1], int(match[2])): path for path, match in names if match}


def slug(text: str) -> str:
    """Return `text` as the name of a file or folder, or the start of one: never ".." or hidden.

    >>> slug("3 conv/l2=0.001"), slug("../..")
    ('3_conv_l2=0.001', '_..')
    """
    return re.sub(r"[^A-Za-z0-9._=+]+", "_", text).lstrip(".")[:80] or "experiment"


def arrays(record: Record, folder: Path | str | None = None) -> dict[str, np.ndarray]:
    """Return the arrays next to a record, if any; raise InputError if they are damaged.

    test_correct: (num_test,) bool; gallery_probabilities: (num_gallery, classes) float32 of the first test images.
    """
    path = index(_folder(folder)).get((record.identity, record.seed))
    return _arrays(path) if path else {}


def correct_images(runs: pd.DataFrame, folder: Path | str | None = None) -> pd.Series:
    """Return for each run whether it classified each test image correctly, (num_test,) bool, or None without arrays."""
    paths = index(_folder(folder))
    keys = zip(runs["identity"], runs["seed"], strict=True)
    correct = [_arrays(paths[key]).get("test_correct") if key in paths else None for key in keys]
    return pd.Series(correct, runs.index, dtype=object)


def verify(folder: Path | str | None = None) -> pd.DataFrame:
    """Return the problems of the records below `folder`, a row for each: file, problem.

    A record must be readable, of this schema and as it was written, have the name of its identity and seed, and its
    arrays next to it.
    """
    folder = _folder(folder)
    rows = [(str(path.relative_to(folder)), _problem(path, key)) for key, path in index(folder).items()]
    return pd.DataFrame([row for row in rows if row[1]], columns=["file", "problem"])


def _problem(path: Path, key: Key) -> str:
    try:
        record = load_record(path)
        if (record.identity, record.seed) != key:
            return f"{path.name} holds another run: identity {record.identity}, seed {record.seed}; rename it back"
        if not _arrays(path) and "test" in record.classes:
            return f"the arrays of {path.name} are missing; delete it and run again"
    except InputError as error:
        return str(error)
    return ""


def _arrays(path: Path) -> dict[str, np.ndarray]:
    try:
        content = load_npz(path.with_suffix(".npz"))
    except FileNotFoundError:
        return {}
    except InputError as error:
        raise InputError(f"{error}: delete {path.name} and run again") from error
    if "test_correct" in content:
        num_test = int(content.pop("num_test"))
        content["test_correct"] = np.unpackbits(content["test_correct"], count=num_test).astype(bool)
    return content


def _folder(folder: Path | str | None) -> Path:
    return default_folder() if folder is None else Path(folder)
