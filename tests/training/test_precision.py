"""A record names the precision that was computed in: what could change it unseen is ruled out or told."""

import importlib.metadata
import json
import os
import subprocess
import sys

import keras
import pytest

from cnnhelpers import environment
from cnnhelpers.training import precision

needs_tensorflow = pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="oneDNN is TensorFlow's")


@needs_tensorflow
def test_bfloat16_is_there_only_where_onednn_computes_in_it(monkeypatch):
    monkeypatch.setattr(environment, "processor_flags", lambda: {"avx512_bf16"})
    monkeypatch.setattr(environment, "device", lambda: "cpu:0")
    monkeypatch.delenv("TF_ENABLE_ONEDNN_OPTS", raising=False)
    assert precision.bfloat16_available()
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", "0")
    assert not precision.bfloat16_available()
    monkeypatch.delenv("TF_ENABLE_ONEDNN_OPTS")
    monkeypatch.setattr(environment, "device", lambda: "gpu:0")
    assert not precision.bfloat16_available()


@pytest.mark.parametrize(
    ("flags", "widest"), [({"avx", "avx2", "avx512f"}, "avx512f"), ({"sse2", "avx", "avx2"}, "avx2"), ({"asimd"}, "")]
)
def test_the_widest_vectors_of_a_processor(monkeypatch, flags, widest):
    monkeypatch.setattr(environment, "processor_flags", lambda: frozenset(flags))
    assert environment.vectors() == widest


@pytest.mark.parametrize(("asked", "given"), [(None, "1"), ("0", "0")])
def test_onednn_is_on_unless_the_environment_says_otherwise(monkeypatch, asked, given):
    monkeypatch.delenv("TF_ENABLE_ONEDNN_OPTS", raising=False)
    if asked is not None:
        monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", asked)
    code = (
        "import os, sys; from cnnhelpers.execution import trained_models, worker_process as child; "
        "assert 'tensorflow' not in sys.modules; "
        "from cnnhelpers.environment import import_keras_quietly; import_keras_quietly(); "
        "print(os.environ['TF_ENABLE_ONEDNN_OPTS'], child.Child().call(os.getenv, 'TF_ENABLE_ONEDNN_OPTS'))"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.split() == [given, given]


def test_versions_are_those_that_were_loaded_whatever_is_installed_later(monkeypatch):
    environment._versions.cache_clear()
    environment.import_keras_quietly()
    loaded = environment.versions()
    assert loaded["keras"] == keras.__version__
    monkeypatch.setattr(importlib.metadata, "version", lambda name: "0.0.1")
    environment.versions()["keras"] = "changed by a caller"
    assert environment.versions() == loaded


def test_a_keras_json_does_not_decide_what_runs_compute_in(tmp_path):
    (tmp_path / "keras.json").write_text(json.dumps({"floatx": "float64", "epsilon": 1e-3}))
    code = (
        "from cnnhelpers.environment import import_keras_quietly; import_keras_quietly(); import keras; "
        "print(keras.config.floatx(), keras.config.epsilon(), keras.layers.Dense(1).dtype)"
    )
    told = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"KERAS_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stdout.split() == ["float32", "1e-07", "float32"]
