"""The five reports: their experiments, printed numbers, conclusions and mistakes, tested on recorded runs."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submodules=["depth_and_kernel", "optimization", "profiles", "regularization", "transfer"],
    submod_attrs={
        "catalog": ["all_experiments", "find", "find_one"],
        "conclusions": ["CONCLUSIONS"],
        "depth_and_kernel": ["DepthAndKernel"],
        "design_mistakes": ["mistakes"],
        "evaluation": ["measure_rescaled", "measured_runs", "published_verdicts"],
        "published_numbers": [
            "DATASETS",
            "against_runs",
            "compare_with_published",
            "contradictions",
            "printed",
            "published",
            "published_pairs",
        ],
        "optimization": ["Tuning"],
        "regularization": ["Regularization"],
        "transfer": ["Transfer"],
    },
)
