"""Compute convolutions and matrix products in bfloat16 where the processor or GPU multiplies in it, else in float32.

bfloat16 has the range of float32 and 8 bits of mantissa. Weights, biases, activations and losses stay float32. On a
processor TensorFlow's graph optimizer puts the products of oneDNN into bfloat16; what lies between two of them, such as
a pooling, may pass in bfloat16 too. On a GPU, with JAX, the layers below do it; all other products, such as those of
depthwise convolutions, are then float32's, which JAX would compute there in TensorFloat-32 (10 bits of mantissa).
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import keras
from keras import ops

from cnnhelpers import environment

BFLOAT16_FLAGS = {"avx512_bf16", "amx_bf16"}  # of processors that multiply in it; others emulate it, slower
ONEDNN_OPTION = "auto_mixed_precision_onednn_bfloat16"  # of TensorFlow's graph optimizer


def bfloat16_available() -> bool:
    """Return whether oneDNN (on this processor) or JAX (on this GPU) multiplies in bfloat16."""
    backend, on_gpu = keras.backend.backend(), environment.device().startswith("gpu")
    if backend == "jax":
        return on_gpu
    if backend != "tensorflow" or on_gpu or os.environ.get("TF_ENABLE_ONEDNN_OPTS") == "0":
        return False
    return bool(BFLOAT16_FLAGS & environment.processor_flags())


@contextmanager
def products_in(precision: str) -> Iterator[str]:
    """Compute products in `precision` ("float32" or "bfloat16") within the context; yield the precision that is used.

    Contexts nest, as the training of one run may train another first.
    """
    if not bfloat16_available():
        yield "float32"
        return
    if keras.backend.backend() == "jax":
        import jax

        with jax.default_matmul_precision("float32"):
            yield precision
        return
    from tensorflow import config

    before = config.optimizer.get_experimental_options().get(ONEDNN_OPTION, False)
    config.optimizer.set_experimental_options({ONEDNN_OPTION: precision == "bfloat16"})
    try:
        yield precision
    finally:
        config.optimizer.set_experimental_options({ONEDNN_OPTION: before})


class Bfloat16Conv2D(keras.layers.Conv2D):
    """A convolution of (batch, height, width, channels) that multiplies in bfloat16."""

    def convolution_op(self, inputs: Any, kernel: Any) -> Any:
        """Return the convolution without bias, (batch, height, width, filters) in the dtype of the inputs."""
        return _in_bfloat16(super().convolution_op, inputs, kernel)


class Bfloat16Dense(keras.layers.Dense):
    """A dense layer of (batch, ..., features) that multiplies in bfloat16."""

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """Return activation(inputs @ kernel + bias), (batch, ..., units) in the dtype of the inputs."""
        outputs = _in_bfloat16(ops.matmul, inputs, self.kernel)
        outputs = outputs if self.bias is None else ops.add(outputs, self.bias)
        return outputs if self.activation is None else self.activation(outputs)


BFLOAT16 = {keras.layers.Conv2D: Bfloat16Conv2D, keras.layers.Dense: Bfloat16Dense}


def _in_bfloat16(product: Callable[[Any, Any], Any], inputs: Any, kernel: Any) -> Any:
    return ops.cast(product(ops.cast(inputs, "bfloat16"), ops.cast(kernel, "bfloat16")), inputs.dtype)
