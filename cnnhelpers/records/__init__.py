"""records."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "comparability": [
            "aspects_told",
            "clock",
            "differing",
            "differing_aspects",
            "few",
            "of_one_copy",
            "preferred_copy",
            "rests_on",
            "timed_alike",
            "timed_on",
        ],
        "locks": [
            "CHECKPOINTS",
            "RunLocks",
            "locked",
        ],
        "store": [
            "Record",
            "SETTLED",
            "arrays",
            "arrays_of",
            "default_folder",
            "histories",
            "index",
            "load",
            "read",
            "slug",
            "table",
            "verify",
            "write",
        ],
        "tensorboard": [
            "export",
        ],
    },
)
