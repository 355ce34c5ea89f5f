"""One run: the same bits for the same seed, in this process, another one, after a restart; and an honest record."""

import json
import os
import subprocess
import sys
from dataclasses import replace

import keras
import numpy as np
import pytest

from cnnhelpers import seeds
from cnnhelpers.data import datasets as data
from cnnhelpers.data.splits import Part, split
from cnnhelpers.errors import InputError
from cnnhelpers.training import checkpoint, pipeline, precision
from cnnhelpers.training import trainer as training
from cnnhelpers.training.pipeline import gathered, learning_rate, scaling_layers
from cnnhelpers.training.trainer import final_weights, train
from cnnhelpers.training.weights import DivergedError, start_from
from tests.tiny import tiny

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:keras.*")

WITHOUT_TIMES = ("seconds",)


def learned(record):
    return {name: values for name, values in record.history.items() if name not in WITHOUT_TIMES}


def test_the_same_seed_gives_the_same_bits_and_another_seed_other_ones():
    _, first, _ = train(tiny(), 3)
    _, again, _ = train(tiny(), 3)
    _, other, _ = train(tiny(), 4)
    assert first.weights_sha256 == again.weights_sha256 != other.weights_sha256
    assert learned(first) == learned(again)


def test_a_new_process_gives_the_same_bits():
    code = (
        "import json; from cnnhelpers.training.trainer import train; from tests.tiny import tiny;"
        "print(train(tiny(), 3)[1].weights_sha256)"
    )
    hashes = set()
    for _ in range(2):
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=os.environ.copy())
        assert done.returncode == 0, done.stderr
        hashes.add(done.stdout.split()[-1])
    assert len(hashes) == 1


def test_many_batches_a_call_give_the_same_bits_as_one(monkeypatch):
    _, one, _ = train(tiny(), 3)
    monkeypatch.setattr(pipeline, "FEW_STEPS", 0)
    model, many, _ = train(tiny(), 3)
    assert model.steps_per_execution > 1
    assert one.weights_sha256 == many.weights_sha256
    assert learned(one) == learned(many)


def test_every_epoch_has_its_own_seeds_of_order_and_dropout():
    first, second = (seeds.generator(0, "order", epoch).permutation(100) for epoch in (0, 1))
    assert (first != second).any()
    assert (
        seeds.sequence(0, "dropout", 0).generate_state(2) != seeds.sequence(0, "dropout", 1).generate_state(2)
    ).any()


def test_a_resumed_run_equals_the_uninterrupted_one_bit_for_bit(tmp_path, killed_after):
    experiment = tiny(
        epochs=4,
        early_stopping="validation_loss",
        patience=3,
        restore_best=True,
        augmentation="flip+shift",
        schedule="cosine",
    )
    _, whole, _ = train(experiment, 0)
    with killed_after(2):
        train(experiment, 0, checkpoint_folder=tmp_path)
    _, resumed, _ = train(experiment, 0, checkpoint_folder=tmp_path)
    assert resumed.stop["resumed_after"] == [2]
    assert resumed.weights_sha256 == whole.weights_sha256
    assert learned(resumed) == learned(whole)
    assert list(tmp_path.glob("*.npz"))  # until the run is recorded


def test_a_truncated_checkpoint_is_named_and_the_run_starts_afresh(tmp_path):
    experiment = tiny(epochs=1)
    (tmp_path / f"{experiment.identity()}-0.npz").write_bytes(b"PK truncated")
    with pytest.warns(UserWarning, match="cannot be used"):
        _, record, _ = train(experiment, 0, checkpoint_folder=tmp_path)
    assert record.stop["resumed_after"] == []


def test_the_record_counts_and_adds_up():
    model, record, arrays = train(tiny(), 0, threads=1)
    parameters = 9 * 4 + 4 + 13 * 13 * 4 * 10 + 10
    assert record.cost["parameters"] == parameters
    assert record.cost["flops"] == 2 * (13 * 13 * 9 * 4 + 13 * 13 * 4 * 10)
    assert record.data["images"] == {"train": 200, "validation": 200, "test": 500}
    confusion = np.array(record.classes["test"]["confusion"])
    assert confusion.sum() == 500
    assert record.metrics["test"]["accuracy"] == pytest.approx(np.trace(confusion) / 500)
    correct = np.unpackbits(arrays["test_correct"], count=500)
    assert correct.mean() == pytest.approx(record.metrics["test"]["accuracy"])
    dense = model.layers[-1].layers[-1].get_weights()[0]
    penalty = record.metrics["test"]["loss"] - record.metrics["test"]["crossentropy"]
    assert penalty == pytest.approx(0.01 * (dense**2).sum(), rel=1e-4)
    assert record.history["validation_crossentropy"][-1] == pytest.approx(
        record.metrics["validation"]["crossentropy"], rel=1e-4
    )
    assert json.dumps(record.row() | {"record": None})


def test_restore_best_takes_the_weights_of_the_best_epoch():
    experiment = tiny(epochs=6, learning_rate=0.05, early_stopping="validation_loss", patience=2, restore_best=True)
    _, record, _ = train(experiment, 1)
    best = min(record.history["validation_loss"])
    assert record.stop["best_epoch"] == 1 + record.history["validation_loss"].index(best)
    assert record.metrics["validation"]["loss"] == pytest.approx(best, rel=1e-4)


def test_early_stopping_stops_patience_epochs_after_the_best():
    experiment = tiny(epochs=60, learning_rate=0.05, early_stopping="validation_accuracy", patience=2)
    _, record, _ = train(experiment, 0)
    watched = record.history["validation_accuracy"]
    assert record.stop["reason"] == "early stopping"
    assert len(watched) == 1 + watched.index(max(watched)) + 2


def test_a_run_that_diverges_is_recorded_as_failed_with_its_epoch():
    _, record, arrays = train(tiny(optimizer="sgd", learning_rate=1e30), 0)
    assert (record.status, record.stop["reason"]) == ("failed", "diverged")
    assert record.stop["epochs_run"] >= 1
    assert arrays == {}


def test_a_run_to_start_from_that_diverges_is_named_and_leaves_no_checkpoint(tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoint, "SECONDS_BETWEEN", 0.0)
    wild = tiny("wild", optimizer="sgd", learning_rate=1e30)
    with pytest.raises(DivergedError, match="wild with seed 0 gives no weights to start from"):
        train(replace(tiny(), after=wild), 0, checkpoint_folder=tmp_path)
    assert not list(tmp_path.glob("*.npz"))


@pytest.mark.parametrize("activation", [None, "sigmoid"])
def test_a_network_without_softmax_is_refused_before_training(monkeypatch, activation):
    monkeypatch.setattr(training, "learn", lambda *_: pytest.fail("it was trained"))
    layers = [keras.layers.Flatten(), keras.layers.Dense(10, activation=activation)]
    with pytest.raises(InputError, match=r"of tiny must end in probabilities: .* outputs that sum to [-0-9.]+$"):
        train(replace(tiny(), network=layers), 0)


def test_all_training_images_are_used_when_nothing_is_held_out():
    _, record, _ = train(replace(tiny(split="none", epochs=1).change(images=None)), 0)
    assert record.data["images"] == {"train": 1297, "test": 500}
    assert "validation" not in record.metrics


@pytest.mark.parametrize(
    ("scaling", "expected"),
    [
        ("none", [[0.0, 60.0], [80.0, 255.0]]),
        ("unit", [[0.0, 60 / 255], [80 / 255, 1.0]]),
        ("unit_row_norm", [[0.0, 1.0], [80 / 267.2545, 255 / 267.2545]]),
        ("standardized", [[-1.04064, -0.40835], [-0.19759, 1.64659]]),
    ],
)
def test_scalings_by_hand(scaling, expected):
    # mean of 0, 60, 80, 255 is 98.75, variance 36018.75 / 4 = 9004.6875, SD 94.8930
    images = np.array([0, 60, 80, 255], dtype=np.uint8).reshape(1, 2, 2, 1)
    part = Part(images, np.zeros(1, np.uint8), np.arange(1))
    pixels = images
    for layer in scaling_layers(scaling, part):
        pixels = layer(pixels)
    assert np.asarray(pixels)[0, :, :, 0] == pytest.approx(np.array(expected), abs=1e-4)


def test_images_come_in_the_given_order_padded_and_as_they_are_in_memory():
    dataset = data.load("digits")
    part = split(dataset, "tail:0.2", 0).train
    images, labels = gathered(part, order=np.arange(len(part))[::-1])
    assert (labels == part.labels[part.indices][::-1]).all() and images.dtype == np.uint8
    assert (images[0] == part.images[part.indices[-1]]).all() and len(images) == len(part)
    padded, same = gathered(part, "middle")
    assert padded.shape == (len(part), 32, 32, 3) and (same == part.labels[part.indices]).all()


def rates(steps, **protocol):
    schedule = learning_rate(tiny(learning_rate=0.5, **protocol).protocol, steps)
    return [float(schedule(step)) for step in range(steps + 1)]


def test_schedules_by_hand():
    assert learning_rate(tiny(learning_rate=0.5).protocol, 100) == 0.5
    assert rates(4, schedule="cosine") == pytest.approx([0.5, 0.5 * (1 + 2**-0.5) / 2, 0.25, 0.0732233, 0])
    cycle = rates(10, schedule="one_cycle")
    assert cycle[:4] == pytest.approx([0.02, 0.18, 0.34, 0.5])  # a 25th, then straight up over 30 % of the batches
    assert (np.diff(cycle[3:]) < 0).all() and cycle[10] == pytest.approx(0, abs=1e-7)


def test_momentum_reaches_the_optimizer():
    model, _, _ = train(tiny(optimizer="sgd", momentum=0.9, epochs=1), 0)
    assert model.optimizer.momentum == 0.9


def test_a_run_after_another_starts_from_its_final_weights_also_where_they_are_kept(tmp_path):
    first = tiny(optimizer="sgd", learning_rate=0.1)
    stopped = replace(tiny(optimizer="sgd", learning_rate=1e-30, epochs=1), after=first)
    model, record, _ = train(first, 0)
    _, continued, _ = train(stopped, 0, checkpoint_folder=tmp_path)
    assert continued.weights_sha256 == record.weights_sha256  # steps of 1e-30 move nothing
    (kept,) = tmp_path.glob("*.npz")
    assert kept.name == f"{first.identity()}-0.weights.npz"
    for again, weight in zip(final_weights(first, 0, tmp_path), model.layers[-1].get_weights(), strict=True):
        assert (again == weight).all()


def test_weights_are_taken_up_to_the_first_of_another_shape():
    source = tiny().build((28, 28, 1), 10)
    target = tiny().build((32, 32, 1), 10)  # its dense layer has more inputs
    head = target.get_weights()[2]
    start_from(target, source.get_weights(), "target")
    assert (target.get_weights()[0] == source.get_weights()[0]).all()
    assert (target.get_weights()[2] == head).all()
    with pytest.raises(InputError, match="target cannot start"):
        start_from(target, [np.zeros(3)], "target")


@pytest.mark.skipif(not precision.bfloat16_available(), reason="this processor has no bfloat16 products")
def test_bfloat16_products_round_to_8_bits_and_float32_is_back_afterwards():
    _, before, _ = train(tiny(epochs=1), 0)
    _, rounded, _ = train(tiny(epochs=1, precision="bfloat16"), 0)
    _, after, _ = train(tiny(epochs=1), 0)
    assert before.weights_sha256 == after.weights_sha256 != rounded.weights_sha256
    assert rounded.environment["precision"] == "bfloat16"
    loss, again = rounded.history["loss"][0], before.history["loss"][0]
    assert loss == pytest.approx(again, rel=0.02) and loss != again


@pytest.mark.skipif(not precision.bfloat16_available(), reason="this processor has no bfloat16 products")
@pytest.mark.parametrize(("first", "second"), [("bfloat16", "bfloat16"), ("float32", "bfloat16")])
def test_training_the_run_before_leaves_each_its_own_precision(first, second, tmp_path):
    before = tiny(epochs=1, precision=first)
    _, alone, _ = train(before, 0)
    then = replace(tiny(epochs=1, precision=second), after=before)
    _, within, _ = train(then, 0, checkpoint_folder=tmp_path)  # trains the run before it on the way
    _, kept, _ = train(then, 0, checkpoint_folder=tmp_path)  # finds its weights
    assert within.weights_sha256 == kept.weights_sha256
    held = replace(tiny(optimizer="sgd", learning_rate=1e-30, epochs=1, precision=second), after=before)
    assert train(held, 0)[1].weights_sha256 == alone.weights_sha256  # steps of 1e-30 move nothing


def test_without_bfloat16_the_record_says_float32(monkeypatch):
    monkeypatch.setattr(precision, "bfloat16_available", lambda: False)
    _, plain, _ = train(tiny(epochs=1), 0)
    _, record, _ = train(tiny(epochs=1, precision="bfloat16"), 0)
    assert record.environment["precision"] == "float32"
    assert record.weights_sha256 == plain.weights_sha256 and record.identity != plain.identity


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_another_backend_trains_the_same_experiment(backend):
    pytest.importorskip(backend)
    code = (
        "from cnnhelpers.training.trainer import train; from tests.tiny import tiny;"
        "import json; r = train(tiny(epochs=8, images=None), 0)[1];"
        "print(json.dumps([r.identity, r.environment['backend'], r.metrics['test']['accuracy']]))"
    )
    environment = os.environ | {"KERAS_BACKEND": backend}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    identity, used, accuracy = json.loads(done.stdout.splitlines()[-1])
    _, here, _ = train(tiny(epochs=8, images=None), 0)
    assert (identity, used) == (here.identity, backend)
    assert accuracy == pytest.approx(here.metrics["test"]["accuracy"], abs=0.05)
