"""Execute the notebooks that book/pages.yml lists, stage them with a copy of book/, build the site, check it."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml

from cnnhelpers.book import checks
from cnnhelpers.book import pages as made_pages
from cnnhelpers.book.checks import problems
from cnnhelpers.book.notebooks import Status, execute, sha256, status_of, write_text
from cnnhelpers.book.parameters import read, validate
from cnnhelpers.book.sanitize import clean, leaks, plain_text
from cnnhelpers.book.status import fenced
from cnnhelpers.errors import InputError, unknown

NOT_COPIED = ("records", "pages.yml", "verdicts.json", "_toc.yml", ".*")  # data and settings, not pages


@dataclass(frozen=True)
class Page:
    """One entry of book/pages.yml: which notebook is executed, how, and under which name it is published."""

    page: str  # as in _toc.yml, such as notebooks/01_regularization
    notebook: str = ""  # its file below the root; PAGE.ipynb if not said
    title: str = ""  # heading in place of the notebook's own, where one notebook is several pages
    parameters: dict[str, Any] = field(default_factory=dict)
    timeout: float | None = None  # seconds, if others than for all

    def __post_init__(self) -> None:
        """Refuse names that would leave the book's folder, and fill in the notebook."""
        for name in (self.page, self.notebook or self.page):
            if not isinstance(name, str) or not name or name.startswith("/") or ".." in Path(name).parts:
                raise InputError(f"book/pages.yml: expected a name below the book's folder. Received: {name!r}")
        if not isinstance(self.title, str):
            raise InputError(f"book/pages.yml: the title of {self.page} must be text. Received: {self.title!r}")
        if not isinstance(self.parameters, dict):
            raise InputError(f"book/pages.yml: parameters of {self.page} must be NAME: VALUE pairs")
        object.__setattr__(self, "notebook", self.notebook or f"{self.page}.ipynb")


@dataclass(frozen=True)
class Step:
    """One thing the build did."""

    name: str  # a page, "stage", "build" or "check"
    status: str  # "done", or how it failed
    seconds: float
    error: str = ""


@dataclass(frozen=True)
class Built:
    """What a build made."""

    first_page: Path | None
    steps: tuple[Step, ...]

    @property
    def failed(self) -> list[Step]:
        """The steps that did not succeed."""
        return [step for step in self.steps if step.status != "done"]

    @property
    def exit_code(self) -> int:
        """0 if everything succeeded, else 1."""
        return 1 if self.failed else 0


def build(
    root: str | Path | None = None,
    output: str | Path | None = None,
    *,
    timeout: float = 3600.0,
    only: Sequence[str] | None = None,
    say: Callable[[str], None] = print,
) -> Built:
    """Execute every notebook of book/pages.yml once and build the site into OUTPUT/_build/html.

    A notebook that fails becomes a page that says so; the rest of the site is built, and `exit_code` is 1.

    Parameters
    ----------
    root
        The checkout; by default the one this package runs from.
    output
        Folder that gets `_build` (executed notebooks, staged sources, log, site); by default `root`.
    timeout
        Seconds that one notebook may take, where pages.yml does not say otherwise.
    only
        Pages to execute, by full or last name. The others keep their last result if it is still of the same
        notebook and parameters, else they are published as missing; either is said.
    say
        Takes each line of progress.

    Raises
    ------
    InputError
        If book/pages.yml, book/_toc.yml or `only` name something that does not exist.
    """
    root = Path(root or Path(__file__).parents[2]).resolve()
    folder = Path(output or root).resolve() / "_build"
    listed = pages(root)
    chosen = listed if only is None else _chosen(listed, only)
    statuses: dict[str, Status] = {}
    steps: list[Step] = []
    for page in listed:
        statuses[page.page] = status = (
            _executed(root, page, folder, page.timeout or timeout) if page in chosen else _kept(root, page, folder)
        )
        steps.append(Step(page.page, status.status, status.seconds, status.error))
        _tell(say, steps[-1], "" if page in chosen else " (from an earlier build)")
    steps += _stage(root, folder, listed, statuses)
    _tell(say, steps[-1])
    steps.append(_jupyter_book(root, folder))
    _tell(say, steps[-1])
    first_page = folder / "html" / f"{_toc(root)['root']}.html"
    if first_page.exists():
        checks.lead_to_sources(folder / "html", {page.page: page.notebook for page in listed})
        steps.append(_check(folder / "html", root))
        _tell(say, steps[-1])
    built = Built(first_page if first_page.exists() else None, tuple(steps))
    for step in built.failed:
        say(f"{step.name}: {step.status}")
    say(f"first page: {built.first_page or 'none was made'}")
    return built


def pages(root: Path) -> list[Page]:
    """Return the entries of book/pages.yml; InputError if they do not fit book/_toc.yml."""
    path = root / "book" / "pages.yml"
    entries = _yaml(path)
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise InputError("book/pages.yml must be a list of entries with `page:`")
    known = Page.__dataclass_fields__
    for entry in entries:
        for name in entry:
            if name not in known:
                raise unknown("field of book/pages.yml", str(name), known)
        if "page" not in entry:
            raise InputError(f"book/pages.yml: an entry has no `page:`. Received: {entry!r}")
    listed = [Page(**{name: value for name, value in entry.items() if value is not None}) for entry in entries]
    names = [page.page for page in listed]
    in_toc = set(_files(_toc(root)))
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise InputError(f"book/pages.yml names {sorted(twice)[0]} twice: each page is made once")
    titled = [(page.notebook, page.title) for page in listed]
    for notebook, title in titled:
        if titled.count((notebook, title)) > 1:
            raise InputError(f"book/pages.yml makes several pages of {notebook}: give each a `title:` of its own")
    for name in names:
        if name not in in_toc:
            raise InputError(f"{name} of book/pages.yml is not in book/_toc.yml: no reader would find it")
    for name in sorted(in_toc - set(names) - set(made_pages.MADE)):
        if not any((root / "book" / f"{name}{suffix}").exists() for suffix in (".md", ".ipynb", ".rst")):
            raise InputError(f"{name} of book/_toc.yml is neither in book/ nor in book/pages.yml")
    return listed


def _chosen(listed: list[Page], only: Sequence[str]) -> list[Page]:
    by_name = {page.page: page for page in listed} | {Path(page.page).name: page for page in listed}
    for name in only:
        if name not in by_name:
            raise unknown("page", name, by_name)
    return [by_name[name] for name in only]


def _executed(root: Path, page: Page, folder: Path, timeout: float) -> Status:
    """Execute one page's notebook; what makes it unfit to run is a failure of this page alone."""
    path = root / page.notebook
    try:
        return execute(path, folder / f"{page.page}.ipynb", page.parameters, timeout=timeout)
    except (InputError, OSError) as error:  # OSError: the disk is full, say
        return Status(path.name, "failed", 0.0, plain_text(str(error), root), dict(page.parameters))


def _kept(root: Path, page: Page, folder: Path) -> Status:
    """Return the status of an earlier build if its result is still that of the notebook and parameters."""
    path, output = root / page.notebook, folder / f"{page.page}.ipynb"
    earlier = status_of(output)
    try:
        wanted = validate(path, page.parameters)
        same = earlier is not None and (earlier.source, earlier.parameters) == (sha256(path), wanted)
    except InputError as error:
        return Status(path.name, "failed", 0.0, plain_text(str(error), root), dict(page.parameters))
    if same and (output.exists() or not earlier.done):
        return earlier
    return Status(path.name, "not executed", 0.0, "it was left out of this build", wanted)


def _stage(root: Path, folder: Path, listed: list[Page], statuses: dict[str, Status]) -> list[Step]:
    """Stage book/, executed notebooks and the pages made of them; return a step for each page refused, and the last."""
    started = time.monotonic()
    stage = folder / "stage"
    for made in (
        stage,
        *(folder / name for name in ("html", ".doctrees", "jupyter_execute")),
    ):  # a rebuilt page would hide its warnings otherwise
        shutil.rmtree(made, ignore_errors=True)
    shutil.copytree(root / "book", stage, ignore=shutil.ignore_patterns(*NOT_COPIED))
    refused = []
    for one in listed:
        page, status = one.page, statuses[one.page]
        target = stage / f"{page}.ipynb"
        target.parent.mkdir(parents=True, exist_ok=True)
        if status.done:
            try:
                notebook = clean(read(folder / f"{page}.ipynb"), page, root)
                notebook = made_pages.lift_answer(made_pages.retitle(notebook, one.title))
                write_text(target, json.dumps(notebook, indent=1, ensure_ascii=False) + "\n")
                continue
            except InputError as error:
                status = replace(status, status="refused", error=plain_text(str(error), root))
                statuses[page] = status
                refused.append(Step(page, status.status, 0.0, status.error))
        write_text(target.with_suffix(".md"), _missing(page, status))
    made_pages.write(stage, root, statuses, set(_files(_toc(root))))
    return [*refused, Step("stage", "done", round(time.monotonic() - started, 1))]


def _missing(page: str, status: Status) -> str:
    """Return the page that stands where a chapter would, so that nothing looks whole that is not."""
    title = Path(page).name.replace("_", " ")
    return (
        f"# {title}: missing\n\n:::{{admonition}} This chapter is not shown\n:class: danger\n"
        f"The notebook `{status.notebook}` ended after {status.seconds:.0f} s as **{status.status}**.\n:::\n\n"
        f"{fenced(status.error)}\n"
    )


def _jupyter_book(root: Path, folder: Path) -> Step:
    """Run jupyter-book on the stage; its log is kept, its warnings are the step's error."""
    started = time.monotonic()
    command = [sys.executable, "-c", "from jupyter_book.cli.main import main; main()", "build", str(folder / "stage")]
    write_text(folder / "_config.yml", yaml.safe_dump(checks.configuration(root)))
    command += ["-W", "--keep-going", "-n", "--config", str(folder / "_config.yml")]
    command += ["--toc", str(root / "book" / "_toc.yml"), "--path-output", str(folder.parent)]
    done = subprocess.run(
        command,
        cwd=root,
        env=os.environ | {"NO_COLOR": "1", "PYTHONUTF8": "1", "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": ""},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    log = plain_text(done.stdout.decode("utf-8", errors="replace"), root)
    write_text(folder / "jupyter-book.log", log)
    seconds = round(time.monotonic() - started, 1)
    if done.returncode == 0:
        return Step("build", "done", seconds)
    lines = log.splitlines()
    words = ("WARNING:", "ERROR:", "CRITICAL:")
    said = [line for line in lines if any(word in line for word in words) and "absl::" not in line]  # TensorFlow's own
    return Step("build", "failed", seconds, "\n".join(said or lines[-15:]))


def _check(site: Path, root: Path) -> Step:
    """Look over the finished site: nothing of this machine, no dead link, no image without words, no heavy page."""
    started = time.monotonic()
    found = [*leaks(site, root), *problems(site)]
    return Step("check", "failed" if found else "done", round(time.monotonic() - started, 1), "\n".join(found))


def _tell(say: Callable[[str], None], step: Step, note: str = "") -> None:
    say(f"{step.name}: {step.status}, {step.seconds:.1f} s{note}")
    if step.error:
        say("\n".join(f"    {line}" for line in step.error.splitlines()))


def _toc(root: Path) -> dict[str, Any]:
    toc = _yaml(root / "book" / "_toc.yml")
    if not isinstance(toc, dict) or not isinstance(toc.get("root"), str):
        raise InputError("book/_toc.yml must name the first page as `root:`")
    return toc


def _files(entry: Any) -> Iterable[str]:
    """Yield every page that a table of contents names."""
    if isinstance(entry, dict):
        yield from (str(entry[key]) for key in ("root", "file") if key in entry)
        for value in entry.values():
            yield from _files(value)
    elif isinstance(entry, list):
        for value in entry:
            yield from _files(value)


def _yaml(path: Path) -> Any:
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"book/{path.name} is missing") from None
    except yaml.YAMLError as error:
        raise InputError(f"book/{path.name} is not YAML: {error}") from None
