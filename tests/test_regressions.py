"""One small case for each fault that a review found."""

import keras
import numpy as np
import pytest
from keras import layers

from cnnhelpers import Experiment, Protocol, records
from cnnhelpers.data import datasets as data
from cnnhelpers.errors import InputError
from cnnhelpers.execution.runner import plan, run
from cnnhelpers.training.trainer import train
from tests.tiny import tiny


def test_own_data_that_changed_are_never_answered_from_old_records(tmp_path):
    generator = np.random.default_rng(0)
    x, y = generator.integers(0, 255, (60, 8, 8, 1), dtype=np.uint8), np.arange(60) % 2
    path = tmp_path / "mine.npz"
    np.savez(path, x_train=x, y_train=y, x_test=x, y_test=y)
    network = [layers.Flatten(), layers.Dense(2, activation="softmax")]
    experiment = Experiment(network, Protocol(dataset=str(path), epochs=1), id="own")
    first = run(experiment, 1, folder=tmp_path / "records", progress=False)
    np.savez(path, x_train=255 - x, y_train=y, x_test=255 - x, y_test=y)
    (planned,) = plan([experiment], 1, tmp_path / "records")
    assert planned.key[0] != first.identity[0]


def test_a_damaged_record_is_made_again_with_a_warning(tmp_path):
    run(tiny(epochs=1), 1, folder=tmp_path, progress=False)
    (path,) = tmp_path.rglob("*.json")
    path.write_text(path.read_text()[:100])
    with pytest.warns(UserWarning, match=path.name):
        runs = run(tiny(epochs=1), 1, folder=tmp_path, progress=False)
    assert runs.status.tolist() == ["done"]


@pytest.mark.parametrize("first", [layers.Rescaling(1 / 255), layers.RandomCrop(20, 20), layers.RandomFlip()], ids=repr)
def test_common_first_layers_have_one_identity(first):
    again = type(first).from_config(
        {**first.get_config(), "seed": 5} if "seed" in first.get_config() else first.get_config()
    )
    texts = {Experiment([layer, layers.Flatten(), layers.Dense(10)], Protocol()).text() for layer in (first, again)}
    assert len(texts) == 1


def test_one_learning_rate_is_one_identity_however_it_is_written():
    assert tiny(learning_rate=1).identity() == tiny(learning_rate=1.0).identity()


@pytest.mark.filterwarnings("ignore:The object being serialized includes a `lambda`")
def test_a_lambda_activation_is_refused_because_it_has_no_stable_text():
    def network(input_shape, classes):
        inputs = keras.Input(input_shape)
        return keras.Model(inputs, layers.Dense(classes, activation=lambda x: x)(layers.Flatten()(inputs)))

    with pytest.raises(InputError, match="lambda"):
        Experiment(network, Protocol()).text()


def test_an_activity_regularizer_does_not_lose_the_run():
    network = [layers.Flatten(), layers.Dense(8, activity_regularizer="l1"), layers.Dense(10, activation="softmax")]
    _, record, _ = train(Experiment(network, Protocol(epochs=1, images=50), id="active"), 0)
    assert record.status == "done"


def test_a_run_that_diverges_in_its_first_epoch_leaves_numeric_curves(tmp_path):
    runs = run(tiny(optimizer="sgd", learning_rate=1e30, epochs=1), 1, folder=tmp_path, progress=False)
    assert records.histories(runs)["loss"].dtype == float
    assert data.info("digits").official
