"""Cells are short, branch on nothing, train nothing unless asked, and use few names of the package."""

import ast
import importlib.util
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from cnnhelpers.book import inspect

ROOT = Path(__file__).parents[2]
CHAPTERS = sorted((ROOT / "notebooks").glob("*.ipynb"))
STUDIES = [path for path in CHAPTERS if path.stem[:2] in ("01", "02", "03", "04", "05")]
MOST_LINES, MOST_NAMES = 12, 80  # names: of all chapters together


def code(path):
    """Return the syntax tree and the source of each code cell but the parameters and the installation on Colab."""
    cells = [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
    chosen = [
        cell.source for cell in cells if "parameters" not in cell.metadata.get("tags", []) and "%pip" not in cell.source
    ]
    return [(ast.parse(source), source) for source in chosen]


def names_in(tree):
    """Return the names of the package that a chapter uses: top-level ones, and attributes of its namespaces."""
    spaces, names = {}, set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module.split(".")[0] == "cnnhelpers":
            for alias in node.names:
                name = f"{node.module}.{alias.name}"
                if importlib.util.find_spec(node.module).submodule_search_locations and importlib.util.find_spec(name):
                    spaces[alias.asname or alias.name] = name
                else:
                    names.add(name)
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in spaces:
            names.add(f"{spaces[node.value.id]}.{node.attr}")
    return names


def test_all_chapters_together_use_few_names():
    names = set().union(*(names_in(ast.parse("\n".join(source for _, source in code(path)))) for path in CHAPTERS))
    assert len(names) <= MOST_NAMES, sorted(names)


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_cells_are_short_and_do_not_branch(path):
    for tree, source in code(path):
        defines = any(isinstance(node, ast.FunctionDef) for node in tree.body)
        assert defines or len(source.splitlines()) <= MOST_LINES, source
        assert not any(isinstance(node, ast.If) for node in tree.body), source


@pytest.mark.parametrize("path", STUDIES, ids=lambda path: path.stem)
def test_no_study_trains_by_surprise(path):
    assert inspect(path)["train"].default is False


TRAINING = {"run": 0, "measured": 1, "search": 0, "choose_rates": 0}  # calls that may train, with the place of `train`


@pytest.mark.parametrize("path", STUDIES, ids=lambda path: path.stem)
def test_every_call_that_may_train_is_told_whether_to(path):
    calls = [node for tree, _ in code(path) for node in ast.walk(tree) if isinstance(node, ast.Call)]
    asked = 0
    for call in calls:
        name = call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")
        if name in TRAINING:
            by_name = {word.arg: ast.unparse(word.value) for word in call.keywords}
            by_place = ast.unparse(call.args[-1]) if len(call.args) > TRAINING[name] else ""
            assert by_name.get("train", by_place) in ("train", "False"), ast.unparse(call)
            asked += 1
    assert asked


def test_pages_of_verdicts_are_made_without_keras():
    code = "import sys; from cnnhelpers import book; book.recorded; sys.exit('keras' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
