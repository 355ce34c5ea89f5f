"""Layer table, FLOPs and diagram of networks whose numbers are known by hand."""

import keras
import pytest
from keras import Input, Model, Sequential, layers

from cnnhelpers.errors import InputError
from cnnhelpers.model_summary import diagram, flops, initialization, layer_table, receptive_field

GREY = (28, 28, 1)


@pytest.fixture
def small():
    return Sequential(
        [
            Input(GREY),
            layers.Conv2D(32, 3, padding="same", activation="relu", strides=2),
            layers.MaxPooling2D(2),
            layers.BatchNormalization(),
            layers.Dropout(0.25),
            layers.Flatten(),
            layers.Dense(10, activation="softmax", kernel_regularizer=keras.regularizers.L2(0.001)),
        ]
    )


@pytest.mark.parametrize(
    ("layer", "shape", "expected"),
    [
        (layers.Conv2D(32, 3, padding="same"), (28, 28, 1), 2 * 28 * 28 * 9 * 1 * 32),
        (layers.Conv2D(8, (3, 5), strides=2), (28, 28, 3), 2 * 13 * 12 * 15 * 3 * 8),
        (layers.Conv2D(8, 3, groups=2), (10, 10, 4), 2 * 8 * 8 * 9 * 2 * 8),
        (layers.Conv2D(8, 3, dilation_rate=2), (10, 10, 1), 2 * 6 * 6 * 9 * 8),
        (layers.DepthwiseConv2D(3, depth_multiplier=2), (10, 10, 4), 2 * 8 * 8 * 9 * 4 * 2),
        (layers.SeparableConv2D(16, 3), (10, 10, 4), 2 * 8 * 8 * (9 * 4 + 4 * 16)),
        (layers.Conv2DTranspose(6, 3, strides=2), (7, 7, 4), 2 * 7 * 7 * 9 * 4 * 6),
        (layers.Dense(10), (100,), 2 * 100 * 10),
        (layers.Dense(64), (32, 32, 3), 2 * 32 * 32 * 3 * 64),
        (layers.MaxPooling2D(2), (28, 28, 1), 0),
        (layers.BatchNormalization(), (28, 28, 1), 0),
    ],
    ids=lambda value: value.name if isinstance(value, keras.layers.Layer) else None,
)
def test_flops_of_one_layer_are_twice_its_multiply_adds(layer, shape, expected):
    inputs = Input(shape)
    assert flops(Sequential([inputs, layer])) == expected
    assert flops(Model(inputs, layer(inputs))) == expected


def test_flops_of_vgg16_are_the_published_ones():
    inputs = x = Input((224, 224, 3))
    for filters, times in ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)):
        for _ in range(times):
            x = layers.Conv2D(filters, 3, padding="same")(x)
        x = layers.MaxPooling2D(2)(x)
    assert flops(Model(inputs, x)) == pytest.approx(2 * 15.35e9, rel=0.001)


def test_nested_models_count_and_stand_in_one_row(small):
    inputs = Input(GREY)
    whole = Model(inputs, small(layers.Rescaling(1 / 255)(inputs)))
    assert flops(whole) == flops(small) == flops(Sequential([Input(GREY), layers.Rescaling(1 / 255), small]))
    table = layer_table(whole)
    assert list(table["layer"]) == ["Rescaling 0.00392", "Sequential of 6 layers", "total"]
    assert table["parameters"].iloc[-1] == small.count_params()


def test_a_layer_called_twice_computes_twice_but_has_its_parameters_once():
    inputs = Input((8, 8, 3))
    shared = layers.Conv2D(3, 3, padding="same")
    model = Model(inputs, layers.Add()([shared(inputs), shared(shared(inputs))]))
    once = 2 * 8 * 8 * 9 * 3 * 3
    assert flops(model) == 3 * once
    table = layer_table(model)
    assert table["parameters"].iloc[:-1].sum() == model.count_params() == table["parameters"].iloc[-1]


def test_a_part_of_a_network_counts_only_its_own_layers(small):
    assert flops(Model(small.inputs, small.layers[0].output)) == 2 * 14 * 14 * 9 * 32
    assert flops(small) == 2 * 14 * 14 * 9 * 32 + 2 * 7 * 7 * 32 * 10


def test_layer_table_says_layers_in_words(small):
    table = layer_table(small)
    assert list(table["layer"]) == [
        "Conv2D 3x3 stride 2 same relu",
        "MaxPooling2D 2x2",
        "BatchNormalization",
        "Dropout 0.25",
        "Flatten",
        "Dense softmax, L2 0.001",
        "total",
    ]
    assert list(table["output shape"]) == ["14 x 14 x 32", "7 x 7 x 32", "7 x 7 x 32", "7 x 7 x 32", "1568", "10", ""]
    assert list(table["parameters"]) == [320, 0, 128, 0, 0, 15690, small.count_params()]
    assert table["FLOPs"].iloc[-1] == flops(small)


def test_a_regularizer_of_a_function_of_ones_own_has_no_words():
    @keras.saving.register_keras_serializable("own")
    def small_weights(weights):
        return keras.ops.sum(weights)

    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2, kernel_regularizer=small_weights)])
    assert layer_table(model).layer.tolist() == ["Dense", "total"]


def test_operations_that_are_no_layers_have_a_row():
    inputs = Input((4, 4, 3))
    table = layer_table(Model(inputs, layers.Flatten()(inputs[..., :1] * 2.0)))
    assert list(table["output shape"]) == ["4 x 4 x 1", "4 x 4 x 1", "16", ""]


def test_flops_need_a_fixed_image_size():
    with pytest.raises(InputError, match="fixed image size"):
        flops(Sequential([Input((None, None, 3)), layers.Conv2D(4, 3)]))


def test_a_model_without_known_layers_is_refused():
    class Own(keras.Model):
        pass

    for model in (Sequential([layers.Dense(3)]), Own()):
        with pytest.raises(InputError, match=r"keras\.Input first"):
            flops(model)


def test_diagram_is_text_where_graphviz_is_missing(small, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    shown = diagram(small)
    assert isinstance(shown, str)
    assert "Conv2D" in shown and repr(shown) == str(shown)


def test_diagram_is_text_where_graphviz_breaks(small, monkeypatch, tmp_path):
    broken = tmp_path / "dot"
    broken.write_text("#!/bin/sh\nexit 3\n")
    broken.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "Conv2D" in diagram(small)


def test_diagram_is_a_vector_picture_that_a_rebuild_does_not_change(small):
    pytest.importorskip("pydot")
    display = pytest.importorskip("IPython.display")
    shown = diagram(small)
    if isinstance(shown, str):
        pytest.skip("graphviz is not installed")
    assert isinstance(shown, display.SVG)
    assert "MaxPooling2D" in shown.data and "<title>" not in shown.data
    assert shown.data == diagram(small).data


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
        receptive_field(Model(image, branched))
    with pytest.raises(InputError, match="square kernels"):
        receptive_field(Sequential([image, layers.Conv2D(4, (3, 5))]))


def test_initialization_is_that_of_the_kernels_before_the_output():
    he = [layers.Conv2D(4, 3, kernel_initializer="he_normal"), layers.Flatten()]
    assert initialization(Sequential([Input((8, 8, 1)), *he, layers.Dense(2)])) == "He"
    mixed = [*he, layers.Dense(4), layers.BatchNormalization(), layers.Dense(2)]
    assert initialization(Sequential([Input((8, 8, 1)), *mixed])) == "He and Glorot, batch normalization"
