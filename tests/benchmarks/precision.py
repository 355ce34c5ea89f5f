"""Are results with bfloat16 products equal to those in float32? Report A's first two networks.

    python -m tests.benchmarks.precision [SEEDS]

The runs are recorded (study "precision"), so a second call prints at once.
"""

import sys
from dataclasses import replace

import pandas as pd

from cnnhelpers import compare, run
from cnnhelpers.experiments.experiment import Experiment
from cnnhelpers.reports import catalog as studies
from cnnhelpers.statistics.decisions import MARGINS, decide
from cnnhelpers.statistics.intervals import equivalence
from tests.benchmarks.tables import write_table

PARTS = ("validation_accuracy", "test_accuracy")


def rounded(experiment: Experiment) -> Experiment:
    """Return `experiment` with bfloat16 products."""
    changed = experiment.change(precision="bfloat16", profile="own")
    return replace(changed, id=f"{experiment.id}/bfloat16", study="precision")


if __name__ == "__main__":
    seeds = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    rows = []
    for name in ("A1", "A2"):
        (plain,) = studies.find(name)
        runs = run([plain, rounded(plain)], seeds)
        margin = MARGINS[plain.protocol.dataset]
        seconds = runs.groupby("experiment", sort=False)["cpu_seconds"].median()
        for part in PARTS:
            difference = compare(runs, f"{name}/bfloat16", name, part)
            row = {"network": name, "accuracy": part.removesuffix("_accuracy"), "seeds": difference.n_pairs}
            interval = f"{100 * difference.low:+.2f} to {100 * difference.high:+.2f}"
            row |= {"bfloat16 - float32, points": f"{100 * difference.difference:+.2f} ({interval})"}
            row |= {f"equal within {100 * margin:g} points": decide(difference, margin, "equal")}
            row |= {"TOST p": round(equivalence(difference, margin), 3)}
            row |= {f"CPU s, {way}": round(value) for way, value in zip(("float32", "bfloat16"), seconds, strict=True)}
            rows.append(row)
    table = pd.DataFrame(rows)
    print(table.to_string(index=False))
    write_table(table, "precision")
