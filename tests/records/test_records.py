"""Records: written whole or not at all, read back equal, damaged ones named and left out."""

import json

import numpy as np
import pytest

from cnnhelpers import records
from cnnhelpers.atomic import replace_file
from cnnhelpers.errors import InputError
from cnnhelpers.records import RunLocks
from tests.tiny import record


def test_a_record_is_read_back_equal(tmp_path):
    written = record()
    assert records.load_record(records.write(written, tmp_path)) == written


def test_the_table_has_one_row_a_run_and_its_metrics(tmp_path):
    for seed in (1, 0):
        records.write(record(seed), tmp_path)
    table = records.load(tmp_path)
    assert sorted(table.seed) == [0, 1]
    assert table.test_accuracy.tolist() == [0.9, 0.9]
    assert table.last_train_accuracy.tolist() == [0.9, 0.9]
    assert records.load(tmp_path, study="other").empty


def test_histories_count_epochs_from_one(tmp_path):
    records.write(record(), tmp_path)
    long = records.histories(records.load(tmp_path))
    assert long.epoch.tolist() == [1, 2]
    assert long.validation_accuracy.tolist() == [0.7, 0.75]


def test_a_diverged_run_keeps_its_row_with_missing_metrics(tmp_path):
    stop = {"reason": "diverged", "epochs_run": 1, "best_epoch": 1, "error": None}
    records.write(record(status="failed", metrics={}, history={"loss": [float("nan")]}, stop=stop), tmp_path)
    row = records.load(tmp_path).iloc[0]
    assert row.status == "failed"
    assert np.isnan(row.test_accuracy)
    assert np.isnan(row.last_train_loss)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda text: text[: len(text) // 2], "record"),
        (lambda text: text.replace('"accuracy":0.9', '"accuracy":0.99', 1), "checksum"),
        (lambda text: json.dumps(json.loads(text) | {"schema": 0}), "schema is 0"),
        (lambda text: "[]", "record"),
        (lambda text: text.replace('"accuracy":0.9', '"accuracy":NaN', 1), "JSON"),
    ],
    ids=["truncated", "edited", "older schema", "foreign", "not a number"],
)
def test_a_damaged_record_is_named_and_left_out(tmp_path, damage, message):
    good, bad = records.write(record(0), tmp_path), records.write(record(1), tmp_path)
    bad.write_text(damage(bad.read_text()))
    with pytest.raises(InputError, match=message):
        records.load_record(bad)
    with pytest.warns(UserWarning, match=bad.name):
        table = records.load(tmp_path)
    assert table.seed.tolist() == [0]
    assert good.exists()


def test_a_failed_write_leaves_the_earlier_record_and_no_rubbish(tmp_path, monkeypatch):
    path = records.write(record(), tmp_path)
    before = path.read_bytes()
    monkeypatch.setattr("os.fsync", lambda _: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(OSError, match="No space left"):
        records.write(record(status="failed"), tmp_path)
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_arrays_are_kept_next_to_the_record_and_unpacked(tmp_path):
    correct = np.array([True, False, True] * 5)
    arrays = {"test_correct": np.packbits(correct), "num_test": np.asarray(15)}
    records.write(record(), tmp_path, arrays)
    assert (records.arrays(record(), tmp_path)["test_correct"] == correct).all()
    assert records.arrays(record(seed=5), tmp_path) == {}


def test_a_failed_try_takes_the_arrays_of_an_earlier_one_away(tmp_path):
    path = records.write(record(), tmp_path, {"num_test": np.asarray(15)})
    records.write(record(status="failed"), tmp_path)
    assert list(path.parent.iterdir()) == [path]


def test_missing_arrays_are_found(tmp_path):
    path = records.write(record(classes={"test": {"confusion": [[15]]}}), tmp_path, {"num_test": np.asarray(15)})
    assert records.verify(tmp_path).empty
    path.with_suffix(".npz").unlink()
    assert records.verify(tmp_path).file.tolist() == [f"{path.parent.name}/{path.name}"]


def test_a_file_written_twice_at_once_is_one_of_the_two(tmp_path):
    path = tmp_path / "file"

    def slowly(file):
        file.write(b"slow")
        replace_file(path, lambda second: second.write(b"quick"))
        file.write(b"ly")

    replace_file(path, slowly)
    assert path.read_bytes() == b"slowly"
    assert list(tmp_path.iterdir()) == [path]


def test_a_second_try_under_another_label_replaces_the_first(tmp_path):
    records.write(record(status="failed"), tmp_path)
    records.write(record(labels={"experiment": "other", "study": "own"}), tmp_path)
    assert records.load(tmp_path).experiment.tolist() == ["other"]


@pytest.mark.parametrize("name", ["..", "../../elsewhere", "/elsewhere", ".hidden", "a/../../b", ""])
def test_a_record_is_written_below_the_folder_whatever_its_labels(tmp_path, name):
    folder = tmp_path / "store" / "records"
    path = records.write(record(labels={"study": name, "experiment": name}), folder)
    assert path.resolve().parent.parent == folder.resolve()
    assert not path.parent.name.startswith(".")
    assert len(records.load(folder)) == 1


def test_two_runners_in_one_process_share_no_run(tmp_path):
    first, second, key = RunLocks(tmp_path), RunLocks(tmp_path), ("0" * 16, 0)
    assert first.take(key)
    assert not second.take(key)
    assert second.take(("0" * 16, 1))
    second.close()
    assert not RunLocks(tmp_path).take(key)  # closing a runner frees only its runs
    first.release(key)
    assert second.take(key)


def test_tables_need_no_keras():
    import subprocess
    import sys

    code = "import sys, cnnhelpers, cnnhelpers.records, cnnhelpers.statistics.intervals, cnnhelpers.plotting.curves;"
    code += "sys.exit(any(name.split('.')[0] in ('keras', 'tensorflow', 'jax', 'torch') for name in sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
