"""Export recorded histories as TensorBoard logs."""

from pathlib import Path

import numpy as np
import pandas as pd

from cnnhelpers.errors import InputError
from cnnhelpers.records.store import slug


def export(runs: pd.DataFrame, folder: str | Path) -> Path:
    """Write the histories of `runs` as logs EXPERIMENT/seed-SEED below `folder`, and return it.

    They hold the history by epoch as scalars, for `tensorboard --logdir FOLDER`. Existing logs are not written again.
    InputError: the package tensorboard is not installed.
    """
    try:
        from tensorboard.summary import Writer
    except ImportError as error:
        raise InputError("TensorBoard logs need its package: pip install tensorboard") from error
    folder = Path(folder)
    for run in runs.itertuples():
        log = folder / slug(run.experiment) / f"seed-{run.seed}"
        if log.exists():
            continue
        writer = Writer(str(log))
        for name, values in run.record.history.items():
            for epoch, value in enumerate(values, start=1):
                writer.add_scalar(name, np.nan if value is None else value, step=epoch)
        writer.close()
    return folder
