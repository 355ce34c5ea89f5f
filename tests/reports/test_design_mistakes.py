"""The eighteen mistakes show the evidence of recorded runs, and the commands that train missing runs."""

import numpy as np
import pandas as pd

from cnnhelpers.reports.design_mistakes import MISTAKES, NARROW, mistakes


def runs(profile="published", **accuracies):
    """Return five runs of experiments around an accuracy, with different noise for each experiment."""
    noise = np.linspace(-0.004, 0.004, 5)
    rows = [
        {"report": name[0], "experiment": name, "seed": seed, "test_accuracy": accuracy + np.roll(noise, 2 * at)[seed]}
        for at, (name, accuracy) in enumerate(accuracies.items())
        for seed in range(5)
    ]
    table = pd.DataFrame(rows).assign(profile=profile, dataset="fashion_mnist")
    accuracy = table["test_accuracy"]
    return table.assign(validation_accuracy=accuracy, train_accuracy=accuracy, validation_loss=0.4, epochs_run=10)


def evidence(*tables):
    return mistakes(pd.concat(tables)).set_index("number")


def test_the_eighteen_mistakes_have_description_and_consequence():
    assert [mistake.number for mistake in MISTAKES] == list(range(1, 19))
    assert all(text.endswith(".") for mistake in MISTAKES for text in (mistake.mistake, mistake.consequence))


def test_evidence_is_that_of_the_runs_and_missing_runs_have_their_commands():
    narrow = runs("narrow", **{"B1": 0.47, "B1-flattened": 0.3, "B2": 0.46})
    table = evidence(runs(A5=0.87, A6=0.88, **{"A-top": 0.9}, B1=0.47, B2=0.46), narrow)
    assert "A5 − A6, validation accuracy: -1.00" in table.loc[1, "evidence"]
    assert "compared with 95.00" in table.loc[2, "evidence"]
    assert f"B1-flattened{NARROW} − B1{NARROW}: -17.00" in table.loc[6, "evidence"]
    missing = ["B2-flattened", "B13-flattened", "B13", "B14-flattened", "B14"]
    assert table.loc[6, "missing"].split(", ") == [name + NARROW for name in missing]
    assert table.loc[11, ["evidence", "command"]].tolist() == ["", ""]
    commands = {8: "B14", 9: "C --profile fair", 14: "D0 --profile quick --seeds 5"}
    assert {n: table.loc[n, "command"] for n in commands} == {
        n: f"python -m cnnhelpers run {text}" for n, text in commands.items()
    }
    assert evidence(narrow[:0])["evidence"].eq("").all()


def test_two_metrics_of_a_run_and_two_experiments_are_compared():
    quick = runs("quick", D0=0.47).assign(thrice_scaled_accuracy=0.1, precision="float32", once_scaled_accuracy=0.47)
    quick["twice_scaled_accuracy"] = [0.1, 0.11, 0.1, 0.09, 0.1]
    table = evidence(quick, runs("smoke", D0=0.1), runs(D0=0.66))
    assert "D0 (quick) once scaled accuracy: -37.00" in table.loc[14, "evidence"]
    assert "differs" not in table.loc[14, "evidence"]
    assert "not measured" in evidence(runs("quick", D0=0.47)).loc[14, "evidence"]
    after = {"D8-adadelta-after": 0.5, "D8-adadelta": 0.2, "D8-adamax-after": 0.74, "D8-adamax": 0.72}
    assert "D8-adadelta-after − D8-adadelta: +30.00" in evidence(runs(**after)).loc[12, "evidence"]


def test_evidence_names_runs_on_different_devices():
    table = pd.concat([runs(A1=0.9, A2=0.9, A7=0.9), runs(A8=0.9).assign(device="gpu:0")]).fillna("cpu:0")
    assert "device differs: cpu in A1 and A2 and A7, gpu in A8" in evidence(table).loc[4, "evidence"]
