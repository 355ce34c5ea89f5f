"""Report E: four CNNs, and pretrained backbones, on Fashion-MNIST in five classes."""

import keras
from keras import layers, regularizers

from cnnhelpers.errors import check_count, unknown
from cnnhelpers.networks.backbones import SMALLEST_SIDE, build_backbone, freeze, preprocessed
from cnnhelpers.networks.layers import Shape, convolution, dense, output

POOLINGS = {"flatten": layers.Flatten, "average": layers.GlobalAveragePooling2D}  # of a backbone's features


def report_e_1(input_shape: Shape, classes: int) -> keras.Model:
    """Return E1: three convolutions."""
    return keras.Sequential(
        [
            keras.Input(input_shape),
            *(convolution(32, kernel_initializer="he_normal"), layers.MaxPooling2D(2)),
            *(convolution(64), layers.MaxPooling2D(2)),
            convolution(128),
            *(layers.Flatten(), dense(128), output(classes)),
        ]
    )


def report_e_2(input_shape: Shape, classes: int) -> keras.Model:
    """Return E2: E1 with batch normalization and dropout."""
    return keras.Sequential(
        [
            keras.Input(input_shape),
            *(convolution(32, kernel_initializer="he_normal"), layers.BatchNormalization()),
            *(layers.Dropout(0.25), layers.MaxPooling2D(2)),
            *(convolution(64), layers.BatchNormalization(), layers.MaxPooling2D(2), layers.Dropout(0.25)),
            *(convolution(128), layers.BatchNormalization(), layers.Dropout(0.4)),
            *(layers.Flatten(), dense(128), layers.BatchNormalization(), layers.Dropout(0.3), output(classes)),
        ]
    )


def report_e_3(input_shape: Shape, classes: int) -> keras.Model:
    """Return E3: four convolutions without padding, batch normalization and dropout."""
    return keras.Sequential(
        [
            keras.Input(input_shape),
            *(convolution(32), layers.BatchNormalization()),
            *(convolution(32), layers.BatchNormalization(), layers.MaxPooling2D(2), layers.Dropout(0.2)),
            *(convolution(64), layers.BatchNormalization(), layers.Dropout(0.2)),
            *(convolution(128), layers.BatchNormalization(), layers.MaxPooling2D(2), layers.Dropout(0.3)),
            *(layers.Flatten(), dense(512), layers.BatchNormalization(), layers.Dropout(0.4)),
            *(dense(128), layers.BatchNormalization(), layers.Dropout(0.4), output(classes)),
        ]
    )


def report_e_4(input_shape: Shape, classes: int) -> keras.Model:
    """Return E4: four convolutions, zero-padded and with an L2 penalty, batch normalization and more dropout."""
    options = {"padding": "same", "kernel_regularizer": regularizers.L2(0.001)}
    return keras.Sequential(
        [
            keras.Input(input_shape),
            *(convolution(32, kernel_initializer="he_normal", **options), layers.BatchNormalization()),
            *(convolution(32, **options), layers.BatchNormalization(), layers.MaxPooling2D(2), layers.Dropout(0.25)),
            *(convolution(64, **options), layers.BatchNormalization(), layers.Dropout(0.25)),
            *(convolution(128, **options), layers.BatchNormalization(), layers.MaxPooling2D(2), layers.Dropout(0.4)),
            *(layers.Flatten(), dense(512), layers.BatchNormalization(), layers.Dropout(0.5)),
            *(dense(128), layers.BatchNormalization(), layers.Dropout(0.5), output(classes)),
        ]
    )


def report_e_backbone(
    input_shape: Shape,
    classes: int,
    *,
    backbone: str = "resnet50",
    weights: str | None = None,
    preprocess: bool = False,
    side: int | None = None,
    pooling: str = "flatten",
    unfrozen: int | None = 0,
) -> keras.Model:
    """Return a backbone without its top, then the output; by default only the output learns, as in the report.

    Parameters
    ----------
    input_shape
        (height, width, 3), both sides at least 32 unless `side` is given.
    backbone
        A name in backbones.BACKBONES, such as "resnet50"; "small_resnet" is small enough to be pretrained here.
    weights
        "imagenet" (downloaded by Keras on first use), None for random weights, or the path of a weights file.
    preprocess
        Bring pixels 0..255 to the range that the backbone was trained with, by its preprocess_input. The report omits
        this and passes pixels 0..1.
    side
        Enlarge the images to side x side, bilinearly; None leaves them as they are, as in the report.
    pooling
        "flatten", as in the report, or "average" over all positions of the features.
    unfrozen
        Number of the last blocks of the backbone that learn too; its batch normalization stays in inference mode.
        None: everything learns from scratch, batch normalization included.

    Raises
    ------
    InputError
        If an option is none of these, or the images are too small or not in three channels.
    """
    if pooling not in POOLINGS:
        raise unknown("pooling", pooling, POOLINGS)
    if side is not None:
        check_count("side", side, SMALLEST_SIDE)
    base = build_backbone(backbone, input_shape if side is None else (side, side, input_shape[2]), weights)
    if unfrozen is not None:
        freeze(base, unfrozen)

    images = keras.Input(input_shape)
    outputs = images if side is None else layers.Resizing(side, side, interpolation="bilinear")(images)
    outputs = base(preprocessed(backbone, outputs) if preprocess else outputs)
    return keras.Model(images, output(classes)(POOLINGS[pooling]()(outputs)))
