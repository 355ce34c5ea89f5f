"""The book from pages.yml to a site: nothing skipped in silence, nothing broken that looks whole."""

import shutil
from pathlib import Path

import nbformat
import pandas as pd
import pytest
import yaml

from cnnhelpers import records
from cnnhelpers.book import site as book
from cnnhelpers.book.notebooks import Status
from cnnhelpers.book.site import Page, Step, build, pages
from cnnhelpers.errors import InputError

CHECKOUT = Path(__file__).resolve().parents[2]
COLUMNS = "study report experiment profile seed status identity dataset pixels seconds backend device precision threads"
GOOD = """print("seeds:", seeds, "<script>alert(1)</script>", __import__("os").getcwd())
import sys; print("on standard error", file=sys.stderr)"""


def notebook(path, title, *sources):
    path.parent.mkdir(exist_ok=True)
    cells = [nbformat.v4.new_markdown_cell(f"# {title}\n\nAs {{cite:t}}`prechelt1998` has it, see {{doc}}`/methods`.")]
    cells += [nbformat.v4.new_code_cell("seeds = 3  # runs", metadata={"tags": ["parameters"]})]
    cells += [nbformat.v4.new_code_cell(source) for source in sources]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)


@pytest.fixture
def root(tmp_path, monkeypatch):
    """A small checkout: the real configuration, prose pages of our own, two notebooks of which one fails."""
    shutil.copy(CHECKOUT / "_config.yml", tmp_path)
    source = tmp_path / "book"
    shutil.copytree(CHECKOUT / "book" / "_static", source / "_static")
    for name in ("references.bib", "references.md"):
        shutil.copy(CHECKOUT / "book" / name, source)
    for name in ("intro", "methods"):
        (source / f"{name}.md").write_text(f"# {name}\n\nText.\n")
    (source / "records").mkdir()
    (source / "records" / "run.json").write_text("{}")
    notebook(tmp_path / "notebooks" / "01_good.ipynb", "Good", GOOD)
    notebook(tmp_path / "notebooks" / "02_bad.ipynb", "Bad", "raise ValueError('broken here')")
    good = {"page": "notebooks/01_good", "title": "Good with 5 seeds", "parameters": {"seeds": "5"}}
    settings(tmp_path, [good, {"page": "notebooks/02_bad"}])
    frame = pd.DataFrame(columns=[*COLUMNS.split(), "record"])
    monkeypatch.setattr(records, "load", lambda folder: frame)
    return tmp_path


def settings(root, listed, files=None):
    files = files or ["methods", "status", "references", *(entry["page"] for entry in listed)]
    toc = {"format": "jb-book", "root": "intro", "chapters": [{"file": name} for name in files]}
    (root / "book" / "_toc.yml").write_text(yaml.safe_dump(toc))
    (root / "book" / "pages.yml").write_text(yaml.safe_dump(listed))


def test_a_site_is_built_without_warnings_and_a_failed_notebook_is_a_page_that_says_so(root):
    said = []
    built = build(root, say=said.append)
    assert [(step.name, step.status) for step in built.steps] == [
        ("notebooks/01_good", "done"),
        ("notebooks/02_bad", "failed"),
        ("stage", "done"),
        ("build", "done"),
        ("check", "done"),
    ], said
    assert built.exit_code == 1
    assert built.first_page == root / "_build" / "html" / "intro.html"
    assert said[-2:] == ["notebooks/02_bad: failed", f"first page: {built.first_page}"]
    site = built.first_page.parent
    good, bad = ((site / "notebooks" / name).read_text() for name in ("01_good.html", "02_bad.html"))
    assert "seeds: 5 &lt;script&gt;alert(1)&lt;/script&gt; notebooks" in good
    assert "<h1>Good with 5 seeds<" in good
    assert "on standard error" not in good.split("cell_output")[1]
    assert "Prechelt" in good
    assert "missing" in bad
    assert "ValueError: broken here" in bad
    assert "ValueError: broken here" in (site / "status.html").read_text()
    assert not (site / "_sources" / "notebooks" / "02_bad.ipynb").exists()
    assert not list(site.rglob("run.json"))


@pytest.fixture
def no_site(monkeypatch):
    """Leave out the slow parts: execution writes a tiny notebook, jupyter-book does nothing."""
    executed = []

    def fake_execute(path, output, parameters, *, timeout):
        executed.append((path.name, parameters, timeout))
        return Status(path.name, "timeout", 1.0, "too slow", dict(parameters))

    monkeypatch.setattr(book, "execute", fake_execute)
    monkeypatch.setattr(book, "_jupyter_book", lambda root, folder: Step("build", "done", 0.0))
    return executed


def test_parameters_and_time_limits_reach_each_notebook(root, no_site):
    settings(
        root,
        [
            {"page": "notebooks/01_mnist", "notebook": "notebooks/01_good.ipynb", "parameters": {"seeds": 2}},
            {"page": "notebooks/02_bad", "timeout": 9},
        ],
    )
    built = build(root, timeout=100, say=lambda line: None)
    assert no_site == [("01_good.ipynb", {"seeds": 2}, 100), ("02_bad.ipynb", {}, 9)]
    assert [step.name for step in built.failed] == ["notebooks/01_mnist", "notebooks/02_bad"]
    assert "**timeout**" in (root / "_build" / "stage" / "notebooks" / "01_mnist.md").read_text()


def test_a_page_left_out_that_was_never_made_is_published_as_missing_and_said(root, no_site):
    said = []
    built = build(root, only=["02_bad"], say=said.append)
    assert [name for name, *_ in no_site] == ["02_bad.ipynb"]
    assert (built.steps[0].name, built.steps[0].status) == ("notebooks/01_good", "not executed")
    assert any("notebooks/01_good: not executed" in line for line in said)
    assert built.exit_code == 1


def test_an_unknown_page_suggests_the_nearest(root, no_site):
    with pytest.raises(InputError, match="did you mean '02_bad'"):
        build(root, only=["02_bat"])


def test_a_script_in_an_output_refuses_its_page(root, no_site, monkeypatch):
    def execute(path, output, parameters, *, timeout):
        html = nbformat.v4.new_output("display_data", data={"text/html": "<script>alert(1)</script>"})
        page = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1", outputs=[html])])
        output.parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(page, output)
        return Status(path.name, "done", 1.0)

    monkeypatch.setattr(book, "execute", execute)
    settings(root, [{"page": "notebooks/01_good"}])
    built = build(root, say=lambda line: None)
    assert [(step.name, step.status) for step in built.failed] == [("notebooks/01_good", "refused")]
    assert "script" in built.failed[0].error
    assert not (root / "_build" / "stage" / "notebooks" / "01_good.ipynb").exists()
    assert "**refused**" in (root / "_build" / "stage" / "status.md").read_text()


def test_a_notebook_that_cannot_be_read_fails_its_page_alone(root, no_site, monkeypatch):
    monkeypatch.undo()
    monkeypatch.setattr(records, "load", lambda folder: pd.DataFrame(columns=[*COLUMNS.split(), "record"]))
    monkeypatch.setattr(book, "_jupyter_book", lambda root, folder: Step("build", "done", 0.0))
    (root / "notebooks" / "02_bad.ipynb").write_text("")
    settings(root, [{"page": "notebooks/02_bad"}])
    built = build(root, say=lambda line: None)
    assert built.failed[0].error == "02_bad.ipynb is empty: expected a notebook"


@pytest.mark.parametrize(
    ("listed", "files", "message"),
    [
        ([{"page": "notebooks/a"}], ["methods"], "no reader would find it"),
        ([{"page": "notebooks/a"}, {"page": "notebooks/a"}], ["notebooks/a"], "twice"),
        ([], ["notebooks/a"], "neither in book/ nor in book/pages.yml"),
        ([{"page": "notebooks/a", "parameter": {}}], ["notebooks/a"], "did you mean 'parameters'"),
        ([{"notebook": "a"}], ["methods"], "no `page:`"),
        ([{"page": "notebooks/a", "title": 3}], ["notebooks/a"], "must be text"),
        (
            [{"page": "notebooks/a"}, {"page": "notebooks/b", "notebook": "notebooks/a.ipynb"}],
            ["notebooks/a", "notebooks/b"],
            "give each a `title:`",
        ),
        ([{"page": "../a"}], ["methods"], "below the book's folder"),
        ([{"page": "notebooks/a", "parameters": [1]}], ["notebooks/a"], "NAME: VALUE"),
        ({"page": "a"}, ["methods"], "must be a list"),
    ],
)
def test_pages_that_do_not_fit_the_table_of_contents_are_refused(root, listed, files, message):
    settings(root, listed, files)
    with pytest.raises(InputError, match=message):
        pages(root)


def test_yaml_cannot_make_objects(root):
    (root / "book" / "pages.yml").write_text("- page: !!python/object/apply:os.getcwd []\n")
    with pytest.raises(InputError, match="not YAML"):
        pages(root)


def test_the_real_book_is_consistent():
    for page in pages(CHECKOUT):
        assert isinstance(page, Page)
        assert book.validate(CHECKOUT / page.notebook, page.parameters) is not None


def test_pre_commit_uses_the_pinned_ruff():
    hooks = yaml.safe_load((CHECKOUT / ".pre-commit-config.yaml").read_text())
    assert f"ruff=={hooks['repos'][0]['rev'].removeprefix('v')}" in (CHECKOUT / "requirements.txt").read_text().split()


def test_notebooks_are_committed_without_outputs():
    for path in (CHECKOUT / "notebooks").glob("*.ipynb"):
        cells = nbformat.read(path, 4).cells
        assert not any(cell.get("outputs") or cell.get("execution_count") for cell in cells), path.name
