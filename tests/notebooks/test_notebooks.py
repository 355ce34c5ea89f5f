"""Executing notebooks: every way to end has its own status, nothing is left running, nothing whole is overwritten."""

import json
import os
import signal
import subprocess
import sys
import threading

import nbformat
import psutil
import pytest

from cnnhelpers import notebooks
from cnnhelpers.errors import InputError
from cnnhelpers.notebooks import execute, status_of


def notebook(path, *sources, parameters="x = 1"):
    cells = [nbformat.v4.new_code_cell(parameters, metadata={"tags": ["parameters"]})]
    cells += [nbformat.v4.new_code_cell(source) for source in sources]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    return path


def outputs(path):
    found = [output for cell in nbformat.read(path, 4).cells for output in cell.get("outputs", [])]
    return "".join(output.text for output in found if output.get("name") == "stdout")


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_notebook_runs_in_this_interpreter_in_its_own_folder_with_its_parameters(tmp_path):
    folder = tmp_path / "with {braces} and space"
    folder.mkdir()
    (folder / "beside.txt").write_text("found")
    source = "import sys; print(sys.executable, open('beside.txt').read(), repr(text), kernels)"
    path = notebook(folder / "study.ipynb", source, parameters='text = ""\nkernels = [3]')
    text = "a\"b'{c}\\ $x\n"
    status = execute(path, tmp_path / "made" / "out.ipynb", {"text": text, "kernels": "3,5"})
    assert status.done, status.error
    assert outputs(tmp_path / "made" / "out.ipynb") == f"{sys.executable} found {text!r} [3, 5]\n"
    assert names(tmp_path / "made") == ["out.ipynb", "out.json"]
    assert status_of(tmp_path / "made" / "out.ipynb") == status
    assert status.parameters == {"text": text, "kernels": [3, 5]}
    assert str(tmp_path) not in (tmp_path / "made" / "out.json").read_text()
    metadata = json.loads((tmp_path / "made" / "out.ipynb").read_text())["metadata"]["papermill"]
    assert (metadata["input_path"], metadata["output_path"]) == ("study.ipynb", "out.ipynb")


@pytest.mark.parametrize(
    ("source", "status", "message"),
    [
        (
            "raise ValueError('at \\x1b[31m' + __import__('os').path.expanduser('~/secret'))",
            "failed",
            "ValueError: at ~/",
        ),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "dead kernel", "the kernel died"),
        ("import sys; sys.exit(0)", "exited", "sys.exit"),
        ("import sys; sys.exit(3)", "exited", "SystemExit: 3"),
    ],
)
def test_each_way_to_end_has_its_status(tmp_path, source, status, message):
    path = notebook(tmp_path / "study.ipynb", "print('before')", source, "print('after')")
    output = tmp_path / "out.ipynb"
    output.write_text("an earlier result")
    found = execute(path, output)
    assert found.status == status
    assert message in found.error
    assert "\x1b" not in found.error
    assert status_of(output) == found
    assert output.read_text() == "an earlier result"
    assert outputs(tmp_path / "out.failed.ipynb").strip() == "before"


def test_an_endless_notebook_is_ended_with_all_that_it_started(tmp_path):
    start = "import subprocess, sys, os, signal\n"
    start += (
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'], start_new_session=True)\n"
    )
    start += "open('pids', 'w').write(f'{child.pid} {os.getpid()}')\nos.kill(os.getpid(), signal.SIGSTOP)"
    path = notebook(tmp_path / "study.ipynb", start)
    status = execute(path, tmp_path / "out.ipynb", timeout=10)
    assert status.status == "timeout"
    assert "longer than 10 s" in status.error
    for pid in (tmp_path / "pids").read_text().split():
        assert not _runs(int(pid))
    assert not (tmp_path / "out.ipynb").exists()
    assert (tmp_path / "out.failed.ipynb").exists()


@pytest.mark.parametrize("command", [("false",), ("sleep", "60"), ("no-such-program",)])
def test_a_kernel_that_never_starts_is_told_apart(tmp_path, monkeypatch, command):
    monkeypatch.setattr(notebooks, "KERNEL", command)
    status = execute(notebook(tmp_path / "study.ipynb", "1"), tmp_path / "out.ipynb", start_timeout=2)
    assert status.status == "no kernel"
    assert status.error


def test_a_success_removes_the_failed_notebook_of_before(tmp_path):
    (tmp_path / "out.failed.ipynb").write_text("{}")
    assert execute(notebook(tmp_path / "study.ipynb", "1"), tmp_path / "out.ipynb").done
    assert names(tmp_path) == ["out.ipynb", "out.json", "study.ipynb"]


def test_bad_parameters_start_no_kernel_and_write_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(notebooks.subprocess, "Popen", lambda *_, **__: pytest.fail("a process was started"))
    path = notebook(tmp_path / "study.ipynb", "1")
    with pytest.raises(InputError, match="must be int"):
        execute(path, tmp_path / "made" / "out.ipynb", {"x": "many"})
    with pytest.raises(InputError, match="overwrite"):
        execute(path, path)
    assert names(tmp_path) == ["study.ipynb"]


def test_a_killed_runner_leaves_no_kernel(tmp_path):
    notebook(tmp_path / "study.ipynb", "while True: pass")
    code = "from cnnhelpers.notebooks import execute; execute('study.ipynb', 'out.ipynb')"
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    runner = subprocess.Popen([sys.executable, "-c", code], cwd=tmp_path, env=environment)
    kernel = _kernel_below(runner.pid)
    runner.send_signal(signal.SIGKILL)
    runner.wait()
    _, alive = psutil.wait_procs([kernel], timeout=10)
    assert not alive
    assert not (tmp_path / "out.ipynb").exists()


def _kernel_below(pid):
    """Return the kernel process that a runner started, as soon as it is there."""
    found = threading.Event()
    for _ in range(300):
        below = psutil.Process(pid).children(recursive=True)
        kernels = [process for process in below if "ipykernel_launcher" in " ".join(process.cmdline())]
        if kernels:
            return kernels[0]
        found.wait(0.05)
    pytest.fail("the runner started no kernel")


def _runs(pid):
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
