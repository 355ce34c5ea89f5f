"""Training speed, side by side: plain `model.fit` against how `run` trains. By hand, on an idle machine.

    python -m tests.benchmarks.throughput [ROUNDS]      # writes throughput.csv, matmul.csv and report_a.csv

Each round starts fresh processes: one with plain Keras (float32 arrays, default threads), then as many at once as
there are cores, each training as a worker of `run` does, with products in float32 and in bfloat16. Medians of the
rounds. Compilation is not timed.

The first table compares training steps alone: images a second from the first to the last batch of an epoch. The second
compares epochs of report A's networks as a user waits for them, validation and Keras' own pauses included.
"""

import json
import os
import subprocess
import sys
import time
from statistics import median
from typing import Any

import pandas as pd

from cnnhelpers import environment
from cnnhelpers.execution.worker_process import WORKER_ENVIRONMENT
from cnnhelpers.reports import catalog as studies
from tests.benchmarks.tables import write_table

ROUNDS = 5
IMAGES = {"A1": 25_600, "A2": 25_600, "D10-10": 1_920, "C72": 1_280}  # steps of some seconds
WARM_UP = 1_000  # images
REPORT_A = tuple(f"A{number}" for number in range(1, 9))
WAYS = ("plain fit", "float32", "bfloat16")
SHARE = ", share of matmul rate"


def plain(name: str, images: int | None) -> dict[str, float]:
    """Measure `model.fit` on float32 arrays, as a notebook would call it; on a part of the images, or all of them."""
    import keras
    import numpy as np

    from cnnhelpers.data import datasets as data
    from cnnhelpers.model_summary import flops

    (experiment,) = studies.find(name)
    dataset = data.load(experiment.protocol.dataset)
    scale = 255 if experiment.protocol.scaling == "unit" else 1
    inputs = dataset.train_images[:images].astype(np.float32) / scale
    model = experiment.build(inputs.shape[1:], len(dataset.class_names))
    model.compile(
        optimizer=keras.optimizers.Adam(experiment.protocol.learning_rate),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    options = {"batch_size": experiment.protocol.batch_size, "verbose": 0}
    options |= {"validation_split": 0.15} if images is None else {}

    def epoch(count: int, callback: keras.callbacks.Callback) -> None:
        model.fit(inputs[:count], dataset.train_labels[:count], callbacks=[callback], **options)

    return timed(epoch, len(inputs)) | {"flops": 3 * flops(model)}


def ours(name: str, precision: str, images: int | None) -> dict[str, float]:
    """Measure an epoch as training.fit runs it; on a part of the images, or all of them."""
    import keras
    import numpy as np

    from cnnhelpers.data import datasets as data
    from cnnhelpers.data.splits import split
    from cnnhelpers.model_summary import flops
    from cnnhelpers.training import trainer as training
    from cnnhelpers.training.fast_layers import fast_kernels
    from cnnhelpers.training.pipeline import EVALUATION_BATCH, batches, gathered
    from cnnhelpers.training.precision import products_in

    (experiment,) = studies.find(name)
    experiment = experiment.change(precision=precision)
    dataset = data.load(experiment.protocol.dataset)
    parts = split(dataset, experiment.protocol.split, 0)
    order = np.random.default_rng(0).permutation(len(parts.train))[:images]
    with products_in(precision) as used:
        model = training.prepare(experiment, parts.train, len(dataset.class_names), 0)

        def epoch(count: int, callback: keras.callbacks.Callback) -> None:
            arrays = gathered(parts.train, order=order[:count])
            options = {"shuffle": False, "verbose": 0, "callbacks": [callback]}
            model.fit(**batches(*arrays, batch_size=experiment.protocol.batch_size), **options)
            if images is None:
                validation = batches(*gathered(parts.validation), batch_size=EVALUATION_BATCH)
                model.evaluate(**validation, verbose=0)

        with fast_kernels(model, used):
            return timed(epoch, len(order)) | {"flops": 3 * flops(model)}


def timed(epoch, images: int) -> dict[str, float]:
    """Return the seconds of an epoch, and the images a second of its steps, once a short epoch has compiled it all."""
    import keras

    class Steps(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch: int, logs: object = None) -> None:
            self.started = time.perf_counter()

        def on_train_batch_end(self, batch: int, logs: object = None) -> None:
            self.seconds = time.perf_counter() - self.started

    epoch(WARM_UP, Steps())
    steps, started = Steps(), time.perf_counter()
    epoch(images, steps)
    return {"epoch_seconds": time.perf_counter() - started, "images_per_second": images / steps.seconds}


def matmul_rate() -> float:
    """Return FLOP/s of float32 products of 2048 x 2048 matrices in this process, with its threads."""
    import keras

    size, repeats = 2048, 10
    a = keras.random.normal((size, size))
    keras.ops.convert_to_numpy(keras.ops.matmul(a, a))
    started = time.perf_counter()
    for _ in range(repeats):
        b = keras.ops.matmul(a, a)
    keras.ops.convert_to_numpy(b)
    return repeats * 2 * size**3 / (time.perf_counter() - started)


def at_once(names: tuple[str, ...], way: str, whole: bool) -> list[dict[str, Any]]:
    """Return what each of the processes that run at once measured: one for plain fit, else one a core."""
    processes = 1 if way == "plain fit" else environment.cores()
    threads = {} if way == "plain fit" else WORKER_ENVIRONMENT
    command = [sys.executable, "-m", "tests.benchmarks.throughput", "--one", way, str(int(whole)), *names]
    started = [
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ | threads) for _ in range(processes)
    ]
    return [json.loads(process.communicate()[0].splitlines()[-1]) for process in started]


def here(way: str, whole: bool, names: list[str]) -> dict[str, Any]:
    """Measure in this process."""
    environment.start_keras()
    images = {name: None if whole else IMAGES[name] for name in names}
    found = {name: plain(name, images[name]) if way == WAYS[0] else ours(name, way, images[name]) for name in names}
    return found | {"matmul": matmul_rate()}


def steps_table(rounds: int) -> pd.DataFrame:
    """Return images a second of training steps, their ratio to plain fit, and their share of the matmul rate."""
    rows = []
    for name in IMAGES:
        speed, limits = {way: [] for way in WAYS}, []
        for _ in range(rounds):
            for way in WAYS:
                answers = at_once((name,), way, whole=False)
                speed[way].append(sum(one[name]["images_per_second"] for one in answers))
            limits.append(sum(one["matmul"] for one in answers))
        flops = answers[0][name]["flops"]
        ratios = {way: median(b / a for a, b in zip(speed[WAYS[0]], speed[way], strict=True)) for way in WAYS[1:]}
        rows.append(
            {"network": name}
            | {f"{way}, images/s": round(median(speed[way])) for way in WAYS}
            | {f"{way} / plain": f"{ratio:.1f}" for way, ratio in ratios.items()}
            | {f"{way}{SHARE}": f"{median(speed[way]) * flops / median(limits):.0%}" for way in WAYS}
        )
        print(rows[-1], flush=True)
    return pd.DataFrame(rows)


def report_a_table(rounds: int) -> pd.DataFrame:
    """Return the epochs an hour of each network of report A, validation included, and of all of them together."""
    rates = {way: [] for way in WAYS}  # one dict a round: network -> epochs an hour of all processes
    for _ in range(rounds):
        for way in WAYS:
            answers = at_once(REPORT_A, way, whole=True)
            seconds = pd.DataFrame(
                [{name: one[name]["epoch_seconds"] for name in REPORT_A} for one in answers], dtype=float
            )
            seconds["all eight"] = seconds.sum(axis=1)
            rates[way].append(3600 / seconds.mean() * len(answers))
        print({way: round(rates[way][-1]["all eight"], 1) for way in WAYS}, flush=True)
    table = pd.DataFrame({way: pd.DataFrame(rates[way]).median() for way in WAYS})
    ratios = {
        f"{way} / plain": (pd.DataFrame(rates[way]) / pd.DataFrame(rates[WAYS[0]])).median().map("{:.1f}".format)
        for way in WAYS[1:]
    }
    table = table.map("{:.0f}".format).assign(**ratios).rename(columns={way: f"{way}, epochs/h" for way in WAYS})
    return table.rename_axis("network").reset_index()


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        print(json.dumps(here(sys.argv[2], sys.argv[3] == "1", sys.argv[4:])))
    else:
        asked = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
        steps = steps_table(asked).set_index("network")
        shares = steps.filter(like=SHARE)
        write_table(steps.drop(columns=shares.columns).reset_index(), "throughput")
        write_table(shares.rename(columns=lambda name: name.removesuffix(SHARE)).reset_index(), "matmul")
        write_table(report_a_table(asked), "report_a")
