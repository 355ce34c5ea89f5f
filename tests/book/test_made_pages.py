"""What the build makes of records and executed notebooks, and what it refuses to publish."""

import base64
import io
import json
from types import SimpleNamespace

import nbformat
import pandas as pd
import pytest
from PIL import Image

from cnnhelpers.book import checks, status
from cnnhelpers.book import checks as site_check
from cnnhelpers.book import pages as made_pages
from cnnhelpers.book.chapters import tables
from cnnhelpers.errors import InputError


def picture(width=800, height=400):
    stream = io.BytesIO()
    Image.new("RGB", (width, height), "white").save(stream, "PNG")
    return base64.b64encode(stream.getvalue()).decode()


def figure(name, alt):
    metadata = {"mystnb": {"figure": {"name": name, "caption": "What it shows."}, "image": {"alt": alt}}}
    shown = nbformat.v4.new_output("display_data", data={"image/png": picture()})
    return nbformat.v4.new_code_cell("draw()", outputs=[shown], metadata=metadata)


def test_the_gallery_has_a_small_picture_of_every_named_figure(tmp_path):
    nameless = nbformat.v4.new_code_cell(
        "1", outputs=[nbformat.v4.new_output("display_data", data={"text/plain": "1"})]
    )
    cells = [nbformat.v4.new_markdown_cell("# Depth\n\nText."), figure("depth-curves", "Two curves."), nameless]
    (tmp_path / "notebooks").mkdir()
    nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / "notebooks" / "02_depth.ipynb")
    page = made_pages.gallery_page(tmp_path, ["notebooks/02_depth"])
    assert page.count("grid-item-card") == 1
    assert "## Depth" in page
    assert ":link: depth-curves\n" in page
    assert ":img-alt: Two curves.\n" in page
    with Image.open(tmp_path / "gallery" / "depth-curves.png") as small:
        assert small.size == (360, 180)


def test_tables_hold_every_run_and_no_python_objects(tmp_path):
    runs = pd.DataFrame({"study": ["one", "one", "two"], "test_accuracy": [0.5, None, 0.7], "record": [object()] * 3})
    page = made_pages.tables_page(tmp_path, runs, pd.DataFrame({"number": [1], "parts": [()]}))
    assert "{download}`runs_one.csv <tables/runs_one.csv>` | 2 |" in page
    assert "Of the runs: `study`, `test_accuracy`." in page
    assert (tmp_path / "tables" / "runs_one.csv").read_text() == "study,test_accuracy\none,0.5\none,\n"
    assert (tmp_path / "tables" / "verdicts.csv").read_text() == "number\n1\n"


def test_a_page_without_an_answer_stays_as_it_is():
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("# A\n\nB")])
    assert made_pages.lift_answer(notebook).cells[0].source == "# A\n\nB"


def verdicts(*words):
    rows = [(number, "A", f"claim {number}", word) for number, word in enumerate(words, start=1)]
    return pd.DataFrame(rows, columns=["number", "report", "text", "verdict"])


def test_only_verdicts_that_moved_since_the_last_publication_are_listed(tmp_path):
    path = tmp_path / "verdicts.json"
    assert "no earlier publication" in status.changed_verdicts(verdicts("holds"), path)
    status.write_verdicts(verdicts("holds", "undecided"), path)
    assert "0 of 2 differ" in status.changed_verdicts(verdicts("holds", "undecided"), path)
    told = status.changed_verdicts(verdicts("holds", "contradicted", "holds"), path)
    assert "| 2 | A | claim 2 | undecided | contradicted |" in told
    assert "| 3 | A | claim 3 | not tested | holds |" in told
    assert "claim 1" not in told
    path.write_text("[]")
    with pytest.raises(InputError, match="delete it"):
        status.changed_verdicts(verdicts("holds"), path)


@pytest.fixture
def site(tmp_path):
    (tmp_path / "one.html").write_text(
        '<h1 id="top">One</h1><a href="two.html#end">on</a><a href="https://x.org/y">x</a>'
    )
    (tmp_path / "two.html").write_text('<p id="end"><a href="one.html#top">back</a><img src="a.png" alt="A"></p>')
    (tmp_path / "a.png").write_bytes(b"png")
    return tmp_path


def test_a_site_in_order_has_no_problems(site):
    assert site_check.problems(site) == []


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('<a href="three.html">x</a>', "dead link three.html"),
        ('<a href="two.html#ends">x</a>', "dead link two.html#ends"),
        ('<a href="#nowhere">x</a>', "dead link #nowhere"),
        ('<img src="b.png" alt="B">', "dead link b.png"),
        ('<img src="a.png">', "image without alternative text: a.png"),
        ('<img src="a.png" alt="">', "image without alternative text: a.png"),
    ],
)
def test_each_fault_of_a_page_is_named(site, text, problem):
    (site / "one.html").write_text(f'<h1 id="top">One</h1>{text}')
    assert site_check.problems(site) == [f"one.html: {problem}"]


def test_a_page_is_weighed_with_its_images_and_the_site_as_a_whole(site, monkeypatch):
    monkeypatch.setattr(site_check, "PAGE_BYTES", 1000)
    (site / "a.png").write_bytes(bytes(1000))
    assert site_check.problems(site) == ["two.html: 0.0 MB with its images"]
    monkeypatch.setattr(site_check, "SITE_BYTES", 1000)
    assert any("the site has" in line for line in site_check.problems(site))


def checkout(folder, url):
    (folder / "_config.yml").write_text(json.dumps({"repository": {"url": url}, "html": {"home": True}}))
    return checks.configuration(folder)


def test_without_an_address_there_is_no_button(tmp_path):
    found = checkout(tmp_path, "")
    assert found["repository"]["url"] == ""
    assert "launch_buttons" not in found
    assert found["html"] == {"home": True}


def test_with_an_address_there_are_buttons_that_it_can_serve(tmp_path):
    found = checkout(tmp_path, "git@github.com:you/studies.git")
    assert found["repository"]["url"] == "https://github.com/you/studies"
    assert found["launch_buttons"] == {"binderhub_url": checks.BINDER, "colab_url": checks.COLAB}
    assert found["html"]["use_repository_button"]
    assert set(checkout(tmp_path, "https://gitlab.com/you/studies")["launch_buttons"]) == {"binderhub_url"}


def test_a_launch_button_opens_the_notebook_that_a_page_was_made_of(tmp_path):
    (tmp_path / "notebooks").mkdir()
    page = tmp_path / "notebooks" / "02_mnist.html"
    link = f'<a href="{checks.COLAB}/github/you/x/blob/main/notebooks/%s.ipynb">'
    page.write_text(link % "02_mnist" + '<a href="../_sources/notebooks/02_mnist.ipynb">')
    checks.lead_to_sources(tmp_path, {"notebooks/02_mnist": "notebooks/02_depth.ipynb"})
    assert page.read_text() == link % "02_depth" + '<a href="../_sources/notebooks/02_mnist.ipynb">'


def test_the_answer_counts_verdicts_and_names_what_holds_and_what_does_not():
    words = ["holds", "contradicted", "undecided", "undecided", "not enough runs"]
    found = verdicts(*words).assign(fragile=[False, True, False, False, False])
    parts = [(), (SimpleNamespace(p_for=0.01), SimpleNamespace(p_for=1.0)), (), (), ()]
    found = found.assign(reading=["Read so.", "", "", "", ""], parts=parts)
    assert tables.in_short(found).data == (
        "Of 5 published conclusions 4 could be tested with several seeds: 1 holds, 1 is contradicted, "
        "2 stay undecided; 1 of these verdicts is fragile.\n\n"
        "Confirmed: *claim 1* (read so).\n\n"
        "Contradicted: *claim 2* (though 1 of its 2 questions holds)."
    )
    assert "No conclusion" in tables.in_short(found[4:]).data
    of_two = found.assign(report=["A", "A", "A", "A", "B"])
    assert "4 could be tested with several seeds, all of report A: 1 holds" in tables.in_short(of_two).data
