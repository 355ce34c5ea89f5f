"""Arrays in, numbers out: intervals over seeds, paired tests, verdicts, and the number of seeds that they need."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "checks": ["count", "numbers", "same_shape"],
        "decisions": [
            "Direction",
            "Guessing",
            "MARGINS",
            "MIN_PAIRS",
            "Verdict",
            "better_than_guessing",
            "decide",
            "holm",
            "is_negligible",
            "p_values",
            "verdict_of",
        ],
        "intervals": [
            "Comparison",
            "by_seed",
            "equivalence",
            "from_differences",
            "interval",
            "need_columns",
            "paired",
            "resolution",
        ],
        "planning": ["ALPHA", "LOOKS", "power", "seeds_needed", "smallest_detectable_effect", "wrong_order"],
        "selection": ["best_of_many", "interval_over_test_images"],
        "simulations": ["false_holds", "planted_effects"],
        "trends": ["LAST_EPOCHS", "overfitting", "saturation", "trend"],
    },
)
