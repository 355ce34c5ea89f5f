"""Estimate how often single runs mislead, and the accuracy that selection on test images adds."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from cnnhelpers import records
from cnnhelpers.analysis.measurements import measure
from cnnhelpers.errors import InputError
from cnnhelpers.statistics import MIN_PAIRS, count, interval, need_columns, paired, power, seeds_needed, wrong_order


def single_run_risk(runs: pd.DataFrame, pairs: pd.DataFrame) -> pd.DataFrame:
    """Return how often single runs would put two networks in the wrong order, a row for each pair with enough seeds.

    `pairs` has the columns a and b (experiments), metric (a column of `runs`, which are of one profile) and published
    (A - B of single runs, NaN where unknown).

    Columns of `pairs`, but label ("A - B") for a and b, difference, low, high (95 % interval), sd (of the paired
    differences), n, wrong_order (probability that single runs of different seeds put the two in the other order),
    as_ours (whether the published order is that of the difference; None where either is unknown or 0) and seeds_needed
    (to show the difference with 90 % power).
    """
    need_columns(pairs, "a", "b", "metric", "published")
    measurements, rows = measure(runs), []
    for pair in pairs.to_dict("records"):
        a, b = (measurements.values(pair[name], pair["metric"]) for name in ("a", "b"))
        comparison = paired(a, b)
        if comparison.n_pairs < MIN_PAIRS:
            continue
        difference, published = comparison.difference, pair["published"]
        known = not math.isnan(published) and published != 0 and difference != 0
        row = {"label": f"{pair['a']} − {pair['b']}", "difference": difference}
        row |= {"low": comparison.low, "high": comparison.high, "sd": comparison.sd, "n": comparison.n_pairs}
        row |= {"wrong_order": wrong_order(difference, interval(a).sd, interval(b).sd)}
        row |= {"as_ours": (published > 0) == (difference > 0) if known else None}
        rows.append(pair | row | {"seeds_needed": seeds_needed(difference, comparison.sd)})
    kept = [name for name in pairs if name not in ("a", "b")]
    columns = ["difference", "low", "high", "sd", "n", "wrong_order", "as_ours", "seeds_needed"]
    return pd.DataFrame(rows, columns=["label", *kept, *columns])


def power_curves(sd: Sequence[float], effects: Sequence[float], most_seeds: int = 30) -> pd.DataFrame:
    """Return the power of 2 to `most_seeds` paired seeds for each true effect.

    `sd` (num_pairs,) are standard deviations of paired differences, in the unit of the effects. Columns effect, seeds,
    power (at the median sd), low (at the largest) and high (at the smallest).

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


def selection_answers(runs: pd.DataFrame, folder: Path | str | None = None) -> dict[str, np.ndarray]:
    """Return (num_seeds, num_images) by experiment, True for a correctly classified test image; failed runs left out.

    `folder` is that of the records, by default `records.default_folder()`. InputError for runs with different numbers
    of test images.
    """
    done = runs[runs["status"] == "done"]
    answers = records.correct_images(done, folder).dropna()
    if len(sizes := sorted(set(answers.map(len)))) > 1:
        raise InputError(f"a selection needs runs with the same test images. Received: runs with {sizes} test images")
    return {name: np.stack(list(correct)) for name, correct in answers.groupby(done["experiment"], sort=False)}


def selection_bias(
    correct: Mapping[str, np.ndarray], generator: np.random.Generator, draws: int = 1000
) -> pd.DataFrame:
    """Return the accuracy of the best of single runs on the test images that selected it, and on other images.

    Each draw takes one seed of every network, divides the test images at random into two halves, and selects the run
    with the most correct images of the first half, as does a study that validates on its test images. `correct` maps
    an experiment to (num_seeds, num_images) truth values, the same images in all; at least two experiments.

    Columns label, estimate, low and high: mean and middle 95 % of the draws, of the accuracy of the selected run on the
    half that selected it and on the other half, of the selected network trained with its other seeds (on the other
    half), and of the excess of the first over the second and over the third. A half has half the images, so the excess
    is larger than with all of them, by a factor of about the root of two.
    """
    networks = [np.asarray(answers, np.float32) for answers in correct.values()]
    valid = len(networks) > 1 and all(network.ndim == 2 and len(network) > 1 for network in networks)
    if not valid or len({network.shape[1] for network in networks}) > 1:
        raise InputError(
            "a selection needs at least two networks, each (num_seeds, num_images) with at least two seeds and the "
            f"same images. Received: {[network.shape for network in networks]}"
        )
    num_images = networks[0].shape[1]
    first = np.zeros((num_images, count(draws, "draws")), np.float32)
    for draw in range(draws):
        first[generator.permutation(num_images)[: num_images // 2], draw] = 1
    on_first = [network @ first / (num_images // 2) for network in networks]  # (num_seeds, draws) each
    on_second = [network @ (1 - first) / (num_images - num_images // 2) for network in networks]
    selected_on, other_half, other_seeds = np.empty((3, draws))
    for draw in range(draws):
        seeds = [generator.integers(len(network)) for network in networks]
        best = int(np.argmax([network[seed, draw] for network, seed in zip(on_first, seeds, strict=True)]))
        selected_on[draw], other_half[draw] = on_first[best][seeds[best], draw], on_second[best][seeds[best], draw]
        other_seeds[draw] = np.delete(on_second[best][:, draw], seeds[best]).mean()
    rows = {
        "the selected run, on the images that selected it": selected_on,
        "the selected run, on other images": other_half,
        "its network with other seeds, on other images": other_seeds,
        "added by selection: luck of the images": selected_on - other_half,
        "added by selection: luck of images and seed": selected_on - other_seeds,
    }
    low, high = np.quantile(list(rows.values()), [0.025, 0.975], axis=1)
    estimate = [float(values.mean()) for values in rows.values()]
    return pd.DataFrame({"label": list(rows), "estimate": estimate, "low": low, "high": high})
