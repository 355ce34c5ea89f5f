"""Read the source of classes and functions without comments, docstrings and blank lines."""

import functools
import inspect
import io
import linecache
import re
import sys
import textwrap
import tokenize
import types
from pathlib import Path
from typing import Any

from cnnhelpers.errors import InputError

_STAMPS: dict[int, tuple[Any, tuple[int, int]]] = {}  # by id of a module's spec: the spec, and its file when first read


def function_source(code: types.CodeType) -> str:
    """Return the source of a function; InputError if it cannot be read."""
    try:
        return _without_comments(inspect.getsource(code))
    except OSError as error:
        raise _unreadable(code.co_name) from error


def class_source(cls: type) -> str:
    """Return the source of a class, in a notebook from the cell of its methods; InputError if it cannot be read."""
    try:
        return _without_comments(inspect.getsource(cls))
    except (OSError, TypeError):
        head = re.compile(rf"\s*class\s+{re.escape(cls.__name__)}\b")
        for method in (member for member in vars(cls).values() if isinstance(member, types.FunctionType)):
            lines = linecache.getlines(method.__code__.co_filename)
            before = range(min(method.__code__.co_firstlineno, len(lines)) - 1, -1, -1)
            first = next((row for row in before if head.match(lines[row])), None)
            if first is not None:
                while first and lines[first - 1].lstrip().startswith("@"):
                    first -= 1
                return _without_comments("".join(inspect.getblock(lines[first:])))
        raise _unreadable(cls.__name__) from None


def check_unchanged(module: str) -> None:
    """Raise InputError if the file of a module has changed since this session first read code of it."""
    spec = getattr(sys.modules.get(module), "__spec__", None)
    if spec is not None and spec.origin and Path(spec.origin).is_file():
        stat = Path(spec.origin).stat()
        _, first = _STAMPS.setdefault(id(spec), (spec, (stat.st_mtime_ns, stat.st_size)))
        if first != (stat.st_mtime_ns, stat.st_size):
            raise InputError(
                f"{spec.origin} has changed since it was imported, so that worker processes would run other code than "
                "this process: restart the kernel, or importlib.reload the module"
            )


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
