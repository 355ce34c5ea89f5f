"""The one picture of README and book: what a report printed, beside what several seeds say. Made from records."""

from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd

from cnnhelpers import plotting, records, reports
from cnnhelpers.errors import InputError

TITLES = {
    "A1": "A1  3 convolutions",
    "A2": "A2  1 convolution",
    "A3": "A3  3 convolutions, L2",
    "A4": "A4  1 convolution, L2",
    "A5": "A5  3 convolutions, dropout",
    "A6": "A6  1 convolution, dropout",
    "A7": "A7  3 convolutions, early stopping",
    "A8": "A8  1 convolution, early stopping",
}


def draw(path: Path | str, folder: Path | str | None = None) -> Path:
    """Write the picture of report A's validation accuracies as a PNG and return its path.

    Raises
    ------
    InputError
        If report A is not recorded in `folder`.
    """
    runs = records.load(folder)
    runs = runs[(runs["profile"] == "published") & (runs["experiment"].isin(TITLES)) & (runs["report"] == "A")]
    if runs.empty:
        raise InputError("report A is not recorded: python -m cnnhelpers run A")
    order = pd.Categorical(runs["experiment"], categories=list(TITLES), ordered=True)
    runs = runs.assign(order=order).sort_values(["order", "seed"])
    table = reports.compare_with_published(runs, "validation_accuracy")
    with plt.rc_context():
        plotting.use_style()
        figure, ax = plt.subplots(figsize=(7, 4), layout="constrained")
        plotting.plot_seeds(runs.assign(experiment=runs["experiment"].map(TITLES)), "validation_accuracy", ax)
        for row, published in enumerate(table["published"]):
            ax.plot(100 * published, row, "D", markersize=8, markerfacecolor="none", markeredgecolor="black", zorder=5)
        handles, _ = [*ax.get_legend().legend_handles], None
        diamond = plt.Line2D([], [], linestyle="none", marker="D", markerfacecolor="none", markeredgecolor="black")
        diamond.set_label("published, one run")
        ax.legend(handles=[*handles, diamond], loc="lower center", bbox_to_anchor=(0.4, 1.0), ncols=3, frameon=False)
        figure.savefig(path, dpi=110)
        plt.close(figure)
    return Path(path)
