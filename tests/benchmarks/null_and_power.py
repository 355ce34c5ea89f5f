"""Print the simulated error rates and power on which the choice of the t test rests, in about two minutes.

    python tests/benchmarks/null_and_power.py

tests/statistics checks the rates of the tests that are used; the rejected ones are here only.
"""

import math
import sys

import numpy as np
from scipy import stats

from cnnhelpers.statistics import (
    best_of_many,
    decide,
    false_holds,
    from_differences,
    interval,
    interval_over_test_images,
    paired,
    planted_effects,
    seeds_needed,
)

SIMULATIONS = 4000
RESAMPLES = 999
SEEDS = (5, 10)


def null_differences(kind: str, seeds: int, rng: np.random.Generator) -> np.ndarray:
    """Return (SIMULATIONS, num_seeds) differences of two networks that are equally good."""
    shape = (2, SIMULATIONS, seeds)
    if kind == "normal":
        a, b = rng.normal(0, 1, shape)
    elif kind == "long lower tail":
        a, b = -rng.exponential(1, shape)
    elif kind == "a run in ten collapses":
        a, b = rng.normal(0, 1, shape) - 20 * (rng.uniform(size=shape) < 0.1)
    elif kind == "360 test images":
        a, b = rng.binomial(360, 0.97, shape) / 360
    else:
        a, b = rng.binomial(360, 0.997, shape) / 360
    return a - b


def bootstrap_excludes_zero(differences: np.ndarray, method: str, rng: np.random.Generator) -> float:
    """Return how often the 95 % bootstrap interval of (num_simulations, num_seeds) differences excludes 0."""
    excluded = []
    for batch in np.split(differences, 8):
        resampled = stats.bootstrap((batch,), np.mean, axis=1, n_resamples=RESAMPLES, method=method, rng=rng)
        low, high = resampled.confidence_interval
        excluded.append((low > 0) | (high < 0))
    return float(np.mean(excluded))


def false_positives(rng: np.random.Generator) -> None:
    """Print the error rates of the tests that were considered, for several kinds of noise."""
    print("False positives at a nominal 5 % (two-sided)")
    print(f"{'noise':26}{'n':>3}{'t':>8}{'perc.':>8}{'BCa':>8}{'Wilcoxon':>10}{'equal':>8}  (significant, no variance)")
    for kind in ("normal", "long lower tail", "a run in ten collapses", "360 test images", "360 images, 99.7 %"):
        for seeds in SEEDS:
            differences = null_differences(kind, seeds, rng)
            comparisons = [from_differences(row) for row in differences]
            t = np.mean([comparison.p < 0.05 for comparison in comparisons])
            equal = np.mean([comparison.sd == 0 and comparison.p < 0.05 for comparison in comparisons])
            row = f"{kind:26}{seeds:3}{t:8.3f}"
            if kind == "normal":  # ties and outliers make the others worse or undefined
                row += "".join(f"{bootstrap_excludes_zero(differences, m, rng):8.3f}" for m in ("percentile", "BCa"))
                row += f"{np.mean(stats.wilcoxon(differences, axis=1, method='exact').pvalue < 0.05):10.3f}"
            else:
                row += f"{'':26}"
            print(f"{row}{equal:8.3f}")


def verdicts_on_null_effects(rng: np.random.Generator) -> None:
    """Print how often every kind of claim holds, and how often an interval misses, where there is no effect."""
    print("\nErrors where there is no effect")
    print(false_holds(rng, SIMULATIONS, SEEDS).to_string(index=False, float_format="{:.3f}".format))
    for seeds in SEEDS:
        misses = [not one.low <= 0 <= one.high for one in map(interval, rng.normal(size=(SIMULATIONS, seeds)))]
        print(f"n = {seeds}: the interval misses the mean in {np.mean(misses):.3f}")


def errors_of_best_of_many(rng: np.random.Generator) -> None:
    """Print how often a candidate that is not the best of ten passes for it, and how often the best does."""
    print("\nThe best of ten networks, sd 1 between seeds: share of a run that validation and test have in common")
    print(
        f"{'true means':44}{'common':>8}{'n':>3}{'mean difference':>18}{'holds':>9}{'contradicted':>14}"
        f"{'hardest holds':>15}"
    )
    truths = {
        "all equal": np.zeros(10),
        "candidate and one rival ahead by 0.5": np.r_[0.5, 0.5, np.zeros(8)],
        "candidate and one rival ahead by 1": np.r_[1, 1, np.zeros(8)],
        "candidate alone ahead by 1 (to be found)": np.r_[1, np.zeros(9)],
        "candidate 1 ahead of one, 2 of the others": np.r_[2, 1, np.zeros(8)],
    }
    for truth, means in truths.items():
        for common in (0.0, 0.5, 0.9):
            for seeds in SEEDS:
                shape = (SIMULATIONS // 4, 2, 10, seeds)
                runs = math.sqrt(common) * rng.normal(size=(shape[0], 1, 10, seeds)) + means[:, None]
                runs = runs + math.sqrt(1 - common) * rng.normal(size=shape)
                best = [best_of_many(validation, test, candidate=0) for validation, test in runs]
                differences = np.array([one.comparison.difference for one in best])
                verdicts = [decide(one.comparison, margin=0) for one in best]
                hardest = np.mean([decide(one.hardest, margin=0) == "holds" for one in best])
                error = 1.96 * differences.std() / math.sqrt(len(best))
                print(
                    f"{truth:44}{common:8}{seeds:3}{differences.mean():+10.3f} -+ {error:.3f}"
                    f"{np.mean([verdict == 'holds' for verdict in verdicts]):9.3f}"
                    f"{np.mean([verdict == 'contradicted' for verdict in verdicts]):14.3f}{hardest:15.3f}"
                )


def other_test_images(rng: np.random.Generator) -> None:
    """Print how often the intervals miss a true difference of 0 when images are drawn anew as well."""
    print("\nMisses of 95 % intervals when the test images are drawn anew (equal networks, 500 images)")
    print(f"{'images favour one of them':28}{'n':>3}{'seeds alone':>13}{'with images':>13}{'median width ratio':>20}")
    for image_sd in (0.0, 0.5, 1.0):
        for seeds in SEEDS:
            alone, both, ratio = [], [], []
            for _ in range(SIMULATIONS // 4):
                difficulty = rng.normal(0, 1.5, 500) + rng.normal(0, image_sd, (2, 1, 500))
                a, b = difficulty + rng.normal(size=(2, seeds, 500)) > 0
                over_seeds = paired(a.mean(axis=1), b.mean(axis=1))
                low, high = interval_over_test_images(a, b)
                alone.append(not over_seeds.low <= 0 <= over_seeds.high)
                both.append(not low <= 0 <= high)
                ratio.append((high - low) / (over_seeds.high - over_seeds.low))
            print(f"{image_sd:<28}{seeds:3}{np.mean(alone):13.3f}{np.mean(both):13.3f}{np.median(ratio):20.2f}")


def power_of_planted_effects(rng: np.random.Generator) -> None:
    """Print how often planted effects are significant next to the noncentral t, and the seeds for 90 % power."""
    print("\nPower: planted effects that are significant, and the noncentral t")
    table = planted_effects(rng, SIMULATIONS, (5, 7, 10, 13, 21))
    print(table.to_string(index=False, float_format="{:.3f}".format))
    for effect in (0.5, 0.75, 1.0, 1.5, 2.0):
        print(f"effect / sd {effect}: {seeds_needed(effect, 1)} seeds for 90 %")


def main() -> int:
    """Print all tables; the generator is fixed."""
    rng = np.random.default_rng(2021)
    print(
        f"{SIMULATIONS} simulations: a rate of .05 is known to -+ {1.96 * math.sqrt(0.05 * 0.95 / SIMULATIONS):.3f}\n"
    )
    false_positives(rng)
    verdicts_on_null_effects(rng)
    errors_of_best_of_many(rng)
    other_test_images(rng)
    power_of_planted_effects(rng)
    return 0


if __name__ == "__main__":
    sys.exit(main())
