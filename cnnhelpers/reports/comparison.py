"""Compare the numbers that the reports print with recorded runs."""

from collections.abc import Iterable

import numpy as np
import pandas as pd

from cnnhelpers.analysis import measure, summary
from cnnhelpers.claims import Claim
from cnnhelpers.records import of_one_copy
from cnnhelpers.reports.conclusions import CONCLUSIONS
from cnnhelpers.reports.published_numbers import DATASETS, printed, published
from cnnhelpers.statistics import MIN_PAIRS, interval

LAST = {"validation_accuracy": "last_validation_accuracy"}  # logs print the last epoch, not the best

# Published metrics, and the columns of runs to compare them with. Times are of another machine, parameters are exact.
COMPARED = {
    **{name: f"last_{name}" for name in ("train_accuracy", "train_loss", "validation_accuracy", "validation_loss")},
    "test_accuracy": "test_accuracy",
    "test_loss": "test_loss",
}


def against_runs(runs: pd.DataFrame) -> pd.DataFrame:
    """Return every published accuracy and loss next to the runs of its experiment, on the report's own dataset.

    Logs print the last epoch, training accuracy and loss as running means; the runs are compared in the same measures.

    Returns
    -------
    pandas.DataFrame
        Columns report, experiment, metric, place, published, estimate, low, high (95 % interval of the mean), n,
        inside (that interval holds the published number), one_run_low and one_run_high (95 % prediction interval of one
        more run), likely (that interval holds it) and pixels (of our runs, "" where unknown). Only experiments with at
        least five runs.
    """
    measurements = measure(runs := of_one_copy(runs))
    about, rows = runs.drop_duplicates("experiment").set_index("experiment"), []
    for number in published().itertuples():
        if number.metric not in COMPARED or number.experiment not in about.index:
            continue
        trained = about.loc[number.experiment]
        ours = interval(measurements.values(number.experiment, COMPARED[number.metric]))
        if trained.get("dataset", DATASETS[number.report]) != DATASETS[number.report] or ours.n < MIN_PAIRS:
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


def _within(number: float, low: float, high: float) -> str:
    return "" if np.isnan(low) else "yes" if low <= number <= high else "no"


def _printed_difference(a: str, b: str) -> tuple[str, float]:
    known = {*published()["experiment"]}
    for metric in ("test_accuracy", "validation_accuracy"):
        numbers = [printed(name, metric) if name in known else None for name in (a, b)]
        if None not in numbers:
            return LAST.get(metric, metric), numbers[0] - numbers[1]
    return "test_accuracy", np.nan
