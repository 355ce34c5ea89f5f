"""Reports against themselves and against our runs: numbers that cannot all be right, and mistakes of design.

In short::

    contradictions()          # the same number printed twice, differing by more than rounding
    against_runs(runs)        # published numbers beside our intervals
    mistakes(runs)            # what is wrong in the reports, and what our runs say that it was worth
"""

import math
from collections import Counter

import numpy as np
import pandas as pd

from cnnhelpers.analysis import Measurements, measure
from cnnhelpers.records import differing
from cnnhelpers.reports.mistake_list import FAIR, MISTAKES, NARROW, QUICK, Mistake
from cnnhelpers.reports.published_numbers import DATASETS, WHERE, published
from cnnhelpers.statistics import MIN_PAIRS, interval

MINUTES = {("A", "table"), ("E", "table"), ("E", "log")}  # where times are printed in minutes, to that precision
# published metrics that runs can be compared with: times are of another machine, parameters are exact
COMPARED = {
    "train_accuracy": "last_train_accuracy",
    "train_loss": "last_train_loss",
    "validation_accuracy": "last_validation_accuracy",
    "validation_loss": "last_validation_loss",
    "test_accuracy": "test_accuracy",
    "test_loss": "test_loss",
}


def contradictions(table: pd.DataFrame | None = None) -> pd.DataFrame:
    """Return where a report prints two values for one number that differ by more than their rounding.

    Parameters
    ----------
    table
        Numbers as `published.published` returns them, which is the default.

    Returns
    -------
    pandas.DataFrame
        Columns report, experiment, metric, one and the two places it stands in, other, difference and allowed: the sum
        of half a unit of the last printed digit of each. In the order of the table.
    """
    table = published() if table is None else table
    steps = _steps(table)
    rows = []
    for (report, experiment, metric), group in table.groupby(["report", "experiment", "metric"], sort=False):
        group = group.sort_values("where", key=lambda places: places.map(WHERE.index))
        for (at, one), (next_at, other) in _pairs(group["value"]):
            difference, allowed = other - one, (steps[at] + steps[next_at]) / 2
            if abs(difference) > allowed * (1 + 1e-9):
                places = {"place": group.loc[at, "where"], "other_place": group.loc[next_at, "where"]}
                rows.append({"report": report, "experiment": experiment, "metric": metric, "value": one, **places}
                            | {"other": other, "difference": difference, "allowed": allowed})  # fmt: skip
    columns = ["report", "experiment", "metric", "place", "value", "other_place", "other", "difference", "allowed"]
    return pd.DataFrame(rows, columns=columns)


def against_runs(runs: pd.DataFrame) -> pd.DataFrame:
    """Return every published accuracy and loss beside the runs of its experiment.

    Logs print the last epoch, training accuracy and loss as its running means, and so do ours here.

    Returns
    -------
    pandas.DataFrame
        Columns report, experiment, metric, place, published, estimate, low, high (95 % interval of the mean), n,
        inside (the interval), one_run_low and one_run_high (95 % prediction interval of one more run), likely (the
        published number, which is one run, lies in that) and pixels (whose our runs saw, "" if not known). Only
        experiments with at least MIN_PAIRS runs on the report's own dataset.
    """
    measurements = measure(runs)
    own, pixels = (
        runs[column].groupby(runs["experiment"]).first() if column in runs else {} for column in ("dataset", "pixels")
    )
    rows = []
    for printed in published().itertuples():
        column, dataset = COMPARED.get(printed.metric), DATASETS[printed.report]
        if column is None or own.get(printed.experiment, dataset) != dataset:
            continue
        found = interval(measurements.values(printed.experiment, column))
        if found.n < MIN_PAIRS:
            continue
        low, high = found.one_run
        value = printed.value
        rows.append({"report": printed.report, "experiment": printed.experiment, "metric": printed.metric,
                     "place": printed.where, "published": value, "estimate": found.mean, "low": found.low,
                     "high": found.high, "n": found.n, "inside": found.low <= value <= found.high,
                     "one_run_low": low, "one_run_high": high, "likely": low <= value <= high,
                     "pixels": pixels.get(printed.experiment, "")})  # fmt: skip
    names = ["report", "experiment", "metric", "place", "published", "estimate", "low", "high", "n", "inside"]
    return pd.DataFrame(rows, columns=[*names, "one_run_low", "one_run_high", "likely", "pixels"])


def mistakes(runs: pd.DataFrame) -> pd.DataFrame:
    """Return the eighteen mistakes of the reports, and what recorded runs say that each was worth.

    Parameters
    ----------
    runs
        Runs of the profiles "published" and, where there are any, "fair", "quick" and "narrow" (`records.load()`,
        better with `run_measures.with_measures`).

    Returns
    -------
    pandas.DataFrame
        Columns number, report, mistake (what is wrong), worth (what it does), evidence (what the runs say, "" where
        they are lacking or none can show it), missing (experiments without runs enough) and command (that would train
        those).
    """
    profiles = runs["profile"] if "profile" in runs else pd.Series("published", index=runs.index)
    suffixes = profiles.map({"published": "", "fair": FAIR, "quick": QUICK, "narrow": NARROW})
    chosen = runs.assign(experiment=runs["experiment"] + suffixes)[suffixes.notna()]
    measurements = measure(chosen.drop(columns="profile", errors="ignore"))
    return pd.DataFrame([_shown(one, measurements) for one in MISTAKES])


def _shown(one: Mistake, runs: Measurements) -> dict[str, object]:
    """Return a mistake with what runs say of it, and what is lacking with the commands that would train it."""
    needed = dict.fromkeys([name for question in one.shown_by for name in question.experiments] + [*one.spread_of])
    lacking = [name for name in needed if runs.recorded(name) < MIN_PAIRS]
    row = {"number": one.number, "report": one.report, "mistake": one.mistake, "worth": one.worth}
    row["missing"] = ", ".join(runs.so_far(name, MIN_PAIRS) for name in lacking)
    known = [name for name in lacking if not _bare(name).endswith("-flattened")]  # those are the page's own
    reports = len(known) > 3
    commands = dict.fromkeys(_command(name[0] + name[len(_bare(name)) :] if reports else name) for name in known)
    answered = [question for question in one.shown_by if not {*question.experiments} & {*lacking}]
    told = [str(question.answer(runs.of(question.experiments))) for question in answered]
    if one.spread_of and not {*one.spread_of} & {*lacking}:
        sd = [f"{100 * interval(runs.values(name, 'test_accuracy')).sd:.2f}" for name in one.spread_of]
        told.append(f"SD of test accuracy between seeds: {' to '.join(sorted({min(sd), max(sd)}))} points")
    used = [name for name in needed if name not in lacking]
    told += [differs] if told and (differs := differing(runs.rows(used))) else []
    return row | {"evidence": "; ".join(told), "command": "; ".join(commands)}


def _bare(name: str) -> str:
    return name.removesuffix(FAIR).removesuffix(QUICK).removesuffix(NARROW)


def _command(name: str) -> str:
    """Return the command that trains an experiment or a report: "D0 (quick)" under the profile quick.

    >>> _command("D0 (quick)"), _command("B")
    ('python -m cnnhelpers run D0 --profile quick --seeds 5', 'python -m cnnhelpers run B')
    """
    quick = f" --profile quick --seeds {MIN_PAIRS}"
    options = {"": "", FAIR: " --profile fair", QUICK: quick, NARROW: " --profile narrow"}
    return f"python -m cnnhelpers run {_bare(name)}{options[name[len(_bare(name)) :]]}"


def _steps(table: pd.DataFrame) -> pd.Series:
    """Return the unit of the last printed digit of each value.

    A table of numbers drops the zeros at the end, so that a value has at least the digits that most of its neighbours
    (same report, metric and place) have.
    """
    minutes = [
        metric == "seconds" and (report, where) in MINUTES
        for report, metric, where in table[["report", "metric", "where"]].itertuples(index=False)
    ]
    scale = np.where(minutes, 60.0, 1.0)
    digits = pd.Series([_digits(value) for value in table["value"] / scale], index=table.index)
    neighbours = digits.groupby([table["report"], table["metric"], table["where"]])
    common = neighbours.transform(lambda found: Counter(found).most_common(1)[0][0])
    return scale * 10.0 ** -np.maximum(digits, common)


def _digits(value: float) -> int:
    """Return the digits behind the point of a printed number.

    >>> [_digits(value) for value in (0.8661, 302.0, 264 / 60, 0.9284999966621399)]
    [4, 0, 1, 16]
    """
    text = f"{value:.12g}" if math.isclose(value, float(f"{value:.12g}"), rel_tol=1e-15) else repr(float(value))
    return len(text.partition(".")[2])


def _pairs(values: pd.Series) -> list[tuple[tuple[int, float], tuple[int, float]]]:
    found = list(values.items())
    return [(one, other) for position, one in enumerate(found) for other in found[position + 1 :]]
