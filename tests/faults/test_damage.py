"""Damaged checkpoints and records are named, left out, and the rest works."""

import json
import shutil
import tempfile
import zipfile

import keras
import numpy as np
import pytest

from cnnhelpers import records
from cnnhelpers.cli import main
from cnnhelpers.data import datasets as data
from cnnhelpers.training import load_model
from cnnhelpers.training.trainer import final_weights, train
from tests.tiny import record, tiny

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


def stop_after(epochs, folder, killed_after, **protocol):
    """Train until a number of epochs have checkpoints, then stop dead; return the file of the last state."""
    with killed_after(epochs):
        train(tiny(epochs=4, **protocol), 0, checkpoint_folder=folder)
    return folder / f"{tiny(epochs=4, **protocol).identity()}-0.npz"


def truncated(path, _):
    path.write_bytes(path.read_bytes()[:1000])


def foreign(path, _):
    np.savez(path, a=1)


def of_another_identity(path, other):
    shutil.copy(other, path)


def of_other_code(path, _):
    with np.load(path) as file:
        arrays = dict(file)
    np.savez(path, **arrays | {"code": np.asarray("0.0.1 (0123456789ab)")})


@pytest.mark.parametrize(
    ("damage", "said"),
    [(truncated, ""), (foreign, ""), (of_another_identity, "of another run"), (of_other_code, "made by other code")],
)
def test_a_checkpoint_that_cannot_be_used_gives_way_to_the_one_before(tmp_path, killed_after, damage, said):
    other = stop_after(3, tmp_path / "other", killed_after, batch_size=64)
    path = stop_after(3, tmp_path, killed_after)
    damage(path, other)
    with pytest.warns(UserWarning, match=rf"{path.name} cannot be used .*{said}"):
        _, resumed, _ = train(tiny(epochs=4), 0, checkpoint_folder=tmp_path)
    _, whole, _ = train(tiny(epochs=4), 0)
    assert resumed.stop["resumed_after"] == [2]
    assert resumed.weights_sha256 == whole.weights_sha256


def test_without_a_usable_checkpoint_the_run_starts_afresh_and_says_so(tmp_path, killed_after):
    path = stop_after(3, tmp_path, killed_after)
    truncated(path, None)
    truncated(path.with_suffix(".before.npz"), None)
    with pytest.warns(UserWarning) as warned:
        _, record, _ = train(tiny(epochs=4), 0, checkpoint_folder=tmp_path)
    assert any("afresh" in str(warning.message) for warning in warned)
    assert record.stop["resumed_after"] == []


def test_damaged_weights_are_made_again(tmp_path):
    before = tiny("before", epochs=1)
    weights = final_weights(before, 0, tmp_path)
    (path,) = tmp_path.glob("*.weights.npz")
    whole = path.read_bytes()
    for damaged in (whole[:500], whole[:200] + bytes(100) + whole[300:]):
        path.write_bytes(damaged)
        with pytest.warns(UserWarning, match=path.name):
            again = final_weights(before, 0, tmp_path)
        assert all((new == old).all() for new, old in zip(again, weights, strict=True))
        assert path.read_bytes() == whole


def test_verify_lists_corrupt_older_and_edited_records_and_damaged_arrays(tmp_path, capsys):
    folder = ["--folder", str(tmp_path), "--json"]
    paths = [records.write(record(seed), tmp_path, {"num_test": np.asarray(3)}) for seed in range(6)]
    assert main(["records", "--verify", *folder]) == 0
    assert json.loads(capsys.readouterr().out) == []
    paths[0].write_text(paths[0].read_text()[:100])
    paths[1].write_text(json.dumps(json.loads(paths[1].read_text()) | {"schema": 0}))
    paths[2].write_text(paths[2].read_text().replace('"accuracy":0.9', '"accuracy":0.99', 1))
    paths[3].with_suffix(".npz").write_bytes(b"PK")
    shutil.copy(paths[5], paths[4])
    assert main(["records", "--verify", *folder]) == 1
    rows = json.loads(capsys.readouterr().out)
    assert [row["file"] for row in rows] == [f"{path.parent.name}/{path.name}" for path in paths[:5]]
    expected = ["not a readable record", "schema is 0", "checksum", "is damaged", "holds another run"]
    assert all(said in row["problem"] for said, row in zip(expected, rows, strict=True))


@pytest.mark.filterwarnings("ignore:Skipping invalid path:UserWarning")
def test_an_archive_that_names_files_outside_writes_none(tmp_path, monkeypatch):
    temporary = tmp_path / "deep" / "temporary"
    temporary.mkdir(parents=True)
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    model, images = tmp_path / "deep" / "model.keras", tmp_path / "deep" / "images.npz"
    keras.Sequential([keras.Input((4, 4, 1)), keras.layers.Flatten(), keras.layers.Dense(3)]).save(model)
    np.savez(images, x=np.zeros((20, 8, 8), np.uint8), y=np.arange(20) % 2)
    for path in (model, images):
        with zipfile.ZipFile(path, "a") as archive:
            for name in ("../evil.npy", "assets/../../evil.npy", str(tmp_path / "evil.npy")):
                archive.writestr(name, "evil")
    load_model(model)
    data.load(images)
    assert not list(tmp_path.rglob("*evil*"))


def test_a_mistyped_study_names_the_nearest(tmp_path, capsys):
    records.write(record(), tmp_path)
    assert main(["records", "--study", "regularisation", "--folder", str(tmp_path)]) == 2
    assert "did you mean 'regularization'" in capsys.readouterr().err
