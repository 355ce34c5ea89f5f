"""Return the trained model of a run: a record has no weights, but its seed trains the same weights again."""

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import cloudpickle

from cnnhelpers import environment, records, training
from cnnhelpers.atomic import check_writable
from cnnhelpers.errors import InputError
from cnnhelpers.execution.process_pool import WorkerPool
from cnnhelpers.execution.schedule import PlannedRun, plan
from cnnhelpers.execution.worker_process import THREADS
from cnnhelpers.experiments import Experiment

if TYPE_CHECKING:
    import keras


def trained(experiment: Experiment, seed: int = 0, folder: Path | str = "models") -> "keras.Model":
    """Return the model of a run: loaded from `folder`, else trained as `run` trains it and saved there.

    The model maps pixels 0..255, (batch, height, width, channels), to probabilities, (batch, classes). On the same kind
    of machine its weights are, bit for bit, those that the run's record names by their hash. InputError for a bad
    experiment or seed, missing data, a run that diverges, or a damaged file.
    """
    (run,) = plan([experiment], [seed], records.default_folder())
    identity, seed = run.key
    path = Path(folder) / f"{records.slug(experiment.id)}-{identity}-{seed}.keras"
    if not path.exists():
        check_writable(path.parent, "pass another folder=")
        with records.locked(path.with_name(f".{path.name}.lock")), closing(WorkerPool(1)) as pool:
            if not path.exists():  # not trained elsewhere in the meantime
                pool.submit(_train_and_save, cloudpickle.dumps(run), path.resolve()).result()
    return training.load_model(path)


def _train_and_save(payload: bytes, path: Path) -> None:
    environment.start_keras()
    run: PlannedRun = cloudpickle.loads(payload)
    model, record, _ = training.train(run.experiment, run.seed, text=run.text, threads=THREADS)
    if record.status != "done":
        raise InputError(f"{run.experiment.id} with seed {run.seed} has no model: its training {record.stop['reason']}")
    training.save_model(model, path)
