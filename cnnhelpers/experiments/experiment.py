"""Experiment = a Keras network plus a protocol. Its identity is a hash of its canonical text, which `print` shows."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import partial
from pathlib import Path
from typing import Any

from cnnhelpers import data
from cnnhelpers.data import parse_split
from cnnhelpers.errors import InputError, check_count, check_positive, is_number, unknown

CHOICES = {
    "scaling": ("none", "unit", "unit_row_norm", "standardized"),
    "padding": (None, "middle", "equal"),
    "optimizer": ("sgd", "adagrad", "adadelta", "rmsprop", "adam", "adamw", "adamax", "nadam"),
    "schedule": (None, "cosine", "one_cycle"),
    "early_stopping": (None, "validation_loss", "validation_accuracy"),
    "augmentation": (None, "flip", "shift", "flip+shift"),
    "precision": ("float32", "bfloat16"),
}
WITH_MOMENTUM = ("sgd", "rmsprop")


@dataclass(frozen=True, kw_only=True)
class Protocol:
    """How a network is trained: flat, validated, and part of the experiment's identity.

    Raises
    ------
    InputError
        If a field is out of its range; the message names the field, its value and what was expected.

    Examples
    --------
    >>> protocol = Protocol(dataset="digits", epochs=20, early_stopping="validation_loss", patience=3)
    >>> print(protocol.text())
    scaling: unit
    split: stratified:0.2
    optimizer: adam
    learning_rate: 0.001
    batch_size: 128
    epochs: 20
    early_stopping: validation_loss
    patience: 3
    precision: float32
    """

    dataset: str = "digits"  #: a name that data.load knows, or the path of your own file or folder
    scaling: str = "unit"  #: pixels reach the network as 0..255, 0..1, rows of unit L2 norm, or mean 0 and SD 1
    padding: str | None = None  #: zero-pad to 32x32x3; grey in the "middle" channel only, or "equal" in all three
    split: str = "stratified:0.2"  #: validation part of the training images, see splits.split
    images: int | None = None  #: use at most this many images in training and in validation each, drawn by the seed
    optimizer: str = "adam"
    learning_rate: float = 0.001
    momentum: float | None = None  #: of sgd and rmsprop, which have none by default
    schedule: str | None = None  #: None keeps the learning rate; "cosine" or "one_cycle", see pipeline.learning_rate
    batch_size: int = 128
    epochs: int = 10
    early_stopping: str | None = None  #: the validation metric that is watched
    patience: int | None = None  #: epochs without improvement before training stops
    restore_best: bool = False  #: take the weights of the best epoch, not of the last one
    augmentation: str | None = None  #: of training images; horizontal flips, shifts by up to an eighth of the side
    width: float | None = None  #: factor on the filters and units of a network that takes `width`; None is as published
    precision: str = "float32"  #: of products; "bfloat16" computes them so where the processor can, see precision.py

    def __post_init__(self) -> None:
        """Refuse what cannot be trained."""
        for name, choices in CHOICES.items():
            if getattr(self, name) not in choices:
                raise unknown(name, getattr(self, name), [choice for choice in choices if choice])
        for name, lowest in (("batch_size", 1), ("epochs", 1), ("patience", 0), ("images", 1)):
            if getattr(self, name) is not None or name in ("batch_size", "epochs"):
                check_count(name, getattr(self, name), lowest)
        for name in ("learning_rate", "width"):
            if getattr(self, name) is not None or name == "learning_rate":
                check_positive(name, getattr(self, name))
                object.__setattr__(self, name, float(getattr(self, name)))  # 1 and 1.0 are one identity
        if type(self.restore_best) is not bool:
            raise InputError(f"restore_best must be True or False. Received: restore_best={self.restore_best!r}")
        if self.momentum is not None:
            _check_momentum(self.momentum, self.optimizer)
        if not self.dataset or not isinstance(self.dataset, str):
            raise InputError(f"dataset must be a name or a path. Received: dataset={self.dataset!r}")
        if (self.early_stopping is None) != (self.patience is None):
            raise InputError(
                "early_stopping and patience go together. "
                f"Received: early_stopping={self.early_stopping!r}, patience={self.patience!r}"
            )
        if self.restore_best and self.early_stopping is None:
            raise InputError("restore_best=True needs early_stopping, the metric that says which epoch is best")
        kind, numbers = parse_split(self.split)
        object.__setattr__(self, "split", ":".join([kind, ",".join(map(str, numbers))]).rstrip(":"))  # one spelling
        if kind == "none" and self.early_stopping is not None:
            raise InputError(f"early_stopping={self.early_stopping!r} needs validation images; split is 'none'")

    def text(self) -> str:
        """Return one line a field, in order; fields that are off (None or False) are left out.

        A field added later must be off by default, so that older identities keep.
        """
        values = {field.name: getattr(self, field.name) for field in fields(self) if field.name != "dataset"}
        return "\n".join(
            f"{name}: {_plain(value)}" for name, value in values.items() if value is not None and value is not False
        )


@dataclass(frozen=True)
class Experiment:
    """A network and the protocol it is trained by. Title, study, report and profile are labels, not identity.

    Parameters
    ----------
    network
        Any function `(input_shape, classes) -> keras.Model`, input_shape = (height, width, channels), ending in
        a softmax over the classes; or a list of Keras layers that does. Its layers are fresh: weights that it loads by
        itself are not part of the identity, those of `weights` are.
    protocol
        See Protocol.
    weights
        What a pretrained network starts from, such as "imagenet" or the path of a file: the network is then also called
        with the keyword `weights`, None to describe it and this to train it. Part of the identity, a file by the hash
        of its content.
    after
        Another experiment: a run starts from the weights that its run with the same seed ends with, array by array
        up to the first that has another shape (the head, where the classes differ). Part of the identity.
    keep_weights
        Whether its runs leave their final weights beside the backups, for experiments that come after it; without, the
        first of those trains it again. Not part of the identity.
    id
        Short label of tables and figures, such as "A1".

    Examples
    --------
    >>> from keras import layers
    >>> experiment = Experiment([layers.Flatten(), layers.Dense(10, activation="softmax")], Protocol(epochs=2))
    >>> print(experiment)  # doctest: +ELLIPSIS
    # experiment (digits)
    data: 28x28x1, 10 classes, sha256 ...
    scaling: unit
    split: stratified:0.2
    optimizer: adam
    learning_rate: 0.001
    batch_size: 128
    epochs: 2
    precision: float32
    network:
      Flatten()
      Dense(units=10, activation='softmax')
    """

    network: Callable[[tuple[int, int, int], int], Any] | Sequence[Any]
    protocol: Protocol = field(default_factory=Protocol)
    weights: str | None = None
    after: "Experiment | None" = None
    keep_weights: bool = False
    id: str = "experiment"
    title: str = ""
    study: str = "own"
    report: str = ""
    profile: str = "own"
    assumptions: tuple[str, ...] = ()
    _texts: dict[tuple[Any, ...], str] = field(default_factory=dict, init=False, repr=False, compare=False)
    _networks: dict[tuple[Any, ...], str] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Check labels and protocol; turn a list of layers into a function that builds fresh ones."""
        if not self.id or not isinstance(self.id, str):
            raise InputError(f"id must be a short text. Received: id={self.id!r}")
        if not isinstance(self.protocol, Protocol):
            raise InputError(f"protocol must be a Protocol(...). Received: {type(self.protocol).__name__}")
        if not callable(self.network) and not isinstance(self.network, (list, tuple)):
            raise InputError(f"network must be a function or a list of Keras layers. Received: {self.network!r}")
        if self.weights is not None and (not isinstance(self.weights, str) or self.weights.startswith("pretrain:")):
            raise InputError(
                f"weights must be 'imagenet' or the path of a file; studies.transfer.Transfer pretrains its own, and "
                f"an experiment follows another by after=. Received: weights={self.weights!r}"
            )
        if not callable(self.network):
            from cnnhelpers.experiments.identity import layer_list

            object.__setattr__(self, "network", layer_list(self.network))

    @property
    def labels(self) -> dict[str, str]:
        """Return what a record is labelled with; none of it is part of the identity."""
        names = {"experiment": "id", "title": "title", "study": "study", "report": "report", "profile": "profile"}
        labels = {name: getattr(self, attribute) for name, attribute in names.items()}
        width = self.protocol.width
        return labels if width is None else labels | {"title": f"{self.title} (width {width:g})".strip()}

    def change(self, *, profile: str | None = None, **protocol: Any) -> "Experiment":
        """Return the experiment with other protocol values, e.g. `change(epochs=3, dataset="mnist")`."""
        known = {field.name for field in fields(Protocol)}
        for name in protocol:
            if name not in known:
                raise unknown("protocol field", name, known)
        return replace(self, protocol=replace(self.protocol, **protocol), profile=profile or self.profile)

    def build(self, input_shape: tuple[int, int, int], classes: int, *, pretrained: bool = False):
        """Return a keras.Model with random weights, or the `pretrained` ones if the experiment starts from such.

        Raises
        ------
        InputError
            If the network cannot be built for these images, or its weights cannot be had.
        """
        from cnnhelpers.experiments.identity import build

        options: dict[str, Any] = {} if self.weights is None else {"weights": self.weights if pretrained else None}
        if self.protocol.width is not None:
            options["width"] = self.protocol.width
        return build(partial(self.network, **options), input_shape, classes, self.id)

    def text(self, card: "data.DatasetInfo | None" = None, *sources: "data.DatasetInfo") -> str:
        """Return the canonical text: data (by default as `data.info` knows them here), protocol, network.

        `sources` are cards of datasets that the experiments before this one train on, where not those known here.
        """
        card = card or data.info(self.protocol.dataset)
        files = (weights_text(one.weights) for one in self.chain() if one.weights)
        key = (card, *sources, *files)
        if key not in self._texts:  # kept: it costs a build, and a worker cannot read the source of your own code
            self._texts[key] = self._describe(card, *sources)
        return self._texts[key]

    def _describe(self, card: "data.DatasetInfo", *sources: "data.DatasetInfo") -> str:
        height, width, channels = card.image_shape
        about = f"data: {height}x{width}x{channels}, {card.classes} classes, sha256 {card.fingerprint[:16]}"
        starts = f"weights: {weights_text(self.weights)}\n" if self.weights else ""
        if self.after is not None:
            name = self.after.protocol.dataset
            own = card if name == self.protocol.dataset else next((one for one in sources if one.name == name), None)
            starts += f"after: {self.after.identity(own, card, *sources)}\n"
        network = self._network(padded_shape(card.image_shape, self.protocol.padding), card.classes)
        return f"{about}\n{self.protocol.text()}\n{starts}network:\n{network}"

    def _network(self, *shape: Any) -> str:
        """Return the lines of the network, built once for all versions of the data that have images of this shape."""
        from cnnhelpers.experiments.identity import describe

        if shape not in self._networks:
            self._networks[shape] = describe(self.build(*shape), indent="  ")
        return self._networks[shape]

    def identity(self, card: "data.DatasetInfo | None" = None, *sources: "data.DatasetInfo") -> str:
        """Return the identity: 16 hexadecimal digits of the SHA-256 of the canonical text."""
        return identity_of(self.text(card, *sources))

    def chain(self) -> list["Experiment"]:
        """Return the experiment and those before it, the last one first."""
        return [self] if self.after is None else [self, *self.after.chain()]

    def __str__(self) -> str:
        """Return a heading (labels, not hashed) and the canonical text below it."""
        return f"# {self.id}{': ' if self.title else ''}{self.title} ({self.protocol.dataset})\n{self.text()}"


def identity_of(text: str) -> str:
    """Return the identity that belongs to a canonical text."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def weights_text(weights: str) -> str:
    """Return what stands for `weights` in the canonical text: a name, or the SHA-256 of a file's content.

    >>> weights_text("imagenet")
    'imagenet'

    Raises
    ------
    InputError
        If it is a path (it has a suffix) and no file is there.
    """
    path = Path(weights)
    if not path.suffix:
        return weights
    if not path.is_file():
        raise InputError(f"there is no file of weights {weights}: pass weights='imagenet' or the path of a file")
    with path.open("rb") as file:
        return f"file, sha256 {hashlib.file_digest(file, 'sha256').hexdigest()}"


def padded_shape(image_shape: tuple[int, int, int], padding: str | None) -> tuple[int, int, int]:
    """Return the shape that the network sees: (height, width, channels) of the images, or (32, 32, 3) if padded."""
    return image_shape if padding is None else (32, 32, 3)


def _check_momentum(momentum: float, optimizer: str) -> None:
    if optimizer not in WITH_MOMENTUM:
        raise InputError(f"momentum goes with {' and '.join(WITH_MOMENTUM)}. Received: optimizer={optimizer!r}")
    if not is_number(momentum) or not 0 < momentum < 1:
        raise InputError(f"momentum must be a number above 0 and below 1. Received: momentum={momentum!r}")


def _plain(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) and f"{value:g}" == repr(value) else str(value)
