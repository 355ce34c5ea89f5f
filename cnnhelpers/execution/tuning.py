"""Tune settings: the best of a grid, and a search with Optuna, whose trials are runs like any other.

The highest of many scores is partly luck, so settings are chosen with seeds of their own (CHOOSING) and judged with
others. Optuna proposes settings and leaves training to `run`; Keras Tuner would train by itself.
"""

import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from cnnhelpers.analysis import summary
from cnnhelpers.errors import InputError, check_count, is_number
from cnnhelpers.execution.runner import run
from cnnhelpers.experiments import Experiment

CHOOSING = (100,)  # seeds that choose settings; those that judge them are 0, 1, 2, ...
SCORE = "validation_accuracy"
DIGITS = 2  # significant digits of a proposed number: more help no reader, and the last bits differ between machines

Space = Mapping[str, tuple[float, float] | list[Any]]


def best_of_grid(runs: pd.DataFrame, level: str = "learning_rate", by: str = "optimizer") -> pd.DataFrame:
    """Return the `level` with the highest mean validation accuracy for each value of `by`; a diverged run counts as 0.

    Columns `by`, `level`, estimate, and at_edge: whether it is the lowest or highest level in `runs`, so that the best
    may lie beyond the grid.

    >>> runs = pd.DataFrame({"optimizer": ["sgd"] * 3, "learning_rate": [0.01, 0.1, 1.0],
    ...                      "validation_accuracy": [0.80, 0.86, float("nan")]})
    >>> best_of_grid(runs).values.tolist()
    [['sgd', 0.1, 0.86, False]]
    """
    table = summary(runs.fillna({SCORE: 0.0}), SCORE, [by, level])
    groups = table.groupby(by, sort=False, dropna=False)  # None is a setting, too
    levels = groups[level]
    table["at_edge"] = (table[level] == levels.transform("min")) | (table[level] == levels.transform("max"))
    return table.loc[groups["estimate"].idxmax(), [by, level, "estimate", "at_edge"]].reset_index(drop=True)


def beyond_the_grid(compared: pd.DataFrame, pairs: Sequence[tuple[str, str]], chosen: pd.DataFrame) -> pd.DataFrame:
    """Return comparisons at the best of a grid, undecided where a level beyond the grid could reverse them.

    `compared` is what `compare_all` returns for `pairs` (A, B) of values of the first column of `chosen`, which is what
    `best_of_grid` returns: a level that is best at an edge of the grid may be better still beyond it.

    >>> compared = pd.DataFrame({"label": ["sgd − adam", "adam − rmsprop"], "verdict": ["contradicted", "holds"]})
    >>> chosen = pd.DataFrame({"optimizer": ["sgd", "adam", "rmsprop"], "at_edge": [True, False, False]})
    >>> beyond_the_grid(compared, [("sgd", "adam"), ("adam", "rmsprop")], chosen).values.tolist()
    [['sgd − adam (grid ends)', 'undecided'], ['adam − rmsprop', 'holds']]
    """
    ends = chosen.set_index(chosen.columns[0])["at_edge"]
    labels, verdicts = [], []
    for (a, b), label, verdict in zip(pairs, compared["label"], compared["verdict"], strict=True):
        reversible = ends[a] if verdict == "contradicted" else ends[b] if verdict.startswith("holds") else True
        ended = ends[a] or ends[b]
        labels.append(f"{label} (grid ends)" if ended else label)
        verdicts.append("undecided" if ended and reversible and verdict != "not enough runs" else verdict)
    return compared.assign(label=labels, verdict=verdicts)


def settings_map(runs: pd.DataFrame, x: str, y: str, classes: int = 10) -> pd.DataFrame:
    """Return mean and SD of the validation accuracy for each pair of settings `x`, `y`.

    Columns `x`, `y`, estimate, sd (runs that diverged count as 0), n, and lost: the number of runs that diverged or
    ended below `learning_threshold(classes)`.

    >>> runs = pd.DataFrame({"learning_rate": [0.1, 0.1, 9.0, 9.0], "batch_size": [32] * 4,
    ...                      "validation_accuracy": [0.8, 0.9, 0.1, float("nan")]})
    >>> settings_map(runs, "learning_rate", "batch_size")[["estimate", "n", "lost"]].round(2).values.tolist()
    [[0.85, 2.0, 0.0], [0.05, 2.0, 2.0]]
    """
    table = summary(runs.fillna({SCORE: 0.0}), SCORE, [x, y])
    unlearned = ~(runs[SCORE] >= learning_threshold(classes))
    lost = unlearned.groupby([runs[x], runs[y]], sort=False, dropna=False).sum()  # None is a setting, too
    return table[[x, y, "estimate", "sd", "n"]].assign(lost=lost.to_numpy())


def learning_threshold(classes: int) -> float:
    """Return the accuracy from which a run has learned something: twice guessing, or halfway from guessing to 1.

    >>> learning_threshold(10), learning_threshold(2)
    (0.2, 0.75)
    """
    return min(2 / classes, (1 + 1 / classes) / 2)


def search(
    make: Callable[..., Experiment],
    space: Space,
    trials: int,
    *,
    seed: int = 0,
    train: bool = True,
    folder: Path | str | None = None,
    progress: bool = True,
) -> tuple[pd.DataFrame, Experiment]:
    """Return the trials of a search for the highest validation accuracy, and its experiment: judge it with other seeds.

    Trials train in sequence, with the seeds CHOOSING. The same call proposes the same settings again, whose runs are
    recorded: an interrupted search continues.

    The table has a row for each trial: trial (from 1), the names of `space`, experiment, validation_accuracy (NaN:
    diverged, for the sampler 0), best (so far). InputError without Optuna, for bad `trials` or `space`, or if a trial
    is not recorded and may not be trained.

    Parameters
    ----------
    make
        Called with a value for each name of `space`; returns the experiment of a trial.
    space
        For each name a list of choices, or (lowest, highest) of numbers above 0, searched on a logarithmic scale.
    seed
        Of the sampler, a tree-structured Parzen estimator (Bergstra et al., 2011) after ten random trials.
    train, folder, progress
        As for `run`; without `train` every trial must be recorded.
    """
    check_count("trials", trials)
    _check_space(space)
    study = _study(seed)
    rows, experiments = [], []
    for number in range(1, trials + 1):
        trial = study.ask()
        settings = {name: _suggest(trial, name, values) for name, values in space.items()}
        experiment = make(**settings)
        experiments.append(experiment)
        runs = run(experiment, CHOOSING, train=train, folder=folder, progress=progress)
        if runs.empty:
            raise InputError(f"trial {number} ({experiment.id}) is not recorded: pass train=True to train it")
        score = runs[SCORE].mean(skipna=False)
        study.tell(trial, 0.0 if pd.isna(score) else float(score))
        rows.append({"trial": number, **settings, "experiment": experiment.id, SCORE: score})
    table = pd.DataFrame(rows)
    scores = table[SCORE].fillna(0.0)
    return table.assign(best=scores.cummax()), experiments[scores.argmax()]


def _check_space(space: Space) -> None:
    for name, values in space.items():
        interval = isinstance(values, tuple) and len(values) == 2 and all(map(is_number, values))
        if not (isinstance(values, list) and values) and not (interval and 0 < values[0] < values[1]):
            raise InputError(f"space[{name!r}] must be a list of choices or (low, high) above 0. Received: {values!r}")


def _study(seed: int) -> Any:
    """Return a silent Optuna study in memory that maximizes; the records are its storage."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of its progress bars, which need ipywidgets
            import optuna
    except ImportError as error:
        raise InputError('search needs Optuna: pip install "cnnhelpers[search]"') from error
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=seed))


def _suggest(trial: Any, name: str, values: tuple[float, float] | list[Any]) -> Any:
    if isinstance(values, tuple):
        return float(f"{trial.suggest_float(name, *values, log=True):.{DIGITS}g}")
    return trial.suggest_categorical(name, values)
