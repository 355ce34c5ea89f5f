"""Report A: 1, 3 or 4 convolutions on Fashion-MNIST, with L2 or dropout."""

import keras
from keras import layers, regularizers

from cnnhelpers.errors import InputError, check_count
from cnnhelpers.networks.layers import Shape, check_dropout, check_strength, convolution, dense, output


def report_a_cnn(
    input_shape: Shape,
    classes: int,
    *,
    convolutions: int = 3,
    strides: int = 2,
    dense_units: int = 0,
    l2: float | None = None,
    dropout: float = 0.0,
) -> keras.Model:
    """Return `convolutions` blocks of a convolution with 32 filters and a pooling, then the output.

    Parameters
    ----------
    strides
        Of the convolutions after the first, whose stride is 1. The report uses 2, and 1 for its four convolutions.
    dense_units
        Units of a dense layer before the output (100 in A3 and A4), 0 for no such layer.
    l2
        Strength of the L2 penalty on the kernel of that dense layer; 0 and None for no penalty.
    dropout
        Rate after every pooling; 0 for a network without dropout layers.

    Raises
    ------
    InputError
        If an option is out of its range, or l2 has no dense layer to act on.
    """
    check_count("convolutions", convolutions)
    check_count("strides", strides)
    check_count("dense_units", dense_units, lowest=0)
    check_strength("l2", l2)
    check_dropout(dropout)
    if l2 and not dense_units:
        raise InputError(f"l2 acts on the dense layer: pass dense_units=100 too. Received: l2={l2!r}, dense_units=0")

    network = [keras.Input(input_shape)]
    for block in range(convolutions):
        network += [convolution(32, strides=1 if block == 0 else strides, padding="same"), layers.MaxPooling2D(2)]
        network += [layers.Dropout(dropout)] if dropout else []
    network.append(layers.Flatten())
    if dense_units:
        network.append(dense(dense_units, kernel_regularizer=regularizers.L2(l2) if l2 else None))
    return keras.Sequential([*network, output(classes)])
