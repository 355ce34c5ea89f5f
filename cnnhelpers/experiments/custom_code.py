"""Hash custom code: the source of a class or function, and recursively all code and values that it uses."""

import dis
import enum
import functools
import hashlib
import importlib.util
import inspect
import re
import sys
import sysconfig
import types
from collections.abc import Callable, Iterator
from pathlib import Path, PurePath
from typing import Any

import numpy as np

from cnnhelpers.errors import InputError
from cnnhelpers.experiments.source_code import check_unchanged, class_source, function_source

LITERALS = (bool, int, float, complex, str, bytes, range, slice, re.Pattern, PurePath)
LITERALS += (type(None), type(Ellipsis), types.GenericAlias, types.UnionType)
DESCRIPTORS = {
    staticmethod: ("__func__",),
    classmethod: ("__func__",),
    property: ("fget", "fset", "fdel"),
    functools.cached_property: ("func",),
}
WRAPPERS = DESCRIPTORS | {types.MethodType: ("__func__", "__self__"), functools.partial: ("func", "args", "keywords")}


def code_hash(thing: type | types.FunctionType, describe: Callable[[Any], str]) -> str:
    """Return 8 hexadecimal digits that change with the code of a class or function, and with all that this code uses.

    Custom functions, classes, base classes, closures, default arguments and constants enter recursively; code of
    installed libraries does not, except for `thing` itself. Comments, docstrings and blank lines do not count.
    `describe` returns the text of an object with get_config. InputError: the code uses something that has no stable
    description, or its source cannot be read.
    """
    used = _Used(describe)
    used.add(thing)
    return used.hash()


def value_text(value: Any, describe: Callable[[Any], str]) -> str:
    """Return a text that changes with a value and with the custom code in it, see code_hash."""
    used = _Used(describe)
    text = used.value(value)
    return f"{text}#{used.hash()}" if used.texts else text


def names_in(thing: type | types.FunctionType, describe: Callable[[Any], str]) -> set[str]:
    """Return the names of all globals and attributes in a class or function and in the custom code that it uses."""
    used = _Used(describe)
    used.add(thing)
    return used.names


@functools.cache
def is_library(module: str | None) -> bool:
    """Return whether a module is part of Python or of an installed library; this package counts as custom code."""
    if module is None:
        return True
    package = module.partition(".")[0]
    if package in ("__main__", __name__.partition(".")[0]):
        return False
    loaded = sys.modules.get(package)
    spec = getattr(loaded, "__spec__", None) if loaded else importlib.util.find_spec(package)
    places = [spec.origin, *(spec.submodule_search_locations or ())] if spec else []
    paths = [Path(place) for place in places if place and place not in ("built-in", "frozen")]
    if not paths:
        return package in sys.stdlib_module_names
    installed = any({"site-packages", "dist-packages"} & {*path.parts} for path in paths)
    return installed or paths[0].is_relative_to(sysconfig.get_path("stdlib"))


class _Used:
    """The texts of all custom code that a class, function or value uses, in the order of their first use."""

    def __init__(self, describe: Callable[[Any], str]) -> None:
        self.texts: list[str] = []
        self.names: set[str] = set()
        self._describe = describe
        self._seen: dict[int, Any] = {}  # by id; holding the objects keeps their ids unique
        self._open: list[int] = []  # ids of the containers around the present value

    def hash(self) -> str:
        return hashlib.sha256("\n".join(self.texts).encode()).hexdigest()[:8]

    def add(self, thing: Any) -> None:
        """Add a class or function with all that it uses, once."""
        if id(thing) in self._seen:
            return
        self._seen[id(thing)] = thing
        if is_library(_module(thing)) or not isinstance(thing, (type, types.FunctionType)):
            self.texts.append(_library_source(thing))
            return
        check_unchanged(_module(thing))
        if isinstance(thing, type):
            self.texts.append(class_source(thing))
            for base in thing.__mro__[1:]:
                if not is_library(base.__module__):
                    self.add(base)
            values = {name: member for name, member in vars(thing).items() if _is_written(thing, name, member)}
        else:
            self.texts.append(function_source(thing.__code__))
            self.names.update(name for code in _codes(thing.__code__) for name in code.co_names)
            values = _uses(thing)
        for name in sorted(values):
            self.texts.append(f"{name} = {self.value(values[name], f'{name} in {thing.__qualname__}')}")

    def value(self, value: Any, where: str = "a value") -> str:
        """Return the text of a value; custom code in it is added."""
        if isinstance(value, np.generic):
            return f"{value.dtype}({value.item()!r})"
        if isinstance(value, enum.Enum):
            return f"{self.value(type(value), where)}.{value.name}"
        if isinstance(value, LITERALS):
            return repr(value)
        if id(value) in self._open:  # a container in itself
            return f"the container {len(self._open) - self._open.index(id(value))} levels up"
        if isinstance(value, (list, tuple)):
            return f"{'list' if isinstance(value, list) else 'tuple'}({self._values(value, where, value)})"
        if isinstance(value, (set, frozenset)):  # its order differs between processes
            items = sorted(value, key=lambda item: (_module(item) or "", getattr(item, "__qualname__", repr(item))))
            return f"set({', '.join(sorted(self.value(item, where) for item in items))})"
        if isinstance(value, (dict, types.MappingProxyType)):
            return f"dict({self._values([item for pair in value.items() for item in pair], where, value)})"
        if isinstance(value, (type, types.FunctionType)):
            if not is_library(_module(value)):
                self.add(value)
            elif hasattr(value, "__wrapped__"):  # by a decorator of a library
                return f"{_name(value)}({self.value(value.__wrapped__, where)})"
            return _name(value)
        for kind, parts in WRAPPERS.items():
            if isinstance(value, kind):
                return f"{kind.__name__}({self._values([getattr(value, part) for part in parts], where)})"
        if isinstance(value, types.ModuleType) and is_library(value.__name__):
            return value.__name__
        return self._object(value, where)

    def _values(self, values: list | tuple, where: str, container: Any = None) -> str:
        self._open.append(id(container))
        text = ", ".join(self.value(item, where) for item in values)
        self._open.pop()
        return text

    def _object(self, value: Any, where: str) -> str:
        import keras

        if hasattr(value, "get_config") or isinstance(value, (keras.Variable, keras.KerasTensor)):
            return self._describe(value)
        if isinstance(value, np.ndarray) or keras.ops.is_tensor(value):
            array = np.asarray(value)
            if array.dtype == object:
                return f"objects({self._values(array.ravel().tolist(), where)})"
            return f"{array.dtype} {array.shape} {hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()}"
        if hasattr(value, "__wrapped__"):  # by functools.lru_cache, tf.function, jax.jit
            return f"{_name(type(value))}({self.value(value.__wrapped__, where)})"
        if callable(value) and hasattr(value, "__name__") and is_library(_module(value)):
            return _name(value)
        if hasattr(value, "__dict__") and not is_library(type(value).__module__):
            if id(value) in self._seen:
                return _name(type(value))
            self._seen[id(value)] = value
            return f"{self.value(type(value), where)}({self.value(dict(sorted(vars(value).items())), where)})"
        raise InputError(
            f"{where} is a {type(value).__name__}, which has no stable description, so that a change of it would go "
            "unnoticed: use numbers, text, lists, arrays, functions or classes, or an object with get_config()"
        )


def _module(thing: Any) -> str | None:
    """Return the module of a class or function; of a wrapper, whose __module__ is copied, that of its code."""
    if isinstance(thing, types.FunctionType):
        return thing.__globals__.get("__name__")
    return getattr(thing, "__module__", None)


def _name(thing: Any) -> str:
    """Return the name of a class or function, with the package if it is a library."""
    name, module = getattr(thing, "__qualname__", thing.__name__), _module(thing) or type(thing).__module__
    return f"{module.partition('.')[0]}.{name}" if is_library(module) else name


def _library_source(thing: Any) -> str:
    try:
        return class_source(thing) if isinstance(thing, type) else function_source(thing.__code__)
    except (InputError, AttributeError):  # it is not written in Python
        return _name(thing)


def _is_written(cls: type, name: str, member: Any) -> bool:
    """Return whether a member of a class was written by its author, not generated by Python."""
    if isinstance(member, types.FunctionType):  # methods of a dataclass are generated from a string
        return inspect.unwrap(member).__code__.co_filename != "<string>"
    hidden = name.startswith("__") or name == "_abc_impl" or (name.startswith("_") and issubclass(cls, enum.Enum))
    return isinstance(member, tuple(DESCRIPTORS)) or not (hidden or inspect.isdatadescriptor(member))


def _codes(code: types.CodeType) -> Iterator[types.CodeType]:
    """Yield a code object and those of the functions in it."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _codes(constant)


def _uses(function: types.FunctionType) -> dict[str, Any]:
    """Return the default arguments, the values closed over, and the globals that a function uses, by name."""
    code, defaults = function.__code__, function.__defaults__ or ()
    names = code.co_varnames[code.co_argcount - len(defaults) : code.co_argcount]
    uses = {f"default {name}": value for name, value in zip(names, defaults, strict=True)}
    uses |= {f"default {name}": value for name, value in (function.__kwdefaults__ or {}).items()}
    cells = dict(zip(code.co_freevars, function.__closure__ or (), strict=True))
    uses |= {name: cell.cell_contents for name, cell in cells.items() if name != "__class__"}  # that is for super()
    for path in {path for inner in _codes(code) for path in _global_paths(inner, function.__qualname__)}:
        if path[0] in function.__globals__:  # else a builtin, or a name that is missing
            used, value = path[:1], function.__globals__[path[0]]
            for name in path[1:]:
                if not isinstance(value, types.ModuleType) or is_library(value.__name__) or not hasattr(value, name):
                    break
                check_unchanged(value.__name__)
                used, value = (*used, name), getattr(value, name)
            uses[".".join(used)] = value
    return uses


def _global_paths(code: types.CodeType, function: str) -> Iterator[tuple[str, ...]]:
    """Yield the global names in a code object, with the attributes that follow: ("settings", "SHARPNESS")."""
    path: list[str] = []
    level = names = None  # arguments of an import: it is relative if level is above 0
    for instruction in dis.get_instructions(code):
        if path and instruction.opname in ("LOAD_ATTR", "LOAD_METHOD"):
            path.append(instruction.argval)
            continue
        if path:
            yield tuple(path)
        path = [instruction.argval] if instruction.opname in ("LOAD_GLOBAL", "LOAD_NAME") else []
        if instruction.opname == "IMPORT_NAME" and (level or not is_library(instruction.argval)):
            raise InputError(
                f"{function} imports {instruction.argval or 'a module of its package'} itself, so that a change there "
                "would go unnoticed: import at the top of the file"
            )
        level, names = names, instruction.argval
    if path:
        yield tuple(path)
