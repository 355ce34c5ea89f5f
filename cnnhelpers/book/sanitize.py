"""What may leave this machine: no path of it, no secret, no script, nothing but the reader's media types."""

import os
import re
import sys
from collections.abc import Iterable
from pathlib import Path

import nbformat
import nh3

from cnnhelpers.errors import ANSI, InputError

MEDIA = ("text/html", "text/markdown", "text/latex", "text/plain", "image/png", "image/jpeg", "image/svg+xml")
_TEXT_SUFFIXES = (".html", ".md", ".ipynb", ".txt", ".json", ".xml", ".svg", ".css", ".csv", ".js")
_PUBLIC = {"bin", "boot", "dev", "etc", "lib", "lib32", "lib64", "libx32", "proc", "run", "sbin", "sys", "usr"}
_ACTIVE_TAGS = {
    *("script", "iframe", "frame", "frameset", "object", "embed", "applet", "form", "input", "button", "textarea"),
    *("base", "meta", "link", "foreignobject", "portal", "template"),
}
_ACTIVE_ATTRIBUTES = {"action", "formaction", "srcdoc", "http-equiv", "ping", "background"}
_ACTIVE_SCHEMES = {"javascript", "vbscript", "data", "blob", "filesystem"}
_SAFE_SCHEMES = {"http", "https", "mailto"}
_SECRET = re.compile(
    r"\b(?:gh[pousr]_[A-Za-z0-9]{30,}|github_pat_\w{40,}|hf_[A-Za-z0-9]{30,}|sk-[A-Za-z0-9_-]{30,}|AKIA[A-Z0-9]{16}|"
    r"xox[abprs]-[A-Za-z0-9-]{10,})|-----BEGIN [A-Z ]*PRIVATE KEY-----"
)
_PART = r"[^\s'\"`<>|;,()\[\]{}&]"  # a character of a path


def plain_text(text: str, root: Path | None = None) -> str:
    r"""Return the text without colour codes and without paths of this machine.

    A path below `root` (by default this checkout) becomes relative, one below the home folder starts with ~, one of
    an installed package starts at the package, and of any other only the last name stays.

    >>> plain_text("\x1b[31mNo file /usr/lib/python3/site-packages/keras/saving.py\x1b[0m")
    'No file keras/saving.py'
    """
    text = ANSI.sub("", text).replace("file://", "")
    for folder, short in ((root, ""), (_checkout(), ""), (Path.home(), "~/")):
        if folder is not None and len(Path(folder).parts) > 1:
            text = re.sub(_before(str(folder)) + "/", short, text)
            text = re.sub(_before(str(folder)) + r"(?![\w.-])", short.rstrip("/") or ".", text)
    if "-packages/" in text:
        text = re.sub(f"{_PART}+", lambda path: re.sub(r"^.*/(?:site|dist)-packages/", "", path[0]), text)
    own = "|".join(re.escape(name) for name in os.listdir("/") if name not in _PUBLIC)  # noqa: PTH208
    if not own:
        return text
    return re.sub(rf"(?<![\w.~/-])/(?:{own})(?:/{_PART}+)+", lambda path: "…/" + Path(path[0]).name, text)


def clean(notebook: nbformat.NotebookNode, page: str, root: Path | None = None) -> nbformat.NotebookNode:
    """Return a copy that can be published: no standard error, known media types only, no paths, no run metadata.

    The names of figures get the page's before them, as the book knows each name once. Tables that a cell displays with
    a figure follow it, in a cell of their own: a caption belongs to one output.

    Raises
    ------
    InputError
        Naming the page and the cell, if HTML that a cell made holds a script, or any text holds a secret.
    """
    notebook = nbformat.from_dict(notebook)
    known = ("kernelspec", "language_info", "title", "jupytext")
    notebook.metadata = nbformat.from_dict({key: notebook.metadata[key] for key in known if key in notebook.metadata})
    for number, cell in enumerate(notebook.cells, start=1):
        where = f"{page}: cell {number}"
        cell.metadata.pop("papermill", None)
        cell.metadata.pop("execution", None)
        if figure := cell.metadata.get("mystnb", {}).get("figure"):  # one notebook may be several pages
            figure["name"] = f"{Path(page).name}-{figure['name']}"
        if cell.cell_type == "code":
            kept = (_output(output, where, root) for output in cell.outputs)
            cell.outputs = [output for output in kept if output is not None]
        elif _is_active(_without_code(cell.source)):
            raise InputError(f"{where} holds a script, a frame or a form: it is not published")
        _refuse_secret(cell.source, where)
    notebook.cells = [part for cell in notebook.cells for part in _figure_alone(cell)]
    return notebook


def _figure_alone(cell: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    """Return the cell with its figure, and a cell without code for what else a cell with a named figure displays."""
    if "figure" not in cell.metadata.get("mystnb", {}):
        return [cell]
    rest = [output for output in cell.outputs if "image/png" not in output.get("data", {})]
    if not rest or len(rest) == len(cell.outputs):
        return [cell]
    cell.outputs = [output for output in cell.outputs if output not in rest]
    tags = [*cell.metadata.get("tags", []), "remove-input"]
    source = "# displayed with the figure above"  # of a cell without any, the book shows no outputs
    return [cell, nbformat.v4.new_code_cell(source, id=f"{cell.id}-table", outputs=rest, metadata={"tags": tags})]


def leaks(site: Path, root: Path) -> list[str]:
    """Return one line for each file below `site` that names the home folder, the checkout or the environment."""
    folders = {str(root), str(_checkout()), str(Path.home()), sys.prefix}
    folders = {folder for folder in folders if len(Path(folder).parts) > 1 and Path(folder).parts[1] not in _PUBLIC}
    pattern = re.compile("|".join(_before(folder) + r"(?![\w.-])" for folder in sorted(folders)))
    return [line for path in sorted(site.rglob("*")) for line in _leaks_of(path, site, pattern)]


def _leaks_of(path: Path, site: Path, pattern: re.Pattern[str]) -> Iterable[str]:
    relative = path.relative_to(site)
    if path.suffix not in _TEXT_SUFFIXES or not path.is_file():
        return
    text = path.read_text(encoding="utf-8", errors="replace")
    found = pattern.search(text) if pattern.pattern else None
    if found:
        yield f"{relative.as_posix()} names a folder of this machine: {text[found.start() : found.end() + 60]!r}"
    if relative.parts[0] != "_static" and _SECRET.search(text):
        yield f"{relative.as_posix()} holds what looks like a token or a key"


def _output(output: nbformat.NotebookNode, where: str, root: Path | None) -> nbformat.NotebookNode | None:
    if output.output_type == "stream":
        if output.name == "stderr":
            return None
        output.text = plain_text(output.text, root)
        _refuse_secret(output.text, where)
        return output
    if output.output_type == "error":
        raise InputError(f"{where} ended in {output.ename}: it is not published")
    if any("javascript" in media for media in output.data):
        raise InputError(f"{where} made JavaScript: it is not published")
    output.data = nbformat.from_dict({media: output.data[media] for media in MEDIA if media in output.data})
    for media, content in output.data.items():
        if media.startswith("image/") and media != "image/svg+xml":
            continue
        text = plain_text(content, root)
        _refuse_secret(text, where)
        if media != "text/plain" and _is_active(_without_code(text) if media == "text/markdown" else text):
            raise InputError(f"{where} made {media} that holds a script, a frame or a form: it is not published")
        output.data[media] = text
    return output if output.data else None


def _is_active(html: str) -> bool:
    """Return whether a browser would run, load or send something for this HTML, SVG or Markdown.

    A browser's parser (nh3) cleans the text twice, with and without what is active, as both see the same tags where a
    pattern is easily misled (`<svg/onload=...>`, `java&#115;cript:`).
    """
    names = re.findall(r"[A-Za-z][\w:-]*", html)
    names += [name.rpartition(":")[2] for name in names]  # the parser knows xlink:href as href
    words = {*names, *map(str.lower, names)}
    tags = {word for word in words if word.lower() not in _ACTIVE_TAGS}
    attributes = {word for word in words - _ACTIVE_ATTRIBUTES if not word.lower().startswith("on")}

    def cleaned(tags: set[str], attributes: set[str], schemes: set[str]) -> str:
        def keep(tag: str, name: str, value: str) -> str | None:
            picture = tag == "img" and name == "src" and value.startswith("data:image/")
            return value if picture or _scheme(value) not in _ACTIVE_SCHEMES - schemes else None

        options = {"clean_content_tags": set(), "link_rel": None, "attribute_filter": keep}
        return nh3.clean(html, tags=tags, attributes={"*": attributes}, url_schemes=schemes | {"data"}, **options)

    return cleaned(tags, attributes, _SAFE_SCHEMES) != cleaned(words, words, _SAFE_SCHEMES | _ACTIVE_SCHEMES)


def _scheme(address: str) -> str:
    """Return the scheme of an address as browsers read it, without blanks and control characters."""
    return re.sub(r"[\x00-\x20]", "", address).partition(":")[0].lower()


def _refuse_secret(text: str, where: str) -> None:
    if _SECRET.search(text):
        raise InputError(f"{where} holds what looks like a token or a key: it is not published")


def _without_code(markdown: str) -> str:
    """Return Markdown without its fenced and inline code, which may show a script."""
    return re.sub(r"(?ms)^(`{3,}|~{3,}).*?^\1|(`+)(?!`).+?(?<!`)\2(?!`)", "", markdown)


def _before(folder: str) -> str:
    """Return a pattern that finds the folder, but not inside a longer path or an address."""
    return r"(?<![\w.~/-])" + re.escape(folder.rstrip("/"))


def _checkout() -> Path:
    return Path(__file__).resolve().parents[2]
