"""data."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "datasets": [
            "Card",
            "Dataset",
            "HANDED_OVER",
            "KNOWN",
            "at_hand",
            "card",
            "load",
            "pixel_statistics",
            "whose_pixels",
        ],
        "pixels": [
            "describe",
        ],
        "sources": [
            "patience",
        ],
        "splits": [
            "PADDED_SIDE",
            "Part",
            "Split",
            "pad",
            "parse_split",
            "split",
        ],
    },
)
