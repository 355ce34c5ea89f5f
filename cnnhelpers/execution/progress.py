"""Show the progress of a study: a bar, and learning curves that grow in a notebook."""

import sys
import warnings
from collections.abc import Iterable
from contextlib import suppress
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from cnnhelpers import training
from cnnhelpers.execution.schedule import Key, PlannedRun

if TYPE_CHECKING:
    from tqdm.auto import tqdm

LINE = "{desc}: {n_fmt} of {total_fmt} runs [{elapsed}<{remaining}{postfix}]\n"


class _StandardError:
    """Standard error that may have been closed, or have no reader any more."""

    def __getattr__(self, name: str) -> object:
        return getattr(sys.stderr, name)

    def write(self, text: str) -> None:
        with suppress(OSError, ValueError):
            sys.stderr.write(text)

    def flush(self) -> None:
        with suppress(OSError, ValueError):
            sys.stderr.flush()


def progress_bar(label: str, total: int) -> "tqdm":
    """Return a tqdm bar for `total` runs, silent without a label; in a log, a line for each tenth of them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # without ipywidgets the bar in a notebook is text
        from tqdm.auto import tqdm
    options = {"desc": label, "total": total, "unit": "run", "file": _StandardError(), "disable": not label}
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    if not sys.stderr.isatty() and not hasattr(shell, "kernel"):  # neither in a terminal nor in a notebook
        options |= {"bar_format": LINE, "miniters": max(1, total // 10), "mininterval": 0, "maxinterval": inf}
        options |= {"leave": False}
    return tqdm(**options)


class LiveCurves:
    """Draw the learning curves of runs in flight in one figure below a notebook cell, after each epoch."""

    def __init__(self, folder: Path) -> None:
        """The folder holds the checkpoints of runs in flight."""
        self._folder = folder
        self._histories: dict[Key, pd.DataFrame] = {}
        self._handle = None

    def update(self, runs: Iterable[PlannedRun]) -> None:
        """Load the partial histories of runs in flight; draw if there are more epochs than before."""
        epochs = sum(map(len, self._histories.values()))
        for run in runs:
            if (history := training.Checkpoint(self._folder, *run.key).load_history()) is not None:
                frame = pd.DataFrame(history).assign(experiment=run.experiment.id, seed=run.seed)
                self._histories[run.key] = frame.assign(epoch=range(1, len(frame) + 1))
        if sum(map(len, self._histories.values())) > epochs:
            self._draw(pd.concat(self._histories.values(), ignore_index=True))

    def _draw(self, histories: pd.DataFrame) -> None:
        import matplotlib.pyplot as plt
        from IPython.display import display

        from cnnhelpers import plotting

        figure, ax = plt.subplots()
        plotting.plot_learning_curves(histories, "accuracy", ax)
        if self._handle is None:
            self._handle = display(figure, display_id=True)
        else:
            self._handle.update(figure)
        plt.close(figure)
