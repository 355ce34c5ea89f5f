"""From a run to its trained model: records keep no weights, but a seed trains the same ones again."""

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import cloudpickle

from cnnhelpers import environment, records, training
from cnnhelpers.atomic import check_writable
from cnnhelpers.errors import InputError
from cnnhelpers.execution.process_pool import Children
from cnnhelpers.execution.schedule import Run, plan
from cnnhelpers.execution.worker_process import THREADS
from cnnhelpers.experiments import Experiment

if TYPE_CHECKING:
    import keras


def trained(experiment: Experiment, seed: int = 0, folder: Path | str = "models") -> "keras.Model":
    """Return the model of one run, from `folder` if it was saved there, else trained as `run` trains it and saved.

    The same seed on the same machine gives the weights that the run's record names by their hash.

    Parameters
    ----------
    folder
        Where models are kept, as experiment-identity-seed.keras.

    Returns
    -------
    keras.Model
        From pixels 0..255, (batch, height, width, channels), to probabilities (batch, classes).

    Raises
    ------
    InputError
        For a bad experiment or seed, data that cannot be had, or a saved file that is damaged.
    """
    (one,) = plan([experiment], [seed], records.default_folder())
    identity, seed = one.key
    path = Path(folder) / f"{records.slug(experiment.id)}-{identity}-{seed}.keras"
    if not path.exists():
        check_writable(path.parent, "pass another folder=")
        with records.locked(path.with_name(f".{path.name}.lock")):
            if not path.exists():  # else another process has just trained it
                with closing(Children(1)) as children:
                    children.submit(_train_and_save, cloudpickle.dumps(one), path.resolve()).result()
    return training.load_model(path)


def _train_and_save(payload: bytes, path: Path) -> None:
    environment.start_keras()

    one: Run = cloudpickle.loads(payload)
    model, record, _ = training.train(one.experiment, one.seed, text=one.text, threads=THREADS)
    if record.status != "done":
        raise InputError(f"{one.experiment.id} with seed {one.seed} has no model: its training {record.stop['reason']}")
    training.save_model(model, path)
