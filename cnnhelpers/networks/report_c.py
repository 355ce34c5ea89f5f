"""Report C: 2, 3, 5 and 7 convolutions of 3x3 or 5x5 on MNIST, plain or regularized.

A regularized network has dropout 0.5 after each pooling, an L2 penalty of 1e-5 and He-normal weights on every layer but
the output, and batch normalization and dropout 0.5 after each dense layer.
"""

from typing import Any

import keras
from keras import layers, regularizers

from cnnhelpers.errors import check_count
from cnnhelpers.networks.layers import Shape, convolution, dense, output


def report_c_2(input_shape: Shape, classes: int, *, kernel_size: int = 3, regularized: bool = False) -> keras.Model:
    """Return two convolutions with 32 and 64 filters, each with a pooling: C21 to C24."""
    check_count("kernel_size", kernel_size)
    blocks = [_block([filters], kernel_size, regularized) for filters in (32, 64)]
    return _network(input_shape, classes, *blocks, _head(regularized))


def report_c_2_pairs(input_shape: Shape, classes: int, *, regularized: bool = False) -> keras.Model:
    """Return report_c_2 with two 3x3 in place of each 5x5, as in VGG: C22-pairs and C24-pairs.

    Two 3x3 see the 5x5 pixels of one 5x5 and shrink the image as much. The first pair keeps 32 filters in between, and
    so has more parameters than its 5x5; with 49 in between, the second has fewer: the convolutions have 52,017
    parameters instead of 52,096.
    """
    blocks = [_block(filters, 3, regularized) for filters in ((32, 32), (49, 64))]
    return _network(input_shape, classes, *blocks, _head(regularized))


def report_c_3(
    input_shape: Shape, classes: int, *, kernel_size: int = 3, padding: str = "valid", regularized: bool = False
) -> keras.Model:
    """Return three convolutions with 32, 64 and 32 filters, each with a pooling: C31 to C33."""
    check_count("kernel_size", kernel_size)
    blocks = [_block([filters], kernel_size, regularized, padding) for filters in (32, 64, 32)]
    return _network(input_shape, classes, *blocks, _head(regularized))


def report_c_34(input_shape: Shape, classes: int) -> keras.Model:
    """Return C34: listed by the report as three convolutions, it has five; 5x5, regularized."""
    poolings = ((32, "same"), (64, "same"), (32, "same"), (32, "valid"), (32, "same"))
    blocks = [_block([filters], 5, True, "same", pooling) for filters, pooling in poolings]
    return _network(input_shape, classes, *blocks, _normalized_head(True))


def report_c_5(input_shape: Shape, classes: int, *, kernel_size: int = 3, regularized: bool = False) -> keras.Model:
    """Return five convolutions with 32, 64, 64, 64 and 32 filters, each with a pooling: C51 to C54.

    The head has batch normalization and dropout in any case, which the report calls "without" them.
    """
    check_count("kernel_size", kernel_size)
    blocks = [_block([filters], kernel_size, regularized, "same", "same") for filters in (32, 64, 64, 64, 32)]
    return _network(input_shape, classes, *blocks, _normalized_head(regularized))


def report_c_7(input_shape: Shape, classes: int, *, kernel_size: int = 3) -> keras.Model:
    """Return seven regularized convolutions and two poolings, dropout after each convolution: C71 and C72."""
    check_count("kernel_size", kernel_size)
    network = []
    for number, filters in enumerate((32, 64, 64, 64, 64, 32, 32), start=1):
        network.append(convolution(filters, kernel_size, padding="same", **_penalty(True)))
        network += [layers.MaxPooling2D(2, padding="same")] if number == 3 else []
        network.append(layers.Dropout(0.5))
        network += [layers.MaxPooling2D(2, padding="same")] if number == 6 else []
    return _network(input_shape, classes, network, _normalized_head(True))


def _network(input_shape: Shape, classes: int, *parts: list[layers.Layer]) -> keras.Model:
    return keras.Sequential([keras.Input(input_shape), *(layer for part in parts for layer in part), output(classes)])


def _block(
    filters: tuple[int, ...] | list[int],
    kernel_size: int,
    regularized: bool,
    padding: str = "valid",
    pooling: str = "valid",
) -> list[layers.Layer]:
    """Return convolutions, a pooling and, if regularized, dropout."""
    convolutions = [convolution(count, kernel_size, padding=padding, **_penalty(regularized)) for count in filters]
    return [*convolutions, layers.MaxPooling2D(2, padding=pooling), *([layers.Dropout(0.5)] if regularized else [])]


def _penalty(regularized: bool) -> dict[str, Any]:
    """Return the options of a regularized layer, none for a plain layer."""
    if not regularized:
        return {}
    return {"kernel_initializer": "he_normal", "kernel_regularizer": regularizers.L2(1e-5)}


def _head(regularized: bool) -> list[layers.Layer]:
    return _normalized_head(True) if regularized else [layers.Flatten(), dense(128), dense(64)]


def _normalized_head(regularized: bool) -> list[layers.Layer]:
    head = [layers.Flatten()]
    for units in (128, 64):
        head += [dense(units, **_penalty(regularized)), layers.BatchNormalization(), layers.Dropout(0.5)]
    return head
