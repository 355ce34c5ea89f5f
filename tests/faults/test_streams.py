"""Closed and broken standard streams, limits and settings of the surroundings: none of them costs a run."""

import io
import os
import subprocess
import sys

import nbformat
import pytest

from cnnhelpers import environment, records
from cnnhelpers.book.notebooks import execute
from cnnhelpers.execution.worker_process import WORKER_ENVIRONMENT, WorkerProcess
from cnnhelpers.execution.workers import check_workers
from tests.faults.processes import ROOT
from tests.tiny import record

RUN = f"{sys.executable} -m cnnhelpers run A1 --profile smoke --seeds 2 --workers 1 --set epochs=1 images=64"


@pytest.mark.parametrize("streams", ["0<&- 1>&- 2>&-", "2> >(exit)"], ids=["none", "broken pipe"])
def test_runs_do_not_need_anybody_who_listens(tmp_path, streams):
    done = subprocess.run(["bash", "-c", f"{RUN} --folder {tmp_path} {streams}"], cwd=ROOT, check=False)
    assert done.returncode == 0
    assert records.load(tmp_path).status.tolist() == ["done"] * 2


def test_a_reader_that_goes_away_ends_the_command_quietly(tmp_path):
    for seed in range(300):
        records.write(record(seed), tmp_path)
    shell = f"{sys.executable} -m cnnhelpers records --json --folder {tmp_path} | head -n 1; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", shell], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (141, "[\n", "")


def test_the_flags_that_you_set_for_xla_are_kept(monkeypatch):
    monkeypatch.setenv("XLA_FLAGS", "--xla_dump_to=here")
    worker = WorkerProcess()
    assert worker.call(os.getenv, "XLA_FLAGS") == f"--xla_dump_to=here {WORKER_ENVIRONMENT['XLA_FLAGS']}"
    worker.end()


def test_the_number_of_cores_is_what_this_process_may_use():
    code = "import os; os.sched_setaffinity(0, [min(os.sched_getaffinity(0))])\n"
    code += "from cnnhelpers.environment import cores; print(cores())"
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "1\n"
    assert environment.cores() >= 1


@pytest.mark.parametrize(
    ("quota", "cores"),
    [
        ({"cpu.max": "150000 100000"}, 2),
        ({"cpu.max": "max 100000"}, 8),
        ({"cpu/cpu.cfs_quota_us": "300000", "cpu/cpu.cfs_period_us": "100000"}, 3),
        ({"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, 8),
        ({}, 8),
    ],
    ids=str,
)
def test_a_container_of_less_processor_time_has_fewer_workers(monkeypatch, quota, cores):
    files = {f"/sys/fs/cgroup/{name}": text for name, text in quota.items()}
    monkeypatch.delenv("LOKY_MAX_CPU_COUNT", raising=False)
    with monkeypatch.context() as fake:
        fake.setattr("os.cpu_count", lambda: 8)
        fake.setattr("os.sched_getaffinity", lambda _: set(range(8)), raising=False)
        fake.setattr("os.path.exists", files.__contains__)
        fake.setattr("builtins.open", lambda path: io.StringIO(files[path]))
        number = check_workers(None)
    assert number == cores


def test_a_relative_folder_of_records_is_the_same_one_in_a_notebook(tmp_path, monkeypatch):
    (tmp_path / "notebooks").mkdir()
    cells = [nbformat.v4.new_code_cell("x = 1", metadata={"tags": ["parameters"]})]
    cells += [nbformat.v4.new_code_cell("from cnnhelpers import records; print(records.default_folder())")]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / "notebooks" / "study.ipynb")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CNNHELPERS_RECORDS", "mine")
    assert execute("notebooks/study.ipynb", "out.ipynb").done
    assert str(tmp_path / "mine") in (tmp_path / "out.ipynb").read_text()
