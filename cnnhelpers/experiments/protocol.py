"""Describe and validate how a network is trained."""

from dataclasses import dataclass, fields

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
    """How a network is trained: part of the identity of an experiment. InputError: a field is out of its range.

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

    dataset: str = "digits"  #: a name that data.load knows, or the path of a file or folder
    scaling: str = "unit"  #: pixels are 0..255, 0..1, rows of unit L2 norm, or of mean 0 and SD 1
    padding: str | None = None  #: zero-pad to 32x32x3; grey in the "middle" channel only, or "equal" in all three
    split: str = "stratified:0.2"  #: validation part of the training images, see data.split
    images: int | None = None  #: largest number of training images, and of validation images, drawn by the seed
    optimizer: str = "adam"
    learning_rate: float = 0.001
    momentum: float | None = None  #: of sgd and rmsprop, which have none by default
    schedule: str | None = None  #: None keeps the learning rate; "cosine" or "one_cycle" change it
    batch_size: int = 128
    epochs: int = 10
    early_stopping: str | None = None  #: the monitored validation metric
    patience: int | None = None  #: epochs without improvement before training stops
    restore_best: bool = False  #: use the weights of the best epoch instead of the last
    augmentation: str | None = None  #: of training images; horizontal flips, shifts by up to an eighth of the side
    width: float | None = None  #: factor on the filters and units of a network that takes `width`; None as published
    precision: str = "float32"  #: of products; "bfloat16" where the processor has it

    def __post_init__(self) -> None:
        """Check each field; numbers and splits that mean the same become equal."""
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
        if self.momentum is not None and self.optimizer not in WITH_MOMENTUM:
            raise InputError(
                f"momentum goes with {' and '.join(WITH_MOMENTUM)}. Received: optimizer={self.optimizer!r}"
            )
        if self.momentum is not None and not (is_number(self.momentum) and 0 < self.momentum < 1):
            raise InputError(f"momentum must be a number above 0 and below 1. Received: momentum={self.momentum!r}")
        if not self.dataset or not isinstance(self.dataset, str):
            raise InputError(f"dataset must be a name or a path. Received: dataset={self.dataset!r}")
        if (self.early_stopping is None) != (self.patience is None):
            raise InputError(
                "early_stopping and patience go together. "
                f"Received: early_stopping={self.early_stopping!r}, patience={self.patience!r}"
            )
        if self.restore_best and self.early_stopping is None:
            raise InputError("restore_best=True needs early_stopping, the metric that decides which epoch is best")
        kind, numbers = parse_split(self.split)
        object.__setattr__(self, "split", ":".join([kind, ",".join(map(str, numbers))]).rstrip(":"))
        if kind == "none" and self.early_stopping is not None:
            raise InputError(f"early_stopping={self.early_stopping!r} needs validation images; split is 'none'")

    def text(self) -> str:
        """Return a line for each field, in order, without the dataset and without fields that are off (None or False).

        A new field must be off by default, so that recorded identities stay.
        """
        values = ((field.name, getattr(self, field.name)) for field in fields(self) if field.name != "dataset")
        return "\n".join(f"{name}: {value}" for name, value in values if value is not None and value is not False)
