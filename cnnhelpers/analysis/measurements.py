"""Measure runs as arrays: a value and a curve for each seed, by experiment and metric."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import pandas as pd

from cnnhelpers.data import KNOWN
from cnnhelpers.errors import InputError
from cnnhelpers.records import Record, histories, timed_on
from cnnhelpers.statistics import MARGINS, Guessing, better_than_guessing, by_seed, need_columns

DIFFERENCES = {  # metrics made of two columns: the first minus the second
    "gap": ("train_accuracy", "validation_accuracy"),  # both at the end of training, dropout off
    "test_gap": ("train_accuracy", "test_accuracy"),
    "running_gap": ("last_train_accuracy", "last_validation_accuracy"),  # as Keras prints them, dropout on in training
    "loss_gap": ("test_crossentropy", "train_crossentropy"),  # without penalty, dropout off
    "penalty": ("test_loss", "test_crossentropy"),
}
MEASURED = ("first_filters_moran", "last_filters_moran")  # columns that reports add from files next to the records
MEASURED += ("once_scaled_accuracy", "twice_scaled_accuracy", "thrice_scaled_accuracy")
OTHER_MARGIN = 0.005  # accuracy; of data without a margin in statistics.MARGINS


def measure(runs: pd.DataFrame) -> "Measurements":
    """Return the measurements of runs, each counted once, of one profile, and of one identity for each experiment."""
    if not {"experiment", "identity"} <= {*runs.columns}:
        return Measurements(runs)
    for name, identities in runs.groupby("experiment")["identity"].unique().items():
        if len(identities) > 1:
            raise InputError(
                f"runs of {name!r} have {len(identities)} identities, of other protocols or data: keep those of "
                f"runs[runs.identity == {identities[0]!r}]. Received: {', '.join(identities)}"
            )
    return Measurements(runs.drop_duplicates(["experiment", "identity", "seed"]))


@dataclass(frozen=True)
class Measurements:
    """The runs of one profile, without the seeds that are left out. Made by `measure`."""

    runs: pd.DataFrame
    left_out: frozenset[int] = frozenset()
    compared: tuple[str, ...] = ()  #: only the seeds of these experiments count, by default of all
    _tables: dict[str, pd.DataFrame] = field(default_factory=dict, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Refuse tables without the columns of runs, and runs of several profiles."""
        need_columns(self.runs, "experiment", "seed")
        profiles = sorted(set(self.runs["profile"])) if "profile" in self.runs else []
        if len(profiles) > 1:
            raise InputError(
                f"runs must be of one profile, such as runs[runs.profile == {profiles[0]!r}]. "
                f"Received: {', '.join(profiles)}"
            )

    def without(self, seed: int) -> "Measurements":
        """Return the measurements without one seed."""
        return replace(self, left_out=self.left_out | {seed})

    def first(self, seeds: int) -> "Measurements":
        """Return the measurements of the seeds 0 to `seeds` - 1."""
        return Measurements(self.runs[self.runs["seed"] < seeds])

    def of(self, experiments: Iterable[str]) -> "Measurements":
        """Return the measurements over the seeds of these experiments."""
        return replace(self, compared=tuple(experiments))

    def rows(self, experiments: Iterable[str]) -> pd.DataFrame:
        """Return the runs of these experiments, without the seeds that are left out."""
        return self._kept[self._kept["experiment"].isin([*experiments])]

    @cached_property
    def seeds(self) -> list[int]:
        """The seeds of the compared experiments, in order; [-1], a seed of no run, where there are none."""
        runs = self.rows(self.compared) if self.compared else self._kept
        return sorted(set(runs["seed"])) or [-1]

    def values(self, experiment: str, metric: str) -> np.ndarray:
        """Return (num_seeds,) values of a column of runs or of DIFFERENCES, NaN where a run failed or is missing.

        Seconds are NaN too where the runs of a seed, of the compared experiments, were not `timed_alike`.
        """
        if metric in DIFFERENCES:
            first, second = (self.values(experiment, column) for column in DIFFERENCES[metric])
            return first - second
        if metric in MEASURED and metric not in self.runs:
            return np.full(len(self.seeds), np.nan)
        if metric not in self._tables:
            self._tables[metric] = by_seed(self._with(metric), metric)
        column = self._tables[metric].get(experiment, pd.Series(dtype=float))
        values = column.reindex(self.seeds).to_numpy(float)
        return np.where(self.timed_alike, values, np.nan) if "seconds" in metric else values

    @cached_property
    def timed_alike(self) -> np.ndarray:
        """(num_seeds,) bool: the compared runs of a seed were timed on one processor, in one precision, without a GPU.

        The work of a GPU is not in the seconds of the processor, and wall-clock time includes runs that share the GPU.
        """
        runs = self.rows(self.compared)
        if "record" not in runs or runs.empty:
            return np.full(len(self.seeds), True)
        on_gpu = runs["record"].map(lambda record: record.environment.get("device", "").startswith("gpu"))
        machines = timed_on(runs).groupby(runs["seed"]).nunique()
        comparable = (machines == 1) & ~on_gpu.groupby(runs["seed"]).any()
        return comparable.reindex(self.seeds, fill_value=True).to_numpy(bool)

    def correct(self, experiment: str) -> np.ndarray | None:
        """Return (num_seeds, num_images), 1 for a correctly classified test image; NaN for a failed or missing run.

        From the column test_correct. None if no run has it, or if the runs differ in the number of images.
        """
        known = self.rows([experiment]).dropna(subset="test_correct")
        if len({len(correct) for correct in known["test_correct"]}) != 1:
            return None
        answers = dict(zip(known["seed"], known["test_correct"], strict=True))
        nothing = np.full(len(next(iter(answers.values()))), np.nan)
        return np.array([answers.get(seed, nothing) for seed in self.seeds], dtype=float)

    def recorded(self, experiment: str) -> int:
        """Return the number of recorded seeds of an experiment, failed ones included."""
        return self._counts.get(experiment, 0)

    def so_far(self, experiment: str, needed: int) -> str:
        """Return the name of an experiment that needs more runs, with the number of its recorded seeds, if any."""
        n = self.recorded(experiment)
        return f"{experiment} ({n} of {needed} seeds)" if n else experiment

    def curves(self, experiment: str, metric: str) -> np.ndarray:
        """Return (num_seeds, num_epochs) of a metric by epoch, NaN after a run stopped and where there is none."""
        if "epochs" not in self._tables:
            self._tables["epochs"] = histories(self.runs) if "record" in self.runs else pd.DataFrame()
        epochs = self._tables["epochs"]
        epochs = epochs[epochs["experiment"] == experiment] if len(epochs) else epochs
        if epochs.empty or metric not in epochs:
            return np.full((len(self.seeds), 1), np.nan)
        return epochs.pivot_table(index="seed", columns="epoch", values=metric).reindex(self.seeds).to_numpy(float)

    def margin(self, experiment: str) -> float:
        """Return the difference of accuracy that does not matter on the data of an experiment."""
        return MARGINS.get(self._datasets.get(experiment, ""), OTHER_MARGIN)

    def against_guessing(self, experiment: str, margin: float) -> Guessing:
        """Return whether the runs of an experiment are better than guessing by more than `margin`.

        Without records, the number of classes is that of the dataset or 10, and the number of test images 10,000.
        """
        known = KNOWN.get(self._datasets.get(experiment, ""))
        records: Iterable[Record] = self.rows([experiment])["record"] if "record" in self.runs else ()
        names = next(filter(None, (record.classes.get("names") for record in records)), None)
        classes = len(names) if names else known.classes if known else 10
        images = next((int(record.data.get("images", {}).get("test", 10_000)) for record in records), 10_000)
        correct = np.rint(self.values(experiment, "test_accuracy") * images)
        return better_than_guessing(correct, images, classes, margin)

    def _with(self, metric: str) -> pd.DataFrame:
        """Return the runs with a validation metric of the last epoch, taken from the records.

        It differs from the column without "last_" where the best weights were restored.
        """
        column = metric.removeprefix("last_")
        if metric in self.runs or not metric.startswith("last_validation_") or column not in self.runs:
            return self.runs
        if "record" not in self.runs:
            return self.runs.assign(**{metric: self.runs[column]})
        last = [(record.history.get(column) or [None])[-1] for record in self.runs["record"]]
        return self.runs.assign(**{metric: pd.Series(last, self.runs.index, dtype=float)})

    @cached_property
    def _kept(self) -> pd.DataFrame:
        return self.runs[~self.runs["seed"].isin(self.left_out)] if self.left_out else self.runs

    @cached_property
    def _counts(self) -> dict[str, int]:
        return self._kept["experiment"].value_counts().to_dict()

    @cached_property
    def _datasets(self) -> dict[str, str]:
        if "dataset" not in self.runs:
            return {}
        return self.runs.groupby("experiment")["dataset"].first().to_dict()
