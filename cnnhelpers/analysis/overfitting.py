"""Where a training turns from learning to overfitting, and how far training and test loss end apart."""

import numpy as np
import pandas as pd

from cnnhelpers.analysis.measurements import Measurements, measure
from cnnhelpers.statistics import LAST_EPOCHS, interval, overfitting


def overfitting_onsets(runs: pd.DataFrame) -> pd.DataFrame:
    """Return for each experiment where its validation loss turns, how much it then grows, and the final loss gap.

    Returns
    -------
    pandas.DataFrame
        One row an experiment, losses in nats and without penalty, intervals over seeds of 95 %:

        - lowest_epoch: median over seeds of the epoch, from 1, with the lowest smoothed validation loss; any training
          has one, so it is an onset only where `overfits`
        - epochs: of the whole training
        - after: half of them; growth, growth_low, growth_high: mean validation loss of the last three epochs minus that
          of the three around `after`. NaN below 7 epochs, and where early stopping or divergence cut the runs short
        - overfits: "yes" where the whole interval of `growth` lies above 0 and that of the training loss below, else
          "not shown"
        - gap, gap_low, gap_high: test minus training loss at the end, dropout off
    """
    measurements = measure(runs)
    return pd.DataFrame(_onset(measurements, name) for name in dict.fromkeys(measurements.runs["experiment"]))


def _onset(measurements: Measurements, name: str) -> dict[str, object]:
    validation = measurements.curves(name, "validation_crossentropy")
    training = measurements.curves(name, "crossentropy")
    epochs, after = validation.shape[1], validation.shape[1] // 2
    gap = interval(measurements.values(name, "loss_gap"))
    row = {"experiment": name, "lowest_epoch": np.nan, "epochs": epochs, "after": after}
    row |= dict.fromkeys(("growth", "growth_low", "growth_high"), np.nan) | {"overfits": "not shown"}
    if training.shape == validation.shape and 2 <= after <= epochs - LAST_EPOCHS - 1:
        found = overfitting(training, validation, after)
        growth = {"growth": found.growth.difference, "growth_low": found.growth.low, "growth_high": found.growth.high}
        row |= {"lowest_epoch": found.turning_epoch} | growth
        row["overfits"] = "yes" if found.training_falls and found.growth.above() else "not shown"
    return row | {"gap": gap.mean, "gap_low": gap.low, "gap_high": gap.high}
