"""Convolutions and dense layers whose products are bfloat16's, in Keras' words: for GPUs, which multiply fast in it.

All else is float32 as before: weights, biases, activations, losses, gradients' sums. So are depthwise convolutions, and
features that frozen layers compute once (see transfer.py).
"""

from collections.abc import Callable
from typing import Any

import keras
from keras import ops

Product = Callable[[Any, Any], Any]


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


def _in_bfloat16(product: Product, inputs: Any, kernel: Any) -> Any:
    halves = ops.cast(inputs, "bfloat16"), ops.cast(kernel, "bfloat16")
    return ops.cast(product(*halves), inputs.dtype)
