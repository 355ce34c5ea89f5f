"""Measure learning curves: the onset of overfitting, and the time to an accuracy."""

import numpy as np
import pandas as pd

from cnnhelpers.analysis.measurements import Measurements, measure
from cnnhelpers.errors import InputError, is_number
from cnnhelpers.records import Record
from cnnhelpers.statistics import LAST_EPOCHS, interval, overfitting

TIMES = ("epochs_to_target", "cpu_seconds_to_target")


def overfitting_onsets(runs: pd.DataFrame) -> pd.DataFrame:
    """Return where the validation loss of each experiment turns, how much it then grows, and the final loss gap.

    A row for each experiment, losses in nats and without penalty, 95 % intervals over seeds:

    - lowest_epoch: median over seeds of the epoch, from 1, with the lowest smoothed validation loss; every training has
      one, so it is an onset only where `overfits`
    - epochs: of the whole training
    - after: half of them; growth, growth_low, growth_high: mean validation loss of the last three epochs minus that of
      the three around `after`. NaN below 7 epochs, and where early stopping or divergence cut the runs short
    - overfits: "yes" where `growth` is significantly above 0 and that of the training loss below, else "not shown"
    - gap, gap_low, gap_high: test minus training loss at the end, dropout off
    """
    measurements = measure(runs)
    return pd.DataFrame(_onset(measurements, name) for name in dict.fromkeys(measurements.runs["experiment"]))


def time_to_accuracy(runs: pd.DataFrame, target: float) -> pd.DataFrame:
    """Return `runs` with the time until the validation accuracy first reached `target`, inf where it never did.

    Adds the columns epochs_to_target (whole epochs, from 1) and cpu_seconds_to_target: of the whole training, in
    proportion to its epochs, validation included. Of a diverged run the epochs before count. `target` is a fraction
    above 0, at most 1.

    >>> from cnnhelpers.records import table
    >>> history = {"accuracy": [0.5, 0.7, 0.9], "validation_accuracy": [0.6, 0.8, 0.7]}
    >>> record = Record("0" * 16, 0, "", {}, {}, "done", {"epochs_run": 3}, history, cost={"cpu_seconds": 30.0})
    >>> time_to_accuracy(table([record]), 0.8)[list(TIMES)].values.tolist()
    [[2.0, 20.0]]
    """
    check_target(target)
    epochs = np.array([_first_epoch(record, target) for record in runs["record"]])
    per_epoch = (runs["cpu_seconds"] / runs["epochs_run"]).to_numpy(float)
    seconds = np.where(np.isfinite(epochs), epochs * per_epoch, np.inf)
    return runs.assign(epochs_to_target=epochs, cpu_seconds_to_target=seconds)


def check_target(target: float) -> None:
    """Raise InputError unless `target` is a fraction above 0 up to 1."""
    if not is_number(target) or not 0 < target <= 1:
        raise InputError(f"target must be an accuracy above 0 and up to 1, such as 0.85. Received: target={target!r}")


def median_times(timed: pd.DataFrame, by: str | list[str] = "experiment") -> pd.DataFrame:
    """Return the number of runs that reached the target, and the median times over *all* runs, a row for each `by`.

    `timed` is as `time_to_accuracy` returns it. Columns `by`, reached and n (runs), epochs_to_target and
    cpu_seconds_to_target: medians, inf where half of the runs or more never reached it.

    >>> timed = pd.DataFrame({"experiment": ["a", "a", "a"], "epochs_to_target": [2, 4, float("inf")],
    ...                       "cpu_seconds_to_target": [20.0, 40.0, float("inf")]})
    >>> median_times(timed).values.tolist()
    [['a', 2, 3, 4.0, 40.0]]
    """
    names = [by] if isinstance(by, str) else list(by)
    groups = timed.assign(reached=np.isfinite(timed[TIMES[0]].to_numpy(float))).groupby(names, sort=False)
    counts = groups["reached"].agg(reached="sum", n="size")
    return counts.join(groups[list(TIMES)].median()).reset_index()


def _onset(measurements: Measurements, name: str) -> dict[str, object]:
    validation = measurements.curves(name, "validation_crossentropy")
    training = measurements.curves(name, "crossentropy")
    epochs, after = validation.shape[1], validation.shape[1] // 2
    gap = interval(measurements.values(name, "loss_gap"))
    row = {"experiment": name, "lowest_epoch": np.nan, "epochs": epochs, "after": after}
    row |= dict.fromkeys(("growth", "growth_low", "growth_high"), np.nan) | {"overfits": "not shown"}
    if training.shape == validation.shape and 2 <= after <= epochs - LAST_EPOCHS - 1:
        change = overfitting(training, validation, after)
        growth, overfits = change.growth, change.training_falls and change.growth.above()
        row |= {"growth": growth.difference, "growth_low": growth.low, "growth_high": growth.high}
        row |= {"lowest_epoch": change.turning_epoch, "overfits": "yes" if overfits else "not shown"}
    return row | {"gap": gap.mean, "gap_low": gap.low, "gap_high": gap.high}


def _first_epoch(record: Record, target: float) -> float:
    """Return the first epoch, from 1, with a validation accuracy of at least `target`; inf if there is none."""
    if record.history and "validation_accuracy" not in record.history:
        raise InputError(f"{record} has no validation accuracy: its split leaves no validation images")
    accuracies = np.asarray(record.history.get("validation_accuracy", []), dtype=float)  # none: it failed in epoch 1
    reached = np.flatnonzero(accuracies >= target)
    return float(reached[0] + 1) if len(reached) else np.inf
