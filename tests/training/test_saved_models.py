"""Models saved to and loaded from .keras files."""

import zipfile

import keras
import numpy as np
import pytest
from keras import Input, Sequential, layers

from cnnhelpers.errors import InputError
from cnnhelpers.predictions import predict
from cnnhelpers.training import load_model, save_model, weights

# numpy's complaint about how TensorFlow copies weights on the way to the file
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:keras.*")


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(0)
    front = [Input((8, 8, 1), dtype="uint8"), layers.Rescaling(1 / 255), layers.Flatten()]
    return Sequential([*front, layers.Dense(3, activation="softmax")])


def test_a_saved_model_predicts_the_same(model, tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (7, 8, 8, 1), dtype=np.uint8)
    path = save_model(model, tmp_path / "new" / "best.keras")
    np.testing.assert_array_equal(predict(load_model(path), images), predict(model, images))
    assert [file.name for file in path.parent.iterdir()] == ["best.keras"]


def test_a_failed_save_leaves_the_old_file(model, tmp_path, monkeypatch):
    path = tmp_path / "best.keras"
    path.write_text("old")
    monkeypatch.setattr(weights.shutil, "copyfileobj", lambda *_: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        save_model(model, path)
    assert path.read_text() == "old" and len(list(tmp_path.iterdir())) == 1


def test_model_files_end_in_keras(model, tmp_path):
    for call in (lambda: save_model(model, tmp_path / "a.h5"), lambda: load_model(tmp_path / "a.h5")):
        with pytest.raises(InputError, match=r"ends in \.keras"):
            call()


def test_a_missing_model_is_named(tmp_path):
    with pytest.raises(InputError, match=r"no model file .*gone\.keras"):
        load_model(tmp_path / "gone.keras")


@pytest.mark.parametrize("cut", [lambda whole: whole[: len(whole) // 2], lambda whole: b"", lambda whole: b"hello"])
def test_a_truncated_or_foreign_model_is_refused(model, tmp_path, cut):
    path = save_model(model, tmp_path / "bad.keras")
    path.write_bytes(cut(path.read_bytes()))
    with pytest.raises(InputError, match=r"bad\.keras is not a whole \.keras file"):
        load_model(path)


def test_a_zip_file_of_something_else_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "other.keras", "w") as archive:
        archive.writestr("readme.txt", "hello")
    with pytest.raises(InputError, match="no model that Keras can load"):
        load_model(tmp_path / "other.keras")


def test_a_model_with_code_in_it_is_not_run(tmp_path):
    path = tmp_path / "lambda.keras"
    Sequential([Input((4, 4, 1)), layers.Lambda(lambda x: 2 * x), layers.Flatten(), layers.Dense(3)]).save(path)
    with pytest.raises(InputError, match="Lambda layer, which is code"):
        load_model(path)
