"""Measure what networks have learned: activations, filters, explanations, signals. Measures are kept with records."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "figures": [
            "explained_variance",
            "seed_similarity",
            "show_attributions",
            "show_by_layer",
            "show_changes",
            "show_filters",
            "show_maps",
            "show_projection",
            "show_sanity_checks",
            "show_similarity",
            "show_similarity_to_baseline",
            "show_weights",
        ],
        "signal_propagation": [
            "initial_signals",
        ],
        "store": [
            "add_moran",
            "by_layer",
            "explained_images",
            "measure_runs",
            "overview",
            "sanity_checks",
            "similarity",
            "similarity_to_baseline",
        ],
    },
)
