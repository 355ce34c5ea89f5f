"""Runs are compared on one copy of the pixels, and their seconds on one machine in one precision."""

from dataclasses import replace

import pandas as pd

from cnnhelpers import data, records
from tests.tiny import record


def made(experiment, processor, precision):
    return {"experiment": experiment, "record": record(environment={"processor": processor, "precision": precision})}


def test_seconds_are_those_of_the_machine_and_precision_of_most_experiments():
    slow = [made("C51", "EPYC", "float32")] * 5
    fast = [made("C21", "EPYC", "bfloat16"), made("C51", "EPYC", "bfloat16")]
    runs = pd.DataFrame([*slow, *fast, made("C72", "H200", "bfloat16")], index=range(10, 18))
    assert records.timed_alike(runs).index.tolist() == [15, 16]
    assert records.timed_alike(runs[:5]).equals(runs[:5])
    assert records.timed_alike(runs[:0]).empty
    without_records = runs.drop(columns="record")
    assert records.timed_alike(without_records) is without_records


def copied(experiment, seeds, fingerprint):
    about = {"name": "cifar10", "fingerprint": fingerprint, "official": False}
    labels = {"experiment": experiment}
    return [record(seed, data=about, labels=labels) for seed in range(seeds)]


def test_of_two_copies_of_a_dataset_most_runs_decide_unless_this_machine_has_the_other(monkeypatch):
    runs = records.table([*copied("D3", 2, "png"), *copied("D0", 3, "jpeg"), record()])
    assert records.of_one_copy(runs).experiment.tolist() == ["D0"] * 3 + ["A1"]
    info = replace(data.info("cifar10"), fingerprint="png")
    monkeypatch.setattr(data, "info", lambda name: info)
    assert records.of_one_copy(runs).experiment.tolist() == ["D3"] * 2 + ["A1"]
    assert records.of_one_copy(runs[2:]).equals(runs[2:])


def test_no_runs_rest_on_nothing():
    runs = pd.DataFrame({"experiment": ["A1"], "profile": ["published"], "device": ["cpu:0"]})
    assert records.rests_on(runs) == "published profile, cpu"
    assert records.rests_on(runs[:0]) == ""
