"""Build and check the Keras model of a network function, and describe it as it starts from fresh weights."""

import copy
import functools
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np

from cnnhelpers.errors import InputError, one_line
from cnnhelpers.experiments.custom_code import value_text
from cnnhelpers.experiments.identity import config_of, describe, describe_global, is_custom, rebuilt

Network = Callable[[tuple[int, int, int], int], keras.Model]


def layer_list(layers: Sequence[keras.layers.Layer]) -> Network:
    """Return a network function that builds fresh copies of `layers`, so that each run starts from new weights.

    InputError: an item is not a layer, or a copy would lose something, such as an attribute or the weights of a model.
    """
    for layer in layers:
        if not isinstance(layer, keras.layers.Layer):
            raise InputError(f"a network is a function or a list of Keras layers. Received in the list: {layer!r}")
        adapted = isinstance(layer, keras.layers.Normalization) and layer.built and layer.input_mean is None
        if adapted or (isinstance(layer, keras.Model) and layer.weights):
            raise InputError(
                f"a list of layers starts from fresh weights, and {layer.name} in it has weights already: write a "
                "function (input_shape, classes, weights) that loads them and pass weights= to Experiment, or pass "
                "mean= and variance= to Normalization"
            )
    recipes = [(type(layer), _recipe(layer)) for layer in layers if not isinstance(layer, keras.layers.InputLayer)]

    def network(input_shape: tuple[int, int, int], classes: int) -> keras.Model:
        fresh = [layer_class.from_config(copy.deepcopy(config)) for layer_class, config in recipes]
        return keras.Sequential([keras.Input(input_shape), *fresh])

    return network


def _recipe(layer: keras.layers.Layer) -> dict[str, Any]:
    """Return the config of a layer, without a dtype that is only the global policy."""
    config = config_of(layer)
    if layer.dtype_policy == keras.config.dtype_policy():
        config.pop("dtype", None)
    return config


def build(network: Network, input_shape: tuple[int, int, int], classes: int, label: str) -> keras.Model:
    """Return `network(input_shape, classes)`, checked: a built model whose output is (batch, classes).

    InputError: Keras refuses the layers (the message has Keras' text), or the output does not fit the classes.
    """
    try:
        model = network(tuple(input_shape), classes)
    except InputError:
        raise
    except (ValueError, TypeError, OSError) as error:  # OSError: weights that cannot be downloaded
        reason = one_line(error)
        if "stateless scope" in reason:
            reason = "it makes a keras.Variable of an array; self.add_weight(shape, initializer) makes a fresh one"
        raise InputError(f"the network of {label} cannot be built for images of {input_shape}: {reason}") from error
    if not isinstance(model, keras.Model):
        raise InputError(f"the network of {label} must return a keras.Model. Received: {type(model).__name__}")
    if not (isinstance(model, keras.Sequential) or hasattr(model, "operations")) or not model.built:
        raise InputError(
            f"the network of {label} must be a keras.Sequential with keras.Input first, or a functional keras.Model; "
            f"the code of a subclassed model cannot be described. Received: {type(model).__name__}"
        )
    if model.output_shape != (None, classes):
        raise InputError(
            f"the network of {label} must end in (batch, {classes}), one probability a class. "
            f"Received: {model.output_shape}"
        )
    return model


def describe_network(network: Network, input_shape: tuple[int, int, int], classes: int, label: str) -> str:
    """Return the canonical text of the model that `network` builds, indented.

    InputError: the model cannot be built or described, or starts from other weights than its initializers give.
    """
    with keras.StatelessScope() as scope:  # where new variables have no value yet, and assignments are recorded
        model = build(network, input_shape, classes, label)
        text = describe(model, indent="  ")
        for variable in model.variables:
            if variable._value is not None:
                raise InputError(
                    f"the network of {label} has a layer that was built before ({variable.path}): each run would go on "
                    "from the weights of the last. Build all layers inside the network function"
                )
            if scope.get_current_value(variable) is not None and not _set_by_build(variable, model, scope):
                raise InputError(
                    f"the network of {label} sets weights ({variable.path}), which are not part of its identity: take "
                    "a keyword `weights`, set them only if it is not None, and pass weights= to Experiment; pass "
                    "mean= and variance= to Normalization"
                )
    return text


def _set_by_build(variable: keras.Variable, model: keras.Model, scope: keras.StatelessScope) -> bool:
    """Return whether the build method of a custom layer assigns the variable, the same values each time."""
    for layer in model._flatten_layers(include_self=False):
        positions = [position for position, held in enumerate(layer.variables) if held is variable]
        if positions and is_custom(type(layer)):
            again = scope.get_current_value(rebuilt(layer, config_of(layer)).variables[positions[0]])
            return again is not None and np.array_equal(again, scope.get_current_value(variable))
    return False


def code_state(network: Callable[..., Any]) -> str:
    """Return a text that changes when the custom code of a network function changes in this session."""
    if isinstance(network, functools.partial):
        return f"{code_state(network.func)} {_text_or_nothing((network.args, network.keywords))}"
    module = getattr(network, "__module__", None) or ""
    if module.startswith("cnnhelpers.") and not getattr(network, "__closure__", None):
        return network.__qualname__  # of this package, which does not change in a session
    return _text_or_nothing(network)


def _text_or_nothing(value: Any) -> str:
    try:
        return value_text(value, describe_global)
    except Exception:  # network functions may use anything: the model that they build is described
        return ""
