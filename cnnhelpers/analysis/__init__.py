"""analysis."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "comparisons": [
            "beside_published",
            "comparable",
            "learned",
            "percent",
            "summary",
        ],
        "dose_response": [
            "trends",
        ],
        "factorial": [
            "effects",
        ],
        "measurements": [
            "DIFFERENCES",
            "MEASURED",
            "Measurements",
            "measure",
        ],
        "overfitting": [
            "onsets",
        ],
        "pareto": [
            "trade_off",
        ],
        "selection_bias": [
            "answers",
            "choice",
        ],
        "single_run_risk": [
            "pairs",
            "power_curves",
        ],
        "speed": [
            "check_target",
            "median_times",
            "time_to_accuracy",
        ],
    },
)
