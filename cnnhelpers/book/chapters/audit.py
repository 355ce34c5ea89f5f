"""Verdicts and audits of the reports, and what single runs could have told."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from IPython.display import Markdown

from cnnhelpers import analysis, plotting, records, reports, statistics
from cnnhelpers.book.chapters import tables
from cnnhelpers.claims import ClaimResult


def answer(result: ClaimResult) -> Markdown:
    """Return the verdict on a claim with its evidence, and the smallest difference that these seeds would detect."""
    if not result.parts:
        return Markdown(f"*{result.claim.text}*: **{result.verdict}**, missing {result.missing}.")
    smallest = result.deciding.comparison.smallest_detectable
    points, unit = (
        (100 * smallest, "points") if result.deciding.unit == "fraction" else (smallest, result.deciding.unit)
    )
    return Markdown(
        f"*{result.claim.text}*: **{result.verdict}**. {result.evidence}. "
        f"A true difference of {points:.3g} {unit} would be detected in 90 % of such studies."
    )


def of_profile(runs: pd.DataFrame, profile: str) -> pd.DataFrame:
    """Return the runs of a profile, of one copy of the pixels of each dataset."""
    runs = records.of_one_copy(runs)
    return runs[runs["profile"] == profile]


def recorded(runs: pd.DataFrame) -> pd.DataFrame:
    """Return what is recorded for each report and dataset: experiments, runs, seeds, failed runs, hours, pixels."""
    counted = {"experiments": ("experiment", "nunique"), "runs": ("seed", "size"), "seeds": ("seed", "nunique")}
    counted |= {"failed": ("failed", "sum"), "hours": ("hours", "sum"), "official": ("official", "all")}
    costs = runs.assign(failed=runs["status"] != "done", hours=runs["seconds"] / 3600)
    return costs.groupby(["report", "dataset"]).agg(**counted).round(1)


def show_contradictions() -> Markdown:
    """Return the numbers that a report prints twice and differently."""
    return tables.contradictions(reports.contradictions())


def show_against_runs(runs: pd.DataFrame) -> Markdown:
    """Return the published numbers that our intervals exclude."""
    return tables.against_runs(reports.against_runs(runs))


def show_mistakes(runs: pd.DataFrame) -> Markdown:
    """Return the mistakes of the reports with the evidence of runs of all profiles."""
    return tables.mistakes(reports.mistakes(runs))


def show_single_runs(runs: pd.DataFrame, letters: Sequence[str]) -> Markdown:
    """Draw how often single runs put two networks in the wrong order, and return the table.

    The pairs are those that a conclusion of these reports compares.
    """
    risk = _single_run_risk(runs, letters)
    plotting.plot_wrong_orders(risk)
    return tables.single_runs(risk)


def show_power(runs: pd.DataFrame, report: str, effects: Sequence[float], most_seeds: int) -> None:
    """Draw the power to show each true difference by the number of seeds, from the spread of the pairs of a report."""
    risk = _single_run_risk(runs, [report])
    plotting.plot_power(analysis.power_curves(risk["sd"], effects, most_seeds))


def _single_run_risk(runs: pd.DataFrame, letters: Sequence[str]) -> pd.DataFrame:
    pairs = reports.published_pairs([claim for claim in reports.CONCLUSIONS if claim.report in letters])
    return analysis.single_run_risk(runs, pairs)


def show_false_positives(simulations: int, seed: int = 2021) -> None:
    """Draw how often claims of each kind hold in simulated runs without an effect."""
    plotting.plot_false_positives(statistics.false_holds(np.random.default_rng(seed), simulations))


def show_simulated_power(simulations: int, seed: int = 2022) -> None:
    """Draw how often planted differences are detected in simulated runs, next to the expected power."""
    plotting.plot_simulated_power(statistics.planted_effects(np.random.default_rng(seed), simulations))
