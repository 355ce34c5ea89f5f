"""The runs that are there already, for pages that show what is recorded, train nothing and say what is missing."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path

import pandas as pd
from IPython.display import Markdown

from cnnhelpers import data, records
from cnnhelpers.experiment import Experiment, identity_of
from cnnhelpers.plans import chain_datasets, copies

FEWEST = 2  # seeds without which an experiment has no spread, and is not shown


def recorded(experiments: Sequence[Experiment], seeds: int, folder: Path | str | None = None) -> pd.DataFrame:
    """Return the recorded runs of `experiments` with the seeds 0 .. seeds-1, as `run` does; nothing is trained.

    An experiment with fewer than FEWEST of them is left out, and `missing` names it. All runs on a dataset share their
    pixels: of several versions in the records that on this machine if any of these runs is of it, else the one with
    most of them.
    """
    folder = Path(folder) if folder is not None else records.default_folder()
    files, found = records.index(folder), []
    for name in dict.fromkeys(one.protocol.dataset for one in experiments):
        own = [one for one in experiments if one.protocol.dataset == name]
        cards = _cards(name, own, seeds, set(files), folder)
        for one in own:
            runs = [records.read(files[key]) for key in sorted(_keys([one], cards, seeds) & set(files))]
            runs = [run for run in runs if run.stop["reason"] in records.SETTLED]
            found += [replace(run, labels=one.labels) for run in runs] if len(runs) >= FEWEST else []
    return records.table(found)


def missing(experiments: Sequence[Experiment], runs: pd.DataFrame, seeds: int) -> Markdown:
    """Return a sentence for a page: which of `experiments` have no runs or fewer than `seeds`, and what trains them."""
    counts = runs["experiment"].value_counts()
    without = [one for one in experiments if one.id not in counts]
    few = [f"{one.id} ({counts[one.id]})" for one in experiments if counts.get(one.id, seeds) < seeds]
    if not without and not few:
        return Markdown(f"Every experiment of this page has its {seeds} seeds.")
    told = []
    if without:
        profiles = {one.profile for one in without} - {"published", "own"}
        option = f" --profile {profiles.pop()}" if len(profiles) == 1 else ""
        names = ", ".join(f"**{one.id}** ({one.labels['title']})" for one in without)
        command = f"`python -m cnnhelpers run {without[0].id}{option} --seeds {seeds}` trains the first of them."
        if all(one.profile == "own" and not one.report for one in without):
            command = "With `train` switched on, the page trains them."
        told.append(f"**Not shown, because not run yet:** {names}. {command}")
    if few:
        told.append(f"**Fewer than {seeds} seeds so far:** {', '.join(few)}.")
    return Markdown(" ".join(told))


def _cards(
    name: str, own: Sequence[Experiment], seeds: int, files: set[tuple[str, int]], folder: Path
) -> tuple[data.Card, ...]:
    """Return the version of dataset `name`, then of those that came before it, whose runs are shown; see recorded."""
    names = chain_datasets(name, own)
    here = tuple(data.card(one) for one in names)
    if _keys(own, here, seeds) <= files:
        return here
    users = [[one for one in own if dataset in chain_datasets(name, [one])] for dataset in names]
    everything = records.load(folder)

    def preference(cards: tuple[data.Card, ...]) -> tuple[list[bool], int]:
        mine = [card == own_card for card, own_card in zip(cards, here, strict=True)]
        shown = [bool(_keys(of_one, cards, seeds) & files) for of_one in users]
        return [both == (True, True) for both in zip(mine, shown, strict=True)], len(_keys(own, cards, seeds) & files)

    return max(product(*([card, *copies(card, everything)] for card in here)), key=preference)


def _keys(experiments: Sequence[Experiment], cards: tuple[data.Card, ...], seeds: int) -> set[tuple[str, int]]:
    return {(identity_of(one.text(*cards)), seed) for one in experiments for seed in range(seeds)}
