"""Networks of a chapter: tables of layers and sizes, diagrams, signals before training."""

from collections.abc import Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from IPython.display import Markdown

from cnnhelpers import data, interpretability, model_summary, plotting, reports
from cnnhelpers.book.chapters.images import data_source
from cnnhelpers.errors import InputError
from cnnhelpers.experiments import Experiment, padded_shape


def networks(experiments: Sequence[Experiment]) -> pd.DataFrame:
    """Return parameters, FLOPs, receptive field next to the side of the images, and weights of networks, a row each.

    The column weights says how they are drawn and whether batches are normalized. A network that is no chain of layers
    has no receptive field.
    """
    rows = []
    for experiment in experiments:
        model = _model(experiment)
        row = {"network": experiment.labels["title"] or experiment.id, "parameters": model.count_params()}
        row["MFLOPs for one image"] = round(model_summary.flops(model) / 1e6, 3)
        try:
            side = max(model.input_shape[1:3])
            row["receptive field (pixels)"] = f"{model_summary.receptive_field(model)} of {side}"
        except InputError:
            row["receptive field (pixels)"] = ""
        rows.append(row | {"weights": model_summary.initialization(model)})
    return pd.DataFrame(rows, index=pd.Index([experiment.id for experiment in experiments], name="experiment"))


def layers(experiment: Experiment) -> pd.DataFrame:
    """Return the layer table of the network: output shape, parameters and FLOPs of each layer."""
    return model_summary.layer_table(_model(experiment))


def diagram(experiment: Experiment):
    """Return the diagram of the network (keras.utils.plot_model), as text where graphviz is absent."""
    return model_summary.diagram(_model(experiment))


def backbone_source(study: "reports.Transfer") -> Markdown:
    """Return where the weights of a backbone come from: given weights, or the data of its pretraining."""
    if study.weights:
        return Markdown(f"The backbone starts from given weights: {study.weights}.")
    return data_source(study.pretraining)


def trainable(experiments: Sequence[Experiment], pretrained: bool = True) -> pd.Series:
    """Return the number of parameters that learn in each network; `pretrained` weights are loaded, and so checked."""
    models = [_model(experiment, pretrained=pretrained) for experiment in experiments]
    counts = [sum(int(np.prod(weight.shape)) for weight in model.trainable_variables) for model in models]
    return pd.Series(counts, [experiment.title for experiment in experiments], name="parameters that learn")


def show_signals(experiments: Sequence[Experiment]) -> None:
    """Draw signal and gradient by layer before training; networks that start alike once, under the first name."""
    different = list({experiment.id: experiment for experiment in experiments}.values())
    weights = networks(different)["weights"]
    starts = pd.concat([interpretability.initial_signals(experiment) for experiment in different])
    starts = starts.drop_duplicates(["depth", "signal", "gradient"])
    starts["experiment"] += " (" + starts["experiment"].map(weights) + ")"
    _, (left, right) = plt.subplots(1, 2, figsize=(10, 5.2), layout="constrained")
    plotting.plot_signal(starts, "signal", left, learning_rate=experiments[0].protocol.learning_rate)
    plotting.plot_signal(starts, "gradient", right)


def _model(experiment: Experiment, **options: Any):
    info = data.info(experiment.protocol.dataset)
    return experiment.build(padded_shape(info.image_shape, experiment.protocol.padding), info.classes, **options)
