"""How long a training takes to reach an accuracy; a run that never does counts as infinitely long."""

import numpy as np
import pandas as pd

from cnnhelpers.errors import InputError, is_number
from cnnhelpers.records import Record

TIMES = ("epochs_to_target", "cpu_seconds_to_target")


def time_to_accuracy(runs: pd.DataFrame, target: float) -> pd.DataFrame:
    """Return `runs` with the time until the validation accuracy first reached `target`, inf where it never did.

    Parameters
    ----------
    runs
        As `run` returns them; a run that diverged counts by its epochs before.
    target
        Accuracy, a fraction above 0 up to 1.

    Returns
    -------
    pandas.DataFrame
        With the columns epochs_to_target (whole epochs, from 1) and cpu_seconds_to_target: of the whole training, in
        proportion to its epochs, validation included.

    Raises
    ------
    InputError
        If `target` is no fraction, or a run has no validation images.

    Examples
    --------
    >>> from cnnhelpers.records import table
    >>> history = {"accuracy": [0.5, 0.7, 0.9], "validation_accuracy": [0.6, 0.8, 0.7]}
    >>> record = Record("0" * 16, 0, "", {}, {}, "done", {"epochs_run": 3}, history, cost={"cpu_seconds": 30.0})
    >>> runs = table([record])
    >>> time_to_accuracy(runs, 0.8)[list(TIMES)].values.tolist()
    [[2.0, 20.0]]
    >>> time_to_accuracy(runs, 0.9)[list(TIMES)].values.tolist()
    [[inf, inf]]
    """
    check_target(target)
    epochs = np.array([_first_epoch(record, target) for record in runs["record"]])
    per_epoch = (runs["cpu_seconds"] / runs["epochs_run"]).to_numpy(float)
    seconds = np.where(np.isfinite(epochs), epochs * per_epoch, np.inf)
    return runs.assign(**dict(zip(TIMES, (epochs, seconds), strict=True)))


def check_target(target: float) -> None:
    """Raise InputError unless `target` is a fraction above 0 up to 1."""
    if not is_number(target) or not 0 < target <= 1:
        raise InputError(f"target must be an accuracy above 0 and up to 1, such as 0.85. Received: target={target!r}")


def median_times(timed: pd.DataFrame, by: str | list[str] = "experiment") -> pd.DataFrame:
    """Return how many runs reached the target, and the median times over *all* runs, a row for each value of `by`.

    Parameters
    ----------
    timed
        As time_to_accuracy returns it, with the columns `by`.

    Returns
    -------
    pandas.DataFrame
        Columns `by`, reached and n (runs), epochs_to_target and cpu_seconds_to_target: medians, inf where half of the
        runs or more never reached it.

    Examples
    --------
    >>> timed = pd.DataFrame({"experiment": ["a", "a", "a"], "epochs_to_target": [2, 4, float("inf")],
    ...                       "cpu_seconds_to_target": [20.0, 40.0, float("inf")]})
    >>> median_times(timed).values.tolist()
    [['a', 2, 3, 4.0, 40.0]]
    """
    names = [by] if isinstance(by, str) else list(by)
    groups = timed.assign(reached=np.isfinite(timed[TIMES[0]].to_numpy(float))).groupby(names, sort=False)
    counts = groups["reached"].agg(reached="sum", n="size")
    return counts.join(groups[list(TIMES)].median()).reset_index()


def _first_epoch(record: Record, target: float) -> float:
    """Return the first epoch, from 1, with a validation accuracy of at least `target`; inf if there is none."""
    accuracies = record.history.get("validation_accuracy")
    if accuracies is None:
        if not record.history:  # it failed before its first epoch ended
            return np.inf
        raise InputError(f"{record} has no validation accuracy: its split leaves no validation images")
    reached = np.flatnonzero(np.asarray(accuracies, dtype=float) >= target)
    return float(reached[0] + 1) if len(reached) else np.inf
