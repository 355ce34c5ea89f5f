"""Who trains what, where several do: locks that the system itself drops when a process ends."""

import errno
import fcntl
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path


class Locks:
    """The runs that this process trains and records, so that a second runner on the same store trains others.

    One byte of one file stands for each run. There is nothing to clean up and nothing that can go stale: a killed
    runner holds no lock. Between machines this works wherever their shared file system knows POSIX locks (NFS does);
    where it does not, two runners may train the same run, and one record remains.
    """

    def __init__(self, folder: Path) -> None:
        """Open the file `folder`/locks."""
        folder.mkdir(parents=True, exist_ok=True)
        self._file = (folder / "locks").open("ab")

    def take(self, key: tuple[str, int]) -> bool:
        """Return whether the run with this (identity, seed) is now ours; False if another runner has it."""
        try:
            fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, _place(key))
        except OSError as error:
            return error.errno not in (errno.EACCES, errno.EAGAIN)
        return True

    def release(self, key: tuple[str, int]) -> None:
        """Give the run up: it is recorded."""
        with suppress(OSError):  # where there are no locks
            fcntl.lockf(self._file, fcntl.LOCK_UN, 1, _place(key))

    def close(self) -> None:
        """Give up all."""
        self._file.close()


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Hold the file `path`, which is made, within the context; wait as long as another process or thread holds it.

    Where it cannot be made or locked nobody waits.
    """
    with ExitStack() as held:
        with suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            fcntl.flock(held.enter_context(path.open("ab")), fcntl.LOCK_EX)
        yield


def _place(key: tuple[str, int]) -> int:
    identity, seed = key
    return (int(identity, 16) + seed) % 2**62
