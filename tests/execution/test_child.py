"""Processes that call functions for us wait for the next caller, as long as a new one would be no other."""

import os
import signal
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import psutil
import pytest

from cnnhelpers.execution.process_pool import Children
from cnnhelpers.execution.worker_process import Child, DiedError
from tests.faults.processes import ROOT, gone


def called(function, *arguments):
    """Return what a process answers that is taken for this call alone."""
    with closing(Children(1)) as children:
        return children.submit(function, *arguments).result()


def test_the_next_caller_gets_the_same_process():
    assert called(os.getpid) == called(os.getpid)


def test_changed_code_is_loaded_anew(tmp_path, monkeypatch):
    module = tmp_path / "code_of_ones_own.py"
    monkeypatch.syspath_prepend(tmp_path)
    for answer in (1, 2):
        module.write_text(f"def answer():\n    return {answer}\n")
        monkeypatch.delitem(sys.modules, "code_of_ones_own", raising=False)
        import code_of_ones_own

        assert called(code_of_ones_own.answer) == answer


def test_code_that_changed_before_anybody_asked_has_changed(tmp_path, monkeypatch):
    module = tmp_path / "code_changed_at_once.py"
    monkeypatch.syspath_prepend(tmp_path)
    module.write_text("def answer():\n    return 1\n")
    import code_changed_at_once

    child = Child()
    assert child.call(code_changed_at_once.answer) == 1
    module.write_text("def answer():\n    return 2\n")
    assert not child.is_as_new()
    child.end()


def test_another_environment_or_folder_is_another_process(tmp_path, monkeypatch):
    first = called(os.getpid)
    monkeypatch.setenv("CNNHELPERS_RECORDS", "elsewhere")  # nothing that a process looks at
    assert called(os.getpid) == first
    monkeypatch.setenv("CNNHELPERS_DATA", "elsewhere")
    assert called(os.getenv, "CNNHELPERS_DATA") == "elsewhere"
    monkeypatch.chdir(tmp_path)
    assert Path(called(os.getcwd)) == tmp_path.resolve()


def test_a_process_that_was_killed_while_it_waited_is_replaced():
    waiting = called(os.getpid)
    os.kill(waiting, signal.SIGKILL)
    assert called(os.getpid) != waiting


def test_a_busy_process_is_killed_and_not_kept():
    children = Children(1)
    busy = children.submit(os.getpid).result()
    waiting = children.submit(sum, range(10**13))
    process = psutil.Process(busy)
    before = process.cpu_times().user
    while process.cpu_times().user < before + 0.2:
        pass
    children.close()
    with pytest.raises(DiedError):
        waiting.result()
    assert gone([process])
    assert called(os.getpid) != busy


def test_a_process_that_holds_a_gpu_is_not_kept(monkeypatch):
    monkeypatch.setattr(Child, "holds_accelerator", lambda _: True)
    held = called(os.getpid)
    assert not psutil.pid_exists(held)


def test_a_forked_process_has_its_own():
    code = """
import os
from contextlib import closing
from cnnhelpers.execution.process_pool import Children
def called():
    with closing(Children(1)) as children:
        return children.submit(os.getpid).result()
first = called()
if os.fork() == 0:
    os._exit(called() == first)
_, status = os.wait()
print(os.waitstatus_to_exitcode(status), called() == first)
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout == "0 True\n", done.stderr
