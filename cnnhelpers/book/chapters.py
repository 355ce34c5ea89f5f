"""What chapters show, each by one call: data, networks, runs, and the figures and tables of results.

Everything here can be shown without the data: sizes, class counts and pixel statistics then come from a record. A
result without runs is a sentence.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from IPython.display import Markdown, display
from matplotlib.axes import Axes

from cnnhelpers import analysis, data, execution, interpretability, plotting, predictions, records, reports, statistics
from cnnhelpers.analysis import DIFFERENCES, comparable_pairs, compare_all, summary
from cnnhelpers.book import tables
from cnnhelpers.claims import ClaimResult
from cnnhelpers.data import split
from cnnhelpers.errors import InputError
from cnnhelpers.experiments import Experiment, padded_shape
from cnnhelpers.statistics import MARGINS

NO_RUNS = "*None of these runs is recorded yet.*"
OTHER_MARGIN = 0.005  # accuracy; of data without a margin in MARGINS
PLAIN_PIXELS = {"official", "own"}
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


def layers(experiment: Experiment) -> pd.DataFrame:
    """Return the layer table of the network: output shape, parameters and FLOPs of each layer."""
    from cnnhelpers.model_summary import layer_table  # imports Keras

    return layer_table(_model(experiment))


def backbone_source(line: "reports.transfer.Transfer") -> Markdown:
    """Return where the weights of a backbone come from: given weights, or the data of its pretraining."""
    if line.weights:
        return Markdown(f"The backbone starts from given weights: {line.weights}.")
    return data_source(line.pretraining)


def trainable(experiments: Sequence[Experiment], pretrained: bool = True) -> pd.Series:
    """Return the number of parameters that learn in each network; `pretrained` weights are loaded, and so checked."""
    models = [_model(one, pretrained=pretrained) for one in experiments]
    counts = [sum(int(np.prod(weight.shape)) for weight in model.trainable_variables) for model in models]
    return pd.Series(counts, [one.title for one in experiments], name="parameters that learn")


def diagram(experiment: Experiment):
    """Return the diagram of the network (keras.utils.plot_model), as text where graphviz is absent."""
    from cnnhelpers import model_summary

    return model_summary.diagram(_model(experiment))


def networks(experiments: Sequence[Experiment]) -> pd.DataFrame:
    """Return parameters, FLOPs, receptive field next to the side of the images, and weights of networks, a row each.

    The column weights says how they are drawn and whether batches are normalized. A network that is no chain of layers
    has no receptive field.
    """
    from cnnhelpers import model_summary

    rows = []
    for experiment in experiments:
        model = _model(experiment)
        row = {"network": experiment.labels["title"] or experiment.id, "parameters": model.count_params()}
        row["MFLOPs for one image"] = round(model_summary.flops(model) / 1e6, 3)
        try:
            side = max(model.input_shape[1:3])
            row["receptive field (pixels)"] = f"{model_summary.receptive_field(model)} of {side}"
        except InputError:
            row["receptive field (pixels)"] = ""
        rows.append(row | {"weights": model_summary.initialization(model)})
    return pd.DataFrame(rows, index=pd.Index([experiment.id for experiment in experiments], name="experiment"))


def show_runs(runs: pd.DataFrame, experiments: Sequence[Experiment] = (), seeds: int = 1) -> None:
    """Display how the runs were made and, of `experiments`, which are missing; InputError if there are none."""
    display(provenance(runs))
    if experiments:
        display(missing(runs, experiments, seeds))


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
    if not experiments:
        return Markdown("*With these parameters there is no such experiment.*")
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
    published = {one.id: one for one in reports.all_experiments()}
    for one in experiments:
        if one.id not in published or one.profile not in reports.profiles.PROFILES:
            continue
        if reports.profiles.apply(published[one.id], one.profile).protocol == one.protocol:
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


def titled(runs: pd.DataFrame, experiments: Iterable[Experiment]) -> pd.DataFrame:
    """Return runs with the column network: id and title of the experiment."""
    titles = {one.id: f"{one.id} {one.labels['title']}" for one in experiments}
    return runs.assign(network=runs["experiment"].map(titles))


def show_seeds(runs: pd.DataFrame, metric: str = "test_accuracy", label: str = "experiment") -> Markdown | None:
    """Draw a metric of each run with mean and 95 % interval, a row for each value of the column `label`.

    `metric` is a column, or a difference of two in analysis.DIFFERENCES, such as "gap".
    """
    if metric in DIFFERENCES:
        first, second = DIFFERENCES[metric]
        runs = runs.assign(**{metric: runs[first] - runs[second]}).dropna(subset=[first, second])
    if runs.empty:
        return Markdown(NO_RUNS)
    plotting.plot_seeds(runs, metric, table=summary(runs, metric, label), label=label)
    return None


def show_curves(
    runs: pd.DataFrame,
    metric: str = "accuracy",
    *,
    label: str = "experiment",
    panels: Mapping[str, Sequence[str]] | None = None,
    log: bool = False,
) -> Markdown | None:
    """Draw learning curves of each value of the column `label`; each of `panels`, title to experiments, by itself."""
    curves = records.histories(runs.assign(experiment=runs[label]))
    parts = {
        title: curves[curves["experiment"].isin(names)] for title, names in (panels or {"": {*runs[label]}}).items()
    }
    parts = {title: part for title, part in parts.items() if len(part)}
    if not parts:
        return Markdown(NO_RUNS)
    if panels is None:
        plotting.plot_learning_curves(curves, metric, log=log)
        return None
    size = (max(7, 5 * len(parts)), 5)
    _, axes = plt.subplots(1, len(parts), figsize=size, sharey=True, squeeze=False, layout="constrained")
    for ax, (title, part) in zip(axes[0], parts.items(), strict=True):
        plotting.plot_learning_curves(part, metric, ax, log=log)
        ax.set_title(title)
    return None


def show_time(runs: pd.DataFrame, label: str = "experiment") -> Markdown:
    """Draw the time of each run, of runs timed alike, display medians, and return what is left out."""
    timed = records.timed_alike(runs)
    show_seeds(timed, records.seconds_column(timed), label)
    columns = ["seconds_per_epoch", "seconds_to_best", "best_epoch", "epochs_run"]
    display(timed.groupby("experiment", sort=False)[columns].median().round(1))
    return timed_elsewhere(runs, timed)


def feature_costs(runs: pd.DataFrame) -> pd.DataFrame | Markdown:
    """Return mean processor seconds of a training, of computing its features, and of an epoch without them."""
    if runs.empty:
        return Markdown(NO_RUNS)
    features = [record.cost.get("feature_cpu_seconds", 0.0) for record in runs["record"]]
    costs = runs[["experiment", "cpu_seconds"]].assign(feature_cpu_seconds=features)
    costs["per epoch"] = (costs["cpu_seconds"] - costs["feature_cpu_seconds"]) / runs["epochs_run"]
    return costs.groupby("experiment", sort=False).mean().round(2)


def show_stops(runs: pd.DataFrame, experiments: Iterable[Experiment]) -> pd.DataFrame | Markdown:
    """Return after how many epochs the runs with early stopping ended, and why."""
    stopped = runs[runs["experiment"].isin([one.id for one in experiments if one.protocol.early_stopping])]
    if stopped.empty:
        return Markdown(NO_RUNS)
    epochs = stopped.groupby(["experiment", "stop_reason"], sort=False)["epochs_run"]
    return epochs.agg(["count", "min", "median", "max"]).rename(columns={"count": "runs"}).reset_index()


def show_cost(runs: pd.DataFrame, cost: str) -> Markdown | None:
    """Draw test accuracy against a cost with the Pareto front; of "seconds" those of runs timed alike."""
    if cost != "seconds":
        plotting.plot_pareto(analysis.pareto(runs, cost), cost)
        return None
    timed = records.timed_alike(runs)
    column = records.seconds_column(timed)
    plotting.plot_pareto(analysis.pareto(runs.assign(**{column: timed[column]}), column), column)
    return timed_elsewhere(runs, timed)


def show_dose_response(
    runs: pd.DataFrame,
    x: str,
    by: str | None = None,
    metric: str = "validation_accuracy",
    label: str = "",
) -> Markdown | None:
    """Draw a metric at each value of `x`, a curve for each value of `by`; `label` names the axis of `x`."""
    if runs.empty:
        return Markdown(NO_RUNS)
    points = summary(runs, metric, [x, by] if by else x)
    ax = plotting.plot_dose_response(points, x=x, by=by, runs=runs, metric=metric)
    ax.set_xlabel(label or ax.get_xlabel())
    return None


def show_trends(runs: pd.DataFrame, level: str, by: str) -> pd.DataFrame | Markdown:
    """Return the change of test accuracy along a line through the values of `level`, a column for each of `by`."""
    trends = analysis.dose_response(runs, level, by, margin(runs)) if len(runs) else runs
    if trends.empty:
        return Markdown("*Nothing has three levels with runs yet.*")
    return analysis.percent(trends.set_index(by)).T


def show_effects(runs: pd.DataFrame, grid: pd.DataFrame) -> pd.DataFrame | Markdown:
    """Draw main effects and interactions of the factors of a grid, and return them as a table.

    A main effect of a single pair is no average and is left out.
    """
    effects = analysis.factorial_effects(runs, grid)
    effects = effects[(effects["cells"] > 1) | (effects["kind"] == "interaction")]
    if effects.empty:
        return Markdown("*No factor has two pairs of networks with runs yet.*")
    plotting.plot_intervals(effects, metric="difference", margin=margin(runs))
    return analysis.percent(effects)


def show_selection(runs: pd.DataFrame, fewest: int = 5) -> pd.DataFrame | Markdown:
    """Draw the accuracy of the best of single runs on the images that selected it and on others; return the table."""
    correct = analysis.selection_answers(runs)
    if len(correct) < fewest:
        return Markdown(f"*Left out: {len(correct)} of these networks have runs, and a choice needs {fewest}.*")
    choices = analysis.selection_bias(correct, np.random.default_rng(0))
    ax = plotting.plot_intervals(choices[:3], metric="test_accuracy")
    ax.set_title(f"the best of {len(correct)} networks", loc="left")
    return analysis.percent(choices)


def learned_runs(runs: pd.DataFrame) -> pd.DataFrame:
    """Return the runs of networks of which a run beat guessing, for figures of accuracy; display what is left out."""
    least = 1.2 / data.info(runs["dataset"].iloc[0]).classes
    learned = runs.groupby("experiment")["test_accuracy"].transform("max") >= least
    if learned.all() or not learned.any():
        return runs
    names = ", ".join(sorted({*runs["experiment"][~learned]}))
    display(Markdown(f"*Left out of the figures of accuracy, no run above {least:.0%}: {names}.*"))
    return runs[learned]


def show_published(
    runs: pd.DataFrame, metric: str = "validation_accuracy", label: str = "experiment"
) -> Markdown | None:
    """Draw and display the intervals next to the numbers that the reports print."""
    if runs.empty:
        return Markdown(NO_RUNS)
    compared = reports.compare_with_published(runs, metric)
    labels = compared["experiment"].map(dict(zip(runs["experiment"], runs[label], strict=True)))
    plotting.plot_intervals(compared.assign(label=labels), reference="published", metric=metric)
    display(analysis.percent(compared))
    return unofficial(runs)


def chosen_rates(chosen: pd.DataFrame, tuned: pd.DataFrame, at_default: pd.DataFrame) -> pd.DataFrame:
    """Return the best rate of each optimizer, its score when chosen and with fresh seeds, and the luck of the choice.

    `chosen` is as `best_of_grid` returns it; `tuned` and `at_default` are runs with fresh seeds.
    """
    again = summary(tuned, "validation_accuracy", "optimizer")[["optimizer", "estimate"]]
    scores = chosen.merge(again, on="optimizer", suffixes=("_when_chosen", "_with_fresh_seeds"))
    luck = scores["estimate_when_chosen"] - scores["estimate_with_fresh_seeds"]
    usual = at_default.groupby("optimizer")["learning_rate"].first()
    return scores.assign(keras_default=scores["optimizer"].map(usual), luck=luck).round(4)


def ranges(parts: Mapping[str, pd.DataFrame], by: str, metric: str = "validation_accuracy") -> pd.DataFrame:
    """Return the best and the worst value of `by` in each table of runs by the mean of `metric`, and their distance."""
    rows = {}
    for name, runs in parts.items():
        means = runs.groupby(by)[metric].mean()
        distance = round(100 * (means.max() - means.min()), 1)
        rows[name] = {"best": means.idxmax(), "worst": means.idxmin(), "distance (points)": distance}
    return pd.DataFrame.from_dict(rows, orient="index")


def show_time_to_accuracy(runs: pd.DataFrame, target: float, by: Sequence[str]) -> pd.DataFrame:
    """Draw the first epoch at which each run reached an accuracy, and return the median times, the fastest first."""
    timed = analysis.time_to_accuracy(runs, target)
    timed["label"] = [", ".join(f"{value:g}" if isinstance(value, float) else str(value) for value in row)
                      for row in timed[list(by)].itertuples(index=False)]  # fmt: skip
    plotting.plot_time_to_accuracy(timed, label="label")
    times = analysis.median_times(timed, list(by)).sort_values("cpu_seconds_to_target", kind="stable")
    for column in ("epochs_to_target", "cpu_seconds_to_target"):
        times[column] = [f"{value:.4g}" if np.isfinite(value) else "never" for value in times[column]]
    return times


def show_settings_map(cells: pd.DataFrame) -> pd.DataFrame:
    """Draw validation accuracy by learning rate and batch size; return the best rate of each batch size."""
    corners = execution.settings_map(cells, "learning_rate", "batch_size", _classes(cells))
    plotting.plot_heatmap(corners)
    known = corners[corners["lost"] < corners["n"]].dropna(subset="estimate")
    best = known.loc[known.groupby("batch_size")["estimate"].idxmax(), ["batch_size", "learning_rate", "estimate"]]
    return analysis.percent(best.set_index("batch_size"))


def show_scaling(cells: pd.DataFrame, batch_size: int) -> pd.DataFrame | Markdown:
    """Draw accuracy against the rate, and against the rate scaled to `batch_size`; return the table of the latter.

    Runs that learned nothing are left out. `range` is the distance between the numbers of a row.
    """
    learned = cells[cells["validation_accuracy"] >= execution.learning_threshold(_classes(cells))]
    if learned.empty:
        return Markdown("*No run of the map learned anything.*")
    rates = learned["learning_rate"] * batch_size / learned["batch_size"]
    scaled = learned.assign(scaled_rate=[float(f"{rate:.6g}") for rate in rates])
    _, panels = plt.subplots(1, 2, figsize=(10, 4.4), sharey=True, layout="constrained")
    for x, ax in zip(("learning_rate", "scaled_rate"), panels, strict=True):
        points = summary(scaled, "validation_accuracy", [x, "batch_size"])
        plotting.plot_dose_response(points, ax, x=x, by="batch_size", runs=scaled)
    rows = 100 * points.pivot_table("estimate", "scaled_rate", "batch_size")
    ranges = (rows.max(axis=1) - rows.min(axis=1)).where(rows.count(axis=1) > 1)
    return rows.assign(range=ranges).round(1)


def search_luck(trials: pd.DataFrame, fresh: pd.DataFrame) -> Markdown:
    """Return what luck added to the highest score of a search."""
    luck = 100 * (trials["best"].iloc[-1] - fresh["validation_accuracy"].mean())
    return Markdown(f"What luck added to the score of the best trial: {luck:+.2f} points of validation accuracy.")


def _classes(runs: pd.DataFrame) -> int:
    return len(runs["record"].iloc[0].classes["names"])


def learned(runs: pd.DataFrame) -> pd.DataFrame | Markdown:
    """Return the number of runs of each network that learned anything, compared with the first network."""
    return analysis.learned(runs, margin(runs)).set_index("experiment").round(3) if len(runs) else Markdown(NO_RUNS)


def show_signals(experiments: Sequence[Experiment]) -> None:
    """Draw signal and gradient by layer before training; networks that start alike once, under the first name."""
    different = list({one.id: one for one in experiments}.values())
    weights = networks(different)["weights"]
    starts = pd.concat([interpretability.initial_signals(one) for one in different])
    starts = starts.drop_duplicates(["depth", "signal", "gradient"])
    starts["experiment"] += " (" + starts["experiment"].map(weights) + ")"
    _, (left, right) = plt.subplots(1, 2, figsize=(10, 5.2), layout="constrained")
    plotting.plot_signal(starts, "signal", left, learning_rate=experiments[0].protocol.learning_rate)
    plotting.plot_signal(starts, "gradient", right)


def margin(runs: pd.DataFrame) -> float:
    """Return the difference of accuracy that does not matter on the dataset of `runs`."""
    return MARGINS.get(runs["dataset"].iloc[0], OTHER_MARGIN) if len(runs) else OTHER_MARGIN


def differences(
    runs: pd.DataFrame,
    questions: Iterable[Sequence[str]],
    metric: str = "test_accuracy",
    *,
    label: str = "experiment",
    by: str | None = None,
    grid: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Return `compare_all` of the questions of which both experiments have runs.

    Parameters
    ----------
    questions
        (A, B) or (A, B, label of the row): values of the column `label` of `runs`.
    by
        Column of `runs`: each of its values is compared, and adjusted by Holm, on its own.
    grid
        As `best_of_grid` returns it: a row that a level beyond the grid could reverse is undecided.
    """
    questions = {tuple(question[:2]): question[2:] for question in questions}
    groups = runs.groupby(by) if by else [(None, runs)]
    parts = []
    for value, part in groups:
        named = part.assign(experiment=part[label])
        pairs = comparable_pairs(named, questions)
        table = compare_all(named, pairs, margin(runs), metric)
        table = table if grid is None else execution.beyond_the_grid(table, pairs, grid)
        labels = [*(questions[pair] or (text,) for pair, text in zip(pairs, table["label"], strict=True))]
        first = "" if by is None or isinstance(value, str) else f"{value:,.0f} {by}: "
        parts.append(table.assign(label=[first + text for (text,) in labels]))
    return pd.concat(parts, ignore_index=True) if parts else compare_all(runs, [], OTHER_MARGIN)


def show_differences(
    runs: pd.DataFrame, questions: Iterable[Sequence[str]], metric: str = "test_accuracy", **options: Any
) -> pd.DataFrame:
    """Draw, display and return `differences`, with the band of differences that do not matter."""
    compared = differences(runs, questions, metric, **options)
    if compared.empty:
        display(Markdown("*No two networks that a question compares have runs yet.*"))
        return compared
    plotting.plot_intervals(compared, metric="difference", margin=margin(runs))
    display(analysis.percent(compared.set_index("label")))
    if text := unofficial(runs):
        display(text)
    return compared


def best_runs(runs: pd.DataFrame, metric: str = "validation_accuracy") -> pd.DataFrame:
    """Return the runs of the experiment with the highest mean of `metric`; failed runs left out."""
    means = summary(runs.dropna(subset=metric), metric).set_index("experiment")["estimate"]
    return runs[(runs["experiment"] == means.idxmax()) & (runs["status"] == "done")]


def show_confusion(runs: pd.DataFrame) -> pd.DataFrame | Markdown:
    """Draw the confusion matrix of the test images, summed over `runs`; return precision and recall of each class."""
    tests = [record.classes for record in runs["record"][runs["status"] == "done"]]
    if not tests:
        return Markdown(NO_RUNS)
    matrix, names = sum(np.array(test["test"]["confusion"]) for test in tests), tuple(tests[0]["names"])
    plotting.plot_confusion_matrix(matrix, names)
    return predictions.classification_report(matrix, names).round(3)


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


def single_run_risk(runs: pd.DataFrame, letters: Sequence[str]) -> pd.DataFrame:
    """Return `analysis.single_run_risk` of every pair of networks that a conclusion of these reports compares."""
    pairs = reports.published_pairs([claim for claim in reports.CONCLUSIONS if claim.report in letters])
    return analysis.single_run_risk(runs, pairs)


def show_single_runs(risk: pd.DataFrame) -> Markdown:
    """Draw how often single runs put two networks in the wrong order, and return the table of `single_run_risk`."""
    plotting.plot_wrong_orders(risk)
    return tables.single_runs(risk)


def show_power(risk: pd.DataFrame, effects: Sequence[float], most_seeds: int) -> None:
    """Draw the power to show each true difference by the number of seeds, from the spreads in `single_run_risk`."""
    plotting.plot_power(analysis.power_curves(risk["sd"], effects, most_seeds))


def show_false_positives(simulations: int, seed: int = 2021) -> None:
    """Draw how often claims of each kind hold in simulated runs without an effect."""
    plotting.plot_false_positives(statistics.false_holds(np.random.default_rng(seed), simulations))


def show_simulated_power(simulations: int, seed: int = 2022) -> None:
    """Draw how often planted differences are detected in simulated runs, next to the expected power."""
    plotting.plot_simulated_power(statistics.planted_effects(np.random.default_rng(seed), simulations))


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


def _model(experiment: Experiment, **options: Any):
    info = data.info(experiment.protocol.dataset)
    return experiment.build(padded_shape(info.image_shape, experiment.protocol.padding), info.classes, **options)


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
