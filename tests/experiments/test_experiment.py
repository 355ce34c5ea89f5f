"""Identity: what changes the result changes it, nothing else does; and bad protocols are refused."""

import os
import subprocess
import sys

import keras
import numpy as np
import pytest
from keras import layers

from cnnhelpers.data.datasets import DatasetInfo
from cnnhelpers.errors import InputError
from cnnhelpers.experiments import building
from cnnhelpers.experiments.experiment import Experiment, Protocol

INFO = DatasetInfo(name="planted", image_shape=(28, 28, 1), classes=10, fingerprint="ab" * 32, official=True)


def network(input_shape, classes, filters=8, rate=0.5):
    return keras.Sequential(
        [
            keras.Input(input_shape),
            layers.Conv2D(filters, 3, padding="same", activation="relu", kernel_initializer="he_normal"),
            layers.MaxPooling2D(),
            layers.Dropout(rate),
            layers.Flatten(),
            layers.Dense(classes, activation="softmax", kernel_regularizer=keras.regularizers.L2(1e-4)),
        ]
    )


def residual(input_shape, classes):
    inputs = keras.Input(input_shape)
    branch = layers.Conv2D(4, 3, padding="same")(inputs)
    other = layers.Conv2D(4, 1)(inputs)
    joined = layers.GlobalAveragePooling2D()(layers.add([branch, other]))
    return keras.Model(inputs, layers.Dense(classes, activation="softmax")(joined))


NAMES, TABLE = {"one", "two", "three"}, np.array([0.1, 0.2])


def leaky(x):
    return keras.ops.leaky_relu(x, TABLE[0] * len(NAMES))


def custom(input_shape, classes):
    return keras.Sequential([keras.Input(input_shape), layers.Flatten(), layers.Dense(classes, activation=leaky)])


GOLDEN_TEXT = """\
data: 28x28x1, 10 classes, sha256 abababababababab
scaling: unit
split: tail:0.15
optimizer: adam
learning_rate: 0.001
batch_size: 128
epochs: 10
early_stopping: validation_loss
patience: 3
restore_best: True
precision: float32
network:
  Conv2D(filters=8, kernel_size=(3, 3), activation='relu', kernel_initializer=HeNormal(), padding='same')
  MaxPooling2D()
  Dropout(rate=0.5)
  Flatten()
  Dense(units=10, activation='softmax', kernel_regularizer=L2(l2=0.0001))"""
GOLDEN_IDENTITY = "5b96c492bd463115"
GOLDEN_PROTOCOL = Protocol(
    dataset="mnist", split="tail:0.15", early_stopping="validation_loss", patience=3, restore_best=True
)


def test_golden_text_and_identity_on_which_all_records_hang():
    experiment = Experiment(network, GOLDEN_PROTOCOL)
    assert experiment.text(INFO) == GOLDEN_TEXT
    assert experiment.identity(INFO) == GOLDEN_IDENTITY


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["tensorflow", "jax", "torch"])
def test_identity_is_the_same_in_another_process_and_backend(backend):
    pytest.importorskip(backend)
    code = (
        "from tests.experiments.test_experiment import *; [network((28, 28, 1), 10) for _ in range(3)];"
        "print(*(Experiment(one, GOLDEN_PROTOCOL).identity(INFO) for one in (network, residual, custom)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | {"KERAS_BACKEND": backend}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    here = [Experiment(one, GOLDEN_PROTOCOL).identity(INFO) for one in (residual, custom)]
    assert done.stdout.split() == [GOLDEN_IDENTITY, *here]


def test_labels_do_not_change_the_identity():
    one = Experiment(network, GOLDEN_PROTOCOL, id="A1", title="one", study="s", report="A", profile="quick")
    assert one.identity(INFO) == GOLDEN_IDENTITY


def test_the_path_and_name_of_a_dataset_do_not_change_the_identity():
    elsewhere = Experiment(network, GOLDEN_PROTOCOL).change(dataset="folder/renamed.npz")
    info = DatasetInfo(name="renamed", image_shape=(28, 28, 1), classes=10, fingerprint="ab" * 32, official=False)
    assert elsewhere.identity(info) == GOLDEN_IDENTITY


@pytest.mark.parametrize(
    "change",
    [
        {"scaling": "none"},
        {"split": "tail:0.2"},
        {"images": 100},
        {"optimizer": "sgd"},
        {"learning_rate": 0.0011},
        {"schedule": "cosine"},
        {"batch_size": 64},
        {"epochs": 11},
        {"patience": 2},
        {"restore_best": False},
        {"augmentation": "flip"},
        {"schedule": "one_cycle"},
        {"optimizer": "sgd", "momentum": 0.9},
        {"precision": "bfloat16"},
        {"padding": "middle"},
    ],
    ids=str,
)
def test_every_protocol_field_changes_the_identity(change):
    assert Experiment(network, GOLDEN_PROTOCOL).change(**change).identity(INFO) != GOLDEN_IDENTITY


def test_the_experiment_that_a_run_starts_after_is_part_of_the_identity():
    first = Experiment(network, GOLDEN_PROTOCOL)
    second = Experiment(network, GOLDEN_PROTOCOL, after=first)
    assert f"\nafter: {GOLDEN_IDENTITY}\nnetwork:" in second.text(INFO)
    assert len({one.identity(INFO) for one in (first, second, Experiment(network, GOLDEN_PROTOCOL, after=second))}) == 3


def test_width_is_part_of_text_and_labels_and_needs_a_network_that_takes_it():
    def scaled(input_shape, classes, width=1.0):
        return keras.Sequential([keras.Input(input_shape), layers.Flatten(), layers.Dense(round(10 * width))])

    narrow = Experiment(scaled, title="dense").change(width=0.5)
    assert "\nwidth: 0.5\n" in narrow.text(DatasetInfo("planted", (28, 28, 1), 5, "ab" * 32, True))
    assert narrow.labels["title"] == "dense (width 0.5)"
    with pytest.raises(InputError, match="width"):
        Experiment(network).change(width=0.5).build((28, 28, 1), 10)


def test_a_width_is_a_number_whatever_its_type():
    assert Protocol(width=1) == Protocol(width=1.0)
    assert Protocol(width=1).text() == Protocol(width=1.0).text()


@pytest.mark.parametrize(
    ("written", "spelled"),
    [("tail:.15", "tail:0.15"), ("random:0.10,1e-1", "random:0.1,0.1"), ("first:0100", "first:100"), ("test", "test")],
)
def test_a_split_has_one_spelling_and_so_one_identity(written, spelled):
    assert Protocol(split=written).split == Protocol(split=spelled).split == spelled


def test_other_pixels_change_the_identity():
    other = DatasetInfo(name="planted", image_shape=(28, 28, 1), classes=10, fingerprint="cd" * 32, official=True)
    assert Experiment(network, GOLDEN_PROTOCOL).identity(other) != GOLDEN_IDENTITY


def test_copies_of_the_data_share_one_build_and_images_of_another_shape_have_another(monkeypatch):
    built = []

    def build(network, input_shape, *more):
        built.append(input_shape)
        return original(network, input_shape, *more)

    original = building.build
    monkeypatch.setattr(building, "build", build)
    experiment = Experiment(network)
    infos = [DatasetInfo("mine", (28, 28, side), 10, hash * 32, False) for side in (1, 3) for hash in ("ab", "cd")]
    assert len({experiment.text(info) for info in infos}) == 4
    assert built == [(28, 28, 1), (28, 28, 3)]


@pytest.mark.parametrize("options", [{"filters": 9}, {"rate": 0.4}])
def test_every_layer_argument_changes_the_identity(options):
    def changed(input_shape, classes):
        return network(input_shape, classes, **options)

    assert Experiment(changed, GOLDEN_PROTOCOL).identity(INFO) != GOLDEN_IDENTITY


def test_a_list_of_layers_has_the_identity_of_the_same_network():
    listed = Experiment(network((28, 28, 1), 10).layers, GOLDEN_PROTOCOL)
    assert listed.identity(INFO) == GOLDEN_IDENTITY


def test_a_functional_chain_has_the_identity_of_the_same_sequential():
    def chain(input_shape, classes):
        x = inputs = keras.Input(input_shape)
        for layer in network(input_shape, classes).layers:
            x = layer.__class__.from_config(layer.get_config())(x)
        return keras.Model(inputs, x)

    assert Experiment(chain, GOLDEN_PROTOCOL).identity(INFO) == GOLDEN_IDENTITY


def test_the_wiring_of_a_functional_network_is_in_the_text():
    text = Experiment(residual, GOLDEN_PROTOCOL).text(INFO)
    assert "Conv2D(filters=4, kernel_size=(1, 1)) <- input" in text
    assert "Add() <- 0, 1" in text


def test_a_constant_in_a_functional_network_changes_the_identity():
    def scaled(factor):
        def build(input_shape, classes):
            inputs = keras.Input(input_shape)
            return keras.Model(inputs, layers.Dense(classes, activation="softmax")(layers.Flatten()(inputs * factor)))

        return Experiment(build, GOLDEN_PROTOCOL).identity(INFO)

    assert scaled(1.0) != scaled(2.0)


def test_a_frozen_layer_changes_the_identity():
    def frozen(input_shape, classes):
        model = network(input_shape, classes)
        model.layers[0].trainable = False
        return model

    assert Experiment(frozen, GOLDEN_PROTOCOL).identity(INFO) != GOLDEN_IDENTITY


def test_pretrained_weights_are_described_without_loading_them():
    asked = []

    def backbone(input_shape, classes, weights=None):
        asked.append(weights)
        return network(input_shape, classes)

    started = Experiment(backbone, GOLDEN_PROTOCOL, weights="imagenet")
    assert "weights: imagenet\nnetwork:" in started.text(INFO)
    assert asked == [None]
    started.build((28, 28, 1), 10, pretrained=True)
    assert asked == [None, "imagenet"]


def test_code_of_your_own_enters_by_its_source():
    def twice(x):
        return 2 * x

    def own(input_shape, classes):
        return keras.Sequential([keras.Input(input_shape), layers.Flatten(), layers.Dense(classes, activation=twice)])

    assert "activation=twice#" in Experiment(own, GOLDEN_PROTOCOL).text(INFO)


def test_which_input_of_a_nested_model_is_which_changes_the_identity():
    def difference(turned):
        def two(input_shape, classes):
            a, b = keras.Input((4,)), keras.Input((4,))
            inner = keras.Model([b, a] if turned else [a, b], layers.Subtract()([a, b]))
            inputs = keras.Input(input_shape)
            flat = layers.Flatten()(inputs)
            ends = inner([layers.Dense(4)(flat), layers.Dense(4)(flat)])
            return keras.Model(inputs, layers.Dense(classes, activation="softmax")(ends))

        return Experiment(two, GOLDEN_PROTOCOL).text(INFO)

    assert difference(turned=False) != difference(turned=True)
    assert "Subtract() <- input 0, input 1" in difference(turned=False)
    assert "None" not in difference(turned=False)


def test_a_model_with_weights_in_a_list_is_refused_because_a_copy_would_lose_them():
    base = keras.Sequential([keras.Input((28, 28, 1)), layers.Conv2D(2, 3)])
    with pytest.raises(InputError, match="sequential"):
        Experiment([base, layers.Flatten(), layers.Dense(10, activation="softmax")], GOLDEN_PROTOCOL)


def test_a_weights_file_that_changed_changes_the_identity(tmp_path):
    path = tmp_path / "own.weights.h5"
    path.write_bytes(b"one")

    def starting(input_shape, classes, weights=None):
        return network(input_shape, classes)

    started = Experiment(starting, GOLDEN_PROTOCOL, weights=str(path))
    before = started.identity(INFO)
    path.write_bytes(b"other")
    assert started.identity(INFO) != before


def test_a_subclassed_model_inside_a_network_is_refused():
    class Own(keras.Model):
        def call(self, inputs):
            return inputs

    inputs = keras.Input((28, 28, 1))
    outputs = layers.Dense(10, activation="softmax")(layers.Flatten()(Own()(inputs)))
    nested = keras.Model(inputs, outputs)
    with pytest.raises(InputError, match="Own"):
        Experiment(lambda input_shape, classes: nested, GOLDEN_PROTOCOL).text(INFO)


def test_a_lambda_layer_is_refused_with_the_mend():
    with pytest.raises(InputError, match="Lambda"):
        Experiment([layers.Flatten(), layers.Lambda(lambda x: x), layers.Dense(10)], GOLDEN_PROTOCOL)


def test_a_network_with_the_wrong_number_of_outputs_is_refused():
    with pytest.raises(InputError, match=r"nine.*\(None, 9\)"):
        Experiment([layers.Flatten(), layers.Dense(9)], GOLDEN_PROTOCOL, id="nine").text(INFO)


def test_dropout_above_one_is_refused_before_training():
    def dropping(input_shape, classes):
        return network(input_shape, classes, rate=1.5)

    with pytest.raises(InputError, match=r"bad.*1\.5"):
        Experiment(dropping, GOLDEN_PROTOCOL, id="bad").text(INFO)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"epochs": 0}, "epochs=0"),
        ({"epochs": True}, "epochs=True"),
        ({"batch_size": 12.5}, "batch_size=12.5"),
        ({"learning_rate": float("nan")}, "learning_rate=nan"),
        ({"learning_rate": float("inf")}, "learning_rate=inf"),
        ({"learning_rate": -1}, "learning_rate=-1"),
        ({"optimizer": "adm"}, "'adam'"),
        ({"scaling": "units"}, "'unit'"),
        ({"split": "tale:0.1"}, "tail"),
        ({"early_stopping": "validation_loss"}, "patience"),
        ({"patience": 3}, "early_stopping"),
        ({"restore_best": True}, "restore_best=True"),
        ({"restore_best": "no"}, "restore_best='no'"),
        ({"split": "none", "early_stopping": "validation_loss", "patience": 1}, "early_stopping='validation_loss'"),
        ({"images": 0}, "images=0"),
        ({"dataset": ""}, "dataset"),
    ],
    ids=str,
)
def test_bad_protocols_are_refused_by_name_and_value(fields, message):
    with pytest.raises(InputError, match=message):
        Protocol(**fields)


@pytest.mark.parametrize("weights", ["pretrain:cifar10", 7], ids=str)
def test_weights_that_an_experiment_cannot_load_are_refused_when_it_is_written(weights):
    with pytest.raises(InputError, match=f"weights={weights!r}"):
        Experiment(network, weights=weights)


def test_an_unknown_protocol_field_gets_a_suggestion():
    with pytest.raises(InputError, match="'epochs'"):
        Experiment(network).change(epoch=3)
