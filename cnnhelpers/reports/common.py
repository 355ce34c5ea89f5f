"""What all studies share: how a published experiment is written down."""

from collections.abc import Callable
from typing import Any, TypeVar

from cnnhelpers.errors import unknown
from cnnhelpers.experiments import Experiment, Protocol

OfReport = TypeVar("OfReport")


def published(
    study: str, id: str, title: str, network: Callable[..., Any], protocol: Protocol, *assumptions: str
) -> Experiment:
    """Return a published experiment of a study; its report is the first letter of its id."""
    return Experiment(
        network,
        protocol,
        id=id,
        title=title,
        study=study,
        report=id[0],
        profile="published",
        assumptions=assumptions,
    )


def of_report(table: dict[str, OfReport], report: str) -> OfReport:
    """Return what a study has for one of its reports, by its letter in either case; InputError for any other."""
    if report.upper() not in table:
        raise unknown("report of this study", report, table)
    return table[report.upper()]
