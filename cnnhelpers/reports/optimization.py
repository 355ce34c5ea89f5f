"""Optimization: report D's optimizers on D7, report E's sweeps on E4 (optimizer, batch size, learning rate, epochs).

On other networks, beyond the reports::

    base = basis(find_one("A1"), epochs=5)
    optimizers(base)                                        # each at Keras' default learning rate
    optimizers(base, rates=[0.001, 0.01])                   # each at each rate
    learning_rate_map(base, [0.01, 0.04], [32, 128])        # every rate with every batch size
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import pandas as pd

from cnnhelpers import networks
from cnnhelpers.errors import InputError, unknown
from cnnhelpers.experiments import Experiment, Protocol
from cnnhelpers.reports import profiles
from cnnhelpers.reports.depth_and_kernel import NO_SEED, PROTOCOL_D
from cnnhelpers.reports.profiles import published_experiment
from cnnhelpers.reports.transfer import PROTOCOL_E, STAND_IN

BATCH_SIZES = (16, 32, 64, 128)
LEARNING_RATES = (0.01, 0.02, 0.001, 0.002)
EPOCHS = (10, 30, 50, 70)

# Settings of each optimizer, at Keras' default learning rate.
OPTIMIZERS: dict[str, dict[str, Any]] = {
    "sgd": {"optimizer": "sgd", "momentum": None, "learning_rate": 0.01},
    "momentum": {"optimizer": "sgd", "momentum": 0.9, "learning_rate": 0.01},
    **{
        name: {"optimizer": name, "momentum": None, "learning_rate": 0.001}
        for name in ("adagrad", "adadelta", "rmsprop", "adam", "adamw", "adamax")
    },
}
D8_ORDER = ("adagrad", "adadelta", "adamax")
SCHEDULES = ("constant", "cosine", "one_cycle")

_experiment = partial(published_experiment, "optimization")

NEW_WEIGHTS = "The report trained its optimizers one after the other on the same weights: here each starts afresh."
SGD_RATE = "The report does not give the learning rate of SGD: Keras' default, 0.01, here."


def experiments(report: str | None = None, dataset: str | None = None, profile: str = "published") -> list[Experiment]:
    """Return report D's optimizers and the sweeps on E4 with ids such as "E4/batch_size=16"; see `profiles.select`.

    D8-adagrad, D8-adadelta and D8-adamax start from new weights. D8-adadelta-after and D8-adamax-after are the
    report's: each starts from the last weights of the one before, in the order Adagrad, Adadelta, Adamax. The levels of
    a sweep that are E4 (Adam, 128, 0.001, 50) have its identity and are trained once.
    """
    return profiles.select([*_report_d(), *_report_e()], report, dataset, profile)


def _report_d() -> list[Experiment]:
    def d8(id: str, title: str, optimizer: str) -> Experiment:
        protocol = replace(PROTOCOL_D, **OPTIMIZERS[optimizer])
        return _experiment(id, title, networks.report_d_7, protocol, NO_SEED, NEW_WEIGHTS)

    fair = [
        d8("D8-adagrad", "D7 with Adagrad", "adagrad"),
        d8("D8-adadelta", "D7 with Adadelta", "adadelta"),
        d8("D8-adamax", "D7 with Adamax", "adamax"),
    ]
    first, *others = one_after_another(fair)
    return [first, *fair[1:], *(replace(one, assumptions=(NO_SEED,)) for one in others)]


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


def basis(experiment: Experiment, *, dataset: str | None = None, epochs: int = 5) -> Experiment:
    """Return a published experiment for the comparisons below: pixels 0..1, `epochs` epochs, bfloat16 products.

    It starts from new weights and validates on images that are not test images, which choose rates and settings. No
    report has it: its profile is "own".
    """
    changed = experiment if dataset is None else profiles.on_dataset(experiment, dataset)
    changed = profiles.hold_out(changed).change(scaling="unit", epochs=epochs, precision="bfloat16", profile="own")
    return replace(changed, study="optimization", report="", assumptions=(), after=None)


def variant(
    base: Experiment,
    optimizer: str = "adam",
    *,
    learning_rate: float | None = None,
    batch_size: int | None = None,
    schedule: str = "constant",
) -> Experiment:
    """Return `base` with another of OPTIMIZERS and of SCHEDULES, and an id such as "A1/sgd/0.04/batch=32/cosine".

    None is Keras' default learning rate of the optimizer, and the batch size of `base`.

    Raises
    ------
    InputError
        If the optimizer or schedule is unknown, or a number is out of its range.

    Examples
    --------
    >>> from cnnhelpers.reports.catalog import find_one
    >>> variant(basis(find_one("A1")), "momentum", learning_rate=0.03, schedule="cosine").id
    'A1/momentum/0.03/cosine'
    """
    if optimizer not in OPTIMIZERS:
        raise unknown("optimizer", optimizer, OPTIMIZERS)
    if schedule not in SCHEDULES:
        raise unknown("schedule", schedule, SCHEDULES)
    changes = OPTIMIZERS[optimizer] | {"schedule": None if schedule == "constant" else schedule}
    changes |= {} if learning_rate is None else {"learning_rate": learning_rate}
    changes |= {} if batch_size is None else {"batch_size": batch_size}
    changed = base.change(**changes)
    parts = [optimizer, f"{changed.protocol.learning_rate:g}"]
    parts += [f"batch={batch_size}"] if batch_size else []
    parts += [schedule] if schedule != "constant" else []
    return replace(changed, id="/".join([base.id, *parts]), title=", ".join([base.title, *parts]))


def optimizers(
    base: Experiment, names: Iterable[str] = tuple(OPTIMIZERS), rates: Sequence[float] | None = None
) -> list[Experiment]:
    """Return each optimizer at each learning rate, or at Keras' default where `rates` is None; InputError if none."""
    chosen = [None] if rates is None else _distinct(rates, "rates")
    return [variant(base, name, learning_rate=rate) for name in _distinct(names, "optimizers") for rate in chosen]


def against(names: Sequence[str], reference: str) -> list[tuple[str, str]]:
    """Return (name, reference) for each of the optimizers but the reference; InputError if it is not one of several."""
    if reference not in names or len(set(names)) < 2:
        raise InputError(
            f"the reference must be one of two optimizers or more. Received: {reference!r}, optimizers={list(names)}"
        )
    return [(name, reference) for name in names if name != reference]


def learning_rate_map(
    base: Experiment, rates: Sequence[float], batch_sizes: Sequence[int], optimizer: str = "sgd"
) -> list[Experiment]:
    """Return one optimizer at every learning rate with every batch size; InputError if there are none."""
    sizes, rates = _distinct(batch_sizes, "batch_sizes"), _distinct(rates, "rates")
    return [variant(base, optimizer, learning_rate=rate, batch_size=size) for size in sizes for rate in rates]


def schedules(
    base: Experiment, rates: Sequence[float], optimizer: str = "adam", names: Sequence[str] = SCHEDULES
) -> list[Experiment]:
    """Return one optimizer under every schedule at every learning rate, the highest of the schedule."""
    rates = _distinct(rates, "rates")
    return [variant(base, optimizer, learning_rate=rate, schedule=name) for rate in rates for name in names]


def _distinct(values: Iterable[Any], name: str) -> list[Any]:
    """Return values as a list; InputError if there are none or two are equal."""
    listed = list(values)
    if not listed or len(set(listed)) < len(listed):
        raise InputError(f"{name} must be different values, at least one. Received: {name}={listed}")
    return listed


def one_after_another(experiments: Sequence[Experiment]) -> list[Experiment]:
    """Return the experiments, each but the first starting from the last weights of the one before; ids end in "-after".

    Report D compared its optimizers so: the later ones have trained for longer. All but the last keep their weights, so
    each is trained once. InputError if there are no experiments.
    """
    if not experiments:
        raise InputError("one_after_another needs at least one experiment. Received: none")
    chain = [experiments[0]]
    for experiment in experiments[1:]:
        chain[-1] = replace(chain[-1], keep_weights=True)
        title = f"{experiment.title}, from the weights after {chain[-1].protocol.optimizer}"
        chain.append(replace(experiment, after=chain[-1], id=f"{experiment.id}-after", title=title))
    return chain


def add_settings(runs: pd.DataFrame, experiments: Iterable[Experiment]) -> pd.DataFrame:
    """Return the runs of `experiments` with their optimizer (of OPTIMIZERS), learning_rate, batch_size and schedule.

    Examples
    --------
    >>> from cnnhelpers.reports.catalog import find_one
    >>> experiments = optimizers(basis(find_one("A1")), ["momentum"])
    >>> runs = pd.DataFrame({"experiment": ["A1/momentum/0.01", "another"], "seed": [0, 0]})
    >>> add_settings(runs, experiments).values.tolist()
    [['A1/momentum/0.01', 0, 'momentum', 0.01, 128, 'constant']]
    """
    all_protocols = {experiment.id: experiment.protocol for experiment in experiments}
    runs = runs[runs["experiment"].isin(list(all_protocols))]
    protocols = [all_protocols[name] for name in runs["experiment"]]
    return runs.assign(
        optimizer=[_optimizer(protocol) for protocol in protocols],
        learning_rate=[protocol.learning_rate for protocol in protocols],
        batch_size=[protocol.batch_size for protocol in protocols],
        schedule=[protocol.schedule or "constant" for protocol in protocols],
    )


def _optimizer(protocol: Protocol) -> str:
    return "momentum" if protocol.momentum and protocol.optimizer == "sgd" else protocol.optimizer
