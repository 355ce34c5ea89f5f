"""Where runs are trained: in processes of this machine, or on a dask cluster (see cluster.py), by one interface."""

from collections.abc import Mapping
from concurrent.futures import Future
from pathlib import Path
from typing import Any, Protocol

import cloudpickle
import numpy as np

from cnnhelpers import data, environment, records, training
from cnnhelpers.errors import InputError
from cnnhelpers.execution.handover import provide
from cnnhelpers.execution.process_pool import Children
from cnnhelpers.execution.schedule import Run
from cnnhelpers.execution.worker_process import THREADS

Outcome = tuple[records.Record, dict[str, np.ndarray]]


class Workers(Protocol):
    """What trains runs for the runner."""

    size: int  # how many runs may be submitted and not yet done

    def submit(self, one: Run) -> Future:
        """Return a future of the run's Outcome. child.DiedError: its process was lost; InputError: none can be run."""

    def settle(self, one: Run) -> None:
        """Forget what was kept to resume the run: it is recorded."""

    def close(self) -> None:
        """End everything at once."""


class LocalWorkers:
    """Processes of this machine, each used for many runs."""

    def __init__(self, number: int, backups: Path) -> None:
        """Runs in flight are kept in the folder `backups` between epochs."""
        self.size, self._backups = number, backups.resolve()
        self._children = Children(number)

    def submit(self, one: Run) -> Future:
        """Return a future of the run's Outcome."""
        return self._children.submit(train_run, cloudpickle.dumps(one), self._backups)

    def settle(self, one: Run) -> None:
        """Delete the run's backups."""
        training.clear(self._backups, *one.key)

    def close(self) -> None:
        """Kill the processes."""
        self._children.close()


def check(workers: int | str | Path | None) -> int | str | Path:
    """Return `workers` with its default, one process a core; InputError if it is none of what `run` takes."""
    if workers is None:
        return environment.cores()
    if isinstance(workers, str) and workers.isdecimal():
        workers = int(workers)
    number = type(workers) is int and workers >= 1
    address = isinstance(workers, str) and "://" in workers
    file = isinstance(workers, (str, Path)) and Path(workers).suffix == ".json"
    if not (number or address or file):
        raise InputError(
            "workers must be a whole number of at least 1, the address tcp://HOST:PORT of a dask scheduler, or its "
            f"scheduler file (.json). Received: workers={workers!r}"
        )
    if file and not address and not Path(workers).is_file():
        raise InputError(f"there is no dask scheduler file {workers}")
    return workers


def start(workers: int | str | Path, runs: int, backups: Path) -> Workers:
    """Return what trains `runs` runs: as many local processes as `workers` says, or the cluster that it names."""
    if isinstance(workers, int):
        return LocalWorkers(min(workers, runs), backups)
    from cnnhelpers.execution.dask_cluster import ClusterWorkers

    return ClusterWorkers(workers)


def train_run(payload: bytes, backups: Path, cards: Mapping[str, data.Card] | None = None) -> Outcome | list[str]:
    """Train one run in this process; return its record and arrays, or the names of datasets that are not here.

    Parameters
    ----------
    payload
        The Run, by cloudpickle.
    backups
        Folder for the run's state between epochs, and for datasets that were handed over.
    cards
        Datasets that may not be here.
    """
    environment.import_keras_quietly()
    import keras

    from cnnhelpers.training import DivergedError, train

    missing = [name for name, card in (cards or {}).items() if not provide(name, card, backups)]
    if missing:
        return missing
    keras.utils.clear_session()
    one: Run = cloudpickle.loads(payload)
    try:
        _, record, arrays = train(one.experiment, one.seed, text=one.text, backup_folder=backups, threads=THREADS)
    except DivergedError as error:
        return failure(one, str(error), reason="diverged"), {}
    except Exception as error:  # whatever went wrong is the run's result: it is recorded, and the others go on
        return failure(one, f"{type(error).__name__}: {error}"), {}
    return record, arrays


def failure(one: Run, error: str, reason: str = "error") -> records.Record:
    """Return the record of a run that could not be trained; a `reason` in records.SETTLED lets it rest."""
    about: dict[str, Any] = {"name": one.card.name, "fingerprint": one.card.fingerprint, "official": one.card.official}
    identity, seed = one.key
    return records.Record(
        identity=identity,
        seed=seed,
        text=one.text,
        labels=one.experiment.labels,
        data=about,
        status="failed",
        stop={"reason": reason, "error": error, "epochs_run": 0, "best_epoch": None},
        environment={"versions": environment.versions(), "commit": environment.commit()},
    )
