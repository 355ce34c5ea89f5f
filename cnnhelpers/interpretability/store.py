"""What is kept of the representations of a run: small arrays, measured once on its trained model.

A file lies beside the records as representations/experiment-identity-seed.measures.npz, so that every figure can be
drawn without the data and without training. No image of a dataset is in it.
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
from cnnhelpers.atomic import replace_file
from cnnhelpers.data import Part, pad, split
from cnnhelpers.errors import InputError
from cnnhelpers.execution import THREADS, Children, Run, plan
from cnnhelpers.experiments import Experiment
from cnnhelpers.interpretability import metrics as representations

Measures = dict[str, np.ndarray]  # see inspection.measure
Images = tuple[np.ndarray, np.ndarray]  # (num_images, height, width, channels) and labels (num_images,)

SCHEMA = 1  # of the files; those of another one are measured again
MOST_IMAGES = 2000  # of a part that are looked at
FOLDER, SUFFIX = "representations", ".measures.npz"
MOMENTS = ("before training", "after training")


def measured(
    experiments: Experiment | Sequence[Experiment],
    seeds: int | Iterable[int] = 1,
    *,
    workers: int | None = None,
    folder: Path | str | None = None,
) -> dict[str, list[Measures]]:
    """Return the measures of runs, from their files where there are such; other runs are trained and measured.

    Such a training is that of `run`, with the same weights, and leaves its record where there is none.

    Parameters
    ----------
    experiments, seeds, workers, folder
        As for runner.run.

    Returns
    -------
    Experiment id to the measures of each seed, see inspection.measure; each with "about", JSON text: identity, seed,
    fingerprint of the data, hash of the weights and versions.

    Raises
    ------
    InputError
        For bad experiments or seeds, a damaged file, data that cannot be had, or a run that diverges.
    """
    experiments = [experiments] if isinstance(experiments, Experiment) else list(experiments)
    folder = Path(folder) if folder is not None else records.default_folder()
    planned = plan(experiments, seeds, folder)
    paths = [_path(one.experiment.id, *one.key, folder) for one in planned]
    missing = [(cloudpickle.dumps(one), folder, path) for one, path in zip(planned, paths, strict=True)
               if not (path.exists() and _about(_read(path))["schema"] == SCHEMA)]  # fmt: skip
    if missing:
        _measure_all(missing, min(workers or environment.cores(), len(missing)))
    found: dict[str, list[Measures]] = {experiment.id: [] for experiment in experiments}
    for one, path in zip(planned, paths, strict=True):
        found[one.experiment.id].append(_read(path))
    return found


def facts(measures: Mapping[str, Sequence[Measures]], folder: Path | str | None = None) -> pd.DataFrame:
    """Return what was measured, one row an experiment.

    Columns: seeds, images, accuracy (mean over seeds, on these images), and in how many runs the weights are, bit for
    bit, those of the recorded run: on another kind of processor, or by an older version of the training, they are not.
    """
    index = records.index(folder or records.default_folder())
    rows = {}
    for experiment, runs in measures.items():
        abouts = [_about(one) for one in runs]
        recorded = [index.get((about["identity"], about["seed"])) for about in abouts]
        hashes = [path and records.read(path).weights_sha256 for path in recorded]
        same = sum(about["weights_sha256"] == one for about, one in zip(abouts, hashes, strict=True))
        accuracy = np.mean([np.mean(one["predicted"] == one["labels"]) for one in runs])
        rows[experiment] = {"seeds": len(runs), "images": len(runs[0]["labels"]), "accuracy": accuracy}
        rows[experiment]["weights as recorded"] = same
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("experiment")


def shown_images(experiment: Experiment, one: Measures) -> np.ndarray | None:
    """Return the explained test images of a run, (num_shown, height, width, channels); None without the data."""
    name, about = experiment.protocol.dataset, _about(one)
    if not data.is_local(name) or data.info(name).fingerprint != about["fingerprint"]:
        return None
    return _images(experiment, about["seed"])[1][0][one["shown"]]


def by_layer(measures: Mapping[str, Iterable[Measures]], name: str) -> pd.DataFrame:
    """Return a measure of every layer as a tidy table: network, seed (a count), layer, moment, value; NaN left out.

    Parameters
    ----------
    measures
        Network to the measures of its runs.
    name
        "probe", "silhouette", "dead", "moran" (of both moments), "moved" or "kept".
    """
    rows = []
    for network, runs in measures.items():
        for seed, one in enumerate(runs):
            layers = _layers_of(one, name)
            values = one[name] if one[name].ndim == 2 else [one[name]]
            moments = MOMENTS if len(values) == 2 else MOMENTS[1:]
            for moment, own in zip(moments, values, strict=True):
                rows += [
                    {"network": network, "seed": seed, "layer": layer, "moment": moment, "value": float(value)}
                    for layer, value in zip(layers, own, strict=True)
                ]
    return pd.DataFrame(rows).dropna(subset="value").reset_index(drop=True)


def similarity(first: Iterable[Measures], second: Iterable[Measures] | None = None) -> np.ndarray:
    """Return the mean CKA between layers of different runs, (num_layers, num_layers of the second).

    Of every pair of different runs of `first`, each way round, so that the matrix is symmetric; or of every run of
    `first` with every one of `second`. A single run is compared with itself, layer by layer.

    Raises
    ------
    InputError
        If they were not measured on the same test images.
    """
    matrix = np.mean([_cka_matrix(a, b) for a, b in _pairs(first, second)], axis=0)
    return matrix if second is not None else (matrix + matrix.T) / 2


def alike(measures: Mapping[str, Sequence[Measures]], baseline: str) -> pd.DataFrame:
    """Return CKA of each layer with the same layer of the baseline: network, layer, value, a row a pair of runs.

    Layers are those that all networks have, by name. The baseline's own rows compare its different seeds: a layer that
    is less alike than that differs by more than chance.
    """
    names = {network: [str(layer) for layer in runs[0]["layers"]] for network, runs in measures.items()}
    shared = [layer for layer in names[baseline] if all(layer in own for own in names.values())]
    rows = []
    for network, runs in measures.items():
        for pair in _pairs(measures[baseline], None if network == baseline else runs):
            table = pd.DataFrame(_cka_matrix(*pair), names[baseline], names[network])
            rows += [{"network": network, "layer": layer, "value": table.loc[layer, layer]} for layer in shared]
    return pd.DataFrame(rows)


def sanity_checks(runs: Iterable[Measures]) -> pd.DataFrame:
    """Return the sanity checks of several runs of a network as by_layer draws them: layer, map, value.

    `layer` is the last one whose weights were shuffled, counted from the output down; see explanations.sanity.
    """
    rows = []
    for one in runs:
        places = ["none", *(str(layer) for layer in one["layers"][:0:-1])]
        for name, values in zip(("saliency", "Grad-CAM"), one["sanity"], strict=True):
            rows += [{"layer": place, "map": name, "value": value} for place, value in zip(places, values, strict=True)]
    return pd.DataFrame(rows)


def with_filters(runs: pd.DataFrame, folder: Path | str | None = None) -> pd.DataFrame:
    """Return runs with the columns first_filters_moran and last_filters_moran, NaN for runs that were not measured.

    They are the means of Moran's I over the slices of the first and of the last convolution after training, which
    make "deeper filters show more condensed patterns" a question for `claims`.
    """
    folder = Path(folder) if folder is not None else records.default_folder()
    paths, values = records.index(folder / FOLDER, SUFFIX), []
    for key in zip(runs["identity"], runs["seed"], strict=True):
        after = _read(paths[key])["moran"][1] if key in paths else np.full(2, np.nan)
        values.append((float(after[0]), float(after[-1])))
    first, last = zip(*values, strict=True) if values else ((), ())
    return runs.assign(first_filters_moran=first, last_filters_moran=last)


def _measure_all(missing: list[tuple[bytes, Path, Path]], workers: int) -> None:
    """Train and measure runs in worker processes."""
    with closing(Children(workers)) as children:
        for future in [children.submit(_train_and_measure, *one) for one in missing]:
            future.result()


def _train_and_measure(payload: bytes, folder: Path, path: Path) -> None:
    """Train one run in this worker, measure it, and keep the measures and, if there is none yet, its record."""
    environment.start_keras()
    from cnnhelpers.interpretability.measure import measure
    from cnnhelpers.training import prepare, train

    one: Run = cloudpickle.loads(payload)
    model, record, arrays = train(one.experiment, one.seed, text=one.text, threads=THREADS)
    if one.key not in records.index(folder):
        records.write(record, folder, arrays)
    if record.status != "done":
        raise InputError(f"{one.experiment.id} with seed {one.seed} cannot be measured: it {record.stop['reason']}")
    parts = _images(one.experiment, one.seed)
    initial = prepare(one.experiment, parts[2], model.output_shape[-1], one.seed)
    about = {"schema": SCHEMA, "identity": one.key[0], "seed": one.seed, "fingerprint": record.data["fingerprint"]}
    about |= {"weights_sha256": record.weights_sha256, "versions": environment.versions()}
    found = measure(model, initial, *parts[:2]) | {"about": np.array(json.dumps(about))}
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_file(path, lambda file: np.savez_compressed(file, **found))


def _images(experiment: Experiment, seed: int) -> tuple[Images, Images, Part]:
    """Return the first images of a run's training and test part, padded as it sees them, and the training part."""
    protocol = experiment.protocol
    parts = split(data.load(protocol.dataset), protocol.split, seed, protocol.images)

    def first(part: Part) -> Images:
        chosen = part.indices[:MOST_IMAGES]
        images = part.images[chosen]
        return (pad(images, protocol.padding) if protocol.padding else images), part.labels[chosen]

    return first(parts.train), first(parts.test), parts.train


def _path(experiment: str, identity: str, seed: int, folder: Path) -> Path:
    return folder / FOLDER / f"{records.slug(experiment)}-{identity}-{seed}{SUFFIX}"


def _about(one: Measures) -> dict[str, Any]:
    return json.loads(str(one["about"]))


def _pairs(first: Iterable[Measures], second: Iterable[Measures] | None) -> list[tuple[Measures, Measures]]:
    """Return every pair of different runs of `first`, a single one with itself, or of a run of each."""
    if second is not None:
        return list(product(first, second))
    first = list(first)
    return list(combinations(first, 2)) or [(first[0], first[0])]


def _cka_matrix(first: Measures, second: Measures) -> np.ndarray:
    if not np.array_equal(first["labels"], second["labels"]):
        raise InputError("CKA compares answers to the same images, and these runs were measured on other test images")
    rows, columns = first["similarities"], second["similarities"]
    return np.array([[representations.cka(row, column) for column in columns] for row in rows])


def _layers_of(one: Measures, name: str) -> list[str]:
    """Return the names of the layers that a measure has values for."""
    layers = [str(layer) for layer in one["layers"]]
    if name == "moran":
        return [layer for layer in layers if layer.startswith("convolution")]
    return layers[1:] if name in ("moved", "weights") else layers


def _read(path: Path) -> Measures:
    try:
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except Exception as error:  # zip, numpy and the system each have their own errors
        raise InputError(f"{path.name} is no readable file of measures ({error}): delete it and run again") from error
