"""Runs as claims look at them: one array over seeds for each experiment and metric, epochs included."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import pandas as pd

from cnnhelpers.data import KNOWN
from cnnhelpers.errors import InputError
from cnnhelpers.records import Record, histories, timed_on
from cnnhelpers.reports import DATASETS
from cnnhelpers.statistics import MARGINS, Guessing, better_than_guessing, by_seed, need_columns

# quantities made of two columns: the first minus the second
DIFFERENCES = {
    "gap": ("train_accuracy", "validation_accuracy"),  # both at the end of training, dropout off
    "test_gap": ("train_accuracy", "test_accuracy"),
    "running_gap": ("last_train_accuracy", "last_validation_accuracy"),  # as Keras prints them, dropout on in training
    "loss_gap": ("test_crossentropy", "train_crossentropy"),  # without penalty, dropout off
    "penalty": ("test_loss", "test_crossentropy"),
}
# One run, several names: levels of sweeps that are a published experiment themselves. The store keeps it under the name
# that was trained first; claims use the published one.
ALIASES = {
    **dict.fromkeys(("1conv-dropout=none", "1conv-dropout=0", "1conv-early_stopping=none"), "A2"),
    **dict.fromkeys(("3conv-dropout=none", "3conv-dropout=0", "3conv-early_stopping=none"), "A1"),
    **dict.fromkeys(("1conv-l2=0.0001", "1conv-l2"), "A4"),
    **dict.fromkeys(("3conv-l2=0.0001", "3conv-l2"), "A3"),
    "1conv-dropout=0.1": "A6",
    "3conv-dropout=0.1": "A5",
    "1conv-early_stopping=3": "A8",
    "3conv-early_stopping=3": "A7",
    "D2": "D1",
    **dict.fromkeys(("E4/optimizer=adam", "E4/batch_size=128", "E4/learning_rate=0.001", "E4/epochs=50"), "E4"),
}
# columns that run_measures.with_measures adds, from files beside the records; without them nothing was measured
MEASURED = ("first_filters_moran", "last_filters_moran")
MEASURED += ("once_scaled_accuracy", "twice_scaled_accuracy", "thrice_scaled_accuracy")
OTHER_MARGIN = 0.005  # accuracy; of data that statistics.MARGINS does not know


def measure(runs: pd.DataFrame) -> "Measurements":
    """Return the measurements of a table of runs, every run under its published name (ALIASES).

    Raises
    ------
    InputError
        If the table is none of runs, or runs of several profiles or of several experiments stand under one name.
    """
    if "experiment" not in runs:
        return Measurements(runs)
    labels = set(runs["experiment"])
    renamed = {alias: name for alias, name in ALIASES.items() if alias in labels and _same(runs, alias, name)}
    runs = runs.assign(experiment=runs["experiment"].replace(renamed))
    if "identity" not in runs:
        return Measurements(runs)
    for name, identities in runs.groupby("experiment")["identity"].unique().items():
        if len(identities) > 1:
            raise InputError(
                f"runs of {name!r} are of {len(identities)} experiments, with other protocols or data: keep those of "
                f"one, runs[runs.identity == {identities[0]!r}], say. Received: {', '.join(identities)}"
            )
    return Measurements(runs.drop_duplicates(["experiment", "identity", "seed"]))


def _same(runs: pd.DataFrame, alias: str, name: str) -> bool:
    """Return whether two names stand for one experiment in `runs`: own experiments may happen to have such names."""
    named, other = (runs[runs["experiment"] == label] for label in (name, alias))
    return named.empty or ("identity" in runs and set(named["identity"]) == set(other["identity"]))


@dataclass(frozen=True)
class Measurements:
    """The runs of one profile, without the seeds that are left out. Made by `measure`."""

    runs: pd.DataFrame
    left_out: frozenset[int] = frozenset()
    compared: tuple[str, ...] = ()  # the experiments whose seeds count; none: those of any run
    _tables: dict[str, pd.DataFrame] = field(default_factory=dict, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Refuse tables that are no runs, and runs that cannot stand side by side."""
        need_columns(self.runs, "experiment", "seed")
        found = sorted(set(self.runs["profile"])) if "profile" in self.runs else []
        if len(found) > 1:
            raise InputError(
                f"runs must be of one profile: runs[runs.profile == {found[0]!r}], say. Received: {', '.join(found)}"
            )

    def without(self, seed: int) -> "Measurements":
        """Return the same runs without one seed."""
        return replace(self, left_out=self.left_out | {seed})

    def of(self, experiments: Iterable[str]) -> "Measurements":
        """Return the same runs, with the seeds of these experiments alone: no seed of another one makes them lack."""
        return replace(self, compared=tuple(experiments))

    def rows(self, experiments: Iterable[str]) -> pd.DataFrame:
        """Return the runs of these experiments, without the seeds that are left out."""
        wanted = [self._label(name) for name in experiments]
        return self.runs[self.runs["experiment"].isin(wanted) & ~self.runs["seed"].isin(self.left_out)]

    @cached_property
    def seeds(self) -> list[int]:
        """Return every seed of any run, in order; one that no run has if there are no runs at all."""
        labels = map(self._label, self.compared) if self.compared else self._seeds
        every = frozenset().union(*(self._seeds.get(one, ()) for one in labels))
        return sorted(every - self.left_out) or [-1]

    def values(self, experiment: str, metric: str) -> np.ndarray:
        """Return (num_seeds,) values of a column of runs or one of DIFFERENCES, NaN where a run failed or is missing.

        Seconds are NaN too in a seed whose runs, of the experiments that are compared, were not `timed_alike`.

        Raises
        ------
        InputError
            For a metric that is neither.
        """
        experiment = self._label(experiment)
        if metric in DIFFERENCES:
            first, second = (self.values(experiment, column) for column in DIFFERENCES[metric])
            return first - second
        if metric in MEASURED and metric not in self.runs:
            return np.full(len(self.seeds), np.nan)
        if metric not in self._tables:
            self._tables[metric] = by_seed(self._with(metric), metric)
        table = self._tables[metric]
        column = table[experiment] if experiment in table else pd.Series(dtype=float)
        found = column.reindex(self.seeds).to_numpy(float)
        return np.where(self.timed_alike, found, np.nan) if "seconds" in metric else found

    @cached_property
    def timed_alike(self) -> np.ndarray:
        """Return (num_seeds,) whether a seed's runs of the compared experiments were timed on one processor, no GPU.

        And in one precision. What a GPU works does not show in the seconds of the processor beside it, and those of the
        clock are other runs' as well where several share it.
        """
        runs = self.rows(self.compared)
        if "record" not in runs or runs.empty:
            return np.full(len(self.seeds), True)
        on_gpu = runs["record"].map(lambda one: one.environment.get("device", "").startswith("gpu"))
        machines = timed_on(runs).groupby(runs["seed"]).nunique()
        found = (machines == 1) & ~on_gpu.groupby(runs["seed"]).any()
        return found.reindex(self.seeds, fill_value=True).to_numpy(bool)

    def correct(self, experiment: str) -> np.ndarray | None:
        """Return (num_seeds, num_images), 1 where a run got a test image right; NaN for a failed or missing run.

        From the column test_correct, which run_measures.with_measures adds. None if no run has it, or if the runs
        differ in the number of images.
        """
        known = self.rows([experiment]).dropna(subset="test_correct")
        if len({len(one) for one in known["test_correct"]}) != 1:
            return None
        found = dict(zip(known["seed"], known["test_correct"], strict=True))
        nothing = np.full(len(next(iter(found.values()))), np.nan)
        return np.array([found.get(seed, nothing) for seed in self.seeds], dtype=float)

    def recorded(self, experiment: str) -> int:
        """Return how many seeds of an experiment were run, failed ones included."""
        return self._counts.get(self._label(experiment), 0)

    def so_far(self, experiment: str, needed: int) -> str:
        """Return the name of an experiment that lacks runs, with how many of the needed seeds it has, if any."""
        n = self.recorded(experiment)
        return f"{experiment} ({n} of {needed} seeds)" if n else experiment

    def curves(self, experiment: str, metric: str) -> np.ndarray:
        """Return (num_seeds, num_epochs) of a metric by epoch, NaN after a run stopped and where there is none."""
        if self._epochs.empty:
            return np.full((len(self.seeds), 1), np.nan)
        own = self._epochs[self._epochs["experiment"] == self._label(experiment)]
        if own.empty or metric not in own:
            return np.full((len(self.seeds), 1), np.nan)
        return own.pivot_table(index="seed", columns="epoch", values=metric).reindex(self.seeds).to_numpy(float)

    def margin(self, experiment: str) -> float:
        """Return the difference of accuracy that does not matter on the data that an experiment was run on."""
        return MARGINS.get(self._dataset(experiment), OTHER_MARGIN)

    def classes(self, experiment: str) -> int:
        """Return how many classes the data of an experiment have; 10 where neither a record nor the name says."""
        for record in self._records(experiment):
            if names := record.classes.get("names"):
                return len(names)
        known = KNOWN.get(self._dataset(experiment))
        return known.classes if known else 10

    def test_images(self, experiment: str) -> int:
        """Return how many test images the runs of an experiment were evaluated on; 10,000 where no record says."""
        for record in self._records(experiment):
            return int(record.data.get("images", {}).get("test", 10_000))
        return 10_000

    def against_guessing(self, experiment: str, margin: float) -> Guessing:
        """Return whether the runs of an experiment are better than guessing by more than `margin`."""
        images = self.test_images(experiment)
        correct = np.rint(self.values(experiment, "test_accuracy") * images)
        return better_than_guessing(correct, images, self.classes(experiment), margin)

    def _with(self, metric: str) -> pd.DataFrame:
        """Return the runs with what Keras printed of the last epoch's validation, which no column of runs holds.

        It differs from the column without "last_" where the best weights were restored.
        """
        column = metric.removeprefix("last_")
        if metric in self.runs or not metric.startswith("last_validation_") or column not in self.runs:
            return self.runs
        if "record" not in self.runs:
            return self.runs.assign(**{metric: self.runs[column]})
        last = [(one.history.get(column) or [None])[-1] for one in self.runs["record"]]
        return self.runs.assign(**{metric: pd.Series(last, self.runs.index, dtype=float)})

    def _records(self, experiment: str) -> Iterable[Record]:
        """Return the records of an experiment's runs, none where the runs are a table of one's own."""
        if "record" not in self.runs:
            return ()
        return self.runs.loc[self.runs["experiment"] == self._label(experiment), "record"]

    def _dataset(self, experiment: str) -> str:
        """Return the data that an experiment was run on, those of its report where no run says."""
        return self._datasets.get(self._label(experiment), DATASETS.get(experiment[:1], ""))

    def _label(self, experiment: str) -> str:
        """Return the name under which the runs of an experiment stand here."""
        return experiment if experiment in self._counts else ALIASES.get(experiment, experiment)

    @cached_property
    def _seeds(self) -> dict[str, frozenset[int]]:
        return self.runs.groupby("experiment")["seed"].agg(frozenset).to_dict()

    @cached_property
    def _counts(self) -> dict[str, int]:
        kept = self.runs[~self.runs["seed"].isin(self.left_out)]
        return kept["experiment"].value_counts().to_dict()

    @cached_property
    def _datasets(self) -> dict[str, str]:
        if "dataset" not in self.runs:
            return {}
        return self.runs.groupby("experiment")["dataset"].first().to_dict()

    @cached_property
    def _epochs(self) -> pd.DataFrame:
        if "record" not in self.runs:
            return pd.DataFrame()
        if "epochs" not in self._tables:
            self._tables["epochs"] = histories(self.runs)
        return self._tables["epochs"]
