"""Train one experiment with one seed and record everything. Keras API and numpy only: any Keras backend."""

import dataclasses
import time
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path

import keras
import numpy as np
import psutil

from cnnhelpers import data, environment, seeds
from cnnhelpers.data import Part, Split, split
from cnnhelpers.errors import InputError
from cnnhelpers.experiments import Experiment, identity_of
from cnnhelpers.model_summary import flops
from cnnhelpers.records import Record
from cnnhelpers.training import checkpoint as backup
from cnnhelpers.training import evaluation
from cnnhelpers.training import frozen_features as transfer
from cnnhelpers.training.bfloat16_layers import BFLOAT16
from cnnhelpers.training.compilation import compile_for
from cnnhelpers.training.lending import lend
from cnnhelpers.training.pipeline import assemble, batches, gathered
from cnnhelpers.training.precision import products_in
from cnnhelpers.training.weights import DivergedError, KeptWeights, finite, start_from, weights_hash

EVALUATION_BATCH = 500


@dataclass
class Progress:
    """What a run has done so far: all that a backup must hold besides the weights."""

    history: dict[str, list[float]] = field(default_factory=dict)
    best: float = np.inf  # of the watched metric, smaller is better
    waited: int = 0  # epochs since the best
    reason: str = "all epochs"
    cpu_seconds: float = 0.0
    peak_memory_mb: float = 0.0  # of the process at the ends of epochs: runs that it trained before count too
    resumed_after: list[int] = field(default_factory=list)
    best_weights: list[np.ndarray] | None = None

    @property
    def epochs_run(self) -> int:
        """Return how many epochs are complete."""
        return len(self.history.get("loss", []))


def train(
    experiment: Experiment,
    seed: int,
    *,
    text: str | None = None,
    backup_folder: Path | None = None,
    threads: int | None = None,
) -> tuple[keras.Model, Record, dict[str, np.ndarray]]:
    """Train one run from its seed and return the model, its record and its small arrays.

    Parameters
    ----------
    seed
        0 .. 2**32 - 1; split, initial weights, order of images and random layers each derive a stream of their own.
    text
        The experiment's canonical text, where it is already known: in a worker the source of your own code is not.
    backup_folder
        Where the state is kept between epochs; a run found there continues, bit for bit. None keeps nothing. It stays
        there until whoever has recorded the run calls backup.clear.
    threads
        How many threads this process computes with, for the record.

    Returns
    -------
    model
        keras.Model from pixels 0..255, (batch, height, width, channels), to probabilities (batch, classes).
    record
        See records.Record. A run whose loss stops being finite has status "failed" and reason "diverged".
    arrays
        See records.arrays, test_correct packed.

    Raises
    ------
    InputError
        For bad data, split, network or seed, before anything is trained.
    DivergedError
        If the run that this one starts from has no weights to give.
    """
    seed, protocol = seeds.check_seed(seed), experiment.protocol
    dataset = data.load(protocol.dataset)
    parts = split(dataset, protocol.split, seed, protocol.images)
    text = experiment.text(dataset.card) if text is None else text
    _check_pixels(dataset, text)
    identity = identity_of(text)
    kept = KeptWeights(backup_folder if experiment.keep_weights else None, identity, seed)
    with kept.alone(), products_in(protocol.precision) as precision:
        model = prepare(experiment, parts.train, len(dataset.class_names), seed, backup_folder)
        counted = flops(model)
        store = backup.Backup(backup_folder, identity, seed)
        task, progress = learn(model, experiment, parts, seed, store, backup_folder, precision)
        record = Record(
            identity=identity,
            seed=seed,
            text=text,
            labels=experiment.labels,
            data=_data(dataset, parts),
            status="failed" if progress.reason == "diverged" else "done",
            environment=_environment(precision, threads),
            weights_sha256=weights_hash(model),
            **_outcome(model, progress, {"flops": counted} | task.cost),
        )
        if record.status == "failed":
            return model, record, {}
        seen = (task.model, task.parts, dataset.class_names, task.experiment.protocol.padding)
        with other_kernels(model, precision):
            results = evaluation.evaluate(*seen, EVALUATION_BATCH)
        kept.write(model.layers[-1].get_weights())
    record = dataclasses.replace(record, metrics=results.metrics, classes=results.classes)
    return model, record, results.arrays


def prepare(
    experiment: Experiment, train_part: Part, classes: int, seed: int, folder: Path | None = None
) -> keras.Model:
    """Return the compiled model of a run with the weights that it starts from.

    Raises
    ------
    InputError
        If the network cannot be built, or does not end in probabilities.
    """
    protocol = experiment.protocol
    keras.utils.set_random_seed(seeds.integer(seed, "weights"))
    model = assemble(experiment, train_part, classes)
    _check_probabilities(model, experiment, train_part)
    if experiment.after is not None:
        start_from(model.layers[-1], final_weights(experiment.after, seed, folder), experiment.id)
    compile_for(model, protocol, len(train_part))
    return model


def learn(
    model: keras.Model,
    experiment: Experiment,
    parts: Split,
    seed: int,
    store: "backup.Backup",
    folder: Path | None,
    precision: str,
) -> tuple[transfer.Task, Progress]:
    """Train the compiled `model`: by its head alone, on features computed once, where all else is frozen."""
    task = transfer.task(model, experiment, parts, folder)
    with other_kernels(model, precision):
        return task, fit(task.model, task.experiment, task.parts, seed, store)


def final_weights(experiment: Experiment, seed: int, folder: Path | None) -> list[np.ndarray]:
    """Return the weights that the network of a run ends with, kept in `folder` (None: trained each time).

    Raises
    ------
    DivergedError
        If the run has none.
    """
    identity, protocol = experiment.identity(), experiment.protocol
    kept, store = KeptWeights(folder, identity, seed), backup.Backup(folder, identity, seed)
    with kept.alone():
        if (weights := kept.read()) is not None:
            return weights
        dataset = data.load(protocol.dataset)
        parts = split(dataset, protocol.split, seed, protocol.images)
        with products_in(protocol.precision) as precision:
            model = prepare(experiment, parts.train, len(dataset.class_names), seed, folder)
            _, progress = learn(model, experiment, parts, seed, store, folder, precision)
        if progress.reason == "diverged":
            store.clear()
            raise DivergedError(f"{experiment.id} with seed {seed} gives no weights to start from: it diverged")
        weights = model.layers[-1].get_weights()
        kept.write(weights)
        store.clear()
    return weights


def fit(model: keras.Model, experiment: Experiment, parts: Split, seed: int, store: "backup.Backup") -> Progress:
    """Train `model` epoch by epoch, reseeded at the start of each so that a resumed run equals an uninterrupted one."""
    protocol = experiment.protocol
    model.optimizer.build(model.trainable_variables)
    progress = store.restore(model, Progress())
    validation = None if parts.validation is None else gathered(parts.validation, protocol.padding)
    while progress.epochs_run < protocol.epochs and progress.reason == "all epochs":
        started, cpu_started = time.perf_counter(), time.process_time()
        epoch = progress.epochs_run
        reseed(model, seed, epoch)
        order = seeds.generator(seed, "order", epoch).permutation(len(parts.train))
        images = batches(*gathered(parts.train, protocol.padding, order), batch_size=protocol.batch_size)
        history = model.fit(**images, shuffle=False, verbose=0).history
        logs = {name: values[0] for name, values in history.items()}
        if validation is not None:
            images = batches(*validation, batch_size=EVALUATION_BATCH)
            results = model.evaluate(**images, verbose=0, return_dict=True)
            logs |= {f"validation_{name}": value for name, value in results.items()}
        logs["seconds"] = time.perf_counter() - started
        progress.cpu_seconds += time.process_time() - cpu_started
        progress.peak_memory_mb = max(progress.peak_memory_mb, psutil.Process().memory_info().rss / 2**20)
        for name, value in logs.items():
            progress.history.setdefault(name, []).append(float(value))
        if not (np.isfinite(list(logs.values())).all() and finite(model)):
            progress.reason = "diverged"
        elif protocol.early_stopping is not None:
            watch(model, progress, protocol.early_stopping, protocol.patience, protocol.restore_best)
        store.save(model, progress)
        store.tell(progress.history)
    if progress.best_weights is not None and progress.reason != "diverged":
        model.set_weights(progress.best_weights)
    return progress


def other_kernels(model: keras.Model, precision: str) -> AbstractContextManager[None]:
    """Return a context in which other kernels compute what Keras computes slowly, or in other precision than asked."""
    if keras.backend.backend() == "tensorflow":
        from cnnhelpers.training.fast_layers import EXACT, FUSED

        return lend(model, FUSED | EXACT if precision == "bfloat16" else FUSED)
    return lend(model, BFLOAT16) if precision == "bfloat16" else nullcontext()


def watch(model: keras.Model, progress: Progress, metric: str, patience: int, restore_best: bool) -> None:
    """Note whether `metric` of the last epoch is the best so far, and stop after `patience` epochs that were not."""
    value = progress.history[metric][-1]
    value = -value if metric.endswith("accuracy") else value
    if value < progress.best:
        progress.best, progress.waited = value, 0
        progress.best_weights = model.get_weights() if restore_best else None
    else:
        progress.waited += 1
        if progress.waited >= patience:
            progress.reason = "early stopping"


def reseed(model: keras.Model, seed: int, epoch: int) -> None:
    """Set the state of every random layer (dropout, augmentation) from the run's seed and the epoch."""
    states = [variable for variable in model.variables if variable.path.endswith("seed_generator_state")]
    for position, variable in enumerate(states):
        state = seeds.sequence(seed, "dropout", epoch, position).generate_state(2)
        variable.assign(state.astype(variable.dtype))


def _check_pixels(dataset: data.Dataset, text: str) -> None:
    """Raise InputError if the pixels changed since the run was planned: it would be filed under the wrong identity."""
    if dataset.fingerprint[:16] not in text.splitlines()[0]:
        raise InputError(
            f"the pixels of {dataset.name} are not those of the run: {dataset.fingerprint[:16]}, {text[:99]}"
        )


def _check_probabilities(model: keras.Model, experiment: Experiment, train_part: Part) -> None:
    """Raise InputError unless what the model says of two images sums to 1."""
    images, _ = gathered(train_part, experiment.protocol.padding, np.arange(2))
    sums = keras.ops.convert_to_numpy(model(images, training=False)).sum(axis=1)
    if not np.allclose(sums, 1, atol=0.02):
        raise InputError(
            f"the network of {experiment.id} must end in probabilities: activation='softmax'. "
            f"Received: outputs that sum to {sums[0]:.3g}"
        )


def _data(dataset: data.Dataset, parts: Split) -> dict[str, object]:
    """Return where the images came from, and size and pixel statistics (0..1) of each part."""
    about = {name: getattr(dataset, name) for name in ("name", "fingerprint", "official", "source")}
    described = data.describe(dataset, parts)
    columns = {"images": int, "pixel_mean": float, "pixel_sd": float}
    return about | {
        column: {part: kind(value) for part, value in described[column].items()} for column, kind in columns.items()
    }


def _outcome(model: keras.Model, progress: Progress, known: dict[str, float]) -> dict[str, object]:
    """Return the fields of a record that training, not evaluation, decides."""
    history, seconds = progress.history, progress.history["seconds"]
    watched = np.asarray(history.get("validation_loss", history["loss"]))
    best = int(np.nanargmin(watched)) if np.isfinite(watched).any() else 0
    cost = {"parameters": model.layers[-1].count_params()} | known  # no report counts the means of a scaling
    wall, cpu = (known.get(f"feature_{name}", 0.0) for name in ("seconds", "cpu_seconds"))  # a part of the training
    cost |= {"seconds": wall + sum(seconds), "seconds_per_epoch": float(np.median(seconds))}
    cost |= {"seconds_to_best": wall + sum(seconds[: best + 1]), "cpu_seconds": cpu + progress.cpu_seconds}
    return {
        "history": history,
        "best": {name: values[best] for name, values in history.items()},
        "stop": {"reason": progress.reason, "epochs_run": progress.epochs_run, "best_epoch": best + 1, "error": None}
        | {"resumed_after": progress.resumed_after},
        "cost": cost | {"peak_memory_mb": round(progress.peak_memory_mb, 1)},
    }


def _environment(precision: str, threads: int | None) -> dict[str, object]:
    return {
        "versions": environment.versions(),
        "backend": keras.backend.backend(),
        "device": environment.device(),
        "processor": environment.processor(),
        "precision": precision,
        "threads": threads,
        "commit": environment.commit(),
    }
