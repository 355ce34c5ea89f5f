"""A tiny experiment on digits, importable from tests and from the processes that they start."""

import signal

from keras import layers

from cnnhelpers import Experiment, Protocol


def tiny(id="tiny", dropout=0.25, **protocol):
    """Return a network of 36 + 4 + 6,760 + 10 parameters with protocol fields of your choice."""
    network = [
        layers.Conv2D(4, 3, strides=2, activation="relu"),
        layers.Dropout(dropout),
        layers.Flatten(),
        layers.Dense(10, activation="softmax", kernel_regularizer="l2"),
    ]
    return Experiment(network, Protocol(**{"epochs": 2, "images": 200} | protocol), id=id, study="tiny")


def hear_ctrl_c():
    """Undo, in a process about to start, that background jobs of a shell ignore SIGINT (for Popen's preexec_fn)."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
