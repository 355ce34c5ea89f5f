"""What the chapter on depth and kernel size computes: grids, choices, fronts, signals, onsets, recorded runs."""

import keras
import numpy as np
import pandas as pd
import pytest
from keras import Input, Sequential, layers

from cnnhelpers.analysis import (
    factorial_effects,
    interaction,
    main_effect,
    overfitting_onsets,
    pareto,
    pareto_front,
    selection_bias,
)
from cnnhelpers.book import chapters
from cnnhelpers.errors import InputError
from cnnhelpers.interpretability.signal_propagation import at_the_start, signals
from cnnhelpers.model_summary import flops, initialization, receptive_field
from cnnhelpers.networks import report_d_6
from cnnhelpers.plotting import plot_pareto, plot_signal
from cnnhelpers.records import store as records
from cnnhelpers.records.store import Record
from cnnhelpers.reports import depth_and_kernel, profiles

GRID = pd.DataFrame(
    {"convolutions": [2, 2, 5, 5, 7], "regularized": [False, True, False, True, True]},
    index=["plain 2", "regularized 2", "plain 5", "regularized 5", "regularized 7"],
)


@pytest.fixture
def planted():
    """Return runs where depth 5 adds 1 point, regularization 2, and both together another 3; seeds add their own."""
    worth = {"plain 2": 0.90, "regularized 2": 0.92, "plain 5": 0.91, "regularized 5": 0.96, "regularized 7": 0.95}
    luck = (0.0, 0.004, -0.004)
    return pd.DataFrame(
        [
            {"experiment": name, "seed": seed, "test_accuracy": value + luck[seed]}
            for name, value in worth.items()
            for seed in range(3)
        ]
    )


def test_planted_effects_are_found_and_what_a_seed_adds_to_all_cancels(planted):
    table = factorial_effects(planted, GRID).set_index("label")
    assert table["estimate"].round(6).to_dict() == {
        "5 convolutions rather than 2": 0.025,  # (0.01 + 0.04) / 2
        "7 convolutions rather than 2": 0.03,  # regularized only
        "regularized rather than not": 0.035,  # (0.02 + 0.05) / 2
        "5 convolutions, more where regularized": 0.03,
    }
    assert table["cells"].tolist() == [2, 1, 2, 1]
    assert table[["low", "high"]].isna().to_numpy().all()  # no variance is left
    assert table["p"].tolist() == [1.0] * 4  # exact sign-flip p of three seeds 0.25, times 4
    assert table["kind"].tolist() == ["main effect"] * 3 + ["interaction"]


def test_a_seed_that_one_cell_lacks_is_incomplete_for_the_whole_effect(planted):
    runs = planted[~((planted["experiment"] == "plain 5") & (planted["seed"] == 2))]
    found = main_effect(runs, [("plain 5", "plain 2"), ("regularized 5", "regularized 2")])
    assert (found.n_pairs, found.n_failed) == (2, 1)


def test_effects_leave_out_what_has_no_runs_and_refuse_two_experiments_alike(planted):
    few = planted[planted["experiment"].str.startswith("plain")]
    assert factorial_effects(few, GRID)["label"].tolist() == ["5 convolutions rather than 2"]
    assert factorial_effects(planted[planted["experiment"] == "plain 2"], GRID).empty
    with pytest.raises(InputError, match="must differ in a factor"):
        factorial_effects(planted, GRID.assign(convolutions=2))
    with pytest.raises(InputError, match="pairs at the two levels must match"):
        interaction(planted, [("plain 5", "plain 2")], [])
    with pytest.raises(InputError, match="unknown experiment 'plain 3': did you mean"):
        main_effect(planted, [("plain 5", "plain 3")])


def test_levels_are_those_of_the_networks():
    for experiment in depth_and_kernel.experiments():
        model = experiment.build((28, 28, 1) if experiment.report == "C" else (32, 32, 3), 10)
        kernels = [layer for layer in model.layers if isinstance(layer, layers.Conv2D)]
        size = {layer.kernel_size for layer in kernels}
        padding = {layer.padding for layer in kernels}
        convolutions, kernel_size, padded, _ = depth_and_kernel.LEVELS[experiment.id]
        assert (len(kernels), size, padding) == (convolutions, {(kernel_size, kernel_size)}, {padded}), experiment.id


@pytest.mark.parametrize("report", ["C", "D"])
def test_every_grid_and_question_names_published_experiments(report):
    known = {one.id for one in depth_and_kernel.experiments(report)}
    assert set(depth_and_kernel.grid(report).index) <= known
    assert {name for *pair, _ in depth_and_kernel.questions(report) for name in pair} <= known
    assert not depth_and_kernel.grid(report).duplicated().any()


def test_select_takes_networks_by_depth_kernel_and_regularization():
    chosen = depth_and_kernel.select("C", depths=[2, 5], kernel_sizes=[5], regularized=[True])
    assert [one.id for one in chosen] == ["C24", "C34", "C54"]
    assert len(depth_and_kernel.select("D")) == 11
    with pytest.raises(InputError, match=r"no network of report C.*depths=\[4\]"):
        depth_and_kernel.select("C", depths=[4])
    with pytest.raises(InputError, match=r"depths must be a list, papermill's -y .*depths='\[2, 5\]'"):
        depth_and_kernel.select("C", depths="[2, 5]")
    with pytest.raises(InputError, match="unknown report of this study"):
        depth_and_kernel.grid("A")


def test_matched_kernels_match_in_parameters_shapes_and_receptive_field():
    five, penalized, pairs, penalized_pairs = (one.build((28, 28, 1), 10) for one in depth_and_kernel.matched_kernels())
    for one, other in ((five, pairs), (penalized, penalized_pairs)):
        assert abs(other.count_params() / one.count_params() - 1) < 0.001
        assert receptive_field(one) == receptive_field(other) == 16
        poolings = [
            [layer.output.shape for layer in model.layers if isinstance(layer, layers.MaxPooling2D)]
            for model in (one, other)
        ]
        assert poolings[0] == poolings[1]
    assert flops(pairs) > 2 * flops(five)  # what is not matched: the page says so


@pytest.mark.parametrize(
    ("network", "expected"),
    [
        ([layers.Conv2D(4, 3), layers.Conv2D(4, 3)], 5),
        ([layers.Conv2D(4, 5)], 5),
        ([layers.Conv2D(4, 3), layers.MaxPooling2D(2), layers.Conv2D(4, 3)], 8),  # 3, 4, and 3x3 two pixels apart
        ([layers.Conv2D(4, 3, strides=2), layers.Conv2D(4, 3)], 7),
        ([layers.Conv2D(4, 3, dilation_rate=2)], 5),
        ([layers.Conv2D(4, 3), layers.Flatten(), layers.Dense(4)], 3),
        ([layers.Dense(4), layers.BatchNormalization(), layers.Flatten(), layers.Dense(4)], 1),  # report B's dense ones
    ],
)
def test_receptive_field_is_the_one_counted_by_hand(network, expected):
    assert receptive_field(Sequential([Input((28, 28, 1)), *network])) == expected


def test_receptive_field_refuses_branches_and_oblong_kernels():
    image = Input((28, 28, 1))
    branched = layers.Add()([layers.Conv2D(4, 3, padding="same")(image), layers.Conv2D(4, 5, padding="same")(image)])
    with pytest.raises(InputError, match="chain only"):
        receptive_field(keras.Model(image, branched))
    with pytest.raises(InputError, match="square kernels"):
        receptive_field(Sequential([image, layers.Conv2D(4, (3, 5))]))


def test_initialization_is_that_of_the_kernels_before_the_output():
    he = [layers.Conv2D(4, 3, kernel_initializer="he_normal"), layers.Flatten()]
    assert initialization(Sequential([Input((8, 8, 1)), *he, layers.Dense(2)])) == "He"
    mixed = [*he, layers.Dense(4), layers.BatchNormalization(), layers.Dense(2)]
    assert initialization(Sequential([Input((8, 8, 1)), *mixed])) == "He and Glorot, batch normalization"


def test_the_page_tells_plain_from_regularized_weights():
    weights = chapters.networks(depth_and_kernel.matched_kernels()).weights
    told = ["Glorot", "He, batch normalization"]
    assert weights.to_dict() == dict(zip(["C22", "C24", "C22-pairs", "C24-pairs"], told * 2, strict=True))


def test_front_keeps_what_nothing_beats_at_its_price():
    assert pareto_front([1, 2, 3, 4], [0.9, 0.8, 0.95, 0.95]).tolist() == [True, False, True, False]
    assert pareto_front([1, 1], [0.9, 0.9]).tolist() == [True, True]  # equals are both on it
    assert pareto_front([1, 2, np.nan], [np.nan, 0.8, 0.9]).tolist() == [False, True, False]


def test_trade_off_is_drawn_with_the_front_filled_and_every_network_named(planted):
    runs = planted.assign(parameters=planted["experiment"].map(dict(zip(GRID.index, [1, 2, 3, 4, 5], strict=True))))
    table = pareto(runs, "parameters")
    assert table["front"].tolist() == [True, True, False, True, False]
    ax = plot_pareto(table, "parameters")
    assert sorted(text.get_text() for text in ax.texts) == sorted(GRID.index)
    filled = [line for line in ax.lines if line.get_marker() == "o" and line.get_markerfacecolor() != "white"]
    assert filled[0].get_xdata().tolist() == [1, 2, 4]


def test_choosing_among_equals_pays_on_the_images_that_chose_and_nowhere_else():
    generator = np.random.default_rng(0)
    equals = {f"network {number}": generator.random((4, 2000)) < 0.9 for number in range(10)}
    table = selection_bias(equals, np.random.default_rng(1), draws=100).set_index("label")["estimate"]
    luck = 1.54 * np.sqrt(0.09 / 1000)  # expected largest of 10 normal numbers, times the SD of half of the images
    assert table.iloc[3] == pytest.approx(luck, rel=0.35)
    assert table.iloc[1] == pytest.approx(0.9, abs=0.005)
    again = selection_bias(equals, np.random.default_rng(1), draws=100).set_index("label")["estimate"]
    assert table.equals(again)


def test_choosing_a_clear_winner_costs_nothing():
    generator = np.random.default_rng(0)
    clear = {"good": generator.random((4, 2000)) < 0.95, "poor": generator.random((4, 2000)) < 0.6}
    table = selection_bias(clear, generator, draws=200).set_index("label")
    assert table["estimate"].iloc[3] == pytest.approx(0, abs=0.002)
    assert table["low"].iloc[3] < 0 < table["high"].iloc[3]


@pytest.mark.parametrize(
    "correct",
    [
        {"a": np.ones((2, 5))},
        {"a": np.ones((2, 5)), "b": np.ones((2, 6))},
        {"a": np.ones((1, 5)), "b": np.ones((2, 5))},
    ],
)
def test_a_choice_needs_two_networks_two_seeds_and_the_same_images(correct):
    with pytest.raises(InputError, match="a choice needs two networks"):
        selection_bias(correct, np.random.default_rng(0))


def deep(rate=1.0):
    """Return ten equal dense layers whose weights keep the variance of a signal times `rate`."""
    start = keras.initializers.RandomNormal(stddev=np.sqrt(rate / 200), seed=1)
    hidden = [layers.Dense(200, activation="relu", kernel_initializer=start) for _ in range(10)]
    return Sequential([Input((200,)), *hidden, layers.Dense(10, activation="softmax")])


def test_each_layer_halves_the_variance_of_a_signal_that_he_weights_would_keep():
    generator = np.random.default_rng(0)
    inputs, labels = generator.normal(size=(64, 200)).astype("float32"), generator.integers(0, 10, 64)
    fading, kept = signals(deep(1.0), inputs, labels), signals(deep(2.0), inputs, labels)
    assert fading["layer"].tolist() == [*(f"dense {number}" for number in range(1, 11)), "output"]
    ratios = (fading["signal"] / kept["signal"])[:10]  # ReLU passes a factor on as it is
    np.testing.assert_allclose(ratios, 2.0 ** (-np.arange(1, 11) / 2), rtol=1e-4)
    assert fading["gradient"][0] < 0.1 * kept["gradient"][0]


def test_the_gradient_is_the_one_of_softmax_regression_and_the_network_is_left_alone():
    network = Sequential([Input((2,)), layers.Dense(2, activation="softmax", kernel_initializer="zeros")])
    inputs, labels = np.array([[1.0, 2.0], [3.0, 5.0]], "float32"), np.array([0, 1])
    error = np.array([[-0.5, 0.5], [0.5, -0.5]])  # probabilities, all a half, minus one-hot labels
    table = signals(network, inputs, labels)
    assert table["gradient"][0] == pytest.approx((inputs.T @ error / 2).std())
    assert np.isnan(table["signal"][0])  # probabilities have another scale
    assert (network.get_weights()[0] == 0).all()


def test_the_signal_is_what_differs_between_images_not_between_units_or_by_dropout():
    spread = keras.initializers.RandomUniform(-9, 9, seed=1)
    hidden = layers.Dense(3, kernel_initializer="identity", bias_initializer=spread)
    network = Sequential(
        [Input((3,)), hidden, layers.Dropout(0.9, seed=0), layers.Dense(2), layers.Dense(2, "softmax")]
    )
    network.layers[2].set_weights([np.eye(3, 2, dtype="float32"), np.array([5, -5], "float32")])
    inputs = np.array([[1, 2, 3], [3, 2, 7]], "float32")  # each unit apart by 2, 0 and 4
    table = signals(network, inputs, np.array([0, 1]))
    assert table["signal"][:2].tolist() == pytest.approx([1.0, 0.5])


def test_he_weights_lift_the_signal_that_reaches_the_end_of_d6():
    d6, he = (profiles.apply(one, "smoke") for one in depth_and_kernel.rescues() if one.id in ("D6", "D6-he"))
    plain, lifted = (at_the_start(one, images=16).set_index("layer") for one in (d6, he))
    assert lifted["signal"]["convolution 11"] > 5 * plain["signal"]["convolution 11"]
    table = pd.concat([plain, lifted])
    ax = plot_signal(table.reset_index(), learning_rate=0.001)
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["D6", "D6-he", "learning rate"]


def test_rescues_change_one_thing_of_d6_each():
    d6 = depth_and_kernel.rescues()[0]
    assert d6.id == "D6" and d6.build((32, 32, 3), 10).count_params() == report_d_6((32, 32, 3), 10).count_params()
    for one in depth_and_kernel.rescues()[1:]:
        other_network = one.text().split("network:")[1] != d6.text().split("network:")[1]
        other_protocol = one.protocol != d6.protocol
        assert other_network != other_protocol, one.id


def curves(id, validation, epochs=10, seeds=3):
    training = [1 - 0.05 * epoch for epoch in range(epochs)]
    metrics = {"train": {"crossentropy": 0.5}, "test": {"crossentropy": 0.7}}
    labels = {"experiment": id, "profile": "published"}
    stop = {"reason": "all epochs"}
    histories = [
        {
            "crossentropy": [scale * loss for loss in training],
            "validation_crossentropy": [scale * v for v in validation],
        }
        for scale in 1 + 0.01 * np.arange(-(seeds // 2), seeds - seeds // 2)
    ]
    return [Record(id, seed, "", labels, {}, "done", stop, history, metrics) for seed, history in enumerate(histories)]


def test_onsets_tell_where_the_loss_turns_and_how_much_it_grows():
    turning = [1, 0.8, 0.6, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1]
    falling = [1 - 0.05 * epoch for epoch in range(10)]
    short = curves("short", [0.5, 0.4], epochs=2)
    table = overfitting_onsets(records.table([*curves("turns", turning), *curves("falls", falling), *short]))
    table = table.set_index("experiment")
    assert table["lowest_epoch"].fillna(0).tolist() == [4, 10, 0]
    assert table["growth"]["turns"] == pytest.approx(1.0 - 0.6)  # mean of epochs 8 to 10 minus mean of 4 to 6
    assert table["growth"]["falls"] < 0 and np.isnan(table["growth"]["short"])
    assert table["gap"].round(6).tolist() == [0.2, 0.2, 0.2]
    assert table["overfits"].to_dict() == {"turns": "yes", "falls": "not shown", "short": "not shown"}
