"""What the README shows runs as it stands there."""

import re
import shlex
from pathlib import Path

import pytest

from cnnhelpers.book.parameters import validate

ROOT = Path(__file__).parents[1]


def test_the_examples_of_the_readme_run(tmp_path, monkeypatch, capsys):
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), flags=re.DOTALL)
    assert len(blocks) == 2
    monkeypatch.chdir(tmp_path)
    names = {}
    for block in blocks:
        exec(compile(block, "README.md", "exec"), names)
    assert "points [" in capsys.readouterr().out
    assert (tmp_path / "submission.csv").read_text().startswith("id,label\n")


COMMANDS = [
    shlex.split(line, comments=True)
    for path in ("README.md", "book/howto/headless.md")
    for line in (ROOT / path).read_text(encoding="utf-8").splitlines()
    if re.match(r"(papermill|python -m cnnhelpers notebook) notebooks/", line)
]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_notebooks_are_executed_with_parameters_that_they_have_and_train_what_is_not_recorded(command):
    notebook = next(word for word in command if word.endswith(".ipynb"))
    given = {command[at + 1]: command[at + 2] for at, word in enumerate(command) if word == "-p"}
    values = validate(ROOT / notebook, given)
    assert values.get("train") or not {"dataset", "profile"} & set(values)
