"""What it is worth to choose among networks on the images that then judge them."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from cnnhelpers import records
from cnnhelpers.errors import InputError
from cnnhelpers.statistics import count

DRAWS = 1000


def selection_answers(runs: pd.DataFrame, folder: Path | str | None = None) -> dict[str, np.ndarray]:
    """Return experiment -> (num_seeds, num_images), True where a run got a test image right; failed runs left out.

    `folder` is that of the records, by default `records.default_folder()`.
    """
    paths = records.index(folder or records.default_folder())
    found: dict[str, list[np.ndarray]] = {}
    for one in runs[runs["status"] == "done"].itertuples():
        correct = records.arrays_of(paths.get((one.record.identity, one.seed))).get("test_correct")
        if correct is not None:
            found.setdefault(one.experiment, []).append(correct)
    return {name: np.stack(answers) for name, answers in found.items()}


def selection_bias(
    correct: Mapping[str, np.ndarray], generator: np.random.Generator, draws: int = DRAWS
) -> pd.DataFrame:
    """Return how good the best of single runs looks on the images that chose it, and what it is worth on others.

    Each draw trains every network once (it takes one of its seeds), divides the test images at random into two halves,
    and takes the run with the most right answers on the first half, as whoever validates on the test images does.

    Parameters
    ----------
    correct
        Experiment to (num_seeds, num_images) truth values, the same images in all; at least two experiments.
    generator
        Draws seeds and halves.

    Returns
    -------
    pandas.DataFrame
        Columns label, estimate, low and high: mean over the draws and the middle 95 % of them, of the accuracy of the
        chosen run on the half that chose it and on the other half, of the chosen network trained with its other seeds
        (on the other half), and of the excess of the first over the second and over the third.

    Notes
    -----
    A half has half the images, so the excess is larger than with all of them, about by the root of two.

    Examples
    --------
    >>> generator = np.random.default_rng(0)
    >>> equals = {name: generator.random((5, 1000)) < 0.9 for name in "abcdefghijklmn"}  # fourteen of equal worth
    >>> table = selection_bias(equals, generator).set_index("label")["estimate"]
    >>> bool(table.iloc[0] > 0.91), bool(abs(table.iloc[1] - 0.9) < 0.005)
    (True, True)
    """
    checked = _checked(correct)
    num_images = next(iter(checked.values())).shape[1]
    first = np.zeros((num_images, count(draws, "draws")), np.float32)
    for draw in range(draws):
        first[generator.permutation(num_images)[: num_images // 2], draw] = 1
    on_first, on_second = [], []  # (num_networks) of (num_seeds, draws)
    for runs in checked.values():
        right = runs.astype(np.float32)
        on_first.append(right @ first / (num_images // 2))
        on_second.append(right @ (1 - first) / (num_images - num_images // 2))
    chosen_on, other_half, other_seeds = np.empty((3, draws))
    for draw in range(draws):
        seeds = [generator.integers(len(runs)) for runs in on_first]
        best = int(np.argmax([runs[seed, draw] for runs, seed in zip(on_first, seeds, strict=True)]))
        chosen_on[draw], other_half[draw] = on_first[best][seeds[best], draw], on_second[best][seeds[best], draw]
        other_seeds[draw] = np.delete(on_second[best][:, draw], seeds[best]).mean()
    return _table(
        {
            "the chosen run, on the images that chose it": chosen_on,
            "the chosen run, on other images": other_half,
            "its network with other seeds, on other images": other_seeds,
            "what the choice adds: the luck of the images": chosen_on - other_half,
            "what the choice adds: of images and seed": chosen_on - other_seeds,
        }
    )


def _table(rows: Mapping[str, np.ndarray]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "label": list(rows),
            "estimate": [float(values.mean()) for values in rows.values()],
            "low": [float(np.quantile(values, 0.025)) for values in rows.values()],
            "high": [float(np.quantile(values, 0.975)) for values in rows.values()],
        }
    )


def _checked(correct: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    answers = {name: np.asarray(runs) for name, runs in correct.items()}
    shapes = {name: runs.shape for name, runs in answers.items()}
    plain = all(len(shape) == 2 and shape[0] > 1 for shape in shapes.values())
    if len(answers) < 2 or not plain or len({shape[1] for shape in shapes.values()}) > 1:
        raise InputError(
            "a choice needs two networks at least, each (num_seeds, num_images) with two seeds at least and the same "
            f"images. Received: {shapes}"
        )
    return answers
