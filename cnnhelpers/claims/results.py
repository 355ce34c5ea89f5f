"""The results of claims: p values combined over questions, adjusted by Holm over each report, and a verdict each.

Adding seeds until a claim is decided would raise the error rate. So a claim with `looks` is tested on its first 5, 10
and 20 seeds only, at the levels of `statistics.LOOKS`, which sum to ALPHA (a union bound); a decision is final. Claims
without `looks` are tested once, on all seeds.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from textwrap import fill

import numpy as np
import pandas as pd

from cnnhelpers.analysis import Measurements, measure
from cnnhelpers.claims.claim import Claim
from cnnhelpers.claims.evidence import Evidence
from cnnhelpers.records import differing, few, rests_on
from cnnhelpers.statistics import ALPHA, LOOKS, MIN_PAIRS, Verdict, from_differences, holm, seeds_needed, verdict_of

NAN = float("nan")
_NOTHING = Evidence("", from_differences([NAN]), "", against=NAN, direction="", margin=NAN, scale=NAN)


@dataclass(frozen=True)
class ClaimResult:
    """The evidence on all questions of a claim, and the verdict."""

    claim: Claim
    parts: tuple[Evidence, ...] = field(default=(), repr=False)  #: of each question; empty where runs are missing
    missing: str = ""  #: experiments and seeds
    look: int = 0  #: number of seeds at the look that decided the claim, or at the last look; 0 for all seeds, once
    adjusted_p: float = 1.0  #: for the look and by Holm over the report
    adjusted_p_equivalent: float = 1.0  #: likewise
    fragile: bool = False  #: another verdict without one of the seeds, or not shown by the sign-flip test
    rests_on: str = ""  #: profile, precision, device, backend and copy of the data of the runs
    differs: str = ""  #: the conditions of these that differ between runs

    @property
    def p_for(self) -> float:
        """The p of the claim: the largest of k questions that must all hold, k times the smallest of "any"."""
        return self._combined("p_for", needs_every=self.claim.logic == "all")

    @property
    def p_against(self) -> float:
        """The p against the claim, combined the other way round."""
        return self._combined("p_against", needs_every=self.claim.logic == "any")

    @property
    def p(self) -> float:
        """The smaller p, NaN where rules decide."""
        return min(self.p_for, self.p_against) if any(not part.by_rule for part in self.parts) else NAN

    @property
    def p_equivalent(self) -> float:
        """The p of differences within the margin in every question."""
        return self._combined("p_equivalent", needs_every=True)

    @property
    def level(self) -> float:
        """The level of the test: that of the look."""
        return LOOKS.get(self.look, ALPHA)

    @property
    def deciding(self) -> Evidence:
        """The evidence on which the claim depends: the least supported where all questions must hold."""
        if self.p_against < self.p_for:
            choose = min if self.claim.logic == "all" else max
            return choose(self.parts, key=lambda part: (part.p_against, -part.p_for), default=_NOTHING)
        choose = max if self.claim.logic == "all" else min
        return choose(self.parts, key=lambda part: (part.p_for, -part.p_against), default=_NOTHING)

    @property
    def verdict(self) -> Verdict:
        """The verdict at the adjusted p values."""
        if not self.parts:
            return "not enough runs"
        p = min(self.p_for, self.p_against) * ALPHA / self.level if np.isnan(self.p) else self.adjusted_p
        negligible = any(part.negligible for part in (self.parts if self.claim.logic == "all" else (self.deciding,)))
        verdict = verdict_of(self.p_for, self.p_against, p, self.adjusted_p_equivalent, negligible)
        return "too close to tell" if verdict == "undecided" and self.look == max(LOOKS) else verdict

    @property
    def evidence(self) -> str:
        """The deciding evidence as text, and its rank among several questions."""
        if len(self.parts) < 2:
            return str(self.deciding) if self.parts else ""
        clearest = (self.claim.logic == "any") != (self.verdict == "contradicted")
        pro, contra = (sum(getattr(part, side) < ALPHA for part in self.parts) for side in ("p_for", "p_against"))
        rank = f"The {'clearest' if clearest else 'least clear'} of {len(self.parts)}"
        return f"{self.deciding}. {rank}: {pro} for, {contra} against, each alone"

    @property
    def seeds_to_decide(self) -> float:
        """The number of seeds that shows the larger of estimate and margin with 90 % power; NaN once decided.

        For `equal`, the number of seeds that tells the estimate from the margin.
        """
        if self.verdict not in ("undecided", "too close to tell"):
            return NAN
        part = self.deciding
        difference = abs(part.comparison.difference)
        effect = abs(part.margin - difference) if part.direction == "equal" else max(difference, part.margin)
        return seeds_needed(effect, part.comparison.sd)

    def __str__(self) -> str:
        """Return verdict and evidence on one line."""
        text = self.verdict + (" (fragile: another verdict without one of the seeds)" if self.fragile else "")
        text += f": {self.evidence or f'missing {self.missing}'}"
        return f"{text}; {self.differs}" if self.differs else text

    def _combined(self, side: str, needs_every: bool) -> float:
        p = [getattr(part, side) for part in self.parts] or [1.0]
        return max(p) if needs_every else min(1.0, len(p) * min(p))


def verdict(runs: pd.DataFrame, claim: Claim) -> ClaimResult:
    """Test one claim on its own.

    `runs` has a row for each run, all of one profile, as `run` returns it or your own training loop. InputError: a
    metric of the claim is no column of it, or a seed occurs twice.

    >>> from cnnhelpers.claims.claim import better
    >>> accuracy = [0.900, 0.902, 0.901, 0.899, 0.900, 0.912, 0.911, 0.913, 0.910, 0.913]
    >>> runs = pd.DataFrame({"experiment": ["plain"] * 5 + ["dropout"] * 5, "seed": [0, 1, 2, 3, 4] * 2,
    ...                      "test_accuracy": accuracy})
    >>> print(verdict(runs, Claim("dropout helps", better("dropout", "plain"))))
    holds: dropout − plain: +1.14 [+0.95, +1.33] points, 5 seeds
    """
    return _results(runs, [claim])[0]


def verdicts(runs: pd.DataFrame, claims: Sequence[Claim]) -> pd.DataFrame:
    """Test claims together, p values adjusted by Holm over each report; see `verdict`.

    Claims without enough runs count in the adjustment: the runs of one claim never change the verdict on another.

    A row for each claim has number, report, text, reading, verdict and look; of the deciding question label, estimate,
    low, high (the interval that decides: at the level of the look, adjusted by Holm), confidence (of the interval),
    against, direction, margin, scale, unit, n (seeds) and smallest_detectable (difference, with 90 % power); p of the
    whole claim (NaN where a rule decides), adjusted_p (of the equivalence tests where the verdict is "equivalent"),
    seeds_to_decide, fragile, rests_on, differs, evidence, missing and parts.

    >>> from cnnhelpers.claims.claim import better
    >>> runs = pd.DataFrame({"experiment": ["plain"] * 5 + ["wide"] * 5, "seed": [0, 1, 2, 3, 4] * 2,
    ...                      "test_accuracy": [0.90, 0.91, 0.90, 0.92, 0.91, 0.93, 0.94, 0.94, 0.95, 0.94]})
    >>> claims = [Claim("wide is better", better("wide", "plain")), Claim("plain is", better("plain", "wide"))]
    >>> verdicts(runs, claims)["verdict"].tolist()
    ['holds', 'contradicted']
    """
    return pd.DataFrame([_row(result) for result in _results(runs, claims)])


def as_text(table: pd.DataFrame) -> str:
    """Return a table of `verdicts` for a terminal: verdict and conclusion on a line, the evidence below."""
    lines = []
    for row in table.itertuples():
        verdict = row.verdict + (", fragile" if row.fragile else "")
        lines.append(f"{row.number:>2} {row.report:<3} {verdict:<29} {row.text}")
        evidence = row.evidence or f"missing: {few(row.missing.split(', '))}"
        evidence += f"; {row.differs}" if row.differs else ""
        lines.append(fill(evidence, 100, initial_indent=" " * 7, subsequent_indent=" " * 7))
    for conditions, numbers in shared_conditions(table):
        lines.append(f"{numbers} {'rests' if numbers.isdigit() else 'rest'} on: {conditions}")
    return "\n".join(lines)


def shared_conditions(table: pd.DataFrame) -> list[tuple[str, str]]:
    """Return the conditions of the runs (rests_on), each with the numbers of the claims that share them.

    >>> shared_conditions(pd.DataFrame({"number": [1, 2, 4], "rests_on": ["float32, cpu", "float32, cpu", ""]}))
    [('float32, cpu', '1, 2')]
    """
    numbers = table[table["rests_on"] != ""].groupby("rests_on", sort=False)["number"]
    return [(conditions, ", ".join(map(str, group))) for conditions, group in numbers]


def _results(runs: pd.DataFrame, claims: Sequence[Claim]) -> list[ClaimResult]:
    everything = measure(runs)
    seen = {0: everything} | {seeds: everything.first(seeds) for seeds in LOOKS}
    first_look, *later = LOOKS
    results = _adjusted([_alone(claim, seen, first_look if claim.looks else 0) for claim in claims])
    for look in later:
        results = _adjusted([_next_look(result, seen, look) for result in results])
    fragile = {at for at, result in enumerate(results) if _signs_disagree(result)}
    for seed in everything.seeds if any(result.parts for result in results) else ():
        fewer = {look: measurements.without(seed) for look, measurements in seen.items()}
        without = [_alone(each.claim, fewer, each.look, MIN_PAIRS - 1) if each.parts else each for each in results]
        fragile |= {at for at, result in enumerate(_adjusted(without)) if result.verdict != results[at].verdict}
    compared = [seen[result.look].rows(result.claim.experiments if result.parts else ()) for result in results]
    return [
        replace(result, fragile=at in fragile, rests_on=rests_on(rows), differs=differing(rows))
        for at, (result, rows) in enumerate(zip(results, compared, strict=True))
    ]


def _next_look(result: ClaimResult, seen: Mapping[int, Measurements], look: int) -> ClaimResult:
    """Return the result at the next look where a claim is open and has the runs, else the result as it is."""
    is_open = result.claim.looks and result.verdict in ("undecided", "not enough runs")
    recorded = all(seen[look].recorded(name) >= look for name in result.claim.experiments)
    return _alone(result.claim, seen, look) if is_open and recorded else result


def _alone(claim: Claim, seen: Mapping[int, Measurements], look: int, needed: int = MIN_PAIRS) -> ClaimResult:
    """Return the result of a claim at a look before any adjustment."""
    runs = seen[look]
    missing = [runs.so_far(name, needed) for name in claim.experiments if runs.recorded(name) < needed]
    parts = () if missing else tuple(each.answer(runs.of(each.experiments)) for each in claim.questions)
    missing += [
        f"{part.label} ({part.note or f'{part.comparison.n_pairs} complete seeds'})"
        for part in parts
        if part.comparison.n_pairs < needed
    ]
    return ClaimResult(claim, () if missing else parts, ", ".join(missing), look)


def _adjusted(results: Sequence[ClaimResult]) -> list[ClaimResult]:
    """Return the results, p values and intervals adjusted for the look and by Holm over each report.

    Claims that rules decide count with p = 1.
    """
    reports = [result.claim.report for result in results]

    def adjusted(p: list[float]) -> pd.Series:
        spent = pd.Series(p, dtype=float) * [ALPHA / result.level for result in results]
        return spent.clip(upper=1.0).fillna(1.0).groupby(reports).transform(holm)

    p, equivalent = (adjusted([getattr(result, name) for result in results]) for name in ("p", "p_equivalent"))
    results = [
        replace(result, adjusted_p=result_p, adjusted_p_equivalent=result_equivalent)
        for result, result_p, result_equivalent in zip(results, p, equivalent, strict=True)
    ]
    return [_with_intervals(result, claims=reports.count(result.claim.report)) for result in results]


def _with_intervals(result: ClaimResult, claims: int) -> ClaimResult:
    """Return the result with the intervals that its verdict needs; `claims` is the number of claims in the report."""
    p, adjusted = result.p, result.adjusted_p
    if equivalent := result.verdict == "equivalent":
        p, adjusted = result.p_equivalent, result.adjusted_p_equivalent
    times = adjusted / p if p > 0 and adjusted < 1 else claims * ALPHA / result.level
    if not equivalent and (result.claim.logic == "any") != (result.p_against < result.p_for):
        times *= len(result.parts)  # as `_combined`

    def level(part: Evidence) -> float:  # of two one-sided tests twice theirs
        one_sided = equivalent or (part.direction == "equal" and part.p_for <= part.p_against)
        return ALPHA / times * (2 if one_sided else 1)

    return replace(result, parts=tuple(part.at_level(level(part)) for part in result.parts))


def _signs_disagree(result: ClaimResult) -> bool:
    """Return whether the t test decides and the sign-flip test does not; see `statistics.Comparison.signs_agree`."""
    comparison = result.deciding.comparison
    if result.verdict not in ("holds", "holds but negligible", "contradicted") or np.isnan(result.p):
        return False
    return result.deciding.direction != "equal" and not comparison.signs_agree(result.level)


def _row(result: ClaimResult) -> dict[str, object]:
    part, verdict = result.deciding, result.verdict
    adjusted = result.adjusted_p_equivalent if verdict == "equivalent" else result.adjusted_p
    row = {name: getattr(result.claim, name) for name in ("number", "report", "text", "reading")}
    row |= {"verdict": verdict, "look": result.look, "confidence": part.comparison.confidence}
    columns = ("label", "estimate", "low", "high", "against", "direction", "margin", "scale", "unit", "n")
    row |= {name: getattr(part, name) for name in columns}
    row |= {"p": result.p, "adjusted_p": NAN if np.isnan(result.p) and verdict != "equivalent" else adjusted}
    row |= {"smallest_detectable": part.comparison.smallest_detectable if result.parts else NAN}
    columns = ("seeds_to_decide", "fragile", "rests_on", "differs", "evidence", "missing", "parts")
    return row | {name: getattr(result, name) for name in columns}
