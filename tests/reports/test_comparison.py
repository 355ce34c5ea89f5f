"""Published numbers are compared with recorded runs of their experiment, on the report's own dataset."""

import numpy as np
import pandas as pd
import pytest

from cnnhelpers.analysis import single_run_risk
from cnnhelpers.claims.claim import Claim, better
from cnnhelpers.reports import against_runs, compare_with_published, published_pairs

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
