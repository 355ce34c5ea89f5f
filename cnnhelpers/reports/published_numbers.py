"""The numbers that the five reports print: where they contradict themselves, and how recorded runs compare."""

import math
from collections import Counter
from collections.abc import Iterable
from functools import lru_cache
from importlib.resources import files
from itertools import combinations

import numpy as np
import pandas as pd

from cnnhelpers.analysis import measure, summary
from cnnhelpers.claims import Claim
from cnnhelpers.errors import unknown
from cnnhelpers.records import of_one_copy
from cnnhelpers.reports.conclusions import CONCLUSIONS
from cnnhelpers.statistics import MIN_PAIRS, interval

WHERE = ("log", "table", "text")  # most to least reliable: printed by Keras, copied by the author, rounded in prose
DATASETS = {"A": "fashion_mnist", "B": "cifar10", "C": "mnist", "D": "cifar10", "E": "fashion_mnist_5"}
METRICS = {  # names in published.csv: names of the runs table
    "val_accuracy": "validation_accuracy",
    "val_loss": "validation_loss",
    "train_time_s": "seconds",
    "params": "parameters",
    "best_val_loss_epoch": "best_validation_loss_epoch",
}
MINUTES = {("A", "table"), ("E", "table"), ("E", "log")}  # where times are printed in minutes
LAST = {"validation_accuracy": "last_validation_accuracy"}  # logs print the last epoch, not the best
# Published metrics, and the columns of runs to compare them with. Times are of another machine, parameters are exact.
COMPARED = {
    **{name: f"last_{name}" for name in ("train_accuracy", "train_loss", "validation_accuracy", "validation_loss")},
    "test_accuracy": "test_accuracy",
    "test_loss": "test_loss",
}


def published(report: str | None = None) -> pd.DataFrame:
    """Return every number that the reports, or one of them, print: columns report, experiment, metric, value, where.

    Metrics have the names of the runs table. Accuracy is a fraction; loss is the last epoch's, with penalty where the
    network has one; seconds are wall-clock time on the report's machine. A report's train_accuracy is the running mean
    of the last epoch: last_train_accuracy of the runs table.

    Raises
    ------
    InputError
        If `report` is not "A" to "E", in either case.
    """
    table = _load()
    if report is None:
        return table.copy()
    if str(report).upper() not in DATASETS:
        raise unknown("report", report, DATASETS)
    return table[table["report"] == str(report).upper()].reset_index(drop=True)


def printed(experiment: str, metric: str, where: str = "log") -> float | None:
    """Return the number that a report prints for one metric of one experiment, None if there is none.

    A number from `where` is preferred, then the log's, the table's, the text's. What the report trained on the same
    weights ("D8-adamax-after") has the same number as the training from new weights.

    Raises
    ------
    InputError
        If the metric or `where` is unknown.

    Examples
    --------
    >>> printed("A5", "validation_accuracy")
    0.8661
    >>> printed("A5", "validation_accuracy", where="table")
    0.886
    """
    table = _load()
    if where not in WHERE:
        raise unknown("where", where, WHERE)
    if metric not in set(table["metric"]):
        raise unknown("metric", metric, set(table["metric"]))
    rows = table[(table["experiment"] == experiment.removesuffix("-after")) & (table["metric"] == metric)]
    values = rows.set_index("where")["value"].to_dict()
    return next((values[place] for place in (where, *WHERE) if place in values), None)


def contradictions(table: pd.DataFrame | None = None) -> pd.DataFrame:
    """Return the numbers that a report prints twice with values that differ by more than their rounding.

    Parameters
    ----------
    table
        As `published` returns it, which is the default.

    Returns
    -------
    pandas.DataFrame
        Columns report, experiment, metric, place, value, other_place, other, difference and allowed: the sum of half a
        unit of the last printed digit of each. In the order of the table.
    """
    table = published() if table is None else table
    table, rows = table.assign(step=_last_digit(table)), []
    for (report, experiment, metric), group in table.groupby(["report", "experiment", "metric"], sort=False):
        group = group.sort_values("where", key=lambda places: places.map(WHERE.index))
        for first, second in combinations(group.itertuples(), 2):
            difference, allowed = second.value - first.value, (first.step + second.step) / 2
            if abs(difference) > allowed * (1 + 1e-9):
                places = (first.where, first.value, second.where, second.value)
                rows.append((report, experiment, metric, *places, difference, allowed))
    columns = ["report", "experiment", "metric", "place", "value", "other_place", "other", "difference", "allowed"]
    return pd.DataFrame(rows, columns=columns)


def against_runs(runs: pd.DataFrame) -> pd.DataFrame:
    """Return every published accuracy and loss next to the runs of its experiment, on the report's own dataset.

    Logs print the last epoch, training accuracy and loss as running means; the runs are compared in the same measures.

    Returns
    -------
    pandas.DataFrame
        Columns report, experiment, metric, place, published, estimate, low, high (95 % interval of the mean), n,
        inside (that interval holds the published number), one_run_low and one_run_high (95 % prediction interval of one
        more run), likely (that interval holds it) and pixels (of our runs, "" where unknown). Only experiments with at
        least five runs that are not all equal.
    """
    measurements = measure(runs := of_one_copy(runs))
    about, rows = runs.drop_duplicates("experiment").set_index("experiment"), []
    for number in published().itertuples():
        if number.metric not in COMPARED or number.experiment not in about.index:
            continue
        trained = about.loc[number.experiment]
        ours = interval(measurements.values(number.experiment, COMPARED[number.metric]))
        if (
            trained.get("dataset", DATASETS[number.report]) != DATASETS[number.report]
            or ours.n < MIN_PAIRS
            or np.isnan(ours.low)
        ):
            continue
        low, high = ours.one_run
        rows.append({"report": number.report, "experiment": number.experiment, "metric": number.metric,
                     "place": number.where, "published": number.value, "estimate": ours.mean, "low": ours.low,
                     "high": ours.high, "n": ours.n, "inside": ours.low <= number.value <= ours.high,
                     "one_run_low": low, "one_run_high": high, "likely": low <= number.value <= high,
                     "pixels": trained.get("pixels", "")})  # fmt: skip
    columns = ["report", "experiment", "metric", "place", "published", "estimate", "low", "high", "n", "inside"]
    return pd.DataFrame(rows, columns=[*columns, "one_run_low", "one_run_high", "likely", "pixels"])


def compare_with_published(runs: pd.DataFrame, metric: str = "validation_accuracy", where: str = "log") -> pd.DataFrame:
    """Return `analysis.summary` of the experiments with the number that their report prints.

    Adds the columns published (NaN where nothing is printed, or printed for another dataset), inside ("yes", "no" or
    "": whether it is in the interval of the mean), likely (whether it is in the prediction interval of one more run)
    and seeds_below (the number of seeds below it).
    """
    table, rows = summary(runs, metric), []
    for name, group in runs.groupby("experiment", sort=False):
        number = printed(name, metric, where) if DATASETS.get(name[0]) == group["dataset"].iloc[0] else None
        if number is None:
            rows.append((np.nan, "", "", ""))
            continue
        seeds = interval(group[metric])
        inside = _within(number, seeds.low, seeds.high), _within(number, *seeds.one_run)
        rows.append((number, *inside, f"{(group[metric] < number).sum()} of {seeds.n}"))
    columns = pd.DataFrame(rows, columns=["published", "inside", "likely", "seeds_below"])
    return pd.concat([table, columns], axis=1)


def published_pairs(claims: Iterable[Claim] = CONCLUSIONS) -> pd.DataFrame:
    """Return every two networks whose accuracies a claim compares, once, as `analysis.single_run_risk` takes them.

    Returns
    -------
    pandas.DataFrame
        Columns report, a, b, metric (test accuracy where the report prints it for both, else the last validation
        accuracy) and published (their printed difference, NaN where there is none).
    """
    rows, seen = [], set()
    for claim in claims:
        for a, b in (pair for question in claim.questions for pair in question.pairs):
            if frozenset((a, b)) not in seen:
                seen.add(frozenset((a, b)))
                rows.append((claim.report, a, b, *_printed_difference(a, b)))
    return pd.DataFrame(rows, columns=["report", "a", "b", "metric", "published"])


def _last_digit(table: pd.DataFrame) -> pd.Series:
    """Return the unit of the last printed digit of each value.

    The table drops zeros at the end, so a value has at least the digits that most of its neighbours (same report,
    metric and place) have.
    """
    minutes = [
        metric == "seconds" and (report, where) in MINUTES
        for report, metric, where in table[["report", "metric", "where"]].itertuples(index=False)
    ]
    scale = np.where(minutes, 60.0, 1.0)
    digits = pd.Series([_digits(value) for value in table["value"] / scale], index=table.index)
    neighbours = digits.groupby([table["report"], table["metric"], table["where"]])
    usual = neighbours.transform(lambda group: Counter(group).most_common(1)[0][0])
    return scale * 10.0 ** -np.maximum(digits, usual)


def _digits(value: float) -> int:
    """Return the number of decimals of a printed number.

    >>> [_digits(value) for value in (0.8661, 302.0, 264 / 60, 0.9284999966621399)]
    [4, 0, 1, 16]
    """
    text = f"{value:.12g}" if math.isclose(value, float(f"{value:.12g}"), rel_tol=1e-15) else repr(float(value))
    return len(text.partition(".")[2])


@lru_cache(maxsize=1)
def _load() -> pd.DataFrame:
    with files("cnnhelpers").joinpath("reports", "published.csv").open() as file:
        table = pd.read_csv(file)
    return table.assign(metric=table["metric"].replace(METRICS))


def _within(number: float, low: float, high: float) -> str:
    return "" if np.isnan(low) else "yes" if low <= number <= high else "no"


def _printed_difference(a: str, b: str) -> tuple[str, float]:
    known = {*published()["experiment"]}
    for metric in ("test_accuracy", "validation_accuracy"):
        numbers = [printed(name, metric) if name in known else None for name in (a, b)]
        if None not in numbers:
            return LAST.get(metric, metric), numbers[0] - numbers[1]
    return "test_accuracy", np.nan
