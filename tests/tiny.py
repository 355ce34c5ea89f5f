"""A tiny experiment on digits and records without training, importable from tests and from processes they start."""

import signal

import numpy as np
from keras import layers

from cnnhelpers import Experiment, Protocol, data, records
from cnnhelpers.experiments import identity_of


def tiny(id="tiny", dropout=0.25, **protocol):
    """Return a network of 36 + 4 + 6,760 + 10 parameters with protocol fields of your choice."""
    network = [
        layers.Conv2D(4, 3, strides=2, activation="relu"),
        layers.Dropout(dropout),
        layers.Flatten(),
        layers.Dense(10, activation="softmax", kernel_regularizer="l2"),
    ]
    return Experiment(network, Protocol(**{"epochs": 2, "images": 200} | protocol), id=id, study="tiny")


def record(seed=0, identity="0123456789abcdef", **fields):
    """Return the record of a run of two epochs that never was, with fields of your choice."""
    history = {"loss": [0.5, 0.25], "accuracy": [0.8, 0.9], "validation_accuracy": [0.7, 0.75], "seconds": [1.0, 1.0]}
    metrics = {part: {"accuracy": 0.9, "loss": 0.3, "crossentropy": 0.2} for part in ("train", "validation", "test")}
    standard = {
        "text": "text",
        "labels": {"experiment": "A1", "study": "regularization", "report": "A", "profile": "published", "title": "t"},
        "data": {"name": "digits", "fingerprint": "f" * 64, "official": True},
        "status": "done",
        "stop": {"reason": "all epochs", "epochs_run": 2, "best_epoch": 2, "error": None},
        "history": history,
        "metrics": metrics,
        "cost": {"parameters": 10, "flops": 20, "seconds": 2.0},
        "environment": {"backend": "tensorflow", "threads": 1},
    }
    return records.Record(identity=identity, seed=seed, **standard | fields)


def record_run(experiment, seed, folder, *cards, reason="all epochs", error=None):
    """Write a record of `experiment` that was never trained, with three test images; `cards` as for its text."""
    card = cards[0] if cards else data.info(experiment.protocol.dataset)
    text = experiment.text(*cards)
    about = {"name": card.name, "fingerprint": card.fingerprint, "official": card.official}
    fields = {"text": text, "labels": experiment.labels, "data": about, "stop": {"reason": reason, "error": error}}
    status = "done" if reason == "all epochs" else "failed"
    written = record(seed, identity_of(text), status=status, **fields)
    return records.write(written, folder, {"test_correct": np.packbits([True, False, True]), "num_test": np.asarray(3)})


def hear_ctrl_c():
    """Undo, in a process about to start, that background jobs of a shell ignore SIGINT (for Popen's preexec_fn)."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
