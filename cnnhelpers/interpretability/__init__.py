"""interpretability."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "signal_propagation": [
            "at_the_start",
        ],
        "store": [
            "alike",
            "by_layer",
            "facts",
            "measured",
            "sanity_checks",
            "shown_images",
            "similarity",
            "with_filters",
        ],
    },
)
