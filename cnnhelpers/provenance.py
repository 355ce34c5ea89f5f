"""What a comparison rests on besides its seeds: profile, precision, device, backend and copy of the data."""

import pandas as pd

ASPECTS = ("profile", "precision", "device", "backend", "data")


def rests_on(runs: pd.DataFrame) -> str:
    """Return in a line how `runs` were made; what their table does not tell is left out.

    >>> made = {"profile": "published", "precision": "float32", "device": "cpu:0"}
    >>> made |= {"dataset": "mnist", "pixels": "official"}
    >>> rests_on(pd.DataFrame([{"experiment": "C21", **made}, {"experiment": "C22", **made, "precision": "bfloat16"}]))
    'published profile, bfloat16 and float32, cpu, mnist (official)'
    """
    return ", ".join(" and ".join(sorted(set(values))) for values in _aspects(runs.reset_index(drop=True)).values())


def differing(runs: pd.DataFrame) -> str:
    """Return which of `ASPECTS` are not the same in all `runs`, and which experiments have which; "" if all are.

    A difference between such runs may be the precision's or the device's as well as the experiments'.

    >>> runs = pd.DataFrame({"experiment": ["A1", "A2"], "precision": ["float32", "bfloat16"], "device": "cpu:0"})
    >>> differing(runs)
    'precision differs: bfloat16 in A2, float32 in A1'
    """
    runs, told = runs.reset_index(drop=True), []
    for aspect, values in _aspects(runs).items():
        if len(set(values)) > 1:
            experiments = runs["experiment"].loc[values.index].groupby(values).unique()
            own = ", ".join(f"{value} in {' and '.join(names)}" for value, names in experiments.items())
            told.append(f"{aspect} differs: {own}")
    return "; ".join(told)


def _aspects(runs: pd.DataFrame) -> dict[str, pd.Series]:
    """Return each aspect that the table tells, in words, a value for each run that tells it."""
    found = {}
    for aspect in ASPECTS:
        column = "dataset" if aspect == "data" else aspect
        values = runs[column].dropna().astype(str) if column in runs else pd.Series(dtype=str)
        if aspect == "profile":
            values = values + " profile"
        if aspect == "device":
            values = values.str.partition(":")[0] if len(values) else values
        if aspect == "data" and "pixels" in runs:
            whose = (" (" + runs["pixels"] + ")").where(runs["pixels"] != "own", "")
            values = values + whose.loc[values.index]
        if len(values):
            found[aspect] = values
    return found
