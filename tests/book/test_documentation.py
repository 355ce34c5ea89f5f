"""The documentation: what it shows runs or at least exists, and the reference covers the package."""

import ast
import importlib
import inspect
import re
from pathlib import Path

import docutils.core
import pytest
from sphinx.ext.napoleon import Config, NumpyDocstring

import cnnhelpers

BOOK = Path(__file__).resolve().parents[2] / "book"
GUIDES = sorted([*(BOOK / "howto").glob("*.md"), BOOK / "contributing.md"])
REFERENCE = "\n".join(path.read_text(encoding="utf-8") for path in sorted((BOOK / "api").glob("*.md")))
MODULES = re.findall(r"automodule:: (\S+)", REFERENCE)
TRAINS = ("headless", "network", "predictions")  # these train, or need files of the reader: only looked at


def blocks(path):
    return re.findall(r"```python\n(.*?)```", path.read_text(encoding="utf-8"), flags=re.DOTALL)


@pytest.mark.parametrize("path", GUIDES, ids=lambda path: path.stem)
def test_the_code_of_a_guide_runs(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    if path.stem == "claim":
        monkeypatch.setenv("CNNHELPERS_RECORDS", str(BOOK / "records"))
    names = {}
    for block in blocks(path):
        if path.stem in TRAINS:
            for one in ast.walk(ast.parse(block)):
                if isinstance(one, ast.ImportFrom):
                    module = importlib.import_module(one.module)
                    assert all(hasattr(module, alias.name) for alias in one.names)
        else:
            exec(compile(block, path.name, "exec"), names)


@pytest.mark.parametrize("name", cnnhelpers.__all__)
def test_the_reference_has_every_public_name(name):
    thing = getattr(cnnhelpers, name)
    if inspect.ismodule(thing) and hasattr(thing, "__path__"):
        homes = {getattr(getattr(thing, public), "__module__", None) for public in thing.__all__}
        assert {home for home in homes if home and home.startswith(f"cnnhelpers.{name}.")} <= {*MODULES}
        return
    public = f"cnnhelpers.{name}"
    assert re.search(rf"auto\w+:: {re.escape(public)}\n", REFERENCE), f"{public} is on no page of book/api"
    assert inspect.ismodule(thing) or ">>>" in inspect.getdoc(thing), f"{public} has no example"


@pytest.mark.parametrize("name", MODULES)
def test_docstrings_are_what_the_reference_can_show(name):
    module = importlib.import_module(name)
    texts = {name: module.__doc__}
    for key in getattr(module, "__all__", [key for key in vars(module) if not key.startswith("_")]):
        found = getattr(module, key)
        if (inspect.isfunction(found) or inspect.isclass(found)) and found.__module__.startswith("cnnhelpers"):
            texts[key] = inspect.getdoc(found) or ""
    for key, text in texts.items():
        converted = str(NumpyDocstring(inspect.cleandoc(text), Config(napoleon_use_rtype=False), what="function"))
        converted = re.sub(r":py:\w+:|:class:", "", converted)
        settings = {"report_level": 2, "halt_level": 2, "warning_stream": None}
        docutils.core.publish_doctree(converted, settings_overrides=settings, source_path=f"{name}.{key}")
