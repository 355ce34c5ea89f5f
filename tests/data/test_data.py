import pickle
import re
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from cnnhelpers.data import datasets as data
from cnnhelpers.data import parts, pixels, splits
from cnnhelpers.errors import InputError


def grey(count=12, classes=3, side=4):
    """Return (count, side, side) uint8 images that all differ, and labels 0, 1, 2, 0, ..."""
    values = np.arange(count * side * side) * 7 % 256
    return values.astype(np.uint8).reshape(count, side, side), np.arange(count) % classes


@pytest.fixture
def saved(tmp_path):
    """Return a function that writes arrays as a .npz and returns its path."""

    def write(name="own.npz", **arrays):
        np.savez(tmp_path / name, **arrays)
        return tmp_path / name

    return write


def four(**changed):
    """Return x_train, y_train, x_test, y_test of a good dataset, some of them changed."""
    images, labels = grey()
    return {"x_train": images, "y_train": labels, "x_test": images[:6], "y_test": labels[:6]} | changed


def test_digits_are_scikit_learns_enlarged_threefold_inside_a_black_border():
    from sklearn.datasets import load_digits

    digits, original = data.load("digits"), load_digits().images
    assert digits.train_images.shape == (1297, 28, 28, 1) and digits.test_images.shape == (500, 28, 28, 1)
    assert digits.train_images.dtype == digits.train_labels.dtype == np.uint8
    first = digits.train_images[0, :, :, 0]
    assert not first[:2].any() and not first[-2:].any() and not first[:, :2].any() and not first[:, -2:].any()
    assert np.array_equal(first[2:26:3, 2:26:3], first[4:26:3, 4:26:3])
    assert np.array_equal(first[3:26:3, 3:26:3], (original[0].astype(int) * 255 + 8) // 16)
    assert digits.train_images.max() == 255
    assert np.array_equal(digits.test_labels, load_digits().target[-500:])


def test_digits_are_official_and_the_card_is_the_known_one():
    digits = data.load("digits")
    assert digits.official and digits.info == data.info("digits") == data.KNOWN["digits"]
    assert (digits.image_shape, digits.classes, digits.class_names[9]) == ((28, 28, 1), 10, "9")


def test_loading_a_named_dataset_again_gives_the_same_read_only_arrays():
    assert data.load("digits") is data.load("digits")
    with pytest.raises(ValueError, match="read-only"):
        data.load("digits").train_images[0] = 0


def test_cards_of_datasets_that_are_not_here_are_the_official_ones():
    assert data.info("mnist") == data.KNOWN["mnist"] and data.info("cifar100").classes == 100
    assert data.is_local("digits") and not data.is_local("mnist")


def test_fingerprint_depends_on_dtype_shape_bytes_and_not_on_memory_order():
    array = np.arange(6, dtype=np.uint8).reshape(2, 3)
    same = np.asfortranarray(array)
    others = [array.T, array.reshape(3, 2), array.astype(np.int16), array + np.uint8(1)]
    assert data.fingerprint(array) == data.fingerprint(same)
    assert len({data.fingerprint(one) for one in [array, *others]}) == 5
    assert data.fingerprint(array, array) != data.fingerprint(array)


def test_own_npz_keeps_uint8_and_the_parts(saved):
    path = saved(**four(y_train=grey()[1][:, None]))
    own = data.load(path)
    assert own.name == "own.npz" and own.source == "own.npz" and not own.official
    assert np.array_equal(own.train_images[..., 0], grey()[0]) and own.train_labels.tolist() == [0, 1, 2] * 4
    assert own.test_images.shape == (6, 4, 4, 1) and own.class_names == ("0", "1", "2")
    assert data.info(path) == own.info and data.is_local(path) and data.load(str(path)) is own


@pytest.mark.parametrize("keys", [("x", "y"), ("images", "labels"), ("features", "target")])
def test_a_stratified_test_part_is_held_out_and_always_the_same(saved, keys):
    images, labels = grey(30)
    one, other = (data.load(saved(name, **{keys[0]: images, keys[1]: labels})) for name in ("a.npz", "b.npz"))
    assert np.bincount(one.train_labels).tolist() == [8, 8, 8] and np.bincount(one.test_labels).tolist() == [2, 2, 2]
    assert one.fingerprint == other.fingerprint
    together = np.concatenate([one.train_images, one.test_images])[..., 0]
    assert sorted(map(bytes, together)) == sorted(map(bytes, images))


def test_test_fraction_zero_keeps_everything_for_training_through_save_and_load(saved, tmp_path):
    images, labels = grey()
    own = data.load(saved(x=images, y=labels), test_fraction=0)
    again = data.load(own.save(tmp_path / "again.npz"))
    assert len(own.train_labels) == len(again.train_labels) == 12 and len(again.test_labels) == 0
    assert own.fingerprint == again.fingerprint


def test_a_changed_file_is_read_again(saved):
    images, labels = grey()
    assert len(data.load(saved(x=images, y=labels), test_fraction=0).train_labels) == 12
    assert len(data.load(saved(x=images[:9], y=labels[:9]), test_fraction=0).train_labels) == 9


def test_save_and_load_keep_everything_that_identity_needs(saved, tmp_path):
    own = data.load(saved(**four(class_names=np.array(["cat", "dog", "owl"]))))
    again = data.load(own.save(tmp_path / "copy.npz"))
    assert (again.fingerprint, again.class_names) == (own.fingerprint, ("cat", "dog", "owl"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["copy.npz", "own.npz"]


def test_save_keeps_float_pixels(saved, tmp_path):
    floats = np.random.default_rng(0).random((12, 4, 4))
    own = data.load(saved(**four(x_train=floats, x_test=floats[:6])))
    assert own.train_images.dtype == np.float32 and own.train_images.max() > 200
    assert np.allclose(own.train_images[..., 0], floats * 255, rtol=1e-6)
    assert data.load(own.save(tmp_path / "copy.npz")).fingerprint == own.fingerprint


def test_save_refuses_another_ending(tmp_path):
    with pytest.raises(InputError, match=r"digits\.npy"):
        data.load("digits").save(tmp_path / "digits.npy")


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_floats_that_are_k_over_255_become_the_8_bit_images_exactly(saved, dtype):
    images, labels = grey(18, side=4)
    images.flat[:256] = np.arange(256)
    scaled = (images / 255).astype(dtype)
    own = data.load(saved(**four(x_train=scaled, y_train=labels, x_test=scaled[:6])))
    assert own.train_images.dtype == np.uint8 and np.array_equal(own.train_images[..., 0], images)
    assert own.pixel_range == (0, 1)


def test_declared_ranges_are_brought_to_0_255(saved):
    images, _ = grey()
    path = saved(**four(x_train=images / 127.5 - 1, x_test=images[:6] / 127.5 - 1))
    own = data.load(path, pixel_range=(-1, 1))
    assert own.train_images.dtype == np.uint8 and np.array_equal(own.train_images[..., 0], images)
    path = saved(**four(x_train=images.astype(float), x_test=images[:6].astype(float)))
    assert np.array_equal(data.load(path, pixel_range=[0, 255]).train_images[..., 0], images)


def test_wider_integers_in_0_255_become_uint8(saved):
    own = data.load(saved(**four(x_train=grey()[0].astype(np.int64))))
    assert own.train_images.dtype == np.uint8 and np.array_equal(own.train_images[..., 0], grey()[0])


def test_labels_of_more_than_256_classes_are_int64(saved):
    images, labels = np.full((600, 2, 2), 9, np.uint8), np.arange(600) % 300
    own = data.load(saved(x_train=images, y_train=labels, x_test=images[:300], y_test=labels[:300]))
    assert own.train_labels.dtype == np.int64 and own.classes == 300


def test_first_label_and_float_labels(saved):
    own = data.load(saved(**four(y_train=grey()[1] + 1.0, y_test=grey()[1][:6] + 1)), first_label=1)
    assert own.train_labels.tolist() == [0, 1, 2] * 4


IMAGES, LABELS = grey()
NAN, INFINITE, NEGATIVE = (IMAGES / 255 for _ in range(3))
NAN[3, 1, 2], INFINITE[5, 0, 3], NEGATIVE[2, 2, 2] = np.nan, np.inf, -1
UNIT = IMAGES / 255
BAD = {
    "NaN pixel": ({"x_train": NAN, "x_test": UNIT[:6]}, r"x_train\[3, 1, 2\] is nan"),
    "infinite pixel": ({"x_train": UNIT, "x_test": INFINITE[:6]}, r"x_test\[5, 0, 3\] is inf"),
    "0..255 floats": (
        {"x_train": UNIT * 255, "x_test": UNIT[:6]},
        r"255\.0.*x_train.*pixel_range=\(0, 255\)",
    ),
    "negative pixels": ({"x_train": NEGATIVE, "x_test": UNIT[:6]}, r"-1\.0.*0\.\.1.*x_train"),
    "16-bit pixels": ({"x_train": IMAGES * np.uint16(9)}, r" 2\d\d\d .*0\.\.255 .*x_train"),
    "0..1 integers": ({"x_train": IMAGES // 128}, r" 1 .*0\.\.255.*x_train.*pixel_range=\(0, 1\)"),
    "two scales": ({"x_train": UNIT}, "x_train float64, x_test uint8"),
    "boolean pixels": ({"x_train": IMAGES > 9}, r"x_train.*astype\('uint8'\) \* 255.*bool"),
    "text pixels": ({"x_train": IMAGES.astype(str)}, "x_train.*<U"),
    "flat images": ({"x_train": IMAGES.reshape(12, 16)}, r"x_train.*reshape.*\(12, 16\)"),
    "channels first": ({"x_train": np.zeros((12, 3, 4, 4), np.uint8)}, r"np.moveaxis\(x, 1, -1\)"),
    "grey channels first": ({"x_train": IMAGES[:, None]}, r"np.moveaxis\(x, 1, -1\)"),
    "alpha channel": ({"x_train": np.zeros((12, 4, 4, 4), np.uint8)}, r"x_train.*:3\].*\(12, 4, 4, 4\)"),
    "two channels": ({"x_train": np.zeros((12, 4, 4, 2), np.uint8)}, r"x_train.*\(12, 4, 4, 2"),
    "no image": ({"x_train": IMAGES[:0], "y_train": LABELS[:0]}, "x_train.*empty"),
    "no test image": ({"x_test": IMAGES[:0]}, "x_test.*empty"),
    "other length": ({"y_train": LABELS[:11]}, "x_train and y_train.*12.*11"),
    "other test length": ({"y_test": LABELS[:5]}, "x_test and y_test.*6.*5"),
    "other size": ({"x_test": np.zeros((6, 5, 4), np.uint8)}, r"\(4, 4, 1\), x_test \(5, 4, 1\)"),
    "labels from 1": ({"y_train": LABELS + 1, "y_test": LABELS[:6] + 1}, "first_label=1.*first_label=0"),
    "negative labels": ({"y_train": LABELS - 1}, r"y_train\[0\] = -1"),
    "fractions": ({"y_train": LABELS + 0.5}, r"y_train\[0\] = 0\.5"),
    "NaN label": ({"y_train": np.where(LABELS == 2, np.nan, LABELS)}, r"y_train\[2\] = nan"),
    "text labels": ({"y_train": LABELS.astype(str)}, r"y_train.*text \(0\)"),
    "one-hot": ({"y_train": np.eye(3)[LABELS]}, r"y_train.*one-hot.*\(12, 3\)"),
    "cubic labels": ({"y_train": LABELS.reshape(3, 2, 2)}, r"y_train.*\(3, 2, 2\)"),
    "single label": ({"y_train": np.array(1)}, r"y_train.*\(\)"),
    "a gap": (
        {"y_train": LABELS + 2 * (LABELS == 2), "y_test": LABELS[:6] + 2 * (LABELS[:6] == 2)},
        "class 2 .* 4",
    ),
    "one class": ({"y_train": LABELS * 0, "y_test": LABELS[:6] * 0}, "labels 0"),
    "class not in test": ({"y_test": LABELS[:6] % 2}, r"class 2 \(2\).*test"),
    "class not in train": ({"y_train": LABELS % 2}, r"class 2 \(2\).*train"),
    "too few names": ({"class_names": np.array(["cat", "dog"])}, "2 classes.*3"),
    "too many names": ({"class_names": np.array(["cat", "dog", "owl", "elk"])}, "elk"),
}


@pytest.mark.parametrize("changed, message", BAD.values(), ids=BAD)
def test_bad_arrays_are_refused_by_name_and_value(saved, changed, message):
    with pytest.raises(InputError, match=message):
        data.load(saved(**four(**changed)))


def test_a_colour_pixel_is_named_with_its_channel(saved):
    images = np.zeros((12, 4, 4, 3))
    images[7, 1, 2, 0] = np.nan
    with pytest.raises(InputError, match=r"x_train\[7, 1, 2, 0\] is nan"):
        data.load(saved(**four(x_train=images, x_test=images[:6])))


BAD_OPTIONS = {
    "0..255 declared 0..1": ({"pixel_range": (0, 1)}, r" 25\d .*0\.\.1 "),
    "range of one": ({"pixel_range": (255,)}, r"pixel_range=\(255"),
    "range upside down": ({"pixel_range": (255, 0)}, r"pixel_range=\(255"),
    "range of text": ({"pixel_range": "unit"}, "pixel_range='unit'"),
    "first label 0.5": ({"first_label": 0.5}, "first_label=0.5"),
    "first label too high": ({"first_label": 1}, "first_label=0.*first_label=1"),
    "fraction 1": ({"test_fraction": 1}, "test_fraction=1"),
    "fraction of text": ({"test_fraction": "0.2"}, "test_fraction='0.2'"),
}


@pytest.mark.parametrize("options, message", BAD_OPTIONS.values(), ids=BAD_OPTIONS)
def test_bad_options_are_refused(saved, options, message):
    with pytest.raises(InputError, match=message):
        data.load(saved(**four()), **options)


def test_options_of_own_files_are_refused_for_named_datasets():
    with pytest.raises(InputError, match="digits"):
        data.load("digits", first_label=1)


def test_too_few_images_to_hold_out_a_test_part(saved):
    images, labels = grey(4, classes=3)
    with pytest.raises(InputError, match=r"test_fraction=0\.2.* 4 "):
        data.load(saved(x=images, y=labels))


@pytest.mark.parametrize(
    "arrays", [{"X": IMAGES, "y": LABELS}, {"x_train": IMAGES, "y_train": LABELS, "x_test": IMAGES}]
)
def test_other_keys_are_listed(saved, arrays):
    with pytest.raises(InputError, match=", ".join(sorted(arrays))):
        data.load(saved(**arrays))


def test_truncated_foreign_and_pickled_npz_are_refused(saved, tmp_path):
    whole = saved(**four()).read_bytes()
    contents = {
        "truncated": whole[: len(whole) // 2],
        "flipped": whole[:200] + bytes(255 - byte for byte in whole[200:260]) + whole[260:],
        "empty": b"",
        "foreign": b"not an archive",
        "pickled": pickle.dumps({"x": 1}),
    }
    for name, content in contents.items():
        (tmp_path / f"{name}.npz").write_bytes(content)
        with pytest.raises(InputError, match=rf"{name}\.npz"):
            data.load(tmp_path / f"{name}.npz")
    np.save(tmp_path / "single.npy", IMAGES)
    (tmp_path / "single.npy").rename(tmp_path / "single.npz")
    with pytest.raises(InputError, match=r"single\.npz"):
        data.load(tmp_path / "single.npz")
    with pytest.raises(InputError, match=r"own\.npz"):
        data.load(saved(x=np.array([IMAGES, None], dtype=object), y=LABELS))


def test_missing_files_and_unknown_names(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=r"'mnits'.*'mnist'"):
        data.load("mnits")
    for name in ("mnits.npz", "folder/mnist", "./mnist", tmp_path / "gone"):
        with pytest.raises(InputError, match=re.escape(str(name))):
            data.info(name)
    with pytest.raises(InputError, match="''"):
        data.is_local("")
    (tmp_path / "notes.txt").write_text("no data")
    with pytest.raises(InputError, match=r"notes\.txt"):
        data.load("notes.txt")


@pytest.fixture
def pictures(tmp_path):
    """Write a folder of two classes, ten grey 4x3 images each, and return it."""
    root = tmp_path / "animals"
    for value, name in enumerate(("owl", "cat")):
        (root / name).mkdir(parents=True)
        for index in range(10):
            Image.new("L", (4, 3), 100 * value + index).save(root / name / f"{index}.png")
    return root


def test_a_folder_of_one_folder_per_class(pictures):
    (pictures / ".hidden").mkdir()
    (pictures / "cat" / ".DS_Store").write_text("")
    (pictures / "README.md").write_text("where they are from")
    own = data.load(pictures, test_fraction=0)
    assert own.class_names == ("cat", "owl") and own.name == own.source == "animals"
    assert own.train_images[:, 2, 3, 0].tolist() == [*range(100, 110), *range(10)]
    assert own.train_images.shape == (20, 3, 4, 1) and own.train_labels.tolist() == [0] * 10 + [1] * 10
    assert len(data.load(pictures).test_labels) == 4


@pytest.mark.parametrize("suffix", ["png", "jpg", "jpeg", "bmp", "gif", "webp", "PNG"])
def test_kinds_of_image_files(tmp_path, suffix):
    for name, colour in (("a", (255, 0, 0)), ("b", (0, 0, 255))):
        (tmp_path / "set" / name).mkdir(parents=True)
        Image.new("RGB", (8, 8), colour).save(tmp_path / "set" / name / f"1.{suffix}")
    own = data.load(tmp_path / "set", test_fraction=0)
    assert np.abs(own.train_images[:, 4, 4].astype(int) - [[255, 0, 0], [0, 0, 255]]).max() < 5


def test_bad_folders_are_refused(pictures):
    cases = {
        "owl/big.png": (Image.new("L", (5, 3)), r"owl/big\.png is 5x3 L, .*cat/0\.png is 4x3 L"),
        "owl/red.png": (Image.new("RGB", (4, 3)), r"owl/red\.png is 4x3 RGB, .*cat/0\.png is 4x3 L"),
        "owl/alpha.png": (Image.new("RGBA", (4, 3)), r"owl/alpha\.png.*RGBA"),
        "owl/deep.png": (Image.new("I;16", (4, 3)), r"owl/deep\.png.*I;16"),
        "owl.png": (Image.new("L", (4, 3)), r"owl\.png"),
    }
    for name, (image, message) in cases.items():
        image.save(pictures / name)
        with pytest.raises(InputError, match=message):
            data.load(pictures)
        (pictures / name).unlink()
    for name, message in {
        "owl/notes.txt": r"owl/notes\.txt",
        "owl/broken.png": r"owl/broken\.png",
    }.items():
        (pictures / name).write_bytes(b"\x89PNG\r\n\x1a\n")
        with pytest.raises(InputError, match=message):
            data.load(pictures)
        (pictures / name).unlink()
    (pictures / "owl" / "link.png").symlink_to("gone.png")
    with pytest.raises(InputError, match=r"owl/link\.png"):
        data.load(pictures)
    (pictures / "owl" / "link.png").unlink()
    frames = [Image.new("L", (4, 3), value) for value in (0, 200)]
    frames[0].save(pictures / "owl" / "film.gif", save_all=True, append_images=frames[1:])
    with pytest.raises(InputError, match=r"owl/film\.gif.* 2 "):
        data.load(pictures)
    (pictures / "owl" / "film.gif").unlink()
    (pictures / "owl" / "nested").mkdir()
    with pytest.raises(InputError, match="owl/nested"):
        data.load(pictures)


def test_empty_folders_are_refused(pictures, tmp_path):
    (pictures / "fox").mkdir()
    with pytest.raises(InputError, match="fox"):
        data.load(pictures)
    (tmp_path / "nothing").mkdir()
    with pytest.raises(InputError, match="nothing"):
        data.load(tmp_path / "nothing")


def part_of(images, indices):
    return parts.Part(images, np.zeros(len(images), np.uint8), np.array(indices))


def test_pixel_statistics_by_hand_and_against_numpy():
    images = np.array([[[[0, 10]]], [[[255, 20]]], [[[9, 9]]]], np.uint8)
    mean, variance = parts.pixel_statistics(part_of(images, [0, 1]))
    assert mean.tolist() == [127.5, 15] and variance.tolist() == [127.5**2, 25]
    many = np.random.default_rng(0).integers(0, 256, (50, 5, 6, 3), np.uint8)
    mean, variance = parts.pixel_statistics(part_of(many, range(10, 40)))
    assert np.allclose(mean, many[10:40].mean(axis=(0, 1, 2)), rtol=1e-14)
    assert np.allclose(variance, many[10:40].var(axis=(0, 1, 2)), rtol=1e-12)


def test_pixel_statistics_of_floats_and_in_pieces(monkeypatch):
    many = np.random.default_rng(0).random((50, 5, 6, 3)).astype(np.float32) * 255
    whole = parts.pixel_statistics(part_of(many, range(50)))
    monkeypatch.setattr(pixels, "PIECE", 200)
    assert np.allclose(whole, parts.pixel_statistics(part_of(many, range(50))), rtol=1e-12)
    assert np.allclose(whole[0], many.mean(axis=(0, 1, 2), dtype=float), rtol=1e-12)
    assert np.allclose(whole[1], many.var(axis=(0, 1, 2), dtype=float), rtol=1e-10)


def test_pieces_find_the_first_bad_pixel_and_convert_the_same(saved, monkeypatch):
    monkeypatch.setattr(pixels, "PIECE", 40)
    own = data.load(saved("unit.npz", **four(x_train=UNIT, x_test=UNIT[:6])))
    assert np.array_equal(own.train_images[..., 0], IMAGES)
    with pytest.raises(InputError, match=r"x_train\[3, 1, 2\] is nan"):
        data.load(saved(**four(x_train=NAN, x_test=UNIT[:6])))


def test_describe_counts_images_and_pixels_of_each_part():
    digits = data.load("digits")
    table = parts.describe(splits.split(digits, "stratified:0.2", 0), 10)
    assert table.index.tolist() == ["train", "validation", "test"] and table["images"].tolist() == [1037, 260, 500]
    test_pixels = digits.test_images / 255
    assert np.allclose(table.loc["test", ["pixel_mean", "pixel_sd"]].tolist(), [test_pixels.mean(), test_pixels.std()])
    assert table.loc["test", "smallest_class"] == np.bincount(digits.test_labels).min()
    assert parts.describe(splits.split(digits, "none", 0), 10).index.tolist() == ["train", "test"]


def test_memory_of_checking_8_bit_images_stays_below_their_own_size():
    import tracemalloc

    from cnnhelpers.data import readers as files
    from cnnhelpers.data import validation as checks

    images = np.full((4000, 32, 32, 3), 200, np.uint8)
    labels = np.arange(4000) % 10
    raw = files.Raw(images, labels, images[:100], labels[:100])
    tracemalloc.start()
    checked = checks.raw(raw)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert np.shares_memory(checked.train_images, images) and peak < images.nbytes / 4


def test_the_modules_of_data_import_neither_keras_nor_what_is_slow():
    code = (
        "import sys; from cnnhelpers.data import datasets as data, splits; "
        "print(*{'keras', 'tensorflow', 'sklearn', 'PIL', 'pandas'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_a_known_copy_is_named_and_own_data_has_no_official_pixels():
    jpeg = "f6e373695314d9b1a702f9949035c1ebf2e2db40ff969f862d5bb59689cd3be0"
    assert data.pixel_source("cifar10", jpeg, False) == "a JPEG-compressed copy"
    assert data.pixel_source("cifar10", "ab" * 32, False) == "another copy"
    assert data.pixel_source("flowers", "ab" * 32, False) == "own"
    assert data.pixel_source("cifar10", data.KNOWN["cifar10"].fingerprint, True) == "official"
