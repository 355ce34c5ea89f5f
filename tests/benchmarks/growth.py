"""How loading and a chapter's tables grow with the number of recorded runs, and what an import costs. By hand.

python -m tests.benchmarks.growth
"""

import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from cnnhelpers import compare_all, histories, records, summary

NUMBERS = (10, 100, 1_000, 10_000)
IMPORTS = ("cnnhelpers", "cnnhelpers.figures", "cnnhelpers.chapters", "cnnhelpers.claim_tables")


def fill(folder: Path, number: int) -> None:
    """Write `number` records like A1's into `folder`, seeds counted up in ten experiments."""
    recorded = records.load(study="regularization").record
    template = next(record for record in recorded if record.labels["experiment"] == "A1")
    for position in range(number):
        labels = template.labels | {"experiment": f"N{position % 10}"}
        records.write(replace(template, identity=f"{position % 10:016x}", seed=position // 10, labels=labels), folder)


def seconds_to_import(module: str) -> float:
    """Return the seconds that a fresh Python takes to import `module`; it must not bring TensorFlow along."""
    code = f"import sys, {module}; assert 'tensorflow' not in sys.modules and 'keras' not in sys.modules"
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True)
    return time.perf_counter() - started


if __name__ == "__main__":
    for module in IMPORTS:
        print(f"import {module}: {min(seconds_to_import(module) for _ in range(3)):.2f} s")
    for number in NUMBERS:
        with tempfile.TemporaryDirectory() as name:
            fill(Path(name), number)
            marks = [time.perf_counter()]
            runs = records.load(name)
            marks.append(time.perf_counter())
            summary(runs), histories(runs), compare_all(runs, [("N0", "N1"), ("N2", "N3")], 0.003)
            marks.append(time.perf_counter())
        print(f"{number} records: load {marks[1] - marks[0]:.2f} s, tables {marks[2] - marks[1]:.2f} s")
