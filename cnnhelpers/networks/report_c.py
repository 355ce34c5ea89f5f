"""Report C: 2, 3, 5 and 7 convolutions of 3x3 or 5x5 on MNIST, plain or regularized.

Regularized means: dropout 0.5 after each pooling, an L2 penalty of 1e-5 and He-normal weights on every layer but the
output, batch normalization and dropout 0.5 after each dense layer.
"""

from typing import Any

import keras
from keras import layers, regularizers

from cnnhelpers.errors import check_count
from cnnhelpers.networks.layers import Shape, convolution, dense


def report_c_2(input_shape: Shape, classes: int, *, kernel_size: int = 3, regularized: bool = False) -> keras.Model:
    """Return two convolutions with 32 and 64 filters, each with a pooling: C21 to C24."""
    check_count("kernel_size", kernel_size)
    network = [keras.Input(input_shape)]
    for filters in (32, 64):
        network.append(convolution(filters, kernel_size, **_penalty(regularized)))
        network.append(layers.MaxPooling2D(2))
        network += [layers.Dropout(0.5)] if regularized else []
    return keras.Sequential([*network, *_head(regularized), _output(classes)])


def report_c_2_pairs(input_shape: Shape, classes: int, *, regularized: bool = False) -> keras.Model:
    """Return report_c_2 with two 3x3 in place of each 5x5, as VGG has them: C22-pairs and C24-pairs.

    Two 3x3 see the 5x5 pixels that one 5x5 sees and shrink the image as much. The first pair keeps 32 filters in
    between, which costs more than its 5x5; with 49 in between the second gives that back: 52,017 parameters of the
    convolutions instead of 52,096.
    """
    network = [keras.Input(input_shape)]
    for between, filters in ((32, 32), (49, 64)):
        network += [convolution(count, 3, **_penalty(regularized)) for count in (between, filters)]
        network.append(layers.MaxPooling2D(2))
        network += [layers.Dropout(0.5)] if regularized else []
    return keras.Sequential([*network, *_head(regularized), _output(classes)])


def report_c_3(
    input_shape: Shape,
    classes: int,
    *,
    kernel_size: int = 3,
    padding: str = "valid",
    regularized: bool = False,
) -> keras.Model:
    """Return three convolutions with 32, 64 and 32 filters, each with a pooling: C31 to C33."""
    check_count("kernel_size", kernel_size)
    network = [keras.Input(input_shape)]
    for filters in (32, 64, 32):
        network.append(convolution(filters, kernel_size, padding=padding, **_penalty(regularized)))
        network.append(layers.MaxPooling2D(2))
        network += [layers.Dropout(0.5)] if regularized else []
    return keras.Sequential([*network, *_head(regularized), _output(classes)])


def report_c_34(input_shape: Shape, classes: int) -> keras.Model:
    """Return C34: listed by the report as three convolutions, it has five; 5x5, regularized."""
    network = [keras.Input(input_shape)]
    for filters, pooling in ((32, "same"), (64, "same"), (32, "same"), (32, "valid"), (32, "same")):
        network.append(convolution(filters, 5, padding="same", **_penalty(True)))
        network.append(layers.MaxPooling2D(2, padding=pooling))
        network.append(layers.Dropout(0.5))
    return keras.Sequential([*network, *_regularized_head(True), _output(classes)])


def report_c_5(input_shape: Shape, classes: int, *, kernel_size: int = 3, regularized: bool = False) -> keras.Model:
    """Return five convolutions with 32, 64, 64, 64 and 32 filters, each with a pooling: C51 to C54.

    Batch normalization and dropout stand in the head in any case: the report calls that "without" them.
    """
    check_count("kernel_size", kernel_size)
    network = [keras.Input(input_shape)]
    for filters in (32, 64, 64, 64, 32):
        network.append(convolution(filters, kernel_size, padding="same", **_penalty(regularized)))
        network.append(layers.MaxPooling2D(2, padding="same"))
        network += [layers.Dropout(0.5)] if regularized else []
    return keras.Sequential([*network, *_regularized_head(regularized), _output(classes)])


def report_c_7(input_shape: Shape, classes: int, *, kernel_size: int = 3) -> keras.Model:
    """Return seven regularized convolutions and two poolings, dropout after each convolution: C71 and C72."""
    check_count("kernel_size", kernel_size)

    def block(filters: int) -> layers.Conv2D:
        return convolution(filters, kernel_size, padding="same", **_penalty(True))

    return keras.Sequential(
        [
            keras.Input(input_shape),
            block(32),
            layers.Dropout(0.5),
            block(64),
            layers.Dropout(0.5),
            block(64),
            layers.MaxPooling2D(2, padding="same"),
            layers.Dropout(0.5),
            block(64),
            layers.Dropout(0.5),
            block(64),
            layers.Dropout(0.5),
            block(32),
            layers.Dropout(0.5),
            layers.MaxPooling2D(2, padding="same"),
            block(32),
            layers.Dropout(0.5),
            *_regularized_head(True),
            _output(classes),
        ]
    )


def _penalty(regularized: bool) -> dict[str, Any]:
    """Return the options of a regularized layer, none for a plain one."""
    if not regularized:
        return {}
    return {"kernel_initializer": "he_normal", "kernel_regularizer": regularizers.L2(1e-5)}


def _head(regularized: bool) -> list[layers.Layer]:
    return _regularized_head(True) if regularized else _plain_head()


def _plain_head() -> list[layers.Layer]:
    return [layers.Flatten(), dense(128), dense(64)]


def _regularized_head(penalty: bool) -> list[layers.Layer]:
    return [
        layers.Flatten(),
        dense(128, **_penalty(penalty)),
        layers.BatchNormalization(),
        layers.Dropout(0.5),
        dense(64, **_penalty(penalty)),
        layers.BatchNormalization(),
        layers.Dropout(0.5),
    ]


def _output(classes: int) -> layers.Dense:
    return layers.Dense(classes, activation="softmax")
