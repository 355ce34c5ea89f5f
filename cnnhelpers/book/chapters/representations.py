"""What networks have learned: figures and tables of the measures that `interpretability.measure_runs` keeps."""

from collections.abc import Mapping, Sequence
from math import comb

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from cnnhelpers import execution, interpretability, plotting
from cnnhelpers.errors import InputError
from cnnhelpers.experiments import Experiment
from cnnhelpers.interpretability import by_layer, similarity

Measures = Mapping[str, np.ndarray]
LABELS = {
    "moran": "Moran's I",
    "probe": "accuracy of a linear probe",
    "silhouette": "silhouette of the classes",
    "moved": "change of the weights",
    "kept": "CKA with epoch 0",
    "dead": "dead units",
}
SHARES = ("probe", "dead")  # metrics that are drawn in percent


def measured(seeds: Mapping[Experiment, int], train: bool = False) -> tuple[dict[str, list[Measures]], pd.DataFrame]:
    """Return the measures of experiments by id, a list with one item a seed, and their runs.

    `seeds` is the number of seeds of each experiment. See `interpretability.measure_runs`, also for `train`.
    """
    measures, runs = {}, []
    for number in dict.fromkeys(seeds.values()):
        experiments = [experiment for experiment, wanted in seeds.items() if wanted == number]
        measures |= interpretability.measure_runs(experiments, number, train=train)
        runs.append(execution.run(experiments, number, train=train))
    return measures, pd.concat(runs)


def show_learned(runs: Sequence[Measures], what: str) -> None:
    """Draw what the first of the runs has learned.

    `what` is "filters_first" or "filters_last" (of the first or last convolution), "maps_convolution" or
    "maps_pooling" (feature maps of a test image), "preferred_first" or "preferred_last" (images that filters prefer),
    or "weights" (of each layer, before and after training).
    """
    arrays = runs[0][what]
    if what.startswith("filters"):
        plotting.plot_filters(arrays)
    elif what == "weights":
        plotting.plot_weight_changes(*arrays, [str(layer) for layer in runs[0]["layers"][1:]])
    else:
        plotting.plot_tiles(arrays.transpose(2, 0, 1) if what.startswith("maps") else arrays)


def show_by_layer(measures: Mapping[str, Sequence[Measures]], experiments: Sequence[Experiment], metric: str) -> None:
    """Draw a metric of `by_layer` before and after training, a panel for each experiment."""
    _, panels = plt.subplots(1, len(experiments), figsize=(5 * len(experiments), 4.2), sharey=True, squeeze=False)
    for ax, experiment in zip(panels[0], experiments, strict=True):
        runs = measures[experiment.id]
        level = (float(runs[0]["random_moran"][0]), "random order") if metric == "moran" else None
        table = by_layer({experiment.id: runs}, metric)
        plotting.plot_by_layer(table, LABELS[metric], ax, reference=level, percent=metric in SHARES)
        ax.set_title(experiment.title or experiment.id)


def show_changes(measures: Mapping[str, Sequence[Measures]], experiments: Sequence[Experiment]) -> pd.DataFrame:
    """Draw what training changes in each layer; return the layer that moves least, and that with most dead units."""
    both = {experiment.id: measures[experiment.id] for experiment in experiments}
    _, panels = plt.subplots(1, 3, figsize=(12, 4.2))
    means = {}
    for ax, metric in zip(panels, ("moved", "kept", "dead"), strict=True):
        table = by_layer(both, metric)
        table = table[table["moment"] == "after training"]
        plotting.plot_by_layer(table, LABELS[metric], ax, by="network", percent=metric in SHARES)
        means[metric] = table.groupby(["network", "layer"], sort=False)["value"].mean()
    rows = {
        name: {
            "weights move least in": means["moved"][name].idxmin(),
            "times their start": round(means["moved"][name].min(), 2),
            "most dead units in": means["dead"][name].idxmax(),
            "share of dead units": round(means["dead"][name].max(), 3),
        }
        for name in both
    }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("network")


def show_projection(
    measures: Mapping[str, Sequence[Measures]], name: str, class_names: Sequence[str], components: int = 5
) -> pd.DataFrame:
    """Draw the dense layer before the output of a run of the experiment `name` in two dimensions: PCA and t-SNE.

    Returns
    -------
    pandas.DataFrame
        The percentage of the variance that the first components explain together, a column for each experiment.
    """
    plotting.plot_projection(measures[name][0], class_names)
    shares = {name: np.cumsum(100 * runs[0]["explained"][:components].astype(float)) for name, runs in measures.items()}
    table = pd.DataFrame({name: pd.Series(values) for name, values in shares.items()}).round(1)
    return table.set_axis(pd.RangeIndex(1, len(table) + 1, name="components"))


def show_similarity(measures: Mapping[str, Sequence[Measures]], experiment: Experiment) -> pd.DataFrame:
    """Draw the mean CKA between layers of runs that differ in their seed; return that of three layers with themselves.

    The three are the first layer, the least similar one and the output.
    """
    runs = measures[experiment.id]
    layers, matrix = [str(layer) for layer in runs[0]["layers"]], similarity(runs)
    plotting.plot_similarity(matrix, layers, layers, ("one seed", "another seed"))
    cka = pd.Series(np.diag(matrix), layers)[1:].round(2)
    row = {"first layer": cka.iloc[0], "least similar layer": cka.min(), "which": cka.idxmin(), "output": cka.iloc[-1]}
    return pd.DataFrame(row, index=pd.Index([experiment.id], name="network"))


def show_similarity_to_baseline(
    measures: Mapping[str, Sequence[Measures]], experiments: Sequence[Experiment]
) -> pd.DataFrame:
    """Draw the CKA of each layer with that of the first experiment, and return the layers that differ.

    Returns
    -------
    pandas.DataFrame
        A row for each network but the first: the layers of which every pair of runs lies below every pair of the
        baseline, whether the network has the layers of the baseline, and the highest probability, in each layer, that
        a network without a difference gets there.

    Raises
    ------
    InputError
        If there is no experiment.
    """
    if not experiments:
        raise InputError("a comparison needs at least one network. Received: none")
    runs = {experiment.id: measures[experiment.id] for experiment in experiments}
    baseline, *others = runs
    table = interpretability.similarity_to_baseline(runs, baseline)
    table = table[table["layer"] != "input"]
    titles = {experiment.id: f"{experiment.id} {experiment.title}" for experiment in experiments}
    named = table.assign(network=table["network"].map(titles))
    plotting.plot_by_layer(named, f"CKA with {baseline}", by="network")
    pairs = table.groupby(["network", "layer"], sort=False)["value"].agg(["min", "max"])
    rows = []
    for name in others:
        below = pairs.loc[name].index[pairs.loc[name, "max"] < pairs.loc[baseline, "min"]]
        alike = np.array_equal(runs[name][0]["layers"], runs[baseline][0]["layers"])
        chance = 2 / comb(2 * len(runs[name]), len(runs[name]))
        rows.append((name, ", ".join(below) or "none", "yes" if alike else "no", round(chance, 2)))
    columns = ["network", "layers below the baseline", "same layers", "probability by chance, each layer"]
    return pd.DataFrame(rows, columns=columns).set_index("network")


def show_attributions(runs: Sequence[Measures], experiment: Experiment, class_names: Sequence[str]) -> None:
    """Draw saliency and Grad-CAM of right and wrong answers of the first of the runs."""
    run = runs[0]
    answers, truths = (run[part][run["shown"]] for part in ("predicted", "labels"))
    titles = [
        class_names[answer] if answer == true else f"{class_names[answer]} (true: {class_names[true]})"
        for answer, true in zip(answers, truths, strict=True)
    ]
    maps = {"saliency": run["saliency"], "Grad-CAM": run["cam"]}
    plotting.plot_attributions(maps, titles, interpretability.explained_images(experiment, run))


def show_sanity_checks(runs: Sequence[Measures]) -> None:
    """Draw how similar explanations stay as the weights of more and more layers are shuffled."""
    ax = plotting.plot_by_layer(interpretability.sanity_checks(runs), "rank correlation", by="map")
    ax.set_xlabel("weights shuffled, from the output down to")
