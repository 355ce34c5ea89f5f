"""Test the published conclusions on recorded runs, by one recipe."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from cnnhelpers import data, execution, interpretability, records
from cnnhelpers.analysis import measure, summary
from cnnhelpers.atomic import replace_file
from cnnhelpers.claims import Claim, verdicts
from cnnhelpers.errors import InputError, unknown
from cnnhelpers.experiments import Experiment
from cnnhelpers.records import of_one_copy
from cnnhelpers.reports.conclusions import CONCLUSIONS
from cnnhelpers.reports.profiles import CHANGED, PROFILES, command
from cnnhelpers.reports.published_numbers import DATASETS, printed, published
from cnnhelpers.statistics import MIN_PAIRS, interval

if TYPE_CHECKING:
    import keras

STAND_INS = {("B", "published"): "narrow"}  # (report, profile): the profile of smaller networks that stand in
# Levels of sweeps that are a published experiment. A record keeps the name under which it was trained first.
ALIASES = {
    **dict.fromkeys(("1conv-dropout=none", "1conv-dropout=0", "1conv-early_stopping=none"), "A2"),
    **dict.fromkeys(("3conv-dropout=none", "3conv-dropout=0", "3conv-early_stopping=none"), "A1"),
    **dict.fromkeys(("1conv-l2=0.0001", "1conv-l2"), "A4"),
    **dict.fromkeys(("3conv-l2=0.0001", "3conv-l2"), "A3"),
    "1conv-dropout=0.1": "A6",
    "3conv-dropout=0.1": "A5",
    "1conv-early_stopping=3": "A8",
    "3conv-early_stopping=3": "A7",
    "D2": "D1",
    **dict.fromkeys(("E4/optimizer=adam", "E4/batch_size=128", "E4/learning_rate=0.001", "E4/epochs=50"), "E4"),
}
# Report D divided its test images by 255 three times; files mistakes/NAME-identity-seed.scaled.json hold accuracies so.
RESCALED = ("once_scaled_accuracy", "twice_scaled_accuracy", "thrice_scaled_accuracy")
RESCALED_FOLDER, RESCALED_SUFFIX = "mistakes", ".scaled.json"


def published_verdicts(
    report: str | None = None,
    profile: str = "published",
    dataset: str | None = None,
    folder: Path | str | None = None,
) -> pd.DataFrame:
    """Test the thirty published conclusions on the recorded runs, p values adjusted by Holm over each report.

    Runs of a report share one dataset and one copy of its pixels. An experiment that two profiles leave as published
    is the same in both, and its runs count for both. Narrow networks stand in for report B's under the profile
    "published" where these lack runs; the row says so, and runs of two profiles are never mixed within a claim.

    Parameters
    ----------
    report
        "A" to "E", in either case; None for all.
    profile
        One of profiles.PROFILES.
    dataset
        Name or path. By default the report's own where runs on several are recorded.
    folder
        By default records.default_folder().

    Returns
    -------
    pandas.DataFrame
        As `claims.verdicts`, with the columns profile, of the runs, and command, which trains missing runs.

    Raises
    ------
    InputError
        If the report, the profile or the dataset is unknown.
    """
    letters = list(DATASETS) if report is None else [str(report).upper()]
    if not {*letters} <= {*DATASETS}:
        raise unknown("report", report, DATASETS)
    if profile not in PROFILES:
        raise unknown("profile", profile, PROFILES)
    runs = measured_runs(folder)
    recorded = {*runs["dataset"]}
    if not (dataset is None or dataset in {*data.KNOWN, *recorded} or Path(dataset).exists()):
        raise unknown("dataset", dataset, {*data.KNOWN, *recorded})
    asked = [[claim for claim in CONCLUSIONS if claim.report == letter] for letter in letters]
    return pd.concat([verdicts_of_report(runs, claims, profile, dataset) for claims in asked], ignore_index=True)


def verdicts_of_report(
    runs: pd.DataFrame, claims: Sequence[Claim], profile: str = "published", dataset: str | None = None
) -> pd.DataFrame:
    """Return `published_verdicts` on all claims of one report from a table of runs, of any profiles and datasets."""
    table = _of_profile(runs, claims, profile, dataset)
    stand_in = STAND_INS.get((claims[0].report, profile))
    if stand_in is None:
        return table
    narrow = _of_profile(runs, claims, stand_in, dataset)
    answered = narrow["verdict"] != "not enough runs"
    narrow.loc[answered, "evidence"] += f"; networks at an eighth of their width (profile {stand_in})"
    return table.where(table["verdict"] != "not enough runs", narrow)


def measured_runs(folder: Path | str | None = None) -> pd.DataFrame:
    """Return the recorded runs with `analysis.MEASURED`, NaN where nothing was measured, and test_correct.

    test_correct holds (num_test,) bool, the test images that a run classified correctly, or None.

    Examples
    --------
    >>> import tempfile
    >>> "last_filters_moran" in measured_runs(tempfile.mkdtemp())
    True
    """
    folder = Path(folder) if folder is not None else records.default_folder()
    runs = interpretability.add_moran(records.load(folder), folder)
    keys = zip(runs["identity"], runs["seed"], strict=True)
    files = records.index(folder / RESCALED_FOLDER, RESCALED_SUFFIX)
    rescaled = [_load_rescaled(files[key]) if key in files else {} for key in keys]
    columns = {name: [row.get(name, np.nan) for row in rescaled] for name in RESCALED}
    return runs.assign(test_correct=records.correct_images(runs, folder), **columns)


def measure_rescaled(
    experiment: Experiment, seed: int, folder: Path | str | None = None, *, model_folder: Path | str = "models"
) -> dict[str, float]:
    """Return the accuracies of a run on test images divided by 255 once, twice and three times; write them to a file.

    Parameters
    ----------
    folder
        Of the records; by default records.default_folder().
    model_folder
        Where `execution.trained` keeps the model.
    """
    folder = Path(folder) if folder is not None else records.default_folder()
    (run,) = execution.plan([experiment], [seed], folder)
    path = folder / RESCALED_FOLDER / f"{records.slug(experiment.id)}-{run.key[0]}-{seed}{RESCALED_SUFFIX}"
    if path.exists():
        return _load_rescaled(path)
    protocol = run.experiment.protocol
    test = data.split(data.load(protocol.dataset), protocol.split, seed, protocol.images).test
    model = execution.trained(experiment, seed, model_folder)
    accuracies = rescaled_accuracies(model, test.images[test.indices], test.labels[test.indices])
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_file(path, lambda file: file.write(json.dumps(accuracies).encode()))
    return accuracies


def rescaled_accuracies(model: "keras.Model", images: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """Return the accuracy of a model, which scales pixels itself, on images divided by 255 once, twice and three times.

    Parameters
    ----------
    images, labels
        (num_images, height, width, channels) uint8, and (num_images,).
    """
    accuracies = {}
    for extra, name in enumerate(RESCALED):
        scaled = np.asarray(images, np.float32) / np.float32(255) ** extra
        predicted = model.predict(scaled, batch_size=500, verbose=0).argmax(axis=1)
        accuracies[name] = float(np.mean(predicted == labels))
    return accuracies


def _of_profile(runs: pd.DataFrame, claims: Sequence[Claim], profile: str, dataset: str | None) -> pd.DataFrame:
    """Return the verdicts on a report's claims from the runs of one profile, with the columns profile and command."""
    report = claims[0].report
    names = {name for claim in claims for name in claim.experiments}
    runs = runs[runs["experiment"].replace(ALIASES).isin(names)]
    moved = dataset not in (None, DATASETS.get(report))
    runs = _same_protocol(runs, report, profile, moved)
    if dataset is not None:
        runs = runs[runs["dataset"] == dataset]
    elif len({*runs["dataset"]}) > 1:
        runs = runs[runs["dataset"] == DATASETS.get(report)]
    runs = _published_names(records.of_one_copy(runs))
    moved = moved or not {*runs["dataset"]} <= {DATASETS.get(report)}
    counts = runs.groupby("experiment")["seed"].nunique()
    commands = []
    for claim in claims:
        missing = [name for name in claim.experiments if counts.get(name, 0) < MIN_PAIRS]
        trainable = missing and (not moved or profile == "smoke")  # the command line trains on the report's own data
        target = missing[0] if len(missing) == 1 else report
        commands.append(command(target, profile, MIN_PAIRS) if trainable else "")
    return verdicts(runs.assign(profile=profile), claims).assign(profile=profile, command=commands)


def _same_protocol(runs: pd.DataFrame, report: str, profile: str, moved: bool) -> pd.DataFrame:
    """Return the runs of a profile, and those of other profiles that change nothing that this one changes.

    On other data than the report's the published protocol has the profile "own".
    """
    same = runs["profile"] == profile
    if profile in CHANGED:
        for other, changed in CHANGED.items():
            same |= (runs["profile"] == other) & ~runs["experiment"].isin(changed | CHANGED[profile])
        if moved:
            same |= (runs["profile"] == "own") & (runs["report"] == report) & ~runs["experiment"].isin(CHANGED[profile])
    return runs[same]


def _published_names(runs: pd.DataFrame) -> pd.DataFrame:
    """Return the runs with published names for ALIASES of the same identity: other experiments may have such names."""
    identities = runs.groupby("experiment")["identity"].agg(set).to_dict()
    renamed = {
        alias: name
        for alias, name in ALIASES.items()
        if alias in identities and identities.get(name, identities[alias]) == identities[alias]
    }
    return runs.assign(experiment=runs["experiment"].replace(renamed))


def _load_rescaled(path: Path) -> dict[str, float]:
    try:
        accuracies = json.loads(path.read_text(encoding="utf-8"))
        return {name: float(accuracies[name]) for name in RESCALED}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path.name} is no readable file of accuracies ({error}): delete it and run again") from error


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
