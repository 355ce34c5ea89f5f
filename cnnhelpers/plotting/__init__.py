"""plotting."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "curves": [
            "learning_curves",
            "sweep",
        ],
        "forest": [
            "class_counts",
            "gap",
            "intervals",
            "seed_dots",
            "times_to_accuracy",
        ],
        "heatmaps": [
            "heat_map",
            "search_path",
        ],
        "images": [
            "confusion_matrix",
            "prediction_gallery",
            "sample_sheet",
        ],
        "interpretability": [
            "by_layer",
            "explanations",
            "filters",
            "projection",
            "similarity",
            "tiles",
            "violins",
        ],
        "networks": [
            "signal_by_layer",
            "trade_off",
        ],
        "simulations": [
            "null_rates",
            "power_found",
        ],
        "style": [
            "ink",
            "use_style",
        ],
        "verdicts": [
            "power_lines",
            "verdict_intervals",
            "wrong_orders",
        ],
    },
)
