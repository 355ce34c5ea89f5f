"""Summarize a network before it is trained: layer table, FLOPs, diagram. From shapes, on any Keras backend."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Any

import lazy_loader
import pandas as pd

from cnnhelpers.errors import InputError

keras = lazy_loader.load("keras")  # chapters import this module, and most of them never build a model
DIAGRAM_SCALE = 0.7  # of Keras' size: text of 10 points


def layer_table(model: keras.Model) -> pd.DataFrame:
    """Return one row per layer and a last row "total": layer in words, output shape, parameters, FLOPs for one image.

    A nested model is one row. A layer that is called twice has two rows, its parameters in the first only.

    >>> from keras import Input, Sequential, layers
    >>> model = Sequential([Input((28, 28, 1)), layers.Conv2D(32, 3, activation="relu"), layers.Flatten()])
    >>> print(layer_table(model).set_index("layer"))  # doctest: +NORMALIZE_WHITESPACE
                     output shape  parameters   FLOPs
    layer
    Conv2D 3x3 relu  26 x 26 x 32         320  389376
    Flatten                 21632           0       0
    total                                 320  389376
    """
    rows, counted = [], set()
    for layer, shapes in _calls(model):
        is_layer = isinstance(layer, keras.layers.Layer)  # other operations were called once, and know their output
        output = layer.compute_output_shape(*shapes) if is_layer else layer.output.shape
        parameters = layer.count_params() if is_layer and id(layer) not in counted else 0
        counted.add(id(layer))
        rows.append((_words(layer), _shape_words(output), parameters, _layer_flops(layer, shapes)))
    rows.append(("total", "", model.count_params(), sum(row[3] for row in rows)))
    return pd.DataFrame(rows, columns=["layer", "output shape", "parameters", "FLOPs"])


def flops(model: keras.Model) -> int:
    """Return the FLOPs of `model` for one image: 2 x the multiply-adds of its convolutions and dense layers.

    Biases, activations, poolings and normalizations count 0 (about a hundredth of the whole), and so do layers of
    other kinds. A layer that is called twice counts twice; nested models are included. InputError if the size of the
    images is not fixed.
    """
    return sum(_layer_flops(layer, shapes) for layer, shapes in _calls(model))


def receptive_field(model: keras.Model) -> int:
    """Return the side, in pixels of the image, of the square that one unit after the last convolution or pooling sees.

    A kernel of k adds k - 1 times the distance, in pixels, of neighbouring units; strides and poolings multiply that
    distance. Where the image is smaller, a unit sees all of it. Dense layers after Flatten see everything anyway.
    InputError if the layers do not follow one another in a chain, or if kernels or strides are not square.

    >>> from keras import Input, Sequential, layers
    >>> receptive_field(Sequential([Input((28, 28, 1)), layers.Conv2D(8, 3), layers.Conv2D(8, 3)]))
    5
    """
    seen, distance = 1, 1
    for layer, shapes in _calls(model):
        if len(shapes) > 1 or isinstance(layer, keras.Model) or isinstance(shapes[0], list):
            raise InputError(f"a receptive field is defined for layers in a chain only. Received: {layer.name}")
        config = layer.get_config()
        size, strides = config.get("kernel_size") or config.get("pool_size"), config.get("strides")
        if isinstance(layer, keras.layers.Flatten) or type(layer).__name__.startswith("Global"):
            break
        if not size:
            continue
        spread = tuple(config.get("dilation_rate") or (1, 1))
        if len({*size}) > 1 or len({*strides}) > 1 or len({*spread}) > 1:
            raise InputError(f"a receptive field needs square kernels. Received: {layer.name}, {size}, {strides}")
        seen, distance = seen + spread[0] * (size[0] - 1) * distance, distance * strides[0]
    return seen


def initialization(model: keras.Model) -> str:
    """Return how the kernels before the output are initialized, and whether there is batch normalization.

    >>> from keras import Input, Sequential, layers
    >>> initialization(Sequential([Input((28, 28, 1)), layers.Conv2D(8, 3), layers.BatchNormalization()]))
    'Glorot, batch normalization'
    """
    layers = [layer for layer, _ in _calls(model)]
    kinds = [type(layer.kernel_initializer).__name__ for layer in layers if hasattr(layer, "kernel_initializer")]
    names = dict.fromkeys(re.sub("(Normal|Uniform)$", "", name) for name in kinds[:-1] or kinds)
    normalized = any(isinstance(layer, keras.layers.BatchNormalization) for layer in layers)
    return " and ".join(names) + (", batch normalization" if normalized else "")


class Text(str):
    """Text that a notebook shows as it is, without quotes and backslashes."""

    def __repr__(self) -> str:
        """Return the text itself."""
        return str(self)


def diagram(model: keras.Model) -> Any:
    """Return a diagram of the layers for a notebook to show (IPython.display.SVG), or Keras' text summary.

    The diagram needs pydot and graphviz' program `dot`; if one is missing or fails, the text is returned.
    """
    from IPython.display import SVG
    from IPython.utils.capture import capture_output

    try:
        dot = keras.utils.model_to_dot(model, show_shapes=True, dpi=72)
        dot.set("ranksep", "0.25")
        return SVG(_tidy(dot.create_svg().decode()))
    except Exception:  # a diagram is not worth a failed notebook
        lines: list[str] = []
        with capture_output():  # Keras shows an empty box as well, which would be a second figure of its cell
            model.summary(print_fn=lambda line, **_: lines.append(line), line_length=88)
        return Text("\n".join(lines))


def _calls(model: keras.Model) -> Iterator[tuple[Any, tuple[Any, ...]]]:
    """Yield (layer, shapes of its inputs) for each call of a layer in `model`, in order; input layers left out."""
    if not model.built or not isinstance(model, (keras.Sequential, keras.src.models.functional.Functional)):
        raise InputError(
            "layers can be listed of a keras.Sequential with keras.Input first, or of a functional keras.Model. "
            f"Received: {type(model).__name__}, {'built' if model.built else 'not built'}"
        )
    if isinstance(model, keras.Sequential):
        shape = model.input_shape
        for layer in model.layers:
            if not isinstance(layer, keras.layers.InputLayer):
                yield layer, (shape,)
                shape = tuple(layer.output.shape)  # layers of the user seldom have compute_output_shape
        return
    layers = {layer.name: layer for layer in model.operations}
    for config in model.get_config()["layers"]:
        for node in config["inbound_nodes"]:
            yield layers[config["name"]], tuple(_shapes(argument) for argument in node["args"])


def _shapes(argument: Any) -> Any:
    """Return the shape of a serialized tensor, or the list of shapes of a list of them."""
    if isinstance(argument, dict) and argument.get("class_name") == "__keras_tensor__":
        return tuple(argument["config"]["shape"])
    return [_shapes(item) for item in argument] if isinstance(argument, (list, tuple)) else argument


def _layer_flops(layer: Any, shapes: tuple[Any, ...]) -> int:
    """Return 2 x (places where the kernel is applied) x (size of the kernel): all such layers work like that."""
    if isinstance(layer, keras.Model):
        return flops(layer)
    kinds = keras.layers
    transposed = (kinds.Conv1DTranspose, kinds.Conv2DTranspose, kinds.Conv3DTranspose)
    plain = (kinds.Conv1D, kinds.Conv2D, kinds.Conv3D, kinds.DepthwiseConv1D, kinds.DepthwiseConv2D)
    separable = (kinds.SeparableConv1D, kinds.SeparableConv2D)
    if isinstance(layer, (kinds.Dense, *transposed)):
        shape = shapes[0]
    elif isinstance(layer, plain + separable):
        shape = layer.compute_output_shape(shapes[0])
    else:
        return 0
    channels_first = getattr(layer, "data_format", "channels_last") == "channels_first"
    places = shape[2:] if channels_first else shape[1:-1]
    if None in places:
        raise InputError(f"the FLOPs of {layer.name} need a fixed image size: pass it to Input. Received: {places}")
    kernels = (getattr(layer, name, None) for name in ("kernel", "depthwise_kernel", "pointwise_kernel"))
    return 2 * math.prod(places) * sum(math.prod(kernel.shape) for kernel in kernels if kernel is not None)


def _words(layer: Any) -> str:
    """Return a layer in words, such as "Conv2D 3x3 stride 2 same relu, L2 0.0001" or "Dropout 0.5"."""
    kind = type(layer).__name__
    if isinstance(layer, keras.Model):
        inner = [each for each in layer.layers if not isinstance(each, keras.layers.InputLayer)]
        own_name = not layer.name.startswith(("functional", "sequential", "model"))  # the others carry a counter
        return f"{layer.name if own_name else kind} of {len(inner)} layers"
    config = layer.get_config()
    size = config.get("kernel_size") or config.get("pool_size")
    words = [kind, *(["x".join(map(str, size))] if size else [])]
    numbers = [config[name] for name in ("rate", "scale") if type(config.get(name)) in (int, float)]
    words += [f"{number:.3g}" for number in numbers]
    strides = config.get("strides")
    if strides and tuple(strides) != (tuple(size) if config.get("pool_size") else (1,) * len(strides)):
        words.append("stride " + "x".join(map(str, sorted(set(strides)))))
    words += ["same"] if config.get("padding") == "same" else []
    activation = config.get("activation")
    words += [activation] if isinstance(activation, str) and activation != "linear" else []
    strengths = (config.get("kernel_regularizer") or {}).get("config", {})
    strengths = strengths if isinstance(strengths, dict) else {}  # a function's own is its name
    penalties = [f", {name.upper()} {strengths[name]:g}" for name in ("l1", "l2") if strengths.get(name)]
    return " ".join(words) + "".join(penalties)


def _shape_words(shape: Any) -> str:
    if shape and isinstance(shape[0], (list, tuple)):
        return ", ".join(map(_shape_words, shape))
    return " x ".join("?" if size is None else str(size) for size in shape[1:])


def _tidy(svg: str) -> str:
    """Return an SVG that shrinks to narrow pages, without comments and titles: they hold addresses in memory."""
    svg = re.sub(r"<!--.*?-->\n?|<title>.*?</title>\n?", "", svg, flags=re.DOTALL)
    width = DIAGRAM_SCALE * float(re.search(r'<svg width="([\d.]+)pt"', svg)[1])
    style = f'<svg width="{width:.0f}pt" style="max-width: 100%; height: auto; background: white"'
    return re.sub(r'<svg width="[\d.]+pt" height="[\d.]+pt"', style, svg, count=1)
