import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from cracks.images.decoding import RGB
from cracks.tools.photographs import output_names
from cracks.tools.walls.crack_map import PATCH
from cracks.tools.walls.inspection import Inspection, inspect, write_inspection
from cracks.tools.walls.overlay import crack_picture
from tests.support.walls import CLASSIFIER, CRACK, wall


@pytest.fixture(scope="module")
def rgb() -> RGB:
    return wall()


@pytest.fixture(scope="module")
def inspection(rgb: RGB) -> Inspection:
    return inspect(rgb, "wall.png", CLASSIFIER, PATCH, mm_per_pixel=0.5)


def written(inspection: Inspection, rgb: RGB, folder: Path, name: str = "wall") -> Path:
    return write_inspection(inspection, crack_picture(rgb, inspection, 1600), name, folder)


def test_the_shares_are_of_the_pixels_and_of_the_evidence(inspection: Inspection) -> None:
    planted = 200 * 6 / (400 * 300)
    assert inspection.cracked_share == pytest.approx(planted, rel=0.05)
    assert planted < inspection.evidence_share < 0.15


def test_the_summary_has_millimetres(inspection: Inspection) -> None:
    summary = inspection.summary()
    assert summary["regions"] == 1
    assert summary["length"] == pytest.approx(195, abs=6)
    assert summary["length_mm"] == pytest.approx(0.5 * summary["length"], abs=0.1)
    assert summary["max_width_mm"] == pytest.approx(3, abs=0.6)


def test_hairlines_have_a_width(inspection: Inspection) -> None:
    fine = replace(inspection, mm_per_pixel=0.02)
    assert fine.summary()["max_width_mm"] == pytest.approx(0.12, abs=0.03)


def test_four_files_say_the_same(inspection: Inspection, rgb: RGB, tmp_path: Path) -> None:
    picture = written(inspection, rgb, tmp_path / "maps")
    assert picture == tmp_path / "maps" / "wall-vgg16.png"
    with Image.open(tmp_path / "maps" / "wall-vgg16-mask.png") as image:
        assert image.size == (300, 400)
        np.testing.assert_array_equal(np.asarray(image, dtype=bool), inspection.cracks.mask)
    table = pd.read_csv(tmp_path / "maps" / "wall-vgg16.csv")
    document = json.loads((tmp_path / "maps" / "wall-vgg16.json").read_text())
    assert document["type"] == "FeatureCollection"
    assert document["mm_per_pixel"] == 0.5
    (feature,) = document["features"]
    assert table.to_dict("records") == [feature["properties"]]
    (ring,) = feature["geometry"]["coordinates"]
    assert ring[0] == ring[-1]
    assert document["photograph"] == "wall.png"
    assert ring[3] == pytest.approx([CRACK[1].start, -CRACK[0].start], abs=1)
    assert ring[1] == pytest.approx([CRACK[1].stop, -CRACK[0].stop], abs=1)


def test_a_wall_without_a_crack_has_empty_tables(tmp_path: Path) -> None:
    plain = np.full((100, 100, 3), 200, np.uint8)
    inspection = inspect(plain, "plain.png", CLASSIFIER)
    written(inspection, plain, tmp_path)
    assert inspection.summary() == {
        "cracked_share": 0,
        "evidence_share": 0,
        "regions": 0,
        "length": 0,
        "max_width": 0,
    }
    assert json.loads((tmp_path / "wall-vgg16.json").read_text())["features"] == []
    assert pd.read_csv(tmp_path / "wall-vgg16.csv").empty


def test_files_of_photographs_of_one_name_are_apart(
    inspection: Inspection, rgb: RGB, tmp_path: Path
) -> None:
    names = output_names([Path("walls/a/1.jpg"), Path("walls/b/1.jpg"), Path("walls/b/1.png")])
    for name in names.values():
        written(inspection, rgb, tmp_path, name)
    assert {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*6.png")} == {
        "a/1.jpg-vgg16.png",
        "b/1.jpg-vgg16.png",
        "b/1.png-vgg16.png",
    }
