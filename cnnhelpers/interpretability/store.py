"""Train and measure runs once, keep the measures next to the records, and tabulate them without data or training.

A file is representations/experiment-identity-seed.measures.npz below the records. It has no image of a dataset.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from itertools import combinations, product
from pathlib import Path
from typing import Any

import cloudpickle
import numpy as np
import pandas as pd

from cnnhelpers import data, environment, records
from cnnhelpers.atomic import load_npz, replace_file
from cnnhelpers.data import Part, pad, split
from cnnhelpers.errors import InputError
from cnnhelpers.execution import THREADS, PlannedRun, WorkerPool, plan
from cnnhelpers.experiments import Experiment
from cnnhelpers.interpretability.metrics import cka

Measures = dict[str, np.ndarray]  # see measure.measure

SCHEMA = 1  # of the files; those of another schema are measured again
MOST_IMAGES = 2000  # of the training and of the test part
FOLDER, SUFFIX = "representations", ".measures.npz"
MOMENTS = ("before training", "after training")


def measure_runs(
    experiments: Experiment | Sequence[Experiment],
    seeds: int | Iterable[int] = 1,
    *,
    train: bool = True,
    workers: int | None = None,
    folder: Path | str | None = None,
) -> dict[str, list[Measures]]:
    """Return the measures of each seed of experiments by id, from their files; train and measure runs without a file.

    Such a training has the weights of the training by `run`, and is recorded unless the run is. Arguments are those of
    `run`. Measures are as measure.measure returns, and "about", JSON text: identity, seed, fingerprint of the data,
    hash of the weights and versions.

    Raises InputError for bad arguments, a damaged file, missing data, a run that diverges, or, without `train`, a run
    without a file.
    """
    experiments = [experiments] if isinstance(experiments, Experiment) else list(experiments)
    if not experiments:
        raise InputError("no experiments to measure: [] was given, expected one or more")
    folder = Path(folder) if folder is not None else records.default_folder()
    runs = plan(experiments, seeds, folder)
    missing = [cloudpickle.dumps(run) for run in runs if not _is_measured(_path(run, folder))]
    if missing and not train:
        raise InputError(f"{len(missing)} of {len(runs)} runs are not measured: pass train=True to train them")
    if missing:
        with closing(WorkerPool(min(workers or environment.cores(), len(missing)))) as pool:
            for future in [pool.submit(_train_and_measure, run, folder) for run in missing]:
                future.result()
    return {
        experiment.id: [_load(_path(run, folder)) for run in runs if run.experiment.id == experiment.id]
        for experiment in experiments
    }


def overview(measures: Mapping[str, Sequence[Measures]], folder: Path | str | None = None) -> pd.DataFrame:
    """Return seeds, images, accuracy (mean over seeds, on these images) and "weights as recorded" of each experiment.

    The last is the number of runs whose weights equal those of the recorded run bit for bit. Another kind of processor
    or an older version of the training changes bits.
    """
    index = records.index(folder or records.default_folder())

    def as_recorded(about: dict[str, Any]) -> bool:
        path = index.get((about["identity"], about["seed"]))
        return path is not None and records.load_record(path).weights_sha256 == about["weights_sha256"]

    rows = [
        {
            "experiment": experiment,
            "seeds": len(runs),
            "images": len(runs[0]["labels"]),
            "accuracy": np.mean([np.mean(run["predicted"] == run["labels"]) for run in runs]),
            "weights as recorded": sum(as_recorded(_about(run)) for run in runs),
        }
        for experiment, runs in measures.items()
    ]
    return pd.DataFrame(rows).set_index("experiment")


def explained_images(experiment: Experiment, measures: Measures) -> np.ndarray | None:
    """Return the explained test images of a run, (num_shown, height, width, channels); None without the data."""
    name, about = experiment.protocol.dataset, _about(measures)
    if not data.is_local(name) or data.info(name).fingerprint != about["fingerprint"]:
        return None
    parts, padding = _parts(experiment, about["seed"]), experiment.protocol.padding
    return _first_images(parts.test, padding)[0][measures["shown"]]


def by_layer(measures: Mapping[str, Iterable[Measures]], metric: str) -> pd.DataFrame:
    """Return a metric of every layer as a tidy table: network, seed (a count), layer, moment, value; NaN left out.

    Metrics are "probe", "silhouette", "dead", "moran" (of both moments), "moved" and "kept".
    """
    rows = []
    for network, runs in measures.items():
        for seed, run in enumerate(runs):
            values = np.atleast_2d(run[metric])
            moments = MOMENTS if len(values) == 2 else MOMENTS[1:]
            rows += [
                {"network": network, "seed": seed, "layer": layer, "moment": moment, "value": float(value)}
                for moment, of_layers in zip(moments, values, strict=True)
                for layer, value in zip(_layers_of(run, metric), of_layers, strict=True)
            ]
    return pd.DataFrame(rows).dropna(subset="value").reset_index(drop=True)


def similarity(first: Iterable[Measures], second: Iterable[Measures] | None = None) -> np.ndarray:
    """Return the mean CKA between layers of different runs, (num_layers, num_layers of the second).

    The mean is over all pairs of different runs of `first`, in both orders, so that the matrix is symmetric; or over
    every run of `first` with every run of `second`. A single run is compared with itself, layer by layer. InputError
    for runs on different test images.
    """
    matrix = np.mean([_cka_matrix(*pair) for pair in _pairs(first, second)], axis=0)
    return matrix if second is not None else (matrix + matrix.T) / 2


def similarity_to_baseline(measures: Mapping[str, Sequence[Measures]], baseline: str) -> pd.DataFrame:
    """Return the CKA of each layer with the same layer of the baseline: network, layer, value, a row a pair of runs.

    Layers are those that all networks have, by name. The rows of the baseline compare its different seeds: a layer with
    a lower CKA than that differs by more than chance.
    """
    names = {network: [str(layer) for layer in runs[0]["layers"]] for network, runs in measures.items()}
    shared = [layer for layer in names[baseline] if all(layer in layers for layers in names.values())]
    rows = []
    for network, runs in measures.items():
        for pair in _pairs(measures[baseline], None if network == baseline else runs):
            table = pd.DataFrame(_cka_matrix(*pair), names[baseline], names[network])
            rows += [{"network": network, "layer": layer, "value": table.loc[layer, layer]} for layer in shared]
    return pd.DataFrame(rows)


def sanity_checks(runs: Iterable[Measures]) -> pd.DataFrame:
    """Return the sanity checks of several runs of a network as a tidy table: layer, map, value.

    `layer` is the last layer with shuffled weights, from the output down; see attribution.sanity_check.
    """
    rows = []
    for run in runs:
        layers = ["none", *(str(layer) for layer in run["layers"][:0:-1])]
        for name, values in zip(("saliency", "Grad-CAM"), run["sanity"], strict=True):
            rows += [{"layer": layer, "map": name, "value": value} for layer, value in zip(layers, values, strict=True)]
    return pd.DataFrame(rows)


def add_moran(runs: pd.DataFrame, folder: Path | str | None = None) -> pd.DataFrame:
    """Return runs with the columns first_filters_moran and last_filters_moran, NaN for runs that were not measured.

    They are the means of Moran's I over the slices of the first and of the last convolution after training: metrics
    that test "deeper filters show more condensed patterns" in `claims`.
    """
    folder = Path(folder) if folder is not None else records.default_folder()
    paths, missing = records.index(folder / FOLDER, SUFFIX), np.full(2, np.nan)
    keys = list(zip(runs["identity"], runs["seed"], strict=True))
    values = [_load(paths[key])["moran"][1] if key in paths else missing for key in keys]
    columns = {"first_filters_moran": 0, "last_filters_moran": -1}
    return runs.assign(**{column: [float(of_run[i]) for of_run in values] for column, i in columns.items()})


def _train_and_measure(payload: bytes, folder: Path) -> None:
    """Train and measure a run in this worker process, and write the measures and, if it is missing, the record.

    The lock is that of the run (records.RunLocks): no other process trains, records or measures it meanwhile.
    """
    environment.start_keras()
    from cnnhelpers.interpretability.measure import measure
    from cnnhelpers.training import prepare, train

    run: PlannedRun = cloudpickle.loads(payload)
    (identity, seed), path, padding = run.key, _path(run, folder), run.experiment.protocol.padding
    locks = folder / records.CHECKPOINTS
    locks.mkdir(parents=True, exist_ok=True)
    with records.locked(locks / f"{identity}-{seed}.lock"):
        if _is_measured(path):  # by another process in the meantime
            return
        model, record, arrays = train(run.experiment, seed, text=run.text, threads=THREADS)
        if run.key not in records.index(folder):
            records.write(record, folder, arrays)
        if record.status != "done":
            raise InputError(f"{run.experiment.id} with seed {seed} cannot be measured: it {record.stop['reason']}")
        parts = _parts(run.experiment, seed)
        initial = prepare(run.experiment, parts.train, model.output_shape[-1], seed)
        about = {"schema": SCHEMA, "identity": identity, "seed": seed, "fingerprint": record.data["fingerprint"]}
        about |= {"weights_sha256": record.weights_sha256, "versions": environment.versions()}
        measures = measure(model, initial, *(_first_images(part, padding) for part in (parts.train, parts.test)))
        measures["about"] = np.array(json.dumps(about))
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, lambda file: np.savez_compressed(file, **measures))


def _parts(experiment: Experiment, seed: int) -> data.Split:
    protocol = experiment.protocol
    return split(data.load(protocol.dataset), protocol.split, seed, protocol.images)


def _first_images(part: Part, padding: str | None) -> tuple[np.ndarray, np.ndarray]:
    """Return the first images of a part, padded as in the run, and their labels."""
    chosen = part.indices[:MOST_IMAGES]
    images = part.images[chosen]
    return (pad(images, padding) if padding else images), part.labels[chosen]


def _pairs(first: Iterable[Measures], second: Iterable[Measures] | None) -> list[tuple[Measures, Measures]]:
    """Return every pair of different runs of `first`, a single run with itself, or of a run of each."""
    if second is not None:
        return list(product(first, second))
    first = list(first)
    return list(combinations(first, 2)) or [(first[0], first[0])]


def _cka_matrix(first: Measures, second: Measures) -> np.ndarray:
    if not np.array_equal(first["labels"], second["labels"]):
        raise InputError("CKA compares outputs for the same images, and these runs were measured on other test images")
    return np.array([[cka(row, column) for column in second["similarities"]] for row in first["similarities"]])


def _layers_of(measures: Measures, metric: str) -> list[str]:
    """Return the names of the layers for which a metric has values."""
    layers = [str(layer) for layer in measures["layers"]]
    if metric == "moran":
        return [layer for layer in layers if layer.startswith("convolution")]
    return layers[1:] if metric in ("moved", "weights") else layers


def _path(run: PlannedRun, folder: Path) -> Path:
    identity, seed = run.key
    return folder / FOLDER / f"{records.slug(run.experiment.id)}-{identity}-{seed}{SUFFIX}"


def _is_measured(path: Path) -> bool:
    return path.exists() and _about(_load(path))["schema"] == SCHEMA


def _about(measures: Measures) -> dict[str, Any]:
    return json.loads(str(measures["about"]))


def _load(path: Path) -> Measures:
    try:
        return load_npz(path)
    except InputError as error:
        raise InputError(f"{error}; delete it and run again") from error
