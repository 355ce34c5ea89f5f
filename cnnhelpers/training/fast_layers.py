"""Batches and layers that compute faster, or more exactly, than Keras' own, which they replace during training.

With TensorFlow:

- Keras gives arrays to tf.data with parallelism that tunes itself. The tuning thread sleeps 10, 20, 40 ... ms, and
  after the last batch everything waits for it to wake: an epoch of 1.3 s takes 2.55 s.
- Keras computes batch normalization and dropout by elementary operations, each a pass over all activations: they cost
  three times the convolutions around them.
- With products in bfloat16 the gradient of a dense layer's bias is summed in it too. Over the pixels of a batch the sum
  stops growing long before its end: report B's dense networks, which see one pixel at a time, then learn less.

tests/benchmarks/throughput.py measures the first two. With JAX only the layers of precision.py replace Keras' own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager

import keras
import numpy as np

from cnnhelpers.training.precision import BFLOAT16

if keras.backend.backend() == "tensorflow":
    import tensorflow as tf

LEVELS = 2**16  # of a dropout rate: its random numbers have 16 bits


@contextmanager
def replaced(model: keras.Model, kinds: Mapping[type, type]) -> Iterator[None]:
    """Give the layers of `model`, those of nested models too, the class that `kinds` names, within the context.

    Layers stay the same objects, with their weights, names and states: a model saved afterwards is one of plain Keras.
    """
    layers = {id(layer): (layer, type(layer)) for layer in leaves(model) if type(layer) in kinds}.values()
    try:
        for layer, kind in layers:
            layer.__class__ = kinds[kind]
        yield
    finally:
        for layer, kind in layers:
            layer.__class__ = kind


def fast_kernels(model: keras.Model, precision: str) -> AbstractContextManager[None]:
    """Return a context in which the layers of `model` compute with products in `precision`, by fast kernels."""
    if keras.backend.backend() == "tensorflow":
        return replaced(model, FUSED | EXACT if precision == "bfloat16" else FUSED)
    return replaced(model, BFLOAT16 if precision == "bfloat16" else {})


def leaves(layer: keras.layers.Layer) -> Iterator[keras.layers.Layer]:
    """Yield the layers of a model and of its nested models; a layer that is no model yields itself."""
    if isinstance(layer, keras.Model):
        for inner in layer.layers:
            yield from leaves(inner)
    else:
        yield layer


def tensor_batches(*arrays: np.ndarray, batch_size: int) -> tf.data.Dataset:
    """Return arrays of equal length in batches, in order, without parallelism that tunes itself."""
    dataset = tf.data.Dataset.from_tensor_slices(arrays if len(arrays) > 1 else arrays[0]).batch(batch_size)
    options = tf.data.Options()
    options.autotune.enabled = False
    return dataset.with_options(options)


class FusedBatchNormalization(keras.layers.BatchNormalization):
    """Batch normalization of (batch, height, width, channels) over all but channels, in one kernel when training."""

    def call(self, inputs: tf.Tensor, training: bool | None = None, mask: tf.Tensor | None = None) -> tf.Tensor:
        """Return the normalized inputs; in training by the moments of the batch, which update the moving moments."""
        images = inputs.dtype == tf.float32 and len(inputs.shape) == 4 and self.axis in (-1, 3)
        usual = mask is None and not self.synchronized and not getattr(self, "renorm", False)
        if not (training and self.trainable and images and usual):
            return super().call(inputs, training=training, mask=mask)
        channels = inputs.shape[-1]
        outputs, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
            x=inputs,
            scale=self.gamma.value if self.scale else tf.ones(channels),
            offset=self.beta.value if self.center else tf.zeros(channels),
            mean=[],
            variance=[],
            epsilon=self.epsilon,
            is_training=True,
        )
        count = tf.cast(tf.size(inputs) // channels, tf.float32)
        variance *= (count - 1) / count  # the kernel divides by count - 1, Keras by count
        for moving, moment in ((self.moving_mean, mean), (self.moving_variance, variance)):
            moving.assign(moving * self.momentum + moment * (1 - self.momentum))
        return outputs


class SixteenBitDropout(keras.layers.Dropout):
    """Dropout with 16 random bits per activation, where Keras draws 32: the rate is rounded to 1/65536."""

    def call(self, inputs: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Return the inputs, in training some of them 0 and the rest scaled up so that the mean stays."""
        threshold = round(self.rate * LEVELS)
        if not training or not 0 < threshold < LEVELS or self.noise_shape is not None:
            return super().call(inputs, training=training)
        seed, shape = tf.cast(self.seed_generator.next(), tf.int64), tf.shape(inputs)
        count = tf.reduce_prod(shape)
        draws = tf.random.stateless_uniform(
            [(count + 1) // 2], seed, minval=None, maxval=None, dtype=tf.uint32, alg="philox"
        )
        bits = tf.reshape(tf.bitcast(draws, tf.uint16), [-1])[:count]
        kept = tf.reshape(bits >= tf.constant(threshold, tf.uint16), shape)
        return inputs * (tf.cast(kept, inputs.dtype) * (LEVELS / (LEVELS - threshold)))


class PixelwiseDense(keras.layers.Dense):
    """A dense layer of (batch, ..., features) as a convolution of size 1, whose bias has a float32 gradient."""

    def call(self, inputs: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        """Return activation(inputs @ kernel + bias), (batch, ..., units)."""
        if len(inputs.shape) < 3:
            return super().call(inputs, training=training)
        shape, (features, units) = tf.shape(inputs), self.kernel.shape
        pixels = tf.reshape(inputs, (shape[0], 1, -1, features))
        outputs = tf.nn.conv2d(pixels, tf.reshape(self.kernel, (1, 1, features, units)), 1, "VALID")
        outputs = outputs if self.bias is None else outputs + self.bias
        outputs = tf.reshape(outputs, tf.concat([shape[:-1], [units]], 0))
        outputs.set_shape((*inputs.shape[:-1], units))
        return outputs if self.activation is None else self.activation(outputs)


FUSED = {keras.layers.BatchNormalization: FusedBatchNormalization, keras.layers.Dropout: SixteenBitDropout}
EXACT = {keras.layers.Dense: PixelwiseDense}  # with products in bfloat16
