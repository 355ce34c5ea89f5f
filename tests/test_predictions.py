"""Predicting, pictures, reports and submissions."""

import csv
import re

import keras
import numpy as np
import pytest
from keras import Input, Sequential, layers
from PIL import Image

from cnnhelpers.errors import InputError
from cnnhelpers.predictions import (
    classification_report,
    predict,
    probability_table,
    read_images,
    write_submission,
    wrong_answers,
)

# numpy's complaint about how TensorFlow copies weights on the way to the file
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:keras.*")

NAMES = ("cat", "dog", "ship, big")


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(0)
    front = [Input((8, 8, 1), dtype="uint8"), layers.Rescaling(1 / 255), layers.Flatten()]
    return Sequential([*front, layers.Dense(3, activation="softmax")])


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).integers(0, 256, (7, 8, 8, 1), dtype=np.uint8)


# predict


def test_a_model_of_flat_inputs_refuses_images_and_takes_its_own():
    flat = Sequential([Input((64,)), layers.Dense(3, activation="softmax")])
    with pytest.raises(InputError, match=r"\(num_images, 64\)"):
        predict(flat, np.zeros((2, 8, 8, 1), np.uint8))
    assert predict(flat, np.zeros((2, 64), np.float32)).shape == (2, 3)


def test_predict_gives_a_probability_per_class_whatever_the_batch(model, images):
    found = predict(model, images, batch_size=3)
    assert found.shape == (7, 3) and found.dtype == np.float32
    np.testing.assert_allclose(found.sum(axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(found, predict(model, images), rtol=1e-5)
    assert predict(model, images[:0]).shape == (0, 3)


@pytest.mark.parametrize("shape", [(8, 8, 1), (2, 8, 8), (2, 8, 8, 3), (2, 9, 8, 1), (2, 1, 8, 8)])
def test_images_of_another_shape_are_refused_with_the_mend(model, shape):
    with pytest.raises(InputError, match=re.escape(str(shape))):
        predict(model, np.zeros(shape, np.uint8))


def test_pixels_from_0_to_1_are_refused_where_the_model_scales_itself(model, images):
    with pytest.raises(InputError, match="float64"):
        predict(model, images / 255)
    with pytest.raises(InputError, match="int64"):
        predict(model, images.astype(int) - 128)


def test_nan_pixels_are_refused(model, images):
    with pytest.raises(InputError, match="NaN"):
        predict(model, np.where(images > 250, np.nan, images))


# own pictures


@pytest.fixture
def folder(tmp_path):
    Image.new("L", (20, 20), 200).save(tmp_path / "a grey.png")
    Image.new("RGB", (40, 20), (255, 0, 0)).save(tmp_path / "b wide.bmp")
    Image.new("RGBA", (10, 10), (0, 0, 0, 0)).save(tmp_path / "c clear.PNG")
    (tmp_path / "notes.txt").write_text("no picture")
    return tmp_path


def test_a_folder_is_read_in_order_of_name(folder):
    grey, names = read_images(folder, (8, 8, 1))
    assert names == ["a grey.png", "b wide.bmp", "c clear.PNG"]
    assert grey.shape == (3, 8, 8, 1) and grey.dtype == np.uint8
    assert (grey[0] == 200).all()
    assert (grey[2] == 255).all()  # transparency on white


def test_a_wide_picture_is_kept_whole_between_black_bars(folder):
    picture = read_images(folder / "b wide.bmp", (8, 8, 3))[0][0]
    assert (picture[[0, 1, 6, 7]] == 0).all()
    assert (picture[2:6] == (255, 0, 0)).all()


def test_invert_turns_dark_on_light_into_light_on_dark(folder):
    found, _ = read_images([folder / "a grey.png", folder / "c clear.PNG"], (8, 8, 1), invert=True)
    assert (found[0] == 55).all() and (found[1] == 0).all()


def test_sixteen_bit_pictures_keep_their_greys(tmp_path):
    Image.fromarray(np.full((8, 8), 257 * 100, np.uint16)).save(tmp_path / "deep.png")
    assert (read_images(tmp_path, (8, 8, 1))[0] == 100).all()


def test_a_photograph_is_turned_upright(tmp_path):
    tags = Image.Exif()
    tags[0x0112] = 6  # the camera was held on its side
    half = np.zeros((16, 16), np.uint8)
    half[8:] = 255  # light below; upright, it is on the left
    Image.fromarray(half).save(tmp_path / "photo.png", exif=tags)
    upright = read_images(tmp_path, (8, 8, 1))[0][0, :, :, 0]
    assert (upright[:, 0] > 250).all() and (upright[:, -1] < 5).all()


def test_what_is_no_picture_is_named(folder, tmp_path):
    (folder / "broken.png").write_bytes((folder / "a grey.png").read_bytes()[:40])
    for path, match in (("broken.png", "broken.png is no picture"), ("notes.txt", "notes.txt is no picture")):
        with pytest.raises(InputError, match=match):
            read_images(folder / path, (8, 8, 1))
    with pytest.raises(InputError, match=r"gone\.png"):
        read_images([folder / "gone.png"], (8, 8, 1))
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="empty"):
        read_images(tmp_path / "empty", (8, 8, 1))
    with pytest.raises(InputError, match="image_shape"):
        read_images(folder, (8, 8, 2))


# answers


def test_errors_are_the_wrong_answers_most_confident_first():
    probabilities = np.array([[0.9, 0.1], [0.6, 0.4], [0.2, 0.8], [0.3, 0.7]])
    np.testing.assert_array_equal(wrong_answers(probabilities, [1, 1, 1, 0]), [0, 3, 1])
    assert len(wrong_answers(probabilities, [0, 0, 1, 1])) == 0
    with pytest.raises(InputError, match="labels"):
        wrong_answers(probabilities, [0, 1])


def test_probability_table_is_readable_on_every_shade():
    shown = probability_table(np.array([[0.97, 0.02, 0.01], [0.1, 0.6, 0.3]]), NAMES, [0, 2])
    page = shown.to_html()
    assert "97.0%" in page and "✓" in page and "✗" in page and "ship, big" in page
    colours = re.findall(r"background-color: (#\w+);\s*color: (#\w+)", page)
    assert ("#083776", "#f1f1f1") in colours and ("#e3eef9", "#000000") in colours
    assert "✓" not in probability_table(np.array([[0.2, 0.3, 0.5]]), NAMES).to_html()


def test_probability_table_refuses_what_does_not_fit_the_classes():
    with pytest.raises(InputError, match=re.escape("(1, 2)")):
        probability_table(np.array([[0.2, 0.8]]), NAMES)
    with pytest.raises(InputError, match="finite"):
        probability_table(np.array([[0.2, np.nan, 0.8]]), NAMES)


def test_report_agrees_with_scikit_learn():
    from sklearn.metrics import precision_recall_fscore_support

    generator = np.random.default_rng(1)
    true, predicted = generator.integers(0, 4, 200), generator.integers(0, 4, 200)
    matrix = np.zeros((4, 4), int)
    np.add.at(matrix, (true, predicted), 1)
    report = classification_report(matrix)
    each = precision_recall_fscore_support(true, predicted)
    np.testing.assert_allclose(report.iloc[:4].to_numpy(float), np.transpose(each))
    for row in ("macro", "micro"):
        expected = precision_recall_fscore_support(true, predicted, average=row)[:3]
        np.testing.assert_allclose(report.loc[row, ["precision", "recall", "f1"]].to_numpy(float), expected)


def test_a_class_never_predicted_has_no_precision_and_makes_macro_unknown():
    report = classification_report(np.array([[5, 0, 0], [5, 0, 0], [0, 0, 0]]), NAMES)
    assert np.isnan(report.loc["dog", "precision"]) and report.loc["dog", "recall"] == report.loc["dog", "f1"] == 0
    assert report.loc["ship, big", ["precision", "recall", "f1"]].isna().all()
    assert np.isnan(report.loc["macro", "precision"]) and report.loc["micro", "precision"] == 0.5
    assert list(report["support"]) == [5, 5, 0, 10, 10]


def test_a_report_of_no_square_matrix_is_refused():
    with pytest.raises(InputError, match=re.escape("(2, 3)")):
        classification_report(np.ones((2, 3)))
    with pytest.raises(InputError, match="3"):
        classification_report(np.ones((2, 2)), NAMES)


def test_submission_has_ids_from_1_and_class_names(tmp_path):
    path = write_submission(tmp_path / "sub" / "submission.csv", np.array([2, 0], np.uint8), NAMES)
    assert path.read_bytes() == b'id,label\n1,"ship, big"\n2,cat\n'
    probabilities = np.array([[0.1, 0.2, 0.7], [0.9, 0.1, 0.0]])
    again = write_submission(tmp_path / "again.csv", probabilities, NAMES, ids=(7, 8))
    with again.open(newline="") as file:
        assert list(csv.reader(file)) == [["id", "label"], ["7", "ship, big"], ["8", "cat"]]


def test_each_picture_of_a_folder_gets_its_answer_whatever_the_number_of_digits(tmp_path):
    for number in range(1, 12):
        Image.new("L", (8, 8), number).save(tmp_path / f"{number}.png")
    classes = [f"class {number}" for number in range(12)]
    backwards = [tmp_path / f"{number}.png" for number in range(11, 0, -1)]
    for source, ids in ((tmp_path, True), (tmp_path, False), (backwards, True)):
        pictures, names = read_images(source, (8, 8, 1))
        answers = pictures[:, 0, 0, 0].astype(int)  # the class of a picture is its number
        path = write_submission(tmp_path / "all.csv", answers, classes, ids=names if ids else None)
        with path.open(newline="") as file:
            assert sorted((row["id"], row["label"]) for row in csv.DictReader(file)) == sorted(
                (str(number), f"class {number}") for number in range(1, 12)
            )


@pytest.mark.parametrize(
    ("ids", "written"),
    [
        (["b.png", "2.png"], ["b.png", "2.png"]),
        (["01.png", "1.png"], ["01", "1"]),
        (["1.png", "1.jpg"], ["1.png", "1.jpg"]),
        (["a/7.png", "a/8.png"], ["7", "8"]),
    ],
)
def test_file_names_are_ids_where_they_are_not_different_numbers(tmp_path, ids, written):
    with write_submission(tmp_path / "two.csv", np.array([0, 1]), NAMES, ids=ids).open(newline="") as file:
        assert [row["id"] for row in csv.DictReader(file)] == written


@pytest.mark.parametrize("ids", [[1], [1, 2, 3], [1, 1]])
def test_ids_that_do_not_fit_the_images_are_refused(tmp_path, ids):
    with pytest.raises(InputError, match="ids"):
        write_submission(tmp_path / "two.csv", np.array([0, 1]), NAMES, ids=ids)


@pytest.mark.parametrize(
    "answers", [np.array([0, 3]), np.array([-1]), np.array([0.0, 1.0]), np.full((2, 3), np.nan), np.ones((2, 2))]
)
def test_a_bad_submission_leaves_the_old_one(tmp_path, answers):
    path = tmp_path / "submission.csv"
    path.write_text("old")
    with pytest.raises(InputError):
        write_submission(path, answers, NAMES)
    assert path.read_text() == "old"
