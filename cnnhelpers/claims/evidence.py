"""The evidence that runs give on one question of a claim.

A question has two p values: for it and against it. A p below a level is a decision at that level.
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

LEARNED = "runs_that_learned"  # a share of the runs, not a column
Level = str | tuple[str, str]  # an experiment, or the difference of two


@dataclass(frozen=True)
class Evidence:
    """An estimate next to the number that it must pass, with the p values of the question."""

    label: str
    comparison: Comparison  #: differences of the metric from `against`, one for each seed
    metric: str  #: gives the unit of estimate, against and margin
    against: float = 0.0
    direction: Direction = "higher"  #: the claimed side of `against`
    margin: float = 0.0  #: difference that does not matter; 0 for none
    scale: float = 0.0  #: margin of the dataset, which is the unit of figures; 0 for none
    p_for: float = 1.0
    p_against: float = 1.0
    p_equivalent: float = 1.0  #: for a difference within the margin
    negligible: bool = False  #: in the claimed direction, but the whole interval is within the margin
    note: str = ""
    is_level: bool = False  #: the metric itself, not a difference of two
    new_images: tuple[float, float] | None = None  #: interval of the estimate over new seeds and new test images

    @property
    def estimate(self) -> float:
        """The mean over seeds in the unit of the metric."""
        return self.comparison.difference + self.against

    @property
    def low(self) -> float:
        """The lower end of the interval of the estimate."""
        return self.comparison.low + self.against

    @property
    def high(self) -> float:
        """The upper end of the interval of the estimate."""
        return self.comparison.high + self.against

    @property
    def n(self) -> int:
        """The number of complete seeds."""
        return self.comparison.n_pairs

    @property
    def unit(self) -> str:
        """The unit of the estimate; see `unit`."""
        return unit(self.metric)

    def at_level(self, level: float) -> "Evidence":
        """Return the evidence with the intervals of a test at `level` instead of 0.05."""
        if self.by_rule:
            return self
        comparison = self.comparison.at_level(level)
        images = self.new_images
        if images:
            wider = (comparison.high - comparison.difference) / (self.comparison.high - self.comparison.difference)
            images = tuple(self.estimate + wider * (end - self.estimate) for end in images)
        negligible = is_negligible(comparison, self.margin, self.direction)
        return replace(self, comparison=comparison, negligible=negligible, new_images=images)

    @property
    def by_rule(self) -> bool:
        """Whether a rule decides, not a p value."""
        return self.metric == LEARNED

    @property
    def on_this_test_set(self) -> bool:
        """Whether the interval over seeds excludes `against`, and the interval over new test images does not."""
        if self.new_images is None or self.low <= self.against <= self.high:
            return False
        return self.new_images[0] <= self.against <= self.new_images[1]

    def __str__(self) -> str:
        """Return the estimate with unit, interval and number of seeds."""
        if not self.n:
            return f"{self.label}: {self.note or 'no complete seed'}"
        metric = in_words(self.metric)
        of = "" if self.metric == "test_accuracy" or metric in self.label else f", {metric}"
        unit_shown = {"fraction": "%" if self.is_level else "points"}.get(self.unit, self.unit)
        interval = "" if np.isnan(self.low) else f" {self._interval(self.low, self.high)}"
        text = f"{self.label}{of}: {self._number(self.estimate)}{interval} {unit_shown}".rstrip()
        text += f" (compared with {self._number(self.against)})" if self.against else ""
        text += f", {self.n} seeds" + (f", {failed} incomplete" if (failed := self.comparison.n_failed) else "")
        parts = [text, "" if interval else self.comparison.without_interval]
        if self.new_images:
            only = ", so on this test set only" if self.on_this_test_set else ""
            parts.append(f"with other test images {self._interval(*self.new_images)}{only}")
        return "; ".join(filter(None, [*parts, self.note]))

    def _interval(self, low: float, high: float) -> str:
        return f"[{self._number(low)}, {self._number(high)}]"

    def _number(self, value: float) -> str:
        digits = {"fraction": 2, "s": 1, "epochs": 1}.get(self.unit, 3)
        scale = 100 if self.unit == "fraction" else 1
        return f"{scale * value:{'' if self.is_level else '+'}.{digits}f}"


def in_words(metric: str) -> str:
    """Return a column of runs in words.

    >>> in_words("validation_accuracy")
    'validation accuracy'
    """
    return metric.replace("_", " ")


def unit(metric: str) -> str:
    """Return the unit of a column of runs: "fraction" (of images), "s", "nats", "epochs" or "".

    >>> [unit(name) for name in ("test_accuracy", "gap", "cpu_seconds", "loss_gap", "epochs_run")]
    ['fraction', 'fraction', 's', 'nats', 'epochs']
    """
    if metric.endswith(("loss", "crossentropy")) or metric in ("loss_gap", "penalty"):
        return "nats"
    if metric.endswith("accuracy") or metric in (*DIFFERENCES, LEARNED):
        return "fraction"
    return "s" if "seconds" in metric else "epochs" if "epoch" in metric else ""


def of_pair(
    runs: Measurements,
    *,
    a: str,
    label: str,
    metric: str,
    b: str | None = None,
    metric_b: str = "",
    against: float | None = 0.0,
    direction: Direction = "higher",
) -> Evidence:
    """Answer better, lower, equal, at_least (`against` None), above and below (no `b`)."""
    scale = _margin(runs, a, metric)
    if against is None:
        against = scale if b is None else -scale
    values_b = against if b is None else runs.values(b, metric_b) + against
    comparison = paired(runs.values(a, metric), values_b)
    note = "not measured on the trained models" if metric in MEASURED and not comparison.n_pairs else ""
    if "seconds" in metric and (left_out := np.count_nonzero(~runs.timed_alike)):
        note = f"{left_out} seeds left out, timed on different processors or on a GPU"
    same_images = b is not None and metric == metric_b == "test_accuracy"
    evidence = Evidence(
        label,
        comparison,
        metric,
        against,
        direction,
        margin=0.0 if against else scale,  # a claim that names a number allows no margin around it
        scale=scale,
        note=note,
        is_level=b is None and metric not in DIFFERENCES,
        new_images=_new_images(runs, a, [b] * len(runs.seeds)) if same_images else None,
    )
    return _tested(evidence)


def of_best(
    runs: Measurements, *, a: str, rivals: tuple[str, ...], metric: str, chosen_on: str, direction: Direction
) -> Evidence:
    """Answer best. A rival without a successful run does not count."""
    sign = 1 if direction == "higher" else -1
    names = [a, *(name for name in rivals if np.isfinite(runs.values(name, metric)).any())]
    if len(names) == 1:
        return Evidence(f"{a} − runner-up", from_differences([np.nan]), metric, direction=direction)
    validation, test = (
        sign * np.array([runs.values(name, column) for name in names]) for column in (chosen_on, metric)
    )
    best = best_of_many(validation, test, candidate=0)
    runners_up = [names[max(row, 0)] for row in best.runners_up]
    label = f"{a} − {' or '.join(sorted({*runners_up} - {a}))}"
    images = _new_images(runs, a, runners_up) if metric == "test_accuracy" else None
    comparison, margin = _turned(best.comparison, sign), _margin(runs, a, metric)
    evidence = _tested(Evidence(label, comparison, metric, 0.0, direction, margin, margin, new_images=images))
    p = best.hardest.p if best.hardest.difference > 0 and best.hardest.n_pairs > 1 else 1.0
    hardest = Evidence(f"{a} − {names[best.hardest_rival]}", _turned(best.hardest, sign), metric)
    note = f"{'also' if p < ALPHA else 'not'} better than every rival alone, the hardest {hardest}"
    return replace(evidence, p_for=max(evidence.p_for, p), note=note)


def of_trend(runs: Measurements, *, levels: tuple[Level, ...], metric: str, direction: Direction) -> Evidence:
    """Answer rises."""
    pairs = [(level, None) if isinstance(level, str) else level for level in levels]
    values = [runs.values(a, metric) - (0 if b is None else runs.values(b, metric)) for a, b in pairs]
    margin = _margin(runs, pairs[0][0], metric)
    result = trend(np.array(values), margin, direction)
    first, last = (level if isinstance(level, str) else " − ".join(level) for level in (levels[0], levels[-1]))
    note = "every step goes that way or stays" if result.monotone else "not shown for every single step"
    label = f"rise from {first} to {last}"
    return _tested(Evidence(label, result.rise, metric, 0.0, direction, margin, margin, note=note))


def of_overfitting(runs: Measurements, *, a: str, after_epoch: int, direction: Direction) -> Evidence:
    """Answer overfits ("higher") and does_not_overfit ("lower"), from runs that trained for long enough."""
    metric = "validation_crossentropy"
    validation, training = runs.curves(a, metric), runs.curves(a, "crossentropy")
    label, needed = f"{a} after epoch {after_epoch}", after_epoch + LAST_EPOCHS + 1
    if validation.shape[1] < needed or training.shape != validation.shape:
        note = f"no training of {needed} epochs"
        return Evidence(label, from_differences([np.nan]), metric, direction=direction, note=note)
    result = overfitting(training, validation, after_epoch)
    note = f"lowest at epoch {result.turning_epoch:g}"
    evidence = _tested(Evidence(label, result.growth, metric, direction=direction, note=note))
    if direction == "lower":
        return evidence
    falls = result.training.p if result.training.difference < 0 else 1.0
    return replace(evidence, p_for=max(evidence.p_for, falls))


def of_chance(runs: Measurements, *, a: str) -> Evidence:
    """Answer fails_to_learn: the share of runs that learned, with the interval of Clopper and Pearson (1934)."""
    accuracy, margin = runs.values(a, "test_accuracy"), runs.margin(a)
    result = runs.against_guessing(a, margin)
    share = np.full(accuracy.shape, np.nan)
    share[np.isfinite(accuracy)] = result.learned
    comparison = from_differences(share)
    if result.n:
        exact = stats.binomtest(sum(result.learned), result.n).proportion_ci(method="exact")
        comparison = replace(comparison, low=exact.low, high=exact.high)
    return Evidence(
        label=a,
        comparison=comparison,
        metric=LEARNED,
        direction="lower",
        scale=margin,
        p_for=float(any(result.above)),
        p_against=float(min(holm(result.p_values)[list(result.above)], default=1.0)),
        note=f"{sum(result.learned)} of {result.n} runs are above guessing",
        is_level=True,
    )


def _tested(evidence: Evidence) -> Evidence:
    """Return evidence with the p values of its comparison."""
    about = (evidence.comparison, evidence.margin, evidence.direction)
    tests = dict(zip(("p_for", "p_against", "p_equivalent"), p_values(*about), strict=True))
    return replace(evidence, **tests, negligible=is_negligible(*about))


def _margin(runs: Measurements, experiment: str, metric: str) -> float:
    return runs.margin(experiment) if unit(metric) == "fraction" else 0.0


def _turned(comparison: Comparison, sign: int) -> Comparison:
    """Return the comparison in the unit of the metric, where a lower value is better (sign -1)."""
    turned = from_differences(sign * np.array(comparison.differences or [np.nan]))
    return replace(turned, n_pairs=comparison.n_pairs, n_failed=comparison.n_failed)


def _new_images(runs: Measurements, a: str, rivals: Sequence[str]) -> tuple[float, float] | None:
    """Return the interval of A minus the rival of each seed on new test images, None where it is unknown."""
    if runs.left_out or "test_correct" not in runs.runs:  # the check for fragility needs no intervals
        return None
    correct = {name: runs.correct(name) for name in {a, *rivals}}
    if any(images is None or images.shape != correct[a].shape for images in correct.values()):
        return None
    low, high = interval_over_test_images(correct[a], np.array([correct[name][at] for at, name in enumerate(rivals)]))
    return (low, high) if np.isfinite(low) else None
