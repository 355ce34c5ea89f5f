"""The experiments of the five reports by study, report or id.

In short::

    find("A1"), find("A"), find("regularization")       # lists: of an experiment, a report, a study
    find_one("E4", dataset="mnist", profile="quick")    # on other data, in minutes
    regularization.sweep("l2", [0, 0.0001, 0.001])      # the same networks at other strengths
"""

import re

from cnnhelpers.errors import InputError, unknown
from cnnhelpers.experiments import Experiment
from cnnhelpers.reports import depth_and_kernel, optimization, profiles, regularization, transfer

STUDIES = {
    "regularization": regularization.experiments,
    "depth_and_kernel": depth_and_kernel.experiments,
    "optimization": optimization.experiments,
    "transfer": transfer.experiments,
    "representations": regularization.visualized,
}


def all_experiments() -> list[Experiment]:
    """Return every published experiment in the order of the reports."""
    return sorted((experiment for study in STUDIES.values() for experiment in study()), key=_place)


def find(name: str, dataset: str | None = None, profile: str = "published") -> list[Experiment]:
    """Return the published experiments of a study ("transfer"), a report ("E") or one id ("E4"), in either case.

    "D8" and "D10", which the report trained in several ways, find "D8-adagrad", "D8-adadelta" and so on. For dataset
    and profile see `profiles.select`.

    Raises
    ------
    InputError
        If `name` is none of them; the message names the nearest.

    Examples
    --------
    >>> [experiment.id for experiment in find("c71")]
    ['C71']
    """
    experiments, wanted = all_experiments(), str(name).casefold()
    for label in ("id", "report", "study"):
        matches = [experiment for experiment in experiments if getattr(experiment, label).casefold() == wanted]
        if matches:
            break
    matches = matches or [experiment for experiment in experiments if experiment.id.casefold().startswith(f"{wanted}-")]
    if not matches:
        letters = {experiment.report for experiment in experiments}
        ids = [experiment.id for experiment in experiments]
        raise unknown("experiment, report or study", name, [*STUDIES, *letters, *ids])
    return profiles.select(matches, None, dataset, profile)


def find_one(name: str, dataset: str | None = None, profile: str = "published") -> Experiment:
    """Return the published experiment of an id; InputError if `name` finds none or several.

    >>> find_one("d7").id
    'D7'
    """
    matches = find(name, dataset, profile)
    if len(matches) > 1:
        raise InputError(
            f"{name!r} is several experiments: name one of {', '.join(experiment.id for experiment in matches)}"
        )
    return matches[0]


def _place(experiment: Experiment) -> tuple[str, int, bool]:
    """Return report, number and whether it is a level of a sweep; ids without a number, such as A-top, come last."""
    number = re.match(r"[A-E](\d+)", experiment.id)
    return experiment.report, int(number[1]) if number else 100, "/" in experiment.id
