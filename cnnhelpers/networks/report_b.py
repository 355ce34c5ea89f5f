"""Report B: dense networks and wide CNNs on CIFAR-10, with L1 and L2, or dropout."""

from collections.abc import Sequence

import keras
from keras import layers, regularizers

from cnnhelpers.errors import check_count, check_positive
from cnnhelpers.networks.layers import Shape, check_dropout, check_strength, convolution, dense, output, scaled


def report_b_dense(
    input_shape: Shape,
    classes: int,
    *,
    units: Sequence[int] = (64, 64),
    l1_l2: float | None = None,
    dropout: float = 0.0,
    flatten_first: bool = False,
    width: float = 1.0,
) -> keras.Model:
    """Return dense layers of `units`, then the output.

    Parameters
    ----------
    l1_l2
        Strength of the L1 and of the L2 penalty on every dense layer, the output too (Keras' default is 0.01).
    dropout
        Rate after the second dense layer; 0 for no dropout layer.
    flatten_first
        The report flattens after its dense layers, which therefore see the colours of one pixel at a time, as 1x1
        convolutions do. True flattens before them, as in an ordinary dense network.
    width
        Factor on all units.

    Raises
    ------
    InputError
        If an option is out of its range.
    """
    penalty = _checked_penalty(units, l1_l2, dropout, width)
    network = [keras.Input(input_shape), *([layers.Flatten()] if flatten_first else [])]
    for position, count in enumerate(units):
        network.append(dense(scaled(count, width), kernel_regularizer=penalty))
        network += [layers.Dropout(dropout)] if dropout and position == 1 else []
    network += [] if flatten_first else [layers.Flatten()]
    return keras.Sequential([*network, output(classes, kernel_regularizer=penalty)])


def report_b_cnn(
    input_shape: Shape,
    classes: int,
    *,
    filters: Sequence[int] = (512, 1024),
    l1_l2: float | None = None,
    dropout: float = 0.0,
    width: float = 1.0,
) -> keras.Model:
    """Return a block of convolution and pooling for each of `filters`, a dense layer of 512 units, the output.

    Parameters
    ----------
    l1_l2
        Strength of the L1 and of the L2 penalty on the dense layer and on the output (Keras' default is 0.01).
    dropout
        Rate after the second pooling; 0 for no dropout layer.
    width
        Factor on all filters and on the dense layer's units.

    Raises
    ------
    InputError
        If an option is out of its range.
    """
    penalty = _checked_penalty(filters, l1_l2, dropout, width)
    network = [keras.Input(input_shape)]
    for position, count in enumerate(filters):
        network += [convolution(scaled(count, width)), layers.MaxPooling2D(2)]
        network += [layers.Dropout(dropout)] if dropout and position == 1 else []
    network += [layers.Flatten(), dense(scaled(512, width), kernel_regularizer=penalty)]
    return keras.Sequential([*network, output(classes, kernel_regularizer=penalty)])


def _checked_penalty(
    counts: Sequence[int], l1_l2: float | None, dropout: float, width: float
) -> regularizers.Regularizer | None:
    for count in counts:
        check_count("filters and units", count)
    check_strength("l1_l2", l1_l2)
    check_dropout(dropout)
    check_positive("width", width)
    return regularizers.L1L2(l1_l2, l1_l2) if l1_l2 else None
