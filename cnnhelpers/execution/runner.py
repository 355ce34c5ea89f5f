"""Return the runs of a study: recorded ones are loaded, missing ones are trained by worker processes and recorded."""

import time
import warnings
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import closing
from dataclasses import replace
from itertools import islice
from pathlib import Path

import pandas as pd

from cnnhelpers import environment, records
from cnnhelpers.atomic import check_writable
from cnnhelpers.errors import InputError
from cnnhelpers.execution import workers as places
from cnnhelpers.execution.live_plot import LiveCurves
from cnnhelpers.execution.progress import ProgressLine
from cnnhelpers.execution.schedule import Key, Run, plan
from cnnhelpers.execution.task import Outcome, failure
from cnnhelpers.execution.worker_process import DiedError
from cnnhelpers.experiments import Experiment
from cnnhelpers.records import RunLocks

BACKUPS = ".backups"  # folder below the records
SECONDS_BETWEEN_LOOKS = 0.5  # at what another runner does


def run(
    experiments: Experiment | Sequence[Experiment],
    seeds: int | Iterable[int] = 5,
    *,
    train: bool = True,
    workers: int | str | Path | None = None,
    folder: Path | str | None = None,
    progress: bool = True,
    live: bool = False,
) -> pd.DataFrame:
    """Return the runs of `experiments` with every seed, one row each, training those that are not recorded yet.

    With train=False nothing is trained: runs without a record have no row, so that the table may be empty or hold a
    single run of an experiment, of which there is a mean but no interval. All runs on a dataset are of one copy of its
    pixels, see records.preferred_copy.

    Every run computes with one thread, so that results do not depend on the number of workers. Ctrl-C, a killed worker
    process or a killed runner lose at most the epochs since the last checkpoint; calling again trains the rest. Several
    runners may work on one folder: each run is trained by one of them.

    Parameters
    ----------
    experiments
        One or several, with different ids.
    seeds
        Number of seeds (0 .. n-1), or the seeds themselves.
    train
        Whether to train what is missing; runs that ended in an error are trained again.
    workers
        Processes on this machine, by default one for each core; or a dask cluster: the address of its scheduler
        ("tcp://HOST:PORT") or its scheduler file (a .json).
    folder
        Where runs are recorded; by default records.default_folder().
    progress
        Whether to report on standard error.
    live
        Whether to draw the learning curves of runs on this machine while they train; for notebooks that are watched.

    Returns
    -------
    pandas.DataFrame
        Columns of records.Record.row; experiments and seeds in the order asked for; failed runs have NaN metrics.

    Raises
    ------
    InputError
        For bad experiments, seeds, data or workers, before anything is trained; if no record can be written.

    Examples
    --------
    >>> import tempfile
    >>> from keras import layers
    >>> from cnnhelpers import Protocol
    >>> network = [layers.Flatten(), layers.Dense(10, activation="softmax")]
    >>> linear = Experiment(network, Protocol(dataset="digits", epochs=1, images=200), id="linear")
    >>> runs = run(linear, seeds=1, folder=tempfile.mkdtemp(), progress=False)
    >>> runs[["experiment", "seed", "status", "epochs_run"]].values.tolist()
    [['linear', 0, 'done', 1]]
    """
    environment.open_standard_streams()
    experiments = [experiments] if isinstance(experiments, Experiment) else list(experiments)
    folder = Path(folder) if folder is not None else records.default_folder()
    workers = places.check(workers)
    planned = plan(experiments, seeds, folder, train=train)
    missing, stamps = _missing(planned, folder) if train else ([], {})
    if missing:
        check_writable(folder, "pass folder=, or set CNNHELPERS_RECORDS")
        label = ", ".join(sorted({one.experiment.study for one in missing})) if progress else ""
        line, live = ProgressLine(label, len(missing)), live and isinstance(workers, int)
        _Sweep(missing, stamps, folder, line, live).train(workers)
    return records.table(_recorded(planned, folder))


def _recorded(planned: list[Run], folder: Path) -> Iterator[records.Record]:
    """Yield the records of runs under the labels of their experiments; a damaged one is left out with a warning."""
    files = records.index(folder)
    for one in planned:
        try:
            if one.key in files:
                yield replace(records.read(files[one.key]), labels=one.experiment.labels)
        except InputError as error:
            warnings.warn(f"{error}; it is left out", stacklevel=2)


def _missing(planned: list[Run], folder: Path) -> tuple[list[Run], dict[Key, int | None]]:
    """Return the runs without a settled record, one of each key, and the stamps of the records that were looked at.

    Errors other than divergence are tried again.
    """
    files, missing = records.index(folder), {}
    stamps = {one.key: _stamp(files.get(one.key)) for one in planned}
    for one in planned:
        if one.key not in files or not _settled(files[one.key]):
            missing.setdefault(one.key, one)
    return list(missing.values()), stamps


def _settled(path: Path) -> bool:
    try:
        return records.read(path).stop["reason"] in records.SETTLED
    except InputError as error:  # damaged or edited: made again, and replaced whole
        warnings.warn(f"{error}; it is made again", stacklevel=2)
        return False


class _Sweep:
    """The missing runs of one call: waiting, in flight, or to be tried once more alone because their worker died."""

    def __init__(
        self, missing: list[Run], stamps: dict[Key, int | None], folder: Path, line: ProgressLine, live: bool
    ) -> None:
        self._folder, self._line = folder, line
        self._curves = LiveCurves(folder / BACKUPS) if live else None
        self._stamps = stamps  # a record with another one is of another runner
        self._waiting = list(missing)
        self._flying: dict[Future, Run] = {}
        self._suspects: dict[Key, Run] = {}
        self._unwritten: list[tuple[Run, Outcome]] = []

    def train(self, workers: int | str | Path) -> None:
        """Train and record every run; one whose worker dies twice is recorded as failed."""
        backups = self._folder / BACKUPS
        with (
            closing(self._line),
            closing(RunLocks(backups)) as self._locks,
            closing(places.start(workers, len(self._waiting), backups)) as self._workers,
        ):
            while self._waiting or self._flying or self._suspects:
                self._start()
                if not self._flying and self._waiting:  # other runners have what is left
                    time.sleep(SECONDS_BETWEEN_LOOKS)
                if self._curves:
                    self._curves.look(self._flying.values())
                limit = SECONDS_BETWEEN_LOOKS if self._waiting or self._curves else None
                for future in wait(self._flying, limit, FIRST_COMPLETED).done:
                    self._finish(self._flying.pop(future), future)
            self._write_at_last()

    def _start(self) -> None:
        """Submit the next runs that no other runner has; when none is left, a suspect, alone."""
        if any(one.key in self._suspects for one in self._flying.values()):
            return
        ours = (one for one in list(self._waiting) if self._locks.take(one.key))
        taken = list(islice(ours, self._workers.size - len(self._flying)))
        files = records.index(self._folder) if taken else {}
        for one in taken:
            self._waiting.remove(one)
            if _stamp(files.get(one.key)) == self._stamps[one.key]:
                self._flying[self._workers.submit(one)] = one
            else:  # another runner has just recorded it
                self._locks.release(one.key)
                self._line.step(failed=False)
        if self._suspects and not self._flying:
            one = next(iter(self._suspects.values()))
            self._flying[self._workers.submit(one)] = one

    def _finish(self, one: Run, future: Future) -> None:
        """Record what came of a run."""
        try:
            outcome = future.result()
        except DiedError as error:
            if one.key not in self._suspects:
                self._suspects[one.key] = one
                return
            outcome = failure(one, f"the worker process died twice ({error}): killed, or out of memory"), {}
        except InputError:  # about the workers, not about the run
            raise
        except Exception as error:
            outcome = failure(one, f"{type(error).__name__}: {error}"), {}
        self._suspects.pop(one.key, None)
        if error := self._write(one, outcome):  # the disk is full, say: finish what is in flight, begin nothing
            warnings.warn(f"a record cannot be written ({error.strerror}): no more runs are started", stacklevel=2)
            self._unwritten.append((one, outcome))
            self._waiting.clear()
            self._suspects.clear()

    def _write(self, one: Run, outcome: Outcome) -> OSError | None:
        """Record a run and let go of it; return why its record cannot be written."""
        record, arrays = outcome
        try:
            records.write(record, self._folder, arrays)
        except OSError as error:
            return error
        self._workers.settle(one)
        self._locks.release(one.key)
        self._line.step(failed=record.status == "failed")
        return None

    def _write_at_last(self) -> None:
        """Write the records that could not be written before: there may be room again."""
        while self._unwritten:
            if error := self._write(*self._unwritten[-1]):
                raise InputError(
                    f"{len(self._unwritten)} finished runs could not be recorded in {self._folder} ({error.strerror}), "
                    "and no more were started: make room, then start again to finish what is missing"
                ) from error
            self._unwritten.pop()


def _stamp(path: Path | None) -> int | None:
    """Return what changes when a record is written."""
    try:
        return None if path is None else path.stat().st_mtime_ns
    except FileNotFoundError:  # just replaced by one under another label
        return 0
