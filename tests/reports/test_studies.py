"""The published experiments are complete, their protocols are the reports', and profiles keep what they should."""

from dataclasses import replace

import keras
import numpy as np
import pytest

from cnnhelpers import networks
from cnnhelpers.data import datasets as data
from cnnhelpers.data.splits import parse_split, split
from cnnhelpers.errors import InputError
from cnnhelpers.experiments.experiment import Experiment, Protocol
from cnnhelpers.reports import depth_and_kernel, profiles, regularization, transfer
from cnnhelpers.reports.catalog import STUDIES, all_experiments, find
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


@pytest.mark.parametrize("id", IDS)
def test_protocol_is_the_reports_to_the_letter(id):
    published = OTHERS.get(id, {"A": A, "B": B, "C": C, "D": D, "E": E}[id[0]])
    precision = "float32" if id[0] == "A" else "bfloat16"  # ours: no report says
    assert EXPERIMENTS[id].protocol == replace(published, precision=precision)


def test_optimizers_of_d8_run_at_keras_default_learning_rate():
    for name in ("Adagrad", "Adadelta", "Adamax"):
        rate = float(getattr(keras.optimizers, name)().learning_rate)
        assert EXPERIMENTS[f"D8-{name.lower()}"].protocol.learning_rate == pytest.approx(rate)


@pytest.mark.parametrize(
    ("id", "words"),
    [
        ("A3", "L2 is cut off"),
        ("A4", "0.0001"),
        ("A-top", "0.0001"),
        ("A-vis", "0.0001"),
        ("A7", "patience"),
        ("B1", "the first here"),
        ("B5", "best checkpoint"),
        ("B8", "Metric and patience"),
        ("B15", "lacks this network"),
        ("B-base", "interrupted"),
        ("C21", "unit L2 norm"),
        ("D3", "no seed"),
        ("D8-adadelta", "same weights"),
        ("D11", "0.01"),
        ("D11", "ReLU"),
        ("E1", "not public"),
        ("E4/optimizer=sgd", "Keras' default"),
    ],
)
def test_what_the_report_leaves_open_is_marked_as_an_assumption(id, words):
    assert words in " ".join(EXPERIMENTS[id].assumptions)
    assert all(sentence.endswith(".") for sentence in EXPERIMENTS[id].assumptions)


@pytest.mark.parametrize("id", ["A1", "A2", "A5", "A6"])
def test_what_the_report_shows_whole_needs_no_assumption(id):
    assert EXPERIMENTS[id].assumptions == ()


@pytest.mark.parametrize("id", sorted({name for name in published()["experiment"] if "/class=" not in name}))
def test_every_experiment_of_the_published_numbers_is_found(id):
    assert ids(find(id)) == [id]


def test_find_takes_a_study_a_report_or_an_id_in_either_case():
    assert ids(find("a5")) == ids(find("A5")) == ["A5"]
    assert ids(find("e-VGG16")) == ["E-vgg16"]
    assert ids(find("d")) == [id for id in IDS if id.startswith("D")]
    assert ids(find("Transfer")) == ["E1", "E2", "E3", "E4", "E-resnet50", "E-vgg16"]
    assert ids(find("representations")) == ["A-vis"]


def test_every_experiment_is_in_one_study_that_bears_its_name():
    for name, study in STUDIES.items():
        assert {one.study for one in study()} == {name}
        assert ids(find(name)) == sorted(ids(study()), key=IDS.index)


@pytest.mark.parametrize(
    ("name", "suggestion"), [("regularisation", "regularization"), ("B99", "B9"), ("E4/optimizer=sdg", "sgd")]
)
def test_find_names_the_nearest_for_what_it_does_not_know(name, suggestion):
    with pytest.raises(InputError, match=rf"did you mean '\S*{suggestion}'"):
        find(name)


def test_study_gives_one_report_and_refuses_another_studys():
    assert {one.report for one in regularization.experiments("b")} == {"B"}
    with pytest.raises(InputError, match="unknown report of this study 'C'"):
        regularization.experiments("C")


# Profiles


@pytest.mark.parametrize("profile", profiles.PROFILES)
@pytest.mark.parametrize("id", IDS)
def test_profile_keeps_what_the_experiment_is_about(id, profile):
    one = EXPERIMENTS[id]
    changed = profiles.apply(one, profile)
    assert (changed.id, changed.study, changed.report, changed.title) == (one.id, one.study, one.report, one.title)
    assert changed.profile == profile
    assert changed.assumptions[: len(one.assumptions)] == one.assumptions
    for name in ("optimizer", "learning_rate", "batch_size", "early_stopping", "patience", "restore_best"):
        assert getattr(changed.protocol, name) == getattr(one.protocol, name)


def test_published_is_untouched_and_the_default():
    for one in all_experiments():
        assert profiles.apply(one, "published") is one


@pytest.mark.parametrize("id", IDS)
def test_smoke_runs_on_digits_in_two_epochs(id):
    protocol = profiles.apply(EXPERIMENTS[id], "smoke").protocol
    assert (protocol.dataset, protocol.epochs) == ("digits", 2)
    assert parse_split(protocol.split)[0] not in ("first", "last")  # 10,000 of 1,297 images


@pytest.mark.parametrize("id", IDS)
def test_quick_takes_fewer_images_and_at_most_five_epochs_of_the_reports_data(id):
    one, quick = EXPERIMENTS[id].protocol, profiles.apply(EXPERIMENTS[id], "quick").protocol
    assert (quick.dataset, quick.split, quick.images) == (one.dataset, one.split, 6000)
    assert 1 <= quick.epochs <= 5


def test_quick_keeps_sweeps_over_epochs():
    def epochs(*names):
        return [profiles.apply(EXPERIMENTS[name], "quick").protocol.epochs for name in names]

    assert epochs("E4/epochs=10", "E4/epochs=30", "E4/epochs=50", "E4/epochs=70") == [1, 3, 4, 5]
    assert epochs("E4", "D10-10", "D10-15", "A1", "B1", "C21") == [4, 4, 5, 5, 5, 5]


def test_quick_takes_at_most_five_epochs_of_own_experiments():
    own = Experiment(lambda shape, classes: None, Protocol(epochs=3), id="own")
    assert profiles.apply(own, "quick").protocol.epochs == 3
    assert profiles.apply(own.change(epochs=30), "quick").protocol.epochs == 5


def test_fair_changes_only_what_the_report_got_wrong():
    changed = {one.id for one in all_experiments() if profiles.apply(one, "fair") != replace(one, profile="fair")}
    dense = {"B1", "B2", "B5", "B6", "B9", "B10", "B13", "B14"}
    order = {"D8-adadelta-after", "D8-adamax-after"}
    assert changed == dense | {id for id in IDS if id.startswith("C")} | order | {"E-resnet50", "E-vgg16"}


def test_fair_gives_every_optimizer_of_d8_its_own_weights():
    for name in ("D8-adadelta", "D8-adamax"):
        fair, after = (profiles.apply(EXPERIMENTS[id], "fair") for id in (name, f"{name}-after"))
        assert after.after is None
        assert after.identity() == fair.identity()


def test_fair_validates_report_c_on_training_images():
    assert {profiles.apply(one, "fair").protocol.split for one in find("C")} == {"last:10000"}


def test_fair_flattens_before_the_dense_layers():
    model = profiles.apply(EXPERIMENTS["B9"], "fair").network((32, 32, 3), 10)
    assert [type(layer).__name__ for layer in model.layers] == ["Flatten", "Dense", "Dense", "Dense"]
    assert model.layers[1].kernel.shape == (32 * 32 * 3, 128)


def test_fair_gives_backbones_raw_pixels_in_all_channels_and_their_preprocessing():
    fair = profiles.apply(EXPERIMENTS["E-vgg16"], "fair")
    assert (fair.protocol.scaling, fair.protocol.padding) == ("none", "equal")
    assert fair.network.keywords == {"backbone": "vgg16", "preprocess": True}
    assert fair.weights == "imagenet"


def test_smoke_needs_no_imagenet_weights():
    assert profiles.apply(EXPERIMENTS["E-vgg16"], "smoke").weights is None


def test_narrow_networks_are_marked():
    narrow = profiles.apply(EXPERIMENTS["B4"], "narrow")
    assert narrow.protocol == replace(EXPERIMENTS["B4"].protocol, width=0.125)
    assert narrow.labels["title"] == "3 convolutions (width 0.125)"
    assert narrow.build((32, 32, 3), 10).layers[0].filters == 64
    assert profiles.apply(EXPERIMENTS["A1"], "narrow").protocol == EXPERIMENTS["A1"].protocol


def test_profile_is_applied_once():
    quick = profiles.apply(EXPERIMENTS["A1"], "quick")
    assert profiles.apply(quick, "quick") is quick
    with pytest.raises(InputError, match="A1 has profile 'quick' already: apply 'fair' to the published experiment"):
        profiles.apply(quick, "fair")


def test_unknown_profile_is_refused():
    with pytest.raises(InputError, match="did you mean 'smoke'"):
        profiles.apply(EXPERIMENTS["A1"], "smok")
    with pytest.raises(InputError, match="did you mean 'quick'"):
        profiles.seeds("quik")


def test_seeds_of_the_profiles():
    assert [profiles.seeds(name) for name in ("smoke", "quick", "narrow", "published", "fair")] == [2, 3, 5, 10, 10]


# Other datasets


def test_on_another_dataset_an_experiment_is_own_and_can_be_built():
    for one in regularization.experiments("A", dataset="cifar10"):
        assert (one.protocol.dataset, one.profile) == ("cifar10", "own")
        assert one.build((32, 32, 3), 10).output_shape == (None, 10)
    assert {one.profile for one in regularization.experiments("A", dataset="fashion_mnist")} == {"published"}
    assert {one.profile for one in regularization.experiments("A", "mnist", "quick")} == {"quick"}


def test_split_by_number_of_images_becomes_a_fraction_on_digits():
    assert {one.protocol.split for one in regularization.experiments("B", dataset="digits")} == {"tail:0.2"}
    assert {one.protocol.split for one in regularization.experiments("B", dataset="mnist")} == {"first:10000"}


def test_smaller_images_are_padded_for_networks_made_for_cifar():
    assert {one.protocol.padding for one in depth_and_kernel.experiments("D", dataset="mnist")} == {"equal"}
    assert {one.protocol.padding for one in depth_and_kernel.experiments("D", profile="smoke")} == {"equal"}
    assert {one.protocol.padding for one in depth_and_kernel.experiments("D", dataset="cifar100")} == {None}
    assert {one.protocol.padding for one in depth_and_kernel.experiments("C", dataset="cifar10")} == {None}


def test_small_images_of_ones_own_are_padded_to_what_networks_can_take(tmp_path):
    pixels, labels = np.zeros((30, 12, 12, 3), np.uint8), np.tile([0, 1, 2], 10)
    np.savez(tmp_path / "own.npz", x_train=pixels, y_train=labels, x_test=pixels, y_test=labels)
    path = str(tmp_path / "own.npz")
    for one in depth_and_kernel.experiments(dataset=path, profile="quick"):
        assert one.protocol.padding == "equal"
        assert one.build((32, 32, 3), 3).output_shape == (None, 3)
    with pytest.raises(InputError, match="profile 'smoke' always trains on digits: use 'quick'"):
        regularization.experiments("A", dataset=path, profile="smoke")


def test_colour_images_are_padded_equally():
    padding = {one.protocol.padding for one in transfer.experiments(dataset="cifar10")}
    assert padding == {None, "equal"}
    assert {one.protocol.padding for one in transfer.experiments(dataset="mnist")} == {None, "middle"}


# Sweeps


def test_own_data_in_order_of_class_give_every_profile_a_split_that_holds_all_classes(tmp_path):
    pixels, labels = np.arange(60 * 64, dtype=np.uint32).reshape(60, 8, 8) % 256, np.repeat([0, 1, 2], 20)
    np.savez(tmp_path / "own.npz", x=pixels.astype(np.uint8), y=labels)
    own = data.load(tmp_path / "own.npz")
    assert set(own.test_labels[:5]) == {0, 1, 2}  # a gallery of the first images shows all
    for report, profile in (("A", "published"), ("B", "quick"), ("C", "fair"), ("D", "fair")):
        (one, *_) = profiles.select(
            [one for one in all_experiments() if one.report == report], report, str(tmp_path / "own.npz"), profile
        )
        parts = split(own, one.protocol.split, 0)
        assert len(set(parts.validation.labels[parts.validation.indices])) == 3


def test_what_validates_on_test_images_or_on_none_can_hold_images_out():
    held_out = {name: profiles.hold_out(EXPERIMENTS[name]).protocol.split for name in ("C22", "A-top", "A1", "D7")}
    assert held_out == {"C22": "last:10000", "A-top": "last:10000", "A1": "tail:0.15", "D7": "stratified:0.2"}


def test_a_sweep_of_more_convolutions_than_the_image_bears_is_refused_before_it_is_built():
    with pytest.raises(InputError, match=r"1 to 3 convolutions\. Received: convolutions=4"):
        regularization.sweep("l2", [0.001], convolutions=[4])


def test_sweep_has_an_experiment_for_each_network_and_strength():
    made = regularization.sweep("l2", [0, 0.001])
    assert ids(made) == ["3conv-l2=0", "3conv-l2=0.001", "1conv-l2=0", "1conv-l2=0.001"]
    assert [one.title for one in made[2:]] == ["1 convolution", "1 convolution, L2 0.001"]
    assert {one.protocol for one in made} == {A}


def test_l2_sweep_compares_the_same_layers_at_every_strength():
    made = regularization.sweep("l2", [None, 0, 0.0001, 0.01], convolutions=[1])
    assert all(layers_of(one) == layers_of(EXPERIMENTS["A4"]) for one in made)
    strengths = [one.network((28, 28, 1), 10).layers[-2].kernel_regularizer for one in made]
    assert strengths[:2] == [None, None]
    assert [float(one.l2) for one in strengths[2:]] == pytest.approx([0.0001, 0.01])


def test_dropout_sweep_compares_the_networks_of_a1_and_a5():
    none, zero, tenth = regularization.sweep("dropout", [None, 0, 0.1], convolutions=[3])
    assert layers_of(none) == layers_of(zero) == layers_of(EXPERIMENTS["A1"])
    assert layers_of(tenth) == layers_of(EXPERIMENTS["A5"])


def test_early_stopping_sweep_changes_only_the_protocol():
    without, one = regularization.sweep("early_stopping", [None, 1], convolutions=[1])
    assert ids([without, one]) == ["1conv-early_stopping=none", "1conv-early_stopping=1"]
    assert (without.protocol, one.protocol) == (A, replace(A_STOPS, patience=1))
    assert layers_of(without) == layers_of(one) == layers_of(EXPERIMENTS["A2"])


def test_strength_that_the_report_took_is_the_published_experiment():
    same = {"l2": ("A3", 0.0001), "dropout": ("A5", 0.1), "early_stopping": ("A7", 3)}
    for kind, (id, strength) in same.items():
        (one,) = regularization.sweep(kind, [strength], convolutions=[3], dataset="digits")
        assert one.identity() == EXPERIMENTS[id].change(dataset="digits").identity()


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
    ("kind", "strength", "message"),
    [
        ("dropout", 1.5, "dropout=1.5"),
        ("dropout", "a", "dropout='a'"),
        ("l2", -1, "l2=-1"),
        ("l2", "a", "l2='a'"),
        ("early_stopping", 1.5, "patience=1.5"),
        ("early_stopping", -1, "patience=-1"),
        ("l1", 0.1, "unknown kind of regularization 'l1'"),
    ],
)
def test_sweep_refuses_what_it_cannot_run(kind, strength, message):
    with pytest.raises(InputError, match=message):
        regularization.sweep(kind, [strength])


def test_sweep_takes_dataset_and_profile():
    (one,) = regularization.sweep("dropout", [0.5], convolutions=[1], dataset="mnist", profile="quick")
    assert (one.protocol.dataset, one.protocol.images, one.profile) == ("mnist", 6000, "quick")


def test_networks_of_the_studies_reach_worker_processes():
    import cloudpickle

    for one in all_experiments():
        assert cloudpickle.loads(cloudpickle.dumps(one)).protocol == one.protocol
    assert networks.report_a_cnn in {one.network.func for one in find("A")}


def test_a_number_that_the_report_ran_in_several_ways_finds_all_of_them():
    assert [one.id for one in find("d10")] == ["D10-10", "D10-15"]
    assert len(find("D8")) == 5


@pytest.mark.parametrize("report", ["A", "B"])
def test_families_hold_every_compared_experiment_once(report):
    found = [name for names in regularization.families(report).values() for name in names]
    known = [one.id for one in regularization.experiments(report) if one.id not in ("A-top", "B-base")]
    assert sorted(found) == sorted(known)


def test_flattened_networks_flatten_first_and_keep_everything_else():
    narrow = regularization.experiments("B", profile="narrow")
    made = regularization.flattened(narrow)
    assert ids(made) == ["B1-flattened", "B2-flattened", "B13-flattened", "B14-flattened"]
    kinds = [type(layer).__name__ for layer in made[2].build((32, 32, 3), 10).layers]
    assert kinds == ["Flatten", "Dense", "Dense", "Dropout", "Dense"]
    assert made[2].protocol == narrow[12].protocol and made[2].protocol.width == 0.125
    assert made[0].labels["title"] == "2 dense layers of 64, Flatten first (width 0.125)"
    assert regularization.flattened(regularization.experiments("A")) == []
    assert regularization.flattened(regularization.experiments("B", profile="fair")) == []  # they do already
