"""Tables and figures of the reports' audit, and the risk of single runs."""

import numpy as np
import pandas as pd
import pytest

from cnnhelpers import plotting, reports
from cnnhelpers.analysis import power_curves, single_run_risk
from cnnhelpers.book import tables as claim_tables
from cnnhelpers.claims.claim import Claim, better, lower
from cnnhelpers.claims.results import verdicts


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
    assert claim_tables.contradictions(reports.contradictions()).data.count("\n") == len(reports.contradictions()) + 1
    told = claim_tables.against_runs(reports.against_runs(runs)).data
    assert "**no**" in told
    assert told.startswith("Of 8 numbers compared, our intervals exclude 6, and 6 lie")
    assert "A (official) 6 of 8." in told
    assert "no run can show it" in claim_tables.mistakes(reports.mistakes(runs)).data
    pairs = single_run_risk(runs, [Claim("c", better("A5", "A2"))])
    assert "A5 − A2" in claim_tables.single_runs(pairs).data
