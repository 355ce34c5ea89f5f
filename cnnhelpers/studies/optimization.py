"""Optimization: report D's optimizers on D7, report E's sweeps on E4 (optimizer, batch size, learning rate, epochs)."""

from dataclasses import replace
from functools import partial
from typing import Any

from cnnhelpers import networks
from cnnhelpers.experiment import Experiment
from cnnhelpers.studies import profiles
from cnnhelpers.studies.common import published
from cnnhelpers.studies.depth_and_kernel import NO_SEED, PROTOCOL_D
from cnnhelpers.studies.transfer import PROTOCOL_E, STAND_IN

BATCH_SIZES = (16, 32, 64, 128)
LEARNING_RATES = (0.01, 0.02, 0.001, 0.002)
EPOCHS = (10, 30, 50, 70)

_experiment = partial(published, "optimization")

OWN_WEIGHTS = "The report trained its optimizers one after the other on the same weights: here each starts afresh."
SGD_RATE = "The report does not give the learning rate of SGD: Keras' default, 0.01, here."


def experiments(report: str | None = None, dataset: str | None = None, profile: str = "published") -> list[Experiment]:
    """Return D8-adagrad, D8-adadelta and D8-adamax, and the sweeps on E4 with ids such as "E4/batch_size=16".

    The levels of a sweep that are E4 itself (Adam, 128, 0.001, 50) have E4's identity and are trained once.

    Parameters
    ----------
    report
        "D" or "E"; None for both.
    dataset
        Another dataset than the report's: a name or a path.
    profile
        See profiles.PROFILES.

    Raises
    ------
    InputError
        If the report is not of this study, or the profile is unknown.
    """
    return profiles.select([*_report_d(), *_report_e()], report, dataset, profile)


def _report_d() -> list[Experiment]:
    def d8(id: str, title: str, optimizer: str) -> Experiment:
        protocol = replace(PROTOCOL_D, optimizer=optimizer, learning_rate=0.001)  # Keras' default of all three
        return _experiment(id, title, networks.report_d_7, protocol, NO_SEED, OWN_WEIGHTS)

    return [
        d8("D8-adagrad", "D7 with Adagrad", "adagrad"),
        d8("D8-adadelta", "D7 with Adadelta", "adadelta"),
        d8("D8-adamax", "D7 with Adamax", "adamax"),
    ]


def _report_e() -> list[Experiment]:
    def e4(sweep: str, title: str, *assumptions: str, **changes: Any) -> Experiment:
        protocol = replace(PROTOCOL_E, **changes)
        return _experiment(f"E4/{sweep}", f"E4 with {title}", networks.report_e_4, protocol, STAND_IN, *assumptions)

    return [
        e4("optimizer=sgd", "SGD", SGD_RATE, optimizer="sgd", learning_rate=0.01),
        e4("optimizer=adam", "Adam", optimizer="adam"),
        *(e4(f"batch_size={size}", f"batches of {size}", batch_size=size) for size in BATCH_SIZES),
        *(e4(f"learning_rate={rate:g}", f"learning rate {rate:g}", learning_rate=rate) for rate in LEARNING_RATES),
        *(e4(f"epochs={epochs}", f"{epochs} epochs", epochs=epochs) for epochs in EPOCHS),
    ]
