"""A pickle of numpy arrays, dicts, lists, text and numbers, read without running anything that it asks for."""

import pickle
import re
from typing import Any, BinaryIO

import numpy as np

from cnnhelpers.errors import InputError


def unpickle(file: BinaryIO) -> Any:
    """Return what the pickle holds, tuples as lists; InputError, with its name, for anything else that it asks for.

    A damaged pickle can raise any exception.
    """
    return _plain(_Unpickler(file, encoding="latin1").load())


class _Unpickler(pickle.Unpickler):
    """Rebuilds numpy arrays by stand-ins of our own: no code of the file, nor numpy's unchecked C state, is reached.

    The stand-ins are classes with a __setstate__, because pickle sets attributes on whatever has none.
    """

    def find_class(self, module: str, name: str) -> Any:
        """Return the stand-in of the few names that numpy 1 and 2 write; InputError for any other."""
        plain = module.replace("numpy._core", "numpy.core")
        if (plain, name) not in _STAND_INS:
            raise InputError(
                f"the pickle asks for {module}.{name}, but only numpy arrays, dicts, lists, text and "
                "numbers are admitted: do not trust this file"
            )
        return _STAND_INS[plain, name]


class _Type:
    """Stands for numpy.dtype."""

    def __init__(self, code: str, *_: Any) -> None:
        if not re.fullmatch(r"[<>|=]?([biufc]\d{1,2}|O8?|[US]\d{1,6})", str(code)):
            raise InputError(f"the pickle holds an array of type {code!r}, but numbers or text are needed")
        self.dtype = np.dtype(str(code))

    def __setstate__(self, state: tuple) -> None:
        if any(part is not None for part in state[2:5]):
            raise InputError("the pickle holds a structured array, but plain ones are needed")
        if state[1] in ("<", ">"):
            self.dtype = self.dtype.newbyteorder(state[1])


class _Array:
    """Stands for numpy.ndarray; `value` is the array once the state has come."""

    value: Any = None

    def __init__(self, *_: Any) -> None:
        pass

    def __setstate__(self, state: tuple) -> None:
        _, shape, kind, by_columns, content = state
        self.value = _array(content, kind, shape, "F" if by_columns else "C")


def _array(content: Any, kind: _Type, shape: tuple[int, ...], order: str) -> Any:
    if kind.dtype == object:
        return content[0] if shape == () else list(content)
    if isinstance(content, str):  # of Python 2
        content = content.encode("latin1")
    return np.frombuffer(content, kind.dtype).reshape(shape, order=order)


class _Scalar(_Array):
    """Stands for a numpy number."""

    def __init__(self, kind: _Type, content: Any = None) -> None:
        self.value = content if kind.dtype == object else _array(content, kind, (), "C")[()]


class _Buffer(_Array):
    """Stands for an array as numpy writes it by pickle protocol 5."""

    def __init__(self, content: Any, kind: _Type, shape: tuple[int, ...], order: str) -> None:
        self.value = _array(content, kind, shape, order)


def _plain(value: Any) -> Any:
    """Return the value with every stand-in replaced by what it stands for."""
    if isinstance(value, _Array):
        return _plain(value.value)
    if isinstance(value, dict):
        return {_plain(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value


_STAND_INS = {
    ("numpy", "ndarray"): _Array,
    ("numpy", "dtype"): _Type,
    ("numpy.core.multiarray", "_reconstruct"): _Array,
    ("numpy.core.multiarray", "scalar"): _Scalar,
    ("numpy.core.numeric", "_frombuffer"): _Buffer,
}
