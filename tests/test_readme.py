"""What the README shows runs as it stands there."""

import re
from pathlib import Path

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
