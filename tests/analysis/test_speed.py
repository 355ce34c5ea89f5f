"""The time to an accuracy: the first epoch that reaches it, and runs that never do, which count."""

import numpy as np
import pandas as pd
import pytest

from cnnhelpers.analysis.speed import TIMES, median_times, time_to_accuracy
from cnnhelpers.errors import InputError
from cnnhelpers.records.store import Record, table


def run_of(accuracies, cpu_seconds=None, status="done", seed=0, experiment="a", **history):
    """Return the record of a run with these validation accuracies, one CPU second an epoch."""
    epochs = len(accuracies)
    history = {"validation_accuracy": list(accuracies)} | history if epochs else {}
    stop = {"epochs_run": epochs, "reason": "all epochs" if status == "done" else "diverged"}
    cost = {"cpu_seconds": cpu_seconds or float(epochs)} if epochs else {}
    return Record("0" * 16, seed, "", {"experiment": experiment}, {}, status, stop, history, cost=cost)


def epochs(records, target):
    return time_to_accuracy(table(records), target)["epochs_to_target"].tolist()


def test_the_first_epoch_counts_even_if_a_later_one_falls_back():
    assert epochs([run_of([0.5, 0.8, 0.7, 0.9])], 0.8) == [2.0]


def test_an_accuracy_that_is_just_reached_is_reached():
    assert epochs([run_of([0.25, 0.5])], 0.5) == [2.0]


def test_a_run_that_never_reaches_it_takes_for_ever():
    assert epochs([run_of([0.5, 0.6]), run_of([0.9, 0.9])], 0.8) == [np.inf, 1.0]


def test_a_diverged_run_counts_by_its_epochs_before():
    diverged = [run_of([0.9, np.nan], status="failed"), run_of([0.5, np.nan], status="failed")]
    assert epochs(diverged, 0.8) == [1.0, np.inf]


def test_a_run_that_failed_before_its_first_epoch_never_reaches_it():
    timed = time_to_accuracy(table([run_of([], status="failed")]), 0.8)
    assert timed[list(TIMES)].to_numpy().tolist() == [[np.inf, np.inf]]


def test_processor_seconds_are_those_of_the_epochs_until_then():
    assert time_to_accuracy(table([run_of([0.5, 0.8, 0.9, 0.9], 60.0)]), 0.9)["cpu_seconds_to_target"].item() == 45.0


def test_nothing_is_dropped_and_order_stays():
    runs = table([run_of([0.9], seed=3), run_of([0.1], seed=1), run_of([], status="failed", seed=2)])
    assert time_to_accuracy(runs, 0.5)["seed"].tolist() == [3, 1, 2]


@pytest.mark.parametrize("target", [0, 1.5, 85, True, "0.8", float("nan")])
def test_a_target_that_is_no_fraction_is_refused(target):
    with pytest.raises(InputError, match="accuracy above 0"):
        time_to_accuracy(table([run_of([0.5])]), target)


def test_a_run_without_validation_images_is_refused():
    record = Record("0" * 16, 0, "", {}, {}, "done", {"epochs_run": 1}, {"accuracy": [0.9]}, cost={"cpu_seconds": 1.0})
    with pytest.raises(InputError, match="validation"):
        time_to_accuracy(table([record]), 0.5)


def test_medians_are_over_all_runs_so_that_failures_count():
    never = np.inf
    timed = pd.DataFrame(
        {
            "experiment": ["a"] * 5 + ["b"] * 4 + ["c"] * 2,
            TIMES[0]: [1, 2, 3, 4, never, 1, 1, never, never, never, never],
        }
    ).assign(**{TIMES[1]: lambda frame: 10 * frame[TIMES[0]]})
    found = median_times(timed)
    assert found["reached"].tolist() == [4, 2, 0]
    assert found["n"].tolist() == [5, 4, 2]
    assert found[TIMES[0]].tolist() == [3.0, never, never]
    assert found[TIMES[1]].tolist() == [30.0, never, never]
