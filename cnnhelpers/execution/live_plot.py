"""Learning curves that draw themselves in a notebook while runs train."""

from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from cnnhelpers import training
from cnnhelpers.execution.schedule import Run


class LiveCurves:
    """One figure below the cell that called `run(..., live=True)`, redrawn when an epoch ends."""

    def __init__(self, folder: Path) -> None:
        """`folder` holds the checkpoints of the runs in flight."""
        self._folder = folder
        self._curves: dict[tuple[str, int], pd.DataFrame] = {}
        self._handle = None

    def look(self, flying: Iterable[Run]) -> None:
        """Load the partial histories of the runs in flight, and draw them if there are new epochs."""
        epochs = sum(map(len, self._curves.values()))
        for one in flying:
            if (history := training.Checkpoint(self._folder, *one.key).load_history()) is not None:
                frame = pd.DataFrame(history).assign(experiment=one.experiment.id, seed=one.seed)
                self._curves[one.key] = frame.assign(epoch=range(1, len(frame) + 1))
        if sum(map(len, self._curves.values())) > epochs:
            self._draw(pd.concat(self._curves.values(), ignore_index=True))

    def _draw(self, curves: pd.DataFrame) -> None:
        import matplotlib.pyplot as plt
        from IPython.display import display

        from cnnhelpers import plotting

        figure, ax = plt.subplots()
        plotting.plot_learning_curves(curves, "accuracy", ax)
        if self._handle is None:
            self._handle = display(figure, display_id=True)
        else:
            self._handle.update(figure)
        plt.close(figure)
