"""Load datasets by name or path, check and fingerprint them, divide them into training, validation and test part."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "datasets": ["KNOWN", "PROVIDED", "Dataset", "DatasetInfo", "info", "is_local", "load", "pixel_source"],
        "parts": ["Part", "Split", "describe", "pixel_statistics"],
        "pixels": ["PADDED_SIDE", "pad"],
        "sources": ["download_timeout"],
        "splits": ["parse_split", "split"],
    },
)
