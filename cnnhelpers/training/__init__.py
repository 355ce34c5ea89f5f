"""Train one run: assemble and compile the model, train it with checkpoints, evaluate it, and return its record."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "checkpoint": ["Checkpoint"],
        "pipeline": ["assemble"],
        "precision": ["bfloat16_available"],
        "trainer": ["DivergedError", "prepare", "train"],
        "weights": ["load_model", "save_model"],
    },
)
