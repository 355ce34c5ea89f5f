"""The canonical text of a Keras model: what decides its results, and nothing that a rebuild would change."""

import copy
import hashlib
import inspect
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np

from cnnhelpers.errors import InputError, one_line

CONSTANTS = (bool, int, float, str, tuple)  # of a module, that enter the identity of a function that uses them


def layer_list(layers: Sequence[keras.layers.Layer]) -> Callable[[tuple[int, int, int], int], keras.Model]:
    """Return a network function that builds fresh copies of `layers`, so that each run starts from its own weights.

    Raises
    ------
    InputError
        If one is not a layer, or is a whole model that has weights already: a copy would not have them.
    """
    for layer in layers:
        if not isinstance(layer, keras.layers.Layer):
            raise InputError(f"a network is a function or a list of Keras layers. Received in the list: {layer!r}")
        _refuse_lambda(layer)
        if isinstance(layer, keras.Model) and layer.weights:
            raise InputError(
                f"a list of layers starts from fresh weights, and {layer.name} in it has weights already: write a "
                "function (input_shape, classes, weights) that loads them, and pass weights= to Experiment"
            )
    recipes = [(type(layer), _recipe(layer)) for layer in layers if not isinstance(layer, keras.layers.InputLayer)]

    def network(input_shape: tuple[int, int, int], classes: int) -> keras.Model:
        fresh = [layer_class.from_config(copy.deepcopy(config)) for layer_class, config in recipes]
        return keras.Sequential([keras.Input(input_shape), *fresh])

    return network


def _recipe(layer: keras.layers.Layer) -> dict[str, Any]:
    """Return the configuration of a layer; a dtype that is only the policy of the moment is left to the run's."""
    config = layer.get_config()
    if layer.dtype_policy == keras.config.dtype_policy():
        config.pop("dtype", None)
    return config


def build(
    network: Callable[[tuple[int, int, int], int], keras.Model],
    input_shape: tuple[int, int, int],
    classes: int,
    label: str,
) -> keras.Model:
    """Return `network(input_shape, classes)`, checked: a built model whose output is (batch, classes).

    Raises
    ------
    InputError
        If Keras refuses the layers (the message carries Keras' own), or the output does not fit the classes.
    """
    try:
        model = network(tuple(input_shape), classes)
    except (ValueError, TypeError, OSError) as error:  # OSError: weights that cannot be downloaded
        reason = f"cannot be built for images of {input_shape}: {one_line(error)}"
        raise InputError(f"the network of {label} {reason}") from error
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


def describe(model: keras.Model, indent: str = "") -> str:
    """Return one line a layer: class name and the arguments that differ from the class's defaults.

    Names, counters and the input layer are left out; nested models are indented; in a functional model a layer that
    does not simply follow the one before says which layers it reads (`<- 0, 3`, counted from 0 without inputs; `input`
    is the input). Code of your own (layer classes, activations) enters by name and a hash of its source.
    """
    mark = _source_mark(type(model))
    lines = [f"{indent}{type(model).__name__}{mark}"] if mark else []
    for layer, sources in _layers_with_sources(model):
        lines.append(f"{indent}{_reduce(layer)}{sources}")
        if isinstance(layer, keras.Model):
            lines.append(describe(layer, indent + "  "))
    return "\n".join(lines)


def _layers_with_sources(model: keras.Model) -> list[tuple[Any, str]]:
    """Return (layer, where it reads from) in order; the source is empty when it is just the layer before."""
    if isinstance(model, keras.Sequential):
        return [(layer, "") for layer in model.layers if not isinstance(layer, keras.layers.InputLayer)]
    if not hasattr(model, "operations"):
        raise InputError(
            f"{model.name} within a network must be a keras.Sequential or a functional keras.Model; the code of a "
            f"subclassed model cannot be described. Received: {type(model).__name__}"
        )
    operations = [op for op in model.operations if not isinstance(op, keras.layers.InputLayer)]
    positions = {op.name: str(position) for position, op in enumerate(operations)}
    if len(model.inputs) > 1:
        inputs = [tensor._keras_history.operation.name for tensor in model.inputs]
        positions |= {name: f"input {number}" for number, name in enumerate(inputs)}
    configs = {config["name"]: config for config in model.get_config()["layers"]}
    found = []
    for position, operation in enumerate(operations):
        calls = configs[operation.name]["inbound_nodes"]
        read = [_arguments(call["args"], positions) for call in calls]
        options = "".join(f" {key}={text}" for call in calls for key, text in _options(call["kwargs"], positions))
        plain = read == [["input" if position == 0 else str(position - 1)]]
        sources = "" if plain else " <- " + "; ".join(", ".join(names) for names in read)
        found.append((operation, sources + options))
    return found


def _arguments(values: Any, positions: dict[str, str]) -> list[str]:
    """Return what a serialized call is given, in order: the position of the layer that made it, or a constant."""
    if isinstance(values, dict) and values.get("class_name") == "__keras_tensor__":
        name, call, tensor = values["config"]["keras_history"]
        source = positions.get(name, "input") + (f"#{call}" if call else "")
        return [source if tensor == 0 else f"{source}.{tensor}"]
    if isinstance(values, (list, tuple)):
        return [source for value in values for source in _arguments(value, positions)]
    return [f"constant {values!r}"]


def _options(keywords: dict[str, Any], positions: dict[str, str]) -> list[tuple[str, str]]:
    """Return the keyword arguments of a call that are given; `training` is not one: a functional model overrides it."""
    nothing = (None, [None] * len(keywords.get("mask") or ()))
    given = (key for key in sorted(keywords) if keywords[key] not in nothing and key != "training")
    return [(key, ", ".join(_arguments(keywords[key], positions))) for key in given]


def _reduce(thing: Any) -> str:
    """Return `ClassName(argument=value, ...)` with required arguments and those that differ from the defaults."""
    _refuse_lambda(thing)
    cls = type(thing)
    label = cls.__name__ + _source_mark(cls)
    if isinstance(thing, keras.Model):
        return label
    config = thing.get_config()
    required = [name for name in _required_arguments(cls) if name in config]
    default = _default_config(cls, {name: config[name] for name in required})
    changed = sorted(key for key in config if key not in required and config[key] != default.get(key, _MISSING))
    left_out = ("name", "seed") if isinstance(thing, keras.layers.Layer) else ("name",)  # runs seed their layers
    shown = [name for name in (*required, *changed) if name not in left_out]
    return f"{label}({', '.join(f'{name}={_value(config[name], thing, name)}' for name in shown)})"


def _refuse_lambda(thing: Any) -> None:
    if isinstance(thing, keras.layers.Lambda):
        raise InputError(
            f"a Lambda layer ({thing.name}) has no stable description: write a layer class, or call keras.ops "
            "in a functional model"
        )


_MISSING = object()


def _default_config(cls: type, required: dict[str, Any]) -> dict[str, Any]:
    """Return the configuration of a `cls` made with only its required arguments; {} if Keras cannot make one."""
    for make in (cls.from_config, lambda config: cls(**config)):
        try:
            return make(copy.deepcopy(required)).get_config()
        except (KeyError, TypeError, ValueError):
            continue
    return {}


def _required_arguments(cls: type) -> list[str]:
    kinds = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    parameters = list(inspect.signature(cls.__init__).parameters.values())[1:]
    return [one.name for one in parameters if one.kind in kinds and one.default is inspect.Parameter.empty]


def _value(value: Any, owner: Any, name: str) -> str:
    """Return a configuration value as text: numbers without type, nested objects reduced like layers."""
    function = getattr(owner, name, None)
    if isinstance(value, dict) and inspect.isfunction(function):
        return function.__name__ + _source_mark(function)
    if isinstance(value, dict) and "class_name" in value and "config" in value:
        nested = getattr(owner, name, None)
        return _reduce(nested if hasattr(nested, "get_config") else keras.saving.deserialize_keras_object(value))
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_value(value[key], owner, name)}" for key in sorted(value)) + "}"
    if isinstance(value, (list, tuple)):
        return "(" + ", ".join(_value(item, owner, name) for item in value) + ")"
    if isinstance(value, (np.ndarray, np.generic)):
        return _value(value.tolist(), owner, name)
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return repr(value)


def _source_mark(thing: Any) -> str:
    """Return nothing for Keras' own code, else `#` and a hash of the source: changed code is another experiment."""
    if thing.__module__.split(".")[0] == "keras":
        return ""
    if thing.__name__ == "<lambda>":
        raise InputError("a lambda has no stable description: give the function a name with def")
    try:
        if inspect.isclass(thing):
            own = [base for base in thing.__mro__ if base.__module__.split(".")[0] not in ("keras", "builtins")]
            source = "".join(_class_source(base) for base in own if not base.__module__.startswith("tensorflow"))
        else:
            source = inspect.getsource(thing) + _surroundings(thing)
    except (OSError, TypeError) as error:
        raise InputError(
            f"the source of {thing.__name__} cannot be read, so its identity is unknown: put it into a .py file and "
            "import it"
        ) from error
    return "#" + hashlib.sha256(source.encode()).hexdigest()[:8]


def _class_source(cls: type) -> str:
    """Return the source of a class; of one written in a notebook that of its methods, which alone know their cell."""
    try:
        return inspect.getsource(cls)
    except (OSError, TypeError):
        methods = [inspect.getsource(one) for one in vars(cls).values() if inspect.isfunction(one)]
        if not methods:
            raise
        return "".join(methods)


def _surroundings(function: Callable) -> str:
    """Return the values that a function closes over, and the constants of its module that it uses."""
    used = inspect.getclosurevars(function)
    closed = sorted((name, _value_or_source(value)) for name, value in used.nonlocals.items())
    constants = sorted((name, value) for name, value in used.globals.items() if isinstance(value, CONSTANTS))
    return repr(closed) + (repr(constants) if constants else "")


def _value_or_source(value: Any) -> Any:
    return f"{value.__name__}{_source_mark(value)}" if inspect.isfunction(value) else value
