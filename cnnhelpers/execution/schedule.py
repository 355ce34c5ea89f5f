"""Plan the runs of a study before any training: experiments with seeds, each dataset from one copy of its pixels."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd

from cnnhelpers import data, records
from cnnhelpers.data import DatasetInfo, split
from cnnhelpers.errors import InputError
from cnnhelpers.experiments import Experiment, identity_of
from cnnhelpers.seeds import check_seed

Key = tuple[str, int]  # identity and seed of a run


@dataclass(frozen=True)
class PlannedRun:
    """An experiment with a seed, and the datasets that it trains on."""

    experiment: Experiment
    seed: int
    infos: dict[str, DatasetInfo]  #: by name; of an experiment `after` another on other data there are several
    text: str  #: canonical

    @property
    def info(self) -> DatasetInfo:
        """Return the DatasetInfo of the dataset that the run itself trains on."""
        return self.infos[self.experiment.protocol.dataset]

    @property
    def key(self) -> Key:
        """Return (identity, seed), the key of the store."""
        return identity_of(self.text), self.seed


def plan(
    experiments: Sequence[Experiment], seeds: int | Iterable[int], folder: Path, *, train: bool = True
) -> list[PlannedRun]:
    """Return every run of `experiments` with `seeds`, all runs of a dataset from one copy of its pixels.

    The copy is chosen from the runs recorded in `folder`, see records.preferred_copy. With `train`, it is this
    machine's where the data are at hand or runs are missing (downloaded if need be); data, splits and networks of
    missing runs are checked.
    """
    seeds = _checked_seeds(seeds)
    ids = [experiment.id for experiment in experiments]
    if duplicates := {id for id in ids if ids.count(id) > 1}:
        raise InputError(f"experiments must have different ids. Received: id={min(duplicates)!r} twice")
    infos = _copies(experiments, seeds, folder, train)
    planned = []
    for experiment in experiments:
        used = {name: infos[name] for name in _datasets([experiment])}
        text = experiment.text(*used.values())
        planned += [PlannedRun(experiment, seed, used, text) for seed in seeds]
        for earlier in experiment.chain()[1:]:
            earlier.identity()  # cached for a worker process, which cannot read the source of a notebook's code
    return planned


def _checked_seeds(seeds: int | Iterable[int]) -> list[int]:
    if isinstance(seeds, (int, np.integer)) and not isinstance(seeds, bool) and seeds >= 1:
        return list(range(seeds))
    if not isinstance(seeds, Iterable):
        raise InputError(f"seeds must be a number of seeds of at least 1, or a list of them. Received: seeds={seeds!r}")
    checked = [check_seed(seed) for seed in seeds]
    if not checked or len(set(checked)) < len(checked):
        raise InputError(f"seeds must be different whole numbers, at least one. Received: seeds={checked}")
    return checked


def _copies(experiments: Sequence[Experiment], seeds: list[int], folder: Path, train: bool) -> dict[str, DatasetInfo]:
    """Return the DatasetInfo of the chosen copy of each dataset, see plan."""
    users = {name: [each for each in experiments if name in _datasets([each])] for name in _datasets(experiments)}
    here = {name: data.info(name) for name in users}
    recorded = set(records.index(folder))

    def keys(experiments: Sequence[Experiment], copies: Mapping[str, Sequence[DatasetInfo]]) -> set[Key]:
        """Return the keys of runs of `experiments` from every combination of `copies`."""
        chains = [(each, product(*(copies[name] for name in _datasets([each])))) for each in experiments]
        texts = {each.text(*infos) for each, combinations in chains for infos in combinations}
        return {(identity_of(text), seed) for text in texts for seed in seeds}

    def incomplete(name: str, infos: Mapping[str, DatasetInfo]) -> bool:
        return not keys(users[name], {other: [info] for other, info in infos.items()}) <= recorded

    at_hand = {name for name in users if train and data.is_local(name)}
    chosen = dict(here)
    if at_hand != {*users} and any(incomplete(name, here) for name in users):
        runs = records.load(folder)
        copies = {name: [info] if name in at_hand else _all_copies(info, runs) for name, info in here.items()}
        for name in users:
            counts = {info: len(keys(users[name], copies | {name: [info]}) & recorded) for info in copies[name]}
            chosen[name] = records.preferred_copy(counts, here[name])
            copies[name] = [chosen[name]]
    while train and (away := [name for name in users if chosen[name] != here[name] and incomplete(name, chosen)]):
        chosen |= {name: here[name] for name in away}
    for name in [name for name in users if train and incomplete(name, chosen)]:
        chosen[name] = _checked_data(name, users[name], seeds)
    return chosen


def _datasets(experiments: Iterable[Experiment]) -> list[str]:
    """Return the names of the datasets of experiments and of those that they come after."""
    return list(dict.fromkeys(step.protocol.dataset for experiment in experiments for step in experiment.chain()))


def _all_copies(info: DatasetInfo, runs: pd.DataFrame) -> list[DatasetInfo]:
    """Return `info` and those of other copies of its dataset that `runs` were recorded from."""
    used = [record.data for record in runs["record"] if record.data["name"] == info.name]
    copies = [replace(info, fingerprint=each["fingerprint"], official=each["official"]) for each in used]
    return list(dict.fromkeys([info, *copies]))


def _checked_data(name: str, experiments: Sequence[Experiment], seeds: list[int]) -> DatasetInfo:
    """Load dataset `name` (downloaded if need be) and split it as every experiment will; return its DatasetInfo."""
    dataset = data.load(name)
    for protocol in [each.protocol for each in experiments if each.protocol.dataset == name]:
        for seed in seeds if protocol.images else seeds[:1]:  # which classes a draw of images leaves out is chance
            split(dataset, protocol.split, seed, protocol.images)
    return dataset.info
