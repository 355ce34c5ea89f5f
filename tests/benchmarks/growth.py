"""How loading and a chapter's tables grow with the number of recorded runs, and what an import costs. By hand.

python -m tests.benchmarks.growth
"""

import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import pandas as pd

from cnnhelpers import compare_all, histories, records, summary
from tests.benchmarks.tables import write_table

ROUNDS = 5
NUMBERS = (10, 100, 1_000, 10_000)
IMPORTS = ("cnnhelpers", "cnnhelpers.plotting.curves", "cnnhelpers.book.chapters.models")


def fill(folder: Path, number: int) -> None:
    """Write `number` records like A1's into `folder`, seeds counted up in ten experiments."""
    recorded = records.load(study="regularization").record
    template = next(record for record in recorded if record.labels["experiment"] == "A1")
    for position in range(number):
        labels = template.labels | {"experiment": f"N{position % 10}"}
        records.write(replace(template, identity=f"{position % 10:016x}", seed=position // 10, labels=labels), folder)


def seconds_to_import(module: str) -> float:
    """Return the seconds that a fresh Python takes to import `module`; it must not bring TensorFlow along."""
    code = f"import sys, {module}; assert not {{'tensorflow', 'keras.src'}} & set(sys.modules)"  # keras: on first use
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True)
    return time.perf_counter() - started


def seconds_at(number: int) -> dict[str, float]:
    """Return the seconds that `number` records take to load, and a chapter's tables from them."""
    with tempfile.TemporaryDirectory() as name:
        fill(Path(name), number)
        marks = [time.perf_counter()]
        runs = records.load(name)
        marks.append(time.perf_counter())
        summary(runs), histories(runs), compare_all(runs, [("N0", "N1"), ("N2", "N3")], 0.003)
        marks.append(time.perf_counter())
    return {"load": marks[1] - marks[0], "tables": marks[2] - marks[1]}


if __name__ == "__main__":
    imports = [(f"import {module}", min(seconds_to_import(module) for _ in range(3))) for module in IMPORTS]
    growth = []
    for number in NUMBERS:
        rounds = pd.DataFrame([seconds_at(number) for _ in range(ROUNDS if number < max(NUMBERS) else 1)])
        growth.append({"records": f"{number:,}"} | {f"{what}, s": f"{rounds[what].median():.2f}" for what in rounds})
        print(growth[-1], flush=True)
    write_table(pd.DataFrame(growth), "growth")
    write_table(pd.DataFrame([(name, f"{seconds:.2f}") for name, seconds in imports], columns=["", "s"]), "imports")
    print(imports)
