"""Every network has the layers and the parameters that its report prints."""

import keras
import numpy as np
import pytest

from cnnhelpers import networks
from cnnhelpers.errors import InputError
from cnnhelpers.experiments.experiment import padded_shape
from cnnhelpers.reports import profiles
from cnnhelpers.reports.catalog import all_experiments, find
from cnnhelpers.reports.published_numbers import published

GREY, COLOUR = (28, 28, 1), (32, 32, 3)
SHAPES = {"fashion_mnist": (GREY, 10), "mnist": (GREY, 10), "cifar10": (COLOUR, 10), "fashion_mnist_5": (GREY, 5)}
EXPERIMENTS = {one.id: one for one in all_experiments()}
PRINTED = published().query("metric == 'parameters'").set_index("experiment")["value"].astype(int).to_dict()


def build(id):
    one = EXPERIMENTS[id]
    shape, classes = SHAPES[one.protocol.dataset]
    return one.network(shape, classes)


def kinds(model, *wanted):
    """Return the layers of the wanted classes, in order."""
    return [layer for layer in model.layers if type(layer).__name__ in wanted]


def assert_close(values, others):
    np.testing.assert_allclose(*map(keras.ops.convert_to_numpy, (values, others)), rtol=1e-4, atol=1e-5)


def dense_chain(inputs, *units):
    """Return the parameters of dense layers one after the other."""
    total = 0
    for count in units:
        total, inputs = total + (inputs + 1) * count, count
    return total


@pytest.mark.parametrize("id", PRINTED)
def test_parameters_are_those_that_the_report_prints(id):
    assert build(id).count_params() == PRINTED[id]


def test_the_reports_print_the_parameters_of_37_experiments():
    assert len(PRINTED) == 37


# By hand, from the layers: a 3x3 convolution has (9 x inputs + 1) x filters, batch normalization 4 a channel.
BY_HAND = {
    "B1": dense_chain(3, 64, 64) + dense_chain(32 * 32 * 64, 10),
    "B2": dense_chain(3, 64, 64, 64) + dense_chain(32 * 32 * 64, 10),
    "B3": 14_336 + 4_719_616 + dense_chain(6 * 6 * 1024, 512, 10),
    "B4": 14_336 + 4_719_616 + 9_438_208 + dense_chain(2 * 2 * 1024, 512, 10),
    "B9": dense_chain(3, 128, 128) + dense_chain(32 * 32 * 128, 10),
    "B10": dense_chain(3, 128, 128, 128) + dense_chain(32 * 32 * 128, 10),
    "B13": dense_chain(3, 512, 512) + dense_chain(32 * 32 * 512, 10),
    "B14": dense_chain(3, 512, 512, 512) + dense_chain(32 * 32 * 512, 10),
    "D0": 896 + 18_496 + 36_928 + dense_chain(4 * 4 * 64, 64, 10),
    "D1": 896 + 18_496 + 4 * 36_928 + dense_chain(1 * 1 * 64, 64, 10),
    "D10-10": 896 + 2 * 9_248 + 18_496 + 2 * 36_928 + 73_856 + 3 * 147_584
    + 4 * (2 * 32 + 3 * 64 + 4 * 128 + 128) + dense_chain(4 * 4 * 128, 128, 10),
}  # fmt: skip


@pytest.mark.parametrize("id", BY_HAND)
def test_parameters_are_those_counted_by_hand_where_the_report_prints_none(id):
    assert build(id).count_params() == BY_HAND[id]


@pytest.mark.parametrize(
    ("id", "same"),
    [
        ("B5", "B1"),
        ("B6", "B2"),
        ("B7", "B3"),
        ("B8", "B4"),
        ("B11", "B3"),
        ("B12", "B4"),
        ("B15", "B3"),
        ("B16", "B4"),
        ("D2", "D1"),
        ("D8-adamax", "D7"),
        ("D10-15", "D10-10"),
        ("D11", "D10-10"),
        ("E4/optimizer=sgd", "E4"),
        ("E4/epochs=70", "E4"),
    ],
)
def test_parameters_are_those_of_the_network_it_repeats(id, same):
    assert build(id).count_params() == build(same).count_params()


@pytest.mark.parametrize(("backbone", "base", "features"), [("vgg16", 14_714_688, 512), ("resnet50", 23_587_712, 2048)])
@pytest.mark.parametrize("preprocess", [False, True])
def test_backbone_is_frozen_and_only_the_output_learns(backbone, base, features, preprocess):
    model = networks.report_e_backbone(COLOUR, 5, backbone=backbone, weights=None, preprocess=preprocess)
    assert model.count_params() == base + (features + 1) * 5
    assert sum(weight.shape.num_elements() for weight in model.trainable_weights) == (features + 1) * 5
    assert model.output_shape == (None, 5)


def test_backbone_preprocessing_swaps_the_colours_and_subtracts_the_imagenet_means():
    with_it = networks.report_e_backbone(COLOUR, 5, backbone="vgg16", weights=None, preprocess=True)
    without = networks.report_e_backbone(COLOUR, 5, backbone="vgg16", weights=None)
    without.set_weights(with_it.get_weights())
    pixels = np.random.default_rng(0).uniform(0, 255, (2, *COLOUR)).astype("float32")
    by_hand = pixels[..., ::-1] - np.float32([103.939, 116.779, 123.68])
    assert_close(with_it(pixels), without(by_hand))


DIFFERENT = [one for one in EXPERIMENTS.values() if "/" not in one.id]  # E4's sweeps have its network


@pytest.mark.parametrize(("shape", "classes"), [(GREY, 5), (COLOUR, 10)], ids=["28x28x1-5", "32x32x3-10"])
@pytest.mark.parametrize("id", [one.id for one in DIFFERENT])
def test_network_takes_other_images_and_classes(id, shape, classes):
    small = profiles.apply(EXPERIMENTS[id], "smoke")  # narrow networks, no ImageNet weights
    shape = padded_shape(shape, EXPERIMENTS[id].protocol.padding)
    if id in ("D1", "D2") and shape == GREY:
        with pytest.raises(InputError, match=id):
            small.build(shape, classes)
        return
    model = small.build(shape, classes)
    assert model.output_shape == (None, classes)
    assert model.layers[-1].activation is keras.activations.softmax


@pytest.mark.parametrize("id", [one.id for one in DIFFERENT])
def test_network_can_be_built_for_digits_in_profile_smoke(id):
    small = profiles.apply(EXPERIMENTS[id], "smoke")
    small.build(padded_shape(GREY, small.protocol.padding), 10)


@pytest.mark.parametrize("units", [(64, 64), (64, 64, 64)])
def test_dense_layers_of_report_b_see_one_pixel_at_a_time_unless_flattened_first(units):
    per_pixel = networks.report_b_dense(COLOUR, 10, units=units)
    assert all(layer.kernel.shape[0] in (3, 64) for layer in kinds(per_pixel, "Dense")[:-1])
    assert per_pixel.layers[-2].output.shape == (None, 32 * 32 * 64)

    images = keras.random.uniform((1, 32, 32, 3), seed=0)
    hidden = keras.Sequential([keras.Input(COLOUR), *per_pixel.layers[: len(units)]])
    moved = keras.ops.roll(images, 7, axis=2)  # a 1x1 convolution moves with the image
    assert_close(hidden(moved), keras.ops.roll(hidden(images), 7, axis=2))

    fair = networks.report_b_dense(COLOUR, 10, units=units, flatten_first=True)
    assert fair.count_params() == dense_chain(32 * 32 * 3, *units, 10)


@pytest.mark.parametrize(
    ("id", "penalized", "plain"),
    [
        ("A1", [], ["Conv2D", "Dense"]),
        ("A3", ["Dense"], ["Conv2D"]),
        ("B9", ["Dense"], []),
        ("B11", ["Dense"], ["Conv2D"]),
        ("C23", ["Conv2D", "Dense"], []),
        ("C34", ["Conv2D", "Dense"], []),
        ("C51", [], ["Conv2D", "Dense"]),
        ("C53", ["Conv2D", "Dense"], []),
        ("C71", ["Conv2D", "Dense"], []),
        ("D10-10", [], ["Conv2D", "Dense"]),
        ("D11", ["Conv2D", "Dense"], []),
        ("E4", ["Conv2D"], ["Dense"]),
    ],
)
def test_penalty_is_on_the_layers_claimed(id, penalized, plain):
    model = build(id)
    hidden = model.layers[:-1]
    assert all(layer.kernel_regularizer for layer in hidden if type(layer).__name__ in penalized)
    assert not any(layer.kernel_regularizer for layer in hidden if type(layer).__name__ in plain)
    assert bool(model.layers[-1].kernel_regularizer) == id.startswith("B")  # only report B penalizes the output


@pytest.mark.parametrize(
    ("id", "l1", "l2"),
    [
        ("A4", 0, 1e-4),
        ("A-vis", 0, 1e-4),
        ("B9", 0.01, 0.01),
        ("B12", 0.01, 0.01),
        ("C54", 0, 1e-5),
        ("D11", 0, 0.01),
        ("E4", 0, 1e-3),
    ],
)
def test_strength_of_the_penalty(id, l1, l2):
    penalties = [layer.kernel_regularizer for layer in kinds(build(id), "Conv2D", "Dense") if layer.kernel_regularizer]
    assert penalties
    for penalty in penalties:
        assert float(penalty.l2) == pytest.approx(l2)
        assert float(getattr(penalty, "l1", 0)) == pytest.approx(l1)


@pytest.mark.parametrize(
    ("id", "normal"),
    [("C21", 0), ("C23", 4), ("C34", 7), ("C52", 0), ("C54", 7), ("C72", 9), ("E1", 1), ("E3", 0), ("E4", 1)],
)
def test_layers_with_he_normal_weights(id, normal):
    initializers = [type(layer.kernel_initializer).__name__ for layer in kinds(build(id), "Conv2D", "Dense")]
    assert initializers.count("HeNormal") == normal


DROPOUT_RATES = {
    "A5": [0.1] * 3,
    "A6": [0.1],
    "B13": [0.2],
    "B14": [0.2],
    "B15": [0.2],
    "B16": [0.2],
    "C21": [],
    "C23": [0.5] * 4,
    "C34": [0.5] * 7,
    "C51": [0.5] * 2,
    "C71": [0.5] * 9,
    "D5": [0.25] * 2,
    "D6": [0.2] * 4,
    "D7": [0.25] * 3,
    "D10-10": [0.1] * 4,
    "E2": [0.25, 0.25, 0.4, 0.3],
    "E3": [0.2, 0.2, 0.3, 0.4, 0.4],
    "E4": [0.25, 0.25, 0.4, 0.5, 0.5],
}


@pytest.mark.parametrize("id", DROPOUT_RATES)
def test_dropout_rates(id):
    assert [layer.rate for layer in kinds(build(id), "Dropout", "SpatialDropout2D")] == DROPOUT_RATES[id]


def order(id, *wanted):
    """Return the layers of a network as one letter each."""
    letters = {"Conv2D": "c", "MaxPooling2D": "p", "Dropout": "o", "SpatialDropout2D": "s", "BatchNormalization": "b"}
    letters |= {"Flatten": "F", "Dense": "d"}
    return "".join(letters[type(layer).__name__] for layer in build(id).layers)


@pytest.mark.parametrize(
    ("id", "layers"),
    [
        ("A5", "cpocpocpoFd"),
        ("A4", "cpFdd"),
        ("B1", "ddFd"),
        ("B13", "ddoFd"),
        ("B14", "ddodFd"),
        ("B15", "cpcpoFdd"),
        ("B16", "cpcpocpFdd"),
        ("C21", "cpcpFddd"),
        ("C24", "cpocpoFdbodbod"),
        ("C52", "cpcpcpcpcpFdbodbod"),
        ("C71", "cococpocococopcoFdbodbod"),
        ("D5", "ccspcccspcccpFdd"),
        ("D6", "ccspcccspcccspcccspFdd"),
        ("D7", "ccsbpcccsbpcccsbpFdd"),
        ("D10-10", "ccbcobpcbcbcbopcbcbcbcbopFdbod"),
        ("D11", "ccbcbopcbcbcbopcbcbcbcbopFdbod"),
        ("E2", "cbopcbpocboFdbod"),
        ("E3", "cbcbpocbocbpoFdbodbod"),
    ],
)
def test_order_of_the_layers(id, layers):
    assert order(id) == layers


def test_strides_of_report_a():
    assert [layer.strides for layer in kinds(build("A1"), "Conv2D")] == [(1, 1), (2, 2), (2, 2)]
    assert [layer.strides for layer in kinds(build("A-vis"), "Conv2D")] == [(1, 1)] * 4


def test_c34_has_five_convolutions_and_an_unpadded_fourth_pooling():
    model = build("C34")
    assert [layer.filters for layer in kinds(model, "Conv2D")] == [32, 64, 32, 32, 32]
    assert [layer.padding for layer in kinds(model, "MaxPooling2D")] == ["same", "same", "same", "valid", "same"]


def test_width_scales_filters_and_units():
    model = networks.report_b_cnn(COLOUR, 10, width=1 / 8)
    assert [layer.filters for layer in kinds(model, "Conv2D")] == [64, 128]
    assert [layer.units for layer in kinds(model, "Dense")] == [64, 10]
    assert kinds(networks.report_b_dense(COLOUR, 10, width=0.001), "Dense")[0].units == 1


def test_strength_zero_is_the_network_without():
    plain = networks.report_a_cnn(GREY, 10, dense_units=100)
    off = networks.report_a_cnn(GREY, 10, dense_units=100, l2=0.0, dropout=0.0)
    assert [type(layer) for layer in off.layers] == [type(layer) for layer in plain.layers]
    assert not any(layer.kernel_regularizer for layer in kinds(off, "Dense"))


@pytest.mark.parametrize(
    ("network", "options", "message"),
    [
        (networks.report_a_cnn, {"dropout": 1.5}, "dropout=1.5"),
        (networks.report_a_cnn, {"dropout": 1}, "dropout=1$"),
        (networks.report_a_cnn, {"dropout": float("nan")}, "dropout=nan"),
        (networks.report_a_cnn, {"dropout": "0.1"}, "dropout='0.1'"),
        (networks.report_a_cnn, {"dense_units": 100, "l2": -1}, "l2=-1"),
        (networks.report_a_cnn, {"dense_units": 100, "l2": float("inf")}, "l2=inf"),
        (networks.report_a_cnn, {"l2": 0.1}, "l2=0.1, dense_units=0"),
        (networks.report_a_cnn, {"dense_units": -1}, "dense_units=-1"),
        (networks.report_a_cnn, {"convolutions": 0}, "convolutions=0"),
        (networks.report_a_cnn, {"convolutions": 1.0}, "convolutions=1.0"),
        (networks.report_a_cnn, {"strides": 0}, "strides=0"),
        (networks.report_b_cnn, {"width": 0}, "width=0"),
        (networks.report_b_cnn, {"width": float("inf")}, "width=inf"),
        (networks.report_b_cnn, {"filters": (512, 0)}, "filters and units=0"),
        (networks.report_b_dense, {"l1_l2": -0.01}, "l1_l2=-0.01"),
        (networks.report_b_dense, {"dropout": -0.1}, "dropout=-0.1"),
        (networks.report_c_2, {"kernel_size": 0}, "kernel_size=0"),
        (networks.report_c_7, {"kernel_size": 2.5}, "kernel_size=2.5"),
        (networks.report_d_11, {"l2": -1}, "l2=-1"),
        (networks.report_e_backbone, {"backbone": "resnet"}, "resnet50"),
    ],
)
def test_option_out_of_range_is_refused(network, options, message):
    with pytest.raises(InputError, match=message):
        network(COLOUR, 10, **options)


@pytest.mark.parametrize("shape", [GREY, (28, 28, 3), (32, 32, 1)])
def test_backbone_refuses_small_or_grey_images_and_names_the_mend(shape):
    with pytest.raises(InputError, match="padding='middle' or 'equal'"):
        networks.report_e_backbone(shape, 5, weights=None)


def test_every_run_starts_from_fresh_layers():
    network = find("A3")[0].network
    assert not set(map(id, network(GREY, 10).layers)) & set(map(id, network(GREY, 10).layers))
