"""The status page says what the records and the notebooks say, whatever characters are in them."""

from types import SimpleNamespace

import pandas as pd

from cnnhelpers.book.notebooks import Status
from cnnhelpers.book.status import code, fenced, status_page, table


def runs(*rows):
    columns = ["study", "report", "experiment", "profile", "seed", "status", "identity", "dataset", "pixels"]
    columns += ["seconds", "backend", "device", "precision", "threads", "record"]
    return pd.DataFrame(rows, columns=columns)


def run(experiment, seed, status="done", pixels="official", error=""):
    environment = {"versions": {"python": "3.12.1", "keras": "3.15.0", "numpy": "2"}, "commit": "abc"}
    record = SimpleNamespace(environment=environment, stop={"error": error})
    labels = ["regularization", "A", experiment, "published", seed, status, f"id{experiment}", "mnist", pixels]
    return [*labels, 1800.0, "tensorflow", "cpu:0", "float32", 1, record]


def test_runs_are_counted_by_study_with_seeds_hours_and_failures():
    frame = runs(run("A1", 0), run("A1", 1), run("A2", 0), run("A2", 1, "failed", error="loss|NaN `x` in\nepoch 2"))
    page = status_page(frame, {})
    assert "| regularization | A | published | 2 | 3 | 1 | 1 to 2 | 2.0 |" in page
    assert "| `A2` | published | 1 | ``loss\\|NaN `x` in epoch 2`` |" in page
    assert "| `mnist` | official | 4 |" in page
    assert "| tensorflow | cpu:0 | float32 | 1 | python 3.12.1, keras 3.15.0 | `abc` | 4 | 2.0 |" in page


def test_data_that_is_not_official_and_missing_values_are_said():
    frame = runs(run("A1", 0, pixels="a JPEG-compressed copy"), run("A1", 1, pixels="own"))
    frame["device"] = None
    page = status_page(frame, {})
    assert "| `mnist` | **a JPEG-compressed copy** | 1 |" in page and "| `mnist` | own | 1 |" in page
    assert "| tensorflow | - | float32 |" in page


def test_notebooks_that_failed_are_named_with_their_error():
    good = Status("01_a.ipynb", "done", 12.3, parameters={"seeds": 5, "names": ["a"]}, commit="abc+")
    bad = Status("02_b.ipynb", "dead kernel", 3.0, "the kernel died\n```")
    page = status_page(runs(), {"notebooks/01_a": good, "notebooks/02_b": bad})
    assert '| [](/notebooks/01_a) | done | 12 | `abc+` | `seeds = 5`, `names = ["a"]` |' in page
    assert "| `notebooks/02_b` | **dead kernel** | 3 | - | none |" in page
    assert "### Why `notebooks/02_b` is missing\n\n````text\nthe kernel died\n```\n````" in page
    assert "There is none yet." in page


def test_no_text_breaks_out_of_code():
    assert code("a`b``c") == "```a`b``c```"
    assert code("") == "`-`"
    assert fenced("").splitlines() == ["```text", "no message", "```"]
    assert table(["a"], [["x|y"]]).endswith("| x\\|y |")
