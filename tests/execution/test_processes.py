"""Worker processes are kept for the next pool, as long as a new process would be like them."""

import os
import signal
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import psutil
import pytest

from cnnhelpers.execution.process_pool import WorkerPool
from cnnhelpers.execution.worker_process import DiedError, WorkerProcess
from tests.faults.processes import ROOT, gone, script


def called(function, *arguments):
    """Return the answer of a pool that is opened for this call alone."""
    with closing(WorkerPool(1)) as pool:
        return pool.submit(function, *arguments).result()


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

    worker = WorkerProcess()
    assert worker.call(code_changed_at_once.answer) == 1
    module.write_text("def answer():\n    return 2\n")
    assert not worker.is_like_new()
    worker.end()


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
    pool = WorkerPool(1)
    busy = pool.submit(os.getpid).result()
    waiting = pool.submit(sum, range(10**13))
    process = psutil.Process(busy)
    before = process.cpu_times().user
    while process.cpu_times().user < before + 0.2:
        pass
    pool.close()
    with pytest.raises(DiedError):
        waiting.result()
    assert gone([process])
    assert called(os.getpid) != busy


def test_a_process_that_holds_a_gpu_is_not_kept(monkeypatch):
    monkeypatch.setattr(WorkerProcess, "holds_accelerator", lambda _: True)
    held = called(os.getpid)
    assert not psutil.pid_exists(held)


def test_a_forked_process_has_its_own():
    code = """
import os
from contextlib import closing
from cnnhelpers.execution.process_pool import WorkerPool
def called():
    with closing(WorkerPool(1)) as pool:
        return pool.submit(os.getpid).result()
first = called()
if os.fork() == 0:
    os._exit(called() == first)
_, status = os.wait()
print(os.waitstatus_to_exitcode(status), called() == first)
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout == "0 True\n", done.stderr


def test_a_process_ends_with_its_parent_although_a_fork_of_that_goes_on():
    code = """
import os, time
from cnnhelpers.execution.process_pool import take
worker = take()
pid = worker.call(os.getpid)
if fork := os.fork():
    print(pid, fork, flush=True)
time.sleep(600)
"""
    parent = script(code, stdout=subprocess.PIPE, text=True)
    worker, fork = (psutil.Process(int(pid)) for pid in parent.stdout.readline().split())
    parent.kill()
    parent.wait()
    parent.stdout.close()
    assert gone([worker])
    fork.kill()
