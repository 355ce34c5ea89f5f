"""A recorded run can be turned back into its model."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from cnnhelpers import predictions
from cnnhelpers.data import datasets as data
from cnnhelpers.errors import InputError
from cnnhelpers.execution import trained_models as models
from cnnhelpers.execution.runner import run
from cnnhelpers.training.trainer import weights_hash
from tests.faults.networks import backed_up
from tests.tiny import tiny


def test_the_trained_model_is_the_recorded_one_and_is_kept(tmp_path):
    runs = run(tiny(epochs=1), [3], progress=False)
    model = models.trained(tiny(epochs=1), 3, tmp_path)
    assert weights_hash(model) == runs.record[0].weights_sha256
    digits = data.load("digits")
    answers = predictions.predict(model, digits.test_images).argmax(axis=1)
    assert (answers == digits.test_labels).mean() == pytest.approx(runs.test_accuracy[0])
    (path,) = tmp_path.glob("*.keras")
    written = path.stat().st_mtime_ns
    again = models.trained(tiny(epochs=1), 3, tmp_path)
    assert path.stat().st_mtime_ns == written
    assert np.array_equal(model.get_weights()[0], again.get_weights()[0])


def test_a_damaged_model_file_is_refused_by_name(tmp_path):
    model = models.trained(tiny(epochs=1), 0, tmp_path)
    assert model is not None
    (path,) = tmp_path.glob("*.keras")
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(InputError, match=path.name):
        models.trained(tiny(epochs=1), 0, tmp_path)


def test_a_model_that_is_asked_for_twice_at_once_is_trained_once(tmp_path, monkeypatch):
    monkeypatch.setenv("BUILT", str(tmp_path / "built"))
    with ThreadPoolExecutor(2) as threads:
        made = [threads.submit(models.trained, backed_up(1), 0, tmp_path) for _ in range(2)]
    assert weights_hash(made[0].result()) == weights_hash(made[1].result())
    assert len((tmp_path / "built").read_text().splitlines()) == 1
