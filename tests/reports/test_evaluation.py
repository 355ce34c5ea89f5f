"""One recipe tests the published conclusions: the same claim has the same answer on every page."""

import json
import subprocess
import sys

import keras
import numpy as np
import pandas as pd
import pytest

from cnnhelpers import data, records
from cnnhelpers.analysis import MEASURED
from cnnhelpers.claims.claim import Claim, better
from cnnhelpers.cli import main
from cnnhelpers.errors import InputError
from cnnhelpers.reports import (
    CONCLUSIONS,
    all_experiments,
    measured_runs,
    profiles,
    published_verdicts,
    regularization,
)
from cnnhelpers.reports.evaluation import (
    ALIASES,
    RESCALED,
    RESCALED_FOLDER,
    rescaled_accuracies,
    verdicts_of_report,
)
from tests.tiny import record

NOISE = (0.0, 0.002, -0.002, 0.001, -0.001)
CLAIMS_B = [
    Claim("CNNs beat dense networks", better("B3", "B1"), report="B", number=1),
    Claim("deep beats shallow", better("B4", "B3"), report="B", number=2),
]
CLAIM_D = [Claim("padding helps", better("D3", "D0"), report="D", number=3)]


def runs(profile="published", dataset="cifar10", fingerprint="f", **accuracies):
    """Return five runs of each experiment around its accuracy, as records hold them."""
    rows = []
    for at, (name, accuracy) in enumerate(accuracies.items()):
        for seed, noise in enumerate(np.roll(NOISE, at)):
            about = {"name": dataset, "fingerprint": fingerprint, "official": False}
            labels = {"experiment": name, "study": "s", "report": name[0], "profile": profile, "title": "t"}
            identity, metrics = f"{name}-{fingerprint}-{dataset}", {"test": {"accuracy": accuracy + noise}}
            rows.append(record(seed, identity, labels=labels, data=about, metrics=metrics))
    return records.table(rows)


NARROW = pd.concat([runs("narrow", B1=0.4, B3=0.6, B4=0.65), runs("quick", D0=0.6, D3=0.7)])


# --- stand-ins, profiles, datasets, copies ---


def test_narrow_runs_answer_for_report_b_alone():
    table = verdicts_of_report(NARROW, CLAIMS_B)
    assert table["verdict"].tolist() == ["holds", "holds"]
    assert table["profile"].tolist() == ["narrow", "narrow"]
    assert table["evidence"].str.contains("profile narrow").all()
    other = verdicts_of_report(NARROW, CLAIM_D)
    assert (other["verdict"].item(), other["profile"].item()) == ("not enough runs", "published")
    assert set(verdicts_of_report(NARROW, CLAIMS_B, "fair")["verdict"]) == {"not enough runs"}
    assert set(verdicts_of_report(NARROW, CLAIMS_B, "narrow")["verdict"]) == {"holds"}


def test_published_runs_come_first_and_are_never_mixed_with_narrow_ones():
    complete = pd.concat([NARROW, runs(B1=0.5, B3=0.7, B4=0.6)])
    table = verdicts_of_report(complete, CLAIMS_B)
    assert table["verdict"].tolist() == ["holds", "contradicted"]
    assert set(table["profile"]) == {"published"} and not table["evidence"].str.contains("narrow").any()
    partial = verdicts_of_report(pd.concat([NARROW, runs(B1=0.7, B3=0.5)]), CLAIMS_B)
    assert partial["verdict"].tolist() == ["contradicted", "holds"]
    assert partial["profile"].tolist() == ["published", "narrow"]


def test_runs_of_a_profile_that_changes_nothing_count_as_published():
    table = verdicts_of_report(runs("fair", D0=0.6, D3=0.7), CLAIM_D)
    assert (table["verdict"].item(), table["profile"].item()) == ("holds", "published")
    flattened = [Claim("dense layers on pixels", better("B1", "B9"), report="B")]  # changed by the profile fair
    assert verdicts_of_report(runs("fair", B1=0.4, B9=0.1), flattened)["verdict"].item() == "not enough runs"
    for profile in ("quick", "own"):
        table = verdicts_of_report(runs(profile, D0=0.6, D3=0.7), CLAIM_D)
        assert table["verdict"].item() == "not enough runs"


def test_names_of_changed_experiments_are_those_that_profiles_change():
    for profile, changed in profiles.CHANGED.items():
        assert changed == {one.id for one in all_experiments() if not same(profiles.apply(one, profile), one)}


def same(a, b):
    return (a.protocol, a.network, a.weights) == (b.protocol, b.network, b.weights) and (
        a.after is b.after or (a.after is not None and b.after is not None and same(a.after, b.after))
    )


def test_of_several_datasets_the_reports_own_or_the_named_one_answers():
    elsewhere, at_home = runs("own", "own.npz", D0=0.7, D3=0.6), runs(D0=0.6, D3=0.7)
    both = pd.concat([elsewhere, at_home])
    for table in (both, both.assign(seed=both["seed"] + 5 * (both["dataset"] == "own.npz"))):
        assert verdicts_of_report(table, CLAIM_D)["verdict"].item() == "holds"
        assert verdicts_of_report(table, CLAIM_D, dataset="own.npz")["verdict"].item() == "contradicted"
    quick = elsewhere.assign(profile="quick")  # on one dataset only, so no name is needed
    assert verdicts_of_report(pd.concat([quick, at_home]), CLAIM_D, "quick")["verdict"].item() == "contradicted"


def test_of_two_copies_of_a_dataset_one_answers(monkeypatch):
    many, few = runs(fingerprint="jpeg", D0=0.6, D3=0.7), runs(fingerprint="png", D3=0.5)
    both = pd.concat([few, many], ignore_index=True)
    assert verdicts_of_report(both, CLAIM_D)[["verdict", "n"]].to_numpy().tolist() == [["holds", 5]]
    here = data.DatasetInfo("cifar10", (32, 32, 3), 10, "png", False)
    monkeypatch.setattr(data, "info", lambda name: here)
    assert verdicts_of_report(both, CLAIM_D)["verdict"].item() == "not enough runs"  # this machine's copy, D3 alone


def test_a_level_of_a_sweep_stands_for_the_published_experiment():
    claim = [Claim("L2 helps", better("A3", "A1"), report="A")]
    table = pd.concat(
        [runs(dataset="fashion_mnist", A1=0.90), runs(dataset="fashion_mnist", **{"3conv-l2=0.0001": 0.92})]
    )
    table.loc[table["experiment"] == "3conv-l2=0.0001", "test_accuracy"] += np.array(NOISE)
    assert verdicts_of_report(table, claim)["verdict"].item() == "holds"


def test_aliases_are_the_published_experiments():
    known = {one.id: one for one in all_experiments()}
    assert {name for claim in CONCLUSIONS for name in claim.experiments} <= set(known)
    sweeps = [("l2", [0.0001]), ("dropout", [None, 0, 0.1]), ("early_stopping", [None, 3])]
    levels = [one for kind, strengths in sweeps for one in regularization.sweep(kind, strengths)]
    known |= {one.id: one for one in [*levels, *regularization.combinations()]}
    info = data.info("fashion_mnist")
    for alias, name in ALIASES.items():
        a, b = known[alias], known[name]
        assert same(a, b) if alias.startswith(("E4", "D2")) else a.text(info) == b.text(info), alias


# --- missing runs ---


@pytest.mark.parametrize(
    ("table", "profile", "expected"),
    [
        (NARROW[:0], "published", "python -m cnnhelpers run B --profile narrow --seeds 5"),
        (NARROW[:0], "narrow", "python -m cnnhelpers run B --profile narrow --seeds 5"),
        (runs("fair", B1=0.4), "fair", "python -m cnnhelpers run B3 --profile fair --seeds 5"),
        (runs("fair", "mnist", B1=0.4), "fair", ""),  # the command would train on CIFAR-10
        (runs("smoke", "digits", B1=0.4), "smoke", "python -m cnnhelpers run B3 --profile smoke --seeds 5"),
    ],
)
def test_missing_runs_have_the_command_that_trains_them(table, profile, expected):
    first = verdicts_of_report(table, CLAIMS_B, profile).iloc[0]
    assert (first["verdict"], first["command"]) == ("not enough runs", expected)


@pytest.mark.parametrize(
    ("arguments", "value"),
    [({"report": "F"}, "'F'"), ({"profile": "fast"}, "'fast'"), ({"dataset": "mnits"}, "'mnits'")],
)
def test_unknown_names_are_refused(tmp_path, arguments, value):
    with pytest.raises(InputError) as error:
        published_verdicts(**arguments, folder=tmp_path)
    assert value in str(error.value)


def test_the_thirty_conclusions_are_complete_and_without_runs_undecided(tmp_path):
    table = published_verdicts(folder=tmp_path)
    assert table["number"].tolist() == list(range(1, 31))
    assert table["report"].value_counts().to_dict() == {"A": 8, "B": 5, "C": 5, "D": 5, "E": 7}
    assert set(table["verdict"]) == {"not enough runs"} and table["missing"].ne("").all()


# --- one answer everywhere ---


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return a folder of records of report D, two experiments under the profile fair, and of narrow report B."""
    folder, generator = tmp_path_factory.mktemp("recorded"), np.random.default_rng(0)
    of_d = {"D6": 0.1, "D7": 0.74, "D8-adagrad": 0.5, "D8-adadelta": 0.3, "D8-adamax": 0.72}
    of_d |= {"D10-10": 0.81, "D10-15": 0.82, "D11": 0.8}
    of_b = {"B3": 0.6, "B4": 0.63, "B7": 0.6, "B8": 0.61, "B11": 0.5, "B12": 0.52, "B15": 0.6, "B16": 0.64}
    for at, (name, accuracy) in enumerate((of_d | of_b).items()):
        profile = "narrow" if name in of_b else "fair" if name in ("D7", "D11") else "published"
        about = {"name": "cifar10", "fingerprint": "f" * 64, "official": False, "images": {"test": 500}}
        labels = {"experiment": name, "study": "s", "report": name[0], "profile": profile, "title": "t"}
        for seed in range(5):
            correct = generator.random(500) < accuracy if name != "D6" else np.arange(500) < 50
            metrics = {part: {"accuracy": correct.mean() + 0.01 * seed} for part in ("train", "validation")}
            written = record(
                seed,
                f"{at:016x}",
                labels=labels,
                data=about,
                metrics=metrics | {"test": {"accuracy": correct.mean()}},
            )
            records.write(written, folder, {"test_correct": np.packbits(correct), "num_test": np.asarray(500)})
    return folder


def test_a_conclusion_has_the_same_answer_whichever_way_it_is_asked(folder, capsys):
    whole = published_verdicts(folder=folder).drop(columns="parts")
    assert {"published", "narrow"} == set(whole["profile"][whole["verdict"] != "not enough runs"])
    assert whole["evidence"].str.contains("with other test images").any()
    assert set(whole["verdict"][whole["report"] == "D"]) > {"holds"}
    for report in "BD":
        one = published_verdicts(report.lower(), folder=folder).drop(columns="parts")
        pd.testing.assert_frame_equal(one, whole[whole["report"] == report].reset_index(drop=True))
    assert main(["verdicts", "--json", "--folder", str(folder)]) == 0
    assert json.loads(capsys.readouterr().out) == json.loads(whole.to_json(orient="records"))


def test_verdicts_with_stand_ins_import_no_training_library(folder):
    code = "import sys; from cnnhelpers.reports import mistakes, measured_runs, published_verdicts\n"
    code += f"table, rows = published_verdicts(folder={str(folder)!r}), mistakes(measured_runs({str(folder)!r}))\n"
    code += "print({'keras', 'tensorflow'} & {*sys.modules}, 'narrow' in set(table['profile']), len(rows))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set() True 18\n"


# --- measures next to the records ---

IDENTITY = "0123456789abcdef"


def write_rescaled(folder, seed, text):
    path = folder / RESCALED_FOLDER / f"D0-{IDENTITY}-{seed}.scaled.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)


def test_measures_belong_to_their_runs(tmp_path):
    correct = {"test_correct": np.packbits([True, False, True]), "num_test": np.asarray(3)}
    records.write(record(0, IDENTITY), tmp_path, correct)
    records.write(record(1, IDENTITY), tmp_path)
    write_rescaled(tmp_path, 0, json.dumps(dict.fromkeys(RESCALED, 0.5)))
    table = measured_runs(tmp_path).sort_values("seed")
    assert {*RESCALED} <= {*MEASURED} <= {*table.columns} and len(table) == 2
    assert table["thrice_scaled_accuracy"].tolist() == pytest.approx([0.5, np.nan], nan_ok=True)
    assert table["last_filters_moran"].isna().all()
    assert table["test_correct"].iloc[0].tolist() == [True, False, True]
    assert table["test_correct"].iloc[1] is None


@pytest.mark.parametrize("text", ["", "{}", '{"once_scaled_accuracy": "x"}', "[1]"])
def test_a_damaged_file_of_measures_is_named(tmp_path, text):
    records.write(record(0, IDENTITY), tmp_path)
    write_rescaled(tmp_path, 0, text)
    with pytest.raises(InputError, match="D0-"):
        measured_runs(tmp_path)


def test_images_divided_again_look_black():
    inputs = keras.Input((2, 2, 1), dtype="uint8")
    mean = keras.layers.GlobalAveragePooling2D()(keras.layers.Rescaling(1 / 255)(inputs))
    model = keras.Model(inputs, keras.ops.concatenate([0.5 - mean, mean - 0.5], axis=1))
    images = np.zeros((10, 2, 2, 1), np.uint8)
    images[4:] = 255
    accuracies = rescaled_accuracies(model, images, np.array([0] * 4 + [1] * 6))
    assert list(accuracies.values()) == [1, 0.4, 0.4]
