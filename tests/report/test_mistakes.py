import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cracks.images.archive import open_archive, write_archive
from cracks.images.decoding import RGB
from cracks.project.params import load_params
from cracks.report import mistakes
from cracks.report.mistakes import SHOWN, mistakes_sheet, worst_mistakes
from tests.support.images import jpeg
from tests.support.project import ROOT
from tests.support.trained import LOCAL

BLUE = (0, 0, 200)


def predictions(probabilities: dict[str, float], correct: bool = False) -> pd.DataFrame:
    """Of images without a crack by VGG16."""
    return pd.DataFrame(
        {
            "id": list(probabilities),
            "backbone": "vgg16",
            "label": "negative",
            "probability": list(probabilities.values()),
            "correct": correct,
        }
    )


@pytest.fixture
def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Blue images; of one of them the upper left corner is black."""
    monkeypatch.setattr(mistakes, "load_local_classifier", lambda *_: LOCAL)
    path = tmp_path / "images.zip"
    members = [(f"{n}.jpg", jpeg(np.full((64, 64, 3), BLUE, np.uint8))) for n in range(12)]
    marked: RGB = np.full((64, 64, 3), BLUE, np.uint8)
    marked[:16, :16] = 0
    write_archive(path, sorted([*members, ("dark.jpg", jpeg(marked, quality=100))]))
    return path


def test_the_most_confident_mistakes_come_first(archive: Path) -> None:
    probabilities = {f"{n}.jpg": 0.5 + n / 100 for n in range(12)}
    with open_archive(archive) as opened:
        found = worst_mistakes(
            opened, predictions(probabilities), "vgg16", load_params(ROOT / "params.yaml")
        )
    assert [one.name for one in found] == [f"{n}.jpg" for n in range(11, 11 - SHOWN, -1)]


def test_the_map_is_that_of_the_image(archive: Path) -> None:
    with open_archive(archive) as opened:
        (one,) = worst_mistakes(
            opened, predictions({"dark.jpg": 0.9}), "vgg16", load_params(ROOT / "params.yaml")
        )
    assert one.cam.argmax() == 0, "the upper left cell"
    sheet = mistakes_sheet({"vgg16": [one], "resnet50": []})
    blue = (np.abs(np.asarray(sheet).astype(int) - BLUE).max(axis=2) < 12).sum()
    assert 168 * 168 * 0.8 < blue < 168 * 168 * 1.6, "the image, and a map that colours it"


def test_without_mistakes_the_sheet_says_so(archive: Path) -> None:
    right = predictions({"1.jpg": 0.1}, correct=True)
    with open_archive(archive) as opened:
        assert not worst_mistakes(opened, right, "vgg16", load_params(ROOT / "params.yaml"))
    buffer = io.BytesIO()
    mistakes_sheet({"vgg16": [], "resnet50": []}).save(buffer, "JPEG")
    assert buffer.tell()
