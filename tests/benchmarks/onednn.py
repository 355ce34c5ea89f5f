"""What oneDNN's kernels are worth on this processor in float32, side by side. By hand, on an idle machine.

    python -m tests.benchmarks.onednn [ROUNDS]      # writes onednn.csv

TensorFlow leaves them off where the processor lacks AVX-512's VNNI, as most laptops do; `start_keras` switches
them on everywhere. Training steps as in throughput.py, one worker a core, medians of the rounds.
"""

import os
import sys
from statistics import median

import pandas as pd

from cnnhelpers import environment
from tests.benchmarks.tables import write_table
from tests.benchmarks.throughput import IMAGES, ROUNDS, at_once

NETWORKS = [name for name in IMAGES if name != "C72"]  # which takes minutes a round without AVX-512
WAYS = {"without": "0", "with oneDNN": "1"}


def onednn_table(rounds: int) -> pd.DataFrame:
    """Return images a second of training steps without and with oneDNN, and the median ratio."""
    rows = []
    for name in NETWORKS:
        speed = {way: [] for way in WAYS}
        for _ in range(rounds):
            for way, switch in WAYS.items():
                os.environ["TF_ENABLE_ONEDNN_OPTS"] = switch
                answers = at_once((name,), "float32", whole=False)
                speed[way].append(sum(one[name]["images_per_second"] for one in answers))
        ratio = median(after / before for before, after in zip(*speed.values(), strict=True))
        rows.append(
            {"network": name}
            | {f"{way}, images/s": round(median(values)) for way, values in speed.items()}
            | {"ratio": f"{ratio:.1f}"}
        )
        print(rows[-1], flush=True)
    return pd.DataFrame(rows)


if __name__ == "__main__":
    table = onednn_table(int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS)
    write_table(table, "onednn", f"The processor's widest vectors are {environment.vectors().upper()}.")
