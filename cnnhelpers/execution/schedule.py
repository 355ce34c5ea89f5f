"""Which runs are asked for: experiments and seeds, checked before any training, one set of pixels for each dataset."""

from collections.abc import Iterable, Sequence
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


@dataclass(frozen=True)
class Run:
    """One experiment with one seed, and what it is recorded under."""

    experiment: Experiment
    seed: int
    card: data.Card
    text: str

    @property
    def key(self) -> tuple[str, int]:
        """Return (identity, seed), the key of the store."""
        return identity_of(self.text), self.seed

    @property
    def cards(self) -> dict[str, data.Card]:
        """Return the card of every dataset that it trains on, by name: an experiment that comes `after` has others."""
        cards = {self.experiment.protocol.dataset: self.card}
        for before in self.experiment.chain()[1:]:
            cards.setdefault(before.protocol.dataset, data.card(before.protocol.dataset))
        return cards


def plan(experiments: Sequence[Experiment], seeds: int | Iterable[int], folder: Path) -> list[Run]:
    """Return every run that is asked for, all runs of a dataset on the same pixels.

    The data at hand decide. Where a named dataset is not at hand and the store holds the complete set of runs, made
    from whatever pixels, they are taken from there; else the data are downloaded. Data, splits and networks are
    checked here, before any training.
    """
    chosen = _seeds(seeds)
    labels = [experiment.id for experiment in experiments]
    twice = sorted({label for label in labels if labels.count(label) > 1})
    if twice:
        raise InputError(f"two experiments have the same id {twice[0]!r}: give each its own")
    recorded = set(records.index(folder))
    by_dataset: dict[str, list[Experiment]] = {}
    for experiment in experiments:
        by_dataset.setdefault(experiment.protocol.dataset, []).append(experiment)
    cards = {name: _cards(name, group, chosen, recorded, folder) for name, group in by_dataset.items()}
    texts = [(one, cards[one.protocol.dataset], one.text(*cards[one.protocol.dataset])) for one in experiments]
    for experiment in experiments:
        for before in experiment.chain()[1:]:
            before.identity()  # kept in it for a worker, which cannot read the source of your own code
    return [Run(experiment, seed, card, text) for experiment, (card, *_), text in texts for seed in chosen]


def _seeds(seeds: int | Iterable[int]) -> list[int]:
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


def _cards(
    name: str, experiments: list[Experiment], seeds: list[int], recorded: set[tuple[str, int]], folder: Path
) -> tuple[data.Card, ...]:
    """Return the card of the pixels that all runs on dataset `name` shall share, then those before them; see plan."""

    def complete(cards: tuple[data.Card, ...]) -> bool:
        return all((identity_of(one.text(*cards)), seed) in recorded for one in experiments for seed in seeds)

    names = chain_datasets(name, experiments)
    here = tuple(data.card(one) for one in names)
    if complete(here):
        return here
    if all(one not in data.KNOWN or data.at_hand(one) for one in names):
        return _checked(name, experiments, seeds), *here[1:]
    for cards in versions(here, records.load(folder)):
        if complete(cards):
            return cards
    return _checked(name, experiments, seeds), *(data.load(one).card for one in names[1:])


def chain_datasets(name: str, experiments: Iterable[Experiment]) -> list[str]:
    """Return `name`, then the other datasets that the experiments before these ones train on."""
    before = (one.protocol.dataset for experiment in experiments for one in experiment.chain())
    return list(dict.fromkeys([name, *before]))


def versions(cards: Sequence[data.Card], runs: pd.DataFrame) -> list[tuple[data.Card, ...]]:
    """Return every combination of the copies of these datasets that recorded `runs` were made from, official first.

    A dataset that is at hand, or of which nothing is recorded, has the one card given.
    """
    options = []
    for card in cards:
        away = card.name in data.KNOWN and not data.at_hand(card.name)
        found = sorted(copies(card, runs), key=lambda one: not one.official) if away else []
        options.append(found or [card])
    return list(product(*options))


def copies(card: data.Card, runs: pd.DataFrame) -> list[data.Card]:
    """Return the card of each copy of a dataset that recorded `runs` were made from."""
    known = {one.data["fingerprint"]: one.data["official"] for one in runs["record"] if one.data["name"] == card.name}
    return [replace(card, fingerprint=fingerprint, official=official) for fingerprint, official in known.items()]


def _checked(name: str, experiments: list[Experiment], seeds: list[int]) -> data.Card:
    """Load dataset `name` (downloaded if need be) and split it as every experiment will; return its card."""
    dataset = data.load(name)
    for experiment in experiments:
        protocol = experiment.protocol
        for seed in seeds if protocol.images else seeds[:1]:  # which classes a draw of images leaves out is chance
            split(dataset, protocol.split, seed, protocol.images)
    return dataset.card
