"""A hundred small experiments, interrupted twenty times at random, against the same sweep left alone.

python -m tests.benchmarks.interrupted_sweep [--runs 100] [--interruptions 20]

Runners are killed, terminated and interrupted as by Ctrl-C, workers are killed. Exits with 1 if any record then differs
in its weights, its history (but for seconds) or its metrics, if a process was left for more than five seconds, or if a
record was damaged. Writes book/benchmarks/interrupted_sweep.csv.
"""

import argparse
import json
import random
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from cnnhelpers import records
from cnnhelpers.execution.runner import run
from cnnhelpers.records import CHECKPOINTS
from tests.benchmarks.tables import write_table
from tests.faults.networks import backed_up
from tests.faults.processes import ROOT, children, gone
from tests.tiny import hear_ctrl_c

WAYS = [("runner", signal.SIGKILL), ("runner", signal.SIGTERM), ("runner", signal.SIGINT), ("worker", signal.SIGKILL)]
SECONDS_TO_END = 5


def experiments(number):
    """Return `number` different experiments on digits, of 20 to 40 epochs, that are backed up after each."""
    return [
        replace(backed_up(id=f"e{position}"), study="sweep").change(
            learning_rate=0.001 * (1 + position), epochs=20 + position % 21, images=200
        )
        for position in range(number)
    ]


def sweep(folder, number, interruptions, seed=0):
    """Run the sweep in processes of its own, interrupted at random; return a row for each time, and the exit code."""
    chance, rows = random.Random(seed), []
    while True:
        command = [sys.executable, "-m", __spec__.name, "--folder", str(folder), "--runs", str(number)]
        process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL, preexec_fn=hear_ctrl_c)
        while len(rows) < interruptions and (training := in_the_middle(process, folder, chance)):
            target, sent = chance.choice(WAYS)
            if target == "worker":
                training = [chance.choice(training)]
                training[0].send_signal(sent)
            else:
                process.send_signal(sent)
                process.wait()
            rows.append(
                {"interruption": len(rows) + 1, "signal": sent.name, "to": f"a {target}"} | left(training, folder)
            )
            print(rows[-1], flush=True)
            if target == "runner":
                break
        else:
            return pd.DataFrame(rows), process.wait()


def in_the_middle(process, folder, chance):
    """Wait until some more runs are recorded, and a little longer; return the processes that train, none at the end."""
    enough, training = len(recorded(folder)) + chance.randrange(1, 6), []
    while process.poll() is None and not (len(recorded(folder)) >= enough and training):
        time.sleep(0.05)
        training = children(process.pid)
    time.sleep(chance.uniform(0, 2))
    return children(process.pid)


def left(training, folder):
    """Return what an interruption left: processes, records, damaged records, epochs in checkpoints."""
    started = time.monotonic()
    ended = gone(training, 60)
    row = {"seconds until gone": round(time.monotonic() - started, 1) if ended else np.inf}
    row |= {"runs recorded": len(recorded(folder)), "damaged": len(records.verify(folder))}
    kept = [epochs(path) for path in (Path(folder) / CHECKPOINTS).glob("*-0.npz")]
    return row | {"runs in backups": len(kept), "epochs in backups": sum(kept)}


def epochs(path):
    """Return the number of epochs in a checkpoint, 0 if it is just being replaced."""
    try:
        with np.load(path) as file:
            return len(json.loads(str(file["progress"]))["history"]["loss"])
    except FileNotFoundError:
        return 0


def recorded(folder):
    """Return the files of the records."""
    return [path for path in Path(folder).rglob("*.json") if not path.name.startswith(".")]


def differences(one, other):
    """Return the labels of the records that are not equal, bit for bit."""

    def learned(record):
        return record.status, record.weights_sha256, {**record.history, "seconds": 0}, record.metrics

    first, second = (records.load(folder).set_index("experiment").record for folder in (one, other))
    same = first.index.equals(second.index) and first.index.is_unique
    return [name for name in first.index if not same or learned(first[name]) != learned(second[name])]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--interruptions", type=int, default=20)
    parser.add_argument("--folder", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.folder:
        run(experiments(options.runs), 1, folder=options.folder, progress=False)
        return 0
    with tempfile.TemporaryDirectory() as alone, tempfile.TemporaryDirectory() as interrupted:
        started = time.monotonic()
        sweep(alone, options.runs, 0)
        middle = time.monotonic()
        rows, code = sweep(interrupted, options.runs, options.interruptions)
        found, different = records.load(interrupted), differences(alone, interrupted)
        resumed = [max(record.stop["resumed_after"]) for record in found.record if record.stop["resumed_after"]]
        seconds = f"{middle - started:.0f} s alone, {time.monotonic() - middle:.0f} s interrupted {len(rows)} times"
    told = f"{len(found)} of {options.runs} runs recorded, {len(resumed)} of them resumed from a checkpoint, "
    told += f"which saved {sum(resumed)} epochs ({seconds}); "
    told += f"{len(different)} records differ from those of the sweep left alone."
    print(told, f"Exit code {code}. {different}")
    write_table(rows, "interrupted_sweep", told)
    whole = len(found) == options.runs and len(rows) == options.interruptions and not different and code == 0
    return int(not (whole and (rows["seconds until gone"] <= SECONDS_TO_END).all() and (rows["damaged"] == 0).all()))


if __name__ == "__main__":
    sys.exit(main())
