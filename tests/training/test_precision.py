"""Products are computed in the precision that a record names, and bfloat16 differs by the rounding of operands."""

import keras
import ml_dtypes
import numpy as np
import pytest
from keras import layers

from cnnhelpers import environment
from cnnhelpers.training import precision, trainer
from cnnhelpers.training.fast_layers import replaced
from cnnhelpers.training.precision import BFLOAT16, Bfloat16Conv2D, Bfloat16Dense
from tests.tiny import tiny

IMAGES = np.random.default_rng(0).normal(size=(4, 6, 5, 3)).astype("float32")
ROUNDING = 2.0**-7  # of bfloat16, relative: one unit of the last of its 8 bits


@pytest.fixture(autouse=True)
def one_seed():
    keras.utils.set_random_seed(0)


def rounded(array):
    return np.asarray(array, ml_dtypes.bfloat16).astype("float64")


@pytest.mark.parametrize("use_bias", [True, False])
def test_a_dense_layer_multiplies_operands_rounded_to_bfloat16(use_bias):
    layer = Bfloat16Dense(7, activation="relu", use_bias=use_bias, bias_initializer="random_normal")
    outputs = layer(IMAGES)
    kernel, bias = layer.get_weights() if use_bias else (*layer.get_weights(), 0)
    products = rounded(IMAGES) @ rounded(kernel)
    expected = np.maximum(products + bias, 0)
    assert keras.backend.standardize_dtype(outputs.dtype) == "float32"
    np.testing.assert_allclose(outputs, expected, atol=ROUNDING * np.abs(products).max())
    assert not np.allclose(expected, np.maximum(IMAGES @ kernel + bias, 0), rtol=1e-5, atol=1e-6)  # float32's


@pytest.mark.parametrize("options", [{}, {"strides": 2, "padding": "same"}, {"use_bias": False}])
def test_a_convolution_multiplies_operands_rounded_to_bfloat16(options):
    half, whole = (kind(4, 3, activation="relu", **options) for kind in (Bfloat16Conv2D, layers.Conv2D))
    whole.build(IMAGES.shape)
    half.build(IMAGES.shape)
    kernel, *bias = half.get_weights()
    whole.set_weights([rounded(kernel), *bias])
    expected = np.asarray(whole(rounded(IMAGES).astype("float32")))
    outputs = half(IMAGES)
    assert keras.backend.standardize_dtype(outputs.dtype) == "float32"
    np.testing.assert_allclose(outputs, expected, atol=ROUNDING * np.abs(expected).max())
    whole.set_weights([kernel, *bias])
    assert not np.allclose(expected, np.asarray(whole(IMAGES)), rtol=1e-5, atol=1e-6)


def test_only_convolutions_and_dense_layers_multiply_in_bfloat16():
    kinds = [layers.Conv2D, layers.DepthwiseConv2D, layers.BatchNormalization, layers.Flatten, layers.Dense]
    sizes = [(4, 3), (3,), (), (), (2,)]
    model = keras.Sequential([keras.Input((6, 5, 3)), *(kind(*size) for kind, size in zip(kinds, sizes, strict=True))])
    with replaced(model, BFLOAT16):
        assert [type(layer) for layer in model.layers] == [Bfloat16Conv2D, *kinds[1:4], Bfloat16Dense]
    assert [type(layer) for layer in model.layers] == kinds


@pytest.mark.parametrize(
    ("backend", "device", "flags", "onednn", "available"),
    [
        ("jax", "gpu:0", set(), None, True),
        ("jax", "cpu:0", {"avx512_bf16"}, None, False),
        ("tensorflow", "cpu:0", {"avx512_bf16"}, None, True),
        ("tensorflow", "cpu:0", {"avx512f"}, None, False),
        ("tensorflow", "cpu:0", {"avx512_bf16"}, "0", False),
        ("tensorflow", "gpu:0", {"avx512_bf16"}, None, False),
        ("torch", "cpu:0", {"avx512_bf16"}, None, False),
    ],
)
def test_bfloat16_is_available_where_jax_s_gpu_or_onednn_computes_in_it(
    monkeypatch, backend, device, flags, onednn, available
):
    monkeypatch.setattr(keras.backend, "backend", lambda: backend)
    monkeypatch.setattr(environment, "device", lambda: device)
    monkeypatch.setattr(environment, "processor_flags", lambda: flags)
    monkeypatch.delenv("TF_ENABLE_ONEDNN_OPTS", raising=False)
    if onednn is not None:
        monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", onednn)
    assert precision.bfloat16_available() is available


@pytest.mark.skipif(keras.backend.backend() != "jax", reason="on TensorFlow the graph optimizer does it")
@pytest.mark.parametrize("asked", ["float32", "bfloat16"])
def test_a_run_with_jax_on_a_gpu_multiplies_and_records_the_precision_asked_for(monkeypatch, asked):
    seen = set()
    product = Bfloat16Dense.call
    monkeypatch.setattr(Bfloat16Dense, "call", lambda *given, **named: seen.add("bfloat16") or product(*given, **named))
    monkeypatch.setattr(precision, "bfloat16_available", lambda: True)
    model, record, _ = trainer.train(tiny(precision=asked), 0)
    assert record.environment["precision"] == asked
    assert seen == ({"bfloat16"} if asked == "bfloat16" else set())
    assert not {type(layer) for layer in model.layers[-1].layers} & {*BFLOAT16.values()}
