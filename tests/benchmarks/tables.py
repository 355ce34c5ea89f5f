"""Where benchmarks leave their tables: book/benchmarks, for the page on speed."""

from pathlib import Path

import pandas as pd

from cnnhelpers import environment
from cnnhelpers.atomic import replace_file

FOLDER = Path(__file__).parents[2] / "book" / "benchmarks"


def write_table(table: pd.DataFrame, name: str) -> None:
    """Write a table, its last column saying where it was made."""
    versions = environment.versions()
    made = f"{environment.cores()} cores of {environment.processor()}; TensorFlow {versions.get('tensorflow')}"
    text = table.assign(**{"made on": made}).to_csv(index=False)
    FOLDER.mkdir(exist_ok=True)
    replace_file(FOLDER / f"{name}.csv", lambda file: file.write(text.encode()))
