"""From the evidence on each question of a claim to one p value and one verdict a claim."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cnnhelpers.analysis import Measurements
from cnnhelpers.claims.claim import Claim
from cnnhelpers.claims.evidence import Evidence
from cnnhelpers.statistics import ALPHA, MIN_PAIRS, Verdict, holm, verdict_of


@dataclass(frozen=True)
class Assessment:
    """The evidence on a claim before it is adjusted for its neighbours."""

    claim: Claim
    parts: tuple[Evidence, ...]  # empty where something is missing
    missing: tuple[str, ...]
    p_for: float = 1.0
    p_against: float = 1.0
    p_equivalent: float = 1.0  #: that no question has a difference that matters

    @property
    def enough(self) -> bool:
        """Return whether there are runs enough for a verdict."""
        return not self.missing

    @property
    def p(self) -> float:
        """Return the p that Holm adjusts, NaN where only rules decide."""
        return min(self.p_for, self.p_against) if any(part.tested for part in self.parts) else np.nan

    @property
    def deciding(self) -> Evidence:
        """Return the question on which the claim hangs: of several that must all hold, the least supported."""
        contradicted = self.p_against < self.p_for
        least = (self.claim.logic == "all") != contradicted

        def support(part: Evidence) -> tuple[float, float]:
            own, other = (part.p_against, part.p_for) if contradicted else (part.p_for, part.p_against)
            return own, -other

        return max(self.parts, key=support) if least else min(self.parts, key=support)


def assess(claim: Claim, runs: Measurements, fewest: int = MIN_PAIRS) -> Assessment:
    """Return the evidence on a claim.

    That all of k questions hold has the largest of their p values; that any does has k times the smallest
    (Bonferroni). Against a claim it is the other way round.
    """
    missing = [runs.so_far(name, fewest) for name in claim.experiments if runs.recorded(name) < fewest]
    if missing:
        return Assessment(claim, (), tuple(missing))
    parts = tuple(one.answer(runs.of(one.experiments)) for one in claim.questions)
    few = [part for part in parts if part.comparison.n_pairs < fewest]
    if few:
        lacking = (f"{one.label} ({one.note or f'{one.comparison.n_pairs} complete seeds'})" for one in few)
        return Assessment(claim, (), tuple(lacking))
    every, some = (lambda p: max(p)), (lambda p: min(1.0, len(p) * min(p)))
    pro, contra = (every, some) if claim.logic == "all" else (some, every)
    p_for, p_against = pro([part.p_for for part in parts]), contra([part.p_against for part in parts])
    return Assessment(claim, parts, (), p_for, p_against, every([part.p_equivalent for part in parts]))


def decide_all(found: Sequence[Assessment]) -> list[tuple[Verdict, float]]:
    """Return verdict and Holm-adjusted p of each claim, those of one report adjusted together.

    All of them count, those without runs enough too: a verdict must not depend on when the next claim gets its runs.
    The p of an equivalent claim is that of its equivalence tests, adjusted for those of the report's other claims.
    """
    reports = np.array([one.claim.report for one in found])
    adjusted, equivalent = np.full((2, len(found)), np.nan)
    for report in set(reports):
        family = [one for one in found if one.claim.report == report]
        p = np.array([one.p for one in family])
        adjusted[reports == report] = np.where(np.isnan(p), np.nan, holm(np.nan_to_num(p, nan=1.0)))
        equivalent[reports == report] = holm([one.p_equivalent for one in family])
    words = [_word(*of_one) for of_one in zip(found, adjusted, equivalent, strict=True)]
    shown = np.where(np.array(words) == "equivalent", equivalent, adjusted)
    return list(zip(words, shown.tolist(), strict=True))


def _word(one: Assessment, adjusted: float, equivalent: float) -> Verdict:
    if not one.enough:
        return "not enough runs"
    p = min(one.p_for, one.p_against) if np.isnan(adjusted) else adjusted
    parts = one.parts if one.claim.logic == "all" else (one.deciding,)
    return verdict_of(one.p_for, one.p_against, p, equivalent, any(part.negligible for part in parts))


def sentence(one: Assessment, word: Verdict) -> str:
    """Return the deciding evidence, and where it stands among several questions."""
    if len(one.parts) == 1:
        return str(one.deciding)
    rank = "clearest" if word == "contradicted" or one.claim.logic == "any" else "least clear"
    if word == "contradicted" and one.claim.logic == "any":
        rank = "least clear"
    pro = sum(part.p_for < ALPHA for part in one.parts)
    contra = sum(part.p_against < ALPHA for part in one.parts)
    return f"{one.deciding}. The {rank} of {len(one.parts)}: {pro} for, {contra} against, each alone"
