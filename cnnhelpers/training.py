"""Train one experiment with one seed and record everything. Keras API and numpy only: any Keras backend."""

import dataclasses
import hashlib
import time
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path

import keras
import numpy as np
import psutil

from cnnhelpers import backup, data, environment, evaluation, seeds
from cnnhelpers.atomic import replace_file
from cnnhelpers.errors import InputError
from cnnhelpers.experiment import Experiment, Protocol, identity_of
from cnnhelpers.inputs import assemble, batches, gathered
from cnnhelpers.precision import products_in
from cnnhelpers.records import Record
from cnnhelpers.splits import Part, Split, split
from cnnhelpers.summaries import flops

EVALUATION_BATCH = 500
STEPS_PER_CALL = 100  # batches between two returns to Python: same results, less waiting


@dataclass
class Progress:
    """What a run has done so far: all that a backup must hold besides the weights."""

    history: dict[str, list[float]] = field(default_factory=dict)
    best: float = np.inf  # of the watched metric, smaller is better
    waited: int = 0  # epochs since the best
    reason: str = "all epochs"
    cpu_seconds: float = 0.0
    peak_memory_mb: float = 0.0
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
        Where the state is kept between epochs; a run found there continues, bit for bit. None keeps nothing.
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
    """
    seed, protocol = seeds.check_seed(seed), experiment.protocol
    dataset = data.load(protocol.dataset)
    parts = split(dataset, protocol.split, seed, protocol.images)
    text = experiment.text(dataset.card) if text is None else text
    _check_pixels(dataset, text)
    with products_in(protocol.precision) as precision:
        model = prepare(experiment, parts.train, len(dataset.class_names), seed, backup_folder)
        counted = flops(model)
        with faster_layers(model):
            progress = fit(model, experiment, parts, seed, backup.Backup(backup_folder, identity_of(text), seed))
        record = Record(
            identity=identity_of(text),
            seed=seed,
            text=text,
            labels=experiment.labels,
            data=_data(dataset, parts),
            status="failed" if progress.reason == "diverged" else "done",
            environment=_environment(precision, threads),
            weights_sha256=weights_hash(model),
            **_outcome(model, progress, counted),
        )
        if record.status == "failed":
            return model, record, {}
        results = evaluation.evaluate(model, parts, dataset.class_names, protocol.padding, EVALUATION_BATCH)
    record = dataclasses.replace(record, metrics=results.metrics, classes=results.classes)
    return model, record, results.arrays


def prepare(
    experiment: Experiment, train_part: Part, classes: int, seed: int, folder: Path | None = None
) -> keras.Model:
    """Return the compiled model of a run with the weights that it starts from."""
    protocol = experiment.protocol
    keras.utils.set_random_seed(seeds.integer(seed, "weights"))
    model = assemble(experiment, train_part, classes)
    if experiment.after is not None:
        start_from(model.layers[-1], final_weights(experiment.after, seed, folder), experiment.id)
    steps = -(-len(train_part) // protocol.batch_size)
    options = {"learning_rate": learning_rate(protocol, steps * protocol.epochs)}
    options |= {} if protocol.momentum is None else {"momentum": protocol.momentum}
    model.compile(
        optimizer=keras.optimizers.get({"class_name": protocol.optimizer, "config": options}),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy", keras.metrics.SparseCategoricalCrossentropy(name="crossentropy")],
        steps_per_execution=min(STEPS_PER_CALL, steps),
        jit_compile="auto" if keras.backend.backend() == "jax" else False,
    )
    return model


def learning_rate(protocol: Protocol, steps: int) -> float | keras.optimizers.schedules.LearningRateSchedule:
    """Return the learning rate of a training of `steps` batches.

    "cosine" lets it fall to 0 along half a cosine (Loshchilov and Hutter, 2017). "one_cycle" first rises from a 25th of
    it over 30 % of the batches, then falls to 0 likewise (Smith and Topin, 2018).
    """
    rate, schedules = protocol.learning_rate, keras.optimizers.schedules
    if protocol.schedule == "cosine":
        return schedules.CosineDecay(rate, decay_steps=steps)
    if protocol.schedule == "one_cycle":
        rising = max(1, round(0.3 * steps))
        return schedules.CosineDecay(
            rate / 25, decay_steps=max(1, steps - rising), warmup_target=rate, warmup_steps=rising
        )
    return rate


def final_weights(experiment: Experiment, seed: int, folder: Path | None) -> list[np.ndarray]:
    """Return the weights that the network of a run ends with, kept in `folder` (None: trained each time)."""
    path = None if folder is None else folder / f"{experiment.identity()}-{seed}.weights.npz"
    if path is not None and path.exists():
        with np.load(path, allow_pickle=False) as file:
            return [file[f"arr_{position}"] for position in range(len(file.files))]
    model, record, _ = train(experiment, seed, backup_folder=folder)
    if record.status != "done":
        raise InputError(f"{experiment.id} with seed {seed} gives no weights to start from: {record.stop['reason']}")
    weights = model.layers[-1].get_weights()
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, lambda file: np.savez(file, *weights))
    return weights


def start_from(network: keras.Model, arrays: list[np.ndarray], label: str) -> None:
    """Set the weights of `network` to `arrays`, in order, up to the first that has another shape."""
    taken = 0
    for variable, array in zip(network.weights, arrays, strict=False):
        if tuple(variable.shape) != array.shape:
            break
        variable.assign(array)
        taken += 1
    if not taken:
        raise InputError(f"{label} cannot start from the weights of another network: their first shapes differ")


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
    store.clear()
    return progress


def faster_layers(model: keras.Model) -> AbstractContextManager[None]:
    """Return a context in which layers that Keras computes slowly on TensorFlow are computed by other kernels."""
    if keras.backend.backend() != "tensorflow":
        return nullcontext()
    from cnnhelpers.tensorflow_speed import fused

    return fused(model)


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


def finite(model: keras.Model) -> bool:
    """Return whether all weights of a model are finite: a loss can stay so for a while after they are not."""
    return all(np.isfinite(weight).all() for weight in model.get_weights())


def weights_hash(model: keras.Model) -> str:
    """Return the SHA-256 of all weights of a model, in order: equal hashes mean equal bits."""
    digest = hashlib.sha256()
    for weight in model.get_weights():
        digest.update(np.ascontiguousarray(weight).tobytes())
    return digest.hexdigest()


def _check_pixels(dataset: data.Dataset, text: str) -> None:
    """Raise InputError if the pixels changed since the run was planned: it would be filed under the wrong identity."""
    if dataset.fingerprint[:16] not in text.splitlines()[0]:
        raise InputError(
            f"the pixels of {dataset.name} are not those of the run: {dataset.fingerprint[:16]}, {text[:99]}"
        )


def _data(dataset: data.Dataset, parts: Split) -> dict[str, object]:
    """Return where the images came from, and size and pixel statistics (0..1) of each part."""
    about = {name: getattr(dataset, name) for name in ("name", "fingerprint", "official", "source")}
    described = data.describe(dataset, parts)
    columns = {"images": int, "pixel_mean": float, "pixel_sd": float}
    return about | {
        column: {part: kind(value) for part, value in described[column].items()} for column, kind in columns.items()
    }


def _outcome(model: keras.Model, progress: Progress, counted: int) -> dict[str, object]:
    """Return the fields of a record that training, not evaluation, decides."""
    history, seconds = progress.history, progress.history["seconds"]
    watched = np.asarray(history.get("validation_loss", history["loss"]))
    best = int(np.nanargmin(watched)) if np.isfinite(watched).any() else 0
    cost = {"parameters": model.count_params() - _front_parameters(model), "flops": counted}
    cost |= {"seconds": sum(seconds), "seconds_per_epoch": float(np.median(seconds))}
    cost |= {"seconds_to_best": sum(seconds[: best + 1]), "cpu_seconds": progress.cpu_seconds}
    return {
        "history": history,
        "best": {name: values[best] for name, values in history.items()},
        "stop": {"reason": progress.reason, "epochs_run": progress.epochs_run, "best_epoch": best + 1, "error": None}
        | {"resumed_after": progress.resumed_after},
        "cost": cost | {"peak_memory_mb": round(progress.peak_memory_mb, 1)},
    }


def _front_parameters(model: keras.Model) -> int:
    """Return the parameters of the scaling in front of the network (means, variances), which no report counts."""
    return sum(layer.count_params() for layer in model.layers[:-1])


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
