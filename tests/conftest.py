"""Every test runs without data but digits, which is there on every machine, and without recorded runs."""

import os
from contextlib import contextmanager

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("MPLBACKEND", "Agg")

import matplotlib as mpl
import matplotlib.pyplot as plt
import pytest

from cnnhelpers.execution import worker_process
from cnnhelpers.training import checkpoint

worker_process.NOT_PASSED_ON.add("PYTEST_CURRENT_TEST")  # it changes: no process would be used twice


SLOW = ("notebooks", "faults", "execution", "training", "interpretability", "networks", "experiments", "test_book.py")
SLOW += ("test_chapters.py", "test_cli.py", "test_readme.py", "test_environment.py", "test_summaries.py")


def pytest_collection_modifyitems(items):
    """Mark what trains, starts processes or executes notebooks, and let each xdist worker begin with long tests."""
    for item in items:
        if {*SLOW} & {*item.path.relative_to(item.config.rootpath).parts}:
            item.add_marker(pytest.mark.slow)
    chapters = [item for item in items if item.path.name == "test_chapters_run.py"]
    others = [item for item in items if item not in chapters]
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    size = len(others) // workers + 1
    items[:] = [
        item for at in range(workers) for item in (*chapters[at::workers], *others[at * size : (at + 1) * size])
    ]


@pytest.fixture(autouse=True)
def no_data_but_digits(monkeypatch, tmp_path_factory):
    """Tests see neither this machine's datasets nor its records."""
    monkeypatch.delenv("CNNHELPERS_DATA", raising=False)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path_factory.getbasetemp() / "keras"))
    monkeypatch.setenv("CNNHELPERS_RECORDS", str(tmp_path_factory.mktemp("records")))


@pytest.fixture(autouse=True)
def no_figures_left():
    """A test neither finds the figures and settings of another nor leaves its own."""
    with mpl.rc_context():
        yield
    plt.close("all")


@pytest.fixture
def killed_after(monkeypatch):
    """A context in which a training in this process dies once a number of epochs have checkpoints; each has one."""

    @contextmanager
    def dying(epochs):
        monkeypatch.setattr(checkpoint, "SECONDS_BETWEEN", 0.0)
        save = checkpoint.Checkpoint.save

        def save_then_die(self, model, progress):
            save(self, model, progress)
            if progress.epochs_run == epochs:
                raise KeyboardInterrupt

        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(checkpoint.Checkpoint, "save", save_then_die)
            yield

    return dying
