"""Claims and their questions, a call each: better("A5", "A1"), overfits("A2", after_epoch=6).

Quoted names are experiments of the runs. A metric is a column of the runs or one of `analysis.DIFFERENCES`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal

from cnnhelpers.analysis import Measurements
from cnnhelpers.claims import evidence
from cnnhelpers.claims.evidence import Evidence, Level, in_words
from cnnhelpers.errors import InputError, unknown
from cnnhelpers.statistics import Direction


@dataclass(frozen=True)
class Question:
    """One comparison of a claim, made by the functions below."""

    experiments: tuple[str, ...]
    answer: Callable[[Measurements], Evidence] = field(repr=False)
    pairs: tuple[tuple[str, str], ...] = ()  #: experiments whose test accuracies are compared


@dataclass(frozen=True)
class Claim:
    """A conclusion in words, and the questions that test it.

    >>> Claim("dropout helps at both depths", [better("A5", "A1"), better("A6", "A2")]).experiments
    ('A5', 'A1', 'A6', 'A2')
    """

    text: str
    questions: Question | Sequence[Question]
    logic: Literal["all", "any"] = "all"  #: whether all questions must hold, or any of them
    report: str = "own"  #: Holm's adjustment is over the claims of a report
    number: int = 0  #: 1 to 30 for the published conclusions
    reading: str = ""  #: how an ambiguous sentence is understood
    looks: bool = False  #: whether it is tested at each of statistics.LOOKS, not once on all seeds

    def __post_init__(self) -> None:
        """Refuse a claim without questions, and unknown logic."""
        questions = (self.questions,) if isinstance(self.questions, Question) else tuple(self.questions)
        if not questions or not all(isinstance(question, Question) for question in questions):
            raise InputError(f'a claim needs questions such as better("A5", "A1"). Received: {self.questions!r}')
        if self.logic not in ("all", "any"):
            raise unknown("logic", self.logic, ("all", "any"))
        object.__setattr__(self, "questions", questions)

    @property
    def experiments(self) -> tuple[str, ...]:
        """The compared experiments, each once, in order."""
        return tuple(dict.fromkeys(name for question in self.questions for name in question.experiments))


def better(a: str, b: str, metric: str = "test_accuracy", *, by: float = 0.0, metric_b: str = "") -> Question:
    """Ask whether A is higher than B, or higher by more than `by`; paired t test.

    `metric_b` compares two metrics: test accuracy of A with validation accuracy of B.
    """
    label = f"{a} {in_words(metric)} − {b} {in_words(metric_b)}" if metric_b else ""
    return _pair(a, b, metric, metric_b=metric_b or metric, label=label, against=by)


def lower(a: str, b: str, metric: str) -> Question:
    """Ask whether A is lower than B, such as in time, loss or gap; paired t test."""
    return _pair(a, b, metric, direction="lower")


def equal(a: str, b: str, metric: str = "test_accuracy") -> Question:
    """Ask whether A and B differ by less than the margin of their dataset; two one-sided t tests (TOST)."""
    return _pair(a, b, metric, direction="equal")


def at_least(a: str, b: str, metric: str = "test_accuracy") -> Question:
    """Ask whether A is not worse than B by the margin of their dataset or more; paired t test."""
    return _pair(a, b, metric, against=None)


def above(a: str, level: float, metric: str = "test_accuracy") -> Question:
    """Ask whether the mean of A is above a number, such as 0.80 of the test images; t test."""
    return Question((a,), partial(evidence.of_pair, a=a, label=a, metric=metric, against=level))


def below(a: str, level: float | None, metric: str) -> Question:
    """Ask whether the mean of A is below a number, or below the margin of its dataset (None); t test."""
    return Question((a,), partial(evidence.of_pair, a=a, label=a, metric=metric, against=level, direction="lower"))


def best(
    a: str,
    candidates: Sequence[str],
    metric: str = "test_accuracy",
    *,
    chosen_on: str = "validation_accuracy",
    direction: Direction = "higher",
) -> Question:
    """Ask whether A is the best of many: better than the runner-up, and than every rival alone.

    The runner-up of a seed is chosen by the validation results of the other seeds (`statistics.best_of_many`). The
    check against every rival is needed because the runner-up alone gives up to 14 % errors where a rival is as good.
    """
    if direction not in ("higher", "lower"):
        raise unknown("direction", direction, ("higher", "lower"))
    rivals = tuple(name for name in candidates if name != a)
    answer = partial(evidence.of_best, a=a, rivals=rivals, metric=metric, chosen_on=chosen_on, direction=direction)
    return Question((a, *rivals), answer, tuple((a, rival) for rival in rivals) if metric == "test_accuracy" else ())


def rises(levels: Sequence[Level], metric: str = "test_accuracy", *, direction: Direction = "higher") -> Question:
    """Ask whether a metric rises, or falls ("lower"), along experiments in their order; t test of the linear contrast.

    A level that is a pair of experiments stands for their difference: does dropout gain more with depth?
    """
    names = tuple(name for level in levels for name in ([level] if isinstance(level, str) else level))
    return Question(names, partial(evidence.of_trend, levels=tuple(levels), metric=metric, direction=direction))


def overfits(a: str, after_epoch: int) -> Question:
    """Ask whether validation loss (without penalty) grows after an epoch while training loss still falls."""
    return Question((a,), partial(evidence.of_overfitting, a=a, after_epoch=after_epoch, direction="higher"))


def does_not_overfit(a: str, after_epoch: int) -> Question:
    """Ask whether validation loss (without penalty) still falls after an epoch."""
    return Question((a,), partial(evidence.of_overfitting, a=a, after_epoch=after_epoch, direction="lower"))


def fails_to_learn(a: str) -> Question:
    """Ask whether no run of A is above guessing by more than the margin; one-sided binomial test of each run."""
    return Question((a,), partial(evidence.of_chance, a=a))


def _pair(a: str, b: str, metric: str, *, metric_b: str = "", label: str = "", **settings: Any) -> Question:
    answer = partial(
        evidence.of_pair, a=a, b=b, metric=metric, metric_b=metric_b or metric, label=label or f"{a} − {b}", **settings
    )
    compared = metric == (metric_b or metric) == "test_accuracy" and not settings.get("against")
    return Question((a, b), answer, ((a, b),) if compared else ())
