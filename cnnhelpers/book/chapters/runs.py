"""Runs of a chapter: how they were made, which are missing, and which count."""

from collections.abc import Iterable, Sequence

import pandas as pd
from IPython.display import Markdown, display

from cnnhelpers import analysis, data, records, reports
from cnnhelpers.analysis import summary
from cnnhelpers.errors import InputError
from cnnhelpers.experiments import Experiment
from cnnhelpers.statistics import MARGINS

NO_RUNS = "*None of these runs is recorded yet.*"
OTHER_MARGIN = 0.005  # accuracy; of data without a margin in MARGINS
PLAIN_PIXELS = {"official", "own"}


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
    recorded = runs["record"]
    machines = sorted({record.environment.get("processor", "") for record in recorded} - {""})
    used = {
        (name, record.environment["versions"].get(name))
        for record in recorded
        if (name := record.environment.get("backend"))
    }
    used |= {("keras", record.environment["versions"].get("keras")) for record in recorded}
    libraries = [f"{name} {version or 'of unknown version'}" for name, version in sorted(used)]
    commits = sorted({record.environment.get("commit", "") for record in recorded} - {""})
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
        f"{', '.join(libraries)}; "
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
    without = [experiment for experiment in experiments if experiment.id not in counts]
    few = [
        f"{experiment.id} ({counts[experiment.id]})"
        for experiment in experiments
        if counts.get(experiment.id, seeds) < seeds
    ]
    sentences = []
    if without:
        names = ", ".join(f"**{experiment.id}** ({experiment.labels['title']})" for experiment in without)
        sentences.append(f"**Not shown, because no run is recorded:** {names}. {_training_command(without, seeds)}")
    if few:
        sentences.append(f"**Fewer than {seeds} seeds so far:** {', '.join(few)}.")
    if len(crashed := runs.drop(settled.index)):
        error = crashed.iloc[0].record.stop["error"]
        sentences.append(f"**Ended in an error:** {len(crashed)} of {len(runs)} runs, the first with: {error}")
    return Markdown(" ".join(sentences) or f"Every experiment of this page has its {seeds} seeds.")


def _training_command(experiments: Sequence[Experiment], seeds: int) -> str:
    """Return a sentence with the command that trains the first experiment the command line knows, else `train`."""
    published = {experiment.id: experiment for experiment in reports.all_experiments()}
    for experiment in experiments:
        if experiment.id not in published or experiment.profile not in reports.profiles.PROFILES:
            continue
        if reports.profiles.apply(published[experiment.id], experiment.profile).protocol == experiment.protocol:
            command = reports.profiles.command(experiment.id, experiment.profile, seeds)
            return f"`{command}` trains {experiment.id}."
    return "With `train` switched on, the page trains them."


def unofficial(runs: pd.DataFrame) -> Markdown | None:
    """Return a sentence to stand below numbers of runs on a copy of the data, None where all pixels are official."""
    copies = sorted({f"{run.pixels} of {run.dataset}" for run in runs.itertuples() if run.pixels not in PLAIN_PIXELS})
    if not copies:
        return None
    text = f"Numbers on {', '.join(copies)}; what a report printed is of the official pixels, in the official order, "
    return Markdown(f"*{text}by which it may have held out other images.*")


def timed_elsewhere(runs: pd.DataFrame, timed: pd.DataFrame) -> Markdown:
    """Return a sentence on what a figure of seconds leaves out: experiments, or seeds, of `runs` that are not `timed`.

    `timed` is as `records.timed_alike` returns it.
    """
    kept = timed["experiment"].value_counts()
    names = [
        name if name not in kept else f"{name} ({kept[name]} of {n} seeds shown)"
        for name, n in runs["experiment"].value_counts(sort=False).items()
        if kept.get(name, 0) < n
    ]
    left_out = f"*Timed on another machine or in another precision, and left out: {', '.join(names)}.*"
    return Markdown(left_out if names else "*All runs were timed on one machine, in one precision.*")


def show_stops(runs: pd.DataFrame, experiments: Iterable[Experiment]) -> pd.DataFrame | Markdown:
    """Return after how many epochs the runs with early stopping ended, and why."""
    stopped = runs[
        runs["experiment"].isin([experiment.id for experiment in experiments if experiment.protocol.early_stopping])
    ]
    if stopped.empty:
        return Markdown(NO_RUNS)
    epochs = stopped.groupby(["experiment", "stop_reason"], sort=False)["epochs_run"]
    return epochs.agg(["count", "min", "median", "max"]).rename(columns={"count": "runs"}).reset_index()


def learned(runs: pd.DataFrame) -> pd.DataFrame | Markdown:
    """Return the number of runs of each network that learned anything, compared with the first network."""
    return analysis.learned(runs, margin(runs)).set_index("experiment").round(3) if len(runs) else Markdown(NO_RUNS)


def learned_runs(runs: pd.DataFrame) -> pd.DataFrame:
    """Return the runs of networks of which a run beat guessing, for figures of accuracy; display what is left out."""
    least = 1.2 / data.info(runs["dataset"].iloc[0]).classes
    learned = runs.groupby("experiment")["test_accuracy"].transform("max") >= least
    if learned.all() or not learned.any():
        return runs
    names = ", ".join(sorted({*runs["experiment"][~learned]}))
    display(Markdown(f"*Left out of the figures of accuracy, no run above {least:.0%}: {names}.*"))
    return runs[learned]


def best_runs(runs: pd.DataFrame, metric: str = "validation_accuracy") -> pd.DataFrame:
    """Return the runs of the experiment with the highest mean of `metric`; failed runs left out."""
    means = summary(runs.dropna(subset=metric), metric).set_index("experiment")["estimate"]
    return runs[(runs["experiment"] == means.idxmax()) & (runs["status"] == "done")]


def margin(runs: pd.DataFrame) -> float:
    """Return the difference of accuracy that does not matter on the dataset of `runs`."""
    return MARGINS.get(runs["dataset"].iloc[0], OTHER_MARGIN) if len(runs) else OTHER_MARGIN


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
