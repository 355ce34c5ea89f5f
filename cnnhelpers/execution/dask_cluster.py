"""Train runs on a dask cluster: each task trains a run in a worker process below the dask worker.

No file system is shared: runs and datasets go out through dask, records come back.
"""

import functools
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import cloudpickle

from cnnhelpers import data, environment, training
from cnnhelpers.data import DatasetInfo
from cnnhelpers.errors import InputError
from cnnhelpers.execution.process_pool import keep, take
from cnnhelpers.execution.schedule import PlannedRun
from cnnhelpers.execution.task import Outcome, dataset_file, train_run
from cnnhelpers.execution.worker_process import DiedError, WorkerProcess

SECONDS_TO_CONNECT = 20
MOST_TRANSFERS = 5  # of datasets for a run, each to another dask worker, before it is an error


@dataclass(frozen=True)
class Missing:
    """Datasets that a dask worker needs and does not have."""

    worker: str  #: its address
    folder: Path  #: where it looks for their files
    names: list[str]


class ClusterWorkers:
    """The workers of a running dask cluster."""

    size = 128  # runs that wait in dask's queue, where an adaptive cluster sees them; each holds a lock file open

    def __init__(self, scheduler: str | Path) -> None:
        """Connect to a scheduler by its address or file; raise InputError without dask, or if none answers."""
        try:
            import distributed
        except ImportError as error:
            raise InputError(f"workers={scheduler!r} needs dask: pip install 'cnnhelpers[cluster]'") from error
        where = {"address": scheduler} if "://" in str(scheduler) else {"scheduler_file": str(scheduler)}
        try:
            self._client = distributed.Client(**where, timeout=SECONDS_TO_CONNECT, set_as_default=False)
        except (OSError, ValueError) as error:  # TimeoutError is an OSError
            raise InputError(f"no dask scheduler answers at {scheduler}: {error}") from error
        self._tasks: dict[str, distributed.Future] = {}  # dask drops a task without a reference

    def submit(self, run: PlannedRun) -> Future:
        """Return a future of the run's Outcome."""
        answer: Future = Future()
        self._send(run, cloudpickle.dumps(run), answer, transfers=0)
        return answer

    def settle(self, run: PlannedRun) -> None:
        """Do nothing: the dask worker has deleted the checkpoints."""

    def close(self) -> None:
        """Cancel all tasks, which ends their worker processes."""
        if self._tasks:
            self._client.cancel(list(self._tasks.values()), force=True)
        self._client.close()

    def _send(self, run: PlannedRun, payload: bytes, answer: Future, transfers: int, **where: object) -> None:
        identity, seed = run.key
        key = f"{run.experiment.id}-{identity}-{seed}-{uuid4().hex[:8]}"
        task = self._client.submit(train_below_worker, payload, run.infos, environment.code(), key=key, **where)
        self._tasks[key] = task
        task.add_done_callback(functools.partial(self._receive, run, payload, answer, transfers))

    def _receive(self, run: PlannedRun, payload: bytes, answer: Future, transfers: int, task: Future) -> None:
        """Answer with the result of a task, or send the datasets that its worker needs and the run again."""
        self._tasks.pop(task.key, None)
        try:
            result = task.result()
            if not isinstance(result, Missing):
                answer.set_result(result)
                return
            if transfers == MOST_TRANSFERS:
                raise InputError(f"the workers cannot keep {result.names}: is the disk below {result.folder} full?")
            for name in result.names:
                file = result.folder / dataset_file(run.infos[name])
                self._client.run(data.Dataset.save, data.load(name), file, workers=[result.worker], on_error="return")
            self._send(run, payload, answer, transfers + 1, workers=[result.worker], allow_other_workers=True)
        except BaseException as error:  # dask would only log it
            answer.set_exception(_translated(error))


def _translated(error: BaseException) -> Exception:
    """Return the error as the runner knows it: a lost process, or the reason that the cluster can train no run."""
    from distributed import KilledWorker

    if isinstance(error, KilledWorker):
        return DiedError("each dask worker that took it was lost")
    if isinstance(error, (DiedError, InputError)):
        return error
    return InputError(
        f"the dask cluster cannot train the runs ({type(error).__name__}: {error}). Scheduler and workers need the "
        f"code of this machine, cnnhelpers {environment.code()} and your modules"
    )


def train_below_worker(payload: bytes, infos: Mapping[str, DatasetInfo], code: str) -> Outcome | Missing:
    """Train a run below this dask worker; raise InputError if the client's `code` is not the package here."""
    from distributed import get_worker

    if environment.code() != code:
        raise InputError(
            f"the worker has other code than the client: {environment.code()} there, {code} here; install the same"
        )
    worker = get_worker()
    folder, key = Path(worker.local_directory).parent / "cnnhelpers", worker.get_current_task()
    with _cancellable(lambda: getattr(worker.state.tasks.get(key), "state", "") != "executing") as process:
        outcome = process.call(train_run, payload, folder, infos)
    if isinstance(outcome, list):
        return Missing(worker.address, folder, outcome)
    training.Checkpoint(folder, outcome[0].identity, outcome[0].seed).delete()
    return outcome


@contextmanager
def _cancellable(cancelled: Callable[[], bool]) -> Iterator[WorkerProcess]:
    """Yield a worker process, which is killed when `cancelled` returns True and kept for the next run otherwise."""
    process, done = take(), threading.Event()

    def watch() -> None:
        while not done.wait(1):
            if cancelled():
                process.end()
                return

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield process
    finally:
        done.set()
        watcher.join()
        keep(process)
