"""Figures: tables and arrays in, axes out.

Each `plot_*` takes its data first and draws into `ax`, or into a new figure, and returns the axes.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "curves": [
            "MOST_CURVES",
            "height_of",
            "plot_dose_response",
            "plot_learning_curves",
            "plot_power",
            "plot_simulated_power",
        ],
        "forest": [
            "plot_false_positives",
            "plot_intervals",
            "plot_seeds",
            "plot_time_to_accuracy",
            "plot_verdicts",
            "plot_wrong_orders",
        ],
        "heatmaps": ["plot_confusion_matrix", "plot_heatmap", "plot_search", "plot_similarity"],
        "images": ["plot_class_counts", "plot_filters", "plot_predictions", "plot_samples", "plot_tiles"],
        "interpretability": ["plot_attributions", "plot_by_layer", "plot_projection", "plot_weight_changes"],
        "networks": ["plot_pareto", "plot_signal"],
        "style": ["use_style"],
    },
)
