"""A pool of reusable worker processes: to start another and load TensorFlow takes seconds."""

import os
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from cnnhelpers.execution.worker_process import DiedError, WorkerProcess

_KEPT: deque[WorkerProcess] = deque()  # idle, between two pools; the last one used first
os.register_at_fork(after_in_child=_KEPT.clear)  # they belong to the parent


def take() -> WorkerProcess:
    """Return an idle worker process that is like new, else a new one."""
    return _last(_KEPT, WorkerProcess.is_like_new) or WorkerProcess()


def keep(worker: WorkerProcess) -> None:
    """Keep a worker process for the next `take`; it ends if that is long in coming."""
    if worker.is_usable():
        _KEPT.append(worker)
    else:
        worker.end()


class WorkerPool:
    """Worker processes for several calls at a time; other calls wait.

    Examples
    --------
    >>> from contextlib import closing
    >>> with closing(WorkerPool(1)) as pool:
    ...     [future.result() for future in [pool.submit(abs, number) for number in (-1, -2)]]
    [1, 2]
    """

    def __init__(self, number: int) -> None:
        """Up to `number` processes; the first calls take or start them."""
        self._threads = ThreadPoolExecutor(number)  # each waits for the answer of a process
        self._idle: deque[WorkerProcess] = deque()
        self._busy: set[WorkerProcess] = set()
        self._closed = False

    def submit(self, function: Callable, *arguments: Any) -> Future:
        """Return a future of what WorkerProcess.call returns or raises."""
        return self._threads.submit(self._call, function, *arguments)

    def close(self) -> None:
        """Kill busy processes, keep idle ones for the next pool, cancel calls that wait."""
        self._closed = True
        self._threads.shutdown(wait=False, cancel_futures=True)
        for worker in list(self._busy):
            worker.end()
        self._threads.shutdown()
        for worker in self._idle:
            if worker.holds_accelerator():
                worker.end()
            keep(worker)

    def _call(self, function: Callable, *arguments: Any) -> Any:
        worker = _last(self._idle, WorkerProcess.is_usable) or take()
        self._busy.add(worker)
        try:
            if self._closed:
                raise DiedError("closed")
            return worker.call(function, *arguments)
        finally:
            self._busy.remove(worker)
            if worker.is_usable():
                self._idle.append(worker)
            else:
                worker.end()


def _last(workers: deque[WorkerProcess], is_fit: Callable[[WorkerProcess], bool]) -> WorkerProcess | None:
    """Take the last of `workers` that is fit, and end the unfit after it; None if none is."""
    while True:
        try:
            worker = workers.pop()
        except IndexError:
            return None
        if is_fit(worker):
            return worker
        worker.end()
