"""The look: colours for every kind of vision, readable ink, labels with units, files that repeat."""

import subprocess
import sys

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex, to_rgb

from cnnhelpers import plotting
from cnnhelpers.plotting import style
from cnnhelpers.reports import catalog
from tests.plotting.test_curves import history

# What a colour becomes for eyes without one kind of cones: Machado, Oliveira and Fernandes (2009), severity 1.
VISION = {
    "full": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.3039]],
}


def linear(colours):
    channels = np.array([to_rgb(colour) for colour in colours])
    return np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)


@pytest.mark.parametrize("vision", VISION)
def test_colours_differ_with_every_kind_of_vision(vision):
    seen = (linear(style.COLOURS) @ np.transpose(VISION[vision])).clip(0, 1)
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    xyz = seen @ to_xyz.T / to_xyz.sum(axis=1)
    x, y, z = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116).T
    lab = np.column_stack([116 * y - 16, 500 * (x - y), 200 * (y - z)])
    distances = np.linalg.norm(lab[:, None] - lab, axis=-1)[np.triu_indices(len(lab), 1)]
    assert len(lab) == 8 and distances.min() > 15  # an eye just notices 2.3


def test_ink_is_readable_on_every_shade():
    for shade in mpl.colormaps["Blues"](np.linspace(0, 1, 50))[:, :3]:
        dark, light = sorted(linear([shade, style.ink(shade)]) @ (0.2126, 0.7152, 0.0722))
        assert (light + 0.05) / (dark + 0.05) >= 4.5, to_hex(shade)


@pytest.mark.parametrize(
    ("metric", "expected"),
    [
        ("accuracy", ("accuracy (%)", 100)),
        ("last_train_accuracy", ("last epoch's running training accuracy (%)", 100)),
        ("test_crossentropy", ("test cross-entropy (nats)", 1)),
        ("difference", ("difference in accuracy (points)", 100)),
        ("test_gap", ("training minus test accuracy (points)", 100)),
        ("peak_memory_mb", ("peak memory of the process (MB)", 1)),
        ("own_measure", ("own measure", 1)),
    ],
)
def test_metrics_have_labels_with_units(metric, expected):
    assert style.axis_label(metric) == expected


def test_figures_are_as_wide_as_the_book_white_and_repeat(tmp_path):
    plotting.use_style()
    assert mpl.rcParams["figure.figsize"][0] == 7.0 and mpl.rcParams["figure.facecolor"] == "white"
    for name in ("a.svg", "b.svg"):
        figure = plotting.plot_learning_curves(history("A1")).figure
        assert figure.get_figwidth() == 7.0
        figure.savefig(tmp_path / name, metadata={"Date": None})
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()


def test_tables_show_the_longest_title_of_a_study():
    plotting.use_style()
    longest = max((experiment.labels["title"] for experiment in catalog.all_experiments()), key=len)
    assert len(longest) > 50  # where pandas cuts
    assert longest in pd.DataFrame({"title": [longest]}).to_html()


def test_figures_need_no_training_library():
    code = "import sys; from cnnhelpers import plotting; [getattr(plotting, name) for name in plotting.__all__]; "
    code += "assert not {'keras', 'tensorflow'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
