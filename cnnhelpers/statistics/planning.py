"""How many seeds a difference needs, and how often single runs mislead: planning, by the noncentral t.

All of it is about the two-sided t test on paired differences at ALPHA. "sd" is always the standard deviation of the
paired differences between seeds (ddof 1), in the unit of the effect.
"""

import math

import numpy as np
from scipy import optimize, special

from cnnhelpers.errors import InputError

ALPHA = 0.05  # the level of every test in this package, two-sided


def power(effect: float, sd: float, n: int) -> float:
    """Return the probability that `n` paired seeds show a true `effect` (two-sided p below ALPHA).

    One seed shows nothing (0.0). With sd 0 every effect but 0 is seen (1.0). NaN in, NaN out.

    >>> round(power(effect=0.005, sd=0.005, n=13), 3)
    0.911
    """
    effect, sd, n = number(effect, "effect", nan=True), number(sd, "sd", low=0, nan=True), count(n, "n")
    if math.isnan(effect) or math.isnan(sd):
        return math.nan
    if n < 2 or sd == 0:
        return float(n >= 2 and effect != 0)
    return _power(abs(effect) / sd, n)


def seeds_needed(effect: float, sd: float, power: float = 0.9) -> float:
    """Return the fewest seeds (a whole number, at least 2) that show a true `effect` with this `power`.

    math.inf for an effect of 0, which no number of seeds can show; NaN if `effect` or `sd` is.

    >>> [seeds_needed(effect, sd=1.0) for effect in (0.5, 0.75, 1.0, 1.5, 2.0)]
    [44, 21, 13, 7, 5]
    """
    effect, sd, power = number(effect, "effect", nan=True), number(sd, "sd", low=0, nan=True), _power_wanted(power)
    if math.isnan(effect) or math.isnan(sd):
        return math.nan
    if effect == 0:
        return math.inf
    standardized = abs(effect) / sd if sd else math.inf
    if standardized < 1e-6:
        return math.inf  # above 10**13 seeds: beyond the numerics as well as beyond reach
    enough = 2
    while standardized < math.inf and _power(standardized, enough) < power:
        enough *= 2
    too_few = max(enough // 2, 1)
    while enough - too_few > 1 and standardized < math.inf:
        middle = (too_few + enough) // 2
        too_few, enough = (middle, enough) if _power(standardized, middle) < power else (too_few, middle)
    return enough


def smallest_detectable_effect(sd: float, n: int, power: float = 0.9) -> float:
    """Return the smallest true effect that `n` paired seeds show with this `power`, in the unit of `sd`.

    0.0 for sd 0, math.inf for fewer than two seeds, NaN if `sd` is.

    >>> round(smallest_detectable_effect(sd=0.004, n=10), 5)
    0.00462
    """
    sd, n, power = number(sd, "sd", low=0, nan=True), count(n, "n"), _power_wanted(power)
    if n < 2:
        return math.inf
    if math.isnan(sd) or sd == 0:
        return sd
    above = 1.0
    while _power(above, n) < power:
        above *= 2
    return sd * float(optimize.brentq(lambda standardized: _power(standardized, n) - power, 0.0, above))


def wrong_order(difference: float, sd_a: float, sd_b: float, correlation: float = 0.0) -> float:
    """Return the probability that a single run of each of two networks puts them in the wrong order.

    Parameters
    ----------
    difference
        True mean of A minus B; its sign does not matter. 0 gives 0.5.
    sd_a, sd_b
        Standard deviation of A and of B between seeds. For runs that share their seed give instead the standard
        deviation of the paired difference as `sd_a` and 0 as `sd_b`.
    correlation
        Between runs of A and B, -1 to 1: 0 for two runs of different seeds, as in a report of single runs.

    Notes
    -----
    Both accuracies normal: the difference of two runs is normal with variance
    sd_a**2 + sd_b**2 - 2 * correlation * sd_a * sd_b, and the order is wrong when it has the other sign.

    >>> round(wrong_order(difference=0.003, sd_a=0.006, sd_b=0.006), 3)
    0.362
    """
    difference, correlation = number(difference, "difference", nan=True), number(correlation, "correlation", -1, 1)
    sd_a, sd_b = number(sd_a, "sd_a", low=0, nan=True), number(sd_b, "sd_b", low=0, nan=True)
    variance = sd_a**2 + sd_b**2 - 2 * correlation * sd_a * sd_b
    if math.isnan(difference + variance):
        return math.nan
    if difference == 0:
        return 0.5
    return float(special.ndtr(-abs(difference) / math.sqrt(variance))) if variance > 0 else 0.0


def number(value: float, name: str, low: float = -math.inf, high: float = math.inf, *, nan: bool = False) -> float:
    """Return `value` as a float from `low` to `high`, or NaN where `nan` admits it; raise InputError otherwise."""
    is_number = isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)
    if is_number and nan and math.isnan(value):
        return math.nan
    if not (is_number and math.isfinite(value) and low <= value <= high):
        limits = [f"at least {low:g}"] * (low > -math.inf) + [f"at most {high:g}"] * (high < math.inf)
        wanted = f"a finite number {' and '.join(limits)}".rstrip()
        raise InputError(f"{name} must be {wanted}. Received: {name}={value!r}")
    return float(value)


def count(value: int, name: str) -> int:
    """Return `value` as an int of at least 0; raise InputError naming it otherwise."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 0:
        raise InputError(f"{name} must be a whole number, at least 0. Received: {name}={value!r}")
    return int(value)


def _power_wanted(power: float) -> float:
    if not ALPHA < number(power, "power") < 1:
        raise InputError(f"power must be between {ALPHA} and 1, such as 0.9. Received: power={power!r}")
    return float(power)


def _power(standardized: float, n: int) -> float:
    """Return the power for an effect in units of the sd of the differences, n at least 2."""
    noncentrality, critical = standardized * math.sqrt(n), special.stdtrit(n - 1, 1 - ALPHA / 2)
    tails = special.nctdtr(n - 1, noncentrality, np.array([critical, -critical]))
    below, far_below = np.nan_to_num(tails, nan=0.0)  # SciPy gives NaN for some tails below 1e-15
    return float(1 - below + far_below)
