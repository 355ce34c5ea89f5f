"""Metrics of planted filters and activations have their known values."""

import numpy as np
import pytest

from cnnhelpers.errors import InputError
from cnnhelpers.interpretability import metrics


@pytest.fixture
def draw():
    return np.random.default_rng(0)


def one_filter(values):
    return np.asarray(values, float)[..., None, None]


def test_moran_is_high_for_a_gradient_and_lowest_for_a_checkerboard():
    gradient = np.add.outer(np.arange(30.0), np.arange(30.0))
    checkerboard = np.indices((3, 3)).sum(axis=0) % 2 * 2.0 - 1
    assert metrics.moran(one_filter(gradient))[0, 0] > 0.95
    assert metrics.moran(one_filter(checkerboard))[0, 0] == pytest.approx(-1)
    assert metrics.moran(one_filter(gradient[:3, :3]))[0, 0] == pytest.approx(0.5)  # 8 / 12 over 12 / 9


def test_moran_of_nine_weights_has_its_range():
    """It is a quadratic form of weights that sum to 0, so its eigenvectors are the extremes."""
    places = np.indices((3, 3)).reshape(2, 9).T
    neighbours = np.abs(places[:, None] - places).sum(axis=-1) == 1
    centre = np.eye(9) - 1 / 9
    extremes = np.linalg.eigh(centre @ neighbours @ centre)[1][:, [0, -1]]
    assert metrics.moran(extremes.reshape(3, 3, 1, 2))[0] == pytest.approx([-1.06, 0.53], abs=0.005)


def test_moran_of_noise_has_its_known_expectation(draw):
    values = metrics.moran(draw.normal(size=(3, 3, 100, 100)))
    assert values.shape == (100, 100)
    standard_error = values.std() / 100
    assert abs(values.mean() - metrics.random_moran(3, 3)) < 4 * standard_error


def test_moran_does_not_depend_on_scale_and_offset_and_knows_no_pattern_in_equal_weights(draw):
    kernels = draw.normal(size=(5, 5, 2, 3))
    assert metrics.moran(7 * kernels + 3) == pytest.approx(metrics.moran(kernels))
    assert np.isnan(metrics.moran(np.full((3, 3, 1, 1), 0.1))).all()
    assert np.isnan(metrics.moran(draw.normal(size=(1, 1, 4, 4)))).all()
    with pytest.raises(InputError, match=r"\(3, 3\)"):
        metrics.moran(np.zeros((3, 3)))


def test_cka_is_one_for_rotated_scaled_and_shifted_copies(draw):
    layer = draw.normal(size=(200, 12)) * np.arange(1, 13)
    rotation = np.linalg.qr(draw.normal(size=(12, 12)))[0]
    copies = [layer @ rotation, 100 * layer, layer + 50]
    for copy in copies:
        assert metrics.cka(metrics.similarities(layer), metrics.similarities(copy)) == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize("units", [5, 3000])
def test_cka_of_independent_noise_is_near_zero_even_with_more_units_than_images(draw, units):
    first, second = (metrics.similarities(draw.normal(size=(500, units))) for _ in range(2))
    assert abs(metrics.cka(first, second)) < 0.1


def test_cka_falls_as_noise_is_added_and_is_the_same_both_ways(draw):
    layer, noise = draw.normal(size=(2, 400, 20))
    kept = [metrics.similarities(layer + share * noise) for share in (0, 0.5, 2)]
    values = [metrics.cka(kept[0], noisy) for noisy in kept]
    assert values[0] > values[1] > values[2] > 0
    assert metrics.cka(kept[1], kept[0]) == pytest.approx(values[1])
    assert values[1] == pytest.approx(1 / 1.25, abs=0.06)  # variance shared, over variance: 1 / (1 + 0.5**2)


def test_cka_refuses_other_images_and_a_layer_without_variation_has_none(draw):
    layer = metrics.similarities(draw.normal(size=(40, 3)))
    with pytest.raises(InputError, match=r"\(1, 190\)"):
        metrics.cka(layer, layer[:1])
    with pytest.raises(InputError, match="19"):
        metrics.similarities(np.ones((19, 3)))
    assert np.isnan(metrics.cka(layer, metrics.similarities(np.ones((40, 3)))))


def test_a_probe_finds_planted_classes_and_guesses_without_them(draw):
    labels, test_labels = draw.integers(0, 4, 400), draw.integers(0, 4, 400)

    def planted(classes, strength):
        noise = draw.normal(size=(len(classes), 6, 6, 5))
        noise[:, 2, 3, :4] += strength * np.eye(4)[classes]
        return noise

    found = metrics.probe(planted(labels, 20), labels, planted(test_labels, 20), test_labels)
    nothing = metrics.probe(planted(labels, 0), labels, planted(test_labels, 0), test_labels)
    assert found > 0.98
    assert nothing == pytest.approx(0.25, abs=0.1)


def test_a_probe_of_a_dead_layer_predicts_the_commonest_class():
    labels = np.array([0, 1, 1, 1] * 10)
    assert metrics.probe(np.zeros((40, 8)), labels, np.zeros((40, 8)), labels) == 0.75


def test_silhouette_tells_apart_groups_from_a_mixture(draw):
    labels = np.repeat([0, 1], 50)
    groups = draw.normal(size=(100, 4)) + 100 * labels[:, None]
    assert metrics.silhouette(groups, labels) > 0.95
    assert abs(metrics.silhouette(groups, draw.permutation(labels))) < 0.1


def test_explained_variance_is_that_of_a_planted_low_rank(draw):
    directions = np.linalg.qr(draw.normal(size=(30, 30)))[0][:2]
    scores = draw.normal(size=(100, 2))
    scores = np.linalg.qr(scores - scores.mean(axis=0))[0]  # orthonormal and centred
    found = metrics.projections(scores * [3, 1] @ directions + 5)
    assert found["explained"][:2] == pytest.approx([0.9, 0.1], abs=1e-5)
    assert found["explained"][2:] == pytest.approx(0, abs=1e-6)
    assert np.abs(found["components"][:, 0]) == pytest.approx(np.abs(3 * scores[:, 0]), abs=1e-5)


def test_tsne_keeps_groups_together_and_is_repeatable(draw):
    labels = np.repeat([0, 1], 30)
    groups = draw.normal(size=(60, 10)) + 50 * labels[:, None]
    first, second = (metrics.projections(groups, seed=1)["tsne"] for _ in range(2))
    assert np.array_equal(first, second)
    centres = [first[labels == label].mean(axis=0) for label in (0, 1)]
    spread = max(first[labels == label].std() for label in (0, 1))
    assert np.linalg.norm(centres[0] - centres[1]) > spread
    with pytest.raises(InputError, match="2001"):
        metrics.projections(np.zeros((2001, 3)))


@pytest.mark.parametrize("layer", [np.full((30, 4), 0.1), np.linspace(0, 1e-25, 120).reshape(30, 4)])
def test_a_layer_with_the_same_outputs_for_all_images_is_projected_to_zeros(layer):
    found = metrics.projections(layer)  # t-SNE would end the process
    assert {name: array.shape for name, array in found.items()} == {
        "components": (30, 2),
        "explained": (2,),
        "tsne": (30, 2),
    }
    assert not any(array.any() for array in found.values())


def test_a_layer_of_one_unit_has_two_components_the_second_of_zeros(draw):
    unit = draw.normal(size=(30, 1))
    found = metrics.projections(unit)
    assert np.abs(found["components"]) == pytest.approx(np.abs(np.hstack([unit - unit.mean(), 0 * unit])), abs=1e-5)
    assert found["explained"] == pytest.approx([1, 0])
    assert found["tsne"].shape == (30, 2)


def test_one_weight_has_no_neighbour():
    assert np.isnan(metrics.random_moran(1, 1))


@pytest.mark.parametrize(
    "activations", [np.full((40, 3), np.nan), np.full((40, 3), 1e300), np.zeros((0, 3)), np.zeros(40)]
)
@pytest.mark.parametrize("measure", [metrics.dead_units, metrics.similarities, metrics.projections])
def test_activations_that_cannot_be_measured_are_refused(measure, activations):
    with pytest.raises(InputError, match="activations"):
        measure(activations)


@pytest.mark.parametrize("wrong", [np.zeros(10, int), np.eye(40)[:, :2].astype(int), np.zeros(40)])
def test_labels_other_than_one_whole_number_an_image_are_refused(draw, wrong):
    layer, labels = draw.normal(size=(40, 3)), np.arange(40) % 2
    with pytest.raises(InputError, match="labels"):
        metrics.silhouette(layer, wrong)
    for both in ((wrong, labels), (labels, wrong)):
        with pytest.raises(InputError, match="labels"):
            metrics.probe(layer, both[0], layer, both[1])


def test_labels_and_layers_that_leave_nothing_to_tell_apart_are_refused(draw):
    layer, labels = draw.normal(size=(40, 3)), np.arange(40) % 2
    for wrong in (np.zeros(40, int), np.arange(40)):
        with pytest.raises(InputError, match="silhouette"):
            metrics.silhouette(layer, wrong)
    with pytest.raises(InputError, match="7"):
        metrics.probe(layer, labels * 0 + 7, layer, labels)
    with pytest.raises(InputError, match=r"3 .* 2"):
        metrics.probe(layer, labels, layer[:, :2], labels)


def test_weights_of_other_shapes_are_not_compared():
    with pytest.raises(InputError, match=r"\(2, 3\) and \(3,\)"):
        metrics.change(np.ones((2, 3)), np.ones(3))


@pytest.mark.parametrize("shape", [(40, 10), (190,)])
def test_cka_refuses_other_arrays_than_similarities(shape):
    with pytest.raises(InputError, match="Received"):
        metrics.cka(np.zeros(shape), np.zeros(shape))


def test_dead_units_are_those_that_no_image_activates(draw):
    maps = draw.uniform(0.1, 1, size=(10, 4, 4, 8))
    maps[..., 2] = 0
    maps[..., 5] = 0
    maps[3, 1, 1, 5] = 0.5  # one image activates it at one place
    assert metrics.dead_units(maps) == 1 / 8
