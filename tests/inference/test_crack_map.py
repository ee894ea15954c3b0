import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from cracks.heads.head import LinearHead
from cracks.images.decoding import RGB
from cracks.inference.classifier import Classifier
from cracks.inference.crack_map import (
    heat,
    map_cracks,
    patch_corners,
    training_side,
    write_crackmap,
)
from cracks.inference.photographs import output_names
from cracks.pipeline.errors import CracksError


def dark(batch: np.ndarray) -> np.ndarray:
    """A backbone of one feature: how dark the darkest pixel is."""
    darkest = batch.reshape(len(batch), -1).min(axis=1, keepdims=True)
    return np.asarray(255.0 - darkest, np.float32)


CLASSIFIER = Classifier("vgg16", 0.5, 32, dark, LinearHead(np.array([0.2]), -30.0))


def wall() -> RGB:
    rgb = np.full((150, 250, 3), 200, np.uint8)
    rgb[90:110, 160:180] = 0
    return rgb


@pytest.mark.parametrize(
    ("width", "height", "patch", "stride"),
    [(250, 150, 50, 25), (251, 149, 50, 50), (50, 50, 50, 7), (53, 50, 50, 50)],
)
def test_every_pixel_is_covered_and_none_beyond(
    width: int, height: int, patch: int, stride: int
) -> None:
    covered = np.zeros((height, width), bool)
    for x, y in patch_corners(width, height, patch, stride):
        assert 0 <= x <= width - patch
        assert 0 <= y <= height - patch
        covered[y : y + patch, x : x + patch] = True
    assert covered.all()


@pytest.mark.parametrize(
    ("width", "stride", "sentence"),
    [(49, 25, "at least 50 x 50 pixels"), (90, 0, "--stride from 1"), (90, 51, "--stride from 1")],
)
def test_what_cannot_be_mapped_is_one_sentence(width: int, stride: int, sentence: str) -> None:
    with pytest.raises(CracksError, match=sentence):
        patch_corners(width, 90, 50, stride)


def test_the_map_is_hot_where_the_crack_is() -> None:
    crackmap = map_cracks(wall(), CLASSIFIER, patch=50, stride=25)
    for (x, y), value in zip(crackmap.corners, crackmap.probability, strict=True):
        touches = x < 180 and x + 50 > 160 and y < 110 and y + 50 > 90
        assert (value > 0.5) == touches
    warmth = heat(crackmap)
    assert warmth.shape == (150, 250)
    assert warmth[100, 170] > 0.9
    assert warmth[20, 20] < 0.1


def test_a_large_photograph_is_shown_small() -> None:
    crackmap = map_cracks(wall(), CLASSIFIER, patch=50, stride=50)
    small = heat(crackmap, longest=100)
    assert small.shape == (60, 100)
    assert small[40, 68] > 0.9
    assert np.isfinite(small).all()


def test_picture_and_patches_are_written(tmp_path: Path) -> None:
    crackmap = map_cracks(wall(), CLASSIFIER, patch=50, stride=25)
    share, picture = write_crackmap(crackmap, wall(), CLASSIFIER, "wall", tmp_path / "maps")
    assert picture == tmp_path / "maps" / "wall-vgg16.png"
    with Image.open(picture) as image:
        assert image.width > 250
    summary = json.loads((tmp_path / "maps" / "wall-vgg16.json").read_text())
    assert summary["cracked_share"] == pytest.approx(share, abs=1e-4)
    assert 0.02 < share < 0.3
    assert len(summary["patches"]) == len(crackmap.corners)
    assert summary["patches"][0].keys() == {"x", "y", "width", "height", "probability"}


def test_maps_of_photographs_of_one_name_are_apart(tmp_path: Path) -> None:
    crackmap = map_cracks(wall(), CLASSIFIER, patch=50, stride=50)
    names = output_names([Path("walls/a/1.jpg"), Path("walls/b/1.jpg"), Path("walls/b/1.png")])
    for name in names.values():
        write_crackmap(crackmap, wall(), CLASSIFIER, name, tmp_path)
    assert {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.png")} == {
        "a/1.jpg-vgg16.png",
        "b/1.jpg-vgg16.png",
        "b/1.png-vgg16.png",
    }


def test_patches_are_as_large_as_the_training_images(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert training_side() == 227
    (tmp_path / "data").mkdir()
    sizes = pd.DataFrame({"width": [300, 256, 9], "height": [200, 256, 99]})
    images = sizes.assign(**dict.fromkeys(["id", "label", "given", "sha256", "group"], "a"))
    images.to_csv(tmp_path / "data" / "images.csv", index=False)
    assert training_side() == 200
