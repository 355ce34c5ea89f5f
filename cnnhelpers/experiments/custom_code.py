"""Hash custom code: the source of a class or function without comments, and recursively all code and values it uses."""

import dis
import enum
import functools
import hashlib
import importlib.util
import inspect
import io
import linecache
import re
import sys
import sysconfig
import textwrap
import tokenize
import types
from collections.abc import Callable, Iterator
from pathlib import Path, PurePath
from typing import Any

import numpy as np

from cnnhelpers.errors import InputError

LITERALS = (bool, int, float, complex, str, bytes, type(None), type(Ellipsis), range, slice, re.Pattern, PurePath)
LITERALS += (types.GenericAlias, types.UnionType)


def code_hash(thing: type | types.FunctionType, describe: Callable[[Any], str]) -> str:
    """Return 8 hexadecimal digits that change with the code of a class or function, and with all that this code uses.

    Custom functions, classes, base classes, closures, default arguments and constants enter recursively; code of
    installed libraries does not, except for `thing` itself. Comments, docstrings and blank lines do not count.

    Parameters
    ----------
    describe
        Returns the text of an object with get_config.

    Raises
    ------
    InputError
        If the code uses something that has no stable description, or its source cannot be read.
    """
    used = _Used(describe)
    used.add(thing)
    return _hash(used.texts)


def value_text(value: Any, describe: Callable[[Any], str]) -> str:
    """Return a text that changes with a value, and with the custom code in it, see code_hash."""
    used = _Used(describe)
    text = used.value(value)
    return f"{text}#{_hash(used.texts)}" if used.texts else text


def is_library(module: str | None) -> bool:
    """Return whether a module is part of Python or of an installed library; this package counts as custom code."""
    return module is None or _is_library(module.partition(".")[0])


@functools.cache
def _is_library(package: str) -> bool:
    if package in ("__main__", __name__.partition(".")[0]):
        return False
    loaded = sys.modules.get(package)
    spec = getattr(loaded, "__spec__", None) if loaded else importlib.util.find_spec(package)
    places = [spec.origin, *(spec.submodule_search_locations or ())] if spec else []
    paths = [Path(place) for place in places if place and place not in ("built-in", "frozen")]
    if not paths:
        return package in sys.stdlib_module_names
    installed = {"site-packages", "dist-packages"} & {part for path in paths for part in path.parts}
    return bool(installed) or paths[0].is_relative_to(sysconfig.get_path("stdlib"))


def _hash(texts: list[str]) -> str:
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()[:8]


def names_in(thing: type | types.FunctionType, describe: Callable[[Any], str]) -> set[str]:
    """Return the names of all globals and attributes in a class or function and in the custom code that it uses."""
    used = _Used(describe)
    used.add(thing)
    return used.names


class _Used:
    """The texts of all custom code that something uses, in the order in which they are met."""

    def __init__(self, describe: Callable[[Any], str]) -> None:
        self.texts: list[str] = []
        self.names: set[str] = set()
        self._describe = describe
        self._met: dict[int, Any] = {}  # by id; holding them keeps the ids unique

    def add(self, thing: Any) -> None:
        """Add a class or function with all that it uses, once."""
        if id(thing) in self._met:
            return
        self._met[id(thing)] = thing
        _check_unchanged(_module(thing))
        if is_library(_module(thing)) or not isinstance(thing, (type, types.FunctionType)):
            self.texts.append(_library_source(thing))
        elif isinstance(thing, type):
            self._add_class(thing)
        else:
            self.texts.append(_source(thing.__code__))
            self.names.update(name for code in _codes(thing.__code__) for name in code.co_names)
            self._add_values(_uses(thing), thing.__qualname__)

    def _add_class(self, cls: type) -> None:
        self.texts.append(_class_source(cls))
        for base in cls.__mro__[1:]:
            if not is_library(base.__module__):
                self.add(base)
        self._add_values(
            {name: member for name, member in vars(cls).items() if _is_written(cls, name, member)}, cls.__qualname__
        )

    def _add_values(self, values: dict[str, Any], owner: str) -> None:
        for name in sorted(values):
            self.texts.append(f"{name} = {self.value(values[name], f'{name} in {owner}')}")

    def value(self, value: Any, where: str = "a value") -> str:
        """Return the text of a value; custom code in it is added."""
        if isinstance(value, np.generic):
            return f"{value.dtype}({value.item()!r})"
        if isinstance(value, enum.Enum):
            return f"{self.value(type(value), where)}.{value.name}"
        if isinstance(value, LITERALS):
            return repr(value)
        if isinstance(value, (list, tuple)):
            return f"{'list' if isinstance(value, list) else 'tuple'}({self._values(value, where)})"
        if isinstance(value, (set, frozenset)):
            return f"set({', '.join(sorted(self.value(item, where) for item in value))})"
        if isinstance(value, (dict, types.MappingProxyType)):
            return f"dict({', '.join(f'{self.value(key, where)}: {self.value(value[key], where)}' for key in value)})"
        if isinstance(value, (type, types.FunctionType)):
            if not is_library(_module(value)):
                self.add(value)
            elif hasattr(value, "__wrapped__"):  # by a decorator of a library
                return f"{_name(value)}({self.value(value.__wrapped__, where)})"
            return _name(value)
        if isinstance(value, (staticmethod, classmethod)):
            return self.value(value.__func__, where)
        if isinstance(value, property):
            return f"property({self._values((value.fget, value.fset, value.fdel), where)})"
        if isinstance(value, functools.cached_property):
            return self.value(value.func, where)
        if isinstance(value, types.MethodType):
            return f"{self.value(value.__func__, where)} of {self.value(value.__self__, where)}"
        if isinstance(value, functools.partial):
            return f"partial({self._values((value.func, value.args, value.keywords), where)})"
        if isinstance(value, types.ModuleType) and is_library(value.__name__):
            return value.__name__
        return self._object(value, where)

    def _values(self, values: list | tuple, where: str) -> str:
        return ", ".join(self.value(item, where) for item in values)

    def _object(self, value: Any, where: str) -> str:
        import keras

        if hasattr(value, "get_config") or isinstance(value, (keras.Variable, keras.KerasTensor)):
            return self._describe(value)
        if isinstance(value, np.ndarray) or keras.ops.is_tensor(value):
            return _array_text(np.asarray(value), lambda item: self.value(item, where))
        if hasattr(value, "__wrapped__"):  # by functools.lru_cache, tf.function, jax.jit
            return f"{_name(type(value))}({self.value(value.__wrapped__, where)})"
        if callable(value) and hasattr(value, "__name__") and is_library(_module(value)):
            return _name(value)
        custom = not is_library(type(value).__module__) or isinstance(value, types.SimpleNamespace)
        if custom and hasattr(value, "__dict__") and id(value) not in self._met:
            self._met[id(value)] = value
            return f"{self.value(type(value), where)}({self.value(dict(sorted(vars(value).items())), where)})"
        if custom and id(value) in self._met:
            return _name(type(value))
        raise InputError(
            f"{where} is a {type(value).__name__}, which has no stable description, so that a change of it would go "
            "unnoticed: use numbers, text, lists, arrays, functions or classes, or an object with get_config()"
        )


def _array_text(array: np.ndarray, item_text: Callable[[Any], str]) -> str:
    if array.dtype == object:
        return f"objects({', '.join(map(item_text, array.ravel()))})"
    return f"{array.dtype} {array.shape} {hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()}"


def _module(thing: Any) -> str | None:
    """Return the module of a class or function; that of a wrapper, whose __module__ is what it wraps, from its code."""
    if isinstance(thing, types.FunctionType):
        return thing.__globals__.get("__name__")
    return getattr(thing, "__module__", None)


def _name(thing: Any) -> str:
    """Return the name of a class or function, with its package if it is a library's."""
    name, module = getattr(thing, "__qualname__", thing.__name__), _module(thing) or type(thing).__module__
    return f"{module.partition('.')[0]}.{name}" if is_library(module) else name


def _is_written(cls: type, name: str, member: Any) -> bool:
    """Return whether a member of a class is code or a value of its author, not made by Python for every class."""
    if isinstance(member, types.FunctionType):
        return (
            inspect.unwrap(member).__code__.co_filename != "<string>"
        )  # as the methods of a dataclass, which follow from its source
    if isinstance(member, (staticmethod, classmethod, property, functools.cached_property)):
        return True
    hidden = name.startswith("__") or name == "_abc_impl" or (name.startswith("_") and issubclass(cls, enum.Enum))
    return not hidden and not inspect.isdatadescriptor(member)


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
    for name, cell in zip(code.co_freevars, function.__closure__ or (), strict=True):
        if name != "__class__":  # of super()
            uses[name] = cell.cell_contents
    for path in {path for inner in _codes(code) for path in _global_paths(inner, function.__qualname__)}:
        if path[0] in function.__globals__:  # else a builtin, or a name that is missing
            used, value = path[:1], function.__globals__[path[0]]
            for name in path[1:]:
                if not isinstance(value, types.ModuleType) or is_library(value.__name__) or not hasattr(value, name):
                    break
                _check_unchanged(value.__name__)
                used, value = (*used, name), getattr(value, name)
            uses[".".join(used)] = value
    return uses


_STAMPS: dict[int, tuple[Any, tuple[int, int]]] = {}  # by id of a module's spec: the spec, and its file when first met


def _check_unchanged(module: str | None) -> None:
    """Raise InputError if the file of a module has changed since this session first described code of it."""
    spec = None if is_library(module) else getattr(sys.modules.get(module), "__spec__", None)
    if spec is not None and spec.origin and Path(spec.origin).is_file():
        stat = Path(spec.origin).stat()
        _, first = _STAMPS.setdefault(id(spec), (spec, (stat.st_mtime_ns, stat.st_size)))
        if first != (stat.st_mtime_ns, stat.st_size):
            raise InputError(
                f"{spec.origin} has changed since it was imported, so that worker processes would run other code than "
                "this process: restart the kernel, or importlib.reload the module"
            )


def _global_paths(code: types.CodeType, function: str) -> Iterator[tuple[str, ...]]:
    """Yield the global names in a code object, with the attributes that follow: ("settings", "SHARPNESS")."""
    path: list[str] = []
    previous: list[Any] = [None, None]
    for instruction in dis.get_instructions(code):
        if path and instruction.opname in ("LOAD_ATTR", "LOAD_METHOD"):
            path.append(instruction.argval)
            continue
        if path:
            yield tuple(path)
        path = [instruction.argval] if instruction.opname in ("LOAD_GLOBAL", "LOAD_NAME") else []
        if instruction.opname == "IMPORT_NAME" and (previous[0] or not is_library(instruction.argval)):
            raise InputError(
                f"{function} imports {instruction.argval or 'a neighbour'} itself, so that a change there would go "
                "unnoticed: import at the top of the file"
            )
        previous = [previous[1], instruction.argval]
    if path:
        yield tuple(path)


def _source(code: types.CodeType) -> str:
    try:
        return _without_comments(inspect.getsource(code))
    except OSError as error:
        raise _unreadable(code.co_name) from error


def _class_source(cls: type) -> str:
    """Return the source of a class, in a notebook from the cell of its methods."""
    try:
        return _without_comments(inspect.getsource(cls))
    except (OSError, TypeError):
        head = re.compile(rf"\s*class\s+{re.escape(cls.__name__)}\b")
        for method in (member for member in vars(cls).values() if isinstance(member, types.FunctionType)):
            lines = linecache.getlines(method.__code__.co_filename)[: method.__code__.co_firstlineno]
            first = next((row for row in reversed(range(len(lines))) if head.match(lines[row])), None)
            if first is not None:
                while first and lines[first - 1].lstrip().startswith("@"):
                    first -= 1
                lines = linecache.getlines(method.__code__.co_filename)[first:]
                return _without_comments("".join(inspect.getblock(lines)))
        raise _unreadable(cls.__name__) from None


def _library_source(thing: type | types.FunctionType) -> str:
    try:
        return _without_comments(inspect.getsource(thing))
    except (OSError, TypeError):
        return _name(thing)


def _unreadable(name: str) -> InputError:
    return InputError(
        f"the source of {name} cannot be read, so its identity is unknown: put it into a .py file and import it"
    )


@functools.lru_cache(maxsize=1024)
def _without_comments(source: str) -> str:
    """Return source code without comments, docstrings, blank lines and the indentation of the whole."""
    lines = source.splitlines()
    inside: set[int] = set()  # rows, from 1, that end inside a text
    statement: list[tokenize.TokenInfo] = []
    try:
        for token in tokenize.generate_tokens(io.StringIO(source).readline):
            row, column = token.start
            if token.type == tokenize.COMMENT:
                lines[row - 1] = lines[row - 1][:column]
            elif token.type == tokenize.NEWLINE:
                if {part.type for part in statement} == {tokenize.STRING}:  # a docstring
                    rows = range(statement[0].start[0], statement[-1].end[0] + 1)
                    inside.difference_update(rows)
                    lines[rows[0] - 1 : rows[-1]] = [""] * len(rows)
                statement = []
            elif token.type not in (tokenize.NL, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER):
                inside.update(range(row, token.end[0]))
                statement.append(token)
    except (tokenize.TokenError, SyntaxError):  # the lines of a lambda need not be whole statements
        return source
    kept = [line if row in inside else line.rstrip() for row, line in enumerate(lines, start=1)]
    return textwrap.dedent("\n".join(line for row, line in enumerate(kept, start=1) if line or row in inside))
