"""Progress is a bar or lines on standard error; curves are drawn while runs train, and nowhere else."""

import io

import matplotlib.pyplot as plt
import pandas as pd
import pytest

from cnnhelpers.execution.progress import LiveCurves, progress_bar
from cnnhelpers.execution.schedule import plan
from cnnhelpers.training import Checkpoint
from tests.tiny import tiny


def test_a_log_has_a_line_for_each_tenth_of_the_runs(capsys):
    with progress_bar("tiny", 40) as bar:
        for _ in range(40):
            bar.update()
    lines = [line.strip() for line in capsys.readouterr().err.splitlines() if line.strip()]
    assert [line.split(" [")[0] for line in lines] == [f"tiny: {n} of 40 runs" for n in range(0, 41, 4)]


def test_an_interrupted_bar_leaves_a_whole_line_in_a_terminal_and_an_empty_label_nothing(monkeypatch):
    stream = io.StringIO()
    stream.isatty = lambda: True
    monkeypatch.setattr("sys.stderr", stream)
    with pytest.raises(KeyboardInterrupt), progress_bar("tiny", 4) as bar:
        bar.update()
        raise KeyboardInterrupt
    assert stream.getvalue().endswith("\n") and "1/4" in stream.getvalue()
    with progress_bar("", 4) as bar:
        bar.update()
    assert stream.getvalue().endswith("\n")


def test_a_run_in_flight_is_drawn_when_an_epoch_ends_and_only_then(tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr(LiveCurves, "_draw", lambda self, curves: drawn.append(curves))
    flying = plan([tiny()], 1, tmp_path)
    curves = LiveCurves(tmp_path)
    curves.update(flying)
    checkpoint = Checkpoint(tmp_path, *flying[0].key)
    Checkpoint(tmp_path, flying[0].key[0], 1).write_history({"accuracy": [0.5]})  # no plot asks for this run
    assert [path.suffix for path in tmp_path.iterdir()] == [".epochs"]
    checkpoint.write_history({"accuracy": [0.5]})
    curves.update(flying)
    curves.update(flying)
    checkpoint.write_history({"accuracy": [0.5, 0.7]})
    curves.update(flying)
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
    curves, open_before = LiveCurves(None), plt.get_fignums()
    for _ in range(2):
        curves._draw(frame)
    assert shown == ["display", "update"]
    assert plt.get_fignums() == open_before
