"""Describe what a run is computed with: versions, device, processor, commit; and import Keras in processes of ours."""

import gc
import hashlib
import importlib
import importlib.metadata
import logging
import os
import platform
import subprocess
import sys
import time
from functools import cache
from pathlib import Path

STARTED = time.time()  # in a worker process, before it loads the code that it is to call
LIBRARIES = ("cnnhelpers", "keras", "tensorflow", "jax", "torch", "numpy", "scikit-learn", "scipy")
PACKAGE = Path(__file__).resolve().parent


def start_keras() -> None:
    """Import Keras quietly, with Keras' default float type, epsilon and image format: in worker processes and the CLI.

    A keras.json of the user does not count, as no record has its settings. In the user's own process nothing may call
    this: it would change those settings there. Standard error is closed meanwhile, as TensorFlow writes to it before it
    reads any log level. No garbage is collected, which would take a fifth of the time of the import.

    oneDNN's kernels are on. TensorFlow switches them on only for processors with AVX-512's VNNI, but with AVX2 alone
    they are faster too (tests/benchmarks/onednn.py). TF_ENABLE_ONEDNN_OPTS=0 in the environment keeps them off.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    open_standard_streams()
    sys.stderr.flush()
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    collecting = gc.isenabled()
    gc.disable()
    try:
        config = importlib.import_module("keras").config  # an attribute loads Keras where it was imported lazily
        config.set_floatx("float32")
        config.set_epsilon(1e-7)
        config.set_image_data_format("channels_last")
        _versions()
        commit()  # of the code that is loaded now
        logging.getLogger("tensorflow").setLevel(logging.ERROR)  # its retracing warnings are not about the user's code
    finally:
        if collecting:
            gc.enable()
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def open_standard_streams() -> None:
    """Open /dev/null for closed standard streams: else the next file opened gets their number, and their text."""
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        try:
            os.fstat(number)
        except OSError:
            nowhere = os.open(os.devnull, os.O_RDWR)
            if nowhere != number:
                os.dup2(nowhere, number)
                os.close(nowhere)
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(number, mode, closefd=False))


def versions() -> dict[str, str]:
    """Return the versions of Python and of the installed libraries that can change a result.

    They are looked up once, at the latest when Keras is imported: a later installation computes nothing here.
    """
    return dict(_versions())


@cache
def _versions() -> dict[str, str]:
    installed = {"python": platform.python_version()}
    for name in LIBRARIES:
        try:
            installed[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return installed


def device() -> str:
    """Return the first device that the Keras backend computes on, such as "cpu:0" or "gpu:0"."""
    import keras

    try:
        devices = keras.distribution.list_devices()
    except (AttributeError, NotImplementedError):  # the torch and numpy backends have no list
        return "cpu:0"
    return next((name for name in devices if not name.startswith("cpu")), devices[0] if devices else "cpu:0")


@cache
def processor() -> str:
    """Return the model name of the GPU that JAX uses, else of the processor."""
    import keras

    if keras.backend.backend() == "jax" and device().startswith("gpu"):
        import jax

        return jax.devices()[0].device_kind
    return _cpuinfo("model name") or platform.processor() or platform.machine()


@cache
def processor_flags() -> frozenset[str]:
    """Return the processor's feature flags (empty except on Linux)."""
    return frozenset(_cpuinfo("flags").split())


def _cpuinfo(field: str) -> str:
    """Return a field of the first processor in Linux' list; "" where there is none."""
    path = Path("/proc/cpuinfo")
    lines = path.read_text().splitlines() if path.exists() else []
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith(field)), "")


def vectors() -> str:
    """Return the widest vectors that the processor computes with: "avx512f", "avx2", "avx" or "" (not known)."""
    return next((flag for flag in ("avx512f", "avx2", "avx") if flag in processor_flags()), "")


def cores() -> int:
    """Return the number of cores that this process may use, by its affinity and its container's quota."""
    import joblib

    return joblib.cpu_count()


@cache
def code() -> str:
    """Return a hash of this package's sources: equal code, equal text."""
    digest = hashlib.sha256()
    for path in sorted(PACKAGE.rglob("*.py")):
        digest.update(f"{path.relative_to(PACKAGE)}\n".encode() + path.read_bytes())
    return digest.hexdigest()[:12]


@cache
def commit() -> str:
    """Return the commit of the checkout that the package runs from, with "+" if its code was changed, or "".

    It is looked up once, at the latest when Keras is imported: a later commit computes nothing here.
    """

    def git(*arguments: str) -> str:
        done = subprocess.run(["git", "-C", str(PACKAGE), *arguments], capture_output=True, text=True, check=False)
        return done.stdout.strip() if done.returncode == 0 else ""

    try:
        if not git("ls-files", "__init__.py"):  # installed inside another project's checkout
            return ""
        changed = git("status", "--porcelain", "--", ".")
        return git("rev-parse", "--short=12", "HEAD") + ("+" if changed else "")
    except OSError:  # git is not installed
        return ""
