"""What single runs could have told, and how many seeds it takes: from the spread that recorded runs have."""

import math
from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

from cnnhelpers.analysis.measurements import measure
from cnnhelpers.claims import Claim
from cnnhelpers.reports import printed, published
from cnnhelpers.statistics import MIN_PAIRS, interval, paired, power, seeds_needed, wrong_order

LAST = {"validation_accuracy": "last_validation_accuracy"}  # what logs print: of the last epoch, not of the best


def single_run_risk(runs: pd.DataFrame, claims: Iterable[Claim] | None = None) -> pd.DataFrame:
    """Return every two networks whose accuracies a claim compares, once, where there are runs enough.

    Parameters
    ----------
    runs
        One row a run of one profile.
    claims
        The thirty published ones by default.

    Returns
    -------
    pandas.DataFrame
        Columns report, label ("A - B"), metric (the accuracy that the report prints of both, on its test images if it
        has that; test_accuracy where it has none), published (their difference, NaN where it prints none), difference,
        low, high (ours in the same metric, 95 % interval), sd (of the paired differences), n, wrong_order
        (probability that single runs of different seeds put the two in the order that is not ours), as_ours (whether
        the published order is ours; None where either is unknown or equal) and seeds_needed (that show our difference
        with 90 % power).
    """
    if claims is None:
        from cnnhelpers.reports import CLAIMS as claims
    measurements, rows, seen = measure(runs), [], set()
    asked = ((claim.report, pair) for claim in claims for one in claim.questions for pair in one.pairs)
    for report, (a, b) in asked:
        metric, theirs = _published(a, b)
        first, second = (measurements.values(name, LAST.get(metric, metric)) for name in (a, b))
        found = paired(first, second)
        if frozenset((a, b)) in seen or found.n_pairs < MIN_PAIRS:
            continue
        seen.add(frozenset((a, b)))
        ours = found.difference
        known = not math.isnan(theirs) and theirs != 0 and ours != 0
        row = {"report": report, "label": f"{a} − {b}", "metric": metric, "published": theirs, "difference": ours}
        row |= {"low": found.low, "high": found.high, "sd": found.sd, "n": found.n_pairs}
        row |= {"wrong_order": wrong_order(ours, interval(first).sd, interval(second).sd)}
        row |= {"as_ours": (theirs > 0) == (ours > 0) if known else None}
        rows.append(row | {"seeds_needed": seeds_needed(ours, found.sd)})
    columns = ["report", "label", "metric", "published", "difference", "low", "high", "sd", "n", "wrong_order"]
    return pd.DataFrame(rows, columns=[*columns, "as_ours", "seeds_needed"])


def power_curves(sd: Sequence[float], effects: Sequence[float], most_seeds: int = 30) -> pd.DataFrame:
    """Return the power of 2 to `most_seeds` paired seeds for each true effect.

    Parameters
    ----------
    sd
        (num_pairs,) standard deviations of paired differences, in the unit of the effects.

    Returns
    -------
    pandas.DataFrame
        Columns effect, seeds, power (at the median sd), low (at the largest) and high (at the smallest).

    Examples
    --------
    >>> power_curves([0.004, 0.005, 0.006], [0.005], most_seeds=13).iloc[-1].round(3).tolist()
    [0.005, 13.0, 0.911, 0.788, 0.985]
    """
    spreads = np.asarray(sd, dtype=float)
    if not len(spreads):
        return pd.DataFrame(columns=["effect", "seeds", "power", "low", "high"])
    levels = {"power": float(np.median(spreads)), "low": float(spreads.max()), "high": float(spreads.min())}
    return pd.DataFrame(
        {"effect": effect, "seeds": seeds} | {name: power(effect, spread, seeds) for name, spread in levels.items()}
        for effect in effects
        for seeds in range(2, most_seeds + 1)
    )


def _published(a: str, b: str) -> tuple[str, float]:
    """Return what a report prints of both, test accuracy or else validation accuracy, and the difference in it."""
    for metric in ("test_accuracy", "validation_accuracy"):
        values = [printed(name, metric) if name in set(published()["experiment"]) else None for name in (a, b)]
        if None not in values:
            return metric, values[0] - values[1]
    return "test_accuracy", math.nan
