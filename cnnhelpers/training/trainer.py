"""Train one experiment with one seed and describe the run. Keras API and NumPy only, for any Keras backend."""

import time
from pathlib import Path

import keras
import numpy as np
import psutil

from cnnhelpers import data, environment, seeds
from cnnhelpers.data import Part, Split, split
from cnnhelpers.errors import InputError
from cnnhelpers.experiments import Experiment, Protocol, identity_of
from cnnhelpers.model_summary import flops
from cnnhelpers.records import Record
from cnnhelpers.training import frozen_features
from cnnhelpers.training.checkpoint import Checkpoint, Progress
from cnnhelpers.training.evaluation import evaluate
from cnnhelpers.training.fast_layers import fast_kernels
from cnnhelpers.training.pipeline import EVALUATION_BATCH, assemble, batches, compile_for, gathered
from cnnhelpers.training.precision import products_in
from cnnhelpers.training.weights import DivergedError, KeptWeights, start_from, weights_hash


def train(
    experiment: Experiment,
    seed: int,
    *,
    text: str | None = None,
    checkpoint_folder: Path | None = None,
    threads: int | None = None,
) -> tuple[keras.Model, Record, dict[str, np.ndarray]]:
    """Train one run from its seed and return the model, its record and its small arrays.

    The model maps pixels 0..255, (batch, height, width, channels), to probabilities, (batch, classes). The arrays are
    those of records.arrays, test_correct packed. A run whose loss stops being finite has status "failed", reason
    "diverged" and no arrays. InputError for bad data, split, network or seed, before training; DivergedError if the run
    that this one starts from diverged.

    Parameters
    ----------
    seed
        0 .. 2**32 - 1; split, initial weights, order of images and random layers each derive a stream from it.
    text
        The experiment's canonical text, if it is known: in a worker process the source of the user's code is not.
    checkpoint_folder
        Where the state is kept between epochs; a run with a checkpoint there continues, bit for bit. The caller deletes
        the checkpoint when the run is recorded. None keeps nothing.
    threads
        Number of threads that this process computes with, for the record.
    """
    seed, protocol = seeds.check_seed(seed), experiment.protocol
    dataset = data.load(protocol.dataset)
    parts = split(dataset, protocol.split, seed, protocol.images)
    text = experiment.text(dataset.info) if text is None else text
    _check_pixels(dataset, text)
    identity = identity_of(text)
    kept = KeptWeights(checkpoint_folder if experiment.keep_weights else None, identity, seed)
    with kept.lock(), products_in(protocol.precision) as precision:
        model = prepare(experiment, parts.train, dataset.classes, seed, checkpoint_folder)
        cost = {"parameters": model.layers[-1].count_params(), "flops": flops(model)}  # without the means of a scaling
        checkpoint = Checkpoint(checkpoint_folder, identity, seed)
        task, progress = learn(model, protocol, parts, seed, checkpoint, precision)
        diverged = progress.reason == "diverged"
        metrics, classes, arrays = {}, {}, {}
        if not diverged:
            with fast_kernels(model, precision):
                metrics, classes, arrays = evaluate(task.model, task.parts, dataset.class_names, task.protocol.padding)
            kept.write(model.layers[-1].get_weights())
    about = {name: getattr(dataset, name) for name in ("name", "fingerprint", "official", "source")}
    described = data.describe(parts, dataset.classes)[["images", "pixel_mean", "pixel_sd"]].to_dict()
    record = Record(
        identity=identity,
        seed=seed,
        text=text,
        labels=experiment.labels,
        data=about | described,
        status="failed" if diverged else "done",
        metrics=metrics,
        classes=classes,
        environment=_environment(precision, threads),
        weights_sha256=weights_hash(model),
        **progress.fields(cost | task.cost),
    )
    return model, record, arrays


def prepare(
    experiment: Experiment, train_part: Part, classes: int, seed: int, checkpoint_folder: Path | None = None
) -> keras.Model:
    """Return the compiled model of a run with its initial weights.

    InputError if the network cannot be built or does not end in probabilities.
    """
    keras.utils.set_random_seed(seeds.integer(seed, "weights"))
    model = assemble(experiment, train_part, classes)
    _check_probabilities(model, experiment, train_part)
    if experiment.after is not None:
        start_from(model.layers[-1], final_weights(experiment.after, seed, checkpoint_folder), experiment.id)
    compile_for(model, experiment.protocol, len(train_part))
    return model


def learn(
    model: keras.Model, protocol: Protocol, parts: Split, seed: int, checkpoint: Checkpoint, precision: str
) -> tuple[frozen_features.Task, Progress]:
    """Train a compiled model: its head alone, on features computed once, if everything before the head is frozen."""
    task = frozen_features.task(model, protocol, parts, checkpoint.folder)
    with fast_kernels(model, precision):
        return task, fit(task.model, task.protocol, task.parts, seed, checkpoint)


def final_weights(experiment: Experiment, seed: int, checkpoint_folder: Path | None) -> list[np.ndarray]:
    """Return the final weights of the network of a run: kept in a file, or trained; DivergedError if it diverges."""
    identity, protocol = experiment.identity(), experiment.protocol
    kept, checkpoint = (kind(checkpoint_folder, identity, seed) for kind in (KeptWeights, Checkpoint))
    with kept.lock():
        if (weights := kept.load()) is not None:
            return weights
        dataset = data.load(protocol.dataset)
        parts = split(dataset, protocol.split, seed, protocol.images)
        with products_in(protocol.precision) as precision:
            model = prepare(experiment, parts.train, dataset.classes, seed, checkpoint_folder)
            _, progress = learn(model, protocol, parts, seed, checkpoint, precision)
        if progress.reason != "diverged":
            weights = model.layers[-1].get_weights()
            kept.write(weights)
        checkpoint.delete()
    if weights is None:
        raise DivergedError(f"{experiment.id} with seed {seed} gives no weights to start from: it diverged")
    return weights


def fit(model: keras.Model, protocol: Protocol, parts: Split, seed: int, checkpoint: Checkpoint) -> Progress:
    """Train `model` epoch by epoch, reseeded at the start of each: a resumed run equals an uninterrupted one."""
    model.optimizer.build(model.trainable_variables)
    progress = checkpoint.restore(model)
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
        progress.append(logs)
        # The loss can stay finite for a while after the weights are not.
        if not all(np.isfinite(values).all() for values in [*logs.values(), *model.get_weights()]):
            progress.reason = "diverged"
        elif protocol.early_stopping is not None:
            progress.watch(model, protocol)
        checkpoint.save(model, progress)
        checkpoint.write_history(progress.history)
    if progress.best_weights is not None and progress.reason != "diverged":
        model.set_weights(progress.best_weights)
    return progress


def reseed(model: keras.Model, seed: int, epoch: int) -> None:
    """Set the state of every random layer (dropout, augmentation) from the seed of the run and the epoch."""
    states = [variable for variable in model.variables if variable.path.endswith("seed_generator_state")]
    for position, variable in enumerate(states):
        state = seeds.sequence(seed, "dropout", epoch, position).generate_state(2)
        variable.assign(state.astype(variable.dtype))


def _check_pixels(dataset: data.Dataset, text: str) -> None:
    """Raise InputError if the pixels changed since the run was planned: its identity would be wrong."""
    if dataset.fingerprint[:16] not in text.splitlines()[0]:
        raise InputError(f"the pixels of {dataset.name} are not those planned: {dataset.fingerprint[:16]}, {text[:99]}")


def _check_probabilities(model: keras.Model, experiment: Experiment, train_part: Part) -> None:
    """Raise InputError unless the outputs of the model for two images sum to 1."""
    images, _ = gathered(train_part, experiment.protocol.padding, np.arange(2))
    sums = keras.ops.convert_to_numpy(model(images, training=False)).sum(axis=1)
    if not np.allclose(sums, 1, atol=0.02):
        raise InputError(
            f"the network of {experiment.id} must end in probabilities: activation='softmax'. "
            f"Received: outputs that sum to {sums[0]:.3g}"
        )


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
