"""List the runs that are asked for, checked before any training, each dataset from one copy of its pixels."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd

from cnnhelpers import data, records
from cnnhelpers.data import split
from cnnhelpers.errors import InputError
from cnnhelpers.experiments import Experiment, identity_of
from cnnhelpers.seeds import check_seed

Key = tuple[str, int]  # identity and seed of a run


@dataclass(frozen=True)
class Run:
    """An experiment with a seed, and the datasets that it trains on."""

    experiment: Experiment
    seed: int
    cards: dict[str, data.DatasetInfo]  #: by name; an experiment that comes `after` another on other data has several
    text: str

    @property
    def card(self) -> data.DatasetInfo:
        """Return the card of the dataset that the run itself trains on."""
        return self.cards[self.experiment.protocol.dataset]

    @property
    def key(self) -> Key:
        """Return (identity, seed), the key of the store."""
        return identity_of(self.text), self.seed


def plan(
    experiments: Sequence[Experiment], seeds: int | Iterable[int], folder: Path, *, train: bool = True
) -> list[Run]:
    """Return every run of `experiments` with `seeds`, all runs of a dataset from one copy of its pixels.

    The copy is chosen from what `folder` holds of these runs, by records.preferred_copy. Runs that are missing train
    on the copy of this machine, which is downloaded if need be: with `train`, a dataset of which runs are missing, or
    that is at hand, is taken from there, and data, splits and networks of missing runs are checked here.
    """
    seeds = _checked_seeds(seeds)
    ids = [one.id for one in experiments]
    if twice := sorted({id for id in ids if ids.count(id) > 1}):
        raise InputError(f"ids must differ. Received: two experiments with the same id {twice[0]!r}")
    cards = _one_copy_each(experiments, seeds, folder, train)
    runs = []
    for experiment in experiments:
        own = {name: cards[name] for name in _datasets([experiment])}
        text = experiment.text(*own.values())
        runs += [Run(experiment, seed, own, text) for seed in seeds]
        for before in experiment.chain()[1:]:
            before.identity()  # cached for a worker process, which cannot read the source of a notebook's code
    return runs


def _checked_seeds(seeds: int | Iterable[int]) -> list[int]:
    if isinstance(seeds, (int, np.integer)) and not isinstance(seeds, bool):
        if seeds < 1:
            raise InputError(
                f"seeds must be a number of seeds of at least 1, or a list of them. Received: seeds={seeds}"
            )
        return list(range(seeds))
    if not isinstance(seeds, Iterable):
        raise InputError(f"seeds must be a number of seeds or a list of them. Received: seeds={seeds!r}")
    chosen = [check_seed(seed) for seed in seeds]
    if not chosen or len(set(chosen)) < len(chosen):
        raise InputError(f"seeds must be different whole numbers, at least one. Received: seeds={chosen}")
    return chosen


def _one_copy_each(
    experiments: Sequence[Experiment], seeds: list[int], folder: Path, train: bool
) -> dict[str, data.DatasetInfo]:
    """Return the card of the copy of each dataset, see plan."""
    users = {name: [one for one in experiments if name in _datasets([one])] for name in _datasets(experiments)}
    here = {name: data.info(name) for name in users}
    recorded = set(records.index(folder))

    def keys(experiments: Sequence[Experiment], copies: Mapping[str, Sequence[data.DatasetInfo]]) -> set[Key]:
        """Return the keys of runs of `experiments` from every combination of `copies`."""
        texts = {one.text(*cards) for one in experiments for cards in product(*(copies[d] for d in _datasets([one])))}
        return {(identity_of(text), seed) for text in texts for seed in seeds}

    def incomplete(name: str, cards: Mapping[str, data.DatasetInfo]) -> bool:
        return not keys(users[name], {other: [card] for other, card in cards.items()}) <= recorded

    at_hand = {name for name in users if train and data.is_local(name)}
    if at_hand == {*users} or not any(incomplete(name, here) for name in users):
        chosen = dict(here)
    else:
        runs = records.load(folder)
        copies = {name: [card] if name in at_hand else _copies(card, runs) for name, card in here.items()}
        for name in users:
            counts = {card: len(keys(users[name], copies | {name: [card]}) & recorded) for card in copies[name]}
            copies[name] = [records.preferred_copy(counts, here[name])]
        chosen = {name: cards[0] for name, cards in copies.items()}
    while train and (away := [name for name in users if chosen[name] != here[name] and incomplete(name, chosen)]):
        chosen |= {name: here[name] for name in away}
    for name in [name for name in users if train and incomplete(name, chosen)]:
        chosen[name] = _checked(name, users[name], seeds)
    return chosen


def _datasets(experiments: Iterable[Experiment]) -> list[str]:
    """Return the names of the datasets that experiments, and those before them, train on."""
    return list(dict.fromkeys(step.protocol.dataset for one in experiments for step in one.chain()))


def _copies(card: data.DatasetInfo, runs: pd.DataFrame) -> list[data.DatasetInfo]:
    """Return `card` and those of the other copies of its dataset that recorded `runs` were made from."""
    known = {one.data["fingerprint"]: one.data["official"] for one in runs["record"] if one.data["name"] == card.name}
    others = [replace(card, fingerprint=fingerprint, official=official) for fingerprint, official in known.items()]
    return list(dict.fromkeys([card, *others]))


def _checked(name: str, experiments: Sequence[Experiment], seeds: list[int]) -> data.DatasetInfo:
    """Load dataset `name` (downloaded if need be) and split it as every experiment will; return its card."""
    dataset = data.load(name)
    for protocol in [one.protocol for one in experiments if one.protocol.dataset == name]:
        for seed in seeds if protocol.images else seeds[:1]:  # which classes a draw of images leaves out is chance
            split(dataset, protocol.split, seed, protocol.images)
    return dataset.info
