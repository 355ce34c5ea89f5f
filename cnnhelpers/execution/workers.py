"""Where runs are trained: in processes of this machine, or on a dask cluster (see cluster.py), by one interface."""

from concurrent.futures import Future
from pathlib import Path
from typing import Protocol

import cloudpickle

from cnnhelpers import environment, training
from cnnhelpers.errors import InputError
from cnnhelpers.execution.dask_cluster import ClusterWorkers
from cnnhelpers.execution.process_pool import Children
from cnnhelpers.execution.schedule import Run
from cnnhelpers.execution.task import train_run


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
        """Delete the run's checkpoint."""
        training.Checkpoint(self._backups, *one.key).delete()

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
    return ClusterWorkers(workers)
