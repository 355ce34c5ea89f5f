"""The printed numbers are all there, and the contradictions among them are those that reading the reports found."""

import pandas as pd
import pytest

from cnnhelpers.errors import InputError
from cnnhelpers.reports.published_numbers import contradictions, printed, published

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
