"""What Keras leaves undone on TensorFlow, and half of the time with it: batches without a wait, layers in one kernel.

- Keras gives arrays to tf.data with parallelism that tunes itself. The tuning thread sleeps 10, 20, 40 ... ms, and
  when the images are through everything waits for it to wake: an epoch of 1.3 s takes 2.55 s.
- Keras spells batch normalization and dropout out in elementary operations, each a pass over all activations: they
  cost three times the convolutions around them.
- With products in bfloat16 the gradient of a dense layer's bias is summed in it too. Over the pixels of a batch the sum
  stands still long before its end: report B's dense networks, which see one pixel at a time, then learn less.

tests/benchmarks/throughput.py measures the first two. Only this module and precision.py know TensorFlow.
"""

import keras
import numpy as np
import tensorflow as tf

LEVELS = 2**16  # of a dropout rate: its random numbers have 16 bits


def batches(*arrays: np.ndarray, batch_size: int) -> tf.data.Dataset:
    """Return arrays of equal length, image by image in their order, as batches that leave nothing to be tuned."""
    dataset = tf.data.Dataset.from_tensor_slices(arrays if len(arrays) > 1 else arrays[0]).batch(batch_size)
    options = tf.data.Options()
    options.autotune.enabled = False
    return dataset.with_options(options)


class FusedBatchNormalization(keras.layers.BatchNormalization):
    """Batch normalization of (batch, height, width, channels) over all but channels, in one kernel when training."""

    def call(self, inputs: tf.Tensor, training: bool | None = None, mask: tf.Tensor | None = None) -> tf.Tensor:
        """Return the normalized inputs; in training by their own moments, which also move the moving ones."""
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
        for moving, batch in ((self.moving_mean, mean), (self.moving_variance, variance)):
            moving.assign(moving * self.momentum + batch * (1 - self.momentum))
        return outputs


class SixteenBitDropout(keras.layers.Dropout):
    """Dropout with 16 random bits an activation (the rate is rounded to 1/65536), where Keras draws 32."""

    def call(self, inputs: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Return the inputs, in training some of them 0 and the others scaled up so that the mean stays."""
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
    """A dense layer of (batch, ..., features) as the convolution that it is, whose bias has a float32 gradient."""

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
