"""Tables of verdicts and of the audit are Markdown that shows values, missing runs and commands."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from cnnhelpers import analysis, plotting, reports
from cnnhelpers.book.chapters import tables
from cnnhelpers.claims import Claim, better, equal, fails_to_learn, verdicts

NOISE = np.array([-0.002, 0.001, 0.0, 0.002, -0.001])


def runs(**accuracies):
    """Return five runs of experiments around an accuracy, with different noise for each experiment."""
    rows = [
        {"experiment": name, "seed": seed, "test_accuracy": accuracy + noise}
        for at, (name, accuracy) in enumerate(accuracies.items())
        for seed, noise in enumerate(np.roll(NOISE, at))
    ]
    table = pd.DataFrame(rows).assign(profile="published", dataset="fashion_mnist", pixels="official")
    accuracy = table["test_accuracy"]
    table = table.assign(last_train_accuracy=0.9, last_train_loss=0.4, validation_loss=0.4, test_loss=0.4)
    return table.assign(train_accuracy=accuracy, validation_accuracy=accuracy, cpu_seconds=1.0, epochs_run=10)


def test_tested_conclusions_and_those_with_missing_runs_have_a_table_each():
    claims = [Claim("A wins | really", better("A", "B"), report="x"), Claim("C wins", better("C", "B"), report="x")]
    table = verdicts(runs(A=0.92, B=0.90), claims).assign(command="")
    shown = tables.reading(table).data
    assert r"A wins \| really" in shown and "C wins" not in shown and "| C |" in shown
    differing = verdicts(runs(A=0.92, B=0.90).assign(precision=["float32"] * 5 + ["bfloat16"] * 5), claims)
    assert "precision" in tables.reading(differing).data and "precision" not in shown
    assert "no such conclusion" in tables.reading(table, "y").data
    wide = runs(A=0.9, B=0.9)
    wide.loc[wide["experiment"] == "A", "test_accuracy"] = [0.91, 0.88, 0.92, 0.89, 0.91]
    assert "seeds to decide" in tables.reading(verdicts(wide, claims)).data and "seeds to decide" not in shown


def test_tables_of_the_audit_have_a_row_for_each_finding():
    found = reports.contradictions()
    assert tables.contradictions(found).data.count("\n") == len(found) + 1
    excluded = tables.against_runs(reports.against_runs(runs(A5=0.95, A2=0.88))).data
    assert "**no**" in excluded and "Of 4 numbers compared, our intervals exclude 2" in excluded
    assert "A (official) 2 of 4" in excluded
    assert "| 11 | C |" in tables.mistakes(reports.mistakes(runs(A5=0.95, A2=0.88))).data
    pairs = analysis.single_run_risk(runs(A5=0.95, A2=0.88), reports.published_pairs([Claim("c", better("A5", "A2"))]))
    assert "A5 − A2" in tables.single_runs(pairs).data


def test_runs_without_variance_have_tables_and_figures_without_nan():
    """Report B's networks that guess have an accuracy of exactly 10 % in every seed."""
    accuracies = {"B9": 0.1, "B10": 0.1, "B11": 0.3}
    guessing = pd.concat(runs(**{name: value}).assign(test_accuracy=value) for name, value in accuracies.items())
    asked = [
        Claim("guesses", fails_to_learn("B9")),
        Claim("better", better("B11", "B9")),
        Claim("same", equal("B9", "B10")),
    ]
    results = verdicts(guessing, asked).assign(command="")
    assert results["verdict"].tolist() == ["holds", "undecided", "undecided"]
    compared = analysis.compare_all(guessing, [("B11", "B9"), ("B10", "B9")], margin=0.005)
    pairs = analysis.single_run_risk(guessing, reports.published_pairs([asked[1]]))
    for shown in (tables.reading(results), tables.by_verdict(compared), tables.single_runs(pairs)):
        assert "nan" not in shown.data and "inf" not in shown.data
    assert "0.0625" in tables.reading(results).data
    plotting.plot_verdicts(results)
    plotting.plot_intervals(compared, metric="difference", margin=0.005)
    plotting.plot_seeds(guessing, table=analysis.summary(guessing))
    plt.close("all")
