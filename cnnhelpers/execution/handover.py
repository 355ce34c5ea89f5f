"""Datasets for workers on other machines: what they have is used, what they lack comes from the client as a file."""

from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from cnnhelpers import data
from cnnhelpers.errors import InputError


def provide(name: str, card: data.DatasetInfo, folder: Path) -> bool:
    """Return whether data.load(name) gives the pixels of `card` in this process: those found here, else from `folder`.

    Parameters
    ----------
    folder
        Where the client may have put the file that `file_name` names, by data.Dataset.save.
    """
    with suppress(InputError):
        if data.is_local(name) and data.info(name) == card:
            return True
    path = folder / file_name(card)
    if not path.is_file():
        return False
    data.PROVIDED[name] = replace(data.load(path), name=card.name, fingerprint=card.fingerprint, official=card.official)
    return True


def file_name(card: data.DatasetInfo) -> str:
    """Return the name of the file in which a dataset is handed over."""
    return f"{card.fingerprint}.npz"
