"""reports."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submodules=[
        "depth_and_kernel",
        "optimization",
        "profiles",
        "regularization",
        "representations",
        "transfer",
    ],
    submod_attrs={
        "audit": [
            "against_runs",
            "contradictions",
            "mistakes",
        ],
        "catalog": [
            "all_experiments",
            "find",
            "find_one",
        ],
        "comparison": [
            "compare_with_published",
            "published_pairs",
        ],
        "conclusions": [
            "CLAIMS",
        ],
        "published_numbers": [
            "DATASETS",
            "printed",
            "published",
        ],
        "run_measures": [
            "with_measures",
        ],
        "stand_ins": [
            "verdicts_of",
        ],
    },
)
