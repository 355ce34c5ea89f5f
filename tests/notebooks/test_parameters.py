"""Parameters of notebooks: the right value or a clear error, and nothing is ever executed."""

import json

import nbformat
import pytest
import yaml

from cnnhelpers.book.parameters import inspect, validate
from cnnhelpers.errors import InputError

CELL = """
dataset: str = "digits"  # name of the data
seeds = 3  # runs of each
learning_rate = 1e-3
augment = False
kernels = [3, 5]  # side in pixels
names = ["a"]
rates = [0, 0.5]
patience: int | None = None
anything = None
grid = [[1, 2], [3]]
"""


def notebook(path, *sources, tags=("parameters",)):
    cells = [nbformat.v4.new_code_cell(source, metadata={"tags": list(tags)}) for source in sources]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    return path


@pytest.fixture
def path(tmp_path):
    return notebook(tmp_path / "study.ipynb", CELL)


def test_declared_parameters_have_name_default_type_and_comment(path):
    declared = inspect(path)
    assert [(one.name, one.type) for one in declared.values()] == [
        ("dataset", "str"),
        ("seeds", "int"),
        ("learning_rate", "float"),
        ("augment", "bool"),
        ("kernels", "list[int]"),
        ("names", "list[str]"),
        ("rates", "list[float]"),
        ("patience", "int | None"),
        ("anything", "any"),
        ("grid", "list[list[int]]"),
    ]
    assert declared["seeds"].default == 3
    assert declared["kernels"].comment == "side in pixels"


@pytest.mark.parametrize(
    ("name", "given", "expected"),
    [
        ("seeds", "5", 5),
        ("learning_rate", "1e-3", 0.001),
        ("learning_rate", 1, 1.0),
        ("augment", "true", True),
        ("augment", "no", False),
        ("kernels", "[3, 7]", [3, 7]),
        ("kernels", "3,7", [3, 7]),
        ("kernels", (3,), [3]),
        ("kernels", "[]", []),
        ("names", "a,b", ["a", "b"]),
        ("names", "['3', 'b']", ["3", "b"]),
        ("rates", [1, 0.5], [1.0, 0.5]),
        ("patience", "none", None),
        ("patience", "4", 4),
        ("anything", "0.5", 0.5),
        ("anything", "words", "words"),
        ("grid", "[[1], [2, 3]]", [[1], [2, 3]]),
        ("dataset", "3", "3"),
        ("dataset", "a\"b'{c}\\ $x", "a\"b'{c}\\ $x"),
    ],
)
def test_values_become_the_declared_type(path, name, given, expected):
    value = validate(path, {name: given})[name]
    assert value == expected
    assert type(value) is type(expected)


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("seeds", True),
        ("seeds", 3.0),
        ("seeds", "3.5"),
        ("seeds", "three"),
        ("seeds", None),
        ("augment", 1),
        ("augment", "1"),
        ("dataset", False),
        ("dataset", 3),
        ("learning_rate", "nan"),
        ("learning_rate", True),
        ("kernels", [3, "x"]),
        ("kernels", [True]),
        ("kernels", 3),
        ("kernels", "__import__('os').system('true')"),
        ("anything", {1: 2}),
        ("grid", [1]),
    ],
)
def test_a_value_of_another_type_is_refused_with_name_type_and_value(path, name, given):
    with pytest.raises(InputError, match=rf"parameter {name} of study.ipynb must be .*Received: "):
        validate(path, {name: given})


def test_values_are_read_as_yaml_hands_them_over(path):
    given = yaml.safe_load("{learning_rate: 1e-3, augment: no, kernels: [3], patience: ~, seeds: 5}")
    assert given["learning_rate"] == "1e-3"  # YAML 1.1 wants a dot in a number
    expected = {"learning_rate": 0.001, "augment": False, "kernels": [3], "patience": None, "seeds": 5}
    assert validate(path, given) == expected
    with pytest.raises(InputError, match=r"quote it, if text is meant.*Received: False"):
        validate(path, yaml.safe_load("dataset: no"))


def test_an_unknown_name_suggests_the_nearest(path):
    with pytest.raises(InputError, match="did you mean 'seeds'"):
        validate(path, {"seed": 3})


@pytest.mark.parametrize("name", ["x = 1; import os", "class", "", "a.b", 3])
def test_code_in_a_name_is_refused(path, name):
    with pytest.raises(InputError, match="must be a Python name"):
        validate(path, {name: 1})


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("x = 1 + 1", "must be a literal"),
        ("x = open('f')", "must be a literal"),
        ("x = {'a': 1}", "must be a literal"),
        ("x: int = 0.5", "must be a literal"),
        ("x: Path = 'a'", "must be a literal"),
        ("x, y = 1, 2", "assignment to one name"),
        ("import os", "assignment to one name"),
        ("x: int", "assignment to one name"),
        ("x = 1\nx = 2", "assigned twice"),
        ("x = ", "not Python"),
        ("%matplotlib inline", "not Python"),
    ],
)
def test_anything_but_literals_in_the_parameters_cell_is_refused(tmp_path, source, message):
    with pytest.raises(InputError, match=message):
        inspect(notebook(tmp_path / "study.ipynb", source))


@pytest.mark.parametrize("sources", [(), ("x = 1", "y = 1")])
def test_exactly_one_parameters_cell_is_needed(tmp_path, sources):
    with pytest.raises(InputError, match=f"exactly one code cell tagged 'parameters'. Received: {len(sources)}"):
        inspect(notebook(tmp_path / "study.ipynb", *sources))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "is empty"),
        ('{"cells": [', "truncated or not a notebook"),
        ("# a script", "truncated or not a notebook"),
        ("{}", "not a notebook of format 4"),
        ("[1]", "not a notebook of format 4"),
        (json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [{"id": "a"}]}), "not a valid"),
    ],
)
def test_a_file_that_is_no_notebook_is_refused(tmp_path, content, message):
    path = tmp_path / "study.ipynb"
    path.write_text(content)
    with pytest.raises(InputError, match=message):
        inspect(path)


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    with pytest.raises(InputError, match="no notebook 'other"):
        inspect(tmp_path / "other.ipynb")
    with pytest.raises(InputError, match="cannot be read"):
        inspect(tmp_path)


def test_a_notebook_in_another_language_is_refused(tmp_path):
    notebook = nbformat.v4.new_notebook(metadata={"kernelspec": {"name": "ir", "display_name": "R", "language": "R"}})
    nbformat.write(notebook, tmp_path / "study.ipynb")
    with pytest.raises(InputError, match="'R'"):
        inspect(tmp_path / "study.ipynb")
