"""Several processes of our own: who needs some takes them, and those that are free wait for whoever comes next."""

import os
import queue
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import Any

from cnnhelpers.execution.worker_process import Child, DiedError

_KEPT: deque[Child] = deque()  # processes that wait for somebody to take them; the last one used is warm
os.register_at_fork(after_in_child=_KEPT.clear)  # they are the parent's


def take() -> Child:
    """Return a process that was kept, where it is as good as a new one, else a new one."""
    while True:
        try:
            child = _KEPT.pop()
        except IndexError:
            return Child()
        if child.is_as_new():
            return child
        child.end()


def keep(child: Child) -> None:
    """Let a process wait for the next `take`: to start another takes seconds. Without one it ends after IDLE."""
    if not child.ended:
        _KEPT.append(child)


class Children:
    """Several such processes; calls wait for the next one that is free.

    Examples
    --------
    >>> from contextlib import closing
    >>> with closing(Children(1)) as children:
    ...     [future.result() for future in [children.submit(abs, number) for number in (-1, -2)]]
    [1, 2]
    """

    def __init__(self, number: int) -> None:
        """`number` processes, kept from before or started when they are needed."""
        self._children = [take() for _ in range(number)]
        self._idle: queue.LifoQueue[Child | None] = queue.LifoQueue()  # the last one used is warm
        for child in self._children:
            self._idle.put(child)
        self._threads = ThreadPoolExecutor(number)  # each waits for a process

    def submit(self, function: Callable, *arguments: Any) -> Future:
        """Return a future of what Child.call returns or raises."""
        return self._threads.submit(self._call, function, *arguments)

    def close(self) -> None:
        """Kill the processes that are busy, keep others for later, forget the calls that wait."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        idle = []
        with suppress(queue.Empty):
            while True:
                idle.append(self._idle.get_nowait())
        for child in self._children:
            self._idle.put(None)
            if child not in idle:
                child.end()
        self._threads.shutdown()
        for child in reversed(idle):
            if child.holds_accelerator():
                child.end()
            keep(child)

    def _call(self, function: Callable, *arguments: Any) -> Any:
        child = self._idle.get()
        if child is None:
            raise DiedError("closed")
        try:
            return child.call(function, *arguments)
        finally:
            self._idle.put(child)
