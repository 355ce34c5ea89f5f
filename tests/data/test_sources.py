import gzip
import sys
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from cnnhelpers.data import datasets as data
from cnnhelpers.data import sources
from cnnhelpers.errors import InputError


def arrays(classes=10, side=28, channels=(), count=40):
    """Return x_train, y_train, x_test, y_test of the shape of a known dataset, but of random pixels."""
    images = np.random.default_rng(classes).integers(0, 256, (count, side, side, *channels), np.uint8)
    labels = (np.arange(count) % classes).astype(np.uint8)
    return {"x_train": images, "y_train": labels, "x_test": images[::-1], "y_test": labels[::-1]}


@pytest.fixture(autouse=True)
def folders(monkeypatch, tmp_path):
    """Point every place at empty folders: own, Keras and Debian; forget what was loaded."""
    for name in ("own", "keras/datasets/fashion-mnist", "debian"):
        (tmp_path / name).mkdir(parents=True)
    monkeypatch.setenv("CNNHELPERS_DATA", str(tmp_path / "own"))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setattr(sources, "DEBIAN", tmp_path / "debian")
    data._load_named.cache_clear()
    yield tmp_path
    data._load_named.cache_clear()


@pytest.fixture
def keras(monkeypatch):
    """Return a stand-in for Keras' downloads: set `result` to arrays or an exception; `calls` lists the names."""
    state = SimpleNamespace(result=RuntimeError("no result set"), calls=[])

    def load_data(name):
        state.calls.append(name)
        if isinstance(state.result, BaseException):
            raise state.result
        found = state.result
        return (found["x_train"], found["y_train"]), (found["x_test"], found["y_test"])

    modules = {name: SimpleNamespace(load_data=lambda name=name: load_data(name)) for name in sources.KERAS_FILES}
    monkeypatch.setitem(sys.modules, "keras", SimpleNamespace(datasets=SimpleNamespace(**modules)))
    return state


def make_official(monkeypatch, name, found):
    """Let the arrays be the official ones of a name."""
    images = {key: array[..., None] if array.ndim == 3 else array for key, array in found.items()}
    mark = data.fingerprint(*(images[key] for key in ("x_train", "y_train", "x_test", "y_test")))
    monkeypatch.setitem(data.KNOWN, name, replace(data.KNOWN[name], fingerprint=mark))
    return mark


def write_idx(folder, found):
    """Write the four files of Fashion-MNIST."""
    for file, key in zip(sources.IDX_FILES, ("x_train", "y_train", "x_test", "y_test"), strict=True):
        array = found[key]
        header = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes()
        (folder / file).write_bytes(gzip.compress(header + array.tobytes()))


def test_a_copy_in_the_own_folder_is_used_and_official_only_if_pixel_for_pixel(folders, monkeypatch):
    np.savez(folders / "own" / "mnist.npz", **arrays())
    copy = data.load("mnist")
    assert not copy.official and copy.source == "mnist.npz in the folder of CNNHELPERS_DATA"
    assert data.info("mnist") == copy.info and data.info("mnist").fingerprint != data.KNOWN["mnist"].fingerprint
    assert data.is_local("mnist") and data.load("mnist") is copy
    data._load_named.cache_clear()
    mark = make_official(monkeypatch, "mnist", arrays())
    assert data.load("mnist").official and data.load("mnist").fingerprint == mark


def test_the_own_folder_comes_before_the_keras_cache_and_debian(folders, monkeypatch):
    np.savez(folders / "own" / "fashion_mnist.npz", **arrays())
    write_idx(folders / "keras" / "datasets" / "fashion-mnist", arrays())
    write_idx(folders / "debian", arrays())
    own, keras_cache = folders / "own", folders / "keras" / "datasets"
    assert sources.find("fashion_mnist", own, keras_cache).kind == "user"
    assert sources.find("fashion_mnist", None, keras_cache).kind == "keras"
    assert sources.find("fashion_mnist", None, folders).kind == "debian"
    assert sources.find("mnist", None, folders).kind == "download"
    monkeypatch.setattr(sources, "DEBIAN", folders)
    assert sources.find("fashion_mnist", None, folders).kind == "download"


def test_a_changed_own_file_is_read_again_and_an_unchanged_one_is_not(folders, monkeypatch):
    reads = []
    monkeypatch.setattr(sources, "npz", lambda *a, **k: reads.append(1) or real(*a, **k))
    from cnnhelpers.data.readers import npz as real

    np.savez(folders / "own" / "mnist.npz", **arrays())
    data.load("mnist"), data.info("mnist"), data.load("mnist")
    assert len(reads) == 1
    np.savez(folders / "own" / "mnist.npz", **arrays(count=50))
    assert len(data.load("mnist").train_labels) == 50 and len(reads) == 2


def test_keras_cache_of_mnist_is_read_without_keras(folders, monkeypatch):
    monkeypatch.setitem(sys.modules, "keras", None)
    np.savez(folders / "keras" / "datasets" / "mnist.npz", **arrays())
    make_official(monkeypatch, "mnist", arrays())
    assert data.is_local("mnist") and data.load("mnist").official and data.load("mnist").source == "Keras cache"


@pytest.mark.parametrize("where", ["keras/datasets/fashion-mnist", "debian"])
def test_idx_files_of_fashion_mnist_are_read_without_keras(folders, monkeypatch, where):
    monkeypatch.setitem(sys.modules, "keras", None)
    write_idx(folders / where, arrays())
    make_official(monkeypatch, "fashion_mnist", arrays())
    fashion = data.load("fashion_mnist")
    assert fashion.official and np.array_equal(fashion.train_images[..., 0], arrays()["x_train"])
    assert np.array_equal(fashion.test_labels, arrays()["y_test"])


@pytest.mark.parametrize("where", ["keras/datasets/fashion-mnist", "debian"])
def test_other_pixels_in_the_cache_or_in_debians_folder_are_refused(folders, where):
    write_idx(folders / where, arrays())
    with pytest.raises(InputError, match=r"fashion_mnist.*official"):
        data.load("fashion_mnist")


def test_damaged_files_of_the_cache_are_refused(folders):
    write_idx(folders / "debian", arrays())
    file = folders / "debian" / sources.IDX_FILES[0]
    for content in (file.read_bytes()[:-100], b"", gzip.compress(b"no idx"), gzip.compress(b"\0\0\x08\x03\0\0")):
        file.write_bytes(content)
        with pytest.raises(InputError, match=r"train-images-idx3-ubyte\.gz"):
            data.load("fashion_mnist")
    (folders / "keras" / "datasets" / "mnist.npz").write_bytes(b"half a file")
    with pytest.raises(InputError, match=r"mnist\.npz.*Keras cache"):
        data.load("mnist")


def test_a_download_happens_once_in_a_process(keras, monkeypatch):
    keras.result = arrays()
    make_official(monkeypatch, "mnist", arrays())
    assert not data.is_local("mnist")
    assert data.info("mnist") == data.KNOWN["mnist"] and not keras.calls
    assert data.load("mnist") is data.load("mnist") and data.load("mnist").official
    assert keras.calls == ["mnist"]


def test_a_download_without_a_checksum_is_compared_with_our_own(keras):
    keras.result = arrays()
    with pytest.raises(InputError, match=r"keras\.datasets\.fashion_mnist.*official"):
        data.load("fashion_mnist")


@pytest.mark.parametrize(
    "reason",
    [
        Exception("URL fetch failure on https://example:\nNone -- [Errno -2] Name or service not known"),
        ValueError("Incomplete or corrupted file detected."),
        TimeoutError(),
    ],
)
def test_a_failed_download_says_why_and_what_to_do(keras, reason):
    keras.result = reason
    with pytest.raises(InputError) as caught:
        data.load("mnist")
    text = str(caught.value)
    assert "\n" not in text and (" ".join(str(reason).split()) or "TimeoutError") in text
    for part in ("mnist.npz", "x_train, y_train, x_test, y_test", "CNNHELPERS_DATA", "digits"):
        assert part in text


def test_the_time_limit_of_a_download_ends_with_it(keras):
    import socket

    before = socket.getdefaulttimeout()
    with pytest.raises(InputError):
        data.load("mnist")
    assert socket.getdefaulttimeout() == before


def test_ctrl_c_during_a_download_is_not_swallowed(keras):
    keras.result = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        data.load("mnist")


def test_cifar_is_official_out_of_keras_archive_and_never_as_a_copy(folders, keras):
    colour = arrays(side=32, channels=(3,))
    keras.result = colour | {"y_train": colour["y_train"][:, None], "y_test": colour["y_test"][:, None]}
    official = data.load("cifar10")
    assert official.official and official.info == data.KNOWN["cifar10"] == data.info("cifar10")
    np.savez(folders / "own" / "cifar10.npz", **colour)
    copy = data.load("cifar10")
    assert not copy.official and copy.fingerprint != official.fingerprint and data.info("cifar10") == copy.info
    assert np.array_equal(copy.train_images, official.train_images)


def test_cifar_in_the_keras_cache_is_at_hand_and_its_card_needs_no_reading(folders, keras):
    (folders / "keras" / "datasets" / sources.KERAS_FILES["cifar100"][0]).write_bytes(b"archive")
    assert data.is_local("cifar100") and data.info("cifar100") == data.KNOWN["cifar100"] and not keras.calls


def test_class_names_are_as_many_as_the_classes():
    assert all(len(sources.CLASS_NAMES[name]) == card.classes for name, card in data.KNOWN.items())
    assert len(set(sources.CLASS_NAMES["cifar100"])) == 100 and sources.CLASS_NAMES["cifar10"][3] == "cat"


def test_fashion_mnist_5_joins_the_pairs_of_the_assumption(folders):
    found = arrays()
    np.savez(folders / "own" / "fashion_mnist.npz", **found)
    five, ten = data.load("fashion_mnist_5"), data.load("fashion_mnist")
    assert sources.fashion_mnist_5(np.arange(10)).tolist() == [3, 4, 0, 4, 1, 3, 2, 1, 2, 0]
    assert np.array_equal(five.train_labels, sources.fashion_mnist_5(found["y_train"]))
    assert five.train_images is ten.train_images and five.classes == 5 and not five.official
    assert five.class_names[0] == "pullover or ankle boot (assumed)"
    assert five.class_names[3] == "T-shirt/top or sandal (assumed)"
    assert data.info("fashion_mnist_5") == five.info and data.is_local("fashion_mnist_5")


def test_a_file_of_fashion_mnist_5_comes_before_the_pairs(folders):
    np.savez(folders / "own" / "fashion_mnist.npz", **arrays())
    np.savez(folders / "own" / "fashion_mnist_5.npz", **arrays(classes=5, count=30))
    five = data.load("fashion_mnist_5")
    assert len(five.train_labels) == 30 and not five.official and "paired" not in five.source


@pytest.mark.parametrize("missing", ["x_test", "y_train", "test"])
def test_a_named_file_without_all_four_arrays_is_refused(folders, missing):
    found = {key: array for key, array in arrays().items() if missing not in key}
    np.savez(folders / "own" / "mnist.npz", **found)
    with pytest.raises(InputError, match=r"mnist\.npz .*x_train, y_train, x_test, y_test"):
        data.load("mnist")


def test_a_named_file_of_other_images_is_refused(folders):
    np.savez(folders / "own" / "mnist.npz", **arrays(side=20))
    with pytest.raises(InputError, match=r"mnist.*\(28, 28, 1\).*mnist\.npz.*\(20, 20, 1\)"):
        data.load("mnist")
    np.savez(folders / "own" / "cifar10.npz", **arrays(classes=20, side=32, channels=(3,)))
    with pytest.raises(InputError, match=r"10.*20"):
        data.info("cifar10")


def test_an_own_folder_that_does_not_exist_is_refused_and_an_empty_name_is_none(folders, monkeypatch):
    monkeypatch.setenv("CNNHELPERS_DATA", str(folders / "gone"))
    with pytest.raises(InputError, match=r"CNNHELPERS_DATA='.*gone'"):
        data.load("mnist")
    assert data.load("digits").official
    monkeypatch.setenv("CNNHELPERS_DATA", "")
    assert not data.is_local("mnist")
