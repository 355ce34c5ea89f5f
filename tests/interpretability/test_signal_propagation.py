"""Signals and gradients by layer have known answers, and a look at them leaves the network alone."""

import keras
import numpy as np
import pandas as pd
import pytest
from keras import Input, Sequential, layers

from cnnhelpers.interpretability.signal_propagation import initial_signals, signals
from cnnhelpers.plotting import plot_signal
from cnnhelpers.reports import depth_and_kernel, profiles


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
