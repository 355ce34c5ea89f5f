"""Call functions in a worker process: it computes with one thread, and its death is an exception here.

Why not a library's pool: loky's breaks when a worker dies. Pebble's survives that, but (version 5.2 on loky's context)
a busy worker outlives a parent that was killed, it takes 3 s to stop a busy worker, and like all of multiprocessing it
refuses to start below a dask nanny, whose worker is a daemonic process.
"""

import fcntl
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection, Pipe
from pathlib import Path
from typing import Any

import psutil

from cnnhelpers import environment

THREADS = 1  # of each run, whatever the number of workers: another number would change the bits of a result
WORKER_ENVIRONMENT = {
    "TF_NUM_INTRAOP_THREADS": str(THREADS),
    "TF_NUM_INTEROP_THREADS": str(THREADS),
    "OMP_NUM_THREADS": str(THREADS),
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1",  # JAX on CPU
}
NOT_PASSED_ON = {"CNNHELPERS_RECORDS"}  # variables without use in a worker process: calls name their folders
IDLE = 300.0  # seconds without a call after which a worker process ends and frees its memory
GROWTH = 300 * 2**20  # bytes of memory above those after the first call at which it is given up: Keras leaks


class DiedError(Exception):
    """The worker process ended before it answered: it was killed, ran out of memory or crashed."""


class WorkerProcess:
    """A process that answers one call at a time until it is ended, dies, waits too long, or its parent ends.

    Ctrl-C in a terminal does not reach it.

    Examples
    --------
    >>> worker = WorkerProcess()
    >>> worker.call(divmod, 7, 2)
    (3, 1)
    >>> worker.end()
    """

    def __init__(self) -> None:
        """Start the process with the present environment, folder and search path of modules."""
        environment.open_standard_streams()
        self._surroundings = _surroundings()
        self._memory = 0  # bytes after its first call
        self._connection, connection = Pipe()
        lifeline, self._lifeline = Pipe(duplex=False)
        with connection, lifeline:
            ends = [connection.fileno(), lifeline.fileno()]
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", __name__, *map(str, [os.getpid(), *ends])],
                stdin=subprocess.DEVNULL,
                env=self._surroundings[0],
                pass_fds=ends,
                process_group=0,
            )

    def call(self, function: Callable, *arguments: Any) -> Any:
        """Return `function(*arguments)`, computed in the process; raise what it raises, or DiedError.

        Function and arguments go through pickle: functions by their module and name.
        """
        try:
            self._connection.send((function, arguments))
            succeeded, answer = self._connection.recv()
        except (EOFError, OSError):
            raise DiedError(self._cause_of_death()) from None
        if succeeded:
            return answer
        raise answer

    def end(self) -> None:
        """Kill the process; a call that waits for its answer raises DiedError."""
        self._process.kill()
        self._process.wait()

    def is_usable(self) -> bool:
        """Return whether the process runs, and has not grown by GROWTH since its first call."""
        if self._process.poll() is not None:
            return False
        with suppress(psutil.Error):
            memory = psutil.Process(self._process.pid).memory_info().rss
            self._memory = self._memory or memory
            return memory <= self._memory + GROWTH
        return False

    def is_like_new(self) -> bool:
        """Return whether a process started now would have the same environment, folder and code."""
        with suppress(DiedError):
            return self.is_usable() and self._surroundings == _surroundings() and self.call(_code_is_unchanged)
        return False

    def holds_accelerator(self) -> bool:
        """Return whether the process computes on a GPU or TPU, whose memory is free only after its end."""
        with suppress(DiedError):
            return self.call(_holds_accelerator)
        return False

    def _cause_of_death(self) -> str:
        self.end()
        code = self._process.returncode
        return signal.Signals(-code).name if code < 0 else f"exit code {code}"


def _surroundings() -> tuple[dict[str, str], tuple[int, int]]:
    """Return the environment of a worker process, and the working folder as device and inode.

    The environment asks for one thread, keeps the user's flags, and has this process' search path of modules.
    """
    flags = f"{os.environ.get('XLA_FLAGS', '')} {WORKER_ENVIRONMENT['XLA_FLAGS']}".strip()
    path = os.pathsep.join(os.path.abspath(folder) for folder in sys.path)  # noqa: PTH100
    variables = os.environ | WORKER_ENVIRONMENT | {"XLA_FLAGS": flags, "PYTHONPATH": path}
    here = Path().stat()
    return {name: variables[name] for name in variables.keys() - NOT_PASSED_ON}, (here.st_dev, here.st_ino)


def _holds_accelerator() -> bool:
    return "keras" in sys.modules and not environment.device().startswith("cpu")


def _code_is_unchanged() -> bool:
    """Return whether no module that is loaded here has changed on disk."""
    for module in list(sys.modules.values()):
        with suppress(AttributeError):
            file = object.__getattribute__(module, "__dict__").get("__file__")  # does not load a lazy module
            if file and not (Path(file).exists() and Path(file).stat().st_ctime < environment.STARTED):
                return False
    return True


def _answer_calls(connection: Connection) -> None:
    """Answer calls until none has come for IDLE seconds or the other end is closed."""
    while connection.poll(IDLE):
        try:
            function, arguments = connection.recv()
        except EOFError:
            return
        try:
            answer = pickle.dumps((True, function(*arguments)))
        except Exception as error:  # it is raised where the call came from
            answer = _pickled(error)
        connection.send_bytes(answer)


def _pickled(error: Exception) -> bytes:
    try:
        pickle.loads(pickle.dumps(error))
        return pickle.dumps((False, error))
    except Exception:  # a class with a constructor that pickle cannot call
        return pickle.dumps((False, RuntimeError(f"{type(error).__name__}: {error}")))


def _end_with_parent(parent: int, lifeline: int) -> None:
    """Let this process end with its parent, whatever either is doing.

    When the parent's end of a pipe is closed, Linux kills this process at once: a thread would wait for the
    interpreter, which may be busy for long, while a library is loaded for instance. The thread is for other systems,
    and for a parent that has forked, whose fork holds the pipe open.
    """
    if hasattr(fcntl, "F_SETSIG"):
        fcntl.fcntl(lifeline, fcntl.F_SETOWN, os.getpid())
        fcntl.fcntl(lifeline, fcntl.F_SETSIG, signal.SIGKILL)
        fcntl.fcntl(lifeline, fcntl.F_SETFL, os.O_ASYNC)
    threading.Thread(target=_watch, args=(parent,), daemon=True).start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)


def main() -> None:
    """Answer the calls of the parent; what is printed goes to standard error."""
    environment.open_standard_streams()
    os.dup2(2, 1)
    parent, connection, lifeline = map(int, sys.argv[1:])
    _end_with_parent(parent, lifeline)
    _answer_calls(Connection(connection))


if __name__ == "__main__":
    main()
