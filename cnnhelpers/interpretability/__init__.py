"""Measure what networks have learned: activations, filters, explanations, signals. Measures are kept with records."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "signal_propagation": ["initial_signals"],
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
