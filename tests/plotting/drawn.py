"""Read the data back from figures."""

import io

import numpy as np
from matplotlib.collections import PathCollection


def lines(ax, style="-"):
    return [line for line in ax.lines if line.get_linestyle() == style and len(line.get_xdata()) > 1]


def marks(ax, marker):
    return [line for line in ax.lines if line.get_marker() == marker]


def legend(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def texts(ax):
    return [text.get_text() for text in ax.texts]


def ticks(axis):
    return [label.get_text() for label in axis.get_ticklabels()]


def dots(ax):
    """Return the x values of each row of dots."""
    save(ax.figure)  # a swarm takes its places when it is drawn
    rows = [row.get_offsets() for row in ax.collections if isinstance(row, PathCollection) and len(row.get_offsets())]
    return [np.sort(row[:, 0]).round(6).tolist() for row in rows]


def save(figure):
    """Draw a figure, which warns of layouts that fail and of missing glyphs."""
    figure.savefig(io.BytesIO(), dpi=50)
