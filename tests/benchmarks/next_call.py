"""What it is worth that processes wait for the next call of `run`, side by side. By hand, on an idle machine.

    python -m tests.benchmarks.next_call [ROUNDS]      # writes next_call.csv

A notebook calls `run` in one cell after the other. Seconds of such a call, which trains one network on 200 images with
one seed a core, with processes that are new and with those of the call before, in turn; medians of the rounds.
"""

import sys
import tempfile
import time
from statistics import median

import pandas as pd

from cnnhelpers import environment, run
from cnnhelpers.execution import process_pool
from cnnhelpers.experiments.experiment import Experiment
from cnnhelpers.reports import catalog as studies
from tests.benchmarks.tables import write_table

ROUNDS = 5
NETWORKS = ("A1", "A2")


def seconds_of_a_call(experiment: Experiment) -> float:
    """Return the seconds that a call takes which finds nothing recorded."""
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        run(experiment, environment.cores(), folder=folder, progress=False)
        return time.perf_counter() - started


def end_kept() -> None:
    """End the processes that wait."""
    while process_pool._KEPT:
        process_pool._KEPT.pop().end()


if __name__ == "__main__":
    rows = []
    for name in NETWORKS:
        (published,) = studies.find(name)
        small = published.change(dataset="digits", images=200, epochs=1)
        seconds = {"new processes, s": [], "kept processes, s": []}
        for _ in range(int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS):
            end_kept()
            for column in seconds:
                seconds[column].append(seconds_of_a_call(small))
        new, kept = (median(values) for values in seconds.values())
        rows.append({"network": name} | {column: f"{median(values):.1f}" for column, values in seconds.items()})
        rows[-1]["ratio"] = f"{new / kept:.1f}"
        print(rows[-1], flush=True)
    write_table(pd.DataFrame(rows), "next_call")
