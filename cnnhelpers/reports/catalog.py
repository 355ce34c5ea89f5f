"""The experiments of the five reports, by study.

In short::

    find("A1"), find("A"), find("regularization")   # one experiment, a report's, a study's
    regularization.sweep("l2", [0, 0.0001, 0.001])  # the same networks at strengths of your own
    profiles.apply(experiment, "quick")             # minutes instead of hours
"""

import re

from cnnhelpers.errors import InputError, unknown
from cnnhelpers.experiments import Experiment
from cnnhelpers.reports import depth_and_kernel, optimization, profiles, regularization, representations, transfer

__all__ = ["STUDIES", "all_experiments", "find", "find_one", "profiles"]

STUDIES = {
    "regularization": regularization,
    "depth_and_kernel": depth_and_kernel,
    "optimization": optimization,
    "transfer": transfer,
    "representations": representations,
}


def all_experiments() -> list[Experiment]:
    """Return every published experiment in the order of the reports."""
    experiments = [one for study in STUDIES.values() for one in study.experiments()]
    return sorted(experiments, key=_place)


def find(name: str) -> list[Experiment]:
    """Return the published experiments of a study ("transfer"), a report ("E") or one id ("E4"), in either case.

    "D8" and "D10", which the report ran in several ways, find "D8-adagrad", "D8-adadelta" and so on.

    Raises
    ------
    InputError
        If `name` is none of them; the message names the nearest.

    Examples
    --------
    >>> [experiment.id for experiment in find("c71")]
    ['C71']
    """
    experiments = all_experiments()
    for label in ("id", "report", "study"):
        found = [one for one in experiments if getattr(one, label).casefold() == str(name).casefold()]
        if found:
            return found
    family = [one for one in experiments if one.id.casefold().startswith(f"{str(name).casefold()}-")]
    if family:
        return family
    letters = {one.report for one in experiments}
    raise unknown("experiment, report or study", name, [*STUDIES, *letters, *(one.id for one in experiments)])


def find_one(name: str) -> Experiment:
    """Return the one published experiment of an id.

    Raises
    ------
    InputError
        If `name` finds none or several.

    Examples
    --------
    >>> find_one("d7").id
    'D7'
    """
    found = find(name)
    if len(found) > 1:
        raise InputError(f"{name!r} is several experiments: name one of {', '.join(one.id for one in found)}")
    return found[0]


def _place(experiment: Experiment) -> tuple[str, int, bool]:
    """Return report, number and whether it is a level of a sweep; what has no number, such as A-top, comes last."""
    number = re.match(r"[A-E](\d+)", experiment.id)
    return experiment.report, int(number[1]) if number else 100, "/" in experiment.id
