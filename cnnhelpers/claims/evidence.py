"""What runs answer to the questions that a claim is made of: one `Evidence` a question.

Each question has two p values: that the runs speak for it, and that they speak against it, as `statistics.p_values` has
them. Whichever is below a level is a decision at that level.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import stats

from cnnhelpers.analysis import DIFFERENCES, MEASURED, Measurements
from cnnhelpers.statistics import (
    ALPHA,
    LAST_EPOCHS,
    Comparison,
    Direction,
    best_of_many,
    from_differences,
    holm,
    interval_over_test_images,
    is_negligible,
    overfitting,
    p_values,
    paired,
    trend,
)

LEARNED = "runs_that_learned"  # a share of them, in no column of runs
Level = str | tuple[str, str]  # an experiment, or the difference of two


@dataclass(frozen=True)
class Evidence:
    """What the runs say of one question: an estimate, beside the number that it must pass."""

    label: str
    comparison: Comparison  # of the estimate with `against`: differences from it, one a seed
    quantity: str  # a column of runs or one of measurements.DIFFERENCES: the unit of estimate, against and margin
    against: float = 0.0
    direction: Direction = "higher"  # on which side of `against` the claim is
    margin: float = 0.0  # what does not matter; 0: no such margin
    scale: float = 0.0  # the margin of the data, for figures, also where the question has none; 0: none known
    p_for: float = 1.0
    p_against: float = 1.0
    negligible: bool = False  # in the claimed direction, the whole interval below the margin
    p_equivalent: float = 1.0  # that the difference is below the margin, either way
    note: str = ""
    tested: bool = True  # by a p value, rather than by a rule
    level: bool = False  # a quantity itself, not a difference of two
    new_images: tuple[float, float] | None = None  # interval of the estimate if the test images were drawn anew as well

    @property
    def estimate(self) -> float:
        """Return the mean over seeds in the unit of the quantity."""
        return self.comparison.difference + self.against

    @property
    def low(self) -> float:
        """Return the lower end of the 95 % interval of the estimate."""
        return self.comparison.low + self.against

    @property
    def high(self) -> float:
        """Return the upper end of the 95 % interval of the estimate."""
        return self.comparison.high + self.against

    def __str__(self) -> str:
        """Return the estimate as a reader reads it, with its unit, interval and number of seeds."""
        n, failed = self.comparison.n_pairs, self.comparison.n_failed
        if not n:
            return f"{self.label}: {self.note or 'no complete seed'}"
        measured = spelled(self.quantity)
        of = "" if self.quantity == "test_accuracy" or measured in self.label else f", {measured}"
        told = f"{self.label}{of}: {self._told(self.estimate)} [{self._told(self.low)}, {self._told(self.high)}]"
        told += f" {self._unit}".rstrip() + (f" (compared with {self._told(self.against)})" if self.against else "")
        told += f", {n} seeds" + (f", {failed} incomplete" if failed else "")
        if self.new_images:
            low, high = map(self._told, self.new_images)
            told += f"; with other test images [{low}, {high}]" + ", so on this test set only" * self.on_this_test_set
        return f"{told}; {self.note}" if self.note else told

    @property
    def on_this_test_set(self) -> bool:
        """Return whether only the seeds' interval excludes `against`: what is seen may be these images' alone."""
        if self.new_images is None or self.low <= self.against <= self.high:
            return False
        return self.new_images[0] <= self.against <= self.new_images[1]

    @property
    def _unit(self) -> str:
        return {"fraction": "%" if self.level else "points"}.get(unit(self.quantity), unit(self.quantity))

    def _told(self, value: float) -> str:
        digits = {"fraction": 2, "s": 1, "epochs": 1}.get(unit(self.quantity), 3)
        scale = 100 if unit(self.quantity) == "fraction" else 1
        return f"{scale * value:{'' if self.level else '+'}.{digits}f}"


def spelled(quantity: str) -> str:
    """Return a column of runs in words.

    >>> spelled("validation_accuracy")
    'validation accuracy'
    """
    return quantity.replace("_", " ")


def unit(quantity: str) -> str:
    """Return the unit of a column of runs: "fraction" (of images), "s", "nats", "epochs" or "".

    >>> [unit(name) for name in ("test_accuracy", "gap", "cpu_seconds", "loss_gap", "epochs_run")]
    ['fraction', 'fraction', 's', 'nats', 'epochs']
    """
    if quantity.endswith(("loss", "crossentropy")) or quantity in ("loss_gap", "penalty"):
        return "nats"
    if quantity.endswith("accuracy") or quantity in (*DIFFERENCES, LEARNED):
        return "fraction"
    return "s" if "seconds" in quantity else "epochs" if "epoch" in quantity else ""


def of_pair(
    runs: Measurements,
    *,
    a: str,
    label: str,
    quantity: str,
    b: str | None = None,
    instead_of: str = "",
    against: float | None = 0.0,
    direction: Direction = "higher",
) -> Evidence:
    """Answer better, lower, equal, at_least (`against` None), above and below (no `b`)."""
    margin = runs.margin(a) if unit(quantity) == "fraction" else 0.0
    if against is None:
        against = margin if b is None else -margin
    other = against if b is None else runs.values(b, instead_of) + against
    comparison = paired(runs.values(a, quantity), other)
    own = 0.0 if against else margin  # nothing is negligible beside a number that the claim names
    level = b is None and quantity not in DIFFERENCES
    same_images = b is not None and {quantity, instead_of} == {"test_accuracy"}
    anew = _new_images(runs, a, [b] * len(runs.seeds)) if same_images else None
    note = "not measured on the trained models" if quantity in MEASURED and not comparison.n_pairs else ""
    if "seconds" in quantity and (apart := np.count_nonzero(~runs.timed_alike)):
        note = f"{apart} seeds left out, timed on different processors or on a GPU"
    found = Evidence(label, comparison, quantity, against, direction, own, margin, level=level, new_images=anew)
    return judged(replace(found, note=note))


def of_best(
    runs: Measurements, *, a: str, rivals: tuple[str, ...], quantity: str, chosen_on: str, direction: Direction
) -> Evidence:
    """Answer best. A rival whose runs all failed is no rival."""
    sign = 1 if direction == "higher" else -1
    alive = [name for name in rivals if np.isfinite(runs.values(name, quantity)).any()]
    if not alive:
        return Evidence(f"{a} − runner-up", from_differences([np.nan]), quantity, direction=direction)
    validation, test = (
        sign * np.array([runs.values(name, column) for name in (a, *alive)]) for column in (chosen_on, quantity)
    )
    found = best_of_many(validation, test, candidate=0)
    judged_on = found.comparison
    names = sorted({alive[row - 1] for row in found.runners_up if row > 0})
    comparison = from_differences(sign * np.array(judged_on.differences or [np.nan]))
    comparison = replace(comparison, n_pairs=judged_on.n_pairs, n_failed=judged_on.n_failed)
    margin = runs.margin(a) if unit(quantity) == "fraction" else 0.0
    beaten = [alive[row - 1] if row > 0 else a for row in found.runners_up]
    anew = _new_images(runs, a, beaten) if quantity == "test_accuracy" else None
    label = f"{a} − {' or '.join(names)}"
    evidence = judged(Evidence(label, comparison, quantity, 0.0, direction, margin, margin, new_images=anew))
    hardest = from_differences(sign * np.array(found.hardest.differences or [np.nan]))
    alone = Evidence(f"{a} − {alive[found.hardest_rival - 1]}", hardest, quantity)
    p = found.hardest.p if found.hardest.difference > 0 and found.hardest.n_pairs > 1 else 1.0
    note = f"{'also' if p < ALPHA else 'not'} better than every rival alone, the hardest {alone}"
    return replace(evidence, p_for=max(evidence.p_for, p), note=note)


def of_trend(runs: Measurements, *, levels: tuple[Level, ...], quantity: str, direction: Direction) -> Evidence:
    """Answer rises."""

    def values(level: Level) -> np.ndarray:
        if isinstance(level, str):
            return runs.values(level, quantity)
        return runs.values(level[0], quantity) - runs.values(level[1], quantity)

    first = levels[0] if isinstance(levels[0], str) else levels[0][0]
    margin = runs.margin(first) if unit(quantity) == "fraction" else 0.0
    found = trend(np.array([values(level) for level in levels]), margin, direction)
    names = [level if isinstance(level, str) else " − ".join(level) for level in (levels[0], levels[-1])]
    note = "every step goes that way or stays" if found.monotone else "not shown for every single step"
    label = f"rise from {names[0]} to {names[1]}"
    return judged(Evidence(label, found.rise, quantity, 0.0, direction, margin, margin, note=note))


def of_overfitting(runs: Measurements, *, a: str, after_epoch: int, direction: Direction) -> Evidence:
    """Answer overfits ("higher") and does_not_overfit ("lower"). A run that was stopped early has no end to look at."""
    quantity = "validation_crossentropy"
    validation, training = runs.curves(a, quantity), runs.curves(a, "crossentropy")
    label = f"{a} after epoch {after_epoch}"
    if validation.shape[1] < after_epoch + LAST_EPOCHS + 1 or training.shape != validation.shape:
        note = f"no training of {after_epoch + LAST_EPOCHS + 1} epochs"
        return Evidence(label, from_differences([np.nan]), quantity, direction=direction, note=note)
    found = overfitting(training, validation, after_epoch)
    turning = f"lowest at epoch {found.turning_epoch:g}"
    evidence = judged(Evidence(label, found.growth, quantity, direction=direction, note=turning))
    if direction == "lower":
        return evidence
    falls = found.training.p if found.training.difference < 0 else 1.0
    return replace(evidence, p_for=max(evidence.p_for, falls))


def of_chance(runs: Measurements, *, a: str) -> Evidence:
    """Answer fails_to_learn: the share of runs that learned, with the interval of Clopper and Pearson (1934)."""
    accuracy, margin = runs.values(a, "test_accuracy"), runs.margin(a)
    found = runs.against_guessing(a, margin)
    above = np.array(found.accuracies) > (found.guessing + margin) * (1 + 1e-12)
    share = np.full(accuracy.shape, np.nan)
    share[np.isfinite(accuracy)] = found.learned
    comparison = from_differences(share)
    if found.n:
        exact = stats.binomtest(sum(found.learned), found.n).proportion_ci(method="exact")
        comparison = replace(comparison, low=exact.low, high=exact.high)
    return Evidence(
        label=a,
        comparison=comparison,
        quantity=LEARNED,
        direction="lower",
        scale=margin,
        p_for=float(above.any()),
        p_against=float(min(holm(found.p_values)[above], default=1.0)),
        note=f"{sum(found.learned)} of {found.n} runs are above guessing",
        tested=False,
        level=True,
    )


def judged(evidence: Evidence) -> Evidence:
    """Return evidence with its p values, and with what the margin says of it, all from its comparison."""
    of = evidence.comparison, evidence.margin, evidence.direction
    p_for, p_against, p_equivalent = p_values(*of)
    return replace(evidence, p_for=p_for, p_against=p_against, p_equivalent=p_equivalent, negligible=is_negligible(*of))


def _new_images(runs: Measurements, a: str, rivals: Sequence[str]) -> tuple[float, float] | None:
    """Return the interval of A minus the rival of each seed on new test images, None where runs do not tell theirs."""
    if runs.left_out or "test_correct" not in runs.runs:  # to see what is fragile needs no intervals
        return None
    correct = {name: runs.correct(name) for name in {a, *rivals}}
    if any(one is None or one.shape != correct[a].shape for one in correct.values()):
        return None
    found = interval_over_test_images(correct[a], np.array([correct[name][at] for at, name in enumerate(rivals)]))
    return (found.low, found.high) if np.isfinite(found.low) else None
