"""Report D divided its test images by 255 three times, because a cell was run again: what that does to a network.

A file of accuracies lies beside the records, as mistakes/experiment-identity-seed.scaled.json, so that the audit can
show them without the data and without training.
"""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from cnnhelpers import data, execution, records
from cnnhelpers.atomic import replace_file
from cnnhelpers.data import split
from cnnhelpers.errors import InputError
from cnnhelpers.execution import plan
from cnnhelpers.experiments import Experiment

if TYPE_CHECKING:
    import keras

COLUMNS = ("once_scaled_accuracy", "twice_scaled_accuracy", "thrice_scaled_accuracy")
FOLDER, SUFFIX = "mistakes", ".scaled.json"


def accuracies(model: "keras.Model", images: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """Return the accuracy (0..1) of a model on images divided by 255 once, as it was trained, twice and three times.

    Parameters
    ----------
    model
        From pixels 0..255 to class probabilities, its own scaling first.
    images, labels
        (num_images, height, width, channels) uint8, and (num_images,).
    """
    found = {}
    for again, name in enumerate(COLUMNS):
        scaled = np.asarray(images, np.float32) / np.float32(255) ** again
        predicted = model.predict(scaled, batch_size=500, verbose=0).argmax(axis=1)
        found[name] = float(np.mean(predicted == labels))
    return found


def measured(
    experiment: Experiment, seed: int, folder: Path | str | None = None, *, model_folder: Path | str = "models"
) -> dict[str, float]:
    """Return the accuracies of one run on its test images, from its file, else measured on the trained model and kept.

    Parameters
    ----------
    folder
        Where runs are recorded; by default records.default_folder().
    model_folder
        Where trained models are kept, see execution.trained: only needed if there is no file.
    """
    folder = Path(folder) if folder is not None else records.default_folder()
    (one,) = plan([experiment], [seed], folder)
    path = folder / FOLDER / f"{records.slug(experiment.id)}-{one.key[0]}-{seed}{SUFFIX}"
    if path.exists():
        return _read(path)
    protocol = one.experiment.protocol
    test = split(data.load(protocol.dataset), protocol.split, seed, protocol.images).test
    model = execution.trained(experiment, seed, model_folder)
    found = accuracies(model, test.images[test.indices], test.labels[test.indices])
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_file(path, lambda file: file.write(json.dumps(found).encode()))
    return found


def with_scaled(runs: pd.DataFrame, folder: Path | str | None = None) -> pd.DataFrame:
    """Return runs with COLUMNS, NaN for those that were not measured."""
    folder = Path(folder) if folder is not None else records.default_folder()
    found = {key: _read(path) for key, path in records.index(folder / FOLDER, SUFFIX).items()}
    rows = [found.get(key, {}) for key in zip(runs["identity"], runs["seed"], strict=True)]
    return runs.assign(**{name: [row.get(name, np.nan) for row in rows] for name in COLUMNS})


def _read(path: Path) -> dict[str, float]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return {name: float(found[name]) for name in COLUMNS}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path.name} is no readable file of accuracies ({error}): delete it and run again") from error
