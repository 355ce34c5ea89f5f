"""Seconds are compared among runs of one machine and precision, not between an old processor's and a GPU's."""

import pandas as pd

from cnnhelpers.provenance import timed_alike
from cnnhelpers.records import Record


def made(experiment, processor, precision):
    environment = {"processor": processor, "precision": precision}
    record = Record("0" * 16, 0, "", {}, {}, "done", {}, {}, environment=environment)
    return {"experiment": experiment, "record": record}


def test_seconds_are_those_of_the_machine_and_precision_of_most_experiments():
    slow = [made("C51", "EPYC", "float32")] * 5
    fast = [made("C21", "EPYC", "bfloat16"), made("C51", "EPYC", "bfloat16")]
    runs = pd.DataFrame([*slow, *fast, made("C72", "H200", "bfloat16")], index=range(10, 18))
    assert timed_alike(runs).index.tolist() == [15, 16]
    assert timed_alike(runs[:5]).equals(runs[:5])
    assert timed_alike(runs[:0]).empty
    own = runs.drop(columns="record")
    assert timed_alike(own) is own
