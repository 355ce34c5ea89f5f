"""Which verdicts are others than in the last published book: runs are added, and a reader should see what moved."""

import json
from pathlib import Path

import pandas as pd

from cnnhelpers import environment
from cnnhelpers.book.notebooks import write_text
from cnnhelpers.book.status import table
from cnnhelpers.errors import InputError


def section(found: pd.DataFrame, published: Path) -> str:
    """Return a section of the status page: verdicts that differ from those in the file `published`.

    Parameters
    ----------
    found
        As `claims.verdicts` returns it.
    published
        What `write` wrote at the last publication; without such a file the section says so.
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
        (one.number, one.report, one.text, before.get(one.number, "not tested"), one.verdict)
        for one in found.itertuples()
        if one.verdict != before.get(one.number)
    ]
    commit = f" at commit `{earlier['commit']}`" if earlier.get("commit") else ""
    told = f"Compared with the verdicts published last{commit}: {len(rows)} of {len(found)} differ."
    header = ["", "Report", "Conclusion", "Before", "Now"]
    return f"{title}\n\n{told}\n" + (f"\n{table(header, rows)}\n" if rows else "")


def write(found: pd.DataFrame, path: Path) -> None:
    """Write the verdicts as `section` reads them; copied to book/verdicts.json they are what is compared with."""
    verdicts = {str(one.number): one.verdict for one in found.itertuples()}
    write_text(path, json.dumps({"commit": environment.commit(), "verdicts": verdicts}, indent=1) + "\n")
