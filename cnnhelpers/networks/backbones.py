"""Backbones of transfer learning by name: Keras' with ImageNet weights, and a small network to pretrain here."""

import os
import re
from functools import partial
from pathlib import Path
from typing import Any

import keras
from keras import applications, layers

from cnnhelpers.data import download_timeout
from cnnhelpers.errors import InputError, one_line, unknown
from cnnhelpers.networks.layers import Shape

SMALLEST_SIDE = 32  # of the images that Keras' backbones accept
BLOCK = re.compile(r"conv\d+_block\d+|stage_\d+_block_\d+|block_?\d+[a-z]?")  # in Keras' names of layers


def small_resnet(input_shape: Shape, weights: None = None, include_top: bool = False) -> keras.Model:
    """Return a residual network of seven 3x3 convolutions: 16, then 16, 32 and 64 filters in a block of two each.

    The shortest member of the family that its authors trained on CIFAR-10 (He et al., 2016), with a 1x1 convolution
    where the number of filters changes. It is pretrained here; no public weights exist.
    """

    def convolution(inputs: Any, name: str, filters: int, kernel_size: int = 3, strides: int = 1) -> Any:
        options = {"strides": strides, "padding": "same", "use_bias": False, "kernel_initializer": "he_normal"}
        outputs = layers.Conv2D(filters, kernel_size, name=f"{name}_conv", **options)(inputs)
        return layers.BatchNormalization(name=f"{name}_bn")(outputs)

    images = keras.Input(input_shape)
    outputs = layers.ReLU(name="stem_relu")(convolution(images, "stem", 16))
    for number, filters in enumerate((16, 32, 64), start=1):
        block, strides = f"block{number}", 1 if number == 1 else 2
        inside = layers.ReLU(name=f"{block}_1_relu")(convolution(outputs, f"{block}_1", filters, strides=strides))
        inside = convolution(inside, f"{block}_2", filters)
        shortcut = outputs if number == 1 else convolution(outputs, f"{block}_0", filters, 1, strides)
        outputs = layers.ReLU(name=f"{block}_relu")(layers.Add(name=f"{block}_add")([inside, shortcut]))
    return keras.Model(images, outputs, name="small_resnet")


# The builder of each, and the function from pixels 0..255 to its input; None where the network scales its input itself.
BACKBONES = {
    "resnet50": (applications.ResNet50, applications.resnet50.preprocess_input),
    "vgg16": (applications.VGG16, applications.vgg16.preprocess_input),
    "mobilenetv2": (applications.MobileNetV2, applications.mobilenet_v2.preprocess_input),
    "efficientnetv2b0": (applications.EfficientNetV2B0, None),
    "convnexttiny": (applications.ConvNeXtTiny, None),
    "small_resnet": (small_resnet, partial(keras.ops.multiply, 1 / 255)),
}


def build_backbone(name: str, input_shape: Shape, weights: str | None = None) -> keras.Model:
    """Return a backbone without its top, (height, width, 3) to (height, width, channels) of features.

    Parameters
    ----------
    name
        A name in BACKBONES.
    weights
        None for random weights; "imagenet", which Keras downloads on first use; or a file that `save_weights` of such
        a backbone wrote.

    Raises
    ------
    InputError
        If the name is unknown, the images do not fit, or the weights are missing.
    """
    check_backbone(name, weights)
    if min(input_shape[:2]) < SMALLEST_SIDE or input_shape[2] != 3:
        raise InputError(
            f"{name} needs images of at least {SMALLEST_SIDE}x{SMALLEST_SIDE}x3: pass padding='middle' or 'equal' "
            f"for smaller or grey images. Received: input_shape={tuple(input_shape)}"
        )
    build = partial(BACKBONES[name][0], input_shape=tuple(input_shape), include_top=False)
    if weights != "imagenet":
        backbone = build(weights=None)
        return backbone if weights is None else _load_weights(backbone, weights)
    try:
        with download_timeout(30):
            return build(weights="imagenet")
    except Exception as error:  # Keras raises a bare Exception for a failed download
        raise InputError(_not_downloaded(name, str(error))) from error


def check_backbone(name: str, weights: str | None = None) -> None:
    """Raise InputError if there is no such backbone, or none with such weights."""
    if name not in BACKBONES:
        raise unknown("backbone", name, BACKBONES)
    if name == "small_resnet" and weights == "imagenet":
        raise InputError(
            "there are no ImageNet weights of small_resnet: pass the path of a file, or pretrain it: "
            "reports.transfer.Transfer takes weights='pretrain:cifar10'"
        )


def scales_itself(name: str) -> bool:
    """Return whether the first layer of a backbone scales its input, so that it takes pixels 0..255.

    >>> scales_itself("efficientnetv2b0"), scales_itself("small_resnet")
    (True, False)
    """
    return BACKBONES[name][1] is None


def preprocessed(name: str, images: Any) -> Any:
    """Return pixels 0..255 in the range that the backbone `name` was trained with."""
    return images if scales_itself(name) else BACKBONES[name][1](images)


def blocks(backbone: keras.Model) -> list[list[keras.layers.Layer]]:
    """Return the layers of a backbone by block, recognized by name; the layers before the first block are a block too.

    >>> [len(block) for block in blocks(small_resnet((32, 32, 3)))]
    [4, 7, 9, 9]
    """
    divided: list[list[keras.layers.Layer]] = [[]]
    current = None
    for layer in backbone.layers:
        named = BLOCK.search(layer.name)
        if named and named[0] != current:
            current = named[0]
            divided.append([])
        divided[-1].append(layer)
    return divided


def freeze(backbone: keras.Model, unfrozen: int = 0) -> None:
    """Let only the last `unfrozen` blocks of a backbone learn, and all of it compute as in inference.

    Batch normalization keeps its pretrained statistics, also in blocks that learn, and no dropout is active: calling
    the backbone with training=False does not suffice, as a model around it overrides that.

    Raises
    ------
    InputError
        If the backbone has fewer blocks.
    """
    divided = blocks(backbone)
    if type(unfrozen) is not int or not 0 <= unfrozen <= len(divided):
        raise InputError(
            f"unfrozen must be a whole number from 0 to {len(divided)}, the blocks of {backbone.name}, or None for a "
            f"network that learns from scratch. Received: unfrozen={unfrozen!r}"
        )
    backbone.trainable = unfrozen > 0
    learning = [layer for block in divided[len(divided) - unfrozen :] for layer in block]
    for layer in backbone.layers:
        if unfrozen:
            layer.trainable = layer in learning and not isinstance(layer, layers.BatchNormalization)
        if isinstance(layer, layers.Dropout):
            layer.rate = 0.0


def _load_weights(backbone: keras.Model, path: str) -> keras.Model:
    if not Path(path).is_file():
        raise InputError(f"there is no file of weights {path}: pass weights='imagenet' or the path of a file")
    try:
        backbone.load_weights(path)
    except (ValueError, OSError, KeyError, TypeError) as error:
        raise InputError(
            f"{path} holds no weights of {backbone.name} without its top ({one_line(error)[:200]}): "
            "it must be a file of backbone.save_weights('NAME.weights.h5'), or Keras' *_notop.h5"
        ) from error
    return backbone


def _not_downloaded(name: str, error: str) -> str:
    """Return the fix for a failed download; the error of Keras names the address."""
    match = re.search(r"https?://[^\s:]+", error)
    address = match[0] if match else "the address in keras.applications"
    folder = Path(os.environ.get("KERAS_HOME") or "~/.keras").expanduser() / "models"
    place = folder / address.rpartition("/")[2] if match else folder
    return (
        f"the ImageNet weights of {name} are not on this machine and Keras could not download them "
        f"({one_line(error)[:200]}). Download {address} elsewhere and put it at {place}, pass the path of a file as "
        "weights=, or pretrain it: reports.transfer.Transfer takes weights='pretrain:cifar10'"
    )
