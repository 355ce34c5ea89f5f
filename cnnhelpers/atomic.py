"""Files that are there whole or not at all."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO
from uuid import uuid4

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


def check_writable(folder: Path, mend: str) -> None:
    """Raise InputError, naming the `mend`, if no file can be written to `folder`, which is made if it is missing."""
    probe = folder / f".writable.{uuid4().hex[:8]}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        replace_file(probe, lambda file: file.write(b"can be written\n"))
        probe.unlink()
    except OSError as error:
        raise InputError(f"nothing can be written to {folder} ({error.strerror}): {mend}") from error
