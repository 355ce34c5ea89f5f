"""A record names the precision that was computed in: what could change it unseen is ruled out or told."""

import json
import os
import subprocess
import sys

import keras
import pytest

from cnnhelpers import environment, precision

needs_tensorflow = pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="oneDNN is TensorFlow's")


@needs_tensorflow
def test_bfloat16_is_there_only_where_onednn_computes_in_it(monkeypatch):
    monkeypatch.setattr(environment, "processor_flags", lambda: {"avx512_bf16"})
    monkeypatch.setattr(environment, "device", lambda: "cpu:0")
    monkeypatch.delenv("TF_ENABLE_ONEDNN_OPTS", raising=False)
    assert precision.available()
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", "0")
    assert not precision.available()
    monkeypatch.delenv("TF_ENABLE_ONEDNN_OPTS")
    monkeypatch.setattr(environment, "device", lambda: "gpu:0")
    assert not precision.available()


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
