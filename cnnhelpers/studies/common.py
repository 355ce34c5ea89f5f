"""What all studies share: how a published experiment is written down."""

from collections.abc import Callable
from typing import Any

from cnnhelpers.experiment import Experiment, Protocol


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
