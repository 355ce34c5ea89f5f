"""Lock runs and files, so that only one process or thread at a time trains or writes; locks end with their process."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

CHECKPOINTS = ".checkpoints"  # folder of checkpoints and locks below the records


class RunLocks:
    """The runs that a runner trains and records; another runner on the same records trains other runs.

    Where the file system has no locks, two runners may train the same run.
    """

    def __init__(self, folder: Path) -> None:
        """Make lock files in `folder`."""
        self._folder = folder
        self._held: dict[tuple[str, int], FileLock] = {}

    def take(self, key: tuple[str, int]) -> bool:
        """Lock the run with this (identity, seed); return False if another runner has it."""
        lock = FileLock(self._folder / f"{key[0]}-{key[1]}.lock", blocking=False)
        try:
            lock.acquire()
        except Timeout:
            return False
        except OSError:  # no locks here
            return True
        self._held[key] = lock
        return True

    def release(self, key: tuple[str, int]) -> None:
        """Unlock a run: it is recorded."""
        if lock := self._held.pop(key, None):
            lock.release()

    def close(self) -> None:
        """Unlock all runs."""
        for key in list(self._held):
            self.release(key)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock file `path` within the context; wait while another process or thread holds it.

    Where the file system has no locks, or the file cannot be made, do not wait.
    """
    with ExitStack() as stack:
        with suppress(OSError):
            stack.enter_context(FileLock(path))
        yield
