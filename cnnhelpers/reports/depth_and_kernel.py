"""Depth and kernel size: report C (2 to 7 convolutions, 3x3 and 5x5) and report D (a network that grows)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any

import pandas as pd

from cnnhelpers import networks
from cnnhelpers.errors import InputError
from cnnhelpers.experiments import Experiment, Protocol
from cnnhelpers.reports import profiles
from cnnhelpers.reports.profiles import of_report, published_experiment

# Products in bfloat16 for speed; what they do to accuracy is in tests/benchmarks/precision.py.
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

# Number of convolutions, kernel size, padding and regularization of each network (report C: dropout, batch
# normalization, L2, He's weights; report D: dropout, with or without batch normalization).
LEVELS: dict[str, tuple[int, int, str, bool]] = {
    "C21": (2, 3, "valid", False),
    "C22": (2, 5, "valid", False),
    "C23": (2, 3, "valid", True),
    "C24": (2, 5, "valid", True),
    "C31": (3, 3, "valid", False),
    "C32": (3, 5, "same", False),
    "C33": (3, 3, "valid", True),
    "C34": (5, 5, "same", True),
    "C51": (5, 3, "same", False),
    "C52": (5, 5, "same", False),
    "C53": (5, 3, "same", True),
    "C54": (5, 5, "same", True),
    "C71": (7, 3, "same", True),
    "C72": (7, 5, "same", True),
    "D0": (3, 3, "valid", False),
    "D1": (6, 3, "valid", False),
    "D2": (6, 3, "valid", False),
    "D3": (3, 3, "same", False),
    "D4": (6, 3, "same", False),
    "D5": (8, 3, "same", True),
    "D6": (11, 3, "same", True),
    "D7": (8, 3, "same", True),
    "D10-10": (10, 3, "same", True),
    "D10-15": (10, 3, "same", True),
    "D11": (10, 3, "same", True),
}
# Experiments that form a grid of factors, where neighbours differ in one factor and in what the report changed with it:
# report C pads its deep networks, and report D halves the filters of D1's second convolution where it pads (D4). C32
# (padding alone) and C34 (fewer filters than C54) are left out.
GRIDS = {
    "C": (
        ["convolutions", "kernel size", "regularized"],
        ["C21", "C22", "C23", "C24", "C31", "C33", "C51", "C52", "C53", "C54", "C71", "C72"],
    ),
    "D": (["convolutions", "padding"], ["D0", "D1", "D3", "D4"]),
}
# (A, B, the change from B to A): the comparisons behind the reports' conclusions
QUESTIONS = {
    "C": (
        ("C22", "C21", "5x5 rather than 3x3, 2 convolutions"),
        ("C24", "C23", "5x5 rather than 3x3, 2 convolutions, regularized"),
        ("C32", "C31", "5x5 and padding rather than 3x3, 3 convolutions"),
        ("C52", "C51", "5x5 rather than 3x3, 5 convolutions"),
        ("C54", "C53", "5x5 rather than 3x3, 5 convolutions, regularized"),
        ("C72", "C71", "5x5 rather than 3x3, 7 convolutions, regularized"),
        ("C31", "C21", "3 convolutions rather than 2, 3x3"),
        ("C51", "C31", "5 convolutions rather than 3, 3x3"),
        ("C23", "C21", "regularization, 2 convolutions, 3x3"),
        ("C24", "C22", "regularization, 2 convolutions, 5x5"),
        ("C33", "C31", "regularization, 3 convolutions, 3x3"),
        ("C53", "C51", "regularization, 5 convolutions, 3x3"),
        ("C54", "C52", "regularization, 5 convolutions, 5x5"),
    ),
    "D": (
        ("D3", "D0", "padding, 3 convolutions"),
        ("D4", "D1", "padding and half the filters of the second layer, 6 convolutions"),
        ("D1", "D0", "6 convolutions rather than 3"),
        ("D4", "D3", "6 convolutions rather than 3, padded"),
        ("D5", "D4", "8 convolutions with spatial dropout rather than 6"),
        ("D7", "D5", "batch normalization and a third spatial dropout"),
        ("D10-10", "D7", "D10 rather than D7"),
        ("D10-15", "D10-10", "15 epochs rather than 10"),
        ("D11", "D10-10", "L2 on top of D10"),
    ),
}


def experiments(report: str | None = None, dataset: str | None = None, profile: str = "published") -> list[Experiment]:
    """Return C21 to C72, and D0 to D7, D10-10, D10-15 and D11; for the arguments see `profiles.select`."""
    return profiles.select([*_report_c(), *_report_d()], report, dataset, profile)


@dataclass(frozen=True)
class DepthAndKernel:
    """The experiments of a study of depth and kernel size: a report's, and others beyond it.

    Parameters
    ----------
    report
        "C" or "D".
    dataset, profile
        See `profiles.select`.
    depths, kernel_sizes
        Numbers of convolutions, and sides of the kernels, of the experiments to take; none: all.
    regularized
        Whether to take plain networks (False), regularized ones (True) or both.

    Raises
    ------
    InputError
        If a list is a string, no network is left, or the report or profile is unknown.

    Examples
    --------
    >>> [experiment.id for experiment in DepthAndKernel("C", depths=[2, 3], kernel_sizes=[5]).experiments]
    ['C22', 'C24', 'C32']
    """

    report: str = "C"
    dataset: str | None = None
    profile: str = "published"
    depths: Sequence[int] = ()
    kernel_sizes: Sequence[int] = ()
    regularized: Sequence[bool] = (False, True)

    def __post_init__(self) -> None:
        """Select the experiments, so that a page without any ends at its first cell."""
        profiles.check_lists(depths=self.depths, kernel_sizes=self.kernel_sizes, regularized=self.regularized)
        of_report(QUESTIONS, self.report)
        if not self.experiments:
            every = experiments(self.report, self.dataset, self.profile)
            known, sizes = (sorted({LEVELS[experiment.id][place] for experiment in every}) for place in (0, 1))
            raise InputError(
                f"report {self.report} has networks of {known} convolutions and of kernel sizes {sizes}, but not in "
                f"every combination. Received: depths={list(self.depths)}, kernel_sizes={list(self.kernel_sizes)}, "
                f"regularized={list(self.regularized)}"
            )

    @cached_property
    def experiments(self) -> list[Experiment]:
        """Return the published experiments that were asked for."""
        return [each for each in experiments(self.report, self.dataset, self.profile) if self._has(*LEVELS[each.id])]

    def _has(self, convolutions: int, kernel_size: int, padding: str, regularized: bool) -> bool:
        right_depth = not self.depths or convolutions in self.depths
        right_size = not self.kernel_sizes or kernel_size in self.kernel_sizes
        return right_depth and right_size and regularized in self.regularized

    @property
    def families(self) -> dict[str, list[str]]:
        """Return the ids of the experiments without and with regularization, by "plain" and "regularized"."""
        kinds: dict[str, list[str]] = {"plain": [], "regularized": []}
        for experiment in self.experiments:
            kinds["regularized" if LEVELS[experiment.id][3] else "plain"].append(experiment.id)
        return kinds

    @property
    def one_of_each_depth(self) -> list[Experiment]:
        """Return the last experiment with each number of convolutions, the shallowest first."""
        by_depth = {LEVELS[experiment.id][0]: experiment for experiment in self.experiments}
        return [by_depth[depth] for depth in sorted(by_depth)]

    @property
    def printed_metric(self) -> str:
        """Return the metric that the report prints of all its networks."""
        return of_report({"C": "test_accuracy", "D": "validation_accuracy"}, self.report)

    @property
    def grid(self) -> pd.DataFrame:
        """Return the factors of the report's grid: index experiment, a column a factor."""
        factors, names = of_report(GRIDS, self.report)
        columns = ["convolutions", "kernel size", "padding", "regularized"]
        return pd.DataFrame([LEVELS[name] for name in names], pd.Index(names, name="experiment"), columns)[factors]

    @property
    def questions(self) -> tuple[tuple[str, str, str], ...]:
        """Return (A, B, change from B to A) for every comparison of the report."""
        return of_report(QUESTIONS, self.report)

    @cached_property
    def beyond(self) -> list[Experiment]:
        """Return experiments that the report does not have, after the published ones that they are compared with."""
        made = of_report({"C": matched_kernels, "D": rescues}, self.report)()
        return profiles.select(made, None, self.dataset, self.profile)

    @property
    def changes(self) -> list[tuple[str, str, str]]:
        """Return (A, B, change from B to A) for every experiment of `beyond` and the published one that it changes."""
        pairs = [(new, new.id.split("-")[0]) for new in self.beyond if "-" in new.id]
        return [(new.id, published, f"{new.id} {new.title}, rather than {published}") for new, published in pairs]

    @staticmethod
    def add_levels(runs: pd.DataFrame) -> pd.DataFrame:
        """Return the runs of experiments in a grid with the columns convolutions and kind, which names other factors.

        >>> DepthAndKernel.add_levels(pd.DataFrame({"experiment": ["C34", "C54", "D4"]}))["kind"].tolist()
        ['5x5, regularized', 'padded']
        """
        chosen = runs[runs["experiment"].isin([name for _, names in GRIDS.values() for name in names])]
        convolutions = [LEVELS[name][0] for name in chosen["experiment"]]
        return chosen.assign(convolutions=convolutions, kind=[_kind(name) for name in chosen["experiment"]])


def _kind(name: str) -> str:
    _, size, padding, regularized = LEVELS[name]
    if name.startswith("D"):
        return "padded" if padding == "same" else "not padded"
    return f"{size}x{size}" + (", regularized" if regularized else "")


def matched_kernels() -> list[Experiment]:
    """Return C22 and C24 (5x5), and each with two 3x3 in place of every 5x5: C22-pairs and C24-pairs.

    Receptive fields and shapes are equal and parameters equal within 0.1 %, by the number of filters between the two
    3x3 of the second pair.
    """
    pairs = networks.report_c_2_pairs
    return [
        *(experiment for experiment in _report_c() if experiment.id in ("C22", "C24")),
        _c("C22-pairs", "2 pairs of 3x3", pairs),
        _c("C24-pairs", "2 pairs of 3x3, regularized", pairs, regularized=True),
    ]


def rescues() -> list[Experiment]:
    """Return D6, and D6 with one change each that might let it learn.

    He's weights keep the signal that Glorot's lose at each ReLU; a third of the learning rate, the smallest change,
    keeps Adam's first steps small against the remaining signal; batch normalization restores it. In a trial of 900
    steps on 10,000 images these three learned, and D6 without dropout did not. float32 tests whether the rounding of
    bfloat16 decides, which is of the order of D6's remaining gradient.
    """
    d6 = next(experiment for experiment in _report_d() if experiment.id == "D6")
    network = networks.report_d_6

    def changed(id: str, title: str, **options: Any) -> Experiment:
        return replace(d6, id=id, title=title, network=partial(network, **options))

    return [
        d6,
        changed("D6-he", "D6 with He-normal weights", initializer="he_normal"),
        replace(d6.change(learning_rate=0.0003), id="D6-rate=0.0003", title="D6 with a learning rate of 0.0003"),
        changed("D6-normalized", "D6 with batch normalization", batch_normalization=True),
        changed("D6-no-dropout", "D6 without dropout", dropout=0.0),
        replace(d6.change(precision="float32"), id="D6-float32", title="D6 in float32"),
    ]


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
    return published_experiment("depth_and_kernel", id, title, partial(network, **options), PROTOCOL_C, ROW_NORM)


def _d(id: str, title: str, network: Callable[..., Any], *assumptions: str, epochs: int = 10) -> Experiment:
    return published_experiment(
        "depth_and_kernel", id, title, network, replace(PROTOCOL_D, epochs=epochs), NO_SEED, *assumptions
    )
