"""What a notebook lets the reader change: the literals of its one cell tagged `parameters`."""

import ast
import io
import json
import keyword
import math
import re
import tokenize
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat

from cnnhelpers.errors import InputError, unknown

_TRUTH = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
_SCALARS = ("bool", "int", "float", "str", "None", "any")


@dataclass(frozen=True)
class Parameter:
    """One parameter of a notebook."""

    name: str
    default: Any
    type: str  # "int", "float | None", "list[str]" ...; "any" where a bare None says nothing
    comment: str  # what stands behind the #


def read(path: str | Path) -> nbformat.NotebookNode:
    """Return the notebook in the file; InputError if it is missing, empty, truncated, no notebook or not Python."""
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise InputError(f"there is no notebook {path.name!r} in the folder {path.parent.name!r}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path.name} cannot be read as a notebook: {type(error).__name__}") from None
    if not text.strip():
        raise InputError(f"{path.name} is empty: expected a notebook")
    try:
        content = json.loads(text)
    except (json.JSONDecodeError, RecursionError) as error:
        raise InputError(f"{path.name} is truncated or not a notebook: {error}") from None
    if not isinstance(content, dict) or content.get("nbformat") != 4 or not isinstance(content.get("cells"), list):
        raise InputError(f"{path.name} is JSON, but not a notebook of format 4")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            nbformat.validate(nbformat.from_dict(content))
    except nbformat.ValidationError as error:
        raise InputError(f"{path.name} is not a valid notebook: {str(error).splitlines()[0]}") from None
    notebook = nbformat.v4.reads(text)
    language = notebook.metadata.get("kernelspec", {}).get("language", "python")
    if language != "python":
        raise InputError(f"{path.name} is a notebook in {language!r}: expected Python")
    return notebook


def inspect(path: str | Path) -> dict[str, Parameter]:
    """Return the declared parameters by name, in order; nothing is executed.

    Raises
    ------
    InputError
        If the file is no notebook, has not exactly one cell tagged `parameters`, or that cell holds anything
        but assignments of literals (bool, int, float, str, None, lists of them).
    """
    name = Path(path).name
    notebook = read(path)
    cells = [
        cell for cell in notebook.cells if cell.cell_type == "code" and "parameters" in cell.metadata.get("tags", [])
    ]
    if len(cells) != 1:
        raise InputError(f"{name} must have exactly one code cell tagged 'parameters'. Received: {len(cells)}")
    source = cells[0].source
    try:
        statements = ast.parse(source).body
    except (SyntaxError, ValueError) as error:
        raise InputError(f"{name}: the parameters cell is not Python: {error}") from None
    comments = _comments(source)
    declared: dict[str, Parameter] = {}
    for statement in statements:
        parameter = _parameter(statement, comments, name)
        if parameter.name in declared:
            raise InputError(f"{name}: the parameter {parameter.name!r} is assigned twice")
        declared[parameter.name] = parameter
    return declared


def validate(path: str | Path, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return the given parameters as the types that the notebook declares; nothing is executed.

    Text, as it comes from a command line, is read by the declared type: "3", "[3, 5]", "3,5", "true", "1e-3",
    "none". An int passes for a float; a bool never passes for a number, nor anything else for text.

    Raises
    ------
    InputError
        For a name that is unknown (the nearest is suggested) or no name at all, or a value of another type.
    """
    declared = inspect(path)
    values = {}
    for name, value in parameters.items():
        if not isinstance(name, str) or not name.isidentifier() or keyword.iskeyword(name):
            raise InputError(f"a parameter's name must be a Python name. Received: {name!r}")
        if name not in declared:
            raise unknown(f"parameter of {Path(path).name}", name, declared)
        try:
            values[name] = _convert(value, declared[name].type)
        except ValueError as error:
            raise InputError(
                f"parameter {name} of {Path(path).name} must be {declared[name].type}, such as "
                f"{declared[name].default!r}{f' ({error})' if str(error) else ''}. Received: {value!r}"
            ) from None
    return values


def _comments(source: str) -> dict[int, str]:
    """Return the text of each line's comment by line number."""
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return {token.start[0]: token.string.lstrip("# ") for token in tokens if token.type == tokenize.COMMENT}


def _parameter(statement: ast.stmt, comments: dict[int, str], notebook: str) -> Parameter:
    if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
        target, annotation = statement.targets[0], None
    elif isinstance(statement, ast.AnnAssign):
        target, annotation = statement.target, ast.unparse(statement.annotation)
    else:
        target = None
    where = f"{notebook}: line {statement.lineno} of the parameters cell"
    if not isinstance(target, ast.Name) or statement.value is None:
        raise InputError(f"{where} must be an assignment to one name. Received: {ast.unparse(statement)!r}")
    try:
        default = ast.literal_eval(statement.value)
        kind = _annotated(annotation) if annotation else type_of(default)
        converted = _convert(default, kind)
    except ValueError:
        raise InputError(
            f"{where} must be a literal (bool, int, float, str, None or a list of them) of its own type. "
            f"Received: {ast.unparse(statement)!r}"
        ) from None
    lines = range(statement.lineno, (statement.end_lineno or statement.lineno) + 1)
    comment = " ".join(comments[line] for line in lines if line in comments)
    return Parameter(target.id, default if annotation is None else converted, kind, comment)


def type_of(value: Any) -> str:
    """Return the type that a default declares: "int", "list[float]" ..., "any" for None; ValueError if unfit.

    >>> type_of([1, 0.5]), type_of(True), type_of([])
    ('list[float]', 'bool', 'list[any]')
    """
    if value is None:
        return "any"
    if isinstance(value, list):
        kinds = {type_of(item) for item in value}
        kinds = {"float"} if kinds == {"int", "float"} else kinds
        return f"list[{kinds.pop()}]" if len(kinds) == 1 else "list[any]"
    if type(value) not in (bool, int, float, str):
        raise ValueError("not a literal that a parameter can be")
    return type(value).__name__


def _annotated(annotation: str) -> str:
    kinds = ["list[any]" if kind == "list" else kind for kind in annotation.split(" | ")]
    for kind in kinds:
        inner = re.sub(r"^(list\[)*|\]*$", "", kind)
        if inner not in _SCALARS[:-1] and kind != "list[any]":
            raise ValueError(f"unknown type {annotation!r}")
    return " | ".join(kinds)


def _convert(value: Any, kind: str) -> Any:
    """Return the value as the kind says; ValueError if it is of another."""
    problem = ""
    for alternative in sorted(kind.split(" | "), key=lambda name: name == "str"):  # text last: it takes all text
        try:
            return _list(value, alternative[5:-1]) if alternative.startswith("list[") else _scalar(value, alternative)
        except ValueError as error:
            problem = str(error)
    raise ValueError(problem)


def _scalar(value: Any, kind: str) -> Any:
    text = value.strip() if isinstance(value, str) else None
    if kind == "any":
        return _literal(value)
    if kind == "None" and (value is None or (text is not None and text.casefold() in ("none", "null"))):
        return None
    if kind == "bool" and (type(value) is bool or (text is not None and text.casefold() in _TRUTH)):
        return value if text is None else _TRUTH[text.casefold()]
    if kind == "int" and (type(value) is int or (text is not None and re.fullmatch(r"[+-]?\d+", text, re.ASCII))):
        return int(value)
    if kind == "float" and (type(value) in (int, float) or text is not None):
        try:
            number = float(value)
        except (ValueError, OverflowError):
            raise ValueError from None
        if math.isfinite(number):
            return number
        raise ValueError("a finite number")
    if kind == "str" and text is not None:
        return value
    if kind == "str":
        raise ValueError("quote it, if text is meant")
    raise ValueError


def _list(value: Any, kind: str) -> list[Any]:
    if isinstance(value, str):
        text = value.strip()
        text = text[1:-1] if text.startswith("[") and text.endswith("]") else text
        parts = [part.strip() for part in text.split(",")] if text.strip() else []
        try:
            items = list(ast.literal_eval(f"[{text}]"))
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            items = parts
        value = parts if kind == "str" and not all(isinstance(item, str) for item in items) else items
    if not isinstance(value, (list, tuple)):
        raise ValueError
    return [_convert(item, kind) for item in value]


def _literal(value: Any) -> Any:
    if isinstance(value, str):
        try:
            value = ast.literal_eval(value.strip())
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            return _TRUTH.get(value.strip().casefold(), value)
    type_of(value)
    return value
