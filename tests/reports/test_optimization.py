"""Optimizers, maps, schedules and chains on a base of choice: what varies, what stays, what an identity hangs on."""

import keras
import pandas as pd
import pytest

from cnnhelpers.errors import InputError
from cnnhelpers.execution import CHOOSING
from cnnhelpers.reports import Tuning, optimization, profiles
from cnnhelpers.reports.catalog import find
from cnnhelpers.reports.optimization import (
    D8_ORDER,
    OPTIMIZERS,
    basis,
    learning_rate_map,
    one_after_another,
    optimizers,
    schedules,
    variant,
)


@pytest.fixture(scope="module")
def base():
    return basis(find("A2")[0], dataset="digits", epochs=2)


def test_basis_changes_pixels_epochs_and_precision_and_nothing_else():
    report = find("A1")[0]
    base = basis(report, epochs=7)
    assert base.protocol == report.change(scaling="unit", epochs=7, precision="bfloat16").protocol
    assert (base.network, base.profile, base.report, base.study) == (report.network, "own", "", "optimization")


def test_basis_moves_to_another_dataset():
    assert basis(find("D7")[0], dataset="digits").protocol.padding == "equal"


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_default_rates_are_those_of_keras(name):
    settings = OPTIMIZERS[name]
    default = keras.optimizers.get(settings["optimizer"])
    assert settings["learning_rate"] == pytest.approx(float(default.learning_rate))


def test_optimizers_come_at_their_default_or_at_every_rate(base):
    assert [one.id for one in optimizers(base, ["sgd", "momentum"])] == ["A2/sgd/0.01", "A2/momentum/0.01"]
    at_rates = optimizers(base, ["sgd", "adam"], [0.1, 1])
    assert [one.id for one in at_rates] == ["A2/sgd/0.1", "A2/sgd/1", "A2/adam/0.1", "A2/adam/1"]
    assert len(optimizers(base)) == 8


def test_momentum_is_sgd_with_momentum_and_no_other_has_any(base):
    protocols = {one.id.split("/")[1]: one.protocol for one in optimizers(base)}
    assert (protocols["momentum"].optimizer, protocols["momentum"].momentum) == ("sgd", 0.9)
    assert {name for name, protocol in protocols.items() if protocol.momentum} == {"momentum"}


def test_map_holds_every_rate_with_every_batch_size(base):
    protocols = [one.protocol for one in learning_rate_map(base, [0.1, 0.4], [32, 128])]
    found = {(one.learning_rate, one.batch_size, one.optimizer) for one in protocols}
    assert found == {(0.1, 32, "sgd"), (0.4, 32, "sgd"), (0.1, 128, "sgd"), (0.4, 128, "sgd")}


def test_schedules_share_their_constant_run_with_the_optimizers(base):
    made = schedules(base, [0.001])
    assert [one.protocol.schedule for one in made] == [None, "cosine", "one_cycle"]
    identities = [one.identity() for one in made]
    assert identities[0] == optimizers(base, ["adam"])[0].identity() == base.identity()
    assert len(set(identities)) == 3


def test_names_of_equal_settings_do_not_matter_to_the_identity(base):
    assert variant(base, "adam", batch_size=128).identity() == variant(base, "adam").identity()


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"optimizer": "addam"}, "did you mean 'adam'"),
        ({"learning_rate": -1}, "learning_rate"),
        ({"schedule": "cosin"}, "did you mean 'cosine'"),
        ({"batch_size": 0}, "batch_size"),
    ],
)
def test_settings_that_cannot_be_trained_are_refused(base, settings, words):
    with pytest.raises(InputError, match=words):
        variant(base, **settings)


def test_basis_starts_from_weights_of_its_own():
    late = next(one for one in find("D8") if one.id == "D8-adamax-after")
    assert optimization.basis(late).after is None


def test_the_reference_is_one_of_several_optimizers():
    assert optimization.against(["sgd", "adam"], "adam") == [("sgd", "adam")]
    for names in (["sgd", "momentum"], ["adam"], []):
        with pytest.raises(InputError, match="the reference must be one of two optimizers or more"):
            optimization.against(names, "adam")


def test_without_rates_or_batch_sizes_there_is_nothing_to_compare(base):
    for made in (
        lambda: optimization.optimizers(base, []),
        lambda: optimization.optimizers(base, ["sgd"], []),
        lambda: optimization.learning_rate_map(base, [], [32]),
        lambda: optimization.learning_rate_map(base, [0.1], []),
        lambda: optimization.learning_rate_map(base, [0.1, 0.1], [32]),
        lambda: optimization.schedules(base, []),
    ):
        with pytest.raises(InputError, match="must be different values, at least one"):
            made()


def test_one_after_another_starts_each_from_the_one_before(base):
    fair = optimizers(base, D8_ORDER)
    chain = one_after_another(fair)
    assert chain[0].identity() == fair[0].identity()
    assert [one.keep_weights for one in chain] == [True, True, False]  # so that each is trained once
    assert chain[1].after is chain[0] and chain[2].after is chain[1]
    assert [one.id for one in chain[1:]] == ["A2/adadelta/0.001-after", "A2/adamax/0.001-after"]
    assert len({one.identity() for one in [*fair, *chain]}) == 5


def test_settings_are_never_chosen_by_test_images():
    for name in ("C22", "A-top"):
        assert optimization.basis(find(name)[0]).protocol.split == "last:10000"


def test_one_after_another_needs_one():
    with pytest.raises(InputError, match="at least one"):
        one_after_another([])


def test_report_d_ran_adagrad_then_adadelta_then_adamax_on_the_same_weights():
    adamax = find("D8-adamax-after")[0]
    order = [adamax.protocol.optimizer, adamax.after.protocol.optimizer, adamax.after.after.protocol.optimizer]
    assert order == ["adamax", "adadelta", "adagrad"]
    assert adamax.after.after.after is None
    assert not any("each starts afresh" in sentence for sentence in adamax.assumptions)


def test_a_profile_reaches_the_experiments_that_another_starts_from():
    small = profiles.apply(find("D8-adamax-after")[0], "smoke")
    protocols = [small.protocol, small.after.protocol, small.after.after.protocol]
    assert {(one.dataset, one.epochs) for one in protocols} == {("digits", 2)}
    moved = profiles.on_dataset(find("D8-adadelta-after")[0], "mnist")
    assert (moved.protocol.dataset, moved.after.protocol.dataset) == ("mnist", "mnist")


def test_add_settings_keeps_the_runs_of_its_experiments_and_names_what_they_vary(base):
    experiments = [variant(base, "momentum", learning_rate=0.3, batch_size=64, schedule="cosine"), variant(base)]
    names = [experiments[1].id, "another", experiments[0].id]
    found = Tuning.add_settings(pd.DataFrame({"experiment": names, "seed": 0}), experiments)
    assert found[["optimizer", "learning_rate", "batch_size", "schedule"]].to_numpy().tolist() == [
        ["adam", 0.001, 128, "constant"],
        ["momentum", 0.3, 64, "cosine"],
    ]


def test_rmsprop_with_momentum_stays_rmsprop(base):
    one = base.change(optimizer="rmsprop", momentum=0.5)
    assert Tuning.add_settings(pd.DataFrame({"experiment": [one.id]}), [one])["optimizer"].item() == "rmsprop"


def test_every_name_of_the_schedules_can_be_trained(base):
    assert [variant(base, schedule=name).protocol.schedule for name in optimization.SCHEDULES] == [
        None, "cosine", "one_cycle",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("target", 1.5),
        ("trials", 0),
        ("reference", "adagrad"),
        ("rates", [0.1, 0.1]),
        ("batch_sizes", []),
        ("schedule_rates", []),
    ],
)
def test_a_study_refuses_what_no_training_could_use(name, value):
    with pytest.raises(InputError, match=name):
        Tuning(find("A2")[0], **{"optimizers": ["sgd", "adam"], "reference": "adam", "rates": [0.1], name: value})


def test_rivals_of_a_search_are_the_base_and_the_best_that_starts_from_its_own_weights(base):
    study = Tuning(find("A2")[0], "digits", 2, optimizers=["sgd", "adam"], rates=[0.1])
    late, winner = study.chain[1].id, variant(base, "rmsprop")
    scores = {base.id: 0.7, "good": 0.8, late: 0.9, winner.id: 0.95}
    runs = pd.DataFrame({"experiment": list(scores), "validation_accuracy": list(scores.values())})
    assert [rival[:2] for rival in study.rivals(winner, runs)] == [(winner.id, base.id), (winner.id, "good")]


def test_rates_are_chosen_by_trained_runs_of_the_grid():
    study = Tuning(find("A2")[0], "digits", 1, optimizers=["sgd", "adam"], rates=[0.001], trials=1)
    assert study.choose_rates()[0].empty
    grid, chosen = study.choose_rates(train=True)
    assert set(grid["seed"]) == {*CHOOSING} and grid["validation_accuracy"].notna().all()
    assert [experiment.id for experiment in study.at_best(chosen)] == ["A2/sgd/0.001", "A2/adam/0.001"]
