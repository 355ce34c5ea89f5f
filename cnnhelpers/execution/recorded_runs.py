"""The runs that are there already, for pages that show what is recorded, train nothing and say what is missing."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from itertools import product
from pathlib import Path

import pandas as pd
from IPython.display import Markdown

from cnnhelpers import data, records
from cnnhelpers.errors import InputError
from cnnhelpers.execution.schedule import chain_datasets, copies
from cnnhelpers.experiments import Experiment, identity_of
from cnnhelpers.reports import all_experiments, profiles

FEWEST = 2  # seeds without which an experiment has no spread, and is not shown


def recorded(
    experiments: Sequence[Experiment], seeds: int | None = None, folder: Path | str | None = None
) -> pd.DataFrame:
    """Return the recorded runs of `experiments` with the seeds 0 .. seeds-1, as `run` does; nothing is trained.

    Without `seeds` every recorded seed counts. Runs are found by what was trained, not by the profile they were
    recorded under: `fair` leaves many experiments as published.

    An experiment with fewer than FEWEST of them is left out, and `missing` names it. All runs on a dataset share their
    pixels: of several versions in the records that on this machine if any of these runs is of it, else the one with
    most of them.

    Raises
    ------
    InputError
        If fewer than FEWEST seeds are asked for.
    """
    folder = Path(folder) if folder is not None else records.default_folder()
    files, found = records.index(folder), []
    if seeds is not None:
        check_seeds(seeds)
    wanted = {seed for _, seed in files} if seeds is None else set(range(seeds))
    loaded = cache(lambda: records.load(folder))
    for name in dict.fromkeys(one.protocol.dataset for one in experiments):
        own = [one for one in experiments if one.protocol.dataset == name]
        cards = _cards(name, own, wanted, set(files), loaded)
        for one in own:
            runs = [records.read(files[key]) for key in sorted(_keys([one], cards, wanted) & set(files))]
            runs = [run for run in runs if run.stop["reason"] in records.SETTLED]
            found += [replace(run, labels=one.labels) for run in runs] if len(runs) >= FEWEST else []
    return records.table(found)


def check_seeds(seeds: int) -> None:
    """Raise InputError for fewer than FEWEST seeds: for pages that would find out after training."""
    if type(seeds) is not int or seeds < FEWEST:
        raise InputError(f"seeds must be at least {FEWEST}: one run has no spread to show. Received: seeds={seeds!r}")


def missing(experiments: Sequence[Experiment], runs: pd.DataFrame, seeds: int) -> Markdown:
    """Return for a page which of `experiments` lack runs, what trains them, and the first error of runs that crashed.

    A run that diverged is a run; one that ended in an error is none.
    """
    settled = runs[runs["stop_reason"].isin(records.SETTLED)]
    counts = settled["experiment"].value_counts()
    without = [one for one in experiments if one.id not in counts]
    few = [f"{one.id} ({counts[one.id]})" for one in experiments if counts.get(one.id, seeds) < seeds]
    told = []
    if without:
        names = ", ".join(f"**{one.id}** ({one.labels['title']})" for one in without)
        told.append(
            f"**Not shown, because fewer than {FEWEST} runs are recorded:** {names}. {_trained_by(without, seeds)}"
        )
    if few:
        told.append(f"**Fewer than {seeds} seeds so far:** {', '.join(few)}.")
    if len(crashed := runs.drop(settled.index)):
        error = crashed.iloc[0].record.stop["error"]
        told.append(f"**Ended in an error:** {len(crashed)} of {len(runs)} runs, the first of them so: {error}")
    return Markdown(" ".join(told) or f"Every experiment of this page has its {seeds} seeds.")


def _trained_by(experiments: Sequence[Experiment], seeds: int) -> str:
    """Return a sentence on what trains them: the command line where it has one of them, else the page itself."""
    published = {one.id: one for one in all_experiments()}
    for one in experiments:
        if one.id not in published or one.profile not in profiles.PROFILES:
            continue
        if profiles.apply(published[one.id], one.profile).protocol == one.protocol:
            option = f" --profile {one.profile}" if one.profile != "published" else ""
            return f"`python -m cnnhelpers run {one.id}{option} --seeds {seeds}` trains {one.id}."
    return "With `train` switched on, the page trains them."


def _cards(
    name: str,
    own: Sequence[Experiment],
    seeds: set[int],
    files: set[tuple[str, int]],
    loaded: Callable[[], pd.DataFrame],
) -> tuple[data.Card, ...]:
    """Return the version of dataset `name`, then of those that came before it, whose runs are shown; see recorded."""
    names = chain_datasets(name, own)
    here = tuple(data.card(one) for one in names)
    if _keys(own, here, seeds) <= files:
        return here
    users = [[one for one in own if dataset in chain_datasets(name, [one])] for dataset in names]

    def preference(cards: tuple[data.Card, ...]) -> tuple[list[bool], int]:
        mine = [card == own_card for card, own_card in zip(cards, here, strict=True)]
        shown = [bool(_keys(of_one, cards, seeds) & files) for of_one in users]
        return [both == (True, True) for both in zip(mine, shown, strict=True)], len(_keys(own, cards, seeds) & files)

    return max(product(*([card, *copies(card, loaded())] for card in here)), key=preference)


def _keys(experiments: Sequence[Experiment], cards: tuple[data.Card, ...], seeds: set[int]) -> set[tuple[str, int]]:
    return {(identity_of(one.text(*cards)), seed) for one in experiments for seed in seeds}
