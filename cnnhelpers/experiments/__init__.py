"""Experiments: a Keras network and the protocol that trains it, identified by a hash of their canonical text."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "experiment": ["Experiment", "identity_of", "padded_shape"],
        "identity": ["describe"],
        "protocol": ["Protocol"],
    },
)
