"""Verdicts where a report's own protocol is out of reach: report B's networks at an eighth of their width stand in."""

from collections.abc import Sequence

import pandas as pd

from cnnhelpers.claims import Claim, verdicts
from cnnhelpers.records import of_one_copy
from cnnhelpers.reports.published_numbers import DATASETS

STAND_INS = {("B", "published"): "narrow"}  # (report, profile) -> the profile that may stand in
NOTE = "networks at an eighth of their width (profile {profile})"
SPARING = ("published", "narrow", "fair")  # the profiles that leave some experiments as they were published


def verdicts_of(
    runs: pd.DataFrame, profile: str, claims: Sequence[Claim] | None = None, *, report: str | None = None
) -> pd.DataFrame:
    """Return claims.verdicts of the runs of one profile, report by report, a column `profile` added.

    Where STAND_INS names another profile for a report, that one answers the claims for which the first has not runs
    enough, and the evidence of such rows says so. Runs of two profiles are never mixed within a claim, nor in the
    adjustment of p values, which each has over all claims of the report; nor are runs of two datasets, of which the
    report's own is taken, or of two copies of it (see provenance.of_one_copy). An experiment that two profiles leave
    as it was published is the same in both, and its runs count for both.

    Parameters
    ----------
    runs
        As records.load() gives, of any profiles.
    claims, report
        As for claims.verdicts.
    """
    if claims is None:
        from cnnhelpers.reports.conclusions import CLAIMS as claims
    if report is not None:
        return _of_report(runs, profile, claims, report)
    letters = dict.fromkeys(claim.report for claim in claims)
    return pd.concat([_of_report(runs, profile, claims, letter) for letter in letters], ignore_index=True)


def _of_report(runs: pd.DataFrame, profile: str, claims: Sequence[Claim], report: str) -> pd.DataFrame:
    def of(profile: str) -> pd.DataFrame:
        chosen = of_one_copy(_of_one_dataset(_of_profile(runs, profile, report), claims, report))
        return verdicts(chosen, claims, report=report).assign(profile=profile)

    own = of(profile)
    other = STAND_INS.get((report.upper(), profile))
    if other is None:
        return own
    found = of(other)
    tested, stands_in = (one["verdict"] != "not enough runs" for one in (own, found))
    if not (tested | stands_in).any():  # then the cheaper way to get them is told
        return own.assign(command=[f"{one} --profile {other}" if one else "" for one in own["command"]])
    found["evidence"] += f"; {NOTE.format(profile=other)}"
    return own.where(tested | ~stands_in, found)


def _of_profile(runs: pd.DataFrame, profile: str, report: str) -> pd.DataFrame:
    """Return the runs of `profile`, with those that another profile's runs of a report's experiments are as well."""
    others = {*SPARING} - {profile, STAND_INS.get((report.upper(), profile))} if profile in SPARING else set()
    elsewhere = runs["profile"].isin(others) & runs["experiment"].str.startswith(report.upper())
    if elsewhere.any():
        from cnnhelpers.reports import profiles
        from cnnhelpers.reports.catalog import all_experiments

        own = [one for one in all_experiments() if profiles.spares(one, profile)]
        for other in others:
            same = [one.id for one in own if profiles.spares(one, other)]
            elsewhere &= (runs["profile"] != other) | runs["experiment"].isin(same)
    return runs[elsewhere | (runs["profile"] == profile)].assign(profile=profile)


def _of_one_dataset(runs: pd.DataFrame, claims: Sequence[Claim], report: str) -> pd.DataFrame:
    """Return `runs`, or where those of the report's claims are on several datasets, the ones on its own."""
    names = {name for claim in claims if claim.report == report.upper() for name in claim.experiments}
    several = len({*runs.loc[runs["experiment"].isin(names), "dataset"]}) > 1
    return runs[runs["dataset"] == DATASETS.get(report.upper())] if several else runs
