"""Workers: a dask cluster gives the records that local processes give, whatever happens to its workers."""

import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import numpy as np
import pytest

from cnnhelpers import environment, run
from cnnhelpers.errors import InputError
from cnnhelpers.execution import dask_cluster as cluster
from cnnhelpers.execution.workers import check_workers
from tests.faults.processes import ROOT, children, gone, script, until
from tests.faults.processes import environment as changed
from tests.tiny import tiny

pytest.importorskip("distributed")


@pytest.fixture
def dask(tmp_path):
    """Start a scheduler and two workers on loopback; yield their processes and the scheduler file."""
    file, started = tmp_path / "scheduler.json", []

    def start(kind, *options):
        command = [sys.executable, "-m", f"distributed.cli.dask_{kind}", "--scheduler-file", file, "--no-dashboard"]
        command += ["--host", "127.0.0.1", *options]
        with (tmp_path / f"{kind}{len(started)}.log").open("wb") as log:
            bare = changed(CNNHELPERS_DATA=None, PYTHONPATH=str(ROOT))
            started.append(subprocess.Popen(command, env=bare, cwd=tmp_path, stdout=log, stderr=log))
        return started[-1]

    start("scheduler", "--port", "0")
    until(file.exists)
    options = ("--no-nanny", "--nthreads", "1", "--local-directory")
    workers = [start("worker", *options, tmp_path / name) for name in "ab"]
    yield SimpleNamespace(file=file, workers=workers)
    for process in started:
        process.kill()
        process.wait()


def some_mnist(folder, monkeypatch):
    """Make a dataset of the name mnist that only this process finds."""
    generator = np.random.default_rng(0)
    x, y = generator.integers(0, 255, (200, 28, 28), dtype=np.uint8), np.arange(200) % 10
    folder.mkdir()
    np.savez(folder / "mnist.npz", x_train=x, y_train=y, x_test=x[:50], y_test=y[:50])
    monkeypatch.setenv("CNNHELPERS_DATA", str(folder))


def test_a_cluster_that_loses_a_worker_gives_the_records_of_local_processes(dask, tmp_path, monkeypatch):
    some_mnist(tmp_path / "data", monkeypatch)
    experiment = tiny(dataset="mnist", epochs=2, images=None)
    with ThreadPoolExecutor(1) as thread:
        runs = thread.submit(run, experiment, 4, workers=str(dask.file), folder=tmp_path / "cluster", progress=False)
        lost = dask.workers[0]
        until(children, lost.pid)
        orphans = children(lost.pid)
        lost.send_signal(signal.SIGKILL)
        assert gone(orphans)
        runs = runs.result()
    assert runs.status.tolist() == ["done"] * 4
    local = run(experiment, 4, folder=tmp_path / "local", progress=False)
    for here, there in zip(local.record, runs.record, strict=True):
        assert here.weights_sha256 == there.weights_sha256
        assert {**here.history, "seconds": 0} == {**there.history, "seconds": 0}
        assert here.metrics == there.metrics
        assert here.data["fingerprint"] == there.data["fingerprint"]
    assert len(list(tmp_path.glob("cluster/tiny/*.npz"))) == 4


def test_ctrl_c_ends_what_a_cluster_trains_within_five_seconds(dask, tmp_path):
    code = f"""
from cnnhelpers import run
from tests.tiny import tiny
run(tiny("slow", epochs=4000, images=None), 2, workers={str(dask.file)!r}, folder={str(tmp_path / "runs")!r})
"""
    process = script(code)
    training = [until(children, worker.pid) for worker in dask.workers]
    process.send_signal(signal.SIGINT)
    assert process.wait(30) != 0
    assert gone([process for below in training for process in below])
    assert not list((tmp_path / "runs").rglob("*.json"))


def test_a_worker_with_other_code_is_refused_naming_both():
    with pytest.raises(InputError) as error:
        cluster.train_below_worker(b"", {}, "0.0.1 (0123456789ab)")
    assert "0.0.1 (0123456789ab) here" in str(error.value)
    assert f"{environment.code()} there" in str(error.value)


def test_without_dask_the_fix_is_named(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(InputError, match=r"cnnhelpers\[cluster\]"):
        run(tiny(), 1, workers="tcp://127.0.0.1:1", folder=tmp_path, progress=False)


def test_a_scheduler_that_does_not_answer_is_named(monkeypatch, tmp_path):
    monkeypatch.setattr(cluster, "SECONDS_TO_CONNECT", 1)
    with pytest.raises(InputError, match=r"tcp://127\.0\.0\.1:1"):
        run(tiny(), 1, workers="tcp://127.0.0.1:1", folder=tmp_path, progress=False)


@pytest.mark.parametrize("wrong", [0, -1, 2.0, True, "two", "localhost:8786", "nowhere.json"], ids=repr)
def test_workers_that_are_none_are_refused_before_training(tmp_path, wrong):
    with pytest.raises(InputError, match=f"workers={wrong!r}"):
        run(tiny(), 1, workers=wrong, folder=tmp_path)
    assert check_workers("2") == 2
