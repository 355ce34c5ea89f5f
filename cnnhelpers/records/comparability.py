"""Compare the conditions under which runs were made, and select runs that can be compared."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TypeVar

import pandas as pd

from cnnhelpers import data
from cnnhelpers.errors import InputError

Copy = TypeVar("Copy")


def rests_on(runs: pd.DataFrame) -> str:
    """Return the conditions of `runs` on one line, as far as their table has columns for them.

    >>> made = {"profile": "published", "precision": "float32", "device": "cpu:0"}
    >>> made |= {"dataset": "mnist", "pixels": "official"}
    >>> rests_on(pd.DataFrame([{"experiment": "C21", **made}, {"experiment": "C22", **made, "precision": "bfloat16"}]))
    'published profile, bfloat16 and float32, cpu, mnist (official)'
    """
    return ", ".join(" and ".join(sorted(values.dropna().unique())) for _, values in _aspects(runs).items())


def differing(runs: pd.DataFrame) -> str:
    """Return the `differing_aspects` of runs as text, "" if there are none.

    >>> runs = pd.DataFrame({"experiment": ["A1", "A2"], "precision": ["float32", "bfloat16"], "device": "cpu:0"})
    >>> differing(runs)
    'precision differs: bfloat16 in A2, float32 in A1'
    """
    return "; ".join(f"{aspect} differs: {values}" for aspect, values in differing_aspects(runs).items())


def differing_aspects(runs: pd.DataFrame) -> dict[str, str]:
    """Return the aspects in which `runs` differ, such as {"device": "cpu in A1, gpu in A2"}."""
    texts = {}
    for aspect, values in _aspects(runs).items():
        experiments = runs["experiment"].groupby(values).unique()
        texts[aspect] = [f"{value} in {few(names).replace(', ', ' and ')}" for value, names in experiments.items()]
    return {aspect: ", ".join(values) for aspect, values in texts.items() if len(values) > 1}


def aspects_in(differs: str) -> list[str]:
    """Return the aspects in a text of `differing`.

    >>> aspects_in("precision differs: bfloat16 in A2, float32 in A1; device differs: cpu in A1, gpu in A2")
    ['precision', 'device']
    """
    return re.findall(r"(\w+) differs:", differs)


def few(names: Sequence[str]) -> str:
    """Return names on one line; of six and more the first three and the number of the others.

    >>> few(["B1", "B2"]), few([f"B{number}" for number in range(1, 17)])
    ('B1, B2', 'B1, B2, B3 and 13 more')
    """
    return ", ".join(names) if len(names) < 6 else f"{', '.join(names[:3])} and {len(names) - 3} more"


def preferred_copy(counts: Mapping[Copy, int], here: Copy) -> Copy:
    """Return the copy of a dataset from which all its runs are taken, so that no table mixes two.

    That is `here`, the copy on this machine (the official one if it has none), if any run was recorded from it or none
    from any copy; else the copy of most runs. `counts` has the number of recorded runs of each copy.

    >>> preferred_copy({"official": 1, "jpeg": 9}, "official"), preferred_copy({"official": 0, "jpeg": 9}, "official")
    ('official', 'jpeg')
    """
    return here if counts.get(here) or not any(counts.values()) else max(counts, key=lambda copy: counts[copy])


def of_one_copy(runs: pd.DataFrame) -> pd.DataFrame:
    """Return the runs of the `preferred_copy` of each dataset; all rows of a table without the column record."""
    if "record" not in runs:
        return runs
    copies = pd.Series([record.data["fingerprint"] for record in runs["record"]], runs.index, dtype=object)
    kept = pd.Series(True, runs.index)
    for name, recorded in copies.groupby(runs["dataset"]):
        if len(counts := Counter(recorded)) > 1:
            kept[recorded.index] = recorded == preferred_copy(counts, _fingerprint_here(name))
    return runs[kept]


def timed_alike(runs: pd.DataFrame) -> pd.DataFrame:
    """Return the runs on the processor or GPU and precision of most experiments; all without the column record."""
    if "record" not in runs or runs.empty:
        return runs
    machines = timed_on(runs)
    return runs[machines == runs["experiment"].groupby(machines).nunique().idxmax()]


def timed_on(runs: pd.DataFrame) -> pd.Series:
    """Return the processor or GPU and the precision of each run: its seconds depend on them."""
    environments = [record.environment for record in runs["record"]]
    machines = [(environment.get("processor"), environment.get("precision")) for environment in environments]
    return pd.Series(machines, runs.index, dtype=object)


def seconds_column(runs: pd.DataFrame) -> str:
    """Return the column of the time that `runs` took: processor time, or wall-clock time where any ran on a GPU.

    >>> seconds_column(pd.DataFrame({"device": ["cpu:0"]})), seconds_column(pd.DataFrame({"device": ["gpu:0"]}))
    ('cpu_seconds', 'seconds')
    """
    return "cpu_seconds" if runs["device"].str.startswith("cpu").all() else "seconds"


def _fingerprint_here(name: str) -> str:
    """Return the fingerprint of the copy on this machine, or of the official copy if it has none."""
    try:
        return data.info(name).fingerprint
    except InputError:  # a file of the user that is missing now
        return ""


def _aspects(runs: pd.DataFrame) -> pd.DataFrame:
    """Return profile, precision, device, backend and data in words, as far as `runs` have columns for them."""
    columns = ["profile", "precision", "device", "backend", "dataset"]
    words = runs.reindex(columns=columns).astype("string").rename(columns={"dataset": "data"})
    words["profile"] += " profile"
    words["device"] = words["device"].str.replace(":.*", "", regex=True)
    if "pixels" in runs:
        words["data"] += (" (" + runs["pixels"].astype("string") + ")").where(runs["pixels"] != "own", "")
    return words.dropna(axis=1, how="all")
