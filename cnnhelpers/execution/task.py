"""Train one run in this process, and describe one that could not be trained."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cloudpickle
import numpy as np

from cnnhelpers import data, environment, records
from cnnhelpers.execution.handover import provide
from cnnhelpers.execution.schedule import Run
from cnnhelpers.execution.worker_process import THREADS

Outcome = tuple[records.Record, dict[str, np.ndarray]]


def train_run(
    payload: bytes, checkpoints: Path, cards: Mapping[str, data.DatasetInfo] | None = None
) -> Outcome | list[str]:
    """Train one run in this process; return its record and arrays, or the names of datasets that are not here.

    Parameters
    ----------
    payload
        The Run, by cloudpickle.
    checkpoints
        Folder for the run's state between epochs, and for datasets that were handed over.
    cards
        Datasets that may not be here.
    """
    environment.start_keras()
    import keras

    from cnnhelpers.training import DivergedError, train

    missing = [name for name, card in (cards or {}).items() if not provide(name, card, checkpoints)]
    if missing:
        return missing
    keras.utils.clear_session()
    one: Run = cloudpickle.loads(payload)
    try:
        _, record, arrays = train(
            one.experiment, one.seed, text=one.text, checkpoint_folder=checkpoints, threads=THREADS
        )
    except DivergedError as error:
        return failure(one, str(error), reason="diverged"), {}
    except Exception as error:  # whatever went wrong is the run's result: it is recorded, and the others go on
        return failure(one, f"{type(error).__name__}: {error}"), {}
    return record, arrays


def failure(one: Run, error: str, reason: str = "error") -> records.Record:
    """Return the record of a run that could not be trained; a `reason` in records.SETTLED lets it rest."""
    about: dict[str, Any] = {"name": one.card.name, "fingerprint": one.card.fingerprint, "official": one.card.official}
    identity, seed = one.key
    return records.Record(
        identity=identity,
        seed=seed,
        text=one.text,
        labels=one.experiment.labels,
        data=about,
        status="failed",
        stop={"reason": reason, "error": error, "epochs_run": 0, "best_epoch": None},
        environment={"versions": environment.versions(), "commit": environment.commit()},
    )
