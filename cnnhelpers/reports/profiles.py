"""Published experiments, and the five profiles that run them: from seconds to the report's protocol and a fair one."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from math import ceil
from typing import Any, TypeVar

from cnnhelpers import data
from cnnhelpers.data import parse_split
from cnnhelpers.errors import InputError, unknown
from cnnhelpers.experiments import Experiment, Protocol

OfReport = TypeVar("OfReport")

PROFILES = {
    "smoke": "digits, 2 epochs, report B's networks at an eighth of their width, no ImageNet weights: for tests",
    "quick": "real data, 6,000 images, 5 epochs, report B's networks at a quarter of their width: minutes on a laptop",
    "narrow": "the report's own protocol, report B's networks at an eighth of their width: hours, not days",
    "published": "the report's own protocol, to the letter",
    "fair": "the published network with the report's mistakes corrected",
}
SEEDS = {"smoke": 2, "quick": 3, "narrow": 5, "published": 10, "fair": 10}

SMOKE_EPOCHS = 2
QUICK_EPOCHS, QUICK_IMAGES = 5, 6000
LONGEST = {"A": 10, "B": 20, "C": 25, "D": 15, "E": 70}  # epochs, in each report
WIDTHS = {"smoke": 1 / 8, "quick": 1 / 4, "narrow": 1 / 8}  # of report B, whose CNNs take most of an hour a run

_DENSE = {f"B{number}" for number in (1, 2, 5, 6, 9, 10, 13, 14)}
_REPORT_C = {"C21", "C22", "C23", "C24", "C31", "C32", "C33", "C34", "C51", "C52", "C53", "C54", "C71", "C72"}
# Experiments that a profile changes, for profiles that leave others as published: their runs count for both profiles.
# As names, so that no network is built to compare recorded runs; a test derives them with `apply`.
CHANGED: dict[str, frozenset[str]] = {
    "published": frozenset(),
    "narrow": frozenset({*(f"B{number}" for number in range(1, 17)), "B-base"}),
    "fair": frozenset({*_DENSE, *_REPORT_C, "D8-adadelta-after", "D8-adamax-after", "E-resnet50", "E-vgg16"}),
}


def published_experiment(
    study: str, id: str, title: str, network: Callable[..., Any], protocol: Protocol, *assumptions: str
) -> Experiment:
    """Return a published experiment of a study; its report is the first letter of its id."""
    about = {"id": id, "title": title, "study": study, "report": id[0], "profile": "published"}
    return Experiment(network, protocol, **about, assumptions=assumptions)


def of_report(table: dict[str, OfReport], report: str) -> OfReport:
    """Return the entry of a study's table for a report, in either case; InputError for another study's report."""
    if report.upper() not in table:
        raise unknown("report of this study", report, table)
    return table[report.upper()]


def check_lists(**values: Any) -> None:
    """Raise InputError for a text in place of a list: papermill's -p passes lists as text."""
    for name, value in values.items():
        if isinstance(value, str):
            raise InputError(f"{name} must be a list, papermill's -y '{name}: [...]'. Received: {name}={value!r}")


def command(name: str, profile: str = "published", seeds: int | None = None) -> str:
    """Return the command that trains an experiment or a report.

    >>> command("D0", "quick", 5)
    'python -m cnnhelpers run D0 --profile quick --seeds 5'
    """
    option = "" if profile == "published" else f" --profile {profile}"
    return f"python -m cnnhelpers run {name}{option}" + (f" --seeds {seeds}" if seeds else "")


def seeds(profile: str) -> int:
    """Return the default number of seeds of a profile; InputError for an unknown profile."""
    _check(profile)
    return SEEDS[profile]


def apply(experiment: Experiment, profile: str) -> Experiment:
    """Return a published experiment under a profile; see PROFILES.

    smoke
        A split by number of images becomes a fraction that digits (1,297 training images) can give; digits are padded
        to 32x32x3 for networks made for CIFAR-10.
    quick
        At most 6,000 training and 6,000 validation images; 5 epochs for the report's longest training and fewer, in
        proportion, for the others, so that sweeps over epochs stay sweeps.
    fair
        Report B's dense networks flatten the image first. Report C validates on the last 10,000 training images, not on
        the test set. Report E's backbones see all three channels and their own preprocessing. Report D's optimizers
        start from new weights. Report A's raw pixels stay: they are a choice, not a mistake.

    Raises
    ------
    InputError
        If the profile is unknown, or the experiment already has another profile.
    """
    _check(profile)
    if experiment.profile not in ("published", "own", profile):
        raise InputError(
            f"{experiment.id} has profile {experiment.profile!r} already: apply {profile!r} to the published experiment"
        )
    if profile == "published" or experiment.profile == profile:
        return experiment
    if experiment.after is not None:
        experiment = replace(experiment, after=apply(experiment.after, profile))
    if profile == "narrow":
        return _narrow(experiment, profile).change(profile=profile)
    changed = {"smoke": _smoke, "quick": _quick, "fair": _fair}[profile](experiment)
    return _fit_split(changed.change(profile=profile))


def on_dataset(experiment: Experiment, dataset: str) -> Experiment:
    """Return the experiment on another dataset, with the profile "own": no report has it."""
    if experiment.after is not None:
        experiment = replace(experiment, after=on_dataset(experiment.after, dataset))
    if dataset == experiment.protocol.dataset:
        return experiment
    return _fit_split(_move(experiment, dataset).change(profile="own"))


def select(
    experiments: Sequence[Experiment], report: str | None, dataset: str | None, profile: str
) -> list[Experiment]:
    """Return the experiments of one report (None: all), on another dataset (None: the report's), under a profile.

    Raises
    ------
    InputError
        If the report or the profile is unknown, or `dataset` is a path in the profile smoke, which is for digits.
    """
    if dataset is not None and dataset not in data.KNOWN and profile == "smoke":
        raise InputError(f"profile 'smoke' always trains on digits: use 'quick'. Received: dataset={str(dataset)!r}")
    letters = {experiment.report for experiment in experiments}
    if report is not None and report.upper() not in letters:
        raise unknown("report of this study", report, letters)
    chosen = [experiment for experiment in experiments if report is None or experiment.report == report.upper()]
    return [apply(on_dataset(experiment, dataset) if dataset else experiment, profile) for experiment in chosen]


def _move(experiment: Experiment, dataset: str) -> Experiment:
    """Return the experiment on another dataset, padded to 32x32x3 where its network or its padding needs that."""
    made_for, shape = _image_shape(experiment.protocol.dataset), _image_shape(dataset)
    moved = experiment.change(dataset=dataset)
    too_small = max(shape[:2]) < max(made_for[:2])  # D1 has no pixel left at 28x28
    colour_in_middle = moved.protocol.padding == "middle" and shape[2] != 1
    return moved.change(padding="equal") if colour_in_middle or (too_small and not moved.protocol.padding) else moved


def _image_shape(dataset: str) -> tuple[int, int, int]:
    return (data.KNOWN.get(dataset) or data.info(dataset)).image_shape


def _smoke(experiment: Experiment) -> Experiment:
    if _network_is(experiment, "report_e_backbone"):
        why = "Random weights instead of ImageNet's (profile smoke)."
        experiment = replace(experiment, weights=None, assumptions=(*experiment.assumptions, why))
    return _narrow(_move(experiment, "digits"), "smoke").change(epochs=SMOKE_EPOCHS)


def _quick(experiment: Experiment) -> Experiment:
    epochs = experiment.protocol.epochs
    longest = max(epochs, LONGEST.get(experiment.report, 0), QUICK_EPOCHS)
    return _narrow(experiment, "quick").change(images=QUICK_IMAGES, epochs=ceil(QUICK_EPOCHS * epochs / longest))


def _fair(experiment: Experiment) -> Experiment:
    if experiment.protocol.split == "test":
        experiment = hold_out(experiment)
    if experiment.after is not None:
        why = "It starts from new weights (profile fair)."
        experiment = replace(experiment, after=None, assumptions=(*experiment.assumptions, why))
    if _network_is(experiment, "report_b_dense"):
        experiment = _with_options(experiment, "Flattened before the dense layers (profile fair).", flatten_first=True)
    if _network_is(experiment, "report_e_backbone"):
        experiment = _with_options(experiment, "The backbone's own preprocessing (profile fair).", preprocess=True)
        experiment = experiment.change(scaling="none", padding="equal")
    return experiment


def _narrow(experiment: Experiment, profile: str) -> Experiment:
    if not _network_is(experiment, "report_b_cnn", "report_b_dense"):
        return experiment
    return experiment.change(width=WIDTHS[profile])


def hold_out(experiment: Experiment) -> Experiment:
    """Return the experiment with validation images from the training images, unless it has them already."""
    if experiment.protocol.split not in ("test", "none"):
        return experiment
    return _fit_split(experiment.change(split="last:10000"))


def _fit_split(experiment: Experiment) -> Experiment:
    """Return the experiment with a split that fits its data: digits are few, others often few or sorted by class."""
    name, kind = experiment.protocol.dataset, parse_split(experiment.protocol.split)[0]
    if name == "digits" and kind in ("first", "last"):
        return experiment.change(split="tail:0.2")
    if name not in data.KNOWN and kind in ("first", "last", "tail"):
        return experiment.change(split="stratified:0.2")
    return experiment


def _network_is(experiment: Experiment, *names: str) -> bool:
    """Return whether the network is a function of `cnnhelpers.networks`; names alone load no Keras."""
    from cnnhelpers import networks

    function = getattr(experiment.network, "func", experiment.network)
    return any(function is getattr(networks, name) for name in names)


def _with_options(experiment: Experiment, why: str, **options: Any) -> Experiment:
    network = partial(experiment.network, **options)
    return replace(experiment, network=network, assumptions=(*experiment.assumptions, why))


def _check(profile: str) -> None:
    if profile not in PROFILES:
        raise unknown("profile", profile, PROFILES)
