"""The page on faults names tests that exist, and misses none of a fault."""

import re
from pathlib import Path

from tests.faults.processes import ROOT

PAGE = (ROOT / "book" / "faults.md").read_text(encoding="utf-8")
NAMED = set(re.findall(r"`(test_\w+)`", PAGE))


def names(folder):
    """Return the names of the tests in the files below a folder, without this file."""
    sources = [path.read_text(encoding="utf-8") for path in folder.rglob("test_*.py") if path != Path(__file__)]
    return {name for source in sources for name in re.findall(r"^def (test_\w+)", source, flags=re.MULTILINE)}


def test_every_row_names_tests_that_exist():
    rows = [line for line in PAGE.splitlines() if line.startswith("| ") and not line.startswith(("| Case", "| ---"))]
    assert len(rows) > 40
    assert [row for row in rows if "`test_" not in row and not row.endswith("| the same |")] == []
    assert NAMED - names(ROOT / "tests") == set()


def test_every_fault_that_is_tested_has_its_row():
    assert names(ROOT / "tests" / "faults") - NAMED == set()
