"""Train runs on workers: processes of this machine, or those of a dask cluster, behind the same interface."""

from concurrent.futures import Future
from pathlib import Path

import cloudpickle

from cnnhelpers import environment, training
from cnnhelpers.errors import InputError
from cnnhelpers.execution.dask_cluster import ClusterWorkers
from cnnhelpers.execution.process_pool import WorkerPool
from cnnhelpers.execution.schedule import PlannedRun
from cnnhelpers.execution.task import train_run


class LocalWorkers:
    """Worker processes of this machine; `size` runs may be submitted and not yet done."""

    def __init__(self, number: int, checkpoints: Path) -> None:
        """The folder `checkpoints` holds the checkpoints of runs."""
        self.size, self._checkpoints = number, checkpoints.resolve()
        self._pool = WorkerPool(number)
        self.close = self._pool.close

    def submit(self, run: PlannedRun) -> Future:
        """Return a future of task.Outcome; DiedError if its process was lost, InputError if no run can be trained."""
        return self._pool.submit(train_run, cloudpickle.dumps(run), self._checkpoints)

    def settle(self, run: PlannedRun) -> None:
        """Delete the checkpoints of a recorded run."""
        training.Checkpoint(self._checkpoints, *run.key).delete()


def check_workers(workers: int | str | Path | None) -> int | str | Path:
    """Return `workers`, by default a process for each core; raise InputError if `run` cannot take it."""
    if workers is None:
        return environment.cores()
    if isinstance(workers, str) and workers.isdecimal():
        workers = int(workers)
    if (type(workers) is int and workers >= 1) or "://" in str(workers):
        return workers
    if not str(workers).endswith(".json"):
        raise InputError(
            "workers must be a whole number of at least 1, the address tcp://HOST:PORT of a dask scheduler, or its "
            f"scheduler file (.json). Received: workers={workers!r}"
        )
    if not Path(workers).is_file():
        raise InputError(f"workers must name a dask scheduler file that exists. Received: workers={str(workers)!r}")
    return workers


def start_workers(workers: int | str | Path, runs: int, checkpoints: Path) -> LocalWorkers | ClusterWorkers:
    """Return workers for `runs` runs: at most that number of processes, or the cluster named."""
    return LocalWorkers(min(workers, runs), checkpoints) if isinstance(workers, int) else ClusterWorkers(workers)
