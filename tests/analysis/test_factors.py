"""Effects of factors: planted main effects and interactions, trends along ordered levels, gaps and mix-ups."""

import numpy as np
import pandas as pd
import pytest

from cnnhelpers.analysis import dose_response, factorial_effects, percent
from cnnhelpers.errors import InputError
from tests.analysis.tables import runs_of

GRID = pd.DataFrame(
    {"convolutions": [2, 2, 5, 5, 7], "regularized": [False, True, False, True, True]},
    index=["plain 2", "regularized 2", "plain 5", "regularized 5", "regularized 7"],
)


@pytest.fixture
def planted():
    """Return runs where depth 5 adds 1 point, regularization 2, both together another 3; a seed adds to all alike."""
    means = {"plain 2": 0.90, "regularized 2": 0.92, "plain 5": 0.91, "regularized 5": 0.96, "regularized 7": 0.95}
    return runs_of(**{name: [mean, mean + 0.004, mean - 0.004] for name, mean in means.items()})


def test_planted_effects_are_estimated_and_what_a_seed_adds_to_all_cancels(planted):
    table = factorial_effects(planted, GRID).set_index("label")
    assert table["estimate"].round(6).to_dict() == {
        "5 convolutions rather than 2": 0.025,  # (0.01 + 0.04) / 2
        "7 convolutions rather than 2": 0.03,  # regularized only
        "regularized rather than not": 0.035,  # (0.02 + 0.05) / 2
        "5 convolutions, more where regularized": 0.03,
    }
    assert table["cells"].tolist() == [2, 1, 2, 1]
    assert table["kind"].tolist() == ["main effect"] * 3 + ["interaction"]


def test_effects_without_variance_have_no_interval_and_the_p_of_the_sign_flip_test(planted):
    table = factorial_effects(planted, GRID)
    assert table[["low", "high"]].isna().to_numpy().all()
    assert table["p"].tolist() == [1.0] * 4  # of three seeds 0.25, times 4


def test_an_interaction_of_three_levels_is_against_the_lowest():
    grid = pd.DataFrame({"depth": [1, 1, 2, 2, 3, 3], "kind": ["a", "b"] * 3}, index=list("uvwxyz"))
    means = dict(zip("uvwxyz", (0.1, 0.1, 0.2, 0.3, 0.2, 0.5), strict=True))
    table = factorial_effects(runs_of(**{name: [mean, mean + 0.01] for name, mean in means.items()}), grid)
    crossed = table[table["kind"] == "interaction"].set_index("label")["estimate"].round(6).to_dict()
    assert crossed == {"depth 2, more where b kind": 0.1, "depth 3, more where b kind": 0.3}


def test_a_seed_without_a_cell_is_incomplete_for_the_whole_effect(planted):
    runs = planted[~((planted["experiment"] == "plain 5") & (planted["seed"] == 2))]
    assert factorial_effects(runs, GRID)["n"].tolist() == [2, 3, 2, 2]


def test_effects_leave_out_what_has_no_runs(planted):
    few = planted[planted["experiment"].str.startswith("plain")]
    assert factorial_effects(few, GRID)["label"].tolist() == ["5 convolutions rather than 2"]
    assert factorial_effects(planted[planted["experiment"] == "plain 2"], GRID).empty
    assert factorial_effects(planted.iloc[:0], GRID).empty


# --- trends along levels ---


def levels_of(kinds):
    """Return runs of {kind: {level: accuracies of seeds 0, 1, ...}}."""
    return pd.DataFrame(
        {"experiment": f"{kind}{level}", "kind": kind, "depth": level, "seed": seed, "test_accuracy": accuracy}
        for kind, levels in kinds.items()
        for level, accuracies in levels.items()
        for seed, accuracy in enumerate(accuracies)
    )


def by_depth(kinds, margin=0.005):
    return dose_response(levels_of(kinds), "depth", "kind", margin)


def test_rises_falls_and_plateaus_are_told_apart():
    planted = {
        "rising": {2: 0.80, 3: 0.83, 5: 0.86},
        "falling": {2: 0.86, 3: 0.83, 5: 0.80},
        "flat at last": {2: 0.80, 3: 0.86, 5: 0.86, 7: 0.86},
        "up and down": {2: 0.80, 3: 0.90, 5: 0.80},
    }
    noise = {level: np.random.default_rng(level).normal(0, 0.0005, 5) for level in (2, 3, 5, 7)}
    kinds = {kind: {level: mean + noise[level] for level, mean in means.items()} for kind, means in planted.items()}
    table = by_depth(kinds).set_index("kind")
    assert table.loc[list(planted), "monotone"].tolist() == ["yes", "yes", "yes", "not shown"]
    assert table.loc[list(planted), "flat_from"].tolist() == ["not shown", "not shown", "3", "not shown"]
    assert table.estimate["rising"] == pytest.approx(0.06, abs=0.001)
    assert table.estimate["falling"] == pytest.approx(-0.06, abs=0.001)
    assert table.levels["flat at last"] == "2, 3, 5, 7"
    assert (table.loc[["rising", "falling"], "page_p"] < 0.05).all()


def test_the_line_by_hand_and_without_variance():
    table = by_depth({"a": {0: [1, 2], 0.1: [2, 2], 0.5: [4, 5]}}, margin=0)
    # weights of three levels -1, 0, 1: changes 3 and 3 -> mean 3 without spread
    assert table.loc[0, ["estimate", "n", "p"]].tolist() == [3.0, 2, 0.5]
    assert table[["low", "high"]].isna().to_numpy().all()
    assert table.levels.tolist() == ["0, 0.1, 0.5"]


def test_a_seed_without_a_level_is_left_out_and_p_is_adjusted_over_the_rows():
    levels = {2: [0.80, 0.81, 0.79], 3: [0.83, 0.82, 0.84], 5: [0.86, 0.86]}
    alone, both = by_depth({"a": levels}), by_depth({"a": levels, "b": levels})
    assert alone.n.tolist() == [2]
    assert both.p.tolist() == pytest.approx(2 * [2 * alone.p[0]])


def test_fewer_than_three_levels_and_single_seeds_say_nothing():
    assert by_depth({"a": {2: [0.8, 0.9], 3: [0.9, 0.8]}}).empty
    single = by_depth({"a": {2: [0.8], 3: [0.9], 5: [0.95]}})
    assert np.isnan(single[["p", "page_p"]].to_numpy(float)).all()
    assert single.loc[0, ["monotone", "flat_from"]].tolist() == ["not shown", "not shown"]
    assert (percent(single).loc[0, ["p", "p of Page's test"]] == "").all()


TWICE = levels_of({"a": {2: [0.8], 3: [0.9], 5: [0.95]}}).assign(depth=[2, 2, 5])


@pytest.mark.parametrize(
    ("call", "names"),
    [
        (lambda runs: factorial_effects(runs, GRID.assign(convolutions=2)), ["plain 2", "plain 5"]),
        (lambda _: dose_response(TWICE, "depth", "kind", margin=0.005), ["depth", "kind", "a2, a3"]),
        (lambda _: dose_response(TWICE, "width", "kind", margin=0.005), ["'width'"]),
    ],
)
def test_bad_input_is_named(planted, call, names):
    with pytest.raises(InputError) as error:
        call(planted)
    assert all(name in str(error.value) for name in names)
