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
from cnnhelpers.execution.progress import LiveCurves, progress_bar
from cnnhelpers.execution.schedule import Key, PlannedRun, plan
from cnnhelpers.execution.task import Outcome, failure
from cnnhelpers.execution.worker_process import DiedError
from cnnhelpers.execution.workers import check_workers, start_workers
from cnnhelpers.experiments import Experiment

SECONDS_BETWEEN_LOOKS = 0.5  # at the runs of another runner


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

    All runs on a dataset are from one copy of its pixels, see records.preferred_copy. Every run computes with one
    thread, so that results do not depend on the number of workers. Ctrl-C, a killed worker process or a killed runner
    lose at most the epochs since the last checkpoint; calling again trains the rest. Several runners may work on one
    folder: each run is trained once.

    Columns are those of records.Record.row, experiments and seeds in the order given; failed runs have NaN metrics.
    InputError for bad experiments, seeds, data or workers, before anything is trained, and if no record can be written.

    Parameters
    ----------
    experiments
        With different ids.
    seeds
        Number of seeds (0 .. n-1), or the seeds themselves.
    train
        Whether to train missing runs, and again those that ended in an error. If not, a missing run has no row: the
        table may be empty, or hold a single run of an experiment, which has a mean but no interval.
    workers
        Processes on this machine, by default one for each core; or a dask cluster: the address of its scheduler
        ("tcp://HOST:PORT") or its scheduler file (a .json).
    folder
        Where runs are recorded; by default records.default_folder().
    progress
        Whether to report on standard error.
    live
        Whether to draw learning curves in a notebook while runs train on this machine.

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
    workers = check_workers(workers)
    planned = plan(experiments, seeds, folder, train=train)
    if train and (sweep := _Sweep(planned, folder)).waiting:
        check_writable(folder, "pass folder=, or set CNNHELPERS_RECORDS")
        sweep.train(workers, progress, live and isinstance(workers, int))
    return records.table(_recorded(planned, folder))


def _recorded(planned: list[PlannedRun], folder: Path) -> Iterator[records.Record]:
    """Yield the records of runs under the labels of their experiments; a damaged one is left out with a warning."""
    files = records.index(folder)
    for run in planned:
        if record := _load(files.get(run.key), "it is left out"):
            yield replace(record, labels=run.experiment.labels)


def _load(path: Path | None, consequence: str) -> records.Record | None:
    """Return the record of a file; None without a file, and for a damaged one, with a warning."""
    try:
        return None if path is None else records.load_record(path)
    except InputError as error:
        warnings.warn(f"{error}; {consequence}", stacklevel=2)
        return None


class _Sweep:
    """Train the runs of a call that have no settled record.

    A run waits, is in flight, or is a suspect, whose worker died: it is tried once more, alone.
    """

    def __init__(self, planned: list[PlannedRun], folder: Path) -> None:
        self._folder = folder
        files, missing = records.index(folder), {}
        for run in planned:
            if not _is_settled(files.get(run.key)):
                missing.setdefault(run.key, run)
        self.waiting = list(missing.values())
        self._in_flight: dict[Future, PlannedRun] = {}
        self._suspects: dict[Key, PlannedRun] = {}
        self._unwritten: list[tuple[PlannedRun, Outcome]] = []
        self._failed = 0

    def train(self, workers: int | str | Path, progress: bool, live: bool) -> None:
        """Train and record every run; a run whose worker dies twice is recorded as failed."""
        checkpoints = self._folder / records.CHECKPOINTS
        curves = LiveCurves(checkpoints) if live else None
        label = ", ".join(sorted({run.experiment.study for run in self.waiting})) if progress else ""
        with (
            closing(progress_bar(label, len(self.waiting))) as self._bar,
            closing(records.RunLocks(checkpoints)) as self._locks,
            closing(start_workers(workers, len(self.waiting), checkpoints)) as self._workers,
        ):
            while self.waiting or self._in_flight or self._suspects:
                self._submit()
                if not self._in_flight and self.waiting:  # other runners have these
                    time.sleep(SECONDS_BETWEEN_LOOKS)
                if curves:
                    curves.update(self._in_flight.values())
                limit = SECONDS_BETWEEN_LOOKS if self.waiting or curves else None
                for future in wait(self._in_flight, limit, FIRST_COMPLETED).done:
                    self._finish(self._in_flight.pop(future), future)
            self._write_again()

    def _submit(self) -> None:
        """Submit the next runs that no other runner has; when none is left, a suspect, alone."""
        if any(run.key in self._suspects for run in self._in_flight.values()):
            return
        free = (run for run in list(self.waiting) if self._locks.take(run.key))
        taken = list(islice(free, self._workers.size - len(self._in_flight)))
        files = records.index(self._folder) if taken else {}
        for run in taken:
            self.waiting.remove(run)
            if _is_settled(files.get(run.key)):  # by another runner, a moment ago
                self._settle(run, failed=False)
            else:
                self._in_flight[self._workers.submit(run)] = run
        if self._suspects and not self._in_flight:
            run = next(iter(self._suspects.values()))
            self._in_flight[self._workers.submit(run)] = run

    def _finish(self, run: PlannedRun, future: Future) -> None:
        """Record the outcome of a run."""
        try:
            outcome = future.result()
        except DiedError as error:
            if run.key not in self._suspects:
                self._suspects[run.key] = run
                return
            outcome = failure(run, f"the worker process died twice ({error}): killed, or out of memory"), {}
        except InputError:  # about the workers, not about the run
            raise
        except Exception as error:
            outcome = failure(run, f"{type(error).__name__}: {error}"), {}
        self._suspects.pop(run.key, None)
        if error := self._write(run, outcome):  # a full disk: finish runs in flight, start none
            warnings.warn(f"a record cannot be written ({error.strerror}): no more runs are started", stacklevel=2)
            self._unwritten.append((run, outcome))
            self.waiting.clear()
            self._suspects.clear()

    def _write(self, run: PlannedRun, outcome: Outcome) -> OSError | None:
        """Record a run; return the error if its record cannot be written."""
        record, arrays = outcome
        try:
            records.write(record, self._folder, arrays)
        except OSError as error:
            return error
        self._workers.settle(run)
        self._settle(run, failed=record.status == "failed")
        return None

    def _settle(self, run: PlannedRun, *, failed: bool) -> None:
        self._locks.release(run.key)
        self._failed += failed
        if self._failed:
            self._bar.set_postfix(failed=self._failed, refresh=False)
        self._bar.update()

    def _write_again(self) -> None:
        """Write the records that could not be written before: there may be room now."""
        while self._unwritten:
            if error := self._write(*self._unwritten[-1]):
                raise InputError(
                    f"{len(self._unwritten)} finished runs could not be recorded in {self._folder} ({error.strerror}), "
                    "and no more were started: make room, then start again to finish what is missing"
                ) from error
            self._unwritten.pop()


def _is_settled(path: Path | None) -> bool:
    """Return whether another try would not change a record; a missing or damaged record is not settled."""
    record = _load(path, "it is trained again")
    return record is not None and record.stop["reason"] in records.SETTLED
