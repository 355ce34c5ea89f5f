"""A process of our own that calls functions for us: it computes with one thread, and can die without taking us along.

multiprocessing and the pools built on it (loky, concurrent.futures) cannot be used here: they refuse to start a process
from a dask worker, which is itself a daemonic process, and the death of one process breaks the whole pool.
"""

import os
import pickle
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

import psutil

from cnnhelpers import environment

THREADS = 1  # of each run, whatever the number of workers: another number would change the bits of a result
WORKER_ENVIRONMENT = {
    "TF_NUM_INTRAOP_THREADS": str(THREADS),
    "TF_NUM_INTEROP_THREADS": str(THREADS),
    "OMP_NUM_THREADS": str(THREADS),
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1",  # JAX on CPU
}
IDLE = 300.0  # seconds after which a process that nobody asks ends, and gives its memory back
NOT_PASSED_ON = {"CNNHELPERS_RECORDS"}  # variables that a process has no use for: calls name their folders
GROWTH = 300 * 2**20  # bytes of memory above those after its first call, at which a process is replaced: Keras leaks
Surroundings = tuple[dict[str, str], tuple[int, int]]  # environment, working folder as device and inode


class DiedError(Exception):
    """The process ended before it answered: it was killed, ran out of memory or crashed."""


class Child:
    """One process, started by the first call and again after it died; each call waits for its answer.

    Ctrl-C does not reach it. It ends with this process, however that ends, and by `end`. Where the environment, the
    working folder or the search path for modules has changed since it was started, a call replaces it.

    Examples
    --------
    >>> child = Child()
    >>> child.call(divmod, 7, 2)
    (3, 1)
    >>> child.end()
    """

    def __init__(self) -> None:
        """The process is started by the first call."""
        self._process: subprocess.Popen | None = None
        self._lifeline = -1  # a pipe that we never read: see _end_without
        self._first = 0  # bytes of memory after its first call
        self._surroundings: Surroundings | None = None  # that it was started in
        self._calling = threading.Lock()
        self.ended = False  # by `end`, from another thread
        self._starting = threading.Lock()

    def call(self, function: Callable, *arguments: Any) -> Any:
        """Return function(*arguments), computed in the process; what it raises is raised here.

        Parameters
        ----------
        function, arguments
            Anything that pickle takes; functions are found by their module and name.

        Raises
        ------
        DiedError
            If the process ends before it answers; the next call starts a new one.
        """
        with self._calling:
            process, request = self._running(), pickle.dumps((function, arguments))
            try:
                process.stdin.write(request)
                process.stdin.flush()
                succeeded, answer = pickle.load(process.stdout)
            except (EOFError, OSError, pickle.UnpicklingError):  # cut off, wherever the process was
                raise DiedError(self._bury()) from None
            self._renew(process)
        if succeeded:
            return answer
        raise answer

    def is_as_new(self) -> bool:
        """Return whether the next call finds the code that is on disk now."""
        with suppress(DiedError):
            return not self._is_current() or self.call(_is_as_new)
        return False

    def holds_accelerator(self) -> bool:
        """Return whether the process computes on a GPU or TPU, whose memory nobody else has until it ends."""
        with suppress(DiedError):
            return self._is_current() and self.call(_holds_accelerator)
        return False

    def end(self) -> None:
        """Kill the process, at once and for good; a call that waits for it raises DiedError."""
        with self._starting:
            self.ended, process = True, self._process
            if process is not None:
                process.kill()
        with self._calling:
            if self._process is not None:
                self._bury()

    def _is_current(self) -> bool:
        """Return whether there is a process that the next call would ask."""
        running = self._process is not None and self._process.poll() is None
        return running and self._surroundings == _surroundings()

    def _running(self) -> subprocess.Popen:
        with self._starting:
            if self.ended:
                raise DiedError("ended")
            if self._process is not None and not self._is_current():  # it was idle for long, or would be another now
                self._bury()
            if self._process is None:
                self._surroundings, self._first = _surroundings(), 0
                self._process, self._lifeline = _start(self._surroundings[0])
            return self._process

    def _bury(self) -> str:
        """Clear the process away and return in words how it ended."""
        process, self._process = self._process, None
        process.kill()
        code = process.wait()
        os.close(self._lifeline)
        process.stdout.close()
        with suppress(OSError):  # a request was still on its way
            process.stdin.close()
        return signal.Signals(-code).name if code < 0 else f"exit code {code}"

    def _renew(self, process: subprocess.Popen) -> None:
        """Give up a process whose memory has grown too far."""
        try:
            memory = psutil.Process(process.pid).memory_info().rss
        except psutil.Error:
            return
        self._first = self._first or memory
        if memory > self._first + GROWTH:
            self._bury()


def _start(variables: dict[str, str]) -> tuple[subprocess.Popen, int]:
    """Return a process and the end of its lifeline to be kept open."""
    ours, its = os.pipe()
    try:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "cnnhelpers.execution.worker_process", str(os.getpid()), str(its)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=variables,
            pass_fds=[its],
            process_group=0,  # the terminal's Ctrl-C is for us alone
        )
    except BaseException:
        os.close(ours)
        raise
    finally:
        os.close(its)
    return process, ours


def _surroundings() -> Surroundings:
    """Return the environment of a process and its working folder, as device and inode.

    One thread, flags of the user's own kept, our search path for modules.
    """
    flags = f"{os.environ.get('XLA_FLAGS', '')} {WORKER_ENVIRONMENT['XLA_FLAGS']}".strip()
    path = os.pathsep.join(os.path.abspath(folder) for folder in sys.path)  # noqa: PTH100
    variables = os.environ | WORKER_ENVIRONMENT | {"XLA_FLAGS": flags, "PYTHONPATH": path}
    here = Path().stat()
    return {name: variables[name] for name in variables.keys() - NOT_PASSED_ON}, (here.st_dev, here.st_ino)


def _holds_accelerator() -> bool:
    return "keras" in sys.modules and not environment.device().startswith("cpu")


def _is_as_new() -> bool:
    """Return whether no module that is loaded here has changed on disk."""
    return all(_unchanged(module) for module in list(sys.modules.values()))


def _unchanged(module: Any) -> bool:
    """Return whether the file of a module, if it has any, is as old as this process; a lazy module is not loaded."""
    try:
        file = object.__getattribute__(module, "__dict__").get("__file__")
        return file is None or Path(file).stat().st_ctime < environment.STARTED
    except AttributeError:
        return True
    except OSError:  # deleted
        return False


def _answer(requests: BinaryIO, answers: BinaryIO) -> None:
    """Call what is asked for, until nobody asks any more."""
    while select.select([requests], [], [], IDLE)[0]:
        try:
            function, arguments = pickle.load(requests)
        except EOFError:
            return
        try:
            answer = pickle.dumps((True, function(*arguments)))
        except Exception as error:  # it belongs to whoever asked
            answer = _pickled(error)
        answers.write(answer)
        answers.flush()


def _pickled(error: Exception) -> bytes:
    try:
        pickle.loads(pickle.dumps(error))
        return pickle.dumps((False, error))
    except Exception:  # an exception of the user's own, with a constructor that pickle does not know
        return pickle.dumps((False, RuntimeError(f"{type(error).__name__}: {error}")))


def _end_without(lifeline: int) -> None:
    """Write, and wait for ever, to a pipe that only the parent could read: when the parent ends, SIGPIPE ends us.

    The system does that by itself, at once, on Linux and macOS alike. A thread that were to call os._exit would wait
    for the interpreter, which another may hold for long: while a library is loaded, say. (Linux' PR_SET_PDEATHSIG
    would do as well, but follows the thread that started the process, which may end before its process does.) Where a
    library has SIGPIPE ignored, as JAX does with a GPU, there is an error instead.
    """
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGPIPE})
    try:
        while True:
            os.write(lifeline, bytes(2**20))  # more than any pipe holds
    except BrokenPipeError:
        os._exit(1)


def _end_with(parent: int) -> None:
    """End with the parent also where a process that it forked holds the other end of the lifeline."""
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)


def main() -> None:
    """Answer on the standard output of the start; what is printed from now on goes to standard error."""
    environment.open_standard_streams()
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGPIPE})  # of all threads but one: others get an OSError
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    parent, lifeline = map(int, sys.argv[1:])
    threading.Thread(target=_end_without, args=(lifeline,), daemon=True).start()
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    with os.fdopen(os.dup(1), "wb") as answers:
        os.dup2(2, 1)
        _answer(sys.stdin.buffer, answers)


if __name__ == "__main__":
    main()
