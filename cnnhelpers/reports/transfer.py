"""Transfer learning: report E, and beyond it training from scratch, frozen and fine-tuned, with fewer images.

In short::

    study = Transfer("fashion_mnist_5", source="cifar10")   # pretrained here; or weights="imagenet" from Keras
    study.ways()                                            # from scratch, frozen, fine-tuned
    study.ways(images_a_class=10)                           # the same with 50 labelled images
    study.variants()                                        # channels, pooling, size of the images, preprocessing
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import cached_property, partial
from math import ceil, log2
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from cnnhelpers import data, networks
from cnnhelpers.data import PADDED_SIDE, split
from cnnhelpers.errors import InputError
from cnnhelpers.experiments import Experiment, Protocol
from cnnhelpers.networks import SMALLEST_SIDE, check_backbone, scales_itself
from cnnhelpers.reports import profiles
from cnnhelpers.reports.profiles import published_experiment

PROTOCOL_E = Protocol(
    dataset="fashion_mnist_5", scaling="unit", split="random:0.1,0.1", batch_size=128, epochs=50, precision="bfloat16"
)
PADDED_E = replace(PROTOCOL_E, padding="middle")
OTHER_SPLIT = "stratified:0.1"  # of all other datasets and of every source, which come with test images

WAYS = ("scratch", "frozen", "fine-tuned")
RATES = {"pretraining": 0.003, "scratch": 0.003, "frozen": 0.01, "fine-tuned": 0.001}  # highest
UNFROZEN = 2  # blocks that fine-tuning trains
SIDES = (64, 96)  # pixels, to which images are enlarged


@dataclass(frozen=True)
class Effort:
    """The length of training: epochs on the source and on all images of the target, steps on fewer images."""

    pretraining_epochs: int = 8
    epochs: int = 3
    steps: int = 1000


EFFORTS = {"smoke": Effort(1, 1, 20), "quick": Effort(2, 1, 300)}  # of the other profiles: Effort()

STAND_IN = "The course's data file is not public: the pairs of Fashion-MNIST classes that fit its printed figures best."


def experiments(report: str | None = None, dataset: str | None = None, profile: str = "published") -> list[Experiment]:
    """Return E1 to E4, E-resnet50 and E-vgg16; for the arguments see `profiles.select`.

    Training the last two downloads ImageNet weights where Keras does not have them (except in the profile "smoke").
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
    return published_experiment("transfer", id, title, network, protocol, STAND_IN)


@dataclass(frozen=True)
class Transfer:
    """The experiments of a study of transfer learning: a backbone on one dataset, with weights from another.

    Adam with a rate that falls to 0 along half a cosine, pixels in three equal channels, bfloat16 products. Report E's
    data are split as there, others by OTHER_SPLIT. Ids are "BACKBONE/WAY" and, with fewer images, "BACKBONE/WAY/10".

    Parameters
    ----------
    dataset
        The target: a name or a path.
    source
        The dataset of pretraining; ignored where `weights` are given.
    backbone
        One of networks.backbones.BACKBONES.
    weights
        None: pretrained here on `source`, also written "pretrain:SOURCE". "imagenet" or the path of a weights file.
    profile
        "smoke" and "quick" train for less, see EFFORTS; the others are equal.

    Raises
    ------
    InputError
        If the backbone or the profile is unknown, or small_resnet is asked for with ImageNet weights. Later, if the
        images of the target or the source do not fit a backbone.

    Examples
    --------
    >>> [experiment.id for experiment in Transfer("digits", source="digits", profile="smoke").ways(images_a_class=10)]
    ['small_resnet/scratch/10', 'small_resnet/frozen/10', 'small_resnet/fine-tuned/10']
    """

    dataset: str = "fashion_mnist_5"
    source: str = "cifar10"
    backbone: str = "small_resnet"
    weights: str | Path | None = None
    profile: str = "published"

    def __post_init__(self) -> None:
        """Check everything that needs no data."""
        profiles.seeds(self.profile)
        if self.weights is not None:
            object.__setattr__(self, "weights", str(self.weights))
        check_backbone(self.backbone, self.weights)
        if self.weights is not None and self.weights.startswith("pretrain:"):
            object.__setattr__(self, "source", self.weights.removeprefix("pretrain:"))
            object.__setattr__(self, "weights", None)

    @property
    def effort(self) -> Effort:
        """Return the length of training of the profile."""
        return EFFORTS.get(self.profile, Effort())

    @cached_property
    def pretraining(self) -> Experiment:
        """Return the training on the source, from which the frozen backbone starts unless there are `weights`."""
        title = f"{self.backbone} on {self.source}, from scratch"
        protocol = self._protocol("pretraining")
        return replace(
            self._experiment("pretraining", title, self._network(unfrozen=None), protocol), keep_weights=True
        )

    def ways(self, images_a_class: int | None = None) -> list[Experiment]:
        """Return the network from scratch, frozen and fine-tuned, on all labelled images or on fewer (see `fewer`).

        The fine-tuned network continues where the frozen one ends.
        """
        network, protocol = self._network(unfrozen=None), self._protocol("scratch")
        scratch = self._experiment("scratch", "everything from scratch", network, protocol)
        network, title = self._network(unfrozen=UNFROZEN), f"last {UNFROZEN} blocks fine-tuned"
        tuned = self._experiment("fine-tuned", title, network, self._protocol("fine-tuned"))
        scratch, frozen, tuned = (
            fewer(way, images_a_class, self.effort.steps) for way in (scratch, self.frozen(), tuned)
        )
        return [scratch, frozen, replace(tuned, after=frozen)]

    def labelled(self, sizes: Iterable[int]) -> list[Experiment]:
        """Return the three ways with about each number of labelled images a class, then with all images."""
        profiles.check_lists(images=sizes)
        return [way for size in (*dict.fromkeys(sizes), None) for way in self.ways(size)]

    def frozen(self, name: str = "frozen", title: str = "frozen", **options: Any) -> Experiment:
        """Return the frozen backbone, which trains its output layer only; `options` of the network or the protocol."""
        fields = {key: options.pop(key) for key in ("padding", "scaling", "augmentation") if key in options}
        protocol = replace(self._protocol("frozen"), **fields)
        start = {"after": self.pretraining} if self.weights is None else {"weights": self.weights}
        return replace(self._experiment(name, title, self._network(**options), protocol), **start)

    def flipped(self) -> Experiment:
        """Return the frozen backbone on images flipped at random: features are computed in every epoch."""
        return self.frozen("frozen/flipped", "frozen, images flipped", augmentation="flip")

    def variants(self) -> list[Experiment]:
        """Return the frozen backbone with one change each, and with the choices of report E together.

        Without those that need grey images where the images are in colour. With `weights` also without the
        preprocessing that belongs to them; a backbone pretrained here saw pixels scaled as the target's are.
        """
        height, width, channels = data.info(self.dataset).image_shape
        grey = channels == 1
        variants = [
            *([self.frozen("frozen/middle", "grey in the middle channel only", padding="middle")] if grey else []),
            self.frozen("frozen/flatten", "Flatten, no average", pooling="flatten"),
        ]
        larger = [side for side in SIDES if side > max(height, width)]
        variants += [self.frozen(f"frozen/side={side}", f"images of {side}x{side}", side=side) for side in larger]
        as_reported = {"padding": "middle", "pooling": "flatten"}
        if self.weights is not None:
            raw = {"preprocess": False, "scaling": "unit"}
            variants.append(self.frozen("frozen/raw", "pixels 0..1, not its own preprocessing", **raw))
            as_reported |= raw
        return [*variants, *([self.frozen("frozen/reported", "as report E did", **as_reported)] if grey else [])]

    @property
    def published(self) -> list[Experiment]:
        """Return report E's experiments under the profile."""
        return experiments("E", profile=self.profile)

    @property
    def corrected_backbones(self) -> list[Experiment]:
        """Return report E's two backbones with its mistakes corrected (profile "fair")."""
        return experiments("E", profile="fair")[-2:]

    @staticmethod
    def add_ways(runs: pd.DataFrame) -> pd.DataFrame:
        """Return the runs of `labelled` with columns way (one of WAYS) and images (labelled training images).

        images is NaN where it is unknown, of a failed run.
        """
        way = runs["experiment"].str.extract(rf"^[^/]+/({'|'.join(WAYS)})(?:/[0-9]+)?$", expand=False).dropna()
        runs = runs.loc[way.index]
        images = [record.data.get("images", {}).get("train", np.nan) for record in runs["record"]]
        return runs.assign(way=way, images=images)

    def _network(self, **options: Any) -> Callable[..., Any]:
        preprocess = {} if self.weights is None else {"preprocess": True}
        chosen = {"backbone": self.backbone, "pooling": "average"} | preprocess | options
        return partial(networks.report_e_backbone, **chosen)

    def _protocol(self, way: str) -> Protocol:
        before = way == "pretraining"
        dataset = self.source if before else self.dataset
        fields: dict[str, Any] = {
            "dataset": dataset,
            "scaling": "unit" if self.weights is None and not scales_itself(self.backbone) else "none",
            "padding": _padding(dataset),
            "split": OTHER_SPLIT if before or dataset != PROTOCOL_E.dataset else PROTOCOL_E.split,
            "learning_rate": RATES[way],
            "epochs": self.effort.pretraining_epochs if before else self.effort.epochs,
        }
        return replace(PROTOCOL_E, **fields, schedule="cosine")

    def _experiment(self, name: str, title: str, network: Callable[..., Any], protocol: Protocol) -> Experiment:
        return Experiment(network, protocol, id=f"{self.backbone}/{name}", title=title, study="transfer")


def _padding(dataset: str) -> str | None:
    """Return the padding that gives images the three channels and the size of a backbone; None for such images."""
    height, width, channels = data.info(dataset).image_shape
    if channels == 3 and min(height, width) >= SMALLEST_SIDE:
        return None
    if max(height, width) > PADDED_SIDE:
        raise InputError(
            "a backbone takes three channels of at least 32x32, to which smaller images are padded: scale the images "
            f"down, or repeat their single channel. Received: {dataset} of {height}x{width}x{channels}"
        )
    return "equal"


def fewer(experiment: Experiment, images_a_class: int | None, steps: int) -> Experiment:
    """Return the experiment on about `images_a_class` labelled images a class, trained for about `steps` steps.

    The images are drawn at random from all classes together. The batch size is about the square root of their number, a
    power of two from 8 to 128. Validation has as many images, the test part stays whole. None changes nothing.

    Raises
    ------
    InputError
        If there is no image, or if the data are here and have no more images.
    """
    if images_a_class is None:
        return experiment
    if type(images_a_class) is not int or images_a_class < 1:
        raise InputError(f"images_a_class must be a whole number of at least 1. Received: {images_a_class!r}")
    images = images_a_class * data.info(experiment.protocol.dataset).classes
    _check_fewer(experiment.protocol, images, images_a_class)
    batch_size = min(128, max(8, 2 ** round(log2(images) / 2)))
    epochs = max(1, round(steps / ceil(images / batch_size)))
    short = experiment.change(images=images, batch_size=batch_size, epochs=epochs)
    title = f"{experiment.title}, about {images_a_class} a class"
    return replace(short, id=f"{experiment.id}/{images_a_class}", title=title)


def _check_fewer(protocol: Protocol, images: int, images_a_class: int) -> None:
    """Raise InputError unless the training part, where the data are local, has more images."""
    if not data.is_local(protocol.dataset):
        return
    labelled = len(split(data.load(protocol.dataset), protocol.split, seed=0).train)
    if images >= labelled:
        raise InputError(
            f"images_a_class={images_a_class} asks for {images:,} images, and {protocol.dataset} has {labelled:,} "
            f"labelled images, which are used anyway: pass less than {ceil(labelled * images_a_class / images)}"
        )
