"""The chapter on transfer learning, in this process: what it asks of its parameters, and what it shows of few runs."""

import shutil
from pathlib import Path

import nbformat
import numpy as np
import pandas as pd
import pytest

from cnnhelpers.errors import InputError
from cnnhelpers.execution import runner
from cnnhelpers.networks.backbones import small_resnet
from cnnhelpers.reports import transfer

ROOT = Path(__file__).parents[2]
SMALL = {"dataset": "digits", "source": "digits", "profile": "smoke", "seeds": 2, "images": [10]}
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:keras.*")


def page(until=None, **parameters):
    """Run the code of the page up to the cell that has the text `until` (None: all of it); return its names."""
    names = {}
    for cell in nbformat.read(ROOT / "notebooks" / "04_transfer_learning.ipynb", as_version=4).cells:
        if cell.cell_type != "code" or "%pip" in cell.source:
            continue
        if until is not None and until in cell.source:
            break
        exec(cell.source, names)
        if "parameters" in cell.metadata.get("tags", []):
            names |= parameters
    return names


def test_given_weights_need_no_source(tmp_path):
    small_resnet((32, 32, 3)).save_weights(tmp_path / "small.weights.h5")
    names = page("planned =", **SMALL | {"weights": str(tmp_path / "small.weights.h5"), "source": "nowhere"})
    assert names["study"].weights.endswith("small.weights.h5") and names["learning"].iloc[1] == 64 * 10 + 10


def test_weights_that_cannot_be_had_stop_the_page_before_its_runs(tmp_path, monkeypatch):
    monkeypatch.setattr(runner, "run", lambda *arguments: pytest.fail("it trained"))
    (tmp_path / "damaged.weights.h5").write_bytes(b"no HDF5")
    with pytest.raises(InputError, match=r"damaged.weights.h5 holds no weights of small_resnet"):
        page(**SMALL | {"weights": str(tmp_path / "damaged.weights.h5"), "train": True})


def test_more_images_than_there_are_stop_the_page_before_its_runs(monkeypatch):
    monkeypatch.setattr(runner, "run", lambda *arguments: pytest.fail("it trained"))
    with pytest.raises(InputError, match="images_a_class=5000 asks for 50,000 images"):
        page(**SMALL | {"images": [10, 5000], "train": True})


@pytest.mark.parametrize(
    ("kept", "compared"),
    [("scratch-", 0), ("frozen_flatten-", 0), ("*_10-", 2)],
    ids=["one way on all images", "no way at all", "few images alone"],
)
def test_the_page_shows_what_is_recorded_however_little(tmp_path, monkeypatch, kept, compared):
    (tmp_path / "transfer").mkdir()
    for name in ("pretraining-", kept):
        found = [*(ROOT / "book" / "records" / "transfer").glob(f"small_resnet_{name}*")]
        assert found
        for path in found:
            shutil.copy(path, tmp_path / "transfer")
    monkeypatch.setenv("CNNHELPERS_RECORDS", str(tmp_path))
    e1, e2, *_ = transfer.experiments("E")
    monkeypatch.setattr(transfer, "experiments", lambda *arguments, **options: [e1, e2])  # the backbones are large
    names = page("published_verdicts(", images=[10])
    measured = pd.concat([names["fewer"], names["changed"]])
    assert len(measured) == compared and np.isfinite(measured.estimate.astype(float)).all()
