"""Records of runs: a JSON file for each, loaded as a table; locks between runners, and runs that can be compared."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "comparability": [
            "aspects_in",
            "differing",
            "differing_aspects",
            "few",
            "of_one_copy",
            "preferred_copy",
            "rests_on",
            "seconds_column",
            "timed_alike",
            "timed_on",
        ],
        "locks": ["CHECKPOINTS", "RunLocks", "locked"],
        "record": ["PARTS", "SETTLED", "Record", "histories", "load_record", "table"],
        "store": ["arrays", "correct_images", "default_folder", "index", "load", "slug", "verify", "write"],
        "tensorboard": ["export"],
    },
)
