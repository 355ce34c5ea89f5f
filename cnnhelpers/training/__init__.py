"""training."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "checkpoint": [
            "clear",
            "told",
        ],
        "pipeline": [
            "assemble",
        ],
        "precision": [
            "available",
        ],
        "trainer": [
            "DivergedError",
            "prepare",
            "train",
        ],
    },
)
