"""What is published holds no path of this machine, no secret and no script."""

import sys
from pathlib import Path

import nbformat
import pytest

from cnnhelpers.book.sanitize import clean, leaks, plain_text
from cnnhelpers.errors import InputError

CHECKOUT = Path(__file__).resolve().parents[2]
TOKEN = "ghp_" + "a1B2" * 9


def notebook(*outputs, source="1"):
    cell = nbformat.v4.new_code_cell(source, outputs=list(outputs), metadata={"papermill": {"duration": 1}})
    papermill = {"papermill": {"input_path": str(CHECKOUT / "a.ipynb")}, "widgets": {}}
    return nbformat.v4.new_notebook(cells=[cell], metadata=papermill)


def shown(**data):
    return nbformat.v4.new_output("display_data", data={name.replace("_", "/"): value for name, value in data.items()})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("\x1b[1;31mred\x1b[0m", "red"),
        (f"{CHECKOUT}/cnnhelpers/data/datasets.py:3", "cnnhelpers/data/datasets.py:3"),
        (f"in '{CHECKOUT}'", "in '.'"),
        ("HOME/study/a.npz", "~/study/a.npz"),
        ("file://HOME/study/a.npz", "~/study/a.npz"),
        ("data=TMP/some/where/a.npz,", "data=…/a.npz,"),
        ("File /x/lib/python3.12/site-packages/keras/src/a.py", "File keras/src/a.py"),
        ("https://example.org/home/tmp/root", "https://example.org/home/tmp/root"),
        ("train/test and ../tmp/a and 1/2", "train/test and ../tmp/a and 1/2"),
        ("/usr/bin/python", "/usr/bin/python"),
    ],
)
def test_colours_and_paths_leave_texts(text, expected, monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", "/somewhere/reader")
    top = "/" + tmp_path.parts[1]
    assert plain_text(text.replace("HOME", "/somewhere/reader").replace("TMP", top)) == expected


def test_long_text_without_spaces_takes_no_time():
    assert len(plain_text("/abc+def" * 200_000 + "-packages/x")) == 1_600_011


def test_standard_error_and_run_metadata_and_unknown_media_are_left_out():
    error = nbformat.v4.new_output("stream", name="stderr", text="secret")
    printed = nbformat.v4.new_output("stream", name="stdout", text=f"{CHECKOUT}/notebooks")
    widget = shown(**{"application_vnd.jupyter.widget-view+json": {}})
    page = clean(notebook(error, printed, widget, shown(text_plain="1", image_png="AAAA")), "page")
    assert [output.get("text", output.get("data")) for output in page.cells[0].outputs] == [
        "notebooks",
        {"text/plain": "1", "image/png": "AAAA"},
    ]
    assert "papermill" not in page.metadata
    assert page.cells[0].metadata == {}


@pytest.mark.parametrize(
    "data",
    [
        {"text_html": "<b>x</b><script>alert(1)</script>"},
        {"text_html": "<SCRIPT src='x'>"},
        {"text_html": "<img src=x onerror=alert(1)>"},
        {"text_html": "<a href='javascript:alert(1)'>x</a>"},
        {"text_html": "<iframe src='x'></iframe>"},
        {"text_html": "<svg/onload=alert(1)>"},
        {"text_html": '<img src="x"onerror=alert(1)>'},
        {"text_html": "<a href='java&#115;cript:alert(1)'>x</a>"},
        {"text_html": "<a href=' java\tscript:alert(1)'>x</a>"},
        {"text_html": "<a href='data:text/html,<script>alert(1)</script>'>x</a>"},
        {"text_html": "<form action='https://example.org'><input name='password'></form>"},
        {"text_html": "<base href='https://example.org/'>"},
        {"text_html": "<meta http-equiv=refresh content='0;url=https://example.org'>"},
        {"text_html": "<link rel=stylesheet href='https://example.org/a.css'>"},
        {"text_html": "<math><mi/onclick=alert(1)></math>"},
        {"image_svg+xml": "<svg><a xlink:href='javascript:alert(1)'><text>x</text></a></svg>"},
        {"image_svg+xml": "<svg><foreignObject><iframe></iframe></foreignObject></svg>"},
        {"text_markdown": "<details open ontoggle=alert(1)>"},
        {"text_markdown": "<script>alert(1)</script>"},
        {"image_svg+xml": "<svg><script>alert(1)</script></svg>"},
        {"application_javascript": "alert(1)", "text_plain": "1"},
    ],
)
def test_a_script_in_an_output_is_refused_with_page_and_cell(data):
    with pytest.raises(InputError, match=r"notebooks/page: cell 1 made .* not published"):
        clean(notebook(shown(**data)), "notebooks/page")


@pytest.mark.parametrize(
    "data",
    [
        {"text_html": "<style>#T_1 td { color: red }</style><table id='T_1'><th scope='col'>on = 1</th></table>"},
        {"text_html": "<div style='overflow-x:auto'><details><summary>once</summary>a form of action</details></div>"},
        {
            "text_html": "<img alt='a picture' src='data:image/png;base64,AAAA'><a href='https://example.org/?on=1'>x</a>"
        },
        {"image_svg+xml": '<svg viewBox="0 0 1 1"><title>input</title><path d="M0 0L1 1" fill="#000"/></svg>'},
        {"text_markdown": "| script | a < b |\n| --- | --- |\n| [x](#claim-1) | <https://example.org> |"},
    ],
)
def test_what_does_nothing_is_published_as_it_is(data):
    (output,) = clean(notebook(shown(**data)), "page").cells[0].outputs
    assert output.data == {name.replace("_", "/"): text for name, text in data.items()}


def test_a_script_that_is_only_text_or_code_is_published():
    page = notebook(shown(text_plain="<script>"), shown(text_html="&lt;script&gt; one = 1"))
    page.cells.append(nbformat.v4.new_markdown_cell("Write `<script>` or\n\n```html\n<script>\n```\n"))
    assert len(clean(page, "page").cells[0].outputs) == 2


def test_a_script_in_markdown_an_error_and_a_secret_are_refused():
    page = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("<script>alert(1)</script>")])
    with pytest.raises(InputError, match="cell 1 holds a script"):
        clean(page, "page")
    with pytest.raises(InputError, match="cell 1 ended in ValueError"):
        clean(notebook(nbformat.v4.new_output("error", ename="ValueError", evalue="", traceback=[])), "page")
    for page in (notebook(source=f"token = '{TOKEN}'"), notebook(shown(text_plain=TOKEN))):
        with pytest.raises(InputError, match="token"):
            clean(page, "page")


def test_the_original_notebook_is_not_changed():
    page = notebook(nbformat.v4.new_output("stream", name="stderr", text="x"))
    clean(page, "page")
    assert len(page.cells[0].outputs) == 1
    assert "papermill" in page.metadata


def test_a_site_that_names_a_folder_or_holds_a_token_is_found(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", "/somewhere/reader")
    site = tmp_path / "site"
    (site / "_sources").mkdir(parents=True)
    (site / "fine.html").write_text("example.org/somewhere/reader ~/a /usr/lib")
    assert leaks(site, tmp_path) == []
    (site / "home.html").write_text("in /somewhere/reader/x")
    (site / "_sources" / "root.md").write_text(f"in {tmp_path}")
    (site / "python.json").write_text(f'"{sys.prefix}/bin"' if not sys.prefix.startswith("/usr") else str(CHECKOUT))
    (site / "token.txt").write_text(TOKEN)
    assert [line.split()[0] for line in leaks(site, tmp_path)] == [
        "_sources/root.md",
        "home.html",
        "python.json",
        "token.txt",
    ]


def test_figures_of_one_notebook_have_other_names_on_other_pages():
    cell = shown(text_plain="1")
    page = notebook(cell)
    page.cells[0].metadata["mystnb"] = {"figure": {"name": "curves", "caption": "Loss."}}
    names = [clean(page, f"notebooks/{name}").cells[0].metadata.mystnb.figure.name for name in ("01_a", "01_b")]
    assert names == ["01_a-curves", "01_b-curves"]


def test_a_table_of_a_cell_with_a_figure_follows_it_in_a_cell_of_its_own():
    picture = nbformat.v4.new_output("display_data", data={"image/png": "iVBORw0KGgo="})
    table = nbformat.v4.new_output("display_data", data={"text/markdown": "| a |"})
    page = notebook(table, picture)
    page.cells[0].metadata = {"mystnb": {"figure": {"name": "curves", "caption": "Loss."}}, "tags": ["answer"]}
    drawn, told = clean(page, "notebooks/01_a").cells
    assert [drawn.outputs, told.outputs] == [[picture], [table]]
    assert (drawn.source, told.metadata.tags) == (page.cells[0].source, ["answer", "remove-input"])
    assert told.source  # the book shows nothing of a cell without
    for alone in (picture, table):  # a result without runs is a sentence
        page.cells[0].outputs = [alone]
        assert [cell.outputs for cell in clean(page, "notebooks/01_a").cells] == [[alone]]
