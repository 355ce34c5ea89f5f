"""Stub by the lead, to be overwritten by whoever writes summaries.py."""

import math

import keras


def flops(model):
    total = 0
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            total += flops(layer)
        elif isinstance(layer, (keras.layers.Conv2D, keras.layers.Dense)):
            kernel = math.prod(layer.kernel.shape[:-1])
            total += 2 * kernel * math.prod(layer.output.shape[1:])
    return total
