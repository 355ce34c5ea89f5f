"""Printed numbers are complete, contradict themselves where known, and are compared with runs on their dataset."""

import numpy as np
import pandas as pd
import pytest

from cnnhelpers.analysis import single_run_risk
from cnnhelpers.claims.claim import Claim, better
from cnnhelpers.errors import InputError
from cnnhelpers.reports import (
    against_runs,
    compare_with_published,
    contradictions,
    printed,
    published,
    published_pairs,
)

ACCURACIES, LOSSES = ("train_accuracy", "validation_accuracy"), ("train_loss", "validation_loss")


def test_published_numbers_are_complete_and_unique():
    table = published()
    assert list(table.columns) == ["report", "experiment", "metric", "value", "where"]
    assert len(table) == 470 and not table.duplicated(["experiment", "metric", "where"]).any()
    assert set(published("c")["report"]) == {"C"}
    table["value"] = 0
    assert published()["value"].max() > 0  # a copy was changed


def test_printed_prefers_the_log_to_the_table_to_the_text():
    assert printed("A5", "validation_accuracy") == 0.8661
    assert printed("A5", "validation_accuracy", where="table") == 0.886
    assert printed("C21", "test_accuracy") == 0.9883  # only in the table
    assert printed("D7", "validation_accuracy", where="text") == 0.74
    assert printed("D0", "validation_accuracy") is None
    assert printed("D8-adamax-after", "validation_accuracy") == printed("D8-adamax", "validation_accuracy") == 0.7396


@pytest.mark.parametrize(
    ("call", "suggestion"),
    [
        (lambda: published("F"), "'F'"),
        (lambda: printed("A1", "validation_acuracy"), "'validation_accuracy'"),
        (lambda: printed("A1", "seconds", where="logs"), "'log'"),
    ],
)
def test_unknown_names_are_refused(call, suggestion):
    with pytest.raises(InputError) as error:
        call()
    assert suggestion in str(error.value)


def test_contradictions_are_those_that_reading_the_reports_found():
    known = {("A5", "validation_accuracy"), ("A-top", "test_accuracy"), ("D7", "validation_accuracy")}
    known |= {("B16", metric) for metric in (*ACCURACIES, "test_accuracy", "validation_loss")}
    known |= {(name, metric) for name in ("E1", "E4") for metric in ("train_accuracy", "train_loss")}
    known |= {(name, metric) for name in ("E-resnet50", "E-vgg16") for metric in (*ACCURACIES, *LOSSES, "seconds")}
    known -= {("E-resnet50", "train_accuracy")}
    table = contradictions()
    assert sorted(zip(table["experiment"], table["metric"], strict=True)) == sorted(known)
    row = table[table["experiment"] == "A5"].iloc[0]
    assert (row["place"], row["value"], row["other_place"], row["other"]) == ("log", 0.8661, "table", 0.886)
    assert row["allowed"] == pytest.approx(0.00055)  # half of 0.001 and half of 0.0001


@pytest.mark.parametrize(
    ("values", "neighbours", "contradicts"),
    [
        ((0.8847, 0.885), 0.123, False),
        ((0.8847, 0.884), 0.123, True),
        ((0.8847, 0.8851), 0.123, True),
        ((0.8847, 0.95), 0.123, True),
        ((0.7353, 0.7350), 0.1234, True),  # the table of numbers dropped the last zero
    ],
)
def test_rounding_is_no_contradiction_and_a_planted_error_is(values, neighbours, contradicts):
    rows = [("X1", values[0], "log"), ("X1", values[1], "table")]
    rows += [(f"X{number}", neighbours, "table") for number in range(2, 6)]
    table = pd.DataFrame(rows, columns=["experiment", "value", "where"]).assign(report="X", metric="test_accuracy")
    assert len(contradictions(table)) == contradicts


# --- against runs ---

NOISE = np.linspace(-0.004, 0.004, 5)


def runs(**accuracies):
    """Return five runs of experiments around an accuracy, with different noise for each experiment."""
    columns = ("test_accuracy", "validation_accuracy", "last_validation_accuracy", "last_train_accuracy")
    losses = dict.fromkeys(("test_loss", "validation_loss", "last_validation_loss", "last_train_loss"), 0.4)
    return pd.DataFrame(
        {"experiment": name, "seed": seed, "dataset": "fashion_mnist"}
        | dict.fromkeys(columns, accuracy + noise)
        | losses
        for at, (name, accuracy) in enumerate(accuracies.items())
        for seed, noise in enumerate(np.roll(NOISE, 2 * at))
    )


def test_published_numbers_are_compared_with_the_interval_and_with_one_more_run():
    found = against_runs(runs(A5=0.877))
    found = found[found["metric"] == "validation_accuracy"].set_index("place")
    # SD 0.0032, n 5: interval 0.873 to 0.881; one more run 0.867 to 0.887
    assert found.loc["log", "published"] == 0.8661
    assert found["inside"].to_dict() == {"table": False, "log": False}
    assert found["likely"].to_dict() == {"table": True, "log": False}
    assert against_runs(runs(A5=0.877).query("seed < 4")).empty
    assert against_runs(runs(A5=0.877).assign(dataset="mnist")).empty


def test_published_pairs_are_those_of_claims_with_the_printed_difference():
    asked = [Claim("c", better("A4", "A2"), report="A"), Claim("c", better("A2", "A1"), report="A")]
    pairs = published_pairs([*asked, Claim("c", better("A2", "A4"), report="A")])
    assert pairs[["report", "a", "b"]].to_numpy().tolist() == [["A", "A4", "A2"], ["A", "A2", "A1"]]
    assert pairs["published"].tolist() == pytest.approx([0.8948 - 0.8809, 0.8809 - 0.8847])
    assert pairs["metric"].tolist() == ["last_validation_accuracy"] * 2  # report A prints no test accuracy of these
    table = single_run_risk(runs(A4=0.90, A2=0.88, A1=0.881), pairs)
    assert table["as_ours"].tolist() == [True, True]
    assert table["wrong_order"][0] < 0.01 < table["wrong_order"][1] < 0.5
    assert {"D7", "E4"} <= {*published_pairs()["a"]}


def by_dataset(dataset, **accuracies):
    return pd.DataFrame(
        {"experiment": name, "seed": seed, "dataset": dataset, "validation_accuracy": value}
        for name, values in accuracies.items()
        for seed, value in enumerate(values)
    )


def test_published_numbers_are_compared_on_their_own_dataset_only():
    runs = by_dataset("fashion_mnist", A1=[0.884, 0.885, 0.886], A5=[0.80, 0.80, 0.81], A6=[0.879, 0.880, 0.881])
    table = compare_with_published(runs)
    assert table.published.tolist() == [0.8847, 0.8661, 0.8851]
    assert table.inside.tolist() == ["yes", "no", "no"]  # A6: mean 0.880, 0.0025 to either side
    assert table.likely.tolist() == ["yes", "no", "no"]  # and 0.0050 for one more run: 0.8851 is just outside
    assert table.seeds_below.tolist() == ["1 of 3", "3 of 3", "3 of 3"]
    assert compare_with_published(runs.iloc[:0]).empty
    elsewhere = compare_with_published(by_dataset("mnist", A1=[0.884, 0.885, 0.886]))
    assert elsewhere.published.isna().all()
    assert elsewhere.inside.tolist() == [""]


def test_equal_runs_exclude_no_published_number():
    table = compare_with_published(by_dataset("cifar10", B9=[0.0945] * 5))
    assert table[["published", "inside", "likely"]].to_numpy().tolist() == [[0.0937, "", ""]]
