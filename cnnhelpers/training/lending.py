"""Let the layers of a model compute by other kernels for a while, without building another model."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import keras


@contextmanager
def lend(model: keras.Model, kinds: Mapping[type, type]) -> Iterator[None]:
    """Lend every layer of `model` whose class is a key of `kinds` the class that it names, within the context.

    The layers stay the same objects: their weights, names and states are untouched, and a model that is saved
    afterwards is one of plain Keras.
    """
    lent = {id(layer): (layer, type(layer)) for layer in _layers(model) if type(layer) in kinds}.values()
    try:
        for layer, kind in lent:
            layer.__class__ = kinds[kind]
        yield
    finally:
        for layer, kind in lent:
            layer.__class__ = kind


def _layers(model: keras.Model) -> Iterator[keras.layers.Layer]:
    """Yield the layers of a model, and of the models within it."""
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from _layers(layer)
        else:
            yield layer
