"""Explanations point at planted patterns and change when weights are destroyed; activations are those by hand."""

import keras
import numpy as np
import pytest
from keras import layers

from cnnhelpers.errors import InputError
from cnnhelpers.interpretability import activations, attribution
from cnnhelpers.interpretability.attribution import grad_cam, preferred_inputs, saliency, sanity_check

CROSS = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]], np.float32) - 5 / 9


def pattern_network():
    """Return a network whose second class is a cross, found by the first of two filters, anywhere in the image."""
    network = keras.Sequential(
        [
            keras.Input((16, 16, 1)),
            layers.Conv2D(2, 3, padding="same", activation="relu"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(2, activation="softmax"),
        ]
    )
    kernel = np.zeros((3, 3, 1, 2), np.float32)
    kernel[..., 0, 0] = CROSS
    kernel[..., 0, 1] = -CROSS
    network.set_weights([kernel, np.zeros(2), np.array([[-1.0, 1.0], [1.0, -1.0]]), np.zeros(2)])
    return network


def crosses(places):
    images = np.zeros((len(places), 16, 16, 1), np.float32)
    for image, (row, column) in zip(images, places, strict=True):
        image[row - 1 : row + 2, column - 1 : column + 2, 0] = CROSS > 0
    return images


def uniform(count, shape=(12, 12, 1), seed=0):
    return np.random.default_rng(seed).uniform(size=(count, *shape)).astype(np.float32)


def small_network(seed=0):
    keras.utils.set_random_seed(seed)
    return keras.Sequential(
        [
            keras.Input((12, 12, 1)),
            layers.Conv2D(6, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Conv2D(6, 3, activation="relu"),
            layers.Flatten(),
            layers.Dense(3, activation="softmax"),
        ]
    )


def test_saliency_of_a_linear_softmax_model_is_its_weights():
    network = keras.Sequential([keras.Input((2, 2, 2)), layers.Flatten(), layers.Dense(3, activation="softmax")])
    kernel = np.arange(24, dtype=np.float32).reshape(8, 3) - 11
    network.set_weights([kernel, np.ones(3)])
    inputs = uniform(2, (2, 2, 2))
    found = saliency(network, inputs, np.array([0, 2]))
    by_hand = [np.abs(kernel[:, which].reshape(2, 2, 2)).max(axis=-1) for which in (0, 2)]
    assert found == pytest.approx(np.array(by_hand))


def test_saliency_is_the_slope_that_finite_differences_find():
    network, step = small_network(), 1e-2
    inputs = uniform(1, seed=1)
    shifted = np.repeat(inputs, 2, axis=0)
    shifted[0, 5, 6, 0] += step
    shifted[1, 5, 6, 0] -= step
    logits = keras.Model(network.inputs[0], attribution.without_activation(network.layers[-1]))
    (answers,) = activations.outputs_of(logits, shifted)
    slope = abs(answers[0, 1] - answers[1, 1]) / (2 * step)
    assert saliency(network, inputs, np.array([1]))[0, 5, 6] == pytest.approx(slope, rel=0.05)


def test_grad_cam_points_at_the_pattern_and_nowhere_for_the_other_class():
    places = [(4, 11), (12, 3)]
    network, images = pattern_network(), crosses(places)
    maps = grad_cam(network, images, np.array([1, 1]))
    assert [np.unravel_index(map_.argmax(), map_.shape) for map_ in maps] == places
    against = grad_cam(network, images, np.array([0, 0]))
    assert [map_[place] for map_, place in zip(against, places, strict=True)] == [0, 0]


def test_a_preferred_input_is_the_pattern_of_its_filter():
    network = pattern_network()
    images = preferred_inputs(network, "convolution 1", 2, (0.0, 1.0))
    assert images.shape == (2, 16, 16, 1)
    assert images.min() >= 0 and images.max() <= 1
    answers = keras.Model(network.inputs[0], attribution.without_activation(network.layers[0]))
    (maps,) = activations.outputs_of(answers, images)
    (of_noise,) = activations.outputs_of(answers, np.random.default_rng(0).uniform(0.4, 0.6, images.shape))
    means = maps.mean(axis=(1, 2))
    assert means[0, 0] > means[0, 1] and means[1, 1] > means[1, 0]
    assert means[0, 0] > of_noise.mean(axis=(1, 2))[0, 0]


def test_a_map_that_does_not_depend_on_the_network_passes_no_sanity_check():
    network = small_network()
    inputs = uniform(8, seed=2)
    classes = np.arange(8) % 3
    weights = network.get_weights()
    edges = sanity_check(network, lambda _, images, __: images[..., 0], inputs, classes)
    assert edges == pytest.approx(np.ones(4))
    similar = sanity_check(network, saliency, inputs, classes)
    assert similar[0] == pytest.approx(1)
    assert (similar[1:] < 0.8).all()
    assert all(np.array_equal(*pair) for pair in zip(weights, network.get_weights(), strict=True))


def test_weights_return_even_if_an_explanation_fails():
    network, inputs = small_network(), np.zeros((1, 12, 12, 1), np.float32)
    weights, calls = network.get_weights(), []

    def fails_later(network, inputs, classes):
        calls.append(1)
        if len(calls) > 1:
            raise RuntimeError("planted")
        return inputs[..., 0]

    with pytest.raises(RuntimeError, match="planted"):
        sanity_check(network, fails_later, inputs, np.array([0]))
    assert all(np.array_equal(*pair) for pair in zip(weights, network.get_weights(), strict=True))


def test_rank_correlation_sees_order_only():
    first = np.random.default_rng(0).normal(size=(3, 4, 4))
    assert attribution.rank_correlation(first, np.exp(first)) == pytest.approx(1)
    assert attribution.rank_correlation(first, -first) == pytest.approx(-1)


def test_other_backends_are_refused_by_name(monkeypatch):
    monkeypatch.setattr(keras.backend, "backend", lambda: "openvino")
    with pytest.raises(InputError, match="openvino"):
        attribution.gradient(lambda tensor: tensor, np.zeros(1))


def test_layers_are_named_in_order_and_large_maps_are_averaged(monkeypatch):
    monkeypatch.setattr(activations, "MOST_VALUES", 200)
    network = small_network()
    inputs = uniform(5, seed=3)
    found = activations.activations(network, inputs)
    assert list(found) == ["input", "convolution 1", "convolution 2", "output"]
    assert [one.shape for one in found.values()] == [(5, 12, 12, 1), (5, 5, 5, 6), (5, 3, 3, 6), (5, 3)]
    whole = activations.feature_maps(network, inputs, layers.Conv2D)
    assert whole.shape == (5, 10, 10, 6)
    by_hand = whole.reshape(5, 5, 2, 5, 2, 6).mean(axis=(2, 4))
    assert found["convolution 1"] == pytest.approx(by_hand, abs=1e-6)


def test_outputs_do_not_depend_on_the_size_of_the_batches(monkeypatch):
    network = small_network()
    inputs = uniform(7, seed=4)
    (together,) = activations.outputs_of(network, inputs)
    monkeypatch.setattr(activations, "BATCH_SIZE", 3)
    (apart,) = activations.outputs_of(network, inputs)
    assert together == pytest.approx(apart, abs=1e-6)


def test_a_network_behind_its_scaling_is_found_and_sees_scaled_pixels():
    network = small_network()
    model = keras.Sequential([keras.Input((12, 12, 1), dtype="uint8"), layers.Rescaling(1 / 255), network])
    images = np.full((1, 12, 12, 1), 255, np.uint8)
    found = activations.network_of(model)
    assert activations.network_inputs(model, images) == pytest.approx(1)
    assert activations.network_inputs(network, images) == pytest.approx(255)
    (whole,), (inner,) = activations.outputs_of(model, images), activations.outputs_of(found, np.ones((1, 12, 12, 1)))
    assert whole == pytest.approx(inner, abs=1e-6)


def with_shortcut():
    """Return a network whose logits are the mean of a convolution plus 3, 0 and 0 times the mean of the image."""
    image = keras.Input((6, 6, 1))
    convolution = layers.Conv2D(1, 1, activation="relu", use_bias=False)
    pool = layers.GlobalAveragePooling2D()
    head = layers.Dense(3, use_bias=False)
    both = layers.Concatenate()([pool(convolution(image)), layers.GlobalAveragePooling2D()(image)])
    network = keras.Model(image, layers.Softmax()(head(both)))
    convolution.set_weights([np.full((1, 1, 1, 1), 2.0)])
    head.set_weights([np.array([[1.0, 4.0, -1.0], [3.0, 0.0, 0.0]])])
    return network


def test_grad_cam_of_a_branched_network_is_that_of_its_convolution_alone():
    images = uniform(3, (6, 6, 1))
    found = grad_cam(with_shortcut(), images, np.array([0, 1, 2]))
    slopes = np.array([1.0, 4.0, 0.0])[:, None, None] / 36  # of the mean over 36 places; what is against a class is 0
    assert found == pytest.approx(2 * images[..., 0] * slopes, rel=1e-5)


def test_grad_cam_refuses_a_convolution_that_is_used_twice():
    image, twice = keras.Input((6, 6, 1)), layers.Conv2D(1, 3, padding="same")
    network = keras.Model(image, layers.Dense(2)(layers.Flatten()(twice(twice(image)))))
    with pytest.raises(InputError, match=twice.name):
        grad_cam(network, np.ones((1, 6, 6, 1), np.float32), np.array([0]))


@pytest.mark.parametrize("explain", [saliency, grad_cam])
def test_explanations_take_one_batch_after_another(monkeypatch, explain):
    network, sizes = small_network(), []
    inputs = uniform(7, seed=6)
    together = explain(network, inputs, np.arange(7) % 3)
    slope = attribution.gradient
    monkeypatch.setattr(attribution, "BATCH_SIZE", 3)
    monkeypatch.setattr(attribution, "gradient", lambda total, at: sizes.append(len(at)) or slope(total, at))
    assert explain(network, inputs, np.arange(7) % 3) == pytest.approx(together, abs=1e-6)
    assert sizes == [3, 3, 1]


@pytest.mark.parametrize("explain", [saliency, grad_cam])
@pytest.mark.parametrize(
    ("inputs", "classes", "received"),
    [
        (np.ones((2, 12, 12, 1), np.float32), [0, 3], "up to 3"),
        (np.ones((2, 12, 12, 1), np.float32), [-1, 0], "up to 0"),
        (np.ones((2, 12, 12, 1), np.float32), [0], r"\(1,\)"),
        (np.ones((2, 12, 12, 1), np.float32), [0.0, 1.0], "float64"),
        (np.ones((2, 12, 12, 1), np.uint8), [0, 1], "uint8"),
        (np.full((2, 12, 12, 1), np.nan), [0, 1], "NaN"),
        (np.ones((2, 12, 12, 3), np.float32), [0, 1], r"\(2, 12, 12, 3\)"),
        (np.ones((0, 12, 12, 1), np.float32), [], r"\(0, 12, 12, 1\)"),
    ],
)
def test_inputs_and_classes_that_do_not_fit_are_refused(explain, inputs, classes, received):
    with pytest.raises(InputError, match=f"Received: .*{received}"):
        explain(small_network(), inputs, np.array(classes))


def test_one_score_is_no_choice_of_classes_and_an_average_may_be_the_output():
    image = keras.Input((6, 6, 1))
    maps, inputs = layers.Conv2D(2, 3)(image), np.ones((1, 6, 6, 1), np.float32)
    single = keras.Model(image, layers.Dense(1, activation="sigmoid")(layers.Flatten()(maps)))
    with pytest.raises(InputError, match=r"\(None, 1\)"):
        saliency(single, inputs, np.array([0]))
    average = keras.Model(image, layers.GlobalAveragePooling2D()(maps))
    assert saliency(average, inputs, np.array([1])).shape == (1, 6, 6)


@pytest.mark.parametrize(
    ("name", "filters", "pixel_range", "received"),
    [
        ("convolution 9", 2, (0.0, 1.0), "convolution 9"),
        ("convolution 1", 0, (0.0, 1.0), "0, "),
        ("convolution 1", 2, (1.0, 0.0), r"\(1.0, 0.0\)"),
    ],
)
def test_preferred_inputs_refuse_unknown_filters_and_empty_ranges(name, filters, pixel_range, received):
    with pytest.raises(InputError, match=received):
        preferred_inputs(small_network(), name, filters, pixel_range)


def test_the_mean_output_of_an_edge_filter_prefers_nothing_within_the_image():
    network = pattern_network()
    kernel = np.zeros((3, 3, 1, 2), np.float32)
    kernel[..., 0, 0] = [[-1, 0, 1]] * 3
    network.layers[0].set_weights([kernel, np.zeros(2)])
    inside = preferred_inputs(network, "convolution 1", 1, (0.0, 1.0))[:, 2:-2, 2:-2]
    assert inside.min() >= 0.4 and inside.max() <= 0.6  # the noise that it started from


class Subclassed(keras.Model):
    """A model whose layers only its code connects."""

    def __init__(self):
        super().__init__()
        self.dense = layers.Dense(2)

    def call(self, inputs):
        return self.dense(inputs)


def two_ended(inputs, outputs):
    images = [keras.Input((4, 4, 1)) for _ in range(inputs)]
    maps = layers.Conv2D(2, 3)(images[0] if inputs == 1 else layers.Add()(images))
    return keras.Model(images, [layers.Dense(2)(layers.Flatten()(maps)) for _ in range(outputs)])


@pytest.mark.parametrize("make", [Subclassed, lambda: two_ended(2, 1), lambda: two_ended(1, 2)])
def test_models_without_one_input_and_one_output_are_refused(make):
    model, inputs = make(), np.ones((1, 4, 4, 1), np.float32)
    for call in (
        lambda: activations.network_of(model),
        lambda: activations.network_inputs(model, inputs),
        lambda: activations.activations(model, inputs),
        lambda: saliency(model, inputs, np.array([0])),
        lambda: grad_cam(model, inputs, np.array([0])),
        lambda: preferred_inputs(model, "convolution 1", 1, (0.0, 1.0)),
    ):
        with pytest.raises(InputError, match=model.name):
            call()


def test_what_has_weights_before_a_nested_network_is_no_scaling():
    network = small_network()
    front = [keras.Input((14, 14, 1)), layers.Conv2D(1, 3), network]
    model, images = keras.Sequential(front), np.full((1, 14, 14, 1), 255, np.uint8)
    assert activations.network_inputs(model, images) == pytest.approx(255)  # not what the convolution answers
    with pytest.raises(InputError, match=network.name):
        activations.measured_layers(activations.network_of(model))
    scaled = layers.Normalization(mean=1.0, variance=4.0)
    scaling = keras.Sequential([keras.Input((12, 12, 1)), scaled, network])
    assert activations.network_inputs(scaling, images[:, :12, :12]) == pytest.approx(127)
    assert "convolution 2" in activations.measured_layers(activations.network_of(scaling))


def test_layers_of_a_nested_model_are_not_passed_over_in_silence():
    backbone = keras.Sequential([keras.Input((8, 8, 1)), layers.Conv2D(2, 3), layers.GlobalAveragePooling2D()])
    backbone.trainable = False
    network = keras.Sequential([keras.Input((8, 8, 1)), backbone, layers.Dense(2, activation="softmax")])
    inputs = np.ones((1, 8, 8, 1), np.float32)
    for call in (
        lambda: activations.activations(network, inputs),
        lambda: grad_cam(network, inputs, np.array([0])),
        lambda: sanity_check(network, saliency, inputs, np.array([0])),
    ):
        with pytest.raises(InputError, match=backbone.name):
            call()
    with pytest.raises(InputError, match=backbone.name):
        saliency(keras.Sequential([keras.Input((8, 8, 1)), backbone]), inputs, np.array([0]))


def test_a_convolution_at_the_end_keeps_its_name():
    image = keras.Input((6, 6, 1))
    maps = layers.Conv2D(2, 1)(layers.Conv2D(3, 3)(image))
    network = keras.Model(image, layers.Softmax()(layers.GlobalAveragePooling2D()(maps)))
    assert list(activations.measured_layers(network)) == ["convolution 1", "convolution 2"]


def test_activations_of_some_layers_are_those_of_all():
    network = small_network()
    inputs = uniform(2, seed=7)
    found = activations.activations(network, inputs, ["convolution 2"])
    assert list(found) == ["convolution 2"]
    assert np.array_equal(found["convolution 2"], activations.activations(network, inputs)["convolution 2"])
    with pytest.raises(InputError, match="convolution 3"):
        activations.activations(network, inputs, ["convolution 3"])


def test_networks_without_convolutions_or_layers_are_refused():
    dense = keras.Sequential([keras.Input((2, 2, 1)), layers.Flatten(), layers.Dense(2)])
    with pytest.raises(InputError, match="Conv2D"):
        activations.convolutions(dense)
    with pytest.raises(InputError, match="MaxPooling2D"):
        activations.feature_maps(dense, np.zeros((1, 2, 2, 1)), layers.MaxPooling2D)
    with pytest.raises(InputError, match="Dense"):
        activations.measured_layers(keras.Sequential([keras.Input((2, 2, 1)), layers.Flatten()]))
