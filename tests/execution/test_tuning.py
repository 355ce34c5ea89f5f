"""The best of a grid, a map of two settings, and a search whose trials are recorded runs."""

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from cnnhelpers import records
from cnnhelpers.errors import InputError
from cnnhelpers.execution import tuning as search
from tests.tiny import tiny

SPACE = {"learning_rate": (0.001, 10.0), "batch_size": [50, 100]}


def make(learning_rate, batch_size):
    rate = f"{learning_rate:g}"
    return tiny(f"{rate}/{batch_size}", learning_rate=learning_rate, batch_size=batch_size, epochs=1)


@pytest.fixture
def planted(monkeypatch):
    """Replace training by a known score: highest, 1, at learning rate 0.1; diverged above 1."""
    asked = []

    def run(experiment, seeds, **_):
        rate = experiment.protocol.learning_rate
        asked.append((experiment.id, tuple(seeds)))
        score = np.nan if rate > 1 else 1 - 0.1 * abs(np.log10(rate / 0.1))
        return pd.DataFrame({"experiment": experiment.id, "seed": list(seeds), "validation_accuracy": score})

    monkeypatch.setattr(search, "run", run)
    return asked


def test_a_search_finds_a_planted_optimum_and_names_its_experiment(planted):
    table, winner = search.search(make, SPACE, trials=30)
    assert winner.protocol.learning_rate == pytest.approx(0.1, rel=0.5)
    assert table["validation_accuracy"].max() == table["best"].iloc[-1]
    assert winner.id == table.loc[table["validation_accuracy"].idxmax(), "experiment"]


def test_a_search_repeats_itself_and_another_seed_searches_elsewhere(planted):
    first, _ = search.search(make, SPACE, trials=12)
    second, _ = search.search(make, SPACE, trials=12)
    third, _ = search.search(make, SPACE, trials=12, seed=1)
    pd.testing.assert_frame_equal(first, second)
    assert not first["learning_rate"].equals(third["learning_rate"])


def test_a_longer_search_goes_on_where_a_shorter_one_ended(planted):
    short, _ = search.search(make, SPACE, trials=5)
    long, _ = search.search(make, SPACE, trials=9)
    pd.testing.assert_frame_equal(short, long.iloc[:5])


def test_settings_stay_in_the_space_with_two_digits_and_their_types(planted):
    table, winner = search.search(make, SPACE, trials=20)
    assert table["learning_rate"].between(0.001, 10).all()
    assert all(float(f"{rate:.2g}") == rate for rate in table["learning_rate"])
    assert set(table["batch_size"]) == {50, 100}
    assert type(winner.protocol.batch_size) is int


def test_trials_use_a_seed_that_judges_nothing(planted):
    search.search(make, SPACE, trials=3)
    assert {seeds for _, seeds in planted} == {search.CHOOSING}
    assert min(search.CHOOSING) >= 100


def test_a_diverged_trial_is_kept_and_never_wins(planted):
    table, winner = search.search(make, SPACE, trials=20)
    diverged = table["validation_accuracy"].isna()
    assert diverged.equals(table["learning_rate"] > 1) and diverged.any()
    assert winner.protocol.learning_rate <= 1
    assert table["best"].is_monotonic_increasing and table["best"].notna().all()


def test_trials_are_recorded_and_cost_nothing_twice(tmp_path, monkeypatch):
    space = {"learning_rate": (0.001, 0.1), "batch_size": [50]}
    first, _ = search.search(make, space, trials=1, folder=tmp_path, progress=False)
    assert set(records.load(tmp_path)["experiment"]) == set(first["experiment"])

    def refuse(*_):
        raise AssertionError("trained again")

    monkeypatch.setattr("cnnhelpers.execution.runner._Sweep.train", refuse)
    again, _ = search.search(make, space, trials=1, folder=tmp_path, progress=False)
    pd.testing.assert_frame_equal(first, again)


@pytest.mark.parametrize("values", [(0, 1), (0.1, 0.01), (1, 2, 3), ("a", "b"), [], 0.1])
def test_an_entry_of_the_space_that_is_none_is_refused_before_any_trial(planted, values):
    with pytest.raises(InputError, match=r"space\['learning_rate'\]"):
        search.search(make, SPACE | {"learning_rate": values}, trials=2)
    assert planted == []


@pytest.mark.parametrize("trials", [0, -1, 2.0, True, "3"])
def test_a_number_of_trials_that_is_none_is_refused(trials):
    with pytest.raises(InputError, match=f"trials={trials!r}"):
        search.search(make, SPACE, trials)


def test_a_missing_optuna_is_named_with_the_fix(monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(InputError, match=r"cnnhelpers\[search\]"):
        search.search(make, SPACE, 1)


def test_the_module_is_imported_without_optuna_and_tensorflow():
    code = "import sys, cnnhelpers.execution.tuning; print({'optuna', 'tensorflow', 'keras'} & set(sys.modules))"
    table = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert table.stdout.strip() == "set()"


def grid(accuracies, optimizer="sgd", rates=(0.01, 0.1, 1.0)):
    return pd.DataFrame({"optimizer": optimizer, "learning_rate": rates, "validation_accuracy": accuracies})


def test_best_of_grid_takes_the_highest_mean_over_seeds():
    lucky = grid([0.80, 0.95, 0.70])
    unlucky = grid([0.84, 0.65, 0.70])
    assert search.best_of_grid(pd.concat([lucky, unlucky]))["learning_rate"].tolist() == [0.01]


def test_best_of_grid_is_table_for_each_optimizer_and_marks_the_edges():
    runs = pd.concat([grid([0.7, 0.8, 0.75]), grid([0.1, 0.2, 0.3], "adadelta"), grid([0.9, 0.5, 0.1], "adam")])
    table = search.best_of_grid(runs)
    assert table["optimizer"].tolist() == ["sgd", "adadelta", "adam"]
    assert table["learning_rate"].tolist() == [0.1, 1.0, 0.01]
    assert table["at_edge"].tolist() == [False, True, True]


def test_a_rate_that_diverges_with_one_seed_of_two_is_not_the_best():
    risky = pd.concat([grid([0.8, 0.9, np.nan]), grid([0.8, np.nan, np.nan])])
    assert search.best_of_grid(risky)["learning_rate"].tolist() == [0.01]


def test_best_of_grid_survives_an_optimizer_that_always_diverges():
    assert search.best_of_grid(grid([np.nan] * 3))["estimate"].tolist() == [0.0]


@pytest.mark.parametrize(
    ("verdict", "a_ends", "b_ends", "expected"),
    [
        ("contradicted", True, False, "undecided"),  # A is worse, but may be better beyond the grid
        ("contradicted", False, True, "contradicted"),  # beyond it B would be better still
        ("holds", True, False, "holds"),
        ("holds but negligible", False, True, "undecided"),
        ("equivalent", False, True, "undecided"),
        ("equivalent", False, False, "equivalent"),
        ("not enough runs", True, True, "not enough runs"),
    ],
)
def test_what_a_rate_beyond_the_grid_could_reverse_is_undecided(verdict, a_ends, b_ends, expected):
    chosen = pd.DataFrame({"optimizer": ["a", "b"], "at_edge": [a_ends, b_ends]})
    compared = pd.DataFrame({"label": ["a − b"], "verdict": [verdict]})
    table = search.beyond_the_grid(compared, [("a", "b")], chosen)
    assert table["verdict"].tolist() == [expected]
    assert table["label"].item().endswith("(grid ends)") == (a_ends or b_ends)


def test_settings_map_counts_what_learned_nothing():
    runs = pd.DataFrame(
        {
            "learning_rate": [0.1] * 3 + [1.0] * 3 + [9.0] * 3,
            "batch_size": 32,
            "validation_accuracy": [0.80, 0.82, 0.84] + [0.80, 0.10, np.nan] + [np.nan] * 3,
        }
    )
    table = search.settings_map(runs, "learning_rate", "batch_size")
    assert table["lost"].tolist() == [0, 2, 3]
    assert table["n"].tolist() == [3, 3, 3]
    assert table["estimate"].tolist() == pytest.approx([0.82, 0.30, 0.0])  # a cell does not win by losing runs
    assert table["sd"].iloc[0] == pytest.approx(0.02)


def test_a_setting_may_be_none():
    runs = pd.DataFrame(
        {
            "schedule": [None, None, "cosine", "cosine"],
            "momentum": [None, 0.9, None, 0.9],
            "validation_accuracy": [0.8, np.nan, 0.7, 0.9],
        }
    )
    found = search.settings_map(runs, "momentum", "schedule")
    assert found["lost"].tolist() == [0, 1, 0, 0] and found["estimate"].tolist() == [0.8, 0.0, 0.7, 0.9]
    best = search.best_of_grid(runs, "momentum", "schedule")
    assert best["estimate"].tolist() == [0.8, 0.9] and best["at_edge"].tolist() == [False, True]
    best = search.best_of_grid(runs, "schedule", "momentum")
    assert best["estimate"].tolist() == [0.8, 0.9] and best["schedule"].isna().tolist() == [True, False]


def test_guessing_depends_on_the_number_of_classes():
    runs = pd.DataFrame({"learning_rate": [0.1], "batch_size": [32], "validation_accuracy": [0.35]})
    assert search.settings_map(runs, "learning_rate", "batch_size", classes=5)["lost"].item() == 1
    assert search.settings_map(runs, "learning_rate", "batch_size", classes=10)["lost"].item() == 0
    assert search.settings_map(runs, "learning_rate", "batch_size", classes=2)["lost"].item() == 1
    runs["validation_accuracy"] = 0.9
    assert search.settings_map(runs, "learning_rate", "batch_size", classes=2)["lost"].item() == 0
