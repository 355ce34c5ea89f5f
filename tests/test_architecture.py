"""The folders keep their promises: few modules, public names only, none of them hidden by a module of the same name."""

import ast
import importlib
from pathlib import Path
from types import ModuleType

import pytest

PACKAGE = Path(__file__).parents[1] / "cnnhelpers"
FOLDERS = sorted(path.parent.name for path in PACKAGE.glob("*/__init__.py"))
ROOMS = sorted(path.parent.relative_to(PACKAGE).as_posix() for path in PACKAGE.glob("*/**/__init__.py"))


def imports(path):
    """Return (module, name) of every `from cnnhelpers... import name` in a file, in functions too."""
    nodes = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ImportFrom)]
    return [(node.module, alias.name) for node in nodes if node.module for alias in node.names]


@pytest.mark.parametrize("folder", ROOMS)
def test_a_folder_has_at_most_ten_modules_that_hide_none_of_its_functions(folder):
    modules = {path.stem for path in (PACKAGE / folder).glob("*.py")} - {"__init__"}
    package = importlib.import_module(f"cnnhelpers.{folder.replace('/', '.')}")
    public = {name: getattr(package, name) for name in getattr(package, "__all__", ())}
    assert len(modules) <= 10
    assert {name for name, value in public.items() if name in modules and not isinstance(value, ModuleType)} == set()


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_a_module_imports_public_names_of_other_folders_only(path):
    here = path.relative_to(PACKAGE).parts[0]
    for module, name in imports(path):
        parts = module.split(".")
        if parts[0] != "cnnhelpers" or len(parts) < 2 or parts[1] == here or parts[1] not in FOLDERS:
            continue
        assert len(parts) == 2, f"{module} is inside another folder"
        assert name in importlib.import_module(module).__all__, f"{name} is not a public name of {module}"
