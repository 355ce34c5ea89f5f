"""Representations: the four-convolution network whose filters report A draws."""

from dataclasses import replace
from functools import partial

from cnnhelpers.experiments import Experiment
from cnnhelpers.networks import report_a_cnn
from cnnhelpers.reports import profiles
from cnnhelpers.reports.common import published
from cnnhelpers.reports.regularization import DENSE_UNITS, L2, L2_CUT_OFF, PROTOCOL_A


def experiments(report: str | None = None, dataset: str | None = None, profile: str = "published") -> list[Experiment]:
    """Return A-vis.

    Parameters
    ----------
    report
        "A" or None.
    dataset
        Another dataset than the report's: a name or a path.
    profile
        See profiles.PROFILES.

    Raises
    ------
    InputError
        If the report is not of this study, or the profile is unknown.
    """
    filters = published(
        "representations",
        "A-vis",
        "4 convolutions, L2, all training images",
        partial(report_a_cnn, convolutions=4, strides=1, dense_units=DENSE_UNITS, l2=L2),
        replace(PROTOCOL_A, split="none"),
        L2_CUT_OFF,
    )
    return profiles.select([filters], report, dataset, profile)
