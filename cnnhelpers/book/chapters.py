"""What every chapter shows, each by one call: its data, its networks, what was run, what a model answers.

Everything here can be shown without the data: sizes, class counts and pixel statistics then come from a record.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from IPython.display import Markdown
from matplotlib.axes import Axes

from cnnhelpers import data, plotting, records
from cnnhelpers import model_summary as summaries
from cnnhelpers.data import split
from cnnhelpers.errors import InputError
from cnnhelpers.experiments import Experiment, padded_shape
from cnnhelpers.reports import all_experiments, profiles

PLAIN_PIXELS = {"official", "own"}
NOT_AT_HAND = (
    "*The images of {name} are not on the machine that made this page, so they are not shown here; "
    "every number comes from recorded runs.*"
)


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


def layers(experiment: Experiment) -> pd.DataFrame:
    """Return the layer table of the network: output shape, parameters and FLOPs of each layer."""
    return summaries.layer_table(_model(experiment))


def diagram(experiment: Experiment):
    """Return the diagram of the network (keras.utils.plot_model), as text where graphviz is absent."""
    return summaries.diagram(_model(experiment))


def sizes(experiments: list[Experiment]) -> pd.DataFrame:
    """Return parameters and FLOPs of several networks, one row each."""
    return _table(experiments, _size)


def networks(experiments: list[Experiment]) -> pd.DataFrame:
    """Return what decides how several chains of layers learn, one row each.

    Parameters and FLOPs as `sizes` gives them, the receptive field (summaries.receptive_field) beside the side of the
    images, and how the weights are drawn and whether batches are normalized (summaries.initialization).
    """

    def facts(model) -> dict[str, Any]:
        field = f"{summaries.receptive_field(model)} of {max(model.input_shape[1:3])}"
        return _size(model) | {"receptive field (pixels)": field, "weights": summaries.initialization(model)}

    return _table(experiments, facts)


def provenance(runs: pd.DataFrame) -> Markdown:
    """Return what was run: profile, seeds, data, machine, versions, commit and hours of computing.

    Raises
    ------
    InputError
        If there are no runs, so that a page ends here rather than in its first figure.
    """
    if runs.empty:
        raise InputError(
            "none of these networks has runs on these data with this profile and these seeds: set train=True"
        )
    found = [run.record for run in runs.itertuples()]
    machines = sorted({record.environment.get("processor", "") for record in found} - {""})
    used = {
        (name, record.environment["versions"].get(name))
        for record in found
        if (name := record.environment.get("backend"))
    }
    used |= {("keras", record.environment["versions"].get("keras")) for record in found}
    told = [f"{name} {version or 'of unknown version'}" for name, version in sorted(used)]
    commits = sorted({record.environment.get("commit", "") for record in found} - {""})
    seconds = pd.to_numeric(runs["seconds"]).sum()
    copies = sorted(set(runs["pixels"]) - PLAIN_PIXELS)
    whose = f"**{', '.join(copies)}, not the official pixels**" if copies else ", ".join(sorted(set(runs["pixels"])))
    failed = int((runs["status"] != "done").sum())
    return Markdown(
        f"**What was run.** {_counted(len(runs), 'run')} ({failed} failed): "
        f"{_counted(runs['experiment'].nunique(), 'experiment')}, {_counted(runs['seed'].nunique(), 'seed')}, "
        f"profile {', '.join(sorted(set(runs['profile'])))}; data "
        f"{', '.join(sorted(set(runs['dataset'])))} ({whose}); {', '.join(sorted(set(runs['precision'].dropna())))} "
        f"on {', '.join(machines) or 'an unknown processor'}; "
        f"{', '.join(told)}; "
        f"commit {', '.join(commits) or 'unknown'}; {_duration(seconds)} of training in all."
    )


def missing(runs: pd.DataFrame, experiments: Sequence[Experiment], seeds: int) -> Markdown:
    """Return which of `experiments` have fewer than `seeds` runs, how to train them, and the first error of a run.

    A run that diverged counts; a run that ended in an error does not, since it is trained again.
    """
    settled = runs[runs["stop_reason"].isin(records.SETTLED)]
    counts = settled["experiment"].value_counts()
    without = [one for one in experiments if one.id not in counts]
    few = [f"{one.id} ({counts[one.id]})" for one in experiments if counts.get(one.id, seeds) < seeds]
    sentences = []
    if without:
        names = ", ".join(f"**{one.id}** ({one.labels['title']})" for one in without)
        sentences.append(f"**Not shown, because no run is recorded:** {names}. {_training_command(without, seeds)}")
    if few:
        sentences.append(f"**Fewer than {seeds} seeds so far:** {', '.join(few)}.")
    if len(crashed := runs.drop(settled.index)):
        error = crashed.iloc[0].record.stop["error"]
        sentences.append(f"**Ended in an error:** {len(crashed)} of {len(runs)} runs, the first with: {error}")
    return Markdown(" ".join(sentences) or f"Every experiment of this page has its {seeds} seeds.")


def _training_command(experiments: Sequence[Experiment], seeds: int) -> str:
    """Return a sentence with the command that trains the first experiment the command line knows, else `train`."""
    published = {one.id: one for one in all_experiments()}
    for one in experiments:
        if one.id not in published or one.profile not in profiles.PROFILES:
            continue
        if profiles.apply(published[one.id], one.profile).protocol == one.protocol:
            option = f" --profile {one.profile}" if one.profile != "published" else ""
            return f"`python -m cnnhelpers run {one.id}{option} --seeds {seeds}` trains {one.id}."
    return "With `train` switched on, the page trains them."


def unofficial(runs: pd.DataFrame) -> Markdown | None:
    """Return a sentence to stand below numbers of runs on a copy of the data, None where all pixels are official."""
    copies = sorted({f"{one.pixels} of {one.dataset}" for one in runs.itertuples() if one.pixels not in PLAIN_PIXELS})
    if not copies:
        return None
    told = f"Numbers on {', '.join(copies)}; what a report printed is of the official pixels, in the official order, "
    return Markdown(f"*{told}by which it may have held out other images.*")


def timed_elsewhere(runs: pd.DataFrame, timed: pd.DataFrame) -> Markdown:
    """Return a sentence on what a figure of seconds leaves out: experiments, or seeds, of `runs` that are not `timed`.

    `timed` is what provenance.timed_alike kept of them.
    """
    kept = timed["experiment"].value_counts()
    told = [
        one if one not in kept else f"{one} ({kept[one]} of {n} seeds shown)"
        for one, n in runs["experiment"].value_counts(sort=False).items()
        if kept.get(one, 0) < n
    ]
    left_out = f"*Timed on another machine or in another precision, and left out: {', '.join(told)}.*"
    return Markdown(left_out if told else "*All runs were timed on one machine, in one precision.*")


def _duration(seconds: float) -> str:
    """Return a length of time in words.

    >>> _duration(42.3), _duration(754), _duration(7322)
    ('42 s', '12 min 34 s', '2 h 2 min')
    """
    seconds = round(seconds)
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60} min {seconds % 60} s"
    return f"{seconds // 3600} h {seconds % 3600 // 60} min"


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" + "s" * (number != 1)


def gallery(record: records.Record, name: str, count: int = 10) -> Markdown | None:
    """Draw what a recorded run answered for the first test images, like `samples`; without the data a sentence.

    `name` is that of its dataset, or the path: a record holds no paths.
    """
    if not data.is_local(name) or data.info(name).fingerprint != record.data["fingerprint"]:
        return Markdown(NOT_AT_HAND.format(name=record.data["name"]))
    dataset = data.load(name)
    probabilities = records.arrays(record)["gallery_probabilities"][:count]
    plotting.plot_predictions(
        dataset.test_images[:count], probabilities, dataset.test_labels[:count], dataset.class_names
    )
    return None


def _table(experiments: list[Experiment], facts: Callable[[Any], dict[str, Any]]) -> pd.DataFrame:
    """Return one row for each network, of what `facts` reads off its model."""
    rows = [{"network": one.labels["title"] or one.id} | facts(_model(one)) for one in experiments]
    return pd.DataFrame(rows, index=pd.Index([one.id for one in experiments], name="experiment"))


def _size(model) -> dict[str, Any]:
    return {"parameters": model.count_params(), "MFLOPs for one image": round(summaries.flops(model) / 1e6, 3)}


def _model(experiment: Experiment):
    card = data.info(experiment.protocol.dataset)
    return experiment.build(padded_shape(card.image_shape, experiment.protocol.padding), card.classes)


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
