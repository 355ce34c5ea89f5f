"""The audit finds the contradictions that the reports have, those that are planted, and no others."""

import numpy as np
import pandas as pd
import pytest
from cnnhelpers.reports.mistake_list import MISTAKES, NARROW

from cnnhelpers import plotting
from cnnhelpers.analysis import power_curves, single_run_risk
from cnnhelpers.book import tables as claim_tables
from cnnhelpers.claims.claim import Claim, better, lower
from cnnhelpers.claims.results import verdicts
from cnnhelpers.reports import audit
from cnnhelpers.reports.published_numbers import published

ACCURACIES = ("train_accuracy", "validation_accuracy")
LOSSES = ("train_loss", "validation_loss")


def known():
    """(experiment, metric) of every contradiction that reading the reports found."""
    found = {("A5", "validation_accuracy"), ("A-top", "test_accuracy"), ("D7", "validation_accuracy")}
    found |= {("B16", metric) for metric in (*ACCURACIES, "test_accuracy", "validation_loss")}
    found |= {(name, metric) for name in ("E1", "E4") for metric in ("train_accuracy", "train_loss")}
    found |= {(name, metric) for name in ("E-resnet50", "E-vgg16") for metric in (*ACCURACIES, *LOSSES, "seconds")}
    return found - {("E-resnet50", "train_accuracy")}


def test_the_reports_contradict_themselves_where_reading_found_it_and_nowhere_else():
    found = audit.contradictions()
    assert set(zip(found["experiment"], found["metric"], strict=True)) == known()
    assert len(found) == len(known())
    a5 = found[found["experiment"] == "A5"].iloc[0]
    assert (a5["place"], a5["value"], a5["other_place"], a5["other"]) == ("log", 0.8661, "table", 0.886)
    assert a5["allowed"] == pytest.approx(0.00055)  # half of 0.001 and half of 0.0001


@pytest.mark.parametrize(("other", "contradicts"), [(0.885, False), (0.884, True), (0.8851, True), (0.95, True)])
def test_rounding_is_no_contradiction_and_a_planted_slip_is(other, contradicts):
    rows = [("X", "X1", "test_accuracy", 0.8847, "log"), ("X", "X1", "test_accuracy", other, "table")]
    rows += [("X", f"X{number}", "test_accuracy", 0.123, "table") for number in range(2, 6)]
    table = pd.DataFrame(rows, columns=["report", "experiment", "metric", "value", "where"])
    assert len(audit.contradictions(table)) == contradicts


def test_a_zero_that_the_table_of_numbers_dropped_is_a_digit():
    rows = [("X", f"X{number}", "test_accuracy", 0.1234, "table") for number in range(2, 6)]
    rows += [("X", "X1", "test_accuracy", 0.7350, "table"), ("X", "X1", "test_accuracy", 0.7353, "log")]
    table = pd.DataFrame(rows, columns=["report", "experiment", "metric", "value", "where"])
    assert len(audit.contradictions(table)) == 1


def runs_of(profile="published", seeds=5, **accuracies):
    """Runs of experiments around an accuracy, each experiment with noise of its own."""
    noise = np.linspace(-0.004, 0.004, seeds)
    rows = [
        {"report": name[0], "experiment": name, "seed": seed, "test_accuracy": value + np.roll(noise, 2 * at)[seed]}
        for at, (name, value) in enumerate(accuracies.items())
        for seed in range(seeds)
    ]
    runs = pd.DataFrame(rows).assign(profile=profile, dataset="fashion_mnist", last_train_accuracy=0.9)
    columns = ("validation_accuracy", "train_accuracy")
    losses = dict.fromkeys(("last_train_loss", "validation_loss", "test_loss"), 0.4)
    return runs.assign(**dict.fromkeys(columns, runs["test_accuracy"]), **losses, cpu_seconds=1.0, epochs_run=10)


def test_published_numbers_are_compared_with_the_interval_and_with_one_more_run():
    found = audit.against_runs(runs_of(A5=0.877))
    found = found[found["metric"] == "validation_accuracy"].set_index("place")
    # SD 0.0032, n 5: interval 0.873 to 0.881; one more run 0.867 to 0.887
    assert found.loc["log", "published"] == 0.8661
    assert found["inside"].to_dict() == {"table": False, "log": False}
    assert found["likely"].to_dict() == {"table": True, "log": False}
    assert not audit.against_runs(runs_of(A1=0.9, seeds=4))["published"].size
    elsewhere = runs_of(A5=0.877).assign(dataset="mnist")
    assert audit.against_runs(elsewhere).empty


def test_the_eighteen_mistakes_have_two_sentences_each():
    assert [one.number for one in MISTAKES] == list(range(1, 19))
    assert all(text.endswith(".") for one in MISTAKES for text in (one.mistake, one.worth))


def test_mistakes_show_what_runs_say_and_name_the_commands_for_those_that_lack():
    narrow = runs_of("narrow", **{"B1": 0.47, "B1-flattened": 0.3, "B2": 0.46})
    runs = pd.concat([runs_of(A5=0.87, A6=0.88, **{"A-top": 0.9}, B1=0.47, B2=0.46), narrow])
    found = audit.mistakes(runs).set_index("number")
    assert "A5 − A6, validation accuracy: -1.00" in found.loc[1, "evidence"]
    assert "compared with 95.00" in found.loc[2, "evidence"]
    assert f"B1-flattened{NARROW} − B1{NARROW}: -17.00" in found.loc[6, "evidence"]
    assert found.loc[6, "missing"].startswith(f"B2-flattened{NARROW}, B13-flattened{NARROW}, B13{NARROW}")
    assert found.loc[11, ["evidence", "command"]].tolist() == ["", ""]
    assert found.loc[14, "command"] == "python -m cnnhelpers run D0 --profile quick --seeds 5"
    assert found.loc[8, "command"] == "python -m cnnhelpers run B14"
    assert found.loc[9, "command"] == "python -m cnnhelpers run C --profile fair"
    assert audit.mistakes(runs.iloc[:0])["evidence"].eq("").all()


def test_the_slips_of_a_report_are_shown_by_what_the_runs_measured():
    scaled = {"once_scaled_accuracy": 0.47, "twice_scaled_accuracy": [0.1, 0.11, 0.1, 0.09, 0.1]}
    quick = runs_of("quick", D0=0.47)
    quick = quick.assign(thrice_scaled_accuracy=0.1, precision="float32", **scaled)
    runs = pd.concat([quick, runs_of("smoke", D0=0.1), runs_of(D0=0.66)], ignore_index=True)
    told = audit.mistakes(runs).set_index("number").loc[14, "evidence"]
    assert "twice scaled accuracy − D0 (quick) once scaled accuracy: -37.00" in told
    assert "differs" not in told
    unmeasured = audit.mistakes(runs_of("quick", D0=0.47)).set_index("number").loc[14, "evidence"]
    assert "not measured on the trained models" in unmeasured
    after = {"D8-adadelta-after": 0.5, "D8-adadelta": 0.2, "D8-adamax-after": 0.74, "D8-adamax": 0.72}
    told = audit.mistakes(runs_of(**after)).set_index("number").loc[12, "evidence"]
    assert "D8-adadelta-after − D8-adadelta: +30.00" in told


def test_mistakes_say_which_runs_were_computed_otherwise():
    runs = pd.concat([runs_of(A1=0.9, A2=0.9, A7=0.9), runs_of(A8=0.9).assign(device="gpu:0")]).fillna("cpu:0")
    assert "device differs: cpu in A1 and A2 and A7, gpu in A8" in audit.mistakes(runs)["evidence"][3]


def test_pairs_say_what_single_runs_could_have_told():
    made = [Claim("c", better("A4", "A2"), report="A"), Claim("c", better("A2", "A1"), report="A")]
    found = single_run_risk(runs_of(A4=0.90, A2=0.88, A1=0.881), made)
    assert found["label"].tolist() == ["A4 − A2", "A2 − A1"]
    assert found["published"].tolist() == pytest.approx([0.8948 - 0.8809, 0.8809 - 0.8847])
    assert found["metric"].tolist() == ["validation_accuracy"] * 2  # report A prints no test accuracy of these
    assert found["as_ours"].tolist() == [True, True]
    assert found["wrong_order"].between(0, 0.5).all()
    assert found["wrong_order"][0] < 0.01 < found["wrong_order"][1]
    assert single_run_risk(runs_of(A4=0.9, seeds=4), made).empty


def test_figures_mark_verdicts_in_words_and_say_so_where_there_is_nothing():
    runs = runs_of(A4=0.90, A2=0.88, A1=0.881)
    made = [
        Claim("A4 is better", better("A4", "A2")),
        Claim("A1 is better", better("A1", "A4")),
        Claim("A1 takes less", [lower("A1", "A2", "validation_accuracy"), better("A4", "A1")]),
        Claim("no runs", better("A4", "A9")),
    ]
    found = verdicts(runs, made)
    ax = plotting.plot_verdicts(found)
    assert [label.get_text() for label in ax.get_yticklabels()] == ["A4 is better", "A1 is better", "A1 takes less"]
    told = [text.get_text() for text in ax.texts]
    assert {"holds", "contradicted"} <= {text.split(",")[0] for text in told}
    nothing = plotting.plot_verdicts(found.iloc[3:])
    assert "No claim" in nothing.texts[0].get_text()
    pairs = single_run_risk(runs, made)
    words = [text.get_text() for text in plotting.plot_wrong_orders(pairs).texts]
    assert "published so" in words
    curves = power_curves(pairs["sd"], [0.003, 0.01], most_seeds=12)
    assert len(plotting.plot_power(curves).get_lines()) == 3
    plotting.plot_power(power_curves([], [0.01]))
    plotting.plot_wrong_orders(pairs.iloc[:0])


def test_tables_of_the_audit_are_markdown():
    runs = runs_of(A5=0.95, A2=0.88).assign(pixels="official")
    assert claim_tables.contradictions(audit.contradictions()).data.count("\n") == len(known()) + 1
    told = claim_tables.against_runs(audit.against_runs(runs)).data
    assert "**no**" in told
    assert told.startswith("Of 8 numbers compared, our intervals exclude 6, and 6 lie")
    assert "A (official) 6 of 8." in told
    assert "no run can show it" in claim_tables.mistakes(audit.mistakes(runs)).data
    pairs = single_run_risk(runs, [Claim("c", better("A5", "A2"))])
    assert "A5 − A2" in claim_tables.single_runs(pairs).data
    assert len(published()) > 400  # the numbers stand in the package
