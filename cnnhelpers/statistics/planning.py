"""Plan the number of seeds, and estimate the risk of single runs, by the noncentral t distribution.

Power is that of the two-sided t test on paired differences at ALPHA. "sd" is the standard deviation of the paired
differences between seeds (ddof 1), in the unit of the effect. With sd 0 the exact sign-flip test decides, as in
`intervals`: six seeds show every effect, fewer none.
"""

import math
from bisect import bisect_left

import numpy as np
from scipy import optimize, special

from cnnhelpers.statistics.checks import count, number, share

ALPHA = 0.05  # level of every test, two-sided
LOOKS = {5: 0.025, 10: 0.0125, 20: 0.0125}  # number of seeds at each look at growing data: its level; they sum to ALPHA
MOST_SEEDS = 10**14


def power(effect: float, sd: float, n: int) -> float:
    """Return the probability that `n` paired seeds show a true `effect` (two-sided p below ALPHA); NaN for NaN.

    >>> round(power(effect=0.005, sd=0.005, n=13), 3)
    0.911
    """
    effect, sd, n = number(effect, "effect", nan=True), number(sd, "sd", low=0, nan=True), count(n, "n")
    if math.isnan(effect + sd):
        return math.nan
    if n < 2 or sd == 0:
        return float(n >= 2 and effect != 0 and sign_flip_p(n) < ALPHA)
    return _power(abs(effect) / sd, n)


def seeds_needed(effect: float, sd: float, power: float = 0.9) -> float:
    """Return the smallest number of seeds that shows a true `effect` with this `power`.

    math.inf where no reachable number does, as for an effect of 0; NaN for NaN.

    >>> [seeds_needed(effect, sd=1.0) for effect in (0.5, 0.75, 1.0, 1.5, 2.0)]
    [44, 21, 13, 7, 5]
    """
    effect, sd = number(effect, "effect", nan=True), number(sd, "sd", low=0, nan=True)
    power = share(power, "power", ALPHA)
    if math.isnan(effect + sd):
        return math.nan
    if effect == 0 or (sd and abs(effect) / sd < 1e-6):
        return math.inf
    if sd == 0:
        return bisect_left(range(MOST_SEEDS), True, key=lambda n: sign_flip_p(n) < ALPHA)
    return 2 + bisect_left(range(2, MOST_SEEDS), power, key=lambda n: _power(abs(effect) / sd, n))


def smallest_detectable_effect(sd: float, n: int) -> float:
    """Return the smallest true effect that `n` paired seeds show with 90 % power, in the unit of `sd`; NaN for NaN.

    math.inf for fewer than two seeds, and for fewer than six with sd 0.

    >>> round(smallest_detectable_effect(sd=0.004, n=10), 5)
    0.00462
    """
    sd, n = number(sd, "sd", low=0, nan=True), count(n, "n")
    if n < 2 or (sd == 0 and sign_flip_p(n) >= ALPHA):
        return math.inf
    if math.isnan(sd) or sd == 0:
        return sd
    return sd * float(optimize.brentq(lambda standardized: _power(standardized, n) - 0.9, 0.0, 100.0))


def wrong_order(difference: float, sd_a: float, sd_b: float) -> float:
    """Return the probability that single runs, of different seeds, put two networks in the wrong order; NaN for NaN.

    `difference` is the true mean of A minus B, the sd those between seeds. Accuracies are taken as normal.

    >>> round(wrong_order(difference=0.003, sd_a=0.006, sd_b=0.006), 3)
    0.362
    """
    difference = abs(number(difference, "difference", nan=True))
    sd = math.hypot(number(sd_a, "sd_a", low=0, nan=True), number(sd_b, "sd_b", low=0, nan=True))
    if math.isnan(difference + sd):
        return math.nan
    if difference == 0:
        return 0.5
    return float(special.ndtr(-difference / sd)) if sd else 0.0


def sign_flip_p(n: int) -> float:
    """Return the two-sided p of the exact sign-flip test of `n` equal differences: 2 of 2**n signs are as extreme.

    >>> sign_flip_p(5), sign_flip_p(6)
    (0.0625, 0.03125)
    """
    return min(1.0, 2.0 ** (1 - n))


def _power(standardized: float, n: int) -> float:
    """Return the power for an effect in units of sd, n at least 2.

    statsmodels' TTestPower has the same formula, but NaN where a tail is below 1e-15 (effect 8, n = 2: 0.63), and its
    solver does not converge there.
    """
    noncentrality, critical = standardized * math.sqrt(n), special.stdtrit(n - 1, 1 - ALPHA / 2)
    below, far_below = np.nan_to_num(special.nctdtr(n - 1, noncentrality, np.array([critical, -critical])), nan=0.0)
    return float(1 - below + far_below)
