"""Curves draw themselves while runs train, and nowhere else."""

import matplotlib.pyplot as plt
import pandas as pd

from cnnhelpers.execution import live_plot as live
from cnnhelpers.execution.schedule import plan
from cnnhelpers.training import Checkpoint
from tests.tiny import tiny


def test_a_run_in_flight_is_drawn_when_an_epoch_ends_and_only_then(tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr(live.LiveCurves, "_draw", lambda self, curves: drawn.append(curves))
    flying = plan([tiny()], 1, tmp_path)
    curves = live.LiveCurves(tmp_path)
    curves.look(flying)
    checkpoint = Checkpoint(tmp_path, *flying[0].key)
    Checkpoint(tmp_path, flying[0].key[0], 1).write_history({"accuracy": [0.5]})  # no plot asks for this run
    assert [path.suffix for path in tmp_path.iterdir()] == [".epochs"]
    checkpoint.write_history({"accuracy": [0.5]})
    curves.look(flying)
    curves.look(flying)
    checkpoint.write_history({"accuracy": [0.5, 0.7]})
    curves.look(flying)
    assert [frame["accuracy"].tolist() for frame in drawn] == [[0.5], [0.5, 0.7]]
    assert drawn[-1][["experiment", "seed", "epoch"]].to_numpy().tolist() == [["tiny", 0, 1], ["tiny", 0, 2]]
    checkpoint.delete()
    assert checkpoint.load_history() is None


def test_the_figure_is_shown_once_and_then_updated(monkeypatch):
    shown = []

    class Handle:
        def update(self, figure):
            shown.append("update")

    monkeypatch.setattr("IPython.display.display", lambda figure, display_id: shown.append("display") or Handle())
    frame = pd.DataFrame({"experiment": "tiny", "seed": 0, "epoch": [1, 2], "accuracy": [0.5, 0.7]})
    curves, open_before = live.LiveCurves(None), plt.get_fignums()
    for _ in range(2):
        curves._draw(frame)
    assert shown == ["display", "update"]
    assert plt.get_fignums() == open_before
