"""Networks with something in them, importable from the processes that train."""

import os
import signal
import sys
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
from keras import layers

from cnnhelpers.training import checkpoint
from tests.tiny import tiny

TRAINING = "cnnhelpers.execution.worker_process" in sys.orig_argv


def counted(input_shape, classes):
    """A network that backs up after every epoch, and writes a line to $BUILT whenever it is built to be trained."""
    if TRAINING:
        checkpoint.SECONDS_BETWEEN = 0.0
        if path := os.environ.get("BUILT"):
            with Path(path).open("a") as file:
                file.write(f"{os.getpid()}\n")
    return keras.Sequential([keras.Input(input_shape), layers.Flatten(), layers.Dense(classes, activation="softmax")])


@keras.saving.register_keras_serializable("faults")
class Deadly(layers.Layer):
    """Kills its process in training."""

    def call(self, x):
        if TRAINING:
            os.kill(os.getpid(), signal.SIGKILL)
        return x


@keras.saving.register_keras_serializable("faults")
class Greedy(layers.Layer):
    """Asks for more memory than there is in training."""

    def call(self, x):
        if TRAINING:
            np.ones(2**45)
        return x


def with_layer(layer, id):
    """Return a tiny experiment with one more layer in front."""
    network = [layer, layers.Flatten(), layers.Dense(10, activation="softmax")]
    return replace(tiny(id, epochs=1), network=network)


def backed_up(epochs=40, id="backed up"):
    """Return an experiment that lasts some seconds and is backed up after every epoch."""
    return replace(tiny(id, epochs=epochs, images=None), network=counted)
