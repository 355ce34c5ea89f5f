"""What chapters show is there with the data and, from records, without them."""

from dataclasses import replace
from pathlib import Path

import matplotlib.pyplot as plt
import nbformat
import numpy as np
import pandas as pd
import pytest
from nbclient import NotebookClient

from cnnhelpers import book, data, records
from cnnhelpers.book import pages
from cnnhelpers.book.chapters import images, results
from cnnhelpers.book.chapters import runs as shown_runs
from cnnhelpers.errors import InputError
from cnnhelpers.execution.runner import run
from cnnhelpers.reports import DepthAndKernel, depth_and_kernel, profiles
from cnnhelpers.reports.catalog import find
from tests.tiny import record, record_run, tiny


@pytest.fixture
def fashion(tmp_path, monkeypatch):
    """A recorded experiment on a dataset that is not at hand."""
    experiment = tiny("A1", dataset="fashion_mnist", split="tail:0.15")
    names = [f"class {number}" for number in range(10)]
    confusion = np.diag(range(1, 11)).tolist()
    made = record(
        text=f"text\n{experiment.protocol.text()}\nnetwork:\n",
        data={
            "name": "fashion_mnist",
            "fingerprint": "f" * 64,
            "official": True,
            "source": "a file",
            "images": {"train": 55, "validation": 55, "test": 55},
            "pixel_mean": {"train": 0.25, "validation": 0.25, "test": 0.25},
            "pixel_sd": {"train": 0.3, "validation": 0.3, "test": 0.3},
        },
        classes={"names": names} | {part: {"confusion": confusion} for part in records.PARTS},
        environment={"backend": "tensorflow", "threads": 1, "versions": {"keras": "3", "tensorflow": "2"}},
        cost={"parameters": 1, "flops": 1, "seconds": 7322.0},
    )
    monkeypatch.setenv("CNNHELPERS_RECORDS", str(tmp_path))
    records.write(made, tmp_path)
    return experiment


def test_facts_of_data_at_hand_are_measured():
    facts = images.data_facts(tiny(split="tail:0.2", images=None))
    assert facts.images.tolist() == [1037, 260, 500]
    assert "official arrays" in images.data_source(tiny()).data
    assert images.class_counts(tiny()).patches
    assert images.samples(tiny()) is None  # a returned figure would be shown twice
    assert plt.gca().images


def test_without_the_data_facts_come_from_a_record_and_pictures_are_a_sentence(fashion):
    facts = images.data_facts(fashion)
    assert facts.loc["train"].tolist() == [55, 1, 10, 0.25, 0.3]
    assert "class 9" in images.data_source(fashion).data
    assert "not on the machine" in images.samples(fashion).data


def test_facts_come_from_a_record_of_as_many_images(fashion):
    few, whole = records.load().record[0], fashion.change(images=None)
    assert images.data_facts(fashion.change(images=50)).images.to_dict() == {"test": 55}  # the part that stays whole
    counts = {"images": {"train": 99, "validation": 55, "test": 55}}
    text = f"text\n{whole.protocol.text()}\nnetwork:\n"
    records.write(replace(few, identity="e" * 16, text=text, data=few.data | counts), records.default_folder())
    assert images.data_facts(whole).images.tolist() == [99, 55, 55]
    assert images.data_facts(fashion).images.tolist() == [55, 55, 55]


def test_without_data_and_records_the_data_are_loaded_as_for_a_run(tmp_path, monkeypatch):
    monkeypatch.setenv("CNNHELPERS_RECORDS", str(tmp_path / "none"))
    monkeypatch.setattr(data, "is_local", lambda name: False)
    assert images.data_facts(tiny(split="first:100", images=None)).images.tolist() == [1197, 100, 500]


def test_provenance_tells_profile_seeds_data_versions_and_hours(fashion):
    told = shown_runs.provenance(records.load()).data
    for part in ("1 run (0 failed)", "profile published", "fashion_mnist (official)", "tensorflow 2", "2 h 2 min"):
        assert part in told


def test_numbers_on_a_copy_of_the_data_say_so(fashion):
    runs = records.load()
    assert book.unofficial(runs) is None
    told = book.unofficial(runs.assign(pixels="a JPEG-compressed copy")).data
    assert told.startswith("*Numbers on a JPEG-compressed copy of fashion_mnist;")


def test_networks_are_described_by_one_call_each():
    assert book.layers(tiny()).parameters.iloc[-1] == 36 + 4 + 6760 + 10
    assert book.networks([tiny("a"), tiny("b")]).index.tolist() == ["a", "b"]
    assert book.diagram(tiny()) is not None


def test_without_graphviz_a_cell_shows_the_text_of_a_network_and_nothing_else(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    code = "from cnnhelpers import book; from tests.tiny import tiny; book.diagram(tiny())"
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)])
    NotebookClient(notebook, resources={"metadata": {"path": str(Path(__file__).parents[2])}}).execute()
    (shown,) = [one for one in notebook.cells[0].outputs if one.output_type != "stream"]
    assert "Conv2D" in shown.data["text/plain"]


def test_predictions_of_a_run_are_drawn():
    runs = run(tiny(epochs=1), 1, progress=False)
    assert book.show_predictions(runs.record[0], "digits", count=5) is None
    assert sum(ax.axison for ax in plt.gcf().axes) == 10  # five images over their bars


def test_the_cover_is_drawn_from_records_of_report_a_only(fashion, tmp_path):
    path = pages.draw_cover(tmp_path / "cover.png")
    assert path.read_bytes()[:4] == b"\x89PNG"
    with pytest.raises(InputError, match="cnnhelpers run A"):
        pages.draw_cover(tmp_path / "none.png", tmp_path / "empty")


def test_what_was_timed_elsewhere_is_named():
    runs = pd.DataFrame({"experiment": ["A1"] * 3 + ["A2"] * 2 + ["A3"]})
    told = shown_runs.timed_elsewhere(runs, runs.iloc[[0, 3, 4]]).data
    assert told.endswith("left out: A1 (1 of 3 seeds shown), A3.*")
    assert "All runs" in shown_runs.timed_elsewhere(runs, runs).data


def test_missing_runs_are_named_with_the_first_error(tmp_path):
    there, alone, absent = (tiny(name, dropout) for name, dropout in (("there", 0.1), ("alone", 0.2), ("absent", 0.3)))
    for seed in range(2):
        record_run(there, seed, tmp_path)
    record_run(alone, 0, tmp_path)
    record_run(alone, 1, tmp_path, reason="error", error="no such weights")
    runs = run([there, alone, absent], 2, train=False, folder=tmp_path)
    text = book.missing(runs, [there, alone, absent], 2).data
    for part in ("**absent**", "alone (1)", "1 of 4 runs", "no such weights"):
        assert part in text
    assert "there" not in text
    assert "alone" not in book.missing(runs, [there], 2).data


def test_missing_runs_are_trained_by_a_command_that_trains_just_these():
    nothing = records.table([])
    c21 = find("C21")[0]
    elsewhere = DepthAndKernel("C", "fashion_mnist", depths=[2]).experiments[0]
    rescue = depth_and_kernel.rescues()[1]
    command = "python -m cnnhelpers run C21"
    assert f"{command} --seeds 3" in book.missing(nothing, [rescue, c21], 3).data
    assert f"{command} --profile quick --seeds 3" in book.missing(nothing, [profiles.apply(c21, "quick")], 3).data
    for experiment in (elsewhere, rescue):  # another dataset, or not an experiment of the command line
        text = book.missing(nothing, [experiment], 3).data
        assert "cnnhelpers run" not in text and "`train`" in text


def made_up(**columns):
    """Return a table of ten runs of a and b, five seeds each, b better by about 2 points."""
    noise = np.array([0.001, -0.002, 0.0, 0.002, -0.001])
    accuracy = np.concatenate([0.90 + noise, 0.92 + noise[::-1]])
    table = {"experiment": ["a"] * 5 + ["b"] * 5, "seed": [*range(5)] * 2, "dataset": "digits", "status": "done"}
    return pd.DataFrame(table | {"test_accuracy": accuracy, "validation_accuracy": accuracy} | columns)


def test_differences_have_the_questions_that_have_runs_with_their_text():
    compared = results.differences(made_up(), [("b", "a", "b rather than a"), ("c", "a", "c rather than a")])
    assert compared.label.tolist() == ["b rather than a"]
    assert compared.estimate.iloc[0] == pytest.approx(0.02)
    assert compared.verdict.tolist() == ["holds"]


def test_differences_are_compared_apart_for_each_value_of_a_column():
    runs = pd.concat([made_up(images=50), made_up(images=500).assign(way=list("ba" * 5))]).assign(
        way=list("aaaaabbbbb") * 2
    )
    compared = results.differences(runs, [("b", "a")], label="way", by="images")
    assert compared.label.tolist() == ["50 images: b − a", "500 images: b − a"]


def test_a_row_that_a_level_beyond_the_grid_could_reverse_is_undecided():
    grid = pd.DataFrame({"experiment": ["a", "b"], "at_edge": [True, False]})
    assert results.differences(made_up(), [("b", "a")], grid=grid).verdict.tolist() == ["undecided"]


def test_the_best_runs_are_those_of_the_highest_mean_without_failed_ones():
    runs = made_up(status=["done"] * 9 + ["failed"])
    assert book.best_runs(runs).experiment.tolist() == ["b"] * 4
    assert book.ranges({"all": runs}, "experiment").loc["all"].tolist() == ["b", "a", 2.0]


def test_networks_that_never_beat_guessing_are_left_out_of_figures():
    runs = made_up()
    runs.loc[runs.experiment == "a", "test_accuracy"] = 0.1
    assert set(book.learned_runs(runs).experiment) == {"b"}
    assert len(book.learned_runs(made_up())) == 10


def test_the_luck_of_a_choice_is_its_score_minus_that_of_fresh_seeds():
    chosen = pd.DataFrame({"optimizer": ["sgd"], "learning_rate": [0.1], "estimate": [0.93], "at_edge": [False]})
    fresh = pd.DataFrame({"optimizer": ["sgd"] * 2, "validation_accuracy": [0.90, 0.92], "learning_rate": 0.01})
    row = book.chosen_rates(chosen, fresh, fresh).iloc[0]
    assert (row.luck, row.keras_default) == (pytest.approx(0.02), 0.01)


@pytest.mark.parametrize("show", [book.show_seeds, book.show_curves, book.show_published, book.learned])
def test_without_runs_a_result_is_a_sentence(show):
    assert show(records.table([])).data == shown_runs.NO_RUNS


def test_measured_networks_have_their_own_numbers_of_seeds(monkeypatch):
    asked = []

    def measures(experiments, seeds, *, train):
        asked.append(([each.id for each in experiments], seeds, train))
        return {each.id: [{}] * seeds for each in experiments}

    monkeypatch.setattr("cnnhelpers.interpretability.measure_runs", measures)
    monkeypatch.setattr(
        "cnnhelpers.execution.run",
        lambda experiments, seeds, *, train: pd.DataFrame({"experiment": [each.id for each in experiments]}),
    )
    found, table = book.measured({tiny("a"): 2, tiny("b", epochs=3): 1, tiny("c", epochs=4): 2}, True)
    assert asked == [(["a", "c"], 2, True), (["b"], 1, True)]
    assert [len(found[name]) for name in "abc"] == [2, 1, 2] and set(table.experiment) == {*"abc"}


def test_a_network_without_validation_images_has_no_row_and_no_failed_runs(monkeypatch):
    drawn = []
    monkeypatch.setattr("cnnhelpers.plotting.plot_intervals", lambda table, **_: drawn.append(table))
    runs = made_up(report="A", pixels="official", profile="published").replace({"a": "A1", "b": "A-top"})
    runs.loc[runs.experiment == "A-top", "validation_accuracy"] = np.nan
    runs.loc[0, ["status", "validation_accuracy"]] = ["failed", np.nan]
    book.show_published(runs)
    assert drawn[0][["experiment", "n_failed"]].to_numpy().tolist() == [["A1", 1]]
