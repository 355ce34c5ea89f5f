"""Where benchmarks leave their tables: book/benchmarks, for the page on speed."""

from pathlib import Path

import pandas as pd

from cnnhelpers import environment
from cnnhelpers.atomic import replace_file

FOLDER = Path(__file__).parents[2] / "book" / "benchmarks"


def write_table(table: pd.DataFrame, name: str, told: str = "") -> None:
    """Write a table, and beside it what else was found and a sentence that says where it was made."""
    versions = environment.versions()
    made = f"Made on {environment.cores()} cores of {environment.processor()} with TensorFlow {versions['tensorflow']}."
    FOLDER.mkdir(exist_ok=True)
    replace_file(FOLDER / f"{name}.csv", lambda file: file.write(table.to_csv(index=False).encode()))
    replace_file(FOLDER / f"{name}.txt", lambda file: file.write(f"{told} {made}".strip().encode() + b"\n"))
