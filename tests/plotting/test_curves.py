"""Curves go through the means, bands from the lowest to the highest seed, doses and trials have their places."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from cnnhelpers import plotting
from cnnhelpers.errors import InputError
from tests.plotting.drawn import legend, lines, marks, save, ticks


def history(experiment, seeds=(0, 1, 2), epochs=4, shift=0.0):
    rows = [
        {"experiment": experiment, "seed": seed, "epoch": epoch, "accuracy": 0.5 + 0.1 * epoch + 0.01 * seed + shift}
        for seed in seeds
        for epoch in range(1, epochs + 1)
    ]
    return pd.DataFrame(rows).assign(validation_accuracy=lambda table: table["accuracy"] - 0.05)


def test_curves_are_means_of_the_seeds_in_percent_and_bands_their_range():
    ax = plotting.plot_learning_curves(history("A1"))
    (training,), (validation,) = lines(ax, "--"), lines(ax)
    np.testing.assert_allclose(training.get_ydata(), [61, 71, 81, 91])
    np.testing.assert_allclose(validation.get_ydata(), [56, 66, 76, 86])
    band = ax.collections[1].get_paths()[0].vertices
    assert sorted({round(y, 6) for x, y in band if x == 2}) == [70, 72]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("epoch", "accuracy (%)")
    assert legend(ax)[:3] == ["A1", "validation", "training"]
    save(ax.figure)


def test_losses_are_in_nats():
    table = history("A1").rename(columns=lambda name: name.replace("accuracy", "crossentropy"))
    ax = plotting.plot_learning_curves(table, "crossentropy")
    assert ax.get_ylabel() == "cross-entropy (nats)"
    np.testing.assert_allclose(lines(ax, "--")[0].get_ydata(), [0.61, 0.71, 0.81, 0.91])


def test_a_single_seed_has_no_band():
    ax = plotting.plot_learning_curves(history("A1", seeds=(0,)))
    assert not ax.collections and len(legend(ax)) == 3


@pytest.mark.parametrize("epochs", [1, 2])
def test_few_epochs_have_whole_numbers(epochs):
    ax = plotting.plot_learning_curves(history("A1", epochs=epochs))
    save(ax.figure)
    low, high = ax.get_xlim()
    labels = {label.get_position()[0]: label.get_text() for label in ax.get_xticklabels()}
    assert [text for place, text in labels.items() if low <= place <= high] == [str(1 + n) for n in range(epochs)]


def test_the_line_is_thin_where_seeds_have_stopped():
    table = pd.concat([history("A7", seeds=(0, 1)), history("A7", seeds=(2,), epochs=2)])  # an index with repetitions
    whole, rest = lines(plotting.plot_learning_curves(table))
    assert list(whole.get_xdata()) == [1, 2] and list(rest.get_xdata()) == [2, 3, 4]
    assert rest.get_linewidth() < whole.get_linewidth()
    assert rest.get_ydata()[-1] == pytest.approx(100 * 0.855)


def test_the_line_is_thin_everywhere_if_a_seed_failed_at_once():
    table = history("A7", seeds=(0, 1))
    table.loc[table["seed"] == 1, ["accuracy", "validation_accuracy"]] = np.nan
    (line,) = lines(plotting.plot_learning_curves(table))
    assert list(line.get_xdata()) == [1, 2, 3, 4] and line.get_linewidth() < 1


@pytest.mark.parametrize(("number", "given"), [(6, False), (8, False), (8, True)])
def test_each_of_more_than_six_experiments_has_a_panel_with_the_others_in_grey(number, given):
    table = pd.concat([history(f"A{one}", shift=-0.01 * one) for one in range(number)])
    table.loc[table["experiment"] == "A5", ["accuracy", "validation_accuracy"]] = np.nan
    ax = plotting.plot_learning_curves(table, ax=plt.subplots(layout="constrained")[1] if given else None)
    panels = [panel for panel in ax.figure.axes if panel.axison]
    assert len(panels) == (8 if number == 8 else 1)
    save(ax.figure)
    if number == 8:
        (own,) = [line for line in lines(panels[7]) if line.get_marker() not in ("None", None)]
        np.testing.assert_allclose(own.get_ydata(), [49, 59, 69, 79])
        assert [panel.get_title() for panel in panels] == [*(f"A{n}" for n in range(5)), "A5: no result", "A6", "A7"]
    else:
        assert len({handle.get_marker() for handle in ax.get_legend().legend_handles[:number]}) == number
        assert "A5: no result" in legend(ax)


def test_validation_and_training_can_be_drawn_alone():
    ax = plotting.plot_learning_curves(history("A1").drop(columns="validation_accuracy"))
    assert lines(ax, "--") and not lines(ax) and "validation" not in legend(ax)
    ax = plotting.plot_learning_curves(history("A1"), "validation_accuracy")
    assert lines(ax) and not lines(ax, "--") and "training" not in legend(ax)


def test_curves_are_drawn_into_the_given_axes_and_leave_them_room():
    figure, panels = plt.subplots(1, 2, layout="constrained", figsize=(7, 4))
    open_before = plt.get_fignums()
    assert plotting.plot_learning_curves(history("A1"), ax=panels[1]) is panels[1]
    assert not panels[0].lines and plt.get_fignums() == open_before
    save(figure)
    assert panels[1].get_position().width > 0.3


@pytest.mark.parametrize(
    ("losses", "written"), [((0.3, 1.2), "0.5 1"), ((0.004, 2), "0.005 0.01 0.02 0.05 0.1 0.2 0.5 1 2")]
)
def test_a_logarithmic_axis_has_decimal_numbers(losses, written):
    table = history("A1", epochs=2).assign(crossentropy=losses * 3).drop(columns=["accuracy", "validation_accuracy"])
    ax = plotting.plot_learning_curves(table, "crossentropy", log=True)
    save(ax.figure)
    low, high = ax.get_ylim()
    labels = {label.get_position()[1]: label.get_text() for label in ax.get_yticklabels(which="both")}
    assert " ".join(text for place, text in sorted(labels.items()) if low <= place <= high) == written


@pytest.mark.parametrize(("table", "metric"), [(history("A1"), "losss"), (history("A1").iloc[:0], "accuracy")])
def test_missing_columns_and_empty_tables_are_refused(table, metric):
    with pytest.raises(InputError, match="losss" if len(table) else "rows"):
        plotting.plot_learning_curves(table, metric)


# dose-response curves


def doses(x, estimate, **columns):
    table = pd.DataFrame({"strength": x, "estimate": estimate, **columns})
    return table.assign(low=table["estimate"] - 0.02, high=table["estimate"] + 0.02)


def test_doses_are_in_order_and_none_is_apart():
    estimates = [0.80, 0.88, 0.87, 0.89, 0.81, 0.89, 0.88, 0.90]
    table = doses([0.01, None, 0.001, 0.0001] * 2, estimates, convolutions=[1] * 4 + [3] * 4)
    ax = plotting.plot_dose_response(table, by="convolutions")
    assert ticks(ax.xaxis) == ["none", "0.0001", "0.001", "0.01"]
    first, second = marks(ax, "o")[0], marks(ax, "s")[0]
    np.testing.assert_allclose(first.get_ydata(), [88, 89, 87, 80])
    assert (second.get_xdata() > first.get_xdata()).all()
    joined = next(line for line in ax.lines if line.get_marker() == "None" and len(line.get_xdata()) == 3)
    np.testing.assert_allclose(joined.get_ydata(), [89, 87, 80])
    assert (legend(ax), ax.get_legend().get_title().get_text()) == (["1", "3"], "convolutions")
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("strength", "validation accuracy (%)")
    save(ax.figure)
    assert ticks(plotting.plot_dose_response(doses([1, 2], [0.8, 0.8])).xaxis) == ["1", "2"]


def test_a_curve_above_another_is_drawn_above_it():
    lower = doses([1, 2, 3], [0.70, 0.772, 0.87], way="scratch")
    table = pd.concat([lower, lower.assign(way="frozen", estimate=0.5), lower.assign(way="tuned")], ignore_index=True)
    table.loc[table.way == "tuned", "estimate"] += 0.013
    ax = plotting.plot_dose_response(table, by="way")
    scratch, _, tuned = (line.get_data() for line in lines(ax))
    places = np.linspace(0.1, 1.9, 30)
    assert (np.interp(places, *tuned) > np.interp(places, *scratch)).all()
    assert len({line.get_xdata()[0] for line in lines(ax)}) == 3  # their intervals do not cover each other


def test_runs_are_right_of_all_intervals_and_failed_runs_are_counted():
    table = doses([1] * 4, [0.8] * 4, convolutions=range(4))
    runs = pd.DataFrame({"strength": [1] * 4, "convolutions": range(4), "validation_accuracy": [0.7, 0.8, 0.9, np.nan]})
    ax = plotting.plot_dose_response(table, by="convolutions", runs=runs)
    means = [line.get_xdata()[0] for marker in "os^D" for line in marks(ax, marker)]
    shown = [line for line in marks(ax, ".") if len(line.get_xdata())]
    assert min(line.get_xdata()[0] for line in shown) > max(means)
    np.testing.assert_allclose(np.concatenate([line.get_ydata() for line in shown]), [70, 80, 90, np.nan])
    assert "1 of 4" in legend(ax)[-1]
    assert ax.get_xlim() == (-0.5, 0.5)  # a lone dose is in the middle


def test_marks_without_intervals_are_exactly_on_their_dose():
    table = pd.DataFrame({"rate": [0.1, 1.0] * 2, "optimizer": ["sgd"] * 2 + ["adam"] * 2, "estimate": [0.8] * 4})
    ax = plotting.plot_dose_response(table.assign(low=np.nan, high=np.nan), x="rate", by="optimizer")
    assert [list(marks(ax, marker)[0].get_xdata()) for marker in "os"] == [[0, 1], [0, 1]]


def test_each_of_more_than_six_curves_of_doses_has_a_panel():
    table = pd.concat([doses([1, 2, 4], [0.1 * way, 0.5, 0.9], way=f"way {way}") for way in range(7)])
    ax = plotting.plot_dose_response(table, by="way")
    panels = [panel for panel in ax.figure.axes if panel.axison]
    assert [panel.get_title() for panel in panels] == [f"way {way}" for way in range(7)]
    coloured = [[line for line in lines(panel) if line.get_alpha() == 0.6] for panel in panels]
    assert [own.get_ydata()[0] for (own,) in coloured] == pytest.approx([10 * way for way in range(7)])
    save(ax.figure)


# power


def test_power_has_a_curve_for_each_difference_and_a_bar_over_the_spreads():
    table = pd.DataFrame({"effect": [0.003] * 3 + [0.01] * 3, "seeds": [2, 5, 10] * 2, "power": [0.1, 0.2, 0.4] * 2})
    ax = plotting.plot_power(table.assign(low=0.05, high=0.95), seeds=(5,))
    assert [line.get_ydata().tolist() for line in (marks(ax, "o")[0], marks(ax, "s")[0])] == [[10, 20, 40]] * 2
    assert [bar.get_segments()[0][:, 1].tolist() for bar in ax.collections] == [[5, 95]] * 2
    assert legend(ax)[:2] == ["0.3", "1"]
    assert not plotting.plot_power(table[:0]).axison


def test_simulated_power_is_next_to_theory():
    table = pd.DataFrame({"effect": [0, 1, 0, 1], "seeds": [5, 5, 10, 10], "rate": [0.04, 0.4, 0.05, 0.8]})
    ax = plotting.plot_simulated_power(table.assign(low=0.01, high=0.9, theory=[0.05, 0.5, 0.05, 0.9]))
    assert [line.get_ydata().tolist() for line in lines(ax, "--")] == [[5, 50], [5, 90]]
    assert marks(ax, "s")[0].get_ydata() == pytest.approx([5, 80])
    assert legend(ax) == ["5 seeds", "10 seeds", "theory"]
