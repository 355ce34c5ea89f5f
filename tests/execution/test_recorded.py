"""Recorded runs are loaded without training, from one copy of the pixels of each dataset."""

from dataclasses import replace

import pytest
from keras import layers

from cnnhelpers import Experiment, Protocol, data, run
from cnnhelpers.execution import runner
from cnnhelpers.execution.schedule import plan
from tests.tiny import record_run, tiny

COPY = {"fingerprint": "e" * 64, "official": False}


def recorded(experiments, seeds, folder):
    return run(experiments, seeds, train=False, folder=folder)


@pytest.fixture(autouse=True)
def no_training(monkeypatch):
    monkeypatch.setattr(runner._Sweep, "train", lambda *_: pytest.fail("something was trained"))


@pytest.fixture
def far():
    """An experiment on a dataset that this machine does not have, and the card of a copy of it."""
    experiment = Experiment([layers.Flatten(), layers.Dense(10, activation="softmax")], Protocol(dataset="cifar10"))
    return experiment, replace(data.info("cifar10"), **COPY)


def test_without_training_each_recorded_run_has_a_row(tmp_path):
    there, alone, absent = (tiny(name, dropout) for name, dropout in (("there", 0.1), ("alone", 0.2), ("absent", 0.3)))
    for seed in (0, 1, 2**31):
        record_run(there, seed, tmp_path)
    record_run(alone, 0, tmp_path)
    record_run(alone, 1, tmp_path, reason="error", error="no such weights")
    runs = recorded([there, alone, absent], 3, tmp_path)
    assert list(zip(runs.experiment, runs.seed, strict=True)) == [
        ("there", 0),
        ("there", 1),
        ("alone", 0),
        ("alone", 1),
    ]
    assert runs.status.tolist() == ["done"] * 3 + ["failed"]
    assert recorded(there, [2**31], tmp_path).seed.tolist() == [2**31]
    assert recorded(there, 1, tmp_path / "nothing").empty


def test_a_run_is_found_by_what_was_trained_and_has_the_label_that_is_asked_for(tmp_path):
    plain = tiny("plain", 0.1)
    for experiment in (plain, plain.change(dataset="fashion_mnist"), plain.change(epochs=3)):
        record_run(experiment, 0, tmp_path)
    (run_,) = recorded(plain.change(profile="fair"), 1, tmp_path).itertuples()
    assert (run_.identity, run_.profile) == (plain.identity(), "fair")


def test_a_damaged_record_is_left_out_with_a_warning(tmp_path):
    record_run(tiny(), 0, tmp_path)
    damaged = record_run(tiny(), 1, tmp_path)
    damaged.write_text("{")
    with pytest.warns(UserWarning, match=damaged.name):
        assert recorded(tiny(), 2, tmp_path).seed.tolist() == [0]


def test_without_the_data_the_recorded_copy_serves_and_is_not_mixed_with_another(far, tmp_path):
    experiment, copy = far
    for seed in range(3):
        record_run(experiment, seed, tmp_path, copy)
    assert recorded(experiment, 3, tmp_path).official.tolist() == [False] * 3
    assert run(experiment, 3, folder=tmp_path).official.tolist() == [False] * 3  # complete: nothing is downloaded
    record_run(experiment, 3, tmp_path, replace(copy, fingerprint="d" * 64))
    assert recorded(experiment, 4, tmp_path).seed.tolist() == [0, 1, 2]
    record_run(experiment, 0, tmp_path)  # official, as a download would be
    assert recorded(experiment, 3, tmp_path).official.tolist() == [True]


def test_what_is_missing_trains_on_the_pixels_of_this_machine(far, tmp_path, monkeypatch):
    experiment, copy = far
    record_run(experiment, 0, tmp_path, copy)
    loaded = replace(data.load("digits"), name="cifar10", fingerprint="a" * 64)
    monkeypatch.setattr(data, "load", lambda name: loaded)
    fingerprints = {planned.info.fingerprint for planned in plan([experiment], 2, tmp_path)}
    assert fingerprints == {"a" * 64}
    assert {planned.info for planned in plan([experiment], 2, tmp_path, train=False)} == {copy}


def test_the_copy_is_chosen_for_each_dataset_of_a_chain(far, tmp_path):
    before, copy = far
    after = replace(before.change(dataset="digits"), after=before, id="after")
    scratch = replace(before.change(dataset="digits"), id="scratch")
    for seed in range(2):
        record_run(scratch, seed, tmp_path)
        record_run(after, seed, tmp_path, data.info("digits"), copy)
    record_run(before, 0, tmp_path, copy)
    runs = recorded([scratch, after], 2, tmp_path)
    assert runs.experiment.tolist() == ["scratch"] * 2 + ["after"] * 2
    assert run([scratch, after], 2, folder=tmp_path).identity.tolist() == runs.identity.tolist()
    record_run(after, 0, tmp_path)  # from the official pixels
    assert recorded([scratch, after], 2, tmp_path).identity.tolist() == [scratch.identity()] * 2 + [after.identity()]
