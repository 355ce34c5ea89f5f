"""A full disk and folders that cannot be written give one clear line and leave earlier files as they were.

A process that may write files of some bytes only (RLIMIT_FSIZE) meets the same error as one on a full disk.
"""

import fcntl
import resource
import subprocess
from dataclasses import replace
from pathlib import Path

import nbformat
import pytest

from cnnhelpers import records, run
from cnnhelpers.errors import InputError
from cnnhelpers.execution import trained_models as models
from cnnhelpers.training import weights
from cnnhelpers.training.trainer import train
from tests.faults.processes import script
from tests.tiny import tiny


def at_most(size):
    """Return what lets a process write `size` bytes into a file."""
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def contents(folder):
    return {
        path: path.read_bytes() for path in folder.rglob("*") if path.is_file() and ".checkpoints" not in path.parts
    }


def test_records_on_a_full_disk_are_one_error_and_the_next_start_finishes(tmp_path):
    _, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    run(tiny(epochs=1), 1, workers=1, folder=tmp_path, progress=False)
    before = contents(tmp_path)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, most))
    try:
        with pytest.raises(InputError, match=rf"could not be recorded in {tmp_path}"), pytest.warns(UserWarning):
            run(tiny(epochs=1), 3, workers=1, folder=tmp_path, progress=False)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
    assert contents(tmp_path) == before
    assert run(tiny(epochs=1), 3, workers=1, folder=tmp_path, progress=False).status.tolist() == ["done"] * 3


def test_a_checkpoint_on_a_full_disk_costs_a_warning_and_not_the_run(tmp_path):
    code = "from cnnhelpers import run; from tests.faults.networks import backed_up; import resource\n"
    code += f"run(backed_up(2), 1, workers=1, folder={str(tmp_path)!r}, progress=False)"
    process = script(code, preexec_fn=at_most(25_000), stderr=subprocess.PIPE, text=True)
    _, errors = process.communicate()
    assert "UserWarning" in errors
    assert process.returncode == 0, errors
    assert records.load(tmp_path).status.tolist() == ["done"]


def test_weights_on_a_full_disk_cost_a_warning_and_not_the_run(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(weights, "replace_file", full)
    with pytest.warns(UserWarning, match="No space left on device"):
        _, record, _ = train(replace(tiny(epochs=1), keep_weights=True), 0, checkpoint_folder=tmp_path)
    assert record.status == "done"


def test_a_file_system_without_locks_still_trains_everything(tmp_path, monkeypatch):
    def none(*_):
        raise OSError(37, "No locks available")

    monkeypatch.setattr(fcntl, "flock", none)
    assert run(tiny(epochs=1), 3, workers=1, folder=tmp_path, progress=False).status.tolist() == ["done"] * 3
    with records.locked(tmp_path / "lock"):
        pass


def test_a_model_on_a_full_disk_leaves_no_half_file(tmp_path):
    code = "from cnnhelpers.execution import trained_models as models; from tests.tiny import tiny; "
    code += f"models.trained(tiny(), folder={str(tmp_path)!r})"
    process = script(code, preexec_fn=at_most(10_000), stderr=subprocess.PIPE, text=True)
    _, errors = process.communicate()
    assert process.returncode == 1
    assert "File too large" in errors.splitlines()[-1]
    assert not list(tmp_path.glob("*.keras"))


def test_a_notebook_on_a_full_disk_fails_and_leaves_the_earlier_one(tmp_path):
    cells = [nbformat.v4.new_code_cell("x = 1", metadata={"tags": ["parameters"]})]
    cells += [nbformat.v4.new_code_cell("print(x)  # " + "long " * 2000)]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / "study.ipynb")
    (tmp_path / "out.ipynb").write_text("earlier")
    code = "from cnnhelpers.book.notebooks import execute; "
    code += f"print(execute({str(tmp_path / 'study.ipynb')!r}, {str(tmp_path / 'out.ipynb')!r}))"
    process = script(code, preexec_fn=at_most(8_000), stdout=subprocess.PIPE, text=True)
    output, _ = process.communicate()
    assert "status='failed'" in output
    assert "File too large" in output
    assert (tmp_path / "out.ipynb").read_text() == "earlier"
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_folders_that_cannot_be_written_are_refused_before_training(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setattr(subprocess, "Popen", lambda *_, **__: pytest.fail("a process was started"))
    with pytest.raises(InputError, match=rf"{tmp_path}.*CNNHELPERS_RECORDS"):
        run(tiny(epochs=1), 1, folder=tmp_path / "file", progress=False)
    if Path("/proc/self").exists():  # read-only even for root
        with pytest.raises(InputError, match="/proc/records"):
            run(tiny(epochs=1), 1, folder="/proc/records", progress=False)
    with pytest.raises(InputError, match=str(tmp_path)):
        models.trained(tiny(epochs=1), folder=tmp_path / "file")
