"""Claims and the questions that they are made of, each by one call: better("A5", "A1"), overfits("A2", after_epoch=6).

A name in quotes is an experiment of the runs; a quantity is one of their columns, or one of measurements.DIFFERENCES.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Literal

from cnnhelpers.analysis import Measurements
from cnnhelpers.claims import evidence
from cnnhelpers.claims.evidence import Evidence, Level
from cnnhelpers.errors import InputError, unknown
from cnnhelpers.statistics import Direction


@dataclass(frozen=True)
class Question:
    """One comparison of a claim: of which experiments, and how it is answered. Made by the functions below."""

    experiments: tuple[str, ...]
    answer: Callable[[Measurements], Evidence] = field(repr=False)
    pairs: tuple[tuple[str, str], ...] = ()  #: networks whose test accuracy it compares, two by two


@dataclass(frozen=True)
class Claim:
    """A conclusion in words, and what it says of which experiments.

    Examples
    --------
    >>> Claim("dropout helps at both depths", [better("A5", "A1"), better("A6", "A2")]).experiments
    ('A5', 'A1', 'A6', 'A2')
    """

    text: str
    questions: Question | Sequence[Question]
    logic: Literal["all", "any"] = "all"  #: which of the questions the conclusion needs
    report: str = "own"  #: claims of one report are adjusted together
    number: int = 0  #: 1 to 30 of the published ones
    reading: str = ""  #: how the sentence was read where it leaves that open

    def __post_init__(self) -> None:
        """Refuse a claim without a question."""
        questions = (self.questions,) if isinstance(self.questions, Question) else tuple(self.questions)
        if not questions or not all(isinstance(one, Question) for one in questions):
            raise InputError(f'a claim needs questions such as better("A5", "A1"). Received: {self.questions!r}')
        if self.logic not in ("all", "any"):
            raise unknown("logic", self.logic, ("all", "any"))
        object.__setattr__(self, "questions", questions)

    @property
    def experiments(self) -> tuple[str, ...]:
        """Return the experiments that the claim compares, each once, in order."""
        return tuple(dict.fromkeys(name for one in self.questions for name in one.experiments))


def better(a: str, b: str, quantity: str = "test_accuracy", *, by: float = 0.0, instead_of: str = "") -> Question:
    """Ask whether A is higher than B, by more than `by` if given; paired t test.

    With `instead_of` B is measured in that quantity instead: test accuracy of A above validation accuracy of B.

    >>> better("A5", "A1").experiments
    ('A5', 'A1')
    """
    label = f"{a} {evidence.spelled(quantity)} − {b} {evidence.spelled(instead_of)}" if instead_of else f"{a} − {b}"
    settings = {"label": label, "quantity": quantity, "against": by}
    ask = partial(evidence.of_pair, a=a, b=b, instead_of=instead_of or quantity, **settings)
    return Question((a, b), ask, () if by or instead_of else _pairs(a, [b], quantity))


def lower(a: str, b: str, quantity: str) -> Question:
    """Ask whether A is lower than B: less time, less loss, a smaller gap; paired t test."""
    settings = {"label": f"{a} − {b}", "quantity": quantity, "direction": "lower"}
    return Question((a, b), partial(evidence.of_pair, a=a, b=b, instead_of=quantity, **settings))


def equal(a: str, b: str, quantity: str = "test_accuracy") -> Question:
    """Ask whether A and B differ by less than the margin of their data; two one-sided t tests (TOST)."""
    settings = {"label": f"{a} − {b}", "quantity": quantity, "direction": "equal"}
    return Question(
        (a, b), partial(evidence.of_pair, a=a, b=b, instead_of=quantity, **settings), _pairs(a, [b], quantity)
    )


def at_least(a: str, b: str, quantity: str = "test_accuracy") -> Question:
    """Ask whether A is no worse than B: above B less the margin of their data; paired t test."""
    settings = {"label": f"{a} − {b}", "quantity": quantity, "against": None}
    return Question(
        (a, b), partial(evidence.of_pair, a=a, b=b, instead_of=quantity, **settings), _pairs(a, [b], quantity)
    )


def above(a: str, level: float, quantity: str = "test_accuracy") -> Question:
    """Ask whether A reaches more than a number: 0.80 of the test images right, a gap above 0; t test."""
    return Question((a,), partial(evidence.of_pair, a=a, label=a, quantity=quantity, against=level))


def below(a: str, level: float | None, quantity: str) -> Question:
    """Ask whether A stays below a number, or below the margin of its data (None); t test."""
    return Question((a,), partial(evidence.of_pair, a=a, label=a, quantity=quantity, against=level, direction="lower"))


def best(
    a: str,
    others: Sequence[str],
    quantity: str = "test_accuracy",
    *,
    chosen_on: str = "validation_accuracy",
    direction: Direction = "higher",
) -> Question:
    """Ask whether A is the best of many: better than the runner-up of the other seeds, and than every rival alone.

    `statistics.best_of_many` does both. The estimate is against the runner-up; "for" needs the strict check as well,
    because the first alone errs in up to 14 % where a rival is as good.
    """
    if direction not in ("higher", "lower"):
        raise unknown("direction", direction, ("higher", "lower"))
    rivals = tuple(other for other in others if other != a)
    settings = {"a": a, "rivals": rivals, "quantity": quantity, "chosen_on": chosen_on, "direction": direction}
    return Question((a, *rivals), partial(evidence.of_best, **settings), _pairs(a, rivals, quantity))


def rises(levels: Sequence[Level], quantity: str = "test_accuracy", *, direction: Direction = "higher") -> Question:
    """Ask whether a quantity rises (or falls: "lower") along experiments in their order; t test of the contrast.

    A level may be a pair of experiments and stands for their difference then: does dropout pay more with depth?
    """
    names = tuple(name for level in levels for name in ([level] if isinstance(level, str) else level))
    return Question(names, partial(evidence.of_trend, levels=tuple(levels), quantity=quantity, direction=direction))


def overfits(a: str, after_epoch: int) -> Question:
    """Ask whether validation loss grows after an epoch while training loss still falls (without penalty)."""
    return Question((a,), partial(evidence.of_overfitting, a=a, after_epoch=after_epoch, direction="higher"))


def does_not_overfit(a: str, after_epoch: int) -> Question:
    """Ask whether validation loss (without penalty) still falls after an epoch."""
    return Question((a,), partial(evidence.of_overfitting, a=a, after_epoch=after_epoch, direction="lower"))


def fails_to_learn(a: str) -> Question:
    """Ask whether no run of A is above guessing by more than the margin; one-sided binomial test of each run."""
    return Question((a,), partial(evidence.of_chance, a=a))


def _pairs(a: str, others: Sequence[str], quantity: str) -> tuple[tuple[str, str], ...]:
    return tuple((a, other) for other in others) if quantity == "test_accuracy" else ()
