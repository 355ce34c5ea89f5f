"""A record names the commit whose code made it; seconds are compared among runs of one machine and precision."""

import os
import shutil
import subprocess
import sys

import pandas as pd
import pytest

from cnnhelpers import environment
from cnnhelpers.records import Record
from cnnhelpers.records.comparability import rests_on, timed_alike


def made(experiment, processor, precision):
    environment = {"processor": processor, "precision": precision}
    record = Record("0" * 16, 0, "", {}, {}, "done", {}, {}, environment=environment)
    return {"experiment": experiment, "record": record}


def test_seconds_are_those_of_the_machine_and_precision_of_most_experiments():
    slow = [made("C51", "EPYC", "float32")] * 5
    fast = [made("C21", "EPYC", "bfloat16"), made("C51", "EPYC", "bfloat16")]
    runs = pd.DataFrame([*slow, *fast, made("C72", "H200", "bfloat16")], index=range(10, 18))
    assert timed_alike(runs).index.tolist() == [15, 16]
    assert timed_alike(runs[:5]).equals(runs[:5])
    assert timed_alike(runs[:0]).empty
    own = runs.drop(columns="record")
    assert timed_alike(own) is own


@pytest.mark.skipif(not shutil.which("git"), reason="git is not installed")
def test_commit_is_that_of_the_code_that_was_loaded_with_a_mark_where_it_was_changed(tmp_path):
    package = tmp_path / "cnnhelpers"
    package.mkdir()
    (package / "__init__.py").touch()
    shutil.copy(environment.__file__, package)
    isolated = {name: text for name, text in os.environ.items() if not name.startswith("GIT_")}
    author = {f"GIT_{who}_{what}": "a@b.c" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    isolated |= author | {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CEILING_DIRECTORIES": str(tmp_path.parent)}

    def done(*command, **more):
        options = {"cwd": tmp_path, "env": isolated | more, "capture_output": True, "text": True, "check": True}
        return subprocess.run(command, **options).stdout.strip()

    def git(*arguments):
        return done("git", *arguments)

    def commits(then="pass", **more):
        asked = f"from cnnhelpers.environment import commit; commit(); {then}; print(commit())"
        return done(sys.executable, "-c", asked, PYTHONPATH=str(tmp_path), **more)

    assert commits() == ""  # no checkout
    git("init", "-q")
    assert commits() == ""  # somebody else's checkout, which does not hold the package
    git("add", "cnnhelpers/__init__.py", "cnnhelpers/environment.py")
    git("commit", "-qm", "first")
    first = git("rev-parse", "HEAD")[:12]
    (tmp_path / "notes.md").touch()  # not code
    assert commits() == first
    assert commits("import os; os.system('git commit -qm second --allow-empty')") == first
    second = git("rev-parse", "HEAD")[:12]
    assert commits() == second != first
    with (package / "environment.py").open("a") as file:
        file.write("# changed")
    assert commits() == f"{second}+"
    assert commits(PATH=str(tmp_path)) == ""  # no git


def test_no_runs_rest_on_nothing():
    runs = pd.DataFrame({"experiment": ["A1"], "profile": ["published"], "device": ["cpu:0"]})
    assert rests_on(runs) == "published profile, cpu"
    assert rests_on(runs[:0]) == ""
