"""Write files whole or not at all, and load arrays from files that may be damaged."""

import os
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO
from uuid import uuid4

import numpy as np

from cnnhelpers.errors import InputError


def replace_file(path: Path, fill: Callable[[BinaryIO], Any]) -> None:
    """Let `fill` write beside `path`, flush to the disk, then rename; an existing file stays untouched on failure."""
    beside = path.with_name(f".{path.name}.{uuid4().hex[:8]}.tmp")
    try:
        with beside.open("wb") as file:
            fill(file)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def load_arrays(path: Path) -> dict[str, np.ndarray]:
    """Return the arrays of an .npz file by name.

    Raises
    ------
    FileNotFoundError
        If there is no file.
    ValueError
        If it is damaged, or holds Python objects.
    """
    try:
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except FileNotFoundError:
        raise
    except (OSError, ValueError, EOFError, KeyError, AttributeError, zipfile.BadZipFile, zlib.error) as error:
        raise ValueError(f"{path.name} is damaged: {error}") from error


def check_writable(folder: Path, mend: str) -> None:
    """Raise InputError, naming the `mend`, if no file can be written to `folder`, which is made if it is missing."""
    probe = folder / f".writable.{uuid4().hex[:8]}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        replace_file(probe, lambda file: file.write(b"can be written\n"))
        probe.unlink()
    except OSError as error:
        raise InputError(f"nothing can be written to {folder} ({error.strerror}): {mend}") from error
