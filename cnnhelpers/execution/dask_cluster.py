"""A dask cluster as workers: each task trains one run in a process of its own, below the dask worker.

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
from cnnhelpers.errors import InputError
from cnnhelpers.execution import handover
from cnnhelpers.execution.process_pool import keep, take
from cnnhelpers.execution.schedule import Run
from cnnhelpers.execution.task import Outcome, train_run
from cnnhelpers.execution.worker_process import Child, DiedError

SECONDS_TO_CONNECT = 20
HANDED_OVER_AT_MOST = 5  # times for one run, each to another worker, before it is an error


@dataclass(frozen=True)
class Missing:
    """Datasets that a worker needs and does not have."""

    worker: str  # its address
    folder: Path  # where it looks for them
    names: list[str]


class ClusterWorkers:
    """The workers of a running dask cluster."""

    size = 128  # runs that wait in dask's queue, where an adaptive cluster sees them; each holds a lock file open

    def __init__(self, scheduler: str | Path) -> None:
        """Connect to a scheduler by its address or scheduler file.

        Raises
        ------
        InputError
            If dask.distributed is not installed or no scheduler answers.
        """
        try:
            import distributed
        except ImportError as error:
            raise InputError(f"workers={scheduler!r} needs dask: pip install 'cnnhelpers[cluster]'") from error
        where = {"address": scheduler} if "://" in str(scheduler) else {"scheduler_file": str(scheduler)}
        try:
            self._client = distributed.Client(**where, timeout=SECONDS_TO_CONNECT, set_as_default=False)
        except (OSError, ValueError) as error:  # TimeoutError is an OSError
            raise InputError(f"no dask scheduler answers at {scheduler}: {error}") from error
        self._tasks: dict[str, distributed.Future] = {}  # a task that nobody holds is dropped

    def submit(self, one: Run) -> Future:
        """Return a future of the run's Outcome."""
        answer: Future = Future()
        self._send(one, cloudpickle.dumps(one), answer, times=0)
        return answer

    def settle(self, one: Run) -> None:
        """Nothing is kept here: the worker has cleared its backup."""

    def close(self) -> None:
        """Cancel what is under way; the workers then end its processes."""
        if self._tasks:
            self._client.cancel(list(self._tasks.values()), force=True)
        self._client.close()

    def _send(self, one: Run, payload: bytes, answer: Future, times: int, **where: object) -> None:
        identity, seed = one.key
        task = self._client.submit(
            train_here,
            payload,
            one.cards,
            environment.code(),
            key=f"{one.experiment.id}-{identity}-{seed}-{uuid4().hex[:8]}",
            **where,
        )
        self._tasks[task.key] = task
        task.add_done_callback(functools.partial(self._receive, one, payload, answer, times))

    def _receive(self, one: Run, payload: bytes, answer: Future, times: int, task: Future) -> None:
        """Pass on what a task gave; hand over the data that its worker lacks and send the run again."""
        self._tasks.pop(task.key, None)
        try:
            result = task.result()
            if not isinstance(result, Missing):
                answer.set_result(result)
                return
            if times == HANDED_OVER_AT_MOST:
                raise InputError(f"the workers cannot keep {result.names}: is the disk below {result.folder} full?")
            for name in result.names:
                file = result.folder / handover.file_name(one.cards[name])
                self._client.run(_save, data.load(name), file, workers=[result.worker], on_error="return")
            self._send(one, payload, answer, times + 1, workers=[result.worker], allow_other_workers=True)
        except BaseException as error:  # else nobody would ever hear of it
            answer.set_exception(_translated(error))


def _translated(error: BaseException) -> Exception:
    """Return what the runner understands: a lost process, or why no run can be trained on this cluster."""
    from distributed import KilledWorker

    if isinstance(error, KilledWorker):
        return DiedError("each dask worker that took it was lost")
    if isinstance(error, (DiedError, InputError)):
        return error
    return InputError(
        f"the dask cluster cannot train the runs ({type(error).__name__}: {error}). Scheduler and workers need the "
        f"code that is here, cnnhelpers {environment.code()} and your own modules"
    )


def train_here(payload: bytes, cards: Mapping[str, data.DatasetInfo], code: str) -> Outcome | Missing:
    """Train one run below this dask worker.

    Raises
    ------
    InputError
        If the package here is not `code`, the client's.
    DiedError
        If the process that trained was killed.
    """
    from distributed import get_worker

    if environment.code() != code:
        raise InputError(
            f"the worker has other code than the client: {environment.code()} there, {code} here; install the same"
        )
    worker = get_worker()
    folder, key = Path(worker.local_directory).parent / "cnnhelpers", worker.get_current_task()
    with _child(lambda: getattr(worker.state.tasks.get(key), "state", "") != "executing") as child:
        outcome = child.call(train_run, payload, folder, cards)
    if isinstance(outcome, list):
        return Missing(worker.address, folder, outcome)
    training.Checkpoint(folder, outcome[0].identity, outcome[0].seed).delete()
    return outcome


@contextmanager
def _child(cancelled: Callable[[], bool]) -> Iterator[Child]:
    """Yield a process, which is killed once `cancelled` returns True and kept for the next run otherwise."""
    child = take()
    done = threading.Event()

    def watch() -> None:
        while not done.wait(1):
            if cancelled():
                child.end()
                return

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield child
    finally:
        done.set()
        watcher.join()
        keep(child)


def _save(dataset: data.Dataset, file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    dataset.save(file)
