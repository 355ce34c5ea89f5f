"""The runner: trains what is missing, once, in processes; survives their death; mixes no pixels."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest

from cnnhelpers import data, records
from cnnhelpers.data.splits import split
from cnnhelpers.errors import InputError
from cnnhelpers.execution import runner
from cnnhelpers.execution.runner import run
from cnnhelpers.execution.task import failure
from cnnhelpers.records import CHECKPOINTS, RunLocks
from tests.faults.networks import Deadly, with_layer
from tests.faults.processes import until
from tests.tiny import tiny


def test_missing_runs_are_trained_once_and_recorded_ones_cost_nothing(tmp_path, capfd):
    experiments = [tiny("a", epochs=1), tiny("b", dropout=0.5, epochs=1)]
    runs = run(experiments, 2, folder=tmp_path)
    assert runs.experiment.tolist() == ["a", "a", "b", "b"]
    assert runs.seed.tolist() == [0, 1, 0, 1]
    assert (runs.status == "done").all()
    assert "tiny: 4 of 4 runs" in capfd.readouterr().err
    files = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.json")}
    again = run(experiments, 2, folder=tmp_path)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.json")} == files
    assert again.test_accuracy.tolist() == runs.test_accuracy.tolist()
    assert capfd.readouterr().err == ""


def test_the_number_of_workers_does_not_change_a_bit(tmp_path):
    hashes = []
    for workers in (1, 2):
        runs = run(tiny(epochs=1), 2, workers=workers, folder=tmp_path / str(workers), progress=False)
        hashes.append([record.weights_sha256 for record in runs.record])
    assert hashes[0] == hashes[1]


def test_two_experiments_of_one_identity_share_their_run_under_their_own_labels(tmp_path):
    first, second = tiny("D1", epochs=1), tiny("D2", epochs=1)
    runs = run([first, second], [0], folder=tmp_path, progress=False)
    assert runs.experiment.tolist() == ["D1", "D2"]
    assert runs.identity.nunique() == 1
    assert len(list(tmp_path.rglob("*.json"))) == 1


def as_in_a_notebook(code, folder):
    """Run code with a layer class and without `if __name__ == "__main__"`, as in a notebook."""
    script = folder / "script.py"
    script.write_text(f"""
import keras
from cnnhelpers import Experiment, Protocol, run
from cnnhelpers import data
class Twice(keras.layers.Layer):
    def call(self, x):
        return 2 * x
{code}""")
    return subprocess.run([sys.executable, script], cwd=folder, capture_output=True, text=True)


def test_a_network_defined_in_a_notebook_reaches_the_workers(tmp_path):
    code = """
def network(input_shape, classes):
    return keras.Sequential([keras.Input(input_shape), Twice(), keras.layers.Flatten(),
                             keras.layers.Dense(classes, activation="softmax")])
print(run(Experiment(network, Protocol(epochs=1, images=50)), 1).status[0])
"""
    done = as_in_a_notebook(code, tmp_path)
    assert done.stdout == "done\n", done.stderr


def test_code_of_a_notebook_hands_weights_over_and_may_be_frozen(tmp_path):
    code = """
def network(input_shape, classes):
    frozen = keras.layers.Conv2D(2, 5, strides=5, trainable=False)
    return keras.Sequential([keras.Input(input_shape), frozen, Twice(), keras.layers.Flatten(),
                             keras.layers.Dense(classes, activation="softmax")])
data.load("digits").save("copy.npz")
before = Experiment(network, Protocol(epochs=1, images=50), keep_weights=True, id="before")
after = Experiment(network, Protocol(dataset="copy.npz", epochs=1, images=50), after=before, id="after")
print([record.stop["error"] for record in run([before, after], 1).record])
"""
    done = as_in_a_notebook(code, tmp_path)
    assert done.stdout == "[None, None]\n", done.stderr


def test_an_error_inside_a_run_is_recorded_and_tried_again_next_time(tmp_path):
    class Moody(keras.layers.Layer):
        def call(self, x):
            if (Path(folder) / "angry").exists():
                raise RuntimeError("not today")
            return x

    folder = str(tmp_path)
    moody = replace(
        tiny("moody", epochs=1),
        network=[Moody(), keras.layers.Flatten(), keras.layers.Dense(10, activation="softmax")],
    )
    moody.text()
    planned = runner.plan([moody], 1, tmp_path)
    records.write(failure(planned[0], "RuntimeError: not today"), tmp_path)
    assert run(moody, 1, folder=tmp_path, progress=False).status.tolist() == ["done"]


def test_a_diverged_run_is_settled_and_not_trained_again(tmp_path):
    wild = tiny("wild", optimizer="sgd", learning_rate=1e30)
    first = run(wild, 1, folder=tmp_path, progress=False)
    assert (first.status[0], first.stop_reason[0]) == ("failed", "diverged")
    assert np.isnan(first.test_accuracy[0])
    (path,) = tmp_path.rglob("*.json")
    before = path.stat().st_mtime_ns
    run(wild, 1, folder=tmp_path, progress=False)
    assert path.stat().st_mtime_ns == before


def test_a_run_after_a_diverged_one_is_settled_too(tmp_path):
    after = replace(tiny("after"), after=tiny("wild", optimizer="sgd", learning_rate=1e30))
    first = run(after, 1, folder=tmp_path, progress=False)
    assert (first.status[0], first.stop_reason[0]) == ("failed", "diverged")
    assert "wild with seed 0 gives no weights" in first.record[0].stop["error"]
    (path,) = tmp_path.rglob("*.json")
    before = path.stat().st_mtime_ns
    run(after, 1, folder=tmp_path, progress=False)
    assert path.stat().st_mtime_ns == before


def test_a_run_that_another_runner_records_between_two_looks_is_not_trained(tmp_path, monkeypatch):
    (planned,) = runner.plan([tiny()], 1, tmp_path)
    record = failure(planned, "", "diverged")
    monkeypatch.setattr(runner, "check_writable", lambda *_: records.write(record, tmp_path))
    assert run(tiny(), 1, folder=tmp_path, progress=False).stop_reason.tolist() == ["diverged"]


def test_a_run_whose_worker_died_waits_for_no_other_runner(tmp_path):
    deadly, elsewhere = with_layer(Deadly(), "deadly"), tiny("elsewhere", epochs=1)
    keys = [planned.key for planned in runner.plan([deadly, elsewhere], 1, tmp_path)]
    with closing(RunLocks(tmp_path / CHECKPOINTS)) as another, ThreadPoolExecutor(1) as thread:
        assert another.take(keys[1])
        runs = thread.submit(run, [deadly, elsewhere], 1, folder=tmp_path, progress=False)
        until(lambda: keys[0] in records.index(tmp_path))
        assert keys[1] not in records.index(tmp_path)
        another.release(keys[1])
        assert runs.result().status.tolist() == ["failed", "done"]


def test_every_draw_of_images_is_checked_before_any_training(tmp_path, monkeypatch):
    def fits(seed):
        with suppress(InputError):
            return split(data.load("digits"), "stratified:0.2", seed, 50)

    monkeypatch.setattr(runner._Sweep, "train", lambda *_: pytest.fail("runs were started"))
    good = next(seed for seed in range(20) if fits(seed))
    bad = next(seed for seed in range(20) if not fits(seed))
    with pytest.raises(InputError, match=f"images=50.*seed {bad}"):
        run(tiny(images=50), [good, bad], folder=tmp_path)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"seeds": -1}, "seeds=-1"),
        ({"seeds": 0}, "seeds=0"),
        ({"seeds": [0, -1]}, "seed=-1"),
        ({"seeds": [1, 1]}, "different"),
        ({"seeds": [0.5]}, "seed=0.5"),
        ({"workers": 0}, "workers=0"),
    ],
    ids=str,
)
def test_bad_seeds_and_workers_are_refused(tmp_path, arguments, message):
    with pytest.raises(InputError, match=message):
        run(tiny(), **{"folder": tmp_path} | arguments)


def test_two_experiments_with_one_id_are_refused(tmp_path):
    with pytest.raises(InputError, match="id='tiny'"):
        run([tiny(), tiny(epochs=3)], 1, folder=tmp_path)


def test_an_unknown_dataset_is_refused_before_training(tmp_path):
    with pytest.raises(InputError, match="mnits"):
        run(tiny(dataset="mnits"), 1, folder=tmp_path)
    assert not list(tmp_path.rglob("*.json"))
