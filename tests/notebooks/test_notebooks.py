"""Executing notebooks: every way to end has its own status and exit code, nothing is left running or overwritten."""

import json
import os
import signal
import subprocess
import sys

import nbformat
import psutil
import pytest

from cnnhelpers.book import notebooks
from cnnhelpers.book.notebooks import EXIT_CODES, execute, status_of
from cnnhelpers.cli import NOTEBOOK_CODES, main
from cnnhelpers.errors import InputError
from tests.faults.processes import ROOT, below, gone, until
from tests.tiny import hear_ctrl_c


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
    ("source", "code", "status", "message"),
    [
        (
            "raise ValueError('at \\x1b[31m' + __import__('os').path.expanduser('~/secret'))",
            1,
            "failed",
            "ValueError: at ~/",
        ),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", 3, "dead kernel", "the kernel died"),
        ("import sys; sys.exit(0)", 5, "exited", "sys.exit"),
        ("import sys; sys.exit(3)", 5, "exited", "SystemExit: 3"),
    ],
)
def test_each_way_to_end_has_its_status_and_exit_code(tmp_path, capsys, source, code, status, message):
    path = notebook(tmp_path / "study.ipynb", "print('before')", source, "print('after')")
    output = tmp_path / "out.ipynb"
    output.write_text("an earlier result")
    assert main(["notebook", str(path), str(output)]) == code
    found = status_of(output)
    assert (found.status, found.exit_code) == (status, code)
    assert message in found.error
    assert "\x1b" not in found.error
    assert capsys.readouterr().err == f"error: study.ipynb: {status}, {found.error}\n"
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
    assert (status.status, status.exit_code) == ("timeout", 4)
    assert "longer than 10 s" in status.error
    for pid in (tmp_path / "pids").read_text().split():
        assert not _runs(int(pid))
    assert not (tmp_path / "out.ipynb").exists()
    assert (tmp_path / "out.failed.ipynb").exists()


@pytest.mark.parametrize("command", [("false",), ("sleep", "60"), ("no-such-program",)])
def test_a_kernel_that_never_starts_is_told_apart(tmp_path, monkeypatch, command):
    monkeypatch.setattr(notebooks, "KERNEL", command)
    status = execute(notebook(tmp_path / "study.ipynb", "1"), tmp_path / "out.ipynb", start_timeout=2)
    assert (status.status, status.exit_code) == ("no kernel", 6)
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
    with pytest.raises(InputError, match="timeout=nan"):
        execute(path, tmp_path / "made" / "out.ipynb", timeout=float("nan"))
    with pytest.raises(InputError, match=r"nothing can be written to .*study\.ipynb.*another output"):
        execute(path, path / "out.ipynb")
    assert names(tmp_path) == ["study.ipynb"]


@pytest.mark.parametrize(
    ("content", "given", "message"),
    [
        (None, [], "there is no notebook"),
        ("", [], "is empty"),
        ('{"cells": [', [], "truncated"),
        ('{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": []}', [], "exactly one code cell tagged"),
        ("x = 1", ["-p", "X", "2"], "did you mean 'x'"),
        ("x = 1", ["-p", "x", "two"], "must be int"),
    ],
    ids=["missing", "empty", "truncated", "no parameters cell", "unknown parameter", "wrong type"],
)
def test_what_cannot_be_executed_is_one_line_and_exit_code_2(tmp_path, capsys, monkeypatch, content, given, message):
    monkeypatch.setattr(notebooks.subprocess, "Popen", lambda *_, **__: pytest.fail("a process was started"))
    path = tmp_path / "study.ipynb"
    if content == "x = 1":
        notebook(path, "1")
    elif content is not None:
        path.write_text(content)
    assert main(["notebook", str(path), str(tmp_path / "made" / "out.ipynb"), *given]) == 2
    told = capsys.readouterr()
    assert message in told.err
    assert (told.out, told.err.count("\n")) == ("", 1)
    assert not (tmp_path / "made").exists()


def test_help_and_guide_name_every_exit_code():
    assert len(set(EXIT_CODES.values()) | {2, 130}) == len(EXIT_CODES) + 2
    guide = (ROOT / "book" / "howto" / "headless.md").read_text(encoding="utf-8")
    for status, code in EXIT_CODES.items():
        assert f"{code} {status}" in NOTEBOOK_CODES
        assert f"| {code} | {status} |" in guide


def test_ctrl_c_gives_exit_code_130_and_leaves_no_kernel(tmp_path):
    notebook(tmp_path / "study.ipynb", "while True: pass")
    command = [sys.executable, "-m", "cnnhelpers", "notebook", tmp_path / "study.ipynb", tmp_path / "out.ipynb"]
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL, preexec_fn=hear_ctrl_c)
    kernels = until(kernels_below, process.pid)
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 130
    assert gone(kernels)
    assert names(tmp_path) == ["study.ipynb"]


def test_a_killed_runner_leaves_no_kernel(tmp_path):
    notebook(tmp_path / "study.ipynb", "while True: pass")
    code = "from cnnhelpers.book.notebooks import execute; execute('study.ipynb', 'out.ipynb')"
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    runner = subprocess.Popen([sys.executable, "-c", code], cwd=tmp_path, env=environment)
    kernels = until(kernels_below, runner.pid)
    runner.send_signal(signal.SIGKILL)
    runner.wait()
    assert gone(kernels)
    assert not (tmp_path / "out.ipynb").exists()


def kernels_below(pid):
    """Return the kernels that a process has started."""
    return below(pid, "ipykernel_launcher")


def _runs(pid):
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
