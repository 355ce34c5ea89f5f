"""Depth and kernel size: report C (2 to 7 convolutions, 3x3 and 5x5) and report D (a network grown step by step)."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from cnnhelpers import networks
from cnnhelpers.experiment import Experiment, Protocol
from cnnhelpers.studies import profiles
from cnnhelpers.studies.common import published

# Products in bfloat16: up to twice as fast, equal accuracy (tests/benchmarks/precision.py).
PROTOCOL_C = Protocol(
    dataset="mnist", scaling="unit_row_norm", split="test", batch_size=128, epochs=25, precision="bfloat16"
)
PROTOCOL_D = Protocol(
    dataset="cifar10", scaling="unit", split="stratified:0.2", batch_size=32, epochs=10, precision="bfloat16"
)

ROW_NORM = "keras.utils.normalize is taken with its default, the last axis: every image row has unit L2 norm."
NO_SEED = "The report's stratified split has no seed: here each run draws its own."
STRENGTH_CUT_OFF = "The strength of L2 is cut off in the report: 0.01 here."
ACTIVATION_CUT_OFF = "The activation of the first three convolutions is cut off in the report: ReLU here, as in D10."


def experiments(report: str | None = None, dataset: str | None = None, profile: str = "published") -> list[Experiment]:
    """Return C21 to C72, and D0 to D7, D10-10, D10-15 and D11.

    Parameters
    ----------
    report
        "C" or "D"; None for both.
    dataset
        Another dataset than the report's: a name or a path.
    profile
        See profiles.PROFILES.

    Raises
    ------
    InputError
        If the report is not of this study, or the profile is unknown.
    """
    return profiles.select([*_report_c(), *_report_d()], report, dataset, profile)


def _report_c() -> list[Experiment]:
    two, three = networks.report_c_2, networks.report_c_3
    five, seven = networks.report_c_5, networks.report_c_7
    return [
        _c("C21", "2 convolutions, 3x3", two, kernel_size=3),
        _c("C22", "2 convolutions, 5x5", two, kernel_size=5),
        _c("C23", "2 convolutions, 3x3, regularized", two, kernel_size=3, regularized=True),
        _c("C24", "2 convolutions, 5x5, regularized", two, kernel_size=5, regularized=True),
        _c("C31", "3 convolutions, 3x3", three, kernel_size=3),
        _c("C32", "3 convolutions, 5x5, padded", three, kernel_size=5, padding="same"),
        _c("C33", "3 convolutions, 3x3, regularized", three, kernel_size=3, regularized=True),
        _c("C34", "5 convolutions, 5x5, regularized (listed as 3)", networks.report_c_34),
        _c("C51", "5 convolutions, 3x3", five, kernel_size=3),
        _c("C52", "5 convolutions, 5x5", five, kernel_size=5),
        _c("C53", "5 convolutions, 3x3, regularized", five, kernel_size=3, regularized=True),
        _c("C54", "5 convolutions, 5x5, regularized", five, kernel_size=5, regularized=True),
        _c("C71", "7 convolutions, 3x3, regularized", seven, kernel_size=3),
        _c("C72", "7 convolutions, 5x5, regularized", seven, kernel_size=5),
    ]


def _report_d() -> list[Experiment]:
    return [
        _d("D0", "3 convolutions (the tutorial's)", networks.report_d_0),
        _d("D1", "6 convolutions", networks.report_d_1),
        _d("D2", "6 convolutions (D1 again)", networks.report_d_1),
        _d("D3", "3 convolutions, padded", partial(networks.report_d_0, padding="same")),
        _d("D4", "6 convolutions, padded", networks.report_d_4),
        _d("D5", "8 convolutions, spatial dropout 0.25", networks.report_d_5),
        _d("D6", "11 convolutions, spatial dropout 0.2", networks.report_d_6, epochs=15),
        _d("D7", "8 convolutions, spatial dropout 0.25, batch normalization", networks.report_d_7),
        _d("D10-10", "10 convolutions, batch normalization, dropout 0.1", networks.report_d_10),
        _d("D10-15", "10 convolutions, batch normalization, dropout 0.1, 15 epochs", networks.report_d_10, epochs=15),
        _d("D11", "D10 with L2", networks.report_d_11, STRENGTH_CUT_OFF, ACTIVATION_CUT_OFF),
    ]


def _c(id: str, title: str, network: Callable[..., Any], **options: Any) -> Experiment:
    return published("depth_and_kernel", id, title, partial(network, **options), PROTOCOL_C, ROW_NORM)


def _d(id: str, title: str, network: Callable[..., Any], *assumptions: str, epochs: int = 10) -> Experiment:
    return published("depth_and_kernel", id, title, network, replace(PROTOCOL_D, epochs=epochs), NO_SEED, *assumptions)
