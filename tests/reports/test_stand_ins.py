"""Report B's narrow networks answer where the published width has not runs enough, and such a row says so."""

import numpy as np
import pandas as pd
from cnnhelpers.reports.stand_ins import verdicts_of

from cnnhelpers import data
from cnnhelpers.claims.claim import Claim, better
from cnnhelpers.records.comparability import of_one_copy
from cnnhelpers.records.store import Record

CLAIMS = [
    Claim("wide beats flat", better("B3", "B1"), report="B", number=1),
    Claim("deep beats shallow", better("B4", "B3"), report="B", number=2),
    Claim("padding helps", better("D3", "D0"), report="D", number=3),
]


def runs(profile, **accuracies):
    """Return five seeds of each experiment around its accuracy."""
    return pd.DataFrame(
        {"experiment": name, "seed": seed, "profile": profile, "dataset": "cifar10", "test_accuracy": value + luck}
        for position, (name, value) in enumerate(accuracies.items())
        for seed, luck in enumerate(np.roll((0.0, 0.002, -0.002, 0.001, -0.001), position))
    ).assign(record=None)[["experiment", "seed", "profile", "dataset", "test_accuracy"]]


NARROW = pd.concat([runs("narrow", B1=0.4, B3=0.6, B4=0.65), runs("quick", D0=0.6, D3=0.7)])


def test_narrow_runs_answer_for_report_b_alone_and_the_rows_say_so():
    found = verdicts_of(NARROW, "published", CLAIMS).set_index("number")
    assert found["verdict"].tolist() == ["holds", "holds", "not enough runs"]
    assert found["profile"].tolist() == ["narrow", "narrow", "published"]
    assert found["evidence"].str.contains("eighth of their width").tolist() == [True, True, False]


def test_published_runs_answer_what_they_can_and_narrow_ones_the_rest():
    both = pd.concat([NARROW, runs("published", B1=0.5, B3=0.7, B4=0.6)])
    found = verdicts_of(both, "published", CLAIMS, report="B")
    assert found["verdict"].tolist() == ["holds", "contradicted"]
    assert set(found["profile"]) == {"published"} and not found["evidence"].str.contains("width").any()
    some = pd.concat([NARROW, runs("published", B1=0.7, B3=0.5)])
    found = verdicts_of(some, "published", CLAIMS, report="B")
    assert found["verdict"].tolist() == ["contradicted", "holds"]
    assert found["profile"].tolist() == ["published", "narrow"]  # never mixed within a claim
    assert found["evidence"].str.contains("eighth of their width").tolist() == [False, True]


def test_another_profile_has_no_stand_in():
    found = verdicts_of(NARROW, "fair", CLAIMS, report="B")
    assert set(found["verdict"]) == {"not enough runs"}
    assert verdicts_of(NARROW, "narrow", CLAIMS, report="B")["verdict"].tolist() == ["holds", "holds"]


def test_of_several_datasets_the_reports_own_answers():
    elsewhere = runs("published", D0=0.7, D3=0.6).assign(dataset="own.npz")
    own = runs("published", D0=0.6, D3=0.7)
    for both in (pd.concat([elsewhere, own]), pd.concat([elsewhere.assign(seed=elsewhere.seed + 5), own])):
        (found,) = verdicts_of(both, "published", CLAIMS, report="D").itertuples()
        assert (found.verdict, found.n) == ("holds", 5)
    assert verdicts_of(elsewhere, "published", CLAIMS, report="D")["verdict"].tolist() == ["contradicted"]
    mixed = pd.concat([elsewhere.assign(profile="smoke"), both.assign(profile="own")])  # each profile by itself
    assert verdicts_of(mixed, "smoke", CLAIMS, report="D")["verdict"].tolist() == ["contradicted"]


def test_an_experiment_that_two_profiles_leave_as_published_counts_for_both():
    spared = runs("fair", D0=0.6, D3=0.7)  # nothing to put right in them
    (found,) = verdicts_of(spared, "published", CLAIMS, report="D").itertuples()
    assert (found.verdict, found.n, found.profile) == ("holds", 5, "published")
    changed = [Claim("dense layers on pixels", better("B1", "B9"), report="B", number=1)]  # flattened first when fair
    assert set(verdicts_of(runs("fair", B1=0.4, B9=0.1), "published", changed)["verdict"]) == {"not enough runs"}
    assert set(verdicts_of(runs("quick", D0=0.6, D3=0.7), "published", CLAIMS[2:])["verdict"]) == {"not enough runs"}


def copied(frame, fingerprint):
    """Return the runs as made from a copy of the pixels."""
    card = Record("0" * 16, 0, "", {}, {"name": "cifar10", "fingerprint": fingerprint, "official": False}, "done", {})
    return frame.assign(record=card, identity=frame["experiment"] + fingerprint)


def test_of_two_copies_of_a_dataset_the_one_with_most_runs_answers_or_the_one_here(monkeypatch):
    jpeg = copied(runs("published", D0=0.6, D3=0.7), "jpeg")
    few = copied(runs("published", D3=0.5), "png")
    both = pd.concat([few, jpeg], ignore_index=True)
    (found,) = verdicts_of(both, "published", CLAIMS, report="D").itertuples()
    assert (found.verdict, found.n) == ("holds", 5)
    monkeypatch.setattr(data, "info", lambda name: data.DatasetInfo(name, (32, 32, 3), 10, "png", False))
    assert of_one_copy(both)["experiment"].tolist() == ["D3"] * 5
    assert of_one_copy(jpeg).equals(jpeg)


def test_without_runs_the_command_trains_the_stand_ins():
    found = verdicts_of(NARROW[:0], "published", CLAIMS).set_index("number")
    assert found["command"].str.contains("--profile narrow").tolist() == [True, True, False]
    assert found["command"].str.startswith("python -m cnnhelpers run").all()
