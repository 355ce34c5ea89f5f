"""statistics."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "decisions": [
            "Direction",
            "FEWEST_PAIRS",
            "MARGINS",
            "Verdict",
            "decide",
            "holm",
            "verdict_of",
            "weigh",
        ],
        "further_tests": [
            "Chance",
            "best_of_many",
            "chance",
            "with_test_images",
        ],
        "intervals": [
            "Comparison",
            "by_seed",
            "from_differences",
            "interval",
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
