"""Regularization: report A (L2, dropout, early stopping) and report B (L1 with L2, dropout, early stopping)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from itertools import product
from typing import Any

import pandas as pd

from cnnhelpers.errors import InputError, check_count, unknown
from cnnhelpers.experiments import Experiment, Protocol
from cnnhelpers.networks import check_dropout, check_strength, report_a_cnn, report_b_cnn, report_b_dense
from cnnhelpers.reports import profiles
from cnnhelpers.reports.profiles import of_report, published_experiment

L2, DROPOUT, PATIENCE, DENSE_UNITS = 0.0001, 0.1, 3, 100  # of report A

_experiment = partial(published_experiment, "regularization")

PROTOCOL_A = Protocol(dataset="fashion_mnist", scaling="none", split="tail:0.15", batch_size=128, epochs=10)
STOPPING_A = replace(PROTOCOL_A, early_stopping="validation_loss", patience=PATIENCE, restore_best=True)
PROTOCOL_B = Protocol(
    dataset="cifar10", scaling="unit", split="first:10000", batch_size=512, epochs=20, precision="bfloat16"
)
STOPPING_B = replace(PROTOCOL_B, early_stopping="validation_accuracy", patience=2)

L2_CUT_OFF = "The strength of L2 is cut off in the report (it starts 0.000): 0.0001 here."
PATIENCE_CUT_OFF = "The patience is cut off in the report: 3 here."
FIRST_IMAGES = "The report does not say which 10,000 training images it validates on: the first here."
STOPPING_CUT_OFF = "Metric and patience are cut off in the report: here those that its first model prints."
NO_BEST = "The report shows no line that loads the best checkpoint: the last epoch's weights are evaluated here."
NETWORK_MISSING = "The report lacks this network: here B3's with dropout 0.2 where B16 has it."
INTERRUPTED = "The report interrupted this training in its first epoch: here it runs to its end."

# (A, B, the change from B to A): the comparisons behind the reports' conclusions
QUESTIONS = {
    "A": (
        ("A1", "A2", "3 convolutions rather than 1, no regularization"),
        ("A3", "A4", "3 convolutions rather than 1, L2"),
        ("A5", "A6", "3 convolutions rather than 1, dropout"),
        ("A7", "A8", "3 convolutions rather than 1, early stopping"),
        ("A3", "A1", "L2 and its dense layer, 3 convolutions"),
        ("A4", "A2", "L2 and its dense layer, 1 convolution"),
        ("A4", "1conv-l2=0", "L2 without its dense layer, 1 convolution"),
        ("1conv-l2=0", "A2", "its dense layer without L2, 1 convolution"),
        ("A5", "A1", "dropout, 3 convolutions"),
        ("A6", "A2", "dropout, 1 convolution"),
        ("A7", "A1", "early stopping, 3 convolutions"),
        ("A8", "A2", "early stopping, 1 convolution"),
        ("A-top", "A4", "all training images rather than 85 %"),
    ),
    "B": (
        ("B3", "B1", "a CNN rather than dense layers on each pixel"),
        ("B2", "B1", "3 dense layers rather than 2"),
        ("B4", "B3", "3 convolutions rather than 2"),
        ("B5", "B1", "early stopping, 2 dense layers"),
        ("B6", "B2", "early stopping, 3 dense layers"),
        ("B7", "B3", "early stopping, 2 convolutions"),
        ("B8", "B4", "early stopping, 3 convolutions"),
        ("B9", "B1", "L1 and L2 with twice the units, 2 dense layers"),
        ("B10", "B2", "L1 and L2 with twice the units, 3 dense layers"),
        ("B11", "B3", "L1 and L2, 2 convolutions"),
        ("B12", "B4", "L1 and L2, 3 convolutions"),
        ("B13", "B1", "dropout with eight times the units, 2 dense layers"),
        ("B14", "B2", "dropout with eight times the units, 3 dense layers"),
        ("B15", "B3", "dropout, 2 convolutions"),
        ("B16", "B4", "dropout, 3 convolutions"),
    ),
}
# The experiments of a report that share a network
FAMILIES = {
    "A": {"3 convolutions": ["A1", "A3", "A5", "A7"], "1 convolution": ["A2", "A4", "A6", "A8"]},
    "B": {
        "dense networks": ["B1", "B2", "B5", "B6", "B9", "B10", "B13", "B14"],
        "convolutional networks": ["B3", "B4", "B7", "B8", "B11", "B12", "B15", "B16"],
    },
}


def experiments(report: str | None = None, dataset: str | None = None, profile: str = "published") -> list[Experiment]:
    """Return A1 to A8 and A-top, B1 to B16 and B-base; for the arguments see `profiles.select`."""
    return profiles.select([*_report_a(), *_report_b()], report, dataset, profile)


def visualized(report: str | None = None, dataset: str | None = None, profile: str = "published") -> list[Experiment]:
    """Return A-vis, the network with four convolutions whose filters report A draws: the study "representations"."""
    network = partial(report_a_cnn, convolutions=4, strides=1, dense_units=DENSE_UNITS, l2=L2)
    protocol, title = replace(PROTOCOL_A, split="none"), "4 convolutions, L2, all training images"
    made = published_experiment("representations", "A-vis", title, network, protocol, L2_CUT_OFF)
    return profiles.select([made], report, dataset, profile)


def sweep(
    kind: str,
    strengths: Sequence[float | None],
    *,
    convolutions: Sequence[int] = (3, 1),
    dataset: str = "fashion_mnist",
    profile: str = "published",
) -> list[Experiment]:
    """Return one experiment for each number of convolutions and each strength, ids such as "1conv-l2=0.001".

    Every strength of L2 is on the network of A3 and A4, which has a dense layer; dropout and early stopping are on that
    of A1 and A2.

    Parameters
    ----------
    kind
        "l2" (strength of the penalty), "dropout" (rate) or "early_stopping" (patience in epochs).
    strengths
        None, or 0 for l2 and dropout, is the same network without.
    convolutions
        Of report A's network, 1 to 3 each.

    Raises
    ------
    InputError
        If the kind is unknown or a strength is out of its range.
    """
    if kind not in ("l2", "dropout", "early_stopping"):
        raise unknown("kind of regularization", kind, ("l2", "dropout", "early_stopping"))
    dense_units = DENSE_UNITS if kind == "l2" else 0
    made = []
    for number, strength in product(convolutions, strengths):
        level = _variant(number, dense_units, {kind: strength})
        made.append(replace(level, id=f"{level.id}-{kind}={'none' if strength is None else f'{strength:g}'}"))
    return profiles.select(made, None, dataset, profile)


def combinations(
    *,
    l2: float = L2,
    dropout: float = DROPOUT,
    patience: int | None = None,
    convolutions: Sequence[int] = (3, 1),
    dataset: str = "fashion_mnist",
    profile: str = "published",
) -> list[Experiment]:
    """Return none, L2, dropout and both, and with a `patience` each again with early stopping; "1conv-l2+dropout".

    All have the dense layer of A3 and A4: only the regularization differs. InputError for a strength out of its range.
    """
    stoppings = [{}] if patience is None else [{}, {"early_stopping": patience}]
    made = []
    for number, *kinds in product(convolutions, stoppings, ({}, {"l2": l2}), ({}, {"dropout": dropout})):
        stopping, penalty, dropping = kinds
        strengths = penalty | dropping | stopping
        variant = _variant(number, DENSE_UNITS, strengths)
        made.append(replace(variant, id=f"{variant.id}-{'+'.join(strengths) or 'none'}"))
    return profiles.select(made, None, dataset, profile)


@dataclass(frozen=True)
class Regularization:
    """The experiments of a study of regularization: a report's, and sweeps of report A's network.

    Parameters
    ----------
    report
        "A" or "B".
    dataset, profile
        See `profiles.select`.
    l2, dropout, patience
        Levels of the sweeps: strengths of the penalty, dropout rates, and epochs of patience next to no early stopping.
    convolutions
        Of the networks in the sweeps, 1 to 3 each; none: no sweeps.

    Raises
    ------
    InputError
        For a report, a profile or a level that no training could use.

    Examples
    --------
    >>> study = Regularization("A", l2=[0.0, 0.001], dropout=[0.3], patience=[1], convolutions=[1])
    >>> [experiment.id for experiment in study.sweeps]  # doctest: +NORMALIZE_WHITESPACE
    ['1conv-l2=0', '1conv-l2=0.001', '1conv-dropout=0.3',
     '1conv-early_stopping=none', '1conv-early_stopping=1']
    """

    report: str = "A"
    dataset: str = "fashion_mnist"
    profile: str = "published"
    l2: Sequence[float] = (0.0, 0.0001, 0.001, 0.01)
    dropout: Sequence[float] = (0.0, 0.1, 0.3, 0.5)
    patience: Sequence[int] = (1, 3)
    convolutions: Sequence[int] = (1,)

    def __post_init__(self) -> None:
        """Plan the sweeps, so that a level that no network can have ends a page before its first run."""
        levels = {"l2": self.l2, "dropout": self.dropout, "patience": self.patience}
        profiles.check_lists(**levels, convolutions=self.convolutions)
        of_report(QUESTIONS, self.report)
        _ = self.sweeps

    @cached_property
    def experiments(self) -> list[Experiment]:
        """Return the published experiments of the report."""
        return experiments(self.report, self.dataset, self.profile)

    @cached_property
    def sweeps(self) -> list[Experiment]:
        """Return a sweep of L2, one of dropout and one of early stopping."""
        levels = {"l2": self.l2, "dropout": self.dropout, "early_stopping": [None, *self.patience]}
        options = {"convolutions": self.convolutions, "dataset": self.dataset, "profile": self.profile}
        return [level for kind, strengths in levels.items() for level in sweep(kind, strengths, **options)]

    @property
    def combinations(self) -> list[Experiment]:
        """Return no regularization, L2, dropout and both, on the last of `convolutions`."""
        return combinations(convolutions=self.convolutions[-1:], dataset=self.dataset, profile=self.profile)

    @property
    def families(self) -> dict[str, list[str]]:
        """Return the ids of the experiments that share a network, by its name."""
        return of_report(FAMILIES, self.report)

    @property
    def questions(self) -> list[tuple[str, str, str]]:
        """Return (A, B, change from B to A) for every comparison of the report; the change names a smaller width."""
        width = self.experiments[0].protocol.width
        note = f" (width {width:g})" if width else ""
        return [(a, b, change + note) for a, b, change in of_report(QUESTIONS, self.report)]

    @property
    def flattened(self) -> list[Experiment]:
        """Return report B's dense networks, plain and with dropout, with Flatten first: "B1-flattened".

        The report flattens last, so its dense layers act on single pixels; everything else stays. Report A has no such
        networks, and the profile "fair" flattens first already.
        """
        return [
            replace(
                experiment,
                network=partial(experiment.network, flatten_first=True),
                id=f"{experiment.id}-flattened",
                title=f"{experiment.title}, Flatten first",
            )
            for experiment in self.experiments
            if experiment.id in ("B1", "B2", "B13", "B14") and not experiment.network.keywords.get("flatten_first")
        ]

    @property
    def flattening(self) -> list[tuple[str, str, str]]:
        """Return (Flatten first, Flatten last, title) for each of `flattened`."""
        return [(late.id, late.id.removesuffix("-flattened"), late.title) for late in self.flattened]

    @staticmethod
    def add_levels(runs: pd.DataFrame) -> pd.DataFrame:
        """Return the runs of `sweeps` with the columns kind, convolutions, strength (NaN if trained without) and sweep.

        >>> runs = pd.DataFrame({"experiment": ["1conv-l2=0.001", "3conv-early_stopping=none"]})
        >>> Regularization.add_levels(runs)[["convolutions", "strength", "sweep"]].values.tolist()
        [[1, 0.001, 'l2, 1 convolution'], [3, nan, 'early stopping, 3 convolutions']]
        """
        parts = runs["experiment"].str.extract(r"^(?P<convolutions>\d+)conv-(?P<kind>\w+)=(?P<strength>.+)$")
        kinds, counts = parts["kind"].str.replace("_", " "), parts["convolutions"].astype(int)
        sweeps = [f"{kind}, {n} convolution{'s' * (n > 1)}" for kind, n in zip(kinds, counts, strict=True)]
        strength = pd.to_numeric(parts["strength"], errors="coerce")
        return runs.assign(kind=kinds, convolutions=counts, strength=strength, sweep=sweeps)

    @staticmethod
    def against_none(runs: pd.DataFrame) -> list[tuple[str, str]]:
        """Return (with, without) for each strength of each sweep, from the runs that `add_levels` returns.

        >>> names = ["1conv-dropout=0", "1conv-dropout=0.3", "3conv-dropout=0.3", "1conv-l2=0.3"]
        >>> Regularization.against_none(Regularization.add_levels(pd.DataFrame({"experiment": names})))
        [('1conv-dropout=0.3', '1conv-dropout=0')]
        """
        levels = runs.drop_duplicates("experiment").assign(strength=lambda table: table["strength"].fillna(0))
        without = levels[levels["strength"] == 0].set_index("sweep")["experiment"]
        swept = levels[(levels["strength"] > 0) & levels["sweep"].isin(without.index)]
        return [(level.experiment, without[level.sweep]) for level in swept.itertuples()]


def _variant(convolutions: int, dense_units: int, strengths: dict[str, Any]) -> Experiment:
    """Return report A's network and protocol with regularization {"l2": ..., "dropout": ..., "early_stopping": ...}."""
    l2, dropout, patience = (strengths.get(kind) for kind in ("l2", "dropout", "early_stopping"))
    check_count("convolutions", convolutions)
    if convolutions > 3:
        raise InputError(f"report A's network has 1 to 3 convolutions. Received: convolutions={convolutions}")
    check_strength("l2", l2)
    check_dropout(dropout or 0.0)
    protocol = PROTOCOL_A
    title = [f"{convolutions} convolution{'s' * (convolutions > 1)}"]
    title += [f"L2 {l2:g}"] if l2 else []
    title += [f"dropout {dropout:g}"] if dropout else []
    if patience is not None:
        check_count("patience", patience, lowest=0)
        protocol = replace(STOPPING_A, patience=patience)
        title.append(f"early stopping with patience {patience}")
    options = {"convolutions": convolutions, "dense_units": dense_units, "l2": l2 or None, "dropout": dropout or 0.0}
    made = _experiment(f"{convolutions}conv", ", ".join(title), partial(report_a_cnn, **options), protocol)
    return replace(made, report="A")


def _report_a() -> list[Experiment]:
    three, one = partial(report_a_cnn, convolutions=3), partial(report_a_cnn, convolutions=1)
    l2 = {"dense_units": DENSE_UNITS, "l2": L2}
    return [
        _experiment("A1", "3 convolutions", three, PROTOCOL_A),
        _experiment("A2", "1 convolution", one, PROTOCOL_A),
        _experiment("A3", "3 convolutions, L2", partial(three, **l2), PROTOCOL_A, L2_CUT_OFF),
        _experiment("A4", "1 convolution, L2", partial(one, **l2), PROTOCOL_A, L2_CUT_OFF),
        _experiment("A5", "3 convolutions, dropout 0.1", partial(three, dropout=DROPOUT), PROTOCOL_A),
        _experiment("A6", "1 convolution, dropout 0.1", partial(one, dropout=DROPOUT), PROTOCOL_A),
        _experiment("A7", "3 convolutions, early stopping", three, STOPPING_A, PATIENCE_CUT_OFF),
        _experiment("A8", "1 convolution, early stopping", one, STOPPING_A, PATIENCE_CUT_OFF),
        _experiment(
            "A-top",
            "1 convolution, L2, all training images",
            partial(one, **l2),
            replace(PROTOCOL_A, split="none"),
            L2_CUT_OFF,
        ),
    ]


def _report_b() -> list[Experiment]:
    two, three = partial(report_b_cnn, filters=(512, 1024)), partial(report_b_cnn, filters=(512, 1024, 1024))
    dense_2, dense_3 = partial(report_b_dense, units=(64, 64)), partial(report_b_dense, units=(64, 64, 64))
    l1_l2, dropout = {"l1_l2": 0.01}, {"dropout": 0.2}
    plain = (PROTOCOL_B, FIRST_IMAGES)
    stopping = (STOPPING_B, FIRST_IMAGES, STOPPING_CUT_OFF, NO_BEST)
    penalized_2 = partial(report_b_dense, units=(128, 128), **l1_l2)
    penalized_3 = partial(report_b_dense, units=(128, 128, 128), **l1_l2)
    dropped_2 = partial(report_b_dense, units=(512, 512), **dropout)
    dropped_3 = partial(report_b_dense, units=(512, 512, 512), **dropout)
    base = partial(report_b_cnn, filters=(256, 512, 1024))
    return [
        _experiment("B1", "2 dense layers of 64", dense_2, *plain),
        _experiment("B2", "3 dense layers of 64", dense_3, *plain),
        _experiment("B3", "2 convolutions", two, *plain),
        _experiment("B4", "3 convolutions", three, *plain),
        _experiment("B5", "2 dense layers of 64, early stopping", dense_2, *stopping),
        _experiment("B6", "3 dense layers of 64, early stopping", dense_3, *stopping),
        _experiment("B7", "2 convolutions, early stopping", two, *stopping),
        _experiment("B8", "3 convolutions, early stopping", three, *stopping),
        _experiment("B9", "2 dense layers of 128, L1 and L2", penalized_2, *plain),
        _experiment("B10", "3 dense layers of 128, L1 and L2", penalized_3, *plain),
        _experiment("B11", "2 convolutions, L1 and L2", partial(two, **l1_l2), *plain),
        _experiment("B12", "3 convolutions, L1 and L2", partial(three, **l1_l2), *plain),
        _experiment("B13", "2 dense layers of 512, dropout 0.2", dropped_2, *plain),
        _experiment("B14", "3 dense layers of 512, dropout 0.2", dropped_3, *plain),
        _experiment("B15", "2 convolutions, dropout 0.2", partial(two, **dropout), *plain, NETWORK_MISSING),
        _experiment("B16", "3 convolutions, dropout 0.2", partial(three, **dropout), *plain),
        _experiment("B-base", "3 narrower convolutions", base, STOPPING_B, FIRST_IMAGES, NO_BEST, INTERRUPTED),
    ]
