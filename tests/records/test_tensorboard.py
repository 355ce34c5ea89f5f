"""Histories become TensorBoard logs."""

import pytest

from cnnhelpers.execution.runner import run
from cnnhelpers.records import tensorboard
from tests.tiny import tiny


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_every_epoch_is_logged_and_only_once(tmp_path):
    loader = pytest.importorskip("tensorboard.backend.event_processing.event_file_loader")
    runs = run(tiny(), 1, progress=False)
    for _ in range(2):
        tensorboard.export(runs, tmp_path)
    (file,) = tmp_path.rglob("events*")
    assert file.parent.relative_to(tmp_path).as_posix() == "tiny/seed-0"
    logged = {}
    for event in loader.EventFileLoader(str(file)).Load():
        for value in event.summary.value:
            logged.setdefault(value.tag, []).append((event.step, value.tensor.float_val[0]))
    for name, values in runs.record[0].history.items():
        assert [step for step, _ in logged[name]] == [1, 2]
        assert [value for _, value in logged[name]] == pytest.approx(values, rel=1e-6)
