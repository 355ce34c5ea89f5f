"""Optimization: report D's optimizers on D7, report E's sweeps on E4 (optimizer, batch size, learning rate, epochs).

On other networks, beyond the reports (`Tuning` makes a whole study of it)::

    base = basis(find_one("A1"), epochs=5)
    optimizers(base)                                        # each at Keras' default learning rate
    optimizers(base, rates=[0.001, 0.01])                   # each at each rate
    learning_rate_map(base, [0.01, 0.04], [32, 128])        # every rate with every batch size
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any

import pandas as pd

from cnnhelpers import networks
from cnnhelpers.analysis import check_target, summary
from cnnhelpers.errors import InputError, check_count, unknown
from cnnhelpers.execution import CHOOSING, best_of_grid, run, search
from cnnhelpers.experiments import Experiment
from cnnhelpers.reports import depth_and_kernel, profiles, transfer
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
SPACE: dict[str, Any] = {  # of the search
    "optimizer": ["momentum", "rmsprop", "adam", "adamw", "adamax"],
    "learning_rate": (0.0003, 0.3),
    "batch_size": [32, 64, 128, 256, 512],
    "schedule": ["constant", "cosine", "one_cycle"],
}
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
    return [first, *fair[1:], *(replace(late, assumptions=(NO_SEED,)) for late in others)]


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


@dataclass(frozen=True)
class Tuning:
    """The experiments of a study that tunes the optimization of one network.

    Parameters
    ----------
    network
        The published experiment whose network is trained; see `basis` for what is changed.
    dataset
        Name or path; None: the report's.
    epochs
        Of every run.
    optimizers, rates
        Names of OPTIMIZERS, and the learning rates from which each takes its best.
    reference
        The optimizer that the others are compared with.
    map_rates, batch_sizes
        Of the map of settings, of plain SGD.
    schedule_rates
        The highest rates of the schedules.
    target
        Validation accuracy to reach, above 0 up to 1.
    trials
        Of the search.

    Raises
    ------
    InputError
        For values that no training could use, so before the first of them.

    Examples
    --------
    >>> from cnnhelpers.reports.catalog import find_one
    >>> study = Tuning(find_one("A1"), optimizers=["sgd", "adam"], reference="adam", rates=[0.01])
    >>> study.pairs, [experiment.id for experiment in study.tried]
    ([('sgd', 'adam')], ['A1/sgd/0.01', 'A1/adam/0.01'])
    """

    network: Experiment
    dataset: str | None = None
    epochs: int = 5
    optimizers: Sequence[str] = tuple(OPTIMIZERS)
    reference: str = "adam"
    rates: Sequence[float] = (0.0001, 0.001, 0.01, 0.1, 1.0)
    map_rates: Sequence[float] = (0.04, 0.16, 0.64, 2.56)
    batch_sizes: Sequence[int] = (32, 128, 512)
    schedule_rates: Sequence[float] = (0.001, 0.01)
    target: float = 0.85
    trials: int = 16

    def __post_init__(self) -> None:
        """Check all values."""
        lists = ("optimizers", "rates", "map_rates", "batch_sizes", "schedule_rates")
        profiles.check_lists(**{name: getattr(self, name) for name in lists})
        check_target(self.target)
        check_count("trials", self.trials)
        against(self.optimizers, self.reference)
        for name in lists:
            _distinct(getattr(self, name), name)

    @cached_property
    def base(self) -> Experiment:
        """Return the network as the study trains it, with its published optimizer."""
        return basis(self.network, dataset=self.dataset, epochs=self.epochs)

    @cached_property
    def planned(self) -> list[Experiment]:
        """Return the experiments that depend on no result, each once."""
        planned = [self.base, *self.at_default, *self.schedules, *self.fair, *self.chain]
        return list({experiment.id: experiment for experiment in planned}.values())

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """Return (optimizer, reference) for each of the others."""
        return against(self.optimizers, self.reference)

    @property
    def at_default(self) -> list[Experiment]:
        """Return each optimizer at Keras' default rate."""
        return optimizers(self.base, self.optimizers)

    @property
    def tried(self) -> list[Experiment]:
        """Return each optimizer at each rate."""
        return optimizers(self.base, self.optimizers, self.rates)

    def choose_rates(self, train: bool = False) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Return the runs of `tried` with the seeds that choose, and `execution.best_of_grid` of them."""
        grid = self.add_settings(run(self.tried, CHOOSING, train=train), self.tried)
        return grid, best_of_grid(grid)

    def at_best(self, chosen: pd.DataFrame) -> list[Experiment]:
        """Return each optimizer at its best rate; `chosen` is as `choose_rates` returns it."""
        rates = zip(chosen["optimizer"], chosen["learning_rate"], strict=True)
        return [variant(self.base, name, learning_rate=rate) for name, rate in rates]

    @property
    def rate_map(self) -> list[Experiment]:
        """Return plain SGD at every rate of the map with every batch size."""
        return learning_rate_map(self.base, self.map_rates, self.batch_sizes)

    @property
    def schedules(self) -> list[Experiment]:
        """Return the reference under every schedule at every rate."""
        return schedules(self.base, self.schedule_rates, self.reference)

    @property
    def schedule_pairs(self) -> list[tuple[str, str]]:
        """Return (schedule, constant) at each rate, as the column scheduled of `add_settings` names them."""
        names = SCHEDULES[1:]
        return [(f"{name} {rate:g}", f"constant {rate:g}") for rate in self.schedule_rates for name in names]

    @property
    def fair(self) -> list[Experiment]:
        """Return report D's three optimizers, each from its own weights."""
        return optimizers(self.base, D8_ORDER)

    @cached_property
    def chain(self) -> list[Experiment]:
        """Return report D's three optimizers, one after another on the same weights."""
        return one_after_another(self.fair)

    @property
    def head_starts(self) -> list[tuple[str, str]]:
        """Return (after the others, from its own weights) for the second and the third of them."""
        return [(late.id, early.id) for late, early in zip(self.chain[1:], self.fair[1:], strict=True)]

    @property
    def published(self) -> list[Experiment]:
        """Return D7 and E4 and what reports D and E changed of their optimization."""
        around = [*depth_and_kernel.experiments("D"), *transfer.experiments("E")]
        return [*(experiment for experiment in around if experiment.id in ("D7", "E4")), *experiments()]

    def search(self, train: bool = False) -> tuple[pd.DataFrame, Experiment]:
        """Return the trials of a search over SPACE and the experiment with the highest score."""
        return search(partial(variant, self.base), SPACE, self.trials, train=train)

    def rivals(self, winner: Experiment, runs: pd.DataFrame) -> list[tuple[str, str, str]]:
        """Return (winner, rival, text): against the base, and the best of `runs` by validation accuracy.

        An experiment that starts from the weights of another is no rival.
        """
        late = [experiment.id for experiment in self.chain[1:]]
        rivals = runs[~runs["experiment"].isin([*late, winner.id])]
        best = summary(rivals, "validation_accuracy").set_index("experiment")["estimate"].idxmax()
        texts = {self.base.id: "the network as it was", best: f"{best}, the best before the search"}
        return [(winner.id, rival, f"{winner.id} rather than {text}") for rival, text in texts.items()]

    @staticmethod
    def add_settings(runs: pd.DataFrame, experiments: Sequence[Experiment]) -> pd.DataFrame:
        """Return the runs of `experiments` with their optimizer, learning_rate, batch_size and schedule.

        The optimizer is one of OPTIMIZERS; the column scheduled is schedule and learning rate together.

        Examples
        --------
        >>> from cnnhelpers.reports.catalog import find_one
        >>> study = Tuning(find_one("A1"), optimizers=["momentum", "adam"])
        >>> runs = pd.DataFrame({"experiment": ["A1/momentum/0.01", "another"], "seed": [0, 0]})
        >>> Tuning.add_settings(runs, study.at_default).values.tolist()
        [['A1/momentum/0.01', 0, 'momentum', 0.01, 128, 'constant', 'constant 0.01']]
        """
        all_protocols = {experiment.id: experiment.protocol for experiment in experiments}
        runs = runs[runs["experiment"].isin(list(all_protocols))]
        protocols = [all_protocols[name] for name in runs["experiment"]]
        momentum = [bool(protocol.momentum) and protocol.optimizer == "sgd" for protocol in protocols]
        return runs.assign(
            optimizer=[
                "momentum" if has else protocol.optimizer for has, protocol in zip(momentum, protocols, strict=True)
            ],
            learning_rate=[protocol.learning_rate for protocol in protocols],
            batch_size=[protocol.batch_size for protocol in protocols],
            schedule=[protocol.schedule or "constant" for protocol in protocols],
            scheduled=[f"{protocol.schedule or 'constant'} {protocol.learning_rate:g}" for protocol in protocols],
        )
