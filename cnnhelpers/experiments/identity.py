"""Describe a Keras model by a canonical text: everything that decides its results, nothing else."""

import copy
import inspect
import random
from typing import Any

import keras
import numpy as np

from cnnhelpers.errors import InputError, one_line
from cnnhelpers.experiments.custom_code import code_hash, is_library, names_in, value_text

_AROUND = ("Lambda", "TFSMLayer", "JaxLayer", "FlaxLayer", "TorchModuleWrapper")
OPAQUE = tuple(getattr(keras.layers, name) for name in _AROUND)  # layers around code or files
_MISSING = object()


def describe(model: keras.Model, indent: str = "") -> str:
    """Return a line for each layer: class name, and the arguments that differ from the defaults of the class.

    Names, counters and the input layer are left out; nested models are indented. In a functional model, a layer that
    does not simply follow the previous layer lists its inputs (`<- 0, 3`, counted from 0 without input layers; `input`
    is the input). Custom code (layer classes, activations) enters by name and hash, see custom_code.code_hash.
    """
    mark = _mark(type(model))
    lines = [f"{indent}{type(model).__name__}{mark}"] if mark else []
    for layer, sources in _layers_with_sources(model):
        lines.append(f"{indent}{_reduce(layer)}{sources}")
        if isinstance(layer, keras.Model):
            lines.append(describe(layer, indent + "  "))
    return "\n".join(lines)


def _layers_with_sources(model: keras.Model) -> list[tuple[Any, str]]:
    """Return (layer, inputs) in order; inputs are empty where a layer follows the previous layer."""
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
    configs = {config["name"]: config for config in config_of(model)["layers"]}
    rows = []
    for position, operation in enumerate(operations):
        calls = configs[operation.name]["inbound_nodes"]
        read = [_arguments(call["args"], positions) for call in calls]
        options = "".join(f" {key}={text}" for call in calls for key, text in _options(call["kwargs"], positions))
        plain = read == [["input" if position == 0 else str(position - 1)]]
        sources = "" if plain else " <- " + "; ".join(", ".join(names) for names in read)
        rows.append((operation, sources + options))
    return rows


def _arguments(values: Any, positions: dict[str, str]) -> list[str]:
    """Return the arguments of a serialized call, in order: the position of the layer that made it, or a constant."""
    if isinstance(values, dict) and values.get("class_name") == "__keras_tensor__":
        name, call, tensor = values["config"]["keras_history"]
        source = positions.get(name, "input") + (f"#{call}" if call else "")
        return [source if tensor == 0 else f"{source}.{tensor}"]
    if isinstance(values, (list, tuple)):
        return [source for value in values for source in _arguments(value, positions)]
    return [f"constant {values!r}"]


def _options(keywords: dict[str, Any], positions: dict[str, str]) -> list[tuple[str, str]]:
    """Return the keyword arguments of a call but `training`, which a functional model overrides."""
    nothing = (None, [None] * len(keywords.get("mask") or ()))
    names = (name for name in sorted(keywords) if keywords[name] not in nothing and name != "training")
    return [(name, ", ".join(_arguments(keywords[name], positions))) for name in names]


def _reduce(thing: Any) -> str:
    """Return `ClassName(argument=value, ...)` with required arguments and those that differ from the defaults."""
    cls = type(thing)
    label = cls.__name__ + _mark(cls)
    if isinstance(thing, keras.Model):
        return label
    config = config_of(thing)
    required = [name for name in _required_arguments(cls) if name in config]
    default = _default_config(cls, {name: config[name] for name in required})
    changed = sorted(key for key in config if key not in required and _differ(config[key], default.get(key, _MISSING)))
    left_out = ("name", "seed") if isinstance(thing, keras.layers.Layer) else ("name",)  # runs seed their layers
    shown = [name for name in (*required, *changed) if name not in left_out]
    return f"{label}({', '.join(f'{name}={_value(config[name], thing, name)}' for name in shown)})"


def config_of(thing: Any) -> dict[str, Any]:
    """Return the config of an object; InputError if there is none, or if an attribute of custom code is missing."""
    if isinstance(thing, OPAQUE):
        raise InputError(
            f"a {type(thing).__name__} layer ({thing.name}) has no stable description: write a layer class, or call "
            "keras.ops in a functional model"
        )
    try:
        config = thing.get_config()
    except Exception as error:  # of the class itself, or of Keras, which cannot serialize something
        raise InputError(
            f"{type(thing).__name__} has no get_config() to describe it by ({one_line(error)[:200]}): return each "
            "argument of __init__ there, as numbers, text, lists or Keras objects"
        ) from error
    if is_custom(type(thing)) and not isinstance(thing, keras.Model):
        _check_config(thing, config)
    return config


def _check_config(thing: Any, config: dict[str, Any]) -> None:
    """Raise InputError if a copy made from the config has other attributes: they would go unnoticed."""
    cls = type(thing)
    held, copied = getattr(thing, "__dict__", {}), getattr(rebuilt(thing, config), "__dict__", {})
    for name in sorted(names_in(cls, describe_global) & (held.keys() | copied.keys()) - {"name", "seed"}):
        value, copy_value = held.get(name, _MISSING), copied.get(name, _MISSING)
        if value is copy_value or isinstance(value, keras.KerasTensor):
            continue
        lost = value is _MISSING or copy_value is _MISSING
        if lost or _attribute_text(value) != _attribute_text(copy_value):
            raise InputError(
                f"{cls.__name__}.{name} is not in the config of the layer, so that a change of it would go unnoticed: "
                f"take it in __init__ and return it in get_config(). Received: {name}={value!r}, from the config: "
                f"{'nothing' if copy_value is _MISSING else repr(copy_value)}"
            )


def rebuilt(thing: Any, config: dict[str, Any]) -> Any:
    """Return a copy made from the config, built if `thing` is; Python's random state stays as it was."""
    state = random.getstate()
    try:
        copied = type(thing).from_config(copy.deepcopy(config))
        if isinstance(thing, keras.layers.Layer) and thing.built and type(thing).build is not keras.layers.Layer.build:
            copied.build_from_config(thing.get_build_config())
        return copied
    except Exception as error:
        raise InputError(
            f"{type(thing).__name__} cannot be made again from its get_config() ({one_line(error)[:200]}): return each "
            "argument of __init__ there"
        ) from error
    finally:
        random.setstate(state)


def _attribute_text(value: Any) -> str:
    """Return the text of an attribute of a layer: the shape of weights, the value of everything else."""

    def describe_attribute(value: Any) -> str:
        if isinstance(value, (keras.Variable, keras.KerasTensor)):
            return f"{type(value).__name__} {value.shape} {value.dtype}"
        return f"{_reduce(value)}\n{describe(value)}" if isinstance(value, keras.Model) else _reduce(value)

    return value_text(value, describe_attribute)


def describe_global(value: Any) -> str:
    """Return the text of a Keras object that custom code uses without making it itself."""
    if isinstance(value, (keras.Variable, keras.KerasTensor)) or getattr(value, "weights", None):
        raise InputError(
            f"custom code uses weights that are made outside of it ({value!r}), which are not part of the identity: "
            "make them in the build method of a layer"
        )
    return _reduce(value)


def is_custom(cls: type) -> bool:
    """Return whether a class or a base of it is custom code."""
    return any(not is_library(base.__module__) for base in cls.__mro__)


def _default_config(cls: type, required: dict[str, Any]) -> dict[str, Any]:
    """Return the config of an object made with only the required arguments; {} if it cannot be made."""
    for make in (cls.from_config, lambda config: cls(**config)):
        try:
            return make(copy.deepcopy(required)).get_config()
        except Exception:  # of any class: then all arguments are shown
            continue
    return {}


def _required_arguments(cls: type) -> list[str]:
    kinds = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    parameters = list(inspect.signature(cls.__init__).parameters.values())[1:]
    return [part.name for part in parameters if part.kind in kinds and part.default is inspect.Parameter.empty]


def _differ(value: Any, default: Any) -> bool:
    try:
        return bool(value != default)
    except ValueError:  # arrays
        return default is _MISSING or _value(value, None, "") != _value(default, None, "")


def _value(value: Any, owner: Any, name: str) -> str:
    """Return a configuration value as text: numbers without type, nested objects reduced like layers."""
    held = getattr(owner, name, None)
    if isinstance(value, dict) and callable(held) and not hasattr(held, "get_config") and hasattr(held, "__name__"):
        value = held
    if isinstance(value, dict) and "class_name" in value and "config" in value:
        nested = held if hasattr(held, "get_config") else _deserialized(value, type(owner).__name__, name)
        return _reduce(nested) if hasattr(nested, "get_config") else _value(nested, None, "")
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_value(value[key], owner, name)}" for key in sorted(value)) + "}"
    if isinstance(value, (list, tuple)):
        return "(" + ", ".join(_value(item, owner, name) for item in value) + ")"
    if isinstance(value, np.generic) or (isinstance(value, np.ndarray) and value.size <= 100):
        return _value(value.tolist(), owner, name)
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if inspect.isroutine(value) or inspect.isclass(value):
        return value.__name__ + _mark(value)
    return value_text(value, describe_global)


def _deserialized(value: dict[str, Any], owner: str, name: str) -> Any:
    try:
        return keras.saving.deserialize_keras_object(value)
    except Exception as error:
        raise InputError(
            f"{name}={value['class_name']} in the config of {owner} cannot be described: keep the object as the "
            f"attribute {name}, or register its class with keras.saving.register_keras_serializable()"
        ) from error


def _mark(thing: Any) -> str:
    """Return "" for code of Keras, else `#` and the hash of the code: changed code is another experiment."""
    if (thing.__module__ or "").split(".")[0] == "keras":
        return ""
    if thing.__name__ == "<lambda>":
        raise InputError("a lambda has no stable description: give the function a name with def")
    return "#" + code_hash(thing, describe_global)
