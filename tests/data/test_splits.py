from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.model_selection import train_test_split

from cnnhelpers import seeds
from cnnhelpers.data import datasets as data
from cnnhelpers.data.parts import Part, Split
from cnnhelpers.data.pixels import pad
from cnnhelpers.data.splits import parse_split, split
from cnnhelpers.errors import InputError


def dataset(count=100, classes=4, test=20, labels=None):
    """Return what split reads of a dataset: labels 0, 1, 2, 3, 0, ... and images that are their own numbers."""
    labels = np.arange(count) % classes if labels is None else labels
    return SimpleNamespace(
        name="tiny",
        train_images=np.arange(len(labels), dtype=np.uint8).reshape(-1, 1, 1, 1),
        train_labels=labels,
        test_images=np.arange(test, dtype=np.uint8).reshape(-1, 1, 1, 1),
        test_labels=np.arange(test) % classes,
        class_names=tuple(str(label) for label in range(classes)),
    )


def indices(parts: Split):
    return parts.train.indices.tolist(), parts.validation.indices.tolist()


@pytest.mark.parametrize(
    "spec, parsed",
    [
        ("none", ("none", ())),
        ("test", ("test", ())),
        ("tail:0.15", ("tail", (0.15,))),
        ("first:10000", ("first", (10000,))),
        ("last:1", ("last", (1,))),
        ("stratified:0.2", ("stratified", (0.2,))),
        ("random:0.1,0.2", ("random", (0.1, 0.2))),
    ],
)
def test_parse_split(spec, parsed):
    assert parse_split(spec) == parsed


@pytest.mark.parametrize(
    "spec, message",
    [
        ("stratifed:0.2", "'stratified:0.2'"),
        ("", "split ''"),
        (0.2, "split=0.2"),
        (None, "split=None"),
        ("tail", "split='tail'"),
        ("none:0.1", "split='none:0.1'"),
        ("none:", "split='none:'"),
        ("random:0.1", "'random:0.1,0.1'.*split='random:0.1'"),
        ("tail:0.1,0.1", "'tail:0.15'.*split='tail:0.1,0.1'"),
        ("tail:0", "split='tail:0'"),
        ("tail:1", "split='tail:1'"),
        ("tail:-0.1", "split='tail:-0.1'"),
        ("tail:nan", "split='tail:nan'"),
        ("stratified:a fifth", "split='stratified:a fifth'"),
        ("random:0.1,", "split='random:0.1,'"),
        ("random:0.5,0.5", "split='random:0.5,0.5'"),
        ("first:0", "split='first:0'"),
        ("first:-3", "split='first:-3'"),
        ("last:0.5", "split='last:0.5'"),
    ],
)
def test_bad_splits_are_refused(spec, message):
    with pytest.raises(InputError, match=message):
        parse_split(spec)


def test_none_has_no_validation_part():
    parts = split(dataset(), "none", 0)
    assert len(parts.train) == 100 and parts.validation is None and len(parts.test) == 20


def test_tail_is_the_end_as_keras_cuts_it():
    assert indices(split(dataset(), "tail:0.15", 0)) == ([*range(85)], [*range(85, 100)])
    assert len(split(dataset(101), "tail:0.15", 0).train) == 85  # int(101 * 0.85)


def test_first_and_last():
    assert indices(split(dataset(), "first:30", 0)) == ([*range(30, 100)], [*range(30)])
    assert indices(split(dataset(), "last:30", 0)) == ([*range(70)], [*range(70, 100)])


@pytest.mark.parametrize("spec", ["first:100", "last:100", "last:1000"])
def test_no_image_left_for_training(spec):
    with pytest.raises(InputError, match=f"split='{spec}'.* 0 of 100"):
        split(dataset(), spec, 0)


def test_stratified_is_scikit_learns_by_the_seed_and_takes_a_fifth_of_each_class():
    parts = split(dataset(), "stratified:0.2", 3)
    labels, state = np.arange(100) % 4, seeds.integer(3, "split")
    train, validation = train_test_split(np.arange(100), test_size=0.2, random_state=state, stratify=labels)
    assert indices(parts) == (sorted(train), sorted(validation))
    assert parts.train.counts(4).tolist() == [20] * 4 and parts.validation.counts(4).tolist() == [5] * 4
    assert indices(split(dataset(), "stratified:0.2", 4)) != indices(parts)


def test_random_is_what_report_e_does():
    # the report's two lines, images standing for themselves
    x_train, x_rest = train_test_split(np.arange(100), test_size=0.2, random_state=0)
    x_test, x_val = train_test_split(x_rest, test_size=0.5, random_state=0)
    parts = split(dataset(), "random:0.1,0.1", 7)
    assert indices(parts) == (sorted(x_train), sorted(x_val))
    assert parts.test.indices.tolist() == sorted(x_test) and parts.test.images is parts.train.images


def test_random_takes_validation_first_and_test_second():
    parts = split(dataset(1000), "random:0.1,0.2", 0)
    assert (len(parts.train), len(parts.validation), len(parts.test)) == (700, 100, 200)
    everything = np.concatenate([part.indices for part in (parts.train, parts.validation, parts.test)])
    assert sorted(everything) == [*range(1000)]


def test_the_leak_of_report_c_validates_on_the_test_images():
    source = dataset()
    parts = split(source, "test", 0)
    assert len(parts.train) == 100
    assert parts.validation.images is source.test_images and len(parts.validation) == len(parts.test) == 20


@pytest.mark.parametrize("spec", ["tail:0.3", "first:30", "last:30", "stratified:0.3", "random:0.3,0.1"])
def test_training_and_validation_are_disjoint_and_arrays_are_never_copied(spec):
    source = dataset()
    for images in (None, 20):
        parts = split(source, spec, 1, images)
        assert not set(parts.train.indices) & set(parts.validation.indices)
        assert parts.train.images is parts.validation.images is source.train_images
        assert np.all(np.diff(parts.train.indices) > 0) and np.all(np.diff(parts.validation.indices) > 0)


def test_images_limits_training_and_validation_but_never_the_test_part():
    parts = split(dataset(), "last:40", 0, images=25)
    assert (len(parts.train), len(parts.validation), len(parts.test)) == (25, 25, 20)
    draw = seeds.generator(0, "split", 1)
    assert indices(parts) == (
        sorted(draw.choice(np.arange(60), 25, replace=False)),
        sorted(draw.choice(np.arange(60, 100), 25, replace=False)),
    )
    assert indices(split(dataset(), "last:40", 1, images=25)) != indices(parts)
    assert indices(split(dataset(), "last:40", 0, images=1000)) == ([*range(60)], [*range(60, 100)])
    assert len(split(dataset(), "test", 0, images=15).validation) == 15


@pytest.mark.parametrize("images", [0, -1, 2.5, True, "10"])
def test_bad_numbers_of_images_are_refused(images):
    with pytest.raises(InputError, match=f"images={images!r}"):
        split(dataset(), "none", 0, images)


def test_a_class_that_is_missing_in_a_part_is_named_with_the_part():
    in_order = dataset(labels=np.repeat(np.arange(4), 25))
    with pytest.raises(InputError, match=r"split='last:25'.*class 3 .*train"):
        split(in_order, "last:25", 0)
    with pytest.raises(InputError, match=r"split='last:10'.*class 0 .*validation"):
        split(in_order, "last:10", 0)
    with pytest.raises(InputError, match=r"split='none'.*images=2.*train"):
        split(dataset(), "none", 0, images=2)


def test_a_class_too_small_to_stratify():
    labels = np.array([*range(3)] * 20 + [3])
    with pytest.raises(InputError, match=r"split='stratified:0\.2'.*61"):
        split(dataset(labels=labels), "stratified:0.2", 0)


def test_without_test_images_only_a_random_split_works():
    with pytest.raises(InputError, match=r"tiny.*split='none'"):
        split(dataset(test=0), "none", 0)
    assert len(split(dataset(test=0), "random:0.2,0.2", 0).test) == 20


def test_counts_of_a_part():
    part = Part(np.zeros((4, 1, 1, 1), np.uint8), np.array([0, 2, 2, 1]), np.array([1, 2]))
    assert part.counts(4).tolist() == [0, 0, 2, 0] and len(part) == 2


def test_digits_split_the_same_in_every_call():
    digits = data.load("digits")
    one, other = (split(digits, "stratified:0.2", 0, images=200) for _ in range(2))
    assert indices(one) == indices(other) and len(one.train) == len(one.validation) == 200


def test_pad_middle_puts_grey_into_the_second_channel_as_report_e_did():
    images = np.arange(2 * 28 * 28, dtype=np.int64).reshape(2, 28, 28, 1).astype(np.uint8)
    expected = np.pad(images, ((0, 0), (2, 2), (2, 2), (1, 1)))
    assert np.array_equal(pad(images, "middle"), expected) and pad(images, "middle").dtype == np.uint8


def test_pad_equal_repeats_grey_and_keeps_colour():
    grey = np.full((1, 28, 28, 1), 9, np.uint8)
    assert pad(grey, "equal").sum(axis=(0, 1, 2)).tolist() == [9 * 28 * 28] * 3
    colour = np.full((1, 31, 32, 3), [1, 2, 3], np.float32)
    padded = pad(colour, "equal")
    assert np.array_equal(padded[:, :31], colour) and not padded[:, 31].any() and padded.dtype == np.float32


@pytest.mark.parametrize(
    "shape, mode, message",
    [
        ((1, 33, 28, 1), "equal", "33x28x1"),
        ((1, 28, 28, 2), "equal", "28x28x2"),
        ((1, 28, 28, 3), "middle", "'middle'.*28x28x3"),
        ((1, 28, 28, 1), "midle", "'midle'.*'middle'"),
    ],
)
def test_bad_padding_is_refused(shape, mode, message):
    with pytest.raises(InputError, match=message):
        pad(np.zeros(shape, np.uint8), mode)
