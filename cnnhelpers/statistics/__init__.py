"""statistics."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "decisions": [
            "Direction",
            "Guessing",
            "MARGINS",
            "MIN_PAIRS",
            "Verdict",
            "better_than_guessing",
            "decide",
            "holm",
            "verdict_of",
            "weigh",
        ],
        "intervals": [
            "Comparison",
            "by_seed",
            "from_differences",
            "interval",
            "interval_over_test_images",
            "need_columns",
            "numbers",
            "paired",
            "same_shape",
        ],
        "planning": [
            "ALPHA",
            "count",
            "power",
            "seeds_needed",
            "wrong_order",
        ],
        "selection": [
            "best_of_many",
        ],
        "simulations": [
            "false_holds",
            "planted_effects",
        ],
        "trends": [
            "LAST_EPOCHS",
            "overfitting",
            "saturation",
            "trend",
        ],
    },
)
