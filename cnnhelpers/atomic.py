"""Write files whole or not at all, and load arrays from files that may be damaged."""

import os
import zipfile
import zlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, BinaryIO
from uuid import uuid4

import numpy as np

from cnnhelpers.errors import InputError

DAMAGED = (OSError, ValueError, EOFError, KeyError, RuntimeError, zipfile.BadZipFile, zlib.error)  # raised by readers


def replace_file(path: Path, fill: Callable[[BinaryIO], Any]) -> None:
    """Let `fill` write a file next to `path`, flush it to disk and rename it; on failure the old file stays."""
    temporary = path.with_name(f".{path.name}.{uuid4().hex[:8]}.tmp")
    try:
        with temporary.open("wb") as file:
            fill(file)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def load_npz(path: Path, choose: Callable[[set[str]], Iterable[str]] = sorted) -> dict[str, np.ndarray]:
    """Load the arrays of a .npz file that `choose` takes from the names in it, by default all; never a pickle.

    FileNotFoundError if there is no such file; InputError if it is damaged, or not a .npz file of plain arrays.
    """
    try:
        with path.open("rb") as file:
            archive = np.load(file, allow_pickle=False)
            if isinstance(archive, np.ndarray):
                raise ValueError("it holds a single array")
            return {name: archive[name] for name in choose(set(archive.files))}
    except (FileNotFoundError, InputError):
        raise
    except DAMAGED as error:
        raise InputError(f"{path.name} is damaged or no .npz file of plain arrays ({error})") from error


def check_writable(folder: Path, fix: str) -> None:
    """Make `folder` if it is missing; raise InputError with the `fix` if no file can be written to it."""
    probe = folder / f".writable.{uuid4().hex[:8]}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        replace_file(probe, lambda file: file.write(b"can be written\n"))
        probe.unlink()
    except OSError as error:
        raise InputError(f"nothing can be written to {folder} ({error.strerror}): {fix}") from error
