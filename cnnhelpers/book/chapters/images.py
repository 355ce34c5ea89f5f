"""Data and predictions of a chapter. Without the data, sizes and counts come from a record."""

from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from IPython.display import Markdown, display
from matplotlib.axes import Axes

from cnnhelpers import data, plotting, predictions, records
from cnnhelpers.book.chapters.runs import NO_RUNS
from cnnhelpers.data import split
from cnnhelpers.experiments import Experiment

NOT_AT_HAND = (
    "*The images of {name} are not on the machine that made this page, so they are not shown here; "
    "every number comes from recorded runs.*"
)


def show_data(experiment: Experiment) -> None:
    """Display the source of the data, the facts and class counts of each part, and labelled training images."""
    display(data_source(experiment), data_facts(experiment))
    if text := samples(experiment):
        display(text)
    class_counts(experiment)


def data_source(experiment: Experiment) -> Markdown:
    """Return a sentence: which pixels, whether they are the official ones, and their fingerprint."""
    about, names, _ = _facts(experiment)
    whose = data.pixel_source(about["name"], about["fingerprint"], about["official"])
    official = "the official arrays, pixel for pixel" if about["official"] else f"**not the official arrays** ({whose})"
    official = "your own data" if whose == "own" else official
    return Markdown(
        f"**{about['name']}**: {official} (SHA-256 `{about['fingerprint'][:16]}…`), from {about['source']}. "
        f"{len(names)} classes: {', '.join(names)}."
    )


def data_facts(experiment: Experiment) -> pd.DataFrame:
    """Return size, images in the smallest and largest class, and mean and SD of the pixels (0..1) of each part."""
    about, _, counts = _facts(experiment)
    rows = {
        part: {
            "images": about["images"][part],
            "smallest class": counts[part].min(),
            "largest class": counts[part].max(),
            "pixel mean": round(about["pixel_mean"][part], 4),
            "pixel SD": round(about["pixel_sd"][part], 4),
        }
        for part in counts
    }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("part")


def class_counts(experiment: Experiment) -> Axes:
    """Draw the images of each class in each part."""
    _, names, counts = _facts(experiment)
    return plotting.plot_class_counts(pd.DataFrame(counts, index=pd.Index(names)))


def samples(experiment: Experiment, per_class: int = 10) -> Markdown | None:
    """Draw labelled training images, in a figure that the notebook shows; without the data return a sentence."""
    name = experiment.protocol.dataset
    if not data.is_local(name):
        return Markdown(NOT_AT_HAND.format(name=name))
    dataset = data.load(name)
    plotting.plot_samples(dataset.train_images, dataset.train_labels, dataset.class_names, per_class=per_class)
    return None


def show_predictions(
    record: records.Record, name: str, count: int = 10, *, hardest: bool = False, folder: Path | str | None = None
) -> Any:
    """Draw the predictions of a recorded run for the first test images, or the `hardest`; without the data a table.

    `name` is that of its dataset, or the path: a record holds no paths. `hardest` are the images of the lowest
    probability of the true class; `folder` is that of the records.
    """
    probabilities = records.arrays(record, folder)["gallery_probabilities"]
    if not data.is_local(name) or data.info(name).fingerprint != record.data["fingerprint"]:
        display(Markdown(NOT_AT_HAND.format(name=record.data["name"])))
        return predictions.probability_table(probabilities[:count], record.classes["names"])
    dataset = data.load(name)
    images, labels = dataset.test_images[: len(probabilities)], dataset.test_labels[: len(probabilities)]
    order = probabilities[np.arange(len(labels)), labels].argsort() if hardest else np.arange(len(labels))
    shown = order[:count]
    plotting.plot_predictions(images[shown], probabilities[shown], labels[shown], dataset.class_names)
    return None


def show_confusion(runs: pd.DataFrame) -> pd.DataFrame | Markdown:
    """Draw the confusion matrix of the test images, summed over `runs`; return precision and recall of each class."""
    tests = [record.classes for record in runs["record"][runs["status"] == "done"]]
    if not tests:
        return Markdown(NO_RUNS)
    matrix, names = sum(np.array(test["test"]["confusion"]) for test in tests), tuple(tests[0]["names"])
    plotting.plot_confusion_matrix(matrix, names)
    return predictions.classification_report(matrix, names).round(3)


@lru_cache(maxsize=8)
def _facts(experiment: Experiment) -> tuple[dict, list[str], dict[str, np.ndarray]]:
    """Return (data of a record, class names, images of each class by part), measured or from a record."""
    return _measured(experiment) if data.is_local(experiment.protocol.dataset) else _recorded(experiment)


def _measured(experiment: Experiment) -> tuple[dict, list[str], dict[str, np.ndarray]]:
    protocol = experiment.protocol
    dataset = data.load(protocol.dataset)
    parts = split(dataset, protocol.split, 0, protocol.images)
    described = data.describe(parts, dataset.classes)
    about = {key: getattr(dataset, key) for key in ("name", "fingerprint", "official", "source")}
    about |= {column: described[column].to_dict() for column in ("images", "pixel_mean", "pixel_sd")}
    counts = {part: getattr(parts, part).counts(dataset.classes) for part in described.index}
    return about, list(dataset.class_names), counts


def _recorded(experiment: Experiment) -> tuple[dict, list[str], dict[str, np.ndarray]]:
    folder: Path = records.default_folder()
    runs = records.load(folder)
    wanted = _parts(experiment.protocol.text())
    done = runs[(runs["dataset"] == experiment.protocol.dataset) & (runs["status"] == "done")]["record"]
    split_alike = [record for record in done if wanted[0] in record.text.splitlines()]
    if not split_alike:
        return _measured(experiment)  # neither here nor recorded: downloaded, as run would
    alike = next((record for record in split_alike if _parts(record.text) == wanted), None)
    record = alike or split_alike[0]
    parts = record.data["images"] if alike else ["test"]  # which is whole, however many images train
    counts = {part: np.sum(record.classes[part]["confusion"], axis=1) for part in parts}
    return record.data, record.classes["names"], counts


def _parts(text: str) -> list[str]:
    """Return the lines of a canonical text that say how data are divided."""
    return [line for line in text.splitlines() if line.startswith(("split: ", "images: "))]
