"""Experiments: a Keras network plus a protocol, and the identity that names their runs."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "experiment": [
            "Experiment",
            "Protocol",
            "identity_of",
            "padded_shape",
        ],
        "identity": [
            "describe",
        ],
    },
)
