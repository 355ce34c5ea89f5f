"""What lies beside the records: read for the runs that it was measured on, NaN for the others."""

import json

import keras
import numpy as np
import pytest
from cnnhelpers.reports.run_measures import with_measures

from cnnhelpers.analysis.measurements import MEASURED
from cnnhelpers.errors import InputError
from cnnhelpers.records import store as records
from cnnhelpers.records.store import Record
from cnnhelpers.reports import scaled_again

IDENTITY = "0123456789abcdef"


def recorded(folder, seed, correct=None):
    arrays = None if correct is None else {"test_correct": np.packbits(correct), "num_test": np.asarray(len(correct))}
    record = Record(IDENTITY, seed, "", {"experiment": "D0", "study": "s"}, {"name": "cifar10"}, "done", {})
    records.write(record, folder, arrays)


def scaled_file(folder, seed, text):
    path = folder / scaled_again.FOLDER / f"D0-{IDENTITY}-{seed}.scaled.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)


def test_measures_stand_beside_the_runs_that_they_belong_to(tmp_path):
    recorded(tmp_path, 0, [True, False, True])
    recorded(tmp_path, 1)
    scaled_file(tmp_path, 0, json.dumps(dict.fromkeys(scaled_again.COLUMNS, 0.5)))
    runs = with_measures(records.load(tmp_path), tmp_path).sort_values("seed")
    assert set(MEASURED) <= set(runs.columns)
    assert set(scaled_again.COLUMNS) <= set(MEASURED)
    assert runs["thrice_scaled_accuracy"].tolist() == pytest.approx([0.5, np.nan], nan_ok=True)
    assert runs["last_filters_moran"].isna().all()
    assert runs["test_correct"].iloc[0].tolist() == [True, False, True]
    assert runs["test_correct"].iloc[1] is None
    assert len(records.load(tmp_path)) == 2  # the other files are no records


@pytest.mark.parametrize("text", ["", "{}", '{"once_scaled_accuracy": "x"}', "[1]"])
def test_a_damaged_file_is_named(tmp_path, text):
    recorded(tmp_path, 0)
    scaled_file(tmp_path, 0, text)
    with pytest.raises(InputError, match=r"D0-.*delete it and run again"):
        with_measures(records.load(tmp_path), tmp_path)


def test_a_network_that_looks_at_brightness_is_blind_to_images_divided_again():
    inputs = keras.Input((2, 2, 1), dtype="uint8")
    mean = keras.layers.GlobalAveragePooling2D()(keras.layers.Rescaling(1 / 255)(inputs))
    model = keras.Model(inputs, keras.ops.concatenate([0.5 - mean, mean - 0.5], axis=1))
    images = np.zeros((10, 2, 2, 1), np.uint8)
    images[4:] = 255
    found = scaled_again.accuracies(model, images, np.array([0] * 4 + [1] * 6))
    assert list(found.values()) == [1, 0.4, 0.4]  # all look black, class 0
