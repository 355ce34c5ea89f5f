"""Runs are trained and measured once; their measures are kept next to the records and tabulated by layer."""

import json
from concurrent.futures import ThreadPoolExecutor

import keras
import numpy as np
import pandas as pd
import pytest
from keras import layers

from cnnhelpers import reports
from cnnhelpers.errors import InputError
from cnnhelpers.execution.runner import run
from cnnhelpers.experiments import Experiment, Protocol
from cnnhelpers.interpretability import activations, metrics, store
from cnnhelpers.interpretability.measure import measure
from tests.faults import networks


def planted(draw):
    """Return the measures of a run that tables by layer need."""
    first, second = draw.normal(size=(100, 6)), draw.normal(size=(100, 6))
    return {
        "layers": np.array(["input", "convolution 1", "output"]),
        "labels": np.zeros(100, int),
        "similarities": np.stack([metrics.similarities(layer) for layer in (first, second, first + second)]),
        "probe": np.array([[0.5, 0.6, np.nan], [0.5, 0.7, 0.8]]),
        "moran": np.array([[-0.1], [0.2]]),
        "moved": np.array([0.3, 0.4]),
        "sanity": np.array([[1.0, 0.5, 0.2], [1.0, 0.1, 0.0]]),
    }


@pytest.fixture(scope="module")
def small():
    """Return the measures of a tiny model trained to tell bright from dark images, and the models."""
    draw = np.random.default_rng(0)
    labels = draw.integers(0, 2, 120)
    images = np.clip(draw.normal(60, 20, (120, 10, 10, 1)) + 120 * labels[:, None, None, None], 0, 255).astype(np.uint8)
    keras.utils.set_random_seed(0)
    network = keras.Sequential(
        [
            keras.Input((10, 10, 1)),
            layers.Conv2D(4, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dense(6, activation="relu"),
            layers.Dense(2, activation="softmax"),
        ]
    )
    model = keras.Sequential([keras.Input((10, 10, 1), dtype="uint8"), layers.Rescaling(1 / 255), network])
    initial = keras.models.clone_model(model)
    initial.set_weights(model.get_weights())
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(images, labels, epochs=20, batch_size=20, verbose=0)
    before = model.get_weights()
    found = measure(model, initial, (images[:80], labels[:80]), (images[80:], labels[80:]))
    return found, initial, model, before


def test_all_measures_of_a_model_have_the_shapes_that_are_promised(small):
    found, *_ = small
    assert list(found["layers"]) == ["input", "convolution 1", "dense 1", "output"]
    shapes = {"probe": (2, 4), "silhouette": (2, 4), "dead": (2, 4), "similarities": (4, 2, 190), "kept": (4,)}
    shapes |= {"weights": (2, 3, 101), "moved": (3,), "moran": (2, 1), "filters_last": (3, 3, 1, 4), "sanity": (2, 4)}
    shapes |= {"maps_convolution": (8, 8, 4), "maps_pooling": (4, 4, 4), "components": (40, 3), "tsne": (40, 2)}
    assert {name: found[name].shape for name in shapes} == shapes
    assert found["preferred_first"].dtype == np.uint8 and found["preferred_first"].shape == (4, 10, 10, 1)
    assert sum(array.nbytes for array in found.values()) < 100_000


def test_measures_differ_before_and_after_training_and_leave_the_model_as_it_is(small):
    found, initial, model, before = small
    kernels = [version.get_weights()[2] for version in (initial, model)]
    assert found["moved"][1] == pytest.approx(metrics.change(*kernels), rel=1e-3)
    assert found["weights"][1, 1, [0, -1]] == pytest.approx([kernels[1].min(), kernels[1].max()], abs=1e-3)
    assert found["probe"][1].min() > 0.9  # brightness can be read everywhere
    assert (found["predicted"] == found["labels"]).mean() > 0.9
    assert found["kept"][0] == pytest.approx(1, abs=1e-3)
    assert np.isnan(found["dead"][:, [0, 3]]).all() and np.isfinite(found["dead"][:, 1:3]).all()
    assert found["sanity"][0, 0] == pytest.approx(1)
    assert all(np.array_equal(*pair) for pair in zip(before, model.get_weights(), strict=True))


def flat(*network):
    """Return a model of layers for images (8, 8, 1)."""
    inner = keras.Sequential([keras.Input((8, 8, 1)), *network])
    return keras.Sequential([keras.Input((8, 8, 1), dtype="uint8"), layers.Rescaling(1 / 255), inner])


def one_unit():
    hidden = layers.Dense(1), layers.Dense(2, activation="softmax")
    return flat(layers.Conv2D(2, 1, activation="relu"), layers.Flatten(), *hidden)


def ends_in_an_average():
    maps = layers.Conv2D(3, 3, activation="relu"), layers.Conv2D(2, 3)
    return flat(*maps, layers.GlobalAveragePooling2D(), layers.Softmax())


def dead():
    never = layers.Dense(4, activation="relu", bias_initializer=keras.initializers.Constant(-1000.0))
    return flat(layers.Conv2D(2, 3, activation="relu"), layers.Flatten(), never, layers.Dense(2, activation="softmax"))


def branched():
    image = keras.Input((8, 8, 1))
    first = layers.Conv2D(2, 3, padding="same", activation="relu")(image)
    maps = layers.Add()([first, layers.Conv2D(2, 3, padding="same")(first)])
    output = layers.Dense(2, activation="softmax")(layers.Flatten()(maps))
    rescaling = layers.Rescaling(1 / 255)
    return keras.Sequential([keras.Input((8, 8, 1), dtype="uint8"), rescaling, keras.Model(image, output)])


@pytest.mark.parametrize("make", [one_unit, ends_in_an_average, dead, branched])
def test_networks_of_other_shapes_are_measured_whole(make):
    draw = np.random.default_rng(0)
    images, labels = draw.integers(0, 256, (60, 8, 8, 1), np.uint8), np.arange(60) % 2
    keras.utils.set_random_seed(0)
    model, initial = make(), make()
    found = measure(model, initial, (images, labels), (images[:40], labels[:40]))
    assert found["components"].shape[1] >= 2 and found["tsne"].shape == (40, 2)
    assert len(found["sanity"][0]) == len(found["layers"])
    assert np.array_equal(found["predicted"], np.argmax(model.predict(images[:40], verbose=0), axis=-1))
    kernels = sum(str(name).startswith("convolution") for name in found["layers"])
    assert found["moran"].shape == (2, kernels)
    assert np.isnan(found["random_moran"][0]) == (make is one_unit)  # which has a single weight a slice
    if make is dead:
        assert not found["tsne"].any() and found["dead"][1, 2] == 1


def test_an_initial_model_of_another_architecture_is_refused():
    images, labels = np.zeros((60, 8, 8, 1), np.uint8), np.arange(60) % 2
    with pytest.raises(InputError, match="initial"):
        measure(dead(), one_unit(), (images, labels), (images, labels))


def test_images_that_are_all_the_same_are_refused_and_do_not_end_the_process():
    images, labels = np.zeros((60, 8, 8, 1), np.uint8), np.arange(60) % 2
    with pytest.raises(InputError, match=r"\(0.0, 0.0\)"):
        measure(dead(), dead(), (images, labels), (images, labels))


def test_activations_are_measured_layer_by_layer(monkeypatch):
    asked = []
    all_layers = activations.activations
    monkeypatch.setattr(activations, "activations", lambda *given: asked.append(given[2:]) or all_layers(*given))
    images, labels = np.random.default_rng(0).integers(0, 256, (60, 8, 8, 1), np.uint8), np.arange(60) % 2
    measure(ends_in_an_average(), ends_in_an_average(), (images, labels), (images, labels))
    assert all(len(names) == 1 for (names,) in asked)


def test_a_network_that_is_too_large_for_the_images_is_refused_in_one_line():
    experiment = reports.find_one("A-vis")
    with pytest.raises(InputError, match=experiment.id) as caught:
        experiment.build((12, 12, 3), 3)
    assert not {"\n", "\x1b"} & set(str(caught.value))


def test_an_empty_list_of_networks_is_refused():
    with pytest.raises(InputError, match=r"\[\]"):
        store.measure_runs([])


def counted(input_shape, classes):
    """A network that writes a line to $BUILT whenever it is built to be trained."""
    networks.counted(input_shape, classes)
    hidden = [layers.Conv2D(4, 3, strides=2, activation="relu"), layers.Flatten()]
    return keras.Sequential([keras.Input(input_shape), *hidden, layers.Dense(classes, activation="softmax")])


def test_a_run_is_trained_measured_and_recorded_once_also_for_two_callers_at_once(tmp_path, monkeypatch):
    monkeypatch.setenv("BUILT", str(tmp_path / "built"))
    experiment = Experiment(counted, Protocol(epochs=1, images=200), id="tiny")
    with ThreadPoolExecutor(2) as threads:
        callers = [threads.submit(store.measure_runs, experiment, [3], workers=1, folder=tmp_path) for _ in range(2)]
    first, again = (caller.result()["tiny"][0] for caller in callers)
    assert len((tmp_path / "built").read_text().splitlines()) == 2  # to train it, and for its initial weights
    assert all(np.array_equal(first[name], again[name]) for name in ("probe", "tsne", "similarities", "layers"))
    (path,) = tmp_path.rglob("*.measures.npz")
    written = path.stat().st_mtime_ns
    assert store.measure_runs(experiment, [3], folder=tmp_path)["tiny"][0]["about"] == first["about"]
    runs = run(experiment, [3], folder=tmp_path, progress=False)  # recorded already
    assert (path.stat().st_mtime_ns, len((tmp_path / "built").read_text().splitlines())) == (written, 2)
    table = store.overview({"tiny": [first]}, tmp_path)
    assert table.loc["tiny", "weights as recorded"] == 1
    assert json.loads(str(first["about"]))["weights_sha256"] == runs.record[0].weights_sha256
    assert table.loc["tiny", "accuracy"] == pytest.approx(runs.test_accuracy[0])  # digits has 500 test images
    assert store.explained_images(experiment, first).shape[1:] == (28, 28, 1)
    assert store.add_moran(runs, tmp_path).first_filters_moran[0] == pytest.approx(first["moran"][1, 0])


def test_runs_without_measures_have_no_moran(tmp_path):
    runs = pd.DataFrame({"identity": ["0" * 16], "seed": [0]})
    table = store.add_moran(runs, tmp_path)
    assert table[["first_filters_moran", "last_filters_moran"]].isna().all(axis=None)
    assert list(store.add_moran(runs[:0], tmp_path).columns)[-1] == "last_filters_moran"


def test_a_damaged_file_is_refused_by_name(tmp_path):
    folder = tmp_path / "representations"
    folder.mkdir()
    (folder / f"tiny-{'0' * 16}-0.measures.npz").write_bytes(b"PK cut short")
    with pytest.raises(InputError, match=r"tiny-0+-0.measures.npz"):
        store.add_moran(pd.DataFrame({"identity": ["0" * 16], "seed": [0]}), tmp_path)


def test_a_table_by_layer_names_layers_and_leaves_out_nan():
    draw = np.random.default_rng(0)
    table = store.by_layer({"A": [planted(draw), planted(draw)]}, "probe")
    assert len(table) == 10  # 2 runs x 2 moments x 3 layers, less the NaN of each
    chosen = table[(table.seed == 1) & (table.layer == "convolution 1")]
    assert dict(zip(chosen.moment, chosen.value, strict=True)) == {"before training": 0.6, "after training": 0.7}
    assert list(store.by_layer({"A": [planted(draw)]}, "moran").layer) == ["convolution 1"] * 2
    assert list(store.by_layer({"A": [planted(draw)]}, "moved").layer) == ["convolution 1", "output"]


def test_similarity_is_the_mean_over_pairs_of_different_runs():
    draw = np.random.default_rng(0)
    runs = [planted(draw) for _ in range(3)]
    pairs = [(0, 1), (0, 2), (1, 2), (1, 0), (2, 0), (2, 1)]
    by_hand = [metrics.cka(runs[a]["similarities"][0], runs[b]["similarities"][2]) for a, b in pairs]
    assert store.similarity(runs)[[0, 2], [2, 0]] == pytest.approx(np.mean(by_hand))  # neither of a pair comes first
    one_way = metrics.cka(runs[0]["similarities"][0], runs[1]["similarities"][2])
    assert store.similarity(runs[:1], runs[1:2])[0, 2] == pytest.approx(one_way)
    assert np.diag(store.similarity(runs[:1])) == pytest.approx(1)
    assert np.diag(store.similarity(runs[:1], runs[:1])) == pytest.approx(1)


def test_runs_on_other_images_are_not_compared():
    one = planted(np.random.default_rng(0))
    with pytest.raises(InputError, match="same images"):
        store.similarity([one, one | {"labels": np.ones(100, int)}])


def test_similarity_to_the_baseline_is_between_layers_of_the_same_name():
    draw = np.random.default_rng(0)
    first, second = planted(draw), planted(draw)
    other = planted(draw) | {"layers": np.array(["input", "convolution 1", "dense 1"])}
    table = store.similarity_to_baseline({"A": [first, second], "B": [other], "C": [first]}, "A")
    assert list(table.layer.unique()) == ["input", "convolution 1"]
    of_input = table[table.layer == "input"].groupby("network").value.agg(list)
    apart = store.similarity([first], [second])[0, 0]
    assert of_input["A"] == pytest.approx([apart])  # one pair of two seeds
    assert of_input["C"] == pytest.approx([1, apart]) and len(of_input["B"]) == 2  # each of its runs with each of A


def test_sanity_checks_go_from_the_output_down():
    table = store.sanity_checks([planted(np.random.default_rng(0))])
    assert list(table.loc[table["map"] == "Grad-CAM", "layer"]) == ["none", "output", "convolution 1"]
    assert list(table.loc[table["map"] == "saliency", "value"]) == [1.0, 0.5, 0.2]
