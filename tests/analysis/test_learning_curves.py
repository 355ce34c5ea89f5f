"""Learning curves: the onset of overfitting, and the time to an accuracy, with runs that never reach it."""

import numpy as np
import pandas as pd
import pytest

from cnnhelpers.analysis import median_times, overfitting_onsets, time_to_accuracy
from cnnhelpers.errors import InputError
from cnnhelpers.records import Record, table

TIMES = ["epochs_to_target", "cpu_seconds_to_target"]


def curves(id, validation, epochs=10, seeds=3):
    """Return records of these losses, a percent apart between seeds."""
    training = [1 - 0.05 * epoch for epoch in range(epochs)]
    metrics = {"train": {"crossentropy": 0.5}, "test": {"crossentropy": 0.7}}
    labels = {"experiment": id, "profile": "published"}
    stop = {"reason": "all epochs"}
    histories = [
        {
            "crossentropy": [scale * loss for loss in training],
            "validation_crossentropy": [scale * v for v in validation],
        }
        for scale in 1 + 0.01 * np.arange(-(seeds // 2), seeds - seeds // 2)
    ]
    return [Record(id, seed, "", labels, {}, "done", stop, history, metrics) for seed, history in enumerate(histories)]


def test_onsets_are_where_the_loss_turns_and_how_much_it_grows():
    turning = [1, 0.8, 0.6, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1]
    falling = [1 - 0.05 * epoch for epoch in range(10)]
    short = curves("short", [0.5, 0.4], epochs=2)
    runs = table([*curves("turns", turning), *curves("falls", falling), *short])
    onsets = overfitting_onsets(runs).set_index("experiment")
    assert onsets["lowest_epoch"].fillna(0).tolist() == [4, 10, 0]
    assert onsets["growth"]["turns"] == pytest.approx(1.0 - 0.6)  # mean of epochs 8 to 10 minus mean of 4 to 6
    assert onsets["growth"]["falls"] < 0 and np.isnan(onsets["growth"]["short"])
    assert onsets["gap"].round(6).tolist() == [0.2, 0.2, 0.2]
    assert onsets["overfits"].to_dict() == {"turns": "yes", "falls": "not shown", "short": "not shown"}


def test_without_variance_five_seeds_show_no_overfitting():
    history = {"crossentropy": np.linspace(1, 0.5, 10).tolist(), "validation_crossentropy": [1.0] * 5 + [2.0] * 5}
    equal = [Record("e", seed, "", {"experiment": "e"}, {}, "done", {}, history) for seed in range(6)]
    assert overfitting_onsets(table(equal))["overfits"].tolist() == ["yes"]
    (five,) = overfitting_onsets(table(equal[1:])).itertuples()
    assert five.overfits == "not shown" and np.isnan(five.growth_low)


# --- time to accuracy ---


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
    assert timed[TIMES].to_numpy().tolist() == [[np.inf, np.inf]]


def test_processor_seconds_are_those_of_the_epochs_until_then():
    assert time_to_accuracy(table([run_of([0.5, 0.8, 0.9, 0.9], 60.0)]), 0.9)["cpu_seconds_to_target"].item() == 45.0


def test_nothing_is_dropped_and_order_stays():
    runs = table([run_of([0.9], seed=3), run_of([0.1], seed=1), run_of([], status="failed", seed=2)])
    assert time_to_accuracy(runs, 0.5)["seed"].tolist() == [3, 1, 2]


@pytest.mark.parametrize("target", [0, 1.5, 85, True, "0.8", float("nan")])
def test_a_target_that_is_no_fraction_is_refused(target):
    with pytest.raises(InputError, match="target"):
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
    medians = median_times(timed)
    assert medians["reached"].tolist() == [4, 2, 0]
    assert medians["n"].tolist() == [5, 4, 2]
    assert medians[TIMES[0]].tolist() == [3.0, never, never]
    assert medians[TIMES[1]].tolist() == [30.0, never, never]
