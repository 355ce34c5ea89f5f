"""What lies in files beside the records of runs, as columns of their table: entry points add it for claims to use."""

from pathlib import Path

import pandas as pd

from cnnhelpers import interpretability, records
from cnnhelpers.reports import scaled_again


def with_measures(runs: pd.DataFrame, folder: Path | str | None = None) -> pd.DataFrame:
    """Return recorded runs with measurements.MEASURED, NaN where nothing was measured, and test_correct.

    Parameters
    ----------
    runs
        As `records.load(folder)` returns them.
    folder
        Where they were loaded from; by default records.default_folder().

    Returns
    -------
    pandas.DataFrame
        test_correct is (num_test,) bool, the test images that a run got right, or None.

    Examples
    --------
    >>> import tempfile
    >>> folder = tempfile.mkdtemp()
    >>> "last_filters_moran" in with_measures(records.load(folder), folder)
    True
    """
    folder = Path(folder) if folder is not None else records.default_folder()
    paths = records.index(folder)
    keys = zip(runs["identity"], runs["seed"], strict=True)
    correct = [records.arrays_of(paths.get(key)).get("test_correct") for key in keys]
    measured = scaled_again.with_scaled(interpretability.add_moran(runs, folder), folder)
    return measured.assign(test_correct=pd.Series(correct, measured.index, dtype=object))
