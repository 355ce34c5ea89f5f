"""analysis."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "comparisons": [
            "beside_published",
            "compare",
            "compare_all",
            "comparable_pairs",
            "in_points",
            "learned",
            "percent",
            "summary",
        ],
        "ordered_levels": [
            "dose_response",
        ],
        "factorial": [
            "factorial_effects",
            "interaction",
            "main_effect",
        ],
        "measurements": [
            "DIFFERENCES",
            "MEASURED",
            "Measurements",
            "measure",
        ],
        "overfitting": [
            "overfitting_onsets",
        ],
        "costs": [
            "pareto",
            "pareto_front",
        ],
        "selection": [
            "selection_answers",
            "selection_bias",
        ],
        "single_runs": [
            "power_curves",
            "single_run_risk",
        ],
        "speed": [
            "check_target",
            "median_times",
            "time_to_accuracy",
        ],
    },
)
