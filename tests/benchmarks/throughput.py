"""Training speed, side by side: plain `model.fit` against how `run` trains. By hand, on an idle machine.

    python -m tests.benchmarks.throughput [ROUNDS]      # writes book/benchmarks/throughput.csv

Each round starts fresh processes: one with plain Keras (float32 arrays, default threads), then as many at once as
there are cores, each training as a worker of `run` does, with products in float32 and in bfloat16. Medians of the
rounds. Compilation is not timed.
"""

import json
import os
import subprocess
import sys
import time
from dataclasses import replace
from statistics import median

import pandas as pd

from cnnhelpers import environment, studies
from cnnhelpers.child import WORKER_ENVIRONMENT
from tests.benchmarks.tables import write_table

ROUNDS = 5
IMAGES = {"A1": 25_600, "A2": 25_600, "D10-10": 1_920, "C72": 1_280}  # an epoch of some seconds
WAYS = ("plain fit", "float32", "bfloat16")


def plain(name: str) -> tuple[float, float]:
    """Return images a second of `model.fit` on float32 arrays, as a notebook would call it, and FLOPs an image."""
    import keras
    import numpy as np

    from cnnhelpers import data
    from cnnhelpers.summaries import flops

    (experiment,) = studies.find(name)
    dataset = data.load(experiment.protocol.dataset)
    scale = 255 if experiment.protocol.scaling == "unit" else 1
    images = dataset.train_images[: IMAGES[name]].astype(np.float32) / scale
    labels = dataset.train_labels[: IMAGES[name]]
    model = experiment.build(images.shape[1:], len(dataset.class_names))
    model.compile(
        optimizer=keras.optimizers.Adam(experiment.protocol.learning_rate),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )

    def epoch() -> None:
        model.fit(images, labels, batch_size=experiment.protocol.batch_size, verbose=0)

    return timed(epoch, len(images)), 3 * flops(model)


def ours(name: str, precision: str) -> tuple[float, float]:
    """Return images a second of an epoch as training.fit runs it, and FLOPs an image."""
    import numpy as np

    from cnnhelpers import data, training
    from cnnhelpers.inputs import batches, gathered
    from cnnhelpers.precision import products_in
    from cnnhelpers.splits import split
    from cnnhelpers.summaries import flops

    (experiment,) = studies.find(name)
    experiment = replace(experiment, protocol=replace(experiment.protocol, precision=precision))
    dataset = data.load(experiment.protocol.dataset)
    part = split(dataset, experiment.protocol.split, 0).train
    order = np.random.default_rng(0).permutation(len(part))[: IMAGES[name]]
    with products_in(precision):
        model = training.prepare(experiment, part, len(dataset.class_names), 0)

        def epoch() -> None:
            images = batches(*gathered(part, order=order), batch_size=experiment.protocol.batch_size)
            model.fit(**images, shuffle=False, verbose=0)

        with training.faster_layers(model):
            return timed(epoch, len(order)), 3 * flops(model)


def timed(epoch, images: int) -> float:
    """Return images a second of the second of two epochs: the first one compiles."""
    epoch()
    started = time.perf_counter()
    epoch()
    return images / (time.perf_counter() - started)


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


def at_once(name: str, way: str, processes: int) -> dict[str, float]:
    """Return images a second of all processes together, and FLOPs an image and the matmul rate of one."""
    threads = {} if way == "plain fit" else WORKER_ENVIRONMENT
    command = [sys.executable, "-m", "tests.benchmarks.throughput", "--one", name, way]
    started = [
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ | threads) for _ in range(processes)
    ]
    answers = [json.loads(process.communicate()[0].splitlines()[-1]) for process in started]
    return {"images_per_second": sum(one["images_per_second"] for one in answers), **answers[0]["about"]}


def ratio(plain: list[dict[str, float]], ours: list[dict[str, float]]) -> list[float]:
    """Return how many times faster ours was, round by round."""
    speed = "images_per_second"
    return [second[speed] / first[speed] for first, second in zip(plain, ours, strict=True)]


def one(name: str, way: str) -> dict[str, object]:
    """Measure in this process."""
    environment.import_keras_quietly()
    speed, cost = plain(name) if way == "plain fit" else ours(name, way)
    return {"images_per_second": speed, "about": {"flops": cost, "matmul": matmul_rate()}}


def main(rounds: int) -> None:
    """Measure every network in every way, `rounds` times, and write the medians."""
    cores = environment.cores()
    rows = []
    for name in IMAGES:
        found = {way: [] for way in WAYS}
        for _ in range(rounds):
            for way in WAYS:
                found[way].append(at_once(name, way, 1 if way == "plain fit" else cores))
        speed = {way: median(one["images_per_second"] for one in found[way]) for way in WAYS}
        ratios = [median(ratio(found["plain fit"], found[way])) for way in WAYS[1:]]
        limit = cores * median(one["matmul"] for one in found["float32"])
        share = [speed[way] * found[way][0]["flops"] / limit for way in WAYS]
        rows.append(
            {"network": name}
            | {f"{way}, images/s": round(speed[way]) for way in WAYS}
            | {f"{way} / plain": f"{ratio:.1f}" for way, ratio in zip(WAYS[1:], ratios, strict=True)}
            | {f"{way}, share of matmul rate": f"{100 * value:.0f} %" for way, value in zip(WAYS, share, strict=True)}
        )
        print(rows[-1], flush=True)
    write_table(pd.DataFrame(rows), "throughput")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        print(json.dumps(one(*sys.argv[2:4])))
    else:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS)
