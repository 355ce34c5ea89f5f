"""Every page of the book runs in a fresh kernel from the committed records, once; four chapters also train, in small.

What a page covers is not executed a second time: each execution is checked in all respects by one test.
"""

import shutil
from pathlib import Path

import nbformat
import pytest

from cnnhelpers.book import site as book
from cnnhelpers.book.notebooks import execute
from cnnhelpers.book.parameters import inspect

ROOT = Path(__file__).parents[2]

SMALL = {
    "00_quickstart": {"seeds": 2, "epochs": 1},
    "01_regularization": {
        "dataset": "digits",
        "profile": "smoke",
        "seeds": 1,
        "l2": [0.0, 0.001],
        "dropout": [0.0, 0.3],
        "patience": [1],
        "convolutions": [1],
        "train": True,
    },
    "04_transfer_learning": {
        "dataset": "digits",
        "source": "digits",
        "profile": "smoke",
        "seeds": 1,
        "images": [10],
        "train": True,
    },
    "07_your_own_study": {"seeds": 2, "epochs": 1, "images": 10},
}


TITLES = sorted(path.stem for path in (ROOT / "notebooks").glob("*.ipynb"))


def check(path):
    """Check the outputs of an executed chapter: figures have a text, and no cell shows the name of an object."""
    cells = nbformat.read(path, as_version=4).cells
    drawn = [cell for cell in cells if any("image/png" in output.get("data", {}) for output in cell.get("outputs", []))]
    assert len(drawn) >= 4
    assert all(cell.metadata.mystnb.image.alt for cell in drawn)
    results = [one for cell in cells for one in cell.get("outputs", []) if one.output_type == "execute_result"]
    shown = [one.data.get("text/plain", "") for one in results]
    assert [text for text in shown if text.startswith(("<Axes", "<Figure", "[<matplotlib"))] == []  # a ; hides them


@pytest.mark.parametrize("name", SMALL)
def test_a_chapter_trains_what_is_missing(name, tmp_path):
    status = execute(ROOT / "notebooks" / f"{name}.ipynb", tmp_path / f"{name}.ipynb", SMALL[name], timeout=600)
    assert status.done, status.error
    check(tmp_path / f"{name}.ipynb")


TRAINED_EACH_TIME = ("notebooks/00_quickstart", "notebooks/07_your_own_study")  # on digits, into a fresh folder
RECORDED = [page for page in book.pages(ROOT) if page.page not in TRAINED_EACH_TIME]


@pytest.mark.parametrize("page", RECORDED, ids=lambda page: page.page)
def test_a_page_of_the_book_is_made_of_the_committed_records_without_data_or_network(page, tmp_path, monkeypatch):
    shutil.copytree(ROOT / "book" / "records", tmp_path / "records", ignore=shutil.ignore_patterns(".*"))
    monkeypatch.setenv("CNNHELPERS_RECORDS", str(tmp_path / "records"))
    for name in ("http_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")  # where nobody listens: nothing can be downloaded
    few = {"simulated": 100} if page.page.endswith("06_verdicts") else {}  # simulations have tests of their own
    status = execute(ROOT / page.notebook, tmp_path / "page.ipynb", page.parameters | few, timeout=600)
    assert status.done, status.error
    check(tmp_path / "page.ipynb")


def test_a_page_with_runs_of_one_network_shows_them_and_names_the_others(tmp_path, monkeypatch):
    for path in (ROOT / "book" / "records" / "regularization").glob("A1-*"):
        (tmp_path / "records").mkdir(exist_ok=True)
        shutil.copy(path, tmp_path / "records")
    monkeypatch.setenv("CNNHELPERS_RECORDS", str(tmp_path / "records"))
    made = tmp_path / "page.ipynb"
    status = execute(ROOT / "notebooks" / "01_regularization.ipynb", made, {"train": False}, timeout=600)
    assert status.done, status.error
    told = made.read_text(encoding="utf-8")
    assert "Not shown, because no run is recorded:** **A2**" in told
    assert "No two networks that a question compares have runs yet." in told


@pytest.mark.parametrize("name", TITLES)
def test_a_chapter_has_the_sections_of_every_chapter_in_order(name):
    path = ROOT / "notebooks" / f"{name}.ipynb"
    text = "\n".join(cell.source for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "markdown")
    order = ["Question", "Parameters", "Data", "Networks", "Runs", "Results", "What it means", "Limits"]
    places = [text.index(f"## {section}\n") for section in order]
    assert places == sorted(places)
    assert all(parameter.comment for parameter in inspect(path).values())
