"""Tables of runs in, tables of results out: comparisons, effects of factors, learning curves, selection, single runs.

The table comes first, and `metric` names the column that is measured.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "comparisons": [
            "comparable_pairs",
            "compare",
            "compare_all",
            "in_points",
            "learned",
            "pareto",
            "percent",
            "summary",
        ],
        "factors": ["dose_response", "factorial_effects"],
        "learning_curves": ["check_target", "median_times", "overfitting_onsets", "time_to_accuracy"],
        "measurements": ["DIFFERENCES", "MEASURED", "Measurements", "measure"],
        "single_runs": ["power_curves", "selection_answers", "selection_bias", "single_run_risk"],
    },
)
