"""Transfer learning: report E, four CNNs against frozen ImageNet backbones."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from cnnhelpers import networks
from cnnhelpers.experiment import Experiment, Protocol
from cnnhelpers.studies import profiles
from cnnhelpers.studies.common import published

PROTOCOL_E = Protocol(
    dataset="fashion_mnist_5", scaling="unit", split="random:0.1,0.1", batch_size=128, epochs=50, precision="bfloat16"
)
PADDED_E = replace(PROTOCOL_E, padding="middle")

STAND_IN = "The course's data file is not public: the pairs of Fashion-MNIST classes that fit its printed figures best."


def experiments(report: str | None = None, dataset: str | None = None, profile: str = "published") -> list[Experiment]:
    """Return E1 to E4, E-resnet50 and E-vgg16.

    Training the last two downloads ImageNet weights when Keras does not have them yet (not in profile "smoke").

    Parameters
    ----------
    report
        "E" or None.
    dataset
        Another dataset than the report's: a name or a path.
    profile
        See profiles.PROFILES.

    Raises
    ------
    InputError
        If the report is not of this study, or the profile is unknown.
    """
    resnet50 = partial(networks.report_e_backbone, backbone="resnet50")
    vgg16 = partial(networks.report_e_backbone, backbone="vgg16")
    experiments = [
        _e("E1", "3 convolutions", networks.report_e_1),
        _e("E2", "3 convolutions, batch normalization, dropout", networks.report_e_2),
        _e("E3", "4 convolutions, batch normalization, dropout", networks.report_e_3),
        _e("E4", "4 padded convolutions, batch normalization, dropout, L2", networks.report_e_4),
        replace(_e("E-resnet50", "ResNet50, frozen", resnet50, PADDED_E), weights="imagenet"),
        replace(_e("E-vgg16", "VGG16, frozen", vgg16, PADDED_E), weights="imagenet"),
    ]
    return profiles.select(experiments, report, dataset, profile)


def _e(id: str, title: str, network: Callable[..., Any], protocol: Protocol = PROTOCOL_E) -> Experiment:
    return published("transfer", id, title, network, protocol, STAND_IN)
