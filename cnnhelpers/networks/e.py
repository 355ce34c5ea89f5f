"""Report E: four CNNs and two frozen ImageNet backbones on Fashion-MNIST in five classes."""

import keras
from keras import applications, layers, regularizers

from cnnhelpers.errors import InputError, unknown
from cnnhelpers.networks.parts import Shape, convolution, dense

BACKBONES = {
    "resnet50": (applications.ResNet50, applications.resnet50.preprocess_input),
    "vgg16": (applications.VGG16, applications.vgg16.preprocess_input),
}
SMALLEST_SIDE = 32  # of the images that Keras' backbones accept


def report_e_1(input_shape: Shape, classes: int) -> keras.Model:
    """Return E1: three convolutions."""
    return keras.Sequential(
        [
            keras.Input(input_shape),
            convolution(32, kernel_initializer="he_normal"),
            layers.MaxPooling2D(2),
            convolution(64),
            layers.MaxPooling2D(2),
            convolution(128),
            layers.Flatten(),
            dense(128),
            layers.Dense(classes, activation="softmax"),
        ]
    )


def report_e_2(input_shape: Shape, classes: int) -> keras.Model:
    """Return E2: E1 with batch normalization and dropout."""
    return keras.Sequential(
        [
            keras.Input(input_shape),
            convolution(32, kernel_initializer="he_normal"),
            layers.BatchNormalization(),
            layers.Dropout(0.25),
            layers.MaxPooling2D(2),
            convolution(64),
            layers.BatchNormalization(),
            layers.MaxPooling2D(2),
            layers.Dropout(0.25),
            convolution(128),
            layers.BatchNormalization(),
            layers.Dropout(0.4),
            layers.Flatten(),
            dense(128),
            layers.BatchNormalization(),
            layers.Dropout(0.3),
            layers.Dense(classes, activation="softmax"),
        ]
    )


def report_e_3(input_shape: Shape, classes: int) -> keras.Model:
    """Return E3: four convolutions without padding, batch normalization and dropout."""
    return keras.Sequential(
        [
            keras.Input(input_shape),
            convolution(32),
            layers.BatchNormalization(),
            convolution(32),
            layers.BatchNormalization(),
            layers.MaxPooling2D(2),
            layers.Dropout(0.2),
            convolution(64),
            layers.BatchNormalization(),
            layers.Dropout(0.2),
            convolution(128),
            layers.BatchNormalization(),
            layers.MaxPooling2D(2),
            layers.Dropout(0.3),
            layers.Flatten(),
            dense(512),
            layers.BatchNormalization(),
            layers.Dropout(0.4),
            dense(128),
            layers.BatchNormalization(),
            layers.Dropout(0.4),
            layers.Dense(classes, activation="softmax"),
        ]
    )


def report_e_4(input_shape: Shape, classes: int) -> keras.Model:
    """Return E4: four convolutions, zero-padded and with an L2 penalty, batch normalization and more dropout."""
    options = {"padding": "same", "kernel_regularizer": regularizers.L2(0.001)}
    return keras.Sequential(
        [
            keras.Input(input_shape),
            convolution(32, kernel_initializer="he_normal", **options),
            layers.BatchNormalization(),
            convolution(32, **options),
            layers.BatchNormalization(),
            layers.MaxPooling2D(2),
            layers.Dropout(0.25),
            convolution(64, **options),
            layers.BatchNormalization(),
            layers.Dropout(0.25),
            convolution(128, **options),
            layers.BatchNormalization(),
            layers.MaxPooling2D(2),
            layers.Dropout(0.4),
            layers.Flatten(),
            dense(512),
            layers.BatchNormalization(),
            layers.Dropout(0.5),
            dense(128),
            layers.BatchNormalization(),
            layers.Dropout(0.5),
            layers.Dense(classes, activation="softmax"),
        ]
    )


def report_e_backbone(
    input_shape: Shape,
    classes: int,
    *,
    backbone: str = "resnet50",
    weights: str | None = None,
    preprocess: bool = False,
) -> keras.Model:
    """Return a frozen backbone without its top, then the output as the only layer that learns.

    Parameters
    ----------
    input_shape
        (height, width, 3), both sides at least 32.
    backbone
        "resnet50" or "vgg16".
    weights
        "imagenet" (downloaded by Keras on first use), None for random ones, or the path of a weights file.
    preprocess
        Bring pixels 0..255 to what the backbone was trained on, by its own preprocess_input. The report left it out
        and gave pixels 0..1.

    Raises
    ------
    InputError
        If the backbone is unknown or the images are too small or not in three channels.
    """
    if backbone not in BACKBONES:
        raise unknown("backbone", backbone, BACKBONES)
    if min(input_shape[:2]) < SMALLEST_SIDE or input_shape[2] != 3:
        raise InputError(
            f"{backbone} needs images of at least {SMALLEST_SIDE}x{SMALLEST_SIDE}x3: pass padding='middle' or 'equal' "
            f"for smaller or grey ones. Received: input_shape={tuple(input_shape)}"
        )
    build, preprocess_input = BACKBONES[backbone]
    frozen = build(input_shape=tuple(input_shape), weights=weights, include_top=False)
    frozen.trainable = False

    images = keras.Input(input_shape)
    features = frozen(preprocess_input(images) if preprocess else images)
    return keras.Model(images, layers.Dense(classes, activation="softmax")(layers.Flatten()(features)))
