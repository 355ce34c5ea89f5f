"""Are results with bfloat16 products equal to those in float32? Report A's first two networks.

    python -m tests.benchmarks.precision [SEEDS]

The runs are recorded (study "precision"), so a second call prints at once.
"""

import sys
from dataclasses import replace

from cnnhelpers import compare, run, studies
from cnnhelpers.comparisons import in_points
from cnnhelpers.experiment import Experiment
from cnnhelpers.statistics import equivalence_of
from cnnhelpers.verdicts import MARGINS, decide

PARTS = ("validation_accuracy", "test_accuracy")


def rounded(experiment: Experiment) -> Experiment:
    """Return `experiment` with bfloat16 products."""
    changed = experiment.change(precision="bfloat16", profile="own")
    return replace(changed, id=f"{experiment.id}/bfloat16", study="precision")


if __name__ == "__main__":
    seeds = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    for name in ("A1", "A2"):
        (plain,) = studies.find(name)
        runs = run([plain, rounded(plain)], seeds)
        margin = MARGINS[plain.protocol.dataset]
        for part in PARTS:
            difference = compare(runs, f"{name}/bfloat16", name, part)
            tost = equivalence_of(difference, margin)
            print(
                f"{name} {part}: bfloat16 - float32 {in_points(difference, 2)}, margin {100 * margin:g} points, "
                f"TOST p={tost.p:.3f}, {decide(difference, margin, 'equal')}, sd {100 * difference.sd:.2f}"
            )
        seconds = runs.groupby("experiment", sort=False)["cpu_seconds"].median()
        print(f"{name} CPU seconds a run: {seconds.to_dict()}")
