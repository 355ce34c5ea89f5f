"""The precision of convolutions and matrix products: float32, or bfloat16 where processor or GPU computes in it.

Weights and everything that a user sees stay float32. On a processor TensorFlow's graph optimizer puts the products of
oneDNN into bfloat16 (8 bits of mantissa, the range of float32) and back; what lies between two of them, such as a
pooling, may pass in bfloat16 too. On a GPU, with JAX, the layers do it themselves (see bfloat16_layers.py); all other
products are then float32's, which JAX would compute there in TensorFloat-32 (10 bits of mantissa).
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import keras

from cnnhelpers import environment

BFLOAT16_FLAGS = {"avx512_bf16", "amx_bf16"}  # of processors that multiply in it; others only imitate it, slower


def available() -> bool:
    """Return whether products can be computed in bfloat16 here: by oneDNN on a processor that has it, by JAX's GPU."""
    backend, on_gpu = keras.backend.backend(), environment.device().startswith("gpu")
    if backend == "jax":
        return on_gpu
    if backend != "tensorflow" or on_gpu or os.environ.get("TF_ENABLE_ONEDNN_OPTS") == "0":
        return False
    return bool(BFLOAT16_FLAGS & environment.processor_flags())


@contextmanager
def products_in(precision: str) -> Iterator[str]:
    """Compute products in `precision` ("float32" or "bfloat16") within the context; yield the precision that is used.

    Where bfloat16 is not available float32 is used, and yielded, instead. Contexts nest: each leaves behind what it
    found, as the training of one run may train another on the way.
    """
    if not available():
        yield "float32"
        return
    if keras.backend.backend() == "jax":
        import jax

        with jax.default_matmul_precision("float32"):
            yield precision
        return
    from tensorflow import config

    name = "auto_mixed_precision_onednn_bfloat16"
    before = config.optimizer.get_experimental_options().get(name, False)
    config.optimizer.set_experimental_options({name: precision == "bfloat16"})
    try:
        yield precision
    finally:
        config.optimizer.set_experimental_options({name: before})
