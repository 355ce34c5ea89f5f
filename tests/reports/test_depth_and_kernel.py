"""The networks, grids, questions and signals of the chapter on depth and kernel size."""

import keras
import numpy as np
import pandas as pd
import pytest
from keras import Input, Sequential, layers

from cnnhelpers.book import chapters
from cnnhelpers.errors import InputError
from cnnhelpers.interpretability.signal_propagation import initial_signals, signals
from cnnhelpers.model_summary import flops, initialization, receptive_field
from cnnhelpers.networks import report_d_6
from cnnhelpers.plotting import plot_signal
from cnnhelpers.reports import depth_and_kernel, profiles


def test_levels_are_those_of_the_networks():
    for experiment in depth_and_kernel.experiments():
        model = experiment.build((28, 28, 1) if experiment.report == "C" else (32, 32, 3), 10)
        kernels = [layer for layer in model.layers if isinstance(layer, layers.Conv2D)]
        size = {layer.kernel_size for layer in kernels}
        padding = {layer.padding for layer in kernels}
        convolutions, kernel_size, padded, _ = depth_and_kernel.LEVELS[experiment.id]
        assert (len(kernels), size, padding) == (convolutions, {(kernel_size, kernel_size)}, {padded}), experiment.id


@pytest.mark.parametrize("report", ["C", "D"])
def test_every_grid_and_question_names_published_experiments(report):
    known = {one.id for one in depth_and_kernel.experiments(report)}
    assert set(depth_and_kernel.grid(report).index) <= known
    assert {name for *pair, _ in depth_and_kernel.questions(report) for name in pair} <= known
    assert not depth_and_kernel.grid(report).duplicated().any()


def test_select_takes_networks_by_depth_kernel_and_regularization():
    chosen = depth_and_kernel.select("C", depths=[2, 5], kernel_sizes=[5], regularized=[True])
    assert [one.id for one in chosen] == ["C24", "C34", "C54"]
    assert len(depth_and_kernel.select("D")) == 11
    with pytest.raises(InputError, match=r"no network of report C.*depths=\[4\]"):
        depth_and_kernel.select("C", depths=[4])
    with pytest.raises(InputError, match=r"depths must be a list, papermill's -y .*depths='\[2, 5\]'"):
        depth_and_kernel.select("C", depths="[2, 5]")
    with pytest.raises(InputError, match="unknown report of this study"):
        depth_and_kernel.grid("A")


def test_matched_kernels_match_in_parameters_shapes_and_receptive_field():
    five, penalized, pairs, penalized_pairs = (one.build((28, 28, 1), 10) for one in depth_and_kernel.matched_kernels())
    for one, other in ((five, pairs), (penalized, penalized_pairs)):
        assert abs(other.count_params() / one.count_params() - 1) < 0.001
        assert receptive_field(one) == receptive_field(other) == 16
        poolings = [
            [layer.output.shape for layer in model.layers if isinstance(layer, layers.MaxPooling2D)]
            for model in (one, other)
        ]
        assert poolings[0] == poolings[1]
    assert flops(pairs) > 2 * flops(five)  # what is not matched: the page says so


@pytest.mark.parametrize(
    ("network", "expected"),
    [
        ([layers.Conv2D(4, 3), layers.Conv2D(4, 3)], 5),
        ([layers.Conv2D(4, 5)], 5),
        ([layers.Conv2D(4, 3), layers.MaxPooling2D(2), layers.Conv2D(4, 3)], 8),  # 3, 4, and 3x3 two pixels apart
        ([layers.Conv2D(4, 3, strides=2), layers.Conv2D(4, 3)], 7),
        ([layers.Conv2D(4, 3, dilation_rate=2)], 5),
        ([layers.Conv2D(4, 3), layers.Flatten(), layers.Dense(4)], 3),
        ([layers.Dense(4), layers.BatchNormalization(), layers.Flatten(), layers.Dense(4)], 1),  # report B's dense ones
    ],
)
def test_receptive_field_is_the_one_counted_by_hand(network, expected):
    assert receptive_field(Sequential([Input((28, 28, 1)), *network])) == expected


def test_receptive_field_refuses_branches_and_oblong_kernels():
    image = Input((28, 28, 1))
    branched = layers.Add()([layers.Conv2D(4, 3, padding="same")(image), layers.Conv2D(4, 5, padding="same")(image)])
    with pytest.raises(InputError, match="chain only"):
        receptive_field(keras.Model(image, branched))
    with pytest.raises(InputError, match="square kernels"):
        receptive_field(Sequential([image, layers.Conv2D(4, (3, 5))]))


def test_initialization_is_that_of_the_kernels_before_the_output():
    he = [layers.Conv2D(4, 3, kernel_initializer="he_normal"), layers.Flatten()]
    assert initialization(Sequential([Input((8, 8, 1)), *he, layers.Dense(2)])) == "He"
    mixed = [*he, layers.Dense(4), layers.BatchNormalization(), layers.Dense(2)]
    assert initialization(Sequential([Input((8, 8, 1)), *mixed])) == "He and Glorot, batch normalization"


def test_the_page_tells_plain_from_regularized_weights():
    weights = chapters.networks(depth_and_kernel.matched_kernels()).weights
    told = ["Glorot", "He, batch normalization"]
    assert weights.to_dict() == dict(zip(["C22", "C24", "C22-pairs", "C24-pairs"], told * 2, strict=True))


def deep(rate=1.0):
    """Return ten equal dense layers whose weights keep the variance of a signal times `rate`."""
    start = keras.initializers.RandomNormal(stddev=np.sqrt(rate / 200), seed=1)
    hidden = [layers.Dense(200, activation="relu", kernel_initializer=start) for _ in range(10)]
    return Sequential([Input((200,)), *hidden, layers.Dense(10, activation="softmax")])


def test_each_layer_halves_the_variance_of_a_signal_that_he_weights_would_keep():
    generator = np.random.default_rng(0)
    inputs, labels = generator.normal(size=(64, 200)).astype("float32"), generator.integers(0, 10, 64)
    fading, kept = signals(deep(1.0), inputs, labels), signals(deep(2.0), inputs, labels)
    assert fading["layer"].tolist() == [*(f"dense {number}" for number in range(1, 11)), "output"]
    ratios = (fading["signal"] / kept["signal"])[:10]  # ReLU passes a factor on as it is
    np.testing.assert_allclose(ratios, 2.0 ** (-np.arange(1, 11) / 2), rtol=1e-4)
    assert fading["gradient"][0] < 0.1 * kept["gradient"][0]


def test_the_gradient_is_the_one_of_softmax_regression_and_the_network_is_left_alone():
    network = Sequential([Input((2,)), layers.Dense(2, activation="softmax", kernel_initializer="zeros")])
    inputs, labels = np.array([[1.0, 2.0], [3.0, 5.0]], "float32"), np.array([0, 1])
    error = np.array([[-0.5, 0.5], [0.5, -0.5]])  # probabilities, all a half, minus one-hot labels
    table = signals(network, inputs, labels)
    assert table["gradient"][0] == pytest.approx((inputs.T @ error / 2).std())
    assert np.isnan(table["signal"][0])  # probabilities have another scale
    assert (network.get_weights()[0] == 0).all()


def test_the_signal_is_what_differs_between_images_not_between_units_or_by_dropout():
    spread = keras.initializers.RandomUniform(-9, 9, seed=1)
    hidden = layers.Dense(3, kernel_initializer="identity", bias_initializer=spread)
    network = Sequential(
        [Input((3,)), hidden, layers.Dropout(0.9, seed=0), layers.Dense(2), layers.Dense(2, "softmax")]
    )
    network.layers[2].set_weights([np.eye(3, 2, dtype="float32"), np.array([5, -5], "float32")])
    inputs = np.array([[1, 2, 3], [3, 2, 7]], "float32")  # each unit apart by 2, 0 and 4
    table = signals(network, inputs, np.array([0, 1]))
    assert table["signal"][:2].tolist() == pytest.approx([1.0, 0.5])


def test_he_weights_lift_the_signal_that_reaches_the_end_of_d6():
    d6, he = (profiles.apply(one, "smoke") for one in depth_and_kernel.rescues() if one.id in ("D6", "D6-he"))
    plain, lifted = (initial_signals(one, images=16).set_index("layer") for one in (d6, he))
    assert lifted["signal"]["convolution 11"] > 5 * plain["signal"]["convolution 11"]
    table = pd.concat([plain, lifted])
    ax = plot_signal(table.reset_index(), learning_rate=0.001)
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["D6", "D6-he", "learning rate"]


def test_rescues_change_one_thing_of_d6_each():
    d6 = depth_and_kernel.rescues()[0]
    assert d6.id == "D6" and d6.build((32, 32, 3), 10).count_params() == report_d_6((32, 32, 3), 10).count_params()
    for one in depth_and_kernel.rescues()[1:]:
        other_network = one.text().split("network:")[1] != d6.text().split("network:")[1]
        other_protocol = one.protocol != d6.protocol
        assert other_network != other_protocol, one.id
