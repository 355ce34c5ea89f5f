"""Report D: networks on CIFAR-10, each built on the previous network.

D2 is D1 again, D3 is D0 with padding, D8 is D7 with other optimizers, D9 is missing in the report.
"""

import keras
from keras import layers, regularizers

from cnnhelpers.networks.layers import Shape, check_dropout, check_strength, convolution, dense, output


def report_d_0(input_shape: Shape, classes: int, *, padding: str = "valid") -> keras.Model:
    """Return D0, the tutorial's network, and with padding="same" D3."""
    return keras.Sequential(
        [
            keras.Input(input_shape),
            *(convolution(32, padding=padding), layers.MaxPooling2D(2)),
            *(convolution(64, padding=padding), layers.MaxPooling2D(2)),
            convolution(64, padding=padding),
            *(layers.Flatten(), dense(64), output(classes)),
        ]
    )


def report_d_1(input_shape: Shape, classes: int) -> keras.Model:
    """Return D1 and D2: six convolutions without padding."""
    return keras.Sequential(
        [
            keras.Input(input_shape),
            *(convolution(32), convolution(64), layers.MaxPooling2D(2)),
            *(convolution(64), convolution(64), layers.MaxPooling2D(2)),
            *(convolution(64), convolution(64)),
            *(layers.Flatten(), dense(64), output(classes)),
        ]
    )


def report_d_4(input_shape: Shape, classes: int) -> keras.Model:
    """Return D4: six convolutions with padding."""
    return keras.Sequential(
        [
            keras.Input(input_shape),
            *(*_convolutions(2, 32), layers.MaxPooling2D(2)),
            *(*_convolutions(2, 64), layers.MaxPooling2D(2)),
            *_convolutions(2, 64),
            *(layers.Flatten(), dense(64), output(classes)),
        ]
    )


def report_d_5(input_shape: Shape, classes: int) -> keras.Model:
    """Return D5: eight convolutions, spatial dropout before the first two of three poolings."""
    return keras.Sequential(
        [
            keras.Input(input_shape),
            *(*_convolutions(2, 32), layers.SpatialDropout2D(0.25), layers.MaxPooling2D(2)),
            *(*_convolutions(3, 64), layers.SpatialDropout2D(0.25), layers.MaxPooling2D(2)),
            *(*_convolutions(3, 64), layers.MaxPooling2D(2)),
            *(layers.Flatten(), dense(64), output(classes)),
        ]
    )


def report_d_6(
    input_shape: Shape,
    classes: int,
    *,
    dropout: float = 0.2,
    initializer: str = "glorot_uniform",
    batch_normalization: bool = False,
) -> keras.Model:
    """Return D6: eleven convolutions, spatial dropout before each of four poolings.

    Parameters
    ----------
    dropout
        Rate of the spatial dropout; 0 for no dropout layer.
    initializer
        Keras initializer of the kernels of all layers with ReLU.
    batch_normalization
        True for batch normalization after each spatial dropout, as in D7.

    Raises
    ------
    InputError
        If the rate is out of its range.
    """
    check_dropout(dropout)
    network = [keras.Input(input_shape)]
    for number, filters in ((2, 32), (3, 64), (3, 64), (3, 128)):
        network += [convolution(filters, padding="same", kernel_initializer=initializer) for _ in range(number)]
        network += [layers.SpatialDropout2D(dropout)] if dropout else []
        network += [layers.BatchNormalization()] if batch_normalization else []
        network.append(layers.MaxPooling2D(2))
    return keras.Sequential([*network, layers.Flatten(), dense(64, kernel_initializer=initializer), output(classes)])


def report_d_7(input_shape: Shape, classes: int) -> keras.Model:
    """Return D7: eight convolutions, spatial dropout and batch normalization before each of three poolings."""
    network = [keras.Input(input_shape)]
    for number, filters in ((2, 32), (3, 64), (3, 64)):
        network += _convolutions(number, filters)
        network += [layers.SpatialDropout2D(0.25), layers.BatchNormalization(), layers.MaxPooling2D(2)]
    return keras.Sequential([*network, layers.Flatten(), dense(64), output(classes)])


def report_d_10(input_shape: Shape, classes: int) -> keras.Model:
    """Return D10: ten convolutions, batch normalization after nearly each, little dropout."""
    return keras.Sequential(
        [
            keras.Input(input_shape),
            *(*_convolutions(2, 32), layers.BatchNormalization(), *_convolutions(1, 32)),
            *(layers.Dropout(0.1), layers.BatchNormalization(), layers.MaxPooling2D(2)),
            *_end_of_d_10(classes),
        ]
    )


def report_d_11(input_shape: Shape, classes: int, *, l2: float | None = 0.01) -> keras.Model:
    """Return D11: D10 with an L2 penalty of strength `l2` on all layers but the output.

    In its first block batch normalization stands before dropout, in D10 after it.
    """
    check_strength("l2", l2)
    penalty = regularizers.L2(l2) if l2 else None
    return keras.Sequential(
        [
            keras.Input(input_shape),
            *(*_convolutions(2, 32, penalty), layers.BatchNormalization(), *_convolutions(1, 32, penalty)),
            *(layers.BatchNormalization(), layers.Dropout(0.1), layers.MaxPooling2D(2)),
            *_end_of_d_10(classes, penalty),
        ]
    )


def _convolutions(number: int, filters: int, penalty: regularizers.Regularizer | None = None) -> list[layers.Layer]:
    return [convolution(filters, padding="same", kernel_regularizer=penalty) for _ in range(number)]


def _end_of_d_10(classes: int, penalty: regularizers.Regularizer | None = None) -> list[layers.Layer]:
    """Return the layers of D10 and D11 after their first pooling."""
    network = []
    for number, filters in ((3, 64), (4, 128)):
        for layer in _convolutions(number, filters, penalty):
            network += [layer, layers.BatchNormalization()]
        network += [layers.Dropout(0.1), layers.MaxPooling2D(2)]
    head = [layers.Flatten(), dense(128, kernel_regularizer=penalty), layers.BatchNormalization(), layers.Dropout(0.1)]
    return [*network, *head, output(classes)]
