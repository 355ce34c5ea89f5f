"""Killed workers and killed runners: no orphan, no half record, and the same bits as if nothing had happened."""

import os
import signal
import subprocess
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import psutil
import pytest

from cnnhelpers import records, run
from cnnhelpers.execution import worker_process
from cnnhelpers.execution.process_pool import WorkerPool
from cnnhelpers.execution.worker_process import DiedError
from tests.faults.networks import Deadly, Greedy, backed_up, with_layer
from tests.faults.processes import PATIENCE, children, environment, gone, script, until
from tests.tiny import tiny

STUDY = """
from cnnhelpers import run
from tests.faults.networks import backed_up
run(backed_up(), 2, workers=1, folder={folder!r})
"""


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Runs that nothing happened to."""
    return run(backed_up(), 2, workers=1, folder=tmp_path_factory.mktemp("whole"), progress=False)


def assert_equal(runs, whole):
    """Weights and history are equal bit for bit; times differ."""
    assert runs.status.tolist() == ["done"] * len(runs)
    for record, expected in zip(runs.record, whole.record, strict=True):
        assert record.weights_sha256 == expected.weights_sha256
        assert {**record.history, "seconds": 0} == {**expected.history, "seconds": 0}
        assert record.metrics == expected.metrics


def checkpoints(folder):
    return list(folder.glob(".checkpoints/*.before.npz"))


BUSY = """
from cnnhelpers.execution.worker_process import WorkerProcess
worker = WorkerProcess()
worker.call(abs, -1)
print("started", flush=True)
worker.call(sum, range(10**13))
"""


@pytest.mark.parametrize("sent", [signal.SIGKILL, signal.SIGTERM], ids=lambda sent: sent.name)
def test_a_process_that_never_returns_to_the_interpreter_ends_with_its_runner(sent):
    process = script(BUSY, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "started\n"
    (training,) = children(process.pid)
    before = training.cpu_times().user
    until(lambda: training.cpu_times().user > before + 0.5)
    process.send_signal(sent)
    assert process.communicate()[1] == ""
    assert gone([training])


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM], ids=lambda sent: sent.name)
def test_a_stopped_runner_leaves_no_orphan_and_the_next_one_finishes_with_the_same_bits(tmp_path, sent, whole):
    process = script(STUDY.format(folder=str(tmp_path)))
    until(checkpoints, tmp_path)
    training = children(process.pid)
    process.send_signal(sent)
    assert process.wait(30) != 0
    assert training
    assert gone(training)
    for path in tmp_path.rglob("*.json"):
        records.load_record(path)
    runs = run(backed_up(), 2, workers=1, folder=tmp_path, progress=False)
    assert runs.record[0].stop["resumed_after"]
    assert_equal(runs, whole)
    assert not list(tmp_path.glob(".checkpoints/*.npz"))


def test_a_killed_worker_costs_only_the_epochs_since_the_last_checkpoint(tmp_path, whole):
    process = script(STUDY.format(folder=str(tmp_path)))
    until(checkpoints, tmp_path)
    children(process.pid)[0].kill()
    assert process.wait(PATIENCE) == 0
    runs = run(backed_up(), 2, folder=tmp_path, progress=False)
    assert any(record.stop["resumed_after"] for record in runs.record)
    assert_equal(runs, whole)


def test_runs_that_cannot_live_are_recorded_as_failed_and_the_others_go_on(tmp_path):
    experiments = [with_layer(Deadly(), "deadly"), with_layer(Greedy(), "greedy"), tiny("good", epochs=1)]
    runs = run(experiments, 1, folder=tmp_path, progress=False)
    assert runs.status.tolist() == ["failed", "failed", "done"]
    assert "died twice (SIGKILL)" in runs.record[0].stop["error"]
    assert "MemoryError" in runs.record[1].stop["error"]


def test_two_runners_on_one_store_share_the_runs_and_train_none_twice(tmp_path):
    code = STUDY.replace("backed_up(), 2", "backed_up(epochs=5), 8").format(folder=str(tmp_path / "store"))
    built = tmp_path / "built"
    both = [script(code, env=environment(BUILT=str(built))) for _ in range(2)]
    assert [process.wait(PATIENCE) for process in both] == [0, 0]
    runs = run(backed_up(epochs=5), 8, folder=tmp_path / "store", progress=False)
    assert runs.status.tolist() == ["done"] * 8
    lines = built.read_text().split()
    assert len(lines) == 8
    assert len(list((tmp_path / "store").rglob("*.json"))) == 8


def test_a_second_runner_takes_over_what_the_first_had_in_hand(tmp_path, whole):
    first = script(STUDY.format(folder=str(tmp_path)))
    until(checkpoints, tmp_path)
    with ThreadPoolExecutor(1) as thread:
        second = thread.submit(run, backed_up(), 2, workers=1, folder=tmp_path, progress=False)
        training = children(first.pid)
        first.send_signal(signal.SIGKILL)
        first.wait()
        assert training and gone(training)
        assert_equal(second.result(), whole)


def test_a_process_that_dies_is_replaced():
    with closing(WorkerPool(1)) as pool:
        with pytest.raises(DiedError, match="SIGKILL"):
            pool.submit(signal.raise_signal, signal.SIGKILL).result()
        assert pool.submit(abs, -1).result() == 1
        with pytest.raises(ZeroDivisionError):
            pool.submit(divmod, 1, 0).result()
        first = pool.submit(os.getpid).result()
        os.kill(first, signal.SIGKILL)  # while it waits
        psutil.wait_procs([psutil.Process(first)])
        assert pool.submit(os.getpid).result() != first


def test_a_process_whose_memory_has_grown_is_replaced(monkeypatch):
    monkeypatch.setattr(worker_process, "GROWTH", -1)
    with closing(WorkerPool(1)) as pool:
        assert pool.submit(os.getpid).result() != pool.submit(os.getpid).result()
