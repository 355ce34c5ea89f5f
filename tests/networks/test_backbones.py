"""Backbones: published sizes, what learns and what does not, weights from files, and what is said without a network."""

from functools import partial
from urllib.error import URLError

import keras
import numpy as np
import pytest

from cnnhelpers import Experiment, Protocol, networks
from cnnhelpers.data.datasets import DatasetInfo
from cnnhelpers.errors import InputError
from cnnhelpers.networks.backbones import blocks, build_backbone, freeze, preprocessed, small_resnet

COLOUR = (32, 32, 3)
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:keras.*")

CARD = DatasetInfo(name="planted", image_shape=COLOUR, classes=5, fingerprint="ab" * 32, official=True)
PLANTED = np.random.default_rng(0).uniform(0, 255, (8, *COLOUR)).astype("float32")


def values(tensor):
    return keras.ops.convert_to_numpy(tensor)


def norms(model):
    return [layer for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization)]


@pytest.mark.parametrize(
    ("name", "parameters"),
    [("mobilenetv2", 2_257_984), ("efficientnetv2b0", 5_919_312), ("convnexttiny", 27_820_128)],
)
def test_a_backbone_has_the_published_parameters_and_nothing_random_is_left_in_it(name, parameters):
    backbone = build_backbone(name, COLOUR)
    assert backbone.count_params() == parameters
    freeze(backbone)
    assert not backbone.trainable_variables
    images = PLANTED[:2]
    np.testing.assert_array_equal(values(backbone(images, training=True)), values(backbone(images, training=True)))


def test_small_resnet_has_the_parameters_counted_by_hand():
    def normalized(inputs, filters, size=9):
        return size * inputs * filters + 4 * filters

    counted = normalized(3, 16) + 2 * normalized(16, 16)
    counted += normalized(16, 32) + normalized(32, 32) + normalized(16, 32, 1)
    counted += normalized(32, 64) + normalized(64, 64) + normalized(32, 64, 1)
    assert small_resnet(COLOUR).count_params() == counted == 78_064
    assert small_resnet(COLOUR).output_shape == (None, 8, 8, 64)


@pytest.mark.parametrize("unfrozen", [0, 2, 4])
def test_batch_normalization_stays_in_inference_mode_however_many_blocks_learn(unfrozen):
    backbone = small_resnet(COLOUR)
    model = keras.Model(backbone.input, backbone.output * 1.0)  # a model around it asks for training
    freeze(backbone, unfrozen)
    before = [values(layer.moving_mean) for layer in norms(backbone)]
    alone, among = values(model(PLANTED[:1], training=True)), values(model(PLANTED, training=True))[:1]
    np.testing.assert_allclose(alone, among, rtol=1e-4, atol=1e-5)
    assert all((values(layer.moving_mean) == mean).all() for layer, mean in zip(norms(backbone), before, strict=True))


def test_without_freezing_batch_normalization_learns():
    backbone = small_resnet(COLOUR)
    backbone(PLANTED, training=True)
    assert (values(norms(backbone)[0].moving_mean) != 0).any()


def test_the_last_blocks_learn_but_for_their_batch_normalization():
    backbone = small_resnet(COLOUR)
    freeze(backbone, 1)
    names = {variable.path.split("/")[-2] for variable in backbone.trainable_variables}
    assert names == {"block3_0_conv", "block3_1_conv", "block3_2_conv"}


@pytest.mark.parametrize("unfrozen", [-1, 5, 1.0, True])
def test_a_number_of_blocks_that_is_not_there_is_refused(unfrozen):
    with pytest.raises(InputError, match=f"unfrozen={unfrozen}"):
        freeze(small_resnet(COLOUR), unfrozen)


def test_blocks_are_told_by_the_names_that_keras_gives():
    assert len(blocks(build_backbone("vgg16", COLOUR))) == 1 + 5
    last = [layer.name for layer in blocks(build_backbone("mobilenetv2", COLOUR))[-1]]
    assert last[0] == "block_16_expand" and last[-1] == "out_relu"  # what comes after the last block belongs to it


def test_preprocessing_is_each_backbones_own():
    images = keras.ops.convert_to_tensor(PLANTED)  # of arrays Keras changes the pixels themselves
    np.testing.assert_allclose(values(preprocessed("mobilenetv2", images)), PLANTED / 127.5 - 1, atol=1e-5)
    np.testing.assert_allclose(values(preprocessed("small_resnet", images)), PLANTED / 255, rtol=1e-5)
    assert preprocessed("convnexttiny", images) is images  # it preprocesses inside


def test_images_are_enlarged_inside_the_network():
    model = networks.report_e_backbone((28, 28, 3), 5, backbone="small_resnet", side=64, pooling="average")
    assert model.layers[1].output.shape == (None, 64, 64, 3)
    flat = keras.ops.ones((1, 28, 28, 3))
    assert values(model.layers[1](flat)) == pytest.approx(1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"pooling": "max"}, "'max'"),
        ({"side": 16}, "side=16"),
        ({"weights": "imagenet"}, "small_resnet"),
        ({"weights": "nowhere.weights.h5"}, r"nowhere\.weights\.h5"),
        (
            {"weights": "pretrain:digits"},
            "pretrain:digits",
        ),
    ],
)
def test_an_option_that_cannot_be_is_refused(options, message):
    with pytest.raises(InputError, match=message):
        networks.report_e_backbone(COLOUR, 5, backbone="small_resnet", **options)


def test_weights_come_from_a_file_and_the_identity_follows_its_content(tmp_path):
    source, path = small_resnet(COLOUR), tmp_path / "small.weights.h5"
    source.save_weights(path)
    network = partial(networks.report_e_backbone, backbone="small_resnet", pooling="average")
    experiment = Experiment(network, Protocol(), weights=str(path))
    started = experiment.build(COLOUR, 5, pretrained=True).layers[1]
    assert all((a == b).all() for a, b in zip(started.get_weights(), source.get_weights(), strict=True))

    identity = experiment.identity(CARD)
    moved = tmp_path / "elsewhere.weights.h5"
    moved.write_bytes(path.read_bytes())
    assert Experiment(network, Protocol(), weights=str(moved)).identity(CARD) == identity
    assert str(tmp_path) not in experiment.text(CARD)
    small_resnet(COLOUR).save_weights(path)
    assert Experiment(network, Protocol(), weights=str(path)).identity(CARD) != identity
    path.unlink()
    with pytest.raises(InputError, match=path.name):
        Experiment(network, Protocol(), weights=str(path)).identity(CARD)


def test_a_file_of_other_weights_is_refused(tmp_path):
    path = tmp_path / "other.weights.h5"
    keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)]).save_weights(path)
    with pytest.raises(InputError, match=r"other\.weights\.h5.*small_resnet"):
        build_backbone("small_resnet", COLOUR, str(path))
    path.write_bytes(b"no HDF5")
    with pytest.raises(InputError, match=r"other\.weights\.h5.*small_resnet"):
        build_backbone("small_resnet", COLOUR, str(path))


def test_without_a_network_one_error_says_where_the_weights_are_and_where_they_go(tmp_path, monkeypatch):
    def unreachable(*arguments, **options):
        raise URLError("no network")

    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setattr("keras.src.utils.file_utils.urlretrieve", unreachable)
    monkeypatch.setattr("keras.src.backend.config.keras_home", lambda: str(tmp_path))
    network = partial(networks.report_e_backbone, backbone="vgg16")
    with pytest.raises(InputError) as caught:
        Experiment(network, Protocol(), weights="imagenet").build(COLOUR, 5, pretrained=True)
    file = "vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5"
    for part in (f"https://storage.googleapis.com/tensorflow/keras-applications/vgg16/{file}", f"models/{file}"):
        assert part in str(caught.value)
    assert str(tmp_path) in str(caught.value) and "pretrain:cifar10" in str(caught.value)
