"""The status page of the book: Markdown made from the records and from how the notebooks ended, no prose by hand."""

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from cnnhelpers import environment
from cnnhelpers.book.chapters.tables import table
from cnnhelpers.book.notebooks import Status, write_text
from cnnhelpers.book.sanitize import plain_text
from cnnhelpers.errors import InputError

_LIBRARIES = ("python", "keras", "tensorflow", "jax", "torch")


def status_page(runs: pd.DataFrame, notebooks: Mapping[str, Status]) -> str:
    """Return the page as Markdown.

    Parameters
    ----------
    runs
        One row a run, as `records.load` returns it.
    notebooks
        How the notebook of each page ended, by page.
    """
    commit = environment.commit()
    built = f", at commit {code(commit)}" if commit else ""
    failed = [page for page, status in notebooks.items() if not status.done]
    sections = [
        "# Status",
        f"Made by `make book` from the records ({len(runs)} runs) and from how the notebooks ended{built}. "
        "Nothing on this page is written by hand.",
        "## Notebooks",
        f"{len(notebooks) - len(failed)} of {len(notebooks)} ran to their end.",
        _notebooks(notebooks),
        *(f"### Why {code(page)} is missing\n\n{fenced(notebooks[page].error)}" for page in failed),
        "## Runs",
        _studies(runs),
        _failures(runs),
        "## Data",
        _datasets(runs),
        "## Where the runs were trained",
        _machines(runs),
        "## What this site was built with",
        table(["Library", "Version"], ((code(name), text) for name, text in environment.versions().items())),
    ]
    return "\n\n".join(section for section in sections if section) + "\n"


def code(text: Any) -> str:
    """Return any text as Markdown code on one line, so that nothing in it is markup."""
    text = " ".join(str(text).split()) or "-"
    ticks = "`" * (1 + max((len(run) for run in re.findall("`+", text)), default=0))
    pad = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{ticks}{pad}{text}{pad}{ticks}"


def fenced(text: str) -> str:
    """Return any text as a Markdown block of plain text."""
    fence = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", text)), default=0))
    return f"{fence}text\n{text or 'no message'}\n{fence}"


def _notebooks(notebooks: Mapping[str, Status]) -> str:
    return table(
        ["Page", "Status", "Seconds", "Commit", "Parameters that differ from the notebook's own"],
        (
            (
                f"[](/{page})" if status.done else code(page),
                status.status if status.done else f"**{status.status}**",
                f"{status.seconds:.0f}",
                code(status.commit) if status.commit else "-",
                ", ".join(code(f"{name} = {json.dumps(value)}") for name, value in status.parameters.items()) or "none",
            )
            for page, status in notebooks.items()
        ),
    )


def _studies(runs: pd.DataFrame) -> str:
    rows = []
    for (study, report, profile), group in _by(runs, ["study", "report", "profile"]):
        done = group[group.status == "done"]
        seeds = done.groupby("identity").seed.nunique()
        rows.append(
            (
                _plain(study),
                _plain(report) or "-",
                _plain(profile),
                group.identity.nunique(),
                len(done),
                len(group) - len(done),
                _range(seeds),
                f"{group.seconds.sum() / 3600:.1f}",
            )
        )
    header = ["Study", "Report", "Profile", "Experiments", "Runs done", "failed", "Seeds each", "Hours"]
    return table(header, rows)


def _failures(runs: pd.DataFrame) -> str:
    failed = runs[runs.status != "done"]
    if failed.empty:
        return ""
    rows = (
        (code(run.experiment), _plain(run.profile), run.seed, code(_error(run.record)))
        for run in failed.sort_values(["experiment", "seed"]).itertuples()
    )
    return "### Runs that failed\n\n" + table(["Experiment", "Profile", "Seed", "Reason"], rows)


def _datasets(runs: pd.DataFrame) -> str:
    return table(
        ["Dataset", "Arrays", "Runs"],
        (
            (code(name), pixels if pixels in ("official", "own") else f"**{pixels}**", len(group))
            for (name, pixels), group in _by(runs, ["dataset", "pixels"])
        ),
    )


def _machines(runs: pd.DataFrame) -> str:
    details = [_environment(record) for record in runs.record]
    frame = runs[["backend", "device", "precision", "threads", "seconds"]].assign(
        versions=[_versions(detail) for detail in details],
        commit=[detail.get("commit") or "-" for detail in details],
    )
    rows = (
        (
            *(_plain(value) for value in key[:4]),
            key[4],
            ", ".join(code(commit) for commit in sorted(set(group.commit))),
            len(group),
            f"{group.seconds.sum() / 3600:.1f}",
        )
        for key, group in _by(frame, ["backend", "device", "precision", "threads", "versions"])
    )
    return table(["Backend", "Device", "Precision", "Threads", "Versions", "Commits", "Runs", "Hours"], rows)


def _by(frame: pd.DataFrame, columns: list[str]) -> Iterable[tuple[tuple, pd.DataFrame]]:
    return frame.groupby(columns, dropna=False, sort=True)


def _environment(record: Any) -> Mapping[str, Any]:
    return getattr(record, "environment", None) or {}


def _versions(detail: Mapping[str, Any]) -> str:
    found = detail.get("versions") or {}
    return ", ".join(_plain(f"{name} {found[name]}") for name in _LIBRARIES if name in found) or "-"


def _error(record: Any) -> str:
    stop = getattr(record, "stop", None) or {}
    return plain_text(str(stop.get("error") or stop.get("reason") or "no message"))[:300]


def _range(numbers: pd.Series) -> str:
    if numbers.empty:
        return "-"
    low, high = int(numbers.min()), int(numbers.max())
    return str(low) if low == high else f"{low} to {high}"


def _plain(value: Any) -> str:
    """Return a value as Markdown text without markup."""
    if value is None or value != value:
        return "-"
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return re.sub(r"([\\`*_{}\[\]<>|$~#&@])", r"\\\1", text)


def changed_verdicts(results: pd.DataFrame, published: Path) -> str:
    """Return a section of the status page: verdicts that differ from those in the file `published`.

    Parameters
    ----------
    results
        As `claims.verdicts` returns it.
    published
        What `write_verdicts` wrote at the last publication; without such a file the section says so.
    """
    title = "## Verdicts that changed"
    if not published.exists():
        return f"{title}\n\nThere is no earlier publication to compare with.\n"
    try:
        earlier = json.loads(published.read_text(encoding="utf-8"))
        before = {int(number): text for number, text in earlier["verdicts"].items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{published.name} is not a file that the build wrote ({error}): delete it") from None
    rows = [
        (row.number, row.report, row.text, before.get(row.number, "not tested"), row.verdict)
        for row in results.itertuples()
        if row.verdict != before.get(row.number)
    ]
    commit = f" at commit `{earlier['commit']}`" if earlier.get("commit") else ""
    summary = f"Compared with the verdicts published last{commit}: {len(rows)} of {len(results)} differ."
    header = ["", "Report", "Conclusion", "Before", "Now"]
    return f"{title}\n\n{summary}\n" + (f"\n{table(header, rows)}\n" if rows else "")


def write_verdicts(results: pd.DataFrame, path: Path) -> None:
    """Write the verdicts as `changed_verdicts` reads them; book/verdicts.json holds those published last."""
    verdicts = {str(row.number): row.verdict for row in results.itertuples()}
    write_text(path, json.dumps({"commit": environment.commit(), "verdicts": verdicts}, indent=1) + "\n")
