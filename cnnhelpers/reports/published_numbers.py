"""What the five reports print, as a table: facts to compare runs with. Needs no Keras."""

from functools import lru_cache
from importlib.resources import files

import pandas as pd

from cnnhelpers.errors import unknown

WHERE = ("log", "table", "text")  # most to least reliable: printed by Keras, copied by the author, rounded in prose
DATASETS = {"A": "fashion_mnist", "B": "cifar10", "C": "mnist", "D": "cifar10", "E": "fashion_mnist_5"}
# names in published.csv -> names of the runs table
METRICS = {
    "val_accuracy": "validation_accuracy",
    "val_loss": "validation_loss",
    "train_time_s": "seconds",
    "params": "parameters",
    "best_val_loss_epoch": "best_validation_loss_epoch",
}


def published(report: str | None = None) -> pd.DataFrame:
    """Return every number that the reports (or one of them) print: columns report, experiment, metric, value, where.

    Metrics have the names of the runs table. Accuracy is a fraction; loss is the last epoch's, with penalty where the
    network has one; seconds are wall clock on the report's own machine; where is "table", "log" or "text". A report's
    train_accuracy is the running mean of the last epoch, last_train_accuracy of the runs table.

    Raises
    ------
    InputError
        If `report` is none of "A" to "E" (in either case).
    """
    table = _read()
    if report is None:
        return table.copy()
    letter = str(report).upper()
    if letter not in set(table["report"]):
        raise unknown("report", report, set(table["report"]))
    return table[table["report"] == letter].reset_index(drop=True)


def printed(experiment: str, metric: str, where: str = "log") -> float | None:
    """Return what a report prints for one metric of one experiment, None if it prints nothing.

    A number from `where` is preferred; else the log's, the table's, the text's, in this order. What a report ran one
    after the other on the same weights ("D8-adamax-after") has the same printed number as the run from its own.

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
    table = _read()
    if where not in WHERE:
        raise unknown("where", where, WHERE)
    if metric not in set(table["metric"]):
        raise unknown("metric", metric, set(table["metric"]))
    rows = table[(table["experiment"] == experiment.removesuffix("-after")) & (table["metric"] == metric)]
    found = dict(zip(rows["where"], rows["value"], strict=True))
    return next((found[place] for place in (where, *WHERE) if place in found), None)


@lru_cache(maxsize=1)
def _read() -> pd.DataFrame:
    with files("cnnhelpers").joinpath("reports", "published.csv").open() as file:
        table = pd.read_csv(file)
    return table.assign(metric=table["metric"].replace(METRICS))
