"""Optimization: report D's optimizers on D7, report E's sweeps on E4 (optimizer, batch size, learning rate, epochs).

And what neither asks, on a network of choice: every optimizer at every rate, maps, schedules. In short::

    base = basis(find("A1")[0], epochs=5)
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
from cnnhelpers.experiments import Experiment
from cnnhelpers.reports import profiles
from cnnhelpers.reports.depth_and_kernel import NO_SEED, PROTOCOL_D
from cnnhelpers.reports.profiles import published_experiment
from cnnhelpers.reports.transfer import PROTOCOL_E, STAND_IN

BATCH_SIZES = (16, 32, 64, 128)
LEARNING_RATES = (0.01, 0.02, 0.001, 0.002)
EPOCHS = (10, 30, 50, 70)

# What each name stands for, at the learning rate that Keras takes by default.
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

OWN_WEIGHTS = "The report trained its optimizers one after the other on the same weights: here each starts afresh."
SGD_RATE = "The report does not give the learning rate of SGD: Keras' default, 0.01, here."


def experiments(report: str | None = None, dataset: str | None = None, profile: str = "published") -> list[Experiment]:
    """Return report D's optimizers and the sweeps on E4 with ids such as "E4/batch_size=16".

    D8-adagrad, D8-adadelta and D8-adamax each start from weights of their own. D8-adadelta-after and D8-adamax-after
    are the report's: each starts from the weights that the one before it ended with, Adagrad, Adadelta, Adamax.
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
        protocol = replace(PROTOCOL_D, **OPTIMIZERS[optimizer])
        return _experiment(id, title, networks.report_d_7, protocol, NO_SEED, OWN_WEIGHTS)

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
    """Return a published experiment as the comparisons below train it: pixels 0..1, `epochs` epochs, bfloat16 products.

    Everything else is the report's, but that it starts from weights of its own and has validation images of its own:
    those choose rates and settings. It is nobody's published run, and is labelled so.
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
    """Return `base` with another optimizer, one of OPTIMIZERS, and ids such as "A1/sgd/0.04/batch=32/cosine".

    Parameters
    ----------
    learning_rate
        None: Keras' default for this optimizer.
    batch_size
        None: that of `base`.
    schedule
        One of SCHEDULES; "cosine" and "one_cycle" as in pipeline.learning_rate.

    Raises
    ------
    InputError
        If the optimizer is unknown, or a number is out of its range.

    Examples
    --------
    >>> from cnnhelpers.reports.catalog import find
    >>> variant(basis(find("A1")[0]), "momentum", learning_rate=0.03, schedule="cosine").id
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
    rate = f"{changed.protocol.learning_rate:g}"
    parts = [optimizer, rate]
    parts += [f"batch={batch_size}"] if batch_size else []
    parts += [schedule] if schedule != "constant" else []
    return replace(changed, id="/".join([base.id, *parts]), title=", ".join([base.title, *parts]))


def optimizers(
    base: Experiment, names: Iterable[str] = tuple(OPTIMIZERS), rates: Sequence[float] | None = None
) -> list[Experiment]:
    """Return each optimizer at each learning rate, or once at Keras' default where `rates` is None.

    Raises
    ------
    InputError
        If a name is not one of OPTIMIZERS, a rate is out of its range, or there are none.
    """
    chosen = [None] if rates is None else _some(rates, "rates")
    return [variant(base, name, learning_rate=rate) for name in _some(names, "optimizers") for rate in chosen]


def against(names: Sequence[str], reference: str) -> list[tuple[str, str]]:
    """Return (name, reference) for each of the optimizers but the reference itself.

    Raises
    ------
    InputError
        If the reference is not one of them, or the only one.
    """
    if reference not in names or len(set(names)) < 2:
        raise InputError(
            f"the reference must be one of two optimizers or more. Received: {reference!r}, optimizers={list(names)}"
        )
    return [(name, reference) for name in names if name != reference]


def learning_rate_map(
    base: Experiment, rates: Sequence[float], batch_sizes: Sequence[int], optimizer: str = "sgd"
) -> list[Experiment]:
    """Return one optimizer at every learning rate with every batch size; InputError if there are none."""
    sizes, rates = _some(batch_sizes, "batch_sizes"), _some(rates, "rates")
    return [variant(base, optimizer, learning_rate=rate, batch_size=size) for size in sizes for rate in rates]


def schedules(
    base: Experiment,
    rates: Sequence[float],
    optimizer: str = "adam",
    names: Sequence[str] = SCHEDULES,
) -> list[Experiment]:
    """Return one optimizer under every schedule at every learning rate, which is the schedule's highest.

    Raises
    ------
    InputError
        If a schedule is unknown, a rate out of its range, or there are none.
    """
    rates = _some(rates, "rates")
    return [variant(base, optimizer, learning_rate=rate, schedule=name) for rate in rates for name in names]


def _some(values: Iterable[Any], name: str) -> list[Any]:
    """Return different values as a list; InputError if there is none, or one twice."""
    listed = list(values)
    if not listed or len(set(listed)) < len(listed):
        raise InputError(f"{name} must be different values, at least one. Received: {name}={listed}")
    return listed


def one_after_another(experiments: Sequence[Experiment]) -> list[Experiment]:
    """Return the experiments, each but the first starting from the weights that the one before it ends with.

    That is how report D compared its optimizers: whatever comes later has been trained for longer. Ids end in "-after".
    All but the last keep their weights, so that each is trained once.

    Raises
    ------
    InputError
        If there are no experiments.
    """
    if not experiments:
        raise InputError("one_after_another needs at least one experiment. Received: none")
    first, *others = experiments
    chain = [first]
    for one in others:
        chain[-1] = replace(chain[-1], keep_weights=True)
        title = f"{one.title}, from the weights after {chain[-1].protocol.optimizer}"
        chain.append(replace(one, after=chain[-1], id=f"{one.id}-after", title=title))
    return chain


def add_settings(runs: pd.DataFrame, experiments: Iterable[Experiment]) -> pd.DataFrame:
    """Return the runs of `experiments` with what these vary: optimizer, learning_rate, batch_size, schedule.

    The optimizer is a name of OPTIMIZERS, so SGD with momentum is "momentum"; the schedule is one of SCHEDULES.

    Examples
    --------
    >>> from cnnhelpers.reports.catalog import find
    >>> experiments = optimizers(basis(find("A1")[0]), ["momentum"])
    >>> runs = pd.DataFrame({"experiment": ["A1/momentum/0.01", "another"], "seed": [0, 0]})
    >>> add_settings(runs, experiments).values.tolist()
    [['A1/momentum/0.01', 0, 'momentum', 0.01, 128, 'constant']]
    """
    protocols = {one.id: one.protocol for one in experiments}
    found = runs[runs["experiment"].isin(list(protocols))]
    told = [protocols[name] for name in found["experiment"]]
    return found.assign(
        optimizer=["momentum" if one.momentum and one.optimizer == "sgd" else one.optimizer for one in told],
        learning_rate=[one.learning_rate for one in told],
        batch_size=[one.batch_size for one in told],
        schedule=[one.schedule or "constant" for one in told],
    )
