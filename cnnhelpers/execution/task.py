"""Train one planned run in this process, and describe a run that could not be trained."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import cloudpickle
import numpy as np

from cnnhelpers import data, environment, records
from cnnhelpers.data import DatasetInfo
from cnnhelpers.errors import InputError
from cnnhelpers.execution.schedule import PlannedRun
from cnnhelpers.execution.worker_process import THREADS

Outcome = tuple[records.Record, dict[str, np.ndarray]]


def train_run(payload: bytes, checkpoints: Path, infos: Mapping[str, DatasetInfo] | None = None) -> Outcome | list[str]:
    """Train a run in this process; return its record and arrays, or the names of datasets that are missing here.

    `payload` is the PlannedRun by cloudpickle; `checkpoints` the folder for its checkpoints, and for datasets from the
    client of a cluster; `infos` are of datasets that may be missing here.
    """
    environment.start_keras()
    import keras

    from cnnhelpers.training import DivergedError, train

    if missing := [name for name, info in (infos or {}).items() if not _provide(name, info, checkpoints)]:
        return missing
    keras.utils.clear_session()
    run: PlannedRun = cloudpickle.loads(payload)
    try:
        return train(run.experiment, run.seed, text=run.text, checkpoint_folder=checkpoints, threads=THREADS)[1:]
    except DivergedError as error:
        return failure(run, str(error), reason="diverged"), {}
    except Exception as error:  # recorded as the run's result, while other runs go on
        return failure(run, f"{type(error).__name__}: {error}"), {}


def failure(run: PlannedRun, error: str, reason: str = "error") -> records.Record:
    """Return the record of a run that could not be trained; one with a `reason` in records.SETTLED is final."""
    identity, seed = run.key
    return records.Record(
        identity=identity,
        seed=seed,
        text=run.text,
        labels=run.experiment.labels,
        data={name: getattr(run.info, name) for name in ("name", "fingerprint", "official")},
        status="failed",
        stop={"reason": reason, "error": error, "epochs_run": 0, "best_epoch": None},
        environment={"versions": environment.versions(), "commit": environment.commit()},
    )


def dataset_file(info: DatasetInfo) -> str:
    """Return the name of the file in which a client sends a dataset."""
    return f"{info.fingerprint}.npz"


def _provide(name: str, info: DatasetInfo, folder: Path) -> bool:
    """Return whether data.load(name) gives the pixels of `info` here: from this machine, or a client's file."""
    with suppress(InputError):
        if data.is_local(name) and data.info(name) == info:
            return True
    path = folder / dataset_file(info)
    if not path.is_file():
        return False
    data.PROVIDED[name] = replace(data.load(path), name=info.name, fingerprint=info.fingerprint, official=info.official)
    return True
