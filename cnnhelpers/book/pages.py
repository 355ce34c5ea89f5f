"""What the book shows of records and executed notebooks without prose by hand: status, gallery, tables, the answer."""

import base64
import io
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

import matplotlib.pyplot as plt
import nbformat
import pandas as pd
from PIL import Image

from cnnhelpers import plotting, records, reports
from cnnhelpers.atomic import replace_file
from cnnhelpers.book.chapters.tables import in_short, table
from cnnhelpers.book.notebooks import Status, write_text
from cnnhelpers.book.status import changed_verdicts, code, status_page, write_verdicts
from cnnhelpers.errors import InputError

MADE = ("status", "gallery", "tables")  # pages that are made here, where _toc.yml names them
THUMBNAIL, SHADES = (360, 270), 128  # pixels, at most, and colours of one of the gallery
ANSWER = "answer"  # tag of the cell whose output stands on top of its page as well


def write(stage: Path, root: Path, statuses: Mapping[str, Status], named: Collection[str]) -> None:
    """Write the MADE pages that are `named`, and what other pages include, into the staged sources."""
    folder = root / "book" / "records"
    runs = records.load(folder)
    found = reports.published_verdicts(folder=folder)
    changed = changed_verdicts(found, root / "book" / "verdicts.json")
    write_verdicts(found, stage.parent / "verdicts.json")
    made = {
        "status": lambda: status_page(runs, statuses) + "\n" + changed,
        "gallery": lambda: gallery_page(stage, [page for page, status in statuses.items() if status.done]),
        "tables": lambda: tables_page(stage, runs, found),
    }
    for name in MADE:
        if name in named:
            write_text(stage / f"{name}.md", made[name]())
    write_text(stage / "answer.txt", f"{in_short(found).data}\n")  # included by the first page
    _draw_answer(stage / "_static" / "answer.svg", found)
    try:
        draw_cover(stage / "_static" / "cover.png", folder)
    except InputError:  # without the records of report A, the committed picture stays
        return


def gallery_page(stage: Path, pages: Collection[str]) -> str:
    """Return a page of thumbnails, each linked to its figure; the thumbnails are written into `stage`."""
    parts = ["# Gallery", "Every figure of the chapters, made small. Each leads to its place in the text."]
    for page in pages:
        notebook = nbformat.read(stage / f"{page}.ipynb", as_version=4)
        cards = [_card(stage, *figure) for figure in _figures(notebook)]
        if cards:
            title = notebook.cells[0].source.partition("\n")[0].removeprefix("# ")
            parts += [f"## {title}", "::::{grid} 1 2 2 3\n:gutter: 2\n\n" + "\n".join(cards) + "::::"]
    return "\n\n".join(parts) + "\n"


def tables_page(stage: Path, runs: pd.DataFrame, found: pd.DataFrame) -> str:
    """Return a page of links to CSV files, one a study and one of the verdicts, which are written into `stage`."""
    files = {f"runs_{study}": group.drop(columns="record") for study, group in runs.groupby("study")}
    files |= {"verdicts": found.drop(columns="parts")}
    (stage / "tables").mkdir(exist_ok=True)
    for name, frame in files.items():
        frame.to_csv(stage / "tables" / f"{name}.csv", index=False, lineterminator="\n")
    rows = ((f"{{download}}`{name}.csv <tables/{name}.csv>`", len(frame)) for name, frame in files.items())
    intro = "All that the pages are made of, to count with elsewhere: one row a run or a conclusion, accuracies as"
    intro += " fractions, times in seconds. An empty cell is a number that does not exist, such as a failed run's."
    parts = ["# Tables to download", intro, table(["File", "Rows"], rows), "## Columns"]
    parts += [f"Of the runs: {_names(runs.drop(columns='record'))}.", f"Of the verdicts: {_names(files['verdicts'])}."]
    return "\n\n".join(parts) + "\n"


def lift_answer(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Put what the cells tagged ANSWER said also on top of the page, below the title; in place.

    >>> made = nbformat.v4.new_output("display_data", data={"text/markdown": "It holds."})
    >>> cells = [nbformat.v4.new_markdown_cell("# Does it help?\\n\\nSomebody asked."),
    ...          nbformat.v4.new_code_cell("...", outputs=[made], metadata={"tags": ["answer"]})]
    >>> print(lift_answer(nbformat.v4.new_notebook(cells=cells)).cells[0].source)
    # Does it help?
    <BLANKLINE>
    :::{admonition} In short
    :class: tip
    It holds.
    :::
    <BLANKLINE>
    Somebody asked.
    """
    tagged = [cell for cell in notebook.cells if ANSWER in cell.metadata.get("tags", [])]
    texts = [output.data["text/markdown"] for cell in tagged for output in cell.outputs if "data" in output]
    if texts:
        title, _, rest = notebook.cells[0].source.partition("\n")
        said = "\n\n".join(text.strip() for text in texts)
        box = f":::{{admonition}} In short\n:class: tip\n{said}\n:::"
        notebook.cells[0].source = f"{title}\n\n{box}\n\n{rest.strip()}"
    return notebook


def retitle(notebook: nbformat.NotebookNode, title: str) -> nbformat.NotebookNode:
    """Put `title`, if there is one, in place of the heading of the first cell; in place.

    >>> cells = [nbformat.v4.new_markdown_cell("# Depth\\n\\nHow deep?")]
    >>> print(retitle(nbformat.v4.new_notebook(cells=cells), "Depth on digits").cells[0].source)
    # Depth on digits
    <BLANKLINE>
    How deep?
    """
    if title:
        _, _, rest = notebook.cells[0].source.partition("\n")
        notebook.cells[0].source = f"# {title}\n{rest}"
    return notebook


def _names(frame: pd.DataFrame) -> str:
    return ", ".join(map(code, frame.columns))


def _figures(notebook: nbformat.NotebookNode) -> Iterator[tuple[str, str, str, str]]:
    """Yield name, caption, alternative text and PNG (base64) of every figure that has a name."""
    for cell in notebook.cells:
        shown = cell.metadata.get("mystnb", {})
        pictures = [
            output.data["image/png"] for output in cell.get("outputs", []) if "image/png" in output.get("data", {})
        ]
        if pictures and "figure" in shown:
            yield shown["figure"]["name"], shown["figure"]["caption"], shown["image"]["alt"], pictures[0]


def _card(stage: Path, name: str, caption: str, alt: str, picture: str) -> str:
    """Write one thumbnail and return the card that shows it."""
    with Image.open(io.BytesIO(base64.b64decode(picture))) as opened:
        small = opened.convert("RGB")
    small.thumbnail(THUMBNAIL, Image.Resampling.LANCZOS)
    small = small.quantize(SHADES, dither=Image.Dither.NONE)  # a third of the bytes, and nothing that can be seen
    path = stage / "gallery" / f"{name}.png"
    path.parent.mkdir(exist_ok=True)
    replace_file(path, lambda file: small.save(file, "PNG", optimize=True))
    options = {"img-top": f"gallery/{name}.png", "img-alt": alt, "link": name, "link-type": "ref"}
    lines = "".join(f":{option}: {value}\n" for option, value in options.items())
    return f":::{{grid-item-card}}\n{lines}{caption}\n:::\n"


def _draw_answer(path: Path, found: pd.DataFrame) -> None:
    """Write the verdicts on all conclusions as one picture."""
    with plt.rc_context():
        plotting.use_style()
        ax = plotting.plot_verdicts(found)
        ax.figure.savefig(path, metadata={"Date": None})
        plt.close(ax.figure)


TITLES = {
    "A1": "A1  3 convolutions",
    "A2": "A2  1 convolution",
    "A3": "A3  3 convolutions, L2",
    "A4": "A4  1 convolution, L2",
    "A5": "A5  3 convolutions, dropout",
    "A6": "A6  1 convolution, dropout",
    "A7": "A7  3 convolutions, early stopping",
    "A8": "A8  1 convolution, early stopping",
}


def draw_cover(path: Path | str, folder: Path | str | None = None) -> Path:
    """Write the picture of report A's validation accuracies as a PNG and return its path.

    Raises
    ------
    InputError
        If report A is not recorded in `folder`.
    """
    runs = records.load(folder)
    runs = runs[(runs["profile"] == "published") & (runs["experiment"].isin(TITLES)) & (runs["report"] == "A")]
    if runs.empty:
        raise InputError("report A is not recorded: python -m cnnhelpers run A")
    order = pd.Categorical(runs["experiment"], categories=list(TITLES), ordered=True)
    runs = runs.assign(order=order).sort_values(["order", "seed"])
    table = reports.compare_with_published(runs, "validation_accuracy")
    with plt.rc_context():
        plotting.use_style()
        figure, ax = plt.subplots(figsize=(7, 4), layout="constrained")
        plotting.plot_seeds(runs.assign(experiment=runs["experiment"].map(TITLES)), "validation_accuracy", ax)
        for row, published in enumerate(table["published"]):
            ax.plot(100 * published, row, "D", markersize=8, markerfacecolor="none", markeredgecolor="black", zorder=5)
        handles, _ = [*ax.get_legend().legend_handles], None
        diamond = plt.Line2D([], [], linestyle="none", marker="D", markerfacecolor="none", markeredgecolor="black")
        diamond.set_label("published, one run")
        ax.legend(handles=[*handles, diamond], loc="lower center", bbox_to_anchor=(0.4, 1.0), ncols=3, frameon=False)
        figure.savefig(path, dpi=110)
        plt.close(figure)
    return Path(path)
