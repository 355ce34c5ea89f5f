"""The published experiments are complete, their protocols are the reports', and profiles keep what they should."""

from dataclasses import replace
from functools import partial

import cloudpickle
import keras
import numpy as np
import pytest

from cnnhelpers.data import datasets as data
from cnnhelpers.data.splits import parse_split, split
from cnnhelpers.errors import InputError
from cnnhelpers.experiments.experiment import Experiment, Protocol
from cnnhelpers.reports import (
    DepthAndKernel,
    Regularization,
    Transfer,
    Tuning,
    depth_and_kernel,
    profiles,
    regularization,
    transfer,
)
from cnnhelpers.reports.catalog import STUDIES, all_experiments, find, find_one
from cnnhelpers.reports.published_numbers import published

IDS = [
    *(f"A{number}" for number in range(1, 9)), "A-top", "A-vis",
    *(f"B{number}" for number in range(1, 17)), "B-base",
    "C21", "C22", "C23", "C24", "C31", "C32", "C33", "C34", "C51", "C52", "C53", "C54", "C71", "C72",
    *(f"D{number}" for number in range(8)), "D8-adagrad", "D8-adadelta", "D8-adamax",
    "D8-adadelta-after", "D8-adamax-after", "D10-10", "D10-15", "D11",
    "E1", "E2", "E3", "E4", "E4/optimizer=sgd", "E4/optimizer=adam",
    *(f"E4/batch_size={size}" for size in (16, 32, 64, 128)),
    *(f"E4/learning_rate={rate}" for rate in (0.01, 0.02, 0.001, 0.002)),
    *(f"E4/epochs={epochs}" for epochs in (10, 30, 50, 70)),
    "E-resnet50", "E-vgg16",
]  # fmt: skip
EXPERIMENTS = {one.id: one for one in all_experiments()}

A = Protocol(dataset="fashion_mnist", scaling="none", split="tail:0.15", batch_size=128, epochs=10)
A_STOPS = replace(A, early_stopping="validation_loss", patience=3, restore_best=True)
B = Protocol(dataset="cifar10", scaling="unit", split="first:10000", batch_size=512, epochs=20)
B_STOPS = replace(B, early_stopping="validation_accuracy", patience=2)
C = Protocol(dataset="mnist", scaling="unit_row_norm", split="test", batch_size=128, epochs=25)
D = Protocol(dataset="cifar10", scaling="unit", split="stratified:0.2", batch_size=32, epochs=10)
E = Protocol(dataset="fashion_mnist_5", scaling="unit", split="random:0.1,0.1", batch_size=128, epochs=50)
OTHERS = {
    "A7": A_STOPS,
    "A8": A_STOPS,
    "A-top": replace(A, split="none"),
    "A-vis": replace(A, split="none"),
    **dict.fromkeys(["B5", "B6", "B7", "B8", "B-base"], B_STOPS),
    "D6": replace(D, epochs=15),
    "D10-15": replace(D, epochs=15),
    "D8-adagrad": replace(D, optimizer="adagrad"),
    "D8-adadelta": replace(D, optimizer="adadelta"),
    "D8-adamax": replace(D, optimizer="adamax"),
    "D8-adadelta-after": replace(D, optimizer="adadelta"),
    "D8-adamax-after": replace(D, optimizer="adamax"),
    "E-resnet50": replace(E, padding="middle"),
    "E-vgg16": replace(E, padding="middle"),
    "E4/optimizer=sgd": replace(E, optimizer="sgd", learning_rate=0.01),
    **{f"E4/batch_size={size}": replace(E, batch_size=size) for size in (16, 32, 64)},
    **{f"E4/learning_rate={rate}": replace(E, learning_rate=rate) for rate in (0.01, 0.02, 0.002)},
    **{f"E4/epochs={epochs}": replace(E, epochs=epochs) for epochs in (10, 30, 70)},
}


def ids(experiments):
    return [one.id for one in experiments]


def layers_of(experiment):
    """Return the layers of an experiment's network for digits, as (class, what decides) pairs."""
    model = experiment.build((28, 28, 1), 10)
    return [(type(layer).__name__, layer.output.shape, getattr(layer, "rate", None)) for layer in model.layers]


def test_all_experiments_are_the_published_ones_in_the_order_of_the_reports():
    assert ids(all_experiments()) == IDS
    assert len(set(IDS)) == len(IDS) == 77
    assert {one.profile for one in all_experiments()} == {"published"}
    assert all(one.title for one in all_experiments())


def test_protocols_are_the_reports_to_the_letter():
    for id, experiment in EXPERIMENTS.items():
        published = OTHERS.get(id, {"A": A, "B": B, "C": C, "D": D, "E": E}[id[0]])
        precision = "float32" if id[0] == "A" else "bfloat16"  # ours: no report says
        assert experiment.protocol == replace(published, precision=precision), id


def test_optimizers_of_d8_run_at_keras_default_learning_rate():
    for name in ("Adagrad", "Adadelta", "Adamax"):
        rate = float(getattr(keras.optimizers, name)().learning_rate)
        assert EXPERIMENTS[f"D8-{name.lower()}"].protocol.learning_rate == pytest.approx(rate)


def test_gaps_in_a_report_are_marked_as_assumptions():
    marked = {"A3": "L2", "A4": "0.0001", "A-top": "0.0001", "A-vis": "0.0001", "A7": "patience", "B1": "first"}
    marked |= {"B5": "checkpoint", "B8": "patience", "B15": "network", "B-base": "interrupted", "C21": "L2 norm"}
    marked |= {
        "D3": "seed",
        "D8-adadelta": "same weights",
        "D11": "0.01",
        "E1": "public",
        "E4/optimizer=sgd": "default",
    }
    for id, words in (marked | {"E4/optimizer=sgd": "default"}).items():
        assert words in " ".join(EXPERIMENTS[id].assumptions), id
    assert "ReLU" in " ".join(EXPERIMENTS["D11"].assumptions)
    assert {EXPERIMENTS[id].assumptions for id in ("A1", "A2", "A5", "A6")} == {()}  # the report shows all of them


# --- find ---


def test_every_experiment_with_published_numbers_is_found():
    for id in {name for name in published()["experiment"] if "/class=" not in name}:
        assert ids(find(id)) == [id]


def test_find_takes_a_study_a_report_or_an_id_in_either_case():
    assert ids(find("a5")) == ids(find("A5")) == ["A5"]
    assert ids(find("e-VGG16")) == ["E-vgg16"]
    assert ids(find("d")) == [id for id in IDS if id.startswith("D")]
    assert ids(find("Transfer")) == ["E1", "E2", "E3", "E4", "E-resnet50", "E-vgg16"]
    assert ids(find("d10")) == ["D10-10", "D10-15"] and len(find("D8")) == 5
    (quick,) = find("A-vis", dataset="mnist", profile="quick")
    assert (quick.study, quick.protocol.dataset, quick.profile) == ("representations", "mnist", "quick")


def test_every_experiment_is_in_one_study_that_bears_its_name():
    for name, study in STUDIES.items():
        assert {one.study for one in study()} == {name}
        assert ids(find(name)) == sorted(ids(study()), key=IDS.index)
    assert {one.report for one in regularization.experiments("b")} == {"B"}


@pytest.mark.parametrize(
    ("call", "value"),
    [
        (lambda: find("regularisation"), "'regularization'"),
        (lambda: find("B99"), "'B9'"),
        (lambda: find("E4/optimizer=sdg"), "'E4/optimizer=sgd'"),
        (lambda: find_one("D8"), "D8-adagrad, D8-adadelta"),
        (lambda: regularization.experiments("C"), "'C'"),
        (lambda: profiles.apply(EXPERIMENTS["A1"], "smok"), "'smoke'"),
        (lambda: profiles.seeds("quik"), "'quick'"),
        (lambda: profiles.apply(profiles.apply(EXPERIMENTS["A1"], "quick"), "fair"), "'quick'"),
    ],
)
def test_unknown_names_are_refused_with_the_nearest(call, value):
    with pytest.raises(InputError) as error:
        call()
    assert value in str(error.value)


def test_networks_of_the_studies_reach_worker_processes():
    for one in all_experiments():
        assert cloudpickle.loads(cloudpickle.dumps(one)).protocol == one.protocol


# --- profiles ---


@pytest.mark.parametrize("profile", profiles.PROFILES)
def test_a_profile_keeps_the_subject_of_each_experiment(profile):
    kept = ("id", "study", "report", "title")
    settings = ("optimizer", "learning_rate", "batch_size", "early_stopping", "patience", "restore_best")
    for one in all_experiments():
        changed = profiles.apply(one, profile)
        assert changed.profile == profile
        assert all(getattr(changed, name) == getattr(one, name) for name in kept), one.id
        assert all(getattr(changed.protocol, name) == getattr(one.protocol, name) for name in settings), one.id
        assert changed.assumptions[: len(one.assumptions)] == one.assumptions


def test_published_changes_nothing_and_a_profile_is_applied_once():
    assert all(profiles.apply(one, "published") is one for one in all_experiments())
    quick = profiles.apply(EXPERIMENTS["A1"], "quick")
    assert profiles.apply(quick, "quick") is quick
    assert [profiles.seeds(name) for name in ("smoke", "quick", "narrow", "published", "fair")] == [2, 3, 5, 10, 10]


def test_smoke_runs_on_digits_in_two_epochs():
    for one in all_experiments():
        smoke = profiles.apply(one, "smoke")
        assert (smoke.protocol.dataset, smoke.protocol.epochs, smoke.weights) == ("digits", 2, None)
        assert parse_split(smoke.protocol.split)[0] not in ("first", "last")  # 10,000 of 1,297 images


def test_quick_takes_fewer_images_and_at_most_five_epochs_of_the_reports_data():
    quick = {one.id: profiles.apply(one, "quick").protocol for one in all_experiments()}
    for one in all_experiments():
        protocol = quick[one.id]
        assert (protocol.dataset, protocol.split, protocol.images) == (one.protocol.dataset, one.protocol.split, 6000)
    assert [quick[f"E4/epochs={epochs}"].epochs for epochs in (10, 30, 50, 70)] == [1, 3, 4, 5]  # still a sweep
    assert [quick[name].epochs for name in ("E4", "D10-10", "D10-15", "A1", "B1", "C21")] == [4, 4, 5, 5, 5, 5]
    yours = Experiment(lambda shape, classes: None, Protocol(epochs=3), id="yours")
    assert [profiles.apply(yours.change(epochs=epochs), "quick").protocol.epochs for epochs in (3, 30)] == [3, 5]


def test_narrow_networks_are_marked():
    narrow = profiles.apply(EXPERIMENTS["B4"], "narrow")
    assert narrow.protocol == replace(EXPERIMENTS["B4"].protocol, width=0.125)
    assert narrow.labels["title"] == "3 convolutions (width 0.125)"
    assert narrow.build((32, 32, 3), 10).layers[0].filters == 64
    assert profiles.apply(EXPERIMENTS["A1"], "narrow").protocol == EXPERIMENTS["A1"].protocol


def test_fair_corrects_the_mistakes_of_the_reports():
    fair = {one.id: profiles.apply(one, "fair") for one in all_experiments()}
    for name in ("D8-adadelta", "D8-adamax"):
        assert fair[f"{name}-after"].after is None
        assert fair[f"{name}-after"].identity() == fair[name].identity()
    assert {fair[one.id].protocol.split for one in find("C")} == {"last:10000"}
    model = fair["B9"].network((32, 32, 3), 10)
    assert [type(layer).__name__ for layer in model.layers] == ["Flatten", "Dense", "Dense", "Dense"]
    assert model.layers[1].kernel.shape == (32 * 32 * 3, 128)
    backbone = fair["E-vgg16"]
    assert (backbone.protocol.scaling, backbone.protocol.padding, backbone.weights) == ("none", "equal", "imagenet")
    assert backbone.network.keywords == {"backbone": "vgg16", "preprocess": True}


# --- other datasets ---


def test_on_another_dataset_an_experiment_is_own_and_can_be_built():
    for one in regularization.experiments("A", dataset="cifar10"):
        assert (one.protocol.dataset, one.profile) == ("cifar10", "own")
        assert one.build((32, 32, 3), 10).output_shape == (None, 10)
    assert {one.profile for one in regularization.experiments("A", dataset="fashion_mnist")} == {"published"}
    assert {one.profile for one in regularization.experiments("A", "mnist", "quick")} == {"quick"}


@pytest.mark.parametrize(
    ("study", "report", "arguments", "field", "expected"),
    [
        (regularization, "B", {"dataset": "digits"}, "split", {"tail:0.2"}),  # too few for 10,000 images
        (regularization, "B", {"dataset": "mnist"}, "split", {"first:10000"}),
        (depth_and_kernel, "D", {"dataset": "mnist"}, "padding", {"equal"}),  # too small for the network
        (depth_and_kernel, "D", {"profile": "smoke"}, "padding", {"equal"}),
        (depth_and_kernel, "D", {"dataset": "cifar100"}, "padding", {None}),
        (depth_and_kernel, "C", {"dataset": "cifar10"}, "padding", {None}),
        (transfer, "E", {"dataset": "cifar10"}, "padding", {None, "equal"}),  # colour is in all three channels
        (transfer, "E", {"dataset": "mnist"}, "padding", {None, "middle"}),
    ],
)
def test_split_and_padding_fit_the_dataset(study, report, arguments, field, expected):
    assert {getattr(one.protocol, field) for one in study.experiments(report, **arguments)} == expected


def test_small_images_of_your_own_are_padded_to_the_size_of_the_networks(tmp_path):
    pixels, labels = np.zeros((30, 12, 12, 3), np.uint8), np.tile([0, 1, 2], 10)
    np.savez(tmp_path / "own.npz", x_train=pixels, y_train=labels, x_test=pixels, y_test=labels)
    path = str(tmp_path / "own.npz")
    for one in depth_and_kernel.experiments(dataset=path, profile="quick"):
        assert one.protocol.padding == "equal"
        assert one.build((32, 32, 3), 3).output_shape == (None, 3)
    with pytest.raises(InputError, match=r"own\.npz"):
        regularization.experiments("A", dataset=path, profile="smoke")


def test_data_sorted_by_class_have_a_split_with_all_classes_in_every_profile(tmp_path):
    pixels, labels = np.arange(60 * 64, dtype=np.uint32).reshape(60, 8, 8) % 256, np.repeat([0, 1, 2], 20)
    np.savez(tmp_path / "own.npz", x=pixels.astype(np.uint8), y=labels)
    own = data.load(tmp_path / "own.npz")
    assert set(own.test_labels[:5]) == {0, 1, 2}  # a gallery of the first images shows all
    for report, profile in (("A", "published"), ("B", "quick"), ("C", "fair"), ("D", "fair")):
        (one, *_) = find(report, str(tmp_path / "own.npz"), profile)
        parts = split(own, one.protocol.split, 0)
        assert len(set(parts.validation.labels[parts.validation.indices])) == 3


def test_experiments_without_validation_images_can_hold_some_out():
    held_out = {name: profiles.hold_out(EXPERIMENTS[name]).protocol.split for name in ("C22", "A-top", "A1", "D7")}
    assert held_out == {"C22": "last:10000", "A-top": "last:10000", "A1": "tail:0.15", "D7": "stratified:0.2"}


# --- sweeps ---


def test_a_sweep_has_an_experiment_for_each_network_and_strength():
    made = regularization.sweep("l2", [0, 0.001])
    assert ids(made) == ["3conv-l2=0", "3conv-l2=0.001", "1conv-l2=0", "1conv-l2=0.001"]
    assert [one.title for one in made[2:]] == ["1 convolution", "1 convolution, L2 0.001"]
    assert {one.protocol for one in made} == {A}
    (quick,) = regularization.sweep("dropout", [0.5], convolutions=[1], dataset="mnist", profile="quick")
    assert (quick.protocol.dataset, quick.protocol.images, quick.profile) == ("mnist", 6000, "quick")


def test_levels_of_a_sweep_differ_in_the_regularization_alone():
    made = regularization.sweep("l2", [None, 0, 0.0001, 0.01], convolutions=[1])
    assert all(layers_of(one) == layers_of(EXPERIMENTS["A4"]) for one in made)
    strengths = [one.network((28, 28, 1), 10).layers[-2].kernel_regularizer for one in made]
    assert strengths[:2] == [None, None]
    assert [float(one.l2) for one in strengths[2:]] == pytest.approx([0.0001, 0.01])
    none, zero, tenth = regularization.sweep("dropout", [None, 0, 0.1], convolutions=[3])
    assert layers_of(none) == layers_of(zero) == layers_of(EXPERIMENTS["A1"])
    assert layers_of(tenth) == layers_of(EXPERIMENTS["A5"])
    without, stopped = regularization.sweep("early_stopping", [None, 1], convolutions=[1])
    assert ids([without, stopped]) == ["1conv-early_stopping=none", "1conv-early_stopping=1"]
    assert (without.protocol, stopped.protocol) == (A, replace(A_STOPS, patience=1))
    assert layers_of(without) == layers_of(stopped) == layers_of(EXPERIMENTS["A2"])


def test_combinations_have_the_same_layers_but_for_dropout():
    made = regularization.combinations(convolutions=[1], patience=3)
    assert ids(regularization.combinations(convolutions=[1])) == ids(made)[:4]
    names = ["none", "dropout", "l2", "l2+dropout"]
    stopped = ["early_stopping", "dropout+early_stopping", "l2+early_stopping", "l2+dropout+early_stopping"]
    assert ids(made) == [f"1conv-{name}" for name in names + stopped]
    without_dropout = [[layer for layer in layers_of(one) if layer[0] != "Dropout"] for one in made]
    assert all(layers == without_dropout[0] for layers in without_dropout)
    assert [one.protocol for one in made] == [A] * 4 + [A_STOPS] * 4
    assert len({one.change(dataset="digits").identity() for one in made}) == 8


@pytest.mark.parametrize(
    ("kind", "strength", "value"),
    [
        ("dropout", 1.5, "dropout=1.5"),
        ("dropout", "a", "dropout='a'"),
        ("l2", -1, "l2=-1"),
        ("l2", "a", "l2='a'"),
        ("early_stopping", 1.5, "patience=1.5"),
        ("early_stopping", -1, "patience=-1"),
        ("l1", 0.1, "'l1'"),
    ],
)
def test_impossible_strengths_are_refused(kind, strength, value):
    with pytest.raises(InputError, match=value):
        regularization.sweep(kind, [strength])


def test_too_many_convolutions_for_the_image_are_refused_before_a_network_is_built():
    with pytest.raises(InputError, match="convolutions=4"):
        regularization.sweep("l2", [0.001], convolutions=[4])


@pytest.mark.parametrize("report", ["A", "B"])
def test_families_hold_every_compared_experiment_once(report):
    found = [name for names in Regularization(report).families.values() for name in names]
    known = [one.id for one in regularization.experiments(report) if one.id not in ("A-top", "B-base")]
    assert sorted(found) == sorted(known)


def test_flattened_networks_flatten_first_and_keep_everything_else():
    narrow = regularization.experiments("B", profile="narrow")
    made = Regularization("B", "cifar10", "narrow").flattened
    assert ids(made) == ["B1-flattened", "B2-flattened", "B13-flattened", "B14-flattened"]
    kinds = [type(layer).__name__ for layer in made[2].build((32, 32, 3), 10).layers]
    assert kinds == ["Flatten", "Dense", "Dense", "Dropout", "Dense"]
    assert made[2].protocol == narrow[12].protocol and made[2].protocol.width == 0.125
    assert made[0].labels["title"] == "2 dense layers of 64, Flatten first (width 0.125)"
    assert Regularization("A").flattened == []
    assert Regularization("B", profile="fair").flattened == []  # they do already


@pytest.mark.parametrize(
    ("study", "name"),
    [
        *((Regularization, name) for name in ("l2", "dropout", "patience", "convolutions")),
        *((DepthAndKernel, name) for name in ("depths", "kernel_sizes", "regularized")),
        *((partial(Tuning, EXPERIMENTS["A2"]), name) for name in ("optimizers", "rates", "map_rates", "batch_sizes")),
        (partial(Tuning, EXPERIMENTS["A2"]), "schedule_rates"),
        (lambda images: Transfer("digits", "digits", profile="smoke").labelled(images), "images"),
    ],
)
def test_a_text_in_place_of_a_list_is_refused_with_the_option_of_papermill(study, name):
    with pytest.raises(InputError, match=rf"-y '{name}: \[...\]'.*{name}='\[1\]'"):
        study(**{name: "[1]"})
