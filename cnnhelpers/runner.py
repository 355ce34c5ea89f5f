"""Make the runs of a study: what is recorded is read, what is missing is trained in worker processes."""

import os
import signal
import threading
import time
import warnings
from collections.abc import Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from pathlib import Path

import cloudpickle
import loky
import numpy as np
import pandas as pd

from cnnhelpers import data, environment, records
from cnnhelpers.atomic import replace_file
from cnnhelpers.errors import InputError
from cnnhelpers.experiment import Experiment, identity_of
from cnnhelpers.progress import ProgressLine
from cnnhelpers.seeds import check_seed
from cnnhelpers.splits import split

THREADS = 1  # of each run, whatever the number of workers: another number would change the bits of a result
WORKER_ENVIRONMENT = {
    "TF_NUM_INTRAOP_THREADS": str(THREADS),
    "TF_NUM_INTEROP_THREADS": str(THREADS),
    "OMP_NUM_THREADS": str(THREADS),
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1",  # JAX on CPU
}


@dataclass(frozen=True)
class Run:
    """One experiment with one seed, and what it is recorded under."""

    experiment: Experiment
    seed: int
    card: data.Card
    text: str

    @property
    def key(self) -> tuple[str, int]:
        """Return (identity, seed), the key of the store."""
        return identity_of(self.text), self.seed


def run(
    experiments: Experiment | Sequence[Experiment],
    seeds: int | Iterable[int] = 5,
    *,
    workers: int | None = None,
    folder: Path | str | None = None,
    progress: bool = True,
) -> pd.DataFrame:
    """Return the runs of `experiments` with every seed, one row each, training those that are not recorded yet.

    Every run computes with one thread, so that results do not depend on the number of workers. Ctrl-C, a killed worker
    or a killed runner lose at most the epochs since the last backup; calling again finishes the rest.

    Parameters
    ----------
    experiments
        One or several, with different ids.
    seeds
        Number of seeds (0 .. n-1), or the seeds themselves.
    workers
        Worker processes; by default one for each core.
    folder
        Where runs are recorded; by default records.default_folder().
    progress
        Whether to report on standard error.

    Returns
    -------
    pandas.DataFrame
        Columns of records.Record.row; experiments and seeds in the order asked for; failed runs have NaN metrics.

    Raises
    ------
    InputError
        For bad experiments, seeds or data, before anything is trained.
    """
    experiments = [experiments] if isinstance(experiments, Experiment) else list(experiments)
    folder = Path(folder) if folder is not None else records.default_folder()
    workers = environment.cores() if workers is None else workers
    if type(workers) is not int or workers < 1:
        raise InputError(f"workers must be a whole number of at least 1. Received: workers={workers!r}")
    planned = plan(experiments, seeds, folder)
    missing = _missing(planned, folder)
    if missing:
        label = ", ".join(sorted({one.experiment.study for one in missing})) if progress else ""
        _train_all(missing, folder, min(workers, len(missing)), ProgressLine(label, len(missing)))
    files = records.index(folder)
    found = [replace(records.read(files[one.key]), labels=one.experiment.labels) for one in planned]
    return records.table(found)


def plan(experiments: Sequence[Experiment], seeds: int | Iterable[int], folder: Path) -> list[Run]:
    """Return every run that is asked for, all runs of a dataset on the same pixels.

    The data at hand decide. Where a named dataset is not at hand and the store holds the complete set of runs, made
    from whatever pixels, they are taken from there; else the data are downloaded. Data, splits and networks are
    checked here, before any training.
    """
    chosen = _seeds(seeds)
    labels = [experiment.id for experiment in experiments]
    twice = sorted({label for label in labels if labels.count(label) > 1})
    if twice:
        raise InputError(f"two experiments have the same id {twice[0]!r}: give each its own")
    recorded = set(records.index(folder))
    by_dataset: dict[str, list[Experiment]] = {}
    for experiment in experiments:
        by_dataset.setdefault(experiment.protocol.dataset, []).append(experiment)
    cards = {name: _card(name, group, chosen, recorded, folder) for name, group in by_dataset.items()}
    texts = [(one, cards[one.protocol.dataset], one.text(cards[one.protocol.dataset])) for one in experiments]
    return [Run(experiment, seed, card, text) for experiment, card, text in texts for seed in chosen]


def _seeds(seeds: int | Iterable[int]) -> list[int]:
    if isinstance(seeds, (int, np.integer)) and not isinstance(seeds, bool):
        if seeds < 1:
            raise InputError(
                f"seeds must be a number of seeds of at least 1, or a list of them. Received: seeds={seeds}"
            )
        return list(range(seeds))
    if not isinstance(seeds, Iterable):
        raise InputError(f"seeds must be a number of seeds or a list of them. Received: seeds={seeds!r}")
    chosen = [check_seed(seed) for seed in seeds]
    if not chosen or len(set(chosen)) < len(chosen):
        raise InputError(f"seeds must be different whole numbers, at least one. Received: seeds={chosen}")
    return chosen


def _card(
    name: str, experiments: list[Experiment], seeds: list[int], recorded: set[tuple[str, int]], folder: Path
) -> data.Card:
    """Return the card of the pixels that all runs on dataset `name` shall share; see plan."""

    def complete(card: data.Card) -> bool:
        return all((identity_of(one.text(card)), seed) in recorded for one in experiments for seed in seeds)

    here = data.card(name)
    if complete(here):
        return here
    if name not in data.KNOWN or data.at_hand(name):
        return _checked(name, experiments, seeds)
    others = {record.data["fingerprint"]: record.data["official"] for record in records.load(folder).record
              if record.data["name"] == here.name}  # fmt: skip
    for fingerprint, official in sorted(others.items(), key=lambda other: not other[1]):
        card = replace(here, fingerprint=fingerprint, official=official)
        if complete(card):
            return card
    return _checked(name, experiments, seeds)


def _checked(name: str, experiments: list[Experiment], seeds: list[int]) -> data.Card:
    """Load dataset `name` (downloaded if need be) and split it as every experiment will; return its card."""
    dataset = data.load(name)
    for experiment in experiments:
        split(dataset, experiment.protocol.split, seeds[0], experiment.protocol.images)
    return dataset.card


def _missing(planned: list[Run], folder: Path) -> list[Run]:
    """Return the runs without a settled record, one of each key: errors other than divergence are tried again."""
    files, missing = records.index(folder), {}
    for one in planned:
        if one.key not in files or not _settled(files[one.key]):
            missing.setdefault(one.key, one)
    return list(missing.values())


def _settled(path: Path) -> bool:
    try:
        return records.read(path).stop["reason"] in records.SETTLED
    except InputError as error:  # damaged or edited: made again, and replaced whole
        warnings.warn(f"{error}; it is made again", stacklevel=2)
        return False


def _train_all(missing: list[Run], folder: Path, workers: int, line: ProgressLine) -> None:
    """Train and record all `missing` runs; one whose worker dies is tried once more alone, then recorded as failed."""
    _check_writable(folder)
    waiting = list(missing)
    try:
        while waiting:
            for suspect in _pool(waiting, folder, workers, line):
                if _missing([suspect], folder) and _pool([suspect], folder, 1, line):
                    error = "the worker process died twice: killed, or out of memory"
                    records.write(_failure(suspect, error), folder)
                    line.step(failed=True)
    finally:
        line.close()


def _pool(waiting: list[Run], folder: Path, workers: int, line: ProgressLine) -> list[Run]:
    """Take runs from `waiting` and train them, until all are done or a worker dies: then return those in flight."""
    executor = loky.ProcessPoolExecutor(
        workers, env=WORKER_ENVIRONMENT, initializer=start_worker, initargs=(os.getpid(),)
    )
    flying: dict[Future, Run] = {}
    try:
        while waiting or flying:
            while waiting and len(flying) < workers:
                flying[_submit(executor, waiting[0], folder)] = waiting[0]
                waiting.pop(0)
            for future in wait(flying, return_when=FIRST_COMPLETED).done:
                line.step(failed=future.result() == "failed")
                del flying[future]
    except BrokenProcessPool:
        return list(flying.values())
    finally:
        executor.shutdown(wait=True, kill_workers=True)
    return []


def _submit(executor: loky.ProcessPoolExecutor, one: Run, folder: Path) -> Future:
    """Submit a run; a worker that this starts never sees Ctrl-C, not even while it imports."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        return executor.submit(_train_and_record, cloudpickle.dumps(one), folder)
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})


def _check_writable(folder: Path) -> None:
    """Raise InputError, before anything is trained, if no record can be written to `folder`."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        replace_file(folder / ".writable", lambda file: file.write(b"records can be written here\n"))
        (folder / ".writable").unlink()
    except OSError as error:
        raise InputError(
            f"no record can be written to {folder} ({error.strerror}): pass folder=, or set CNNHELPERS_RECORDS"
        ) from error


def start_worker(parent: int) -> None:
    """Leave Ctrl-C to the runner, and end this worker when the runner is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def end_with_parent() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(1)

    threading.Thread(target=end_with_parent, daemon=True).start()


def _train_and_record(payload: bytes, folder: Path) -> str:
    """Train one run in this worker and record it; return its status."""
    environment.import_keras_quietly()
    import keras

    from cnnhelpers.training import train

    keras.utils.clear_session()
    one: Run = cloudpickle.loads(payload)
    arrays = {}
    try:
        _, record, arrays = train(
            one.experiment, one.seed, text=one.text, backup_folder=folder / ".backups", threads=THREADS
        )
    except Exception as error:  # whatever went wrong is the run's result: it is recorded, and the others go on
        record = _failure(one, f"{type(error).__name__}: {error}")
    records.write(record, folder, arrays)
    return record.status


def _failure(one: Run, error: str) -> records.Record:
    about = {"name": one.card.name, "fingerprint": one.card.fingerprint, "official": one.card.official}
    identity, seed = one.key
    return records.Record(
        identity=identity,
        seed=seed,
        text=one.text,
        labels=one.experiment.labels,
        data=about,
        status="failed",
        stop={"reason": "error", "error": error, "epochs_run": 0, "best_epoch": None},
        environment={"versions": environment.versions(), "commit": environment.commit()},
    )
