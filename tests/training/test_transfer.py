"""Features of a frozen network, computed once: the same run as with all of it, kept in files, and honest about it."""

import json
from dataclasses import replace
from functools import partial

import keras
import numpy as np
import pandas as pd
import pytest

from cnnhelpers import Experiment, Protocol, compare_all, networks, records, run
from cnnhelpers.analysis import comparable_pairs
from cnnhelpers.data import datasets as data
from cnnhelpers.data.splits import split
from cnnhelpers.errors import InputError
from cnnhelpers.execution import schedule as plans
from cnnhelpers.execution.task import failure
from cnnhelpers.reports.transfer import OTHER_SPLIT, Transfer, fewer
from cnnhelpers.training import frozen_features as transfer
from cnnhelpers.training import trainer as training
from cnnhelpers.training.pipeline import assemble, gathered
from cnnhelpers.training.trainer import train
from tests.faults.networks import backed_up
from tests.tiny import tiny

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:keras.*")

NETWORK = partial(networks.report_e_backbone, backbone="small_resnet", pooling="average")


def experiment(id="frozen", network=NETWORK, **protocol):
    """Return a small_resnet on 60 digits, frozen at random weights unless `network` says otherwise."""
    usual = {"padding": "equal", "images": 60, "batch_size": 16, "epochs": 2, "learning_rate": 0.01}
    return Experiment(network, Protocol(**usual | protocol), id=id, study="tiny")


def assembled(one):
    parts = split(data.load("digits"), one.protocol.split, 0, one.protocol.images)
    return assemble(one, parts.train, 10), parts


def weights_by_layer(model):
    network = model.layers[-1]
    base = next(layer for layer in network.layers if isinstance(layer, keras.Model))
    return {layer.name: layer.get_weights() for layer in base.layers if layer.weights}


def same(some, others):
    return all((a == b).all() for a, b in zip(some, others, strict=True))


def test_features_and_head_give_what_the_whole_model_gives():
    model, parts = assembled(experiment())
    extractor, head = transfer.split_frozen(model)
    images = keras.ops.convert_to_tensor(
        np.repeat(np.pad(parts.test.images[:20], ((0, 0), (2, 2), (2, 2), (0, 0))), 3, -1)
    )
    whole, divided = model(images), head(extractor(images))
    np.testing.assert_allclose(*map(keras.ops.convert_to_numpy, (whole, divided)), rtol=1e-5, atol=1e-6)
    assert extractor.output_shape == (None, 64)


def test_training_the_head_on_features_equals_training_the_whole(monkeypatch, tmp_path):
    model, on_features, _ = train(experiment(), 0, checkpoint_folder=tmp_path / ".checkpoints")
    monkeypatch.setattr(transfer, "split_frozen", lambda model: None)
    whole, on_images, _ = train(experiment(), 0)
    assert on_features.identity == on_images.identity
    for one, other in zip(model.get_weights(), whole.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-5)
    for name in ("crossentropy", "validation_crossentropy", "accuracy"):
        assert on_features.history[name] == pytest.approx(on_images.history[name], rel=1e-3)
    assert on_features.metrics["test"] == pytest.approx(on_images.metrics["test"], rel=1e-3)
    assert on_features.cost["parameters"] == on_images.cost["parameters"]
    assert on_features.cost["flops"] == on_images.cost["flops"]
    assert "feature_seconds" in on_features.cost and "feature_seconds" not in on_images.cost


@pytest.mark.parametrize("augmentation", [None, "flip"], ids=["on features", "on images"])
def test_a_frozen_backbone_does_not_move(augmentation):
    start = training.prepare(experiment(augmentation=augmentation), assembled(experiment())[1].train, 10, 0)
    model, record, _ = train(experiment(augmentation=augmentation), 0)
    before, after = weights_by_layer(start), weights_by_layer(model)
    assert all(same(before[name], after[name]) for name in before)
    assert not same(start.layers[-1].layers[-1].get_weights(), model.layers[-1].layers[-1].get_weights())
    assert ("feature_seconds" in record.cost) == (augmentation is None)


def test_fine_tuning_moves_the_convolutions_of_the_last_block_and_nothing_else():
    tuned = experiment(network=partial(NETWORK, unfrozen=1))
    start = training.prepare(tuned, assembled(tuned)[1].train, 10, 0)
    model, _, _ = train(tuned, 0)
    before, after = weights_by_layer(start), weights_by_layer(model)
    moved = {name for name in before if not same(before[name], after[name])}
    assert moved == {"block3_0_conv", "block3_1_conv", "block3_2_conv"}


def partly_unfrozen(input_shape, classes):
    """Freeze a model within the network, then let its last layer learn."""
    convolutions = [keras.layers.Conv2D(3, 3), keras.layers.BatchNormalization(), keras.layers.Conv2D(3, 3)]
    base = keras.Sequential([keras.Input(input_shape), *convolutions])
    base.trainable = False
    base.layers[-1].trainable = True
    return keras.Sequential([keras.Input(input_shape), base, keras.layers.Flatten(), keras.layers.Dense(classes)])


def frozen_by_layer(input_shape, classes):
    """Freeze every layer of a model within the network, but not the model."""
    base = keras.Sequential([keras.Input(input_shape), keras.layers.Conv2D(3, 3, trainable=False)])
    return keras.Sequential([keras.Input(input_shape), base, keras.layers.Flatten(), keras.layers.Dense(classes)])


def two_inputs(input_shape, classes):
    """Let the first layer that learns read twice from what is frozen."""
    inputs = keras.Input(input_shape)
    frozen = keras.layers.Conv2D(4, 3, strides=8, trainable=False)(inputs)
    words = [keras.layers.Reshape((-1, 4))(one) for one in (frozen, keras.layers.ReLU()(frozen))]
    attended = keras.layers.Flatten()(keras.layers.MultiHeadAttention(1, 4)(*words))
    return keras.Model(inputs, keras.layers.Dense(classes)(attended))


@pytest.mark.parametrize(
    "network",
    [
        partial(NETWORK, unfrozen=None),
        partial(NETWORK, unfrozen=4),
        [
            keras.layers.Dropout(0.5),
            keras.layers.Dense(3, trainable=False),
            keras.layers.Flatten(),
            keras.layers.Dense(10),
        ],
        [keras.layers.BatchNormalization(center=False, scale=False), keras.layers.Flatten(), keras.layers.Dense(10)],
        [keras.layers.Flatten(), keras.layers.Dense(10)],
        partly_unfrozen,
        two_inputs,
    ],
    ids=[
        "from scratch",
        "all unfrozen",
        "dropout before",
        "statistics that move",
        "nothing frozen",
        "partly unfrozen",
        "two inputs",
    ],
)
def test_features_that_are_not_fixed_or_not_worth_it_are_none(network):
    assert transfer.split_frozen(assembled(experiment(network=network))[0]) is None


def test_a_network_frozen_layer_by_layer_has_features():
    extractor, _ = transfer.split_frozen(assembled(experiment(network=frozen_by_layer))[0])
    assert extractor.output_shape == (None, 30 * 30 * 3)  # flat: only the dense layer behind them learns


def test_dropout_in_the_head_does_not_matter():
    frozen = keras.layers.Dense(3, trainable=False)
    network = [keras.layers.Flatten(), frozen, keras.layers.Dense(4), keras.layers.Dropout(0.5), keras.layers.Dense(10)]
    _, head = transfer.split_frozen(assembled(experiment(network=network))[0])
    assert [type(layer).__name__ for layer in head.layers] == ["InputLayer", "Dense", "Dropout", "Dense"]


def test_features_are_kept_and_read_by_the_next_run_and_their_cost_is_told(tmp_path):
    backups = tmp_path / ".checkpoints"
    _, first, _ = train(experiment(), 0, checkpoint_folder=backups)
    _, longer, _ = train(experiment(epochs=3), 0, checkpoint_folder=backups)
    assert (first.cost["features_cached"], longer.cost["features_cached"]) == (0, 1)
    assert longer.cost["feature_cpu_seconds"] == first.cost["feature_cpu_seconds"] > 0
    assert longer.history["loss"][:2] == first.history["loss"]
    assert len(list((tmp_path / transfer.FOLDER).glob("*.npy"))) == 3  # training, validation and test
    _, other, _ = train(experiment(), 1, checkpoint_folder=backups)  # other weights
    assert other.cost["features_cached"] == 0
    records.write(first, tmp_path)
    assert records.load(tmp_path).record[0].cost == first.cost


def test_damaged_features_are_computed_again(tmp_path):
    backups = tmp_path / ".checkpoints"
    _, first, _ = train(experiment(), 0, checkpoint_folder=backups)
    for path in (tmp_path / transfer.FOLDER).glob("*.npy"):
        path.write_bytes(path.read_bytes()[:200])
    _, again, _ = train(experiment(), 0, checkpoint_folder=backups)
    assert again.cost["features_cached"] == 0
    assert again.weights_sha256 == first.weights_sha256


def test_the_oldest_features_are_deleted_beyond_the_limit(tmp_path, monkeypatch):
    monkeypatch.setattr(transfer, "LIMIT", 1000)
    for age, name in enumerate("abc"):
        transfer._write(tmp_path / f"{name}.npy", np.zeros((2, 40), "float32"), {"seconds": age})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b.cost", "b.npy", "c.cost", "c.npy"]


def test_features_of_more_than_the_limit_are_not_computed(monkeypatch):
    monkeypatch.setattr(transfer, "LIMIT", 1000)
    model, parts = assembled(experiment())
    assert transfer.task(model, experiment().protocol, parts, None).model is model


def test_a_full_disk_costs_a_warning(tmp_path, monkeypatch):
    def full(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(transfer, "replace_file", full)
    with pytest.warns(UserWarning, match="features are not kept: No space left on device; the run goes on"):
        transfer._write(tmp_path / "a.npy", np.zeros((2, 3), "float32"), {"seconds": 1})
    assert not list(tmp_path.iterdir())


def test_a_killed_training_of_a_head_resumes_bit_for_bit(tmp_path, killed_after):
    one = experiment(epochs=4)
    _, whole, _ = train(one, 0)
    with killed_after(2):
        train(one, 0, checkpoint_folder=tmp_path / ".checkpoints")
    _, resumed, _ = train(one, 0, checkpoint_folder=tmp_path / ".checkpoints")
    assert resumed.stop["resumed_after"] == [2] and resumed.cost["features_cached"] == 1
    assert resumed.weights_sha256 == whole.weights_sha256
    assert resumed.history["loss"] == whole.history["loss"]


def test_a_pretrained_network_hands_its_weights_over_without_being_trained_again(tmp_path, monkeypatch):
    pretraining = replace(experiment("before", partial(NETWORK, unfrozen=None)), keep_weights=True)
    source, _, _ = train(pretraining, 0, checkpoint_folder=tmp_path / ".checkpoints")
    trained = []
    prepare = training.prepare
    monkeypatch.setattr(training, "prepare", lambda one, *rest: trained.append(one.id) or prepare(one, *rest))
    model, _, _ = train(replace(experiment(), after=pretraining), 0, checkpoint_folder=tmp_path / ".checkpoints")
    assert trained == ["frozen"]
    before, after = weights_by_layer(source), weights_by_layer(model)
    assert all(same(before[name], after[name]) for name in before)
    assert replace(pretraining, keep_weights=False).identity() == pretraining.identity()


def test_runs_that_start_from_the_same_one_train_it_once_between_them(tmp_path, monkeypatch):
    monkeypatch.setenv("BUILT", str(tmp_path / "built"))
    dense = [keras.layers.Flatten(), keras.layers.Dense(10, activation="softmax")]
    ends = {name: replace(tiny(name, epochs=epochs), network=dense) for epochs, name in enumerate(("one", "two"), 1)}
    after = [replace(one, after=backed_up(10, "before")) for one in ends.values()]
    runs = run(after, 1, workers=2, folder=tmp_path, progress=False)
    assert runs.status.tolist() == ["done", "done"]
    assert len((tmp_path / "built").read_text().splitlines()) == 1


def test_the_three_ways_share_a_start_and_differ_in_identity():
    line = Transfer("digits", source="digits", profile="smoke")
    scratch, frozen, tuned = line.ways(10)
    assert frozen.after is line.pretraining and tuned.after is frozen and scratch.after is None
    assert len({one.identity() for one in (scratch, frozen, tuned, *line.variants(), line.flipped())}) == 9
    assert {one.protocol.images for one in (scratch, frozen, tuned)} == {100}


def test_weights_are_named_in_one_way_or_another():
    assert Transfer("digits", weights="pretrain:mnist") == Transfer("digits", source="mnist")
    line = Transfer("digits", backbone="vgg16", weights="imagenet")
    _, frozen, tuned = line.ways()
    assert (frozen.weights, frozen.after, tuned.weights, tuned.after) == ("imagenet", None, None, frozen)
    assert frozen.protocol.scaling == "none" and frozen.network.keywords["preprocess"]
    assert [one.network.keywords.get("side") for one in line.variants()] == [None, None, 64, 96, None, None]


def own(tmp_path, *shape, images=120):
    """Return the path of a dataset of that many noisy images in three classes, and half as many test images."""
    pixels = np.random.default_rng(0).integers(0, 256, (images + images // 2, *shape), dtype=np.uint8)
    labels = np.arange(len(pixels)) % 3
    arrays = {"x_train": pixels[:images], "y_train": labels[:images]}
    np.savez(tmp_path / "own.npz", **arrays, x_test=pixels[images:], y_test=labels[images:])
    return str(tmp_path / "own.npz")


def test_a_path_of_weights_is_taken_as_it_is(tmp_path):
    assert Transfer("digits", weights=tmp_path / "a.h5") == Transfer("digits", weights=str(tmp_path / "a.h5"))


@pytest.mark.parametrize(
    ("backbone", "scaling"), [("efficientnetv2b0", "none"), ("convnexttiny", "none"), ("small_resnet", "unit")]
)
def test_a_backbone_that_scales_by_itself_gets_pixels_that_nothing_scaled_before(backbone, scaling):
    line = Transfer("digits", source="digits", backbone=backbone)
    assert {one.protocol.scaling for one in (line.pretraining, *line.ways(), *line.variants())} == {scaling}


def test_efficientnet_pretrained_here_sees_the_contrast_of_the_images(tmp_path):
    line = Transfer(own(tmp_path, 32, 32, 3), source="digits", backbone="efficientnetv2b0")
    scratch = line.ways()[0]
    parts = split(data.load(line.dataset), scratch.protocol.split, 0)
    model = assemble(scratch, parts.train, 3)
    base = next(layer for layer in model.layers[-1].layers if isinstance(layer, keras.Model))
    scaled = keras.Model(base.inputs[0], next(one for one in base.layers if one.name.startswith("rescaling")).output)
    images = keras.ops.convert_to_tensor(gathered(parts.train)[0].astype("float32"))
    seen = keras.ops.convert_to_numpy(scaled(model.layers[0](images)))
    assert seen.std() > 0.2  # 0.001 where the pixels were 0..1 already


@pytest.mark.parametrize(
    ("shape", "padding"), [((12, 12, 3), "equal"), ((20, 20, 1), "equal"), ((32, 32, 3), None), ((48, 40, 3), None)]
)
def test_images_are_padded_only_where_a_backbone_needs_it(tmp_path, shape, padding):
    line = Transfer(own(tmp_path, *shape), source="digits", profile="smoke")
    assert {one.protocol.padding for one in line.ways()} == {padding}
    (scratch, *_) = line.ways()
    model = assemble(scratch, split(data.load(line.dataset), scratch.protocol.split, 0).train, 3)
    assert model.input_shape == (None, *(shape if padding is None else (32, 32, 3)))


@pytest.mark.parametrize("shape", [(48, 48, 1), (20, 48, 3)])
def test_images_that_no_padding_makes_fit_are_refused_before_any_run(tmp_path, shape):
    with pytest.raises(
        InputError, match=rf"at least 32x32, .*: scale .* Received: .*own.npz of {'x'.join(map(str, shape))}"
    ):
        Transfer(own(tmp_path, *shape), source="digits").ways()


def test_what_needs_grey_images_is_left_out_in_colour_and_only_larger_images_are_enlarged(tmp_path):
    def names(*shape, **options):
        line = Transfer(own(tmp_path, *shape), source="digits", **options)
        return [one.id.partition("frozen/")[2] for one in line.variants()]

    assert names(12, 12, 3) == ["flatten", "side=64", "side=96"]
    assert names(12, 12, 3, weights="a.h5") == ["flatten", "side=64", "side=96", "raw"]
    assert names(12, 12, 1) == ["middle", "flatten", "side=64", "side=96", "reported"]
    assert names(64, 64, 3) == ["flatten", "side=96"]


def test_report_es_data_are_split_as_there_and_others_by_class(tmp_path):
    reported, small = Transfer(), Transfer(own(tmp_path, 12, 12, 3, images=40), source="digits")
    assert {one.protocol.split for one in reported.ways()} == {"random:0.1,0.1"}
    assert {one.protocol.split for one in (*small.ways(), reported.pretraining)} == {OTHER_SPLIT}
    parts = split(data.load(small.dataset), small.ways()[0].protocol.split, 0)
    assert parts.validation.counts(3).min() == 1 and len(parts.test) == 20


def test_as_many_labelled_images_as_there_are_or_more_are_refused_and_a_size_counts_once(tmp_path):
    line = Transfer(own(tmp_path, 12, 12, 3), source="digits", profile="smoke")
    assert len(line.labelled([10, 35, 10])) == 9
    for size in (36, 5000):  # 12 of 120 are for validation
        with pytest.raises(InputError, match=f"images_a_class={size} .* 108 .* less than 36"):
            line.labelled([10, size])


def test_only_pairs_that_are_recorded_are_compared():
    asked = [("frozen", "scratch"), ("fine-tuned", "scratch")]
    runs = pd.DataFrame({"experiment": ["scratch", "scratch", "frozen"]})
    assert comparable_pairs(runs, asked) == asked[:1] and comparable_pairs(runs.head(0), asked) == []
    assert compare_all(runs.head(0).assign(test_accuracy=[]), [], 0.01).columns[-1] == "verdict"


def test_about_ten_images_a_class_is_what_titles_say():
    assert fewer(experiment(images=None), 10, 20).title.endswith(", about 10 a class")


@pytest.mark.parametrize(("images", "batch", "epochs"), [(10, 8, 115), (100, 32, 47), (1, 8, 750)])
def test_fewer_images_train_for_as_many_steps(images, batch, epochs):
    short = fewer(experiment(images=None), images, 1500)
    assert (short.protocol.images, short.protocol.batch_size, short.protocol.epochs) == (10 * images, batch, epochs)
    assert -(-short.protocol.images // batch) * epochs == pytest.approx(1500, rel=0.01)


def run_of(one, cards=()):
    text = one.text(*cards)
    data_of = {"name": "digits", "fingerprint": "", "official": True, "images": {"train": 100}}
    stop = {"reason": "all epochs"}
    return records.Record(plans.identity_of(text), 0, text, one.labels, data_of, "done", stop)


def test_runs_are_labelled_by_way_and_number_of_images():
    line = Transfer("digits", source="digits", profile="smoke")
    found = Transfer.add_ways(
        records.table(run_of(one) for one in [*line.ways(10), *line.ways(), line.flipped(), line.pretraining])
    )
    assert found.way.tolist() == ["scratch", "frozen", "fine-tuned"] * 2
    assert set(found.images) == {100}


def test_a_failed_run_is_labelled_too_and_its_images_are_unknown(tmp_path):
    scratch, *_ = Transfer("digits", source="digits", profile="smoke").ways()
    (one,) = plans.plan([scratch], 1, tmp_path)
    found = Transfer.add_ways(records.table([failure(one, "the worker process died twice")]))
    assert found.way.tolist() == ["scratch"] and found.images.isna().all()


def test_runs_are_found_without_the_pixels_that_the_backbone_was_pretrained_on(tmp_path):
    copy = replace(data.KNOWN["cifar10"], fingerprint="c" * 64, official=False)
    line = Transfer("digits", source="cifar10", profile="smoke")
    frozen = line.ways()[1]
    cards = (data.info("digits"), copy)
    assert frozen.identity(*cards) != frozen.identity()
    own = {"name": "cifar10", "fingerprint": copy.fingerprint, "official": False, "images": {"train": 1}}
    text = line.pretraining.text(copy)
    for seed in (0, 1):
        source = records.Record(plans.identity_of(text), seed, text, {}, own, "done", {"reason": "all epochs"})
        records.write(source, tmp_path)
        records.write(replace(run_of(frozen, cards), seed=seed), tmp_path)
    (planned, _) = plans.plan([frozen], 2, tmp_path)
    assert planned.key == (frozen.identity(*cards), 0)
    assert len(run([frozen], 2, train=False, folder=tmp_path)) == 2
    assert json.dumps(planned.text)
