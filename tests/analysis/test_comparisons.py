"""Tables of intervals: by hand, planted effects, failed runs, runs without variance, and the Pareto front."""

import numpy as np
import pandas as pd
import pytest

from cnnhelpers.analysis import (
    compare,
    compare_all,
    in_points,
    learned,
    pareto,
    percent,
    summary,
)
from cnnhelpers.book.chapters import tables
from cnnhelpers.errors import InputError
from cnnhelpers.records import Record
from tests.analysis.tables import runs_of


def test_summary_by_hand():
    # mean 0.90, SD 0.01, t(0.975, 2) = 4.30265, half width 4.30265 * 0.01 / sqrt(3) = 0.024841
    row = summary(runs_of(A1=[0.89, 0.90, 0.91])).iloc[0]
    assert row.estimate == pytest.approx(0.90)
    assert (row.low, row.high) == (pytest.approx(0.875159, abs=1e-6), pytest.approx(0.924841, abs=1e-6))


def test_summary_keeps_the_order_counts_failures_and_groups_by_several_columns():
    runs = runs_of(b=[0.8, np.nan], a=[0.7, 0.7]).assign(strength=0.1)
    table = summary(runs, by=["experiment", "strength"])
    assert table.experiment.tolist() == ["b", "a"]
    assert table.n.tolist() == [1, 2]
    assert table.n_failed.tolist() == [1, 0]


def test_differences_are_paired_by_seed_not_by_row():
    runs = runs_of(a=[0.9, 0.8, 0.7], b=[0.8, 0.7, 0.6]).sample(frac=1, random_state=3)
    comparison = compare(runs, "a", "b")
    assert comparison.difference == pytest.approx(0.1)
    assert comparison.sd == 0


def test_an_unknown_experiment_or_column_gets_a_suggestion():
    with pytest.raises(InputError, match="'dropout'"):
        compare(runs_of(dropout=[0.9], plain=[0.8]), "droput", "plain")
    with pytest.raises(InputError, match="'test_accuracy'"):
        summary(runs_of(a=[0.9]), "test_acuracy")


def test_points_count_the_incomplete_seeds():
    text = in_points(compare(runs_of(a=[0.91, 0.92, np.nan], b=[0.90, 0.90, 0.90]), "a", "b"))
    assert text == "+1.5 points [-4.9, +7.9], 95 % interval over 2 seeds, 1 incomplete"


def test_equal_runs_and_equal_differences_have_no_interval_in_any_table():
    runs = runs_of(B9=[0.1] * 5, B10=[0.1] * 5, A1=[0.3] * 5)
    assert summary(runs)[["low", "high"]].isna().to_numpy().all()
    table = compare_all(runs, [("A1", "B9"), ("B10", "B9")], margin=0.005)
    assert table.p.tolist() == [0.125, 1]  # exact sign-flip p of 5 seeds 0.0625, times 2
    assert table.verdict.tolist() == ["undecided", "equivalent"]
    assert percent(table)["low (points)"].tolist() == ["", ""]
    text = in_points(compare(runs, "A1", "B9"))
    assert "+20.0 points" in text and "0.0625" in text and "nan" not in text


def test_seeds_of_other_experiments_make_no_pair_incomplete():
    runs = runs_of(a=[0.91, 0.92], b=[0.90, 0.90, 0.90], other=[0.8] * 10)
    assert (compare(runs, "a", "b").n_pairs, compare(runs, "a", "b").n_failed) == (2, 1)


def test_another_precision_or_device_is_named_next_to_the_difference():
    runs = runs_of(a=[0.91, 0.92, 0.93], b=[0.90, 0.90, 0.90], c=[0.90, 0.91, 0.90])
    runs = runs.assign(precision=runs.experiment.map({"a": "float32", "b": "bfloat16", "c": "float32"}), device="cpu:0")
    assert compare(runs, "a", "b").differs == "precision differs: bfloat16 in b, float32 in a"
    assert "precision" in in_points(compare(runs, "a", "b"))
    assert compare(runs, "a", "c").differs == ""
    labels = compare_all(runs, [("a", "b"), ("a", "c")], margin=0.01).label.tolist()
    assert labels == ["a − b (not the same: precision)", "a − c"]


def test_a_planted_effect_holds_and_the_p_values_are_adjusted():
    noise = np.random.default_rng(0).normal(0, 0.002, (3, 10))
    runs = runs_of(good=0.92 + noise[0], plain=0.90 + noise[1], same=0.90 + noise[2])
    table = compare_all(runs, [("good", "plain"), ("plain", "good"), ("same", "plain")], margin=0.005)
    assert table.verdict.tolist() == ["holds", "contradicted", "equivalent"]
    alone = compare_all(runs, [("good", "plain")], margin=0.005)
    assert table.p[0] == pytest.approx(3 * alone.p[0])
    assert table.wins[0] == "10 of 10"


def test_percent_is_for_reading():
    shown = percent(summary(runs_of(A1=[0.884, 0.885, 0.886])))
    assert shown.columns.tolist() == ["experiment", "estimate (%)", "low (%)", "high (%)", "seeds"]
    assert shown.loc[0, ["estimate (%)", "low (%)"]].tolist() == ["88.50", "88.25"]
    assert percent(summary(runs_of(A1=[0.884, np.nan])))["failed runs"].tolist() == [1]
    compared = percent(compare_all(runs_of(a=[0.8, 0.9], b=[0.7, 0.79]), [("a", "b")], margin=0.005))
    assert compared["difference (points)"].tolist() == ["10.50"]


def test_networks_that_learn_now_and_then_are_told_from_those_that_learn_always():
    record = Record("0" * 16, 0, "", {}, {"images": {"test": 10_000}}, "done", {}, {}, classes={"names": ["a"] * 10})
    plain, rescued = [0.1, 0.1, 0.104, np.nan, 0.648], [0.70, 0.71, 0.69, 0.72, 0.70]
    table = learned(runs_of(D6=plain, rescued=rescued, never=[np.nan] * 5).assign(record=record), margin=0.005)
    assert table.set_index("experiment").learned.to_dict() == {"D6": 1, "rescued": 5, "never": 0}
    assert table.n.tolist() == [5, 5, 5]
    # 6 of the 252 ways to draw D6's runs leave it one of the six that learned, 6 leave the other network one
    assert table.p.tolist()[1:] == [pytest.approx(12 / 252), pytest.approx(1)]
    assert np.isnan(table.p[0])
    assert learned(runs_of(a=[0.1]).assign(record=record)[:0], 0.005).empty


@pytest.mark.parametrize(
    ("costs", "accuracies", "front"),
    [
        ([1, 2, 3, 4], [0.9, 0.8, 0.95, 0.95], [True, False, True, False]),
        ([1, 1, 2], [0.9, 0.9, 0.9], [True, True, False]),  # equals are both on it
        ([1, 2, np.nan], [np.nan, 0.8, 0.9], [False, True, False]),
    ],
)
def test_the_pareto_front_keeps_what_nothing_beats_at_its_price(costs, accuracies, front):
    runs = pd.DataFrame({"experiment": list("abcd")[: len(costs)], "seconds": costs, "test_accuracy": accuracies})
    assert pareto(runs, "seconds").front.tolist() == front


def test_pareto_takes_means_of_cost_and_metric():
    runs = runs_of(a=[0.8, 0.9], b=[0.7, 0.7], c=[0.9, 0.9]).assign(seconds=[1, 3, 2, 2, 4, 6])
    table = pareto(runs, "seconds")
    assert table.seconds.tolist() == [2, 2, 5]
    assert table.estimate.tolist() == pytest.approx([0.85, 0.7, 0.9])
    assert table.front.tolist() == [True, False, True]


def test_answers_of_two_profiles_stand_next_to_each_other_and_opposite_ones_are_bold():
    worse, better, same = [0.80, 0.81, 0.79, 0.80, 0.81], [0.90, 0.91, 0.90, 0.92, 0.91], [0.85, 0.84, 0.86, 0.85, 0.85]
    narrow = compare_all(runs_of(a=better, b=worse, c=same), [("a", "b"), ("b", "c")], margin=0.005)
    wide = compare_all(runs_of(a=worse, b=better, d=same), [("a", "b"), ("d", "a")], margin=0.005)
    by_profile = {"narrow": narrow, "published": wide}
    lines = tables.side_by_side(by_profile).data.splitlines()
    assert [line.split("|")[1].strip() for line in lines[2:]] == ["**a − b**", "b − c", "d − a"]
    assert "+10.60 [" in lines[2] and "], holds | -10.60 [" in lines[2] and "], contradicted |" in lines[2]
    assert lines[3].endswith("contradicted | — |") and "| — | +4.80" in lines[4]
    assert "a − b" in tables.opposite_answers(by_profile).data
