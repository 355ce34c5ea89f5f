"""The networks, grids and questions of the study of depth and kernel size."""

import pytest
from keras import layers

from cnnhelpers import book
from cnnhelpers.errors import InputError
from cnnhelpers.model_summary import flops, receptive_field
from cnnhelpers.networks import report_d_6
from cnnhelpers.reports import DepthAndKernel, depth_and_kernel


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
    study = DepthAndKernel(report)
    assert set(study.grid.index) <= known
    assert {name for *pair, _ in study.questions for name in pair} <= known
    assert not study.grid.duplicated().any()


def test_a_study_takes_networks_by_depth_kernel_and_regularization():
    chosen = DepthAndKernel("c", depths=[2, 5], kernel_sizes=[5], regularized=[True]).experiments
    assert [one.id for one in chosen] == ["C24", "C34", "C54"]
    assert len(DepthAndKernel("D").experiments) == 11
    with pytest.raises(InputError, match=r"report C .*depths=\[4\]"):
        DepthAndKernel("C", depths=[4])
    with pytest.raises(InputError, match=r"depths='\[2, 5\]'"):
        DepthAndKernel("C", depths="[2, 5]")
    with pytest.raises(InputError, match="'A'"):
        DepthAndKernel("A")


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


def test_the_page_tells_plain_from_regularized_weights():
    weights = book.networks(depth_and_kernel.matched_kernels()).weights
    told = ["Glorot", "He, batch normalization"]
    assert weights.to_dict() == dict(zip(["C22", "C24", "C22-pairs", "C24-pairs"], told * 2, strict=True))


def test_rescues_change_one_thing_of_d6_each():
    d6 = depth_and_kernel.rescues()[0]
    assert d6.id == "D6" and d6.build((32, 32, 3), 10).count_params() == report_d_6((32, 32, 3), 10).count_params()
    for one in depth_and_kernel.rescues()[1:]:
        other_network = one.text().split("network:")[1] != d6.text().split("network:")[1]
        other_protocol = one.protocol != d6.protocol
        assert other_network != other_protocol, one.id
