"""Test the published conclusions on recorded runs, by one recipe."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from cnnhelpers import data, execution, interpretability, records
from cnnhelpers.atomic import replace_file
from cnnhelpers.claims import Claim, verdicts
from cnnhelpers.errors import InputError, unknown
from cnnhelpers.experiments import Experiment
from cnnhelpers.reports.conclusions import CONCLUSIONS
from cnnhelpers.reports.profiles import CHANGED, PROFILES, command
from cnnhelpers.reports.published_numbers import DATASETS
from cnnhelpers.statistics import MIN_PAIRS

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
