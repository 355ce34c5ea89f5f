"""Conclusions to put to the test: a sentence, the questions it is made of, and the verdict that runs give.

In short::

    mine = Claim("dropout helps three convolutions", better("A5", "A1"))
    verdict(mine, runs)                     # one claim alone
    verdicts(runs)                          # the thirty published conclusions, Holm-adjusted within each report
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from textwrap import fill

import numpy as np
import pandas as pd

from cnnhelpers.analysis import Measurements, measure
from cnnhelpers.claims.assessments import Assessment, assess, decide_all, sentence
from cnnhelpers.claims.claim import Claim
from cnnhelpers.claims.evidence import Evidence, unit
from cnnhelpers.errors import unknown
from cnnhelpers.records import differing, few, rests_on
from cnnhelpers.reports import DATASETS
from cnnhelpers.statistics import MIN_PAIRS, Verdict, seeds_needed

FRAGILE = "fragile"  # leaving out one seed gives another verdict
LEAVE_ONE_OUT = MIN_PAIRS - 1  # pairs that are enough to see whether a verdict hangs on one seed


@dataclass(frozen=True)
class Ruling:
    """What the runs say of a claim. Of several questions the numbers are those of the one that decides."""

    number: int
    report: str
    text: str
    verdict: Verdict
    label: str  #: of the deciding question
    estimate: float  #: in `unit`, as low, high, against, margin and smallest_detectable
    low: float  #: 95 % interval
    high: float
    against: float  #: what the estimate is compared with
    direction: str  #: "higher", "lower" or "equal"; on which side of it the claim is
    margin: float  #: what does not matter; 0 where there is no such margin
    scale: float  #: for figures; the margin of the data, 0 for time and losses, which have none
    unit: str  #: "fraction" (of images), "s", "nats"
    n: int  #: seeds
    p: float  #: of the whole claim, the smaller of for and against; NaN where a rule decides
    adjusted_p: float  #: Holm, over all claims of the report; of the equivalence test if "equivalent"
    smallest_detectable: float  #: true difference that as many seeds would show with 90 % power
    seeds_to_decide: float  #: fewest seeds that show the estimate or the margin, whichever is larger; of "equal", that
    #: tell the estimate from the margin
    fragile: bool  #: leaving out one seed gives another verdict
    rests_on: str  #: profile, precision, device, backend and copy of the data of the compared runs
    differs: str  #: which of these are not the same in all of them
    evidence: str
    missing: str  #: experiments and seeds that are lacking
    command: str  #: that would train them
    reading: str
    parts: tuple[Evidence, ...] = field(repr=False)

    def __str__(self) -> str:
        """Return verdict and evidence in a line."""
        mark = " (fragile: another verdict without one of the seeds)" if self.fragile else ""
        told = self.evidence or f"missing {self.missing}"
        told += f"; {self.differs}" if self.differs else ""
        return f"{self.verdict}{mark}: {told}" + (f". {self.command}" if self.command else "")


def verdict(claim: Claim, runs: pd.DataFrame) -> Ruling:
    """Return what `runs` say of one claim, its p not adjusted for other claims.

    Parameters
    ----------
    runs
        One row a run of one profile: columns experiment, seed and those that the claim measures, as `run` returns.
        A table of trainings of your own, made without `run`, does as well.

    Raises
    ------
    InputError
        If a column that the claim measures is not in `runs`, or a seed stands there twice.

    Examples
    --------
    >>> from cnnhelpers.claims.claim import better
    >>> runs = pd.DataFrame({"experiment": ["plain"] * 5 + ["dropout"] * 5, "seed": [0, 1, 2, 3, 4] * 2,
    ...                      "test_accuracy": [.900, .902, .901, .899, .900, .912, .911, .913, .910, .913]})
    >>> print(verdict(Claim("dropout helps", better("dropout", "plain")), runs))
    holds: dropout − plain: +1.14 [+0.95, +1.33] points, 5 seeds
    """
    return rulings(runs, [claim])[0]


def verdicts(runs: pd.DataFrame, claims: Sequence[Claim] | None = None, *, report: str | None = None) -> pd.DataFrame:
    """Return one row a claim: the fields of `Ruling`, Holm-adjusted within each report.

    Parameters
    ----------
    runs
        As for `verdict`: `records.load()`, of one profile.
    claims
        The thirty published ones by default (`conclusions.CLAIMS`).
    report
        Only the claims of this report, "A" to "E".
    """
    if claims is None:
        from cnnhelpers.reports import CLAIMS as claims
    if report is not None:
        known = {one.report.upper() for one in claims}
        if str(report).upper() not in known:
            raise unknown("report", report, known)
        claims = [one for one in claims if one.report.upper() == str(report).upper()]
    columns = [one.name for one in fields(Ruling)]
    return pd.DataFrame(
        [{name: getattr(one, name) for name in columns} for one in rulings(runs, claims)], columns=columns
    )


def rulings(runs: pd.DataFrame, claims: Sequence[Claim]) -> list[Ruling]:
    """Return a Ruling for each claim; see `verdicts`."""
    measurements = measure(runs)
    found = [assess(claim, measurements) for claim in claims]
    decided = decide_all(found)
    fragile: set[int] = set()
    for seed in measurements.seeds if any(one.enough for one in found) else ():
        without = measurements.without(seed)
        again = decide_all([assess(one.claim, without, LEAVE_ONE_OUT) if one.enough else one for one in found])
        fragile |= {at for at, (word, _) in enumerate(again) if word != decided[at][0]}
    profile = {one.report: _profile(one, claims, measurements) for one in claims}
    return [
        _ruling(one, word, adjusted, at in fragile, profile[one.claim.report], measurements.rows(one.claim.experiments))
        for at, (one, (word, adjusted)) in enumerate(zip(found, decided, strict=True))
    ]


def plain(found: pd.DataFrame, width: int = 100) -> str:
    """Return verdicts for a terminal: verdict and conclusion in a line, the evidence below."""
    lines = []
    for one in found.itertuples():
        verdict = one.verdict + (f", {FRAGILE}" if one.fragile else "")
        lines.append(f"{one.number:>2} {one.report:<3} {verdict:<29} {one.text}")
        evidence = one.evidence or f"missing: {few(one.missing.split(', '))}"
        evidence += f"; {one.differs}" if one.differs else ""
        lines.append(fill(evidence, width, initial_indent=" " * 7, subsequent_indent=" " * 7))
    commands = dict.fromkeys(command for command in found["command"] if command)
    lines += [f"{numbers} {'rests' if numbers.isdigit() else 'rest'} on: {told}" for told, numbers in bases(found)]
    return "\n".join([*lines, *([f"to train what is missing: {'; '.join(commands)}"] if commands else [])])


def bases(found: pd.DataFrame) -> list[tuple[str, str]]:
    """Return what tested claims rest on (see Ruling.rests_on), and the numbers of those that do.

    >>> bases(pd.DataFrame({"number": [1, 2, 4], "rests_on": ["float32, cpu", "float32, cpu", ""]}))
    [('float32, cpu', '1, 2')]
    """
    told = found[found["rests_on"] != ""].groupby("rests_on", sort=False)["number"]
    return [(basis, ", ".join(map(str, numbers))) for basis, numbers in told]


def _ruling(one: Assessment, word: Verdict, adjusted: float, fragile: bool, profile: str, runs: pd.DataFrame) -> Ruling:
    claim = one.claim
    about = {name: getattr(claim, name) for name in ("number", "report", "text", "reading")}
    about |= {"verdict": word, "missing": ", ".join(one.missing), "parts": one.parts, "fragile": fragile}
    if not one.enough:
        names = ("estimate", "low", "high", "against", "margin", "scale", "p", "adjusted_p", "smallest_detectable")
        nothing = dict.fromkeys((*names, "seeds_to_decide"), np.nan)
        texts = dict.fromkeys(("label", "direction", "unit", "evidence", "rests_on", "differs"), "")
        return Ruling(**about, **nothing, **texts, n=0, command=_command(claim, one.missing, profile))
    part, comparison = one.deciding, one.deciding.comparison
    effect = max(abs(comparison.difference), part.margin)
    if part.direction == "equal":  # the estimate must be told from the margin, not from 0
        effect = abs(part.margin - abs(comparison.difference))
    names = ("label", "estimate", "low", "high", "against", "direction", "margin", "scale")
    numbers = {name: getattr(part, name) for name in names}
    numbers |= {"unit": unit(part.quantity), "n": comparison.n_pairs, "p": one.p, "adjusted_p": adjusted}
    numbers |= {"smallest_detectable": comparison.smallest_detectable}
    numbers |= {"seeds_to_decide": seeds_needed(effect, comparison.sd) if word == "undecided" else np.nan}
    basis = {"rests_on": rests_on(runs), "differs": differing(runs)}
    return Ruling(**about, **numbers, **basis, evidence=sentence(one, word), command="")


def _profile(claim: Claim, claims: Sequence[Claim], measurements: Measurements) -> str:
    """Return the profile of the runs that test a report's claims, "own" where they are on other data than its own."""
    runs = measurements.rows({name for one in claims if one.report == claim.report for name in one.experiments})
    profile = next(iter(measurements.runs["profile"]), "published") if "profile" in runs else "published"
    elsewhere = "dataset" in runs and not {*runs["dataset"]} <= {DATASETS.get(claim.report)}
    return "own" if elsewhere and profile != "smoke" else profile


def _command(claim: Claim, missing: Sequence[str], profile: str) -> str:
    """Return the command that trains what a published claim lacks; "" where there is none.

    No run can answer some claims, and the command line has no runs of a profile "own".
    """
    short = {text.split(" (")[0] for text in missing if "(" not in text or text.endswith("seeds)")}
    lacking = [name for name in claim.experiments if name in short]
    if "own" in (claim.report, profile) or not lacking:
        return ""
    target = lacking[0] if len(lacking) == 1 else claim.report
    under = f" --profile {profile}" if profile != "published" else ""
    return f"python -m cnnhelpers run {target}{under} --seeds {MIN_PAIRS}"
