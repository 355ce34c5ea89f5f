"""An experiment: a Keras network and its protocol, identified by a hash of a canonical text that `print` shows."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import partial
from pathlib import Path
from typing import Any

from cnnhelpers import data
from cnnhelpers.errors import InputError, unknown
from cnnhelpers.experiments.protocol import Protocol

Shape = tuple[int, int, int]  # height, width, channels


@dataclass(frozen=True)
class Experiment:
    """A network and its protocol. Title, study, report and profile are labels and not part of the identity.

    Parameters
    ----------
    network
        A function `(input_shape, classes) -> keras.Model`, input_shape = (height, width, channels), or a list of Keras
        layers; the last layer is a softmax over the classes. It builds layers with random weights; weights that it sets
        itself are refused, see `weights`.
    weights
        Start of a pretrained network, such as "imagenet" or the path of a file: the network is then also called with
        the keyword `weights`, None to describe it and this value to train it. Part of the identity, a file by the hash
        of its content.
    after
        Another experiment: a run starts from the final weights of its run with the same seed, array by array up to
        the first that has another shape (the head, where the classes differ). Part of the identity.
    keep_weights
        Whether runs keep their final weights next to the checkpoints, for experiments `after` this one; otherwise the
        first of those trains it again. Not part of the identity.
    id
        Short label in tables and figures, such as "A1".

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

    network: Callable[[Shape, int], Any] | Sequence[Any]
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
    # (state of the code, text of the network) by image shape and classes: describing a network costs a build
    _networks: dict[tuple[Shape, int], tuple[str, str]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        """Check labels and protocol; turn a list of layers into a function that builds fresh layers."""
        if not self.id or not isinstance(self.id, str):
            raise InputError(f"id must be a short text. Received: id={self.id!r}")
        if not isinstance(self.protocol, Protocol):
            raise InputError(f"protocol must be a Protocol(...). Received: {type(self.protocol).__name__}")
        if self.weights is not None and (not isinstance(self.weights, str) or self.weights.startswith("pretrain:")):
            raise InputError(
                "weights must be 'imagenet' or the path of a file; reports.transfer.Transfer pretrains networks, and "
                f"an experiment follows another by after=. Received: weights={self.weights!r}"
            )
        if not callable(self.network):
            if not isinstance(self.network, (list, tuple)):
                raise InputError(f"network must be a function or a list of Keras layers. Received: {self.network!r}")
            from cnnhelpers.experiments.building import layer_list

            object.__setattr__(self, "network", layer_list(self.network))

    def __getstate__(self) -> dict[str, Any]:
        """Return the fields; a worker process trusts the texts, as it may not be able to read the source of code."""
        return self.__dict__ | {"_networks": {shape: (TRUSTED, text) for shape, (_, text) in self._networks.items()}}

    @property
    def labels(self) -> dict[str, str]:
        """Return the labels of a record."""
        width = self.protocol.width
        title = self.title if width is None else f"{self.title} (width {width:g})".strip()
        labels = {"experiment": self.id, "title": title, "study": self.study}
        return labels | {"report": self.report, "profile": self.profile}

    def change(self, *, profile: str | None = None, **protocol: Any) -> "Experiment":
        """Return the experiment with other protocol values, e.g. `change(epochs=3, dataset="mnist")`."""
        known = {field.name for field in fields(Protocol)}
        for name in protocol:
            if name not in known:
                raise unknown("protocol field", name, known)
        return replace(self, protocol=replace(self.protocol, **protocol), profile=profile or self.profile)

    def build(self, input_shape: Shape, classes: int, *, pretrained: bool = False):
        """Return a keras.Model with random weights, or the `pretrained` weights of an experiment with `weights`.

        InputError: the network cannot be built for these images, or its weights are missing.
        """
        from cnnhelpers.experiments.building import build

        return build(self._function(pretrained), input_shape, classes, self.id)

    def text(self, info: "data.DatasetInfo | None" = None, *sources: "data.DatasetInfo") -> str:
        """Return the canonical text: data (by default the local copy, see data.info), protocol, network.

        `sources` are the dataset infos of earlier experiments in the chain, by default also of the local copies.
        """
        info = info or data.info(self.protocol.dataset)
        height, width, channels = info.image_shape
        lines = [f"data: {height}x{width}x{channels}, {info.classes} classes, sha256 {info.fingerprint[:16]}"]
        lines.append(self.protocol.text())
        if self.weights:
            lines.append(f"weights: {weights_text(self.weights)}")
        if self.after is not None:
            infos = {source.name: source for source in reversed(sources)} | {self.protocol.dataset: info}
            lines.append(f"after: {self.after.identity(infos.get(self.after.protocol.dataset), info, *sources)}")
        network = self._describe(padded_shape(info.image_shape, self.protocol.padding), info.classes)
        return "\n".join([*lines, "network:", network])

    def identity(self, info: "data.DatasetInfo | None" = None, *sources: "data.DatasetInfo") -> str:
        """Return the identity: 16 hexadecimal digits of the SHA-256 of the canonical text."""
        return identity_of(self.text(info, *sources))

    def chain(self) -> list["Experiment"]:
        """Return the experiment and those before it, the last experiment first."""
        return [self] if self.after is None else [self, *self.after.chain()]

    def __str__(self) -> str:
        """Return a heading (labels, not hashed) and the canonical text below it."""
        return f"# {self.id}{': ' if self.title else ''}{self.title} ({self.protocol.dataset})\n{self.text()}"

    def _function(self, pretrained: bool = False) -> Callable[[Shape, int], Any]:
        options: dict[str, Any] = {} if self.weights is None else {"weights": self.weights if pretrained else None}
        if self.protocol.width is not None:
            options["width"] = self.protocol.width
        return partial(self.network, **options)

    def _describe(self, *shape: Any) -> str:
        """Return the lines of the network; described again if custom code that it uses has changed since."""
        from cnnhelpers.experiments.building import code_state, describe_network

        state, text = self._networks.get(shape, (None, ""))
        if state != TRUSTED and state != (now := code_state(self.network)):
            text = describe_network(self._function(), *shape, self.id)
            self._networks[shape] = now, text
        return text


TRUSTED = "received by a process"


def identity_of(text: str) -> str:
    """Return the identity that belongs to a canonical text."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def weights_text(weights: str) -> str:
    """Return the text of `weights`: a name, or the SHA-256 of the content of a file.

    InputError: a path (it has a suffix) without a file.

    >>> weights_text("imagenet")
    'imagenet'
    """
    path = Path(weights)
    if not path.suffix:
        return weights
    if not path.is_file():
        raise InputError(f"there is no file of weights {weights}: pass weights='imagenet' or the path of a file")
    with path.open("rb") as file:
        return f"file, sha256 {hashlib.file_digest(file, 'sha256').hexdigest()}"


def padded_shape(image_shape: Shape, padding: str | None) -> Shape:
    """Return the input shape of the network: that of the images, or (32, 32, 3) if they are padded."""
    return image_shape if padding is None else (32, 32, 3)
