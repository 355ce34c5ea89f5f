"""Keras keeps the settings of the user and starts with its defaults elsewhere; the commit is that of loaded code."""

import importlib.metadata
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import keras
import pytest

from cnnhelpers import environment

RECORDS = Path(__file__).parents[1] / "book" / "records"
SETTINGS = "keras.config.floatx(), keras.config.epsilon(), keras.config.image_data_format()"


def printed(code, **variables):
    """Return the words that a new process prints."""
    done = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | variables, capture_output=True, text=True, check=True
    )
    return done.stdout.split()


def test_the_keras_settings_of_the_user_stay_as_they_are(tmp_path):
    code = f"""
import keras
keras.config.set_floatx("float64")
keras.config.set_epsilon(1e-3)
keras.config.set_image_data_format("channels_first")
from cnnhelpers import Experiment, Protocol, execution, reports, run
network = [keras.layers.Flatten(), keras.layers.Dense(10, activation="softmax")]
linear = Experiment(network, Protocol(epochs=1, images=50), id="linear")
runs = run(linear, 1, folder={str(tmp_path)!r}, progress=False)
assert runs.status.tolist() == ["done"], runs.record[0].stop
reports.published_verdicts("B", folder={str(RECORDS)!r})
print({SETTINGS}, runs.record[0].text.count("float64"))
"""
    assert printed(code) == ["float64", "0.001", "channels_first", "0"]


def test_a_keras_json_does_not_change_what_runs_compute(tmp_path):
    (tmp_path / "keras.json").write_text(json.dumps({"floatx": "float64", "epsilon": 1e-3}))
    code = f"from cnnhelpers.environment import start_keras; start_keras(); import keras; print({SETTINGS})"
    assert printed(code, KERAS_HOME=str(tmp_path)) == ["float32", "1e-07", "channels_last"]


@pytest.mark.parametrize(("asked", "expected"), [(None, "1"), ("0", "0")])
def test_onednn_is_on_unless_the_environment_switches_it_off(monkeypatch, asked, expected):
    monkeypatch.delenv("TF_ENABLE_ONEDNN_OPTS", raising=False)
    code = (
        "import os, sys; from cnnhelpers.execution import trained_models, worker_process as w; "
        "assert 'tensorflow' not in sys.modules; from cnnhelpers.environment import start_keras; start_keras(); "
        "print(os.environ['TF_ENABLE_ONEDNN_OPTS'], w.WorkerProcess().call(os.getenv, 'TF_ENABLE_ONEDNN_OPTS'))"
    )
    assert printed(code, **({} if asked is None else {"TF_ENABLE_ONEDNN_OPTS": asked})) == [expected, expected]


def test_versions_are_those_that_were_loaded_whatever_is_installed_later(monkeypatch):
    environment._versions.cache_clear()
    loaded = environment.versions()
    assert loaded["keras"] == keras.__version__
    monkeypatch.setattr(importlib.metadata, "version", lambda name: "0.0.1")
    environment.versions()["keras"] = "changed by a caller"
    assert environment.versions() == loaded


@pytest.mark.parametrize(
    ("flags", "widest"), [({"avx", "avx2", "avx512f"}, "avx512f"), ({"sse2", "avx", "avx2"}, "avx2"), ({"asimd"}, "")]
)
def test_the_widest_vectors_of_a_processor(monkeypatch, flags, widest):
    monkeypatch.setattr(environment, "processor_flags", lambda: frozenset(flags))
    assert environment.vectors() == widest


@pytest.mark.skipif(not shutil.which("git"), reason="git is not installed")
def test_commit_is_that_of_the_code_that_was_loaded_with_a_mark_where_it_was_changed(tmp_path):
    package = tmp_path / "cnnhelpers"
    package.mkdir()
    (package / "__init__.py").touch()
    shutil.copy(environment.__file__, package)
    isolated = {name: text for name, text in os.environ.items() if not name.startswith("GIT_")}
    author = {f"GIT_{role}_{field}": "a@b.c" for role in ("AUTHOR", "COMMITTER") for field in ("NAME", "EMAIL")}
    isolated |= author | {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CEILING_DIRECTORIES": str(tmp_path.parent)}

    def done(*command, **more):
        options = {"cwd": tmp_path, "env": isolated | more, "capture_output": True, "text": True, "check": True}
        return subprocess.run(command, **options).stdout.strip()

    def git(*arguments):
        return done("git", *arguments)

    def commits(then="pass", **more):
        asked = f"from cnnhelpers.environment import commit; commit(); {then}; print(commit())"
        return done(sys.executable, "-c", asked, PYTHONPATH=str(tmp_path), **more)

    assert commits() == ""  # no checkout
    git("init", "-q")
    assert commits() == ""  # somebody else's checkout, which does not hold the package
    git("add", "cnnhelpers/__init__.py", "cnnhelpers/environment.py")
    git("commit", "-qm", "first")
    first = git("rev-parse", "HEAD")[:12]
    (tmp_path / "notes.md").touch()  # not code
    assert commits() == first
    assert commits("import os; os.system('git commit -qm second --allow-empty')") == first
    second = git("rev-parse", "HEAD")[:12]
    assert commits() == second != first
    with (package / "environment.py").open("a") as file:
        file.write("# changed")
    assert commits() == f"{second}+"
    assert commits(PATH=str(tmp_path)) == ""  # no git
