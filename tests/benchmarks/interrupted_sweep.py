"""A hundred small experiments, interrupted twenty times at random, against the same sweep left alone.

python tests/benchmarks/interrupted_sweep.py [--runs 100] [--interruptions 20] [--memory]

Exits with 1 if any record differs in its weights, its history (but for seconds) or its metrics. With --memory it
trains 200 runs in sequence instead and prints how the memory of the runner grows.
"""

import argparse
import random
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import psutil

from cnnhelpers import records
from cnnhelpers.runner import run

sys.path.insert(0, str(Path(__file__).parents[2]))
from tests.faults.networks import backed_up
from tests.faults.processes import children, gone
from tests.tiny import hear_ctrl_c

SIGNALS = (signal.SIGTERM, signal.SIGKILL, signal.SIGINT)


def experiments(number):
    """Return `number` different experiments on digits that are backed up after each of a few epochs."""
    return [
        replace(backed_up(id=f"e{position}"), study="sweep").change(
            learning_rate=0.001 * (1 + position), epochs=3 + position % 5, images=200
        )
        for position in range(number)
    ]


def sweep(folder, number, interruptions, seed=0):
    """Run the sweep in processes of its own until one ends by itself, `interruptions` of them stopped by a signal."""
    chance, sent = random.Random(seed), []
    while True:
        command = [sys.executable, __file__, "--folder", str(folder), "--runs", str(number)]
        process = subprocess.Popen(command, stderr=subprocess.DEVNULL, preexec_fn=hear_ctrl_c)
        if len(sent) == interruptions:
            return sent, process.wait()
        before = len(list(Path(folder).rglob("*.json")))
        while process.poll() is None and len(list(Path(folder).rglob("*.json"))) <= before + chance.randrange(4):
            time.sleep(0.05)
        time.sleep(chance.random())
        training = children(process.pid)
        sent.append(chance.choice(SIGNALS))
        process.send_signal(sent[-1])
        process.wait()
        assert gone(training, 60), "an orphan is left"


def differences(one, other):
    """Return the labels of the records that are not equal, bit for bit."""

    def learned(record):
        return record.status, record.weights_sha256, {**record.history, "seconds": 0}, record.metrics

    first, second = (records.load(folder).set_index("experiment").record for folder in (one, other))
    same = first.index.equals(second.index) and first.index.is_unique
    return [name for name in first.index if not same or learned(first[name]) != learned(second[name])]


def growth(runs):
    """Print the memory of this process after the first run and after `runs` of them, in MB."""
    process, folder = psutil.Process(), tempfile.mkdtemp()
    few = experiments(1)[0].change(epochs=1)
    run(few, 1, workers=1, folder=folder, progress=False)
    before = process.memory_info().rss
    run(few, runs, workers=1, folder=folder, progress=False)
    print(f"after 1 run {before / 2**20:.0f} MB, after {runs} {process.memory_info().rss / 2**20:.0f} MB")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--interruptions", type=int, default=20)
    parser.add_argument("--memory", action="store_true")
    parser.add_argument("--folder", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.memory:
        return growth(200)
    if options.folder:
        run(experiments(options.runs), 1, folder=options.folder, progress=False)
        return None
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
        started = time.monotonic()
        sweep(one, options.runs, 0)
        alone = time.monotonic() - started
        sent, code = sweep(other, options.runs, options.interruptions)
        resumed = sum(bool(record.stop.get("resumed_after")) for record in records.load(other).record)
        different = differences(one, other)
        print(f"{options.runs} runs in {alone:.0f} s; {len(sent)} interruptions {[one.name for one in sent]}: "
              f"{time.monotonic() - started - alone:.0f} s, last exit code {code}, {resumed} records resumed from a "
              f"backup, {len(records.load(other))} records, {len(different)} different {different}")  # fmt: skip
        return int(bool(different) or code != 0 or len(records.load(other)) != options.runs)


if __name__ == "__main__":
    sys.exit(main())
