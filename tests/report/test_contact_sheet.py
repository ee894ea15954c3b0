import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cracks.classifier import classifier
from cracks.heads.head import LinearHead
from cracks.images.archive import write_archive
from cracks.images.decoding import RGB
from cracks.project.errors import CracksError
from cracks.project.params import load_params
from cracks.project.paths import ARCHIVE
from cracks.report.contact_sheet import (
    NO_MAPS,
    Frame,
    Maps,
    Section,
    contact_sheet,
    overlaid_maps,
    thumbnails,
)
from tests.support.images import jpeg
from tests.support.project import ROOT
from tests.support.trained import LOCAL

WEAK = LinearHead(np.array([0.01]), -1.3)

RED, GREEN, BLUE = (200, 0, 0), (0, 200, 0), (0, 0, 200)


def plain(colour: tuple[int, int, int], height: int = 168, width: int = 168) -> RGB:
    return np.full((height, width, 3), colour, np.uint8)


def area(sheet: Image.Image, colour: tuple[int, int, int]) -> int:
    """Pixels of that colour."""
    return int((np.asarray(sheet) == colour).all(axis=2).sum())


def places(sheet: Image.Image, colour: tuple[int, int, int]) -> tuple[int, int]:
    """Row and column of the first pixel of that colour."""
    rows, columns = np.nonzero((np.asarray(sheet) == colour).all(axis=2))
    return int(rows.min()), int(columns.min())


def test_an_image_is_beside_its_map() -> None:
    frame = Frame("a.jpg", ["0.10 to 0.90", "a.jpg"], ["vgg16"])
    maps = Maps({("a.jpg", "vgg16"): plain(RED)}, 12.0)
    sheet = contact_sheet(["A"], [Section("VGG16", [frame])], {"a.jpg": plain(BLUE)}, maps)
    assert area(sheet, BLUE) == area(sheet, RED) == 168 * 168
    (row, column), (beside, right) = places(sheet, BLUE), places(sheet, RED)
    assert (beside, right) == (row, column + 168 + 2)
    bare = contact_sheet(["A"], [Section("VGG16", [frame])], {"a.jpg": plain(BLUE)}, NO_MAPS)
    assert area(bare, BLUE) == 168 * 168
    assert bare.height < sheet.height, "no legend without maps"


def test_sections_are_below_each_other_and_rows_are_filled() -> None:
    many = [Frame("a.jpg", ["a"], [])] * 9
    sections = [Section("first", many), Section("second", [Frame("b.jpg", ["b"], [])])]
    pictures = {"a.jpg": plain(BLUE), "b.jpg": plain(GREEN, height=84)}
    sheet = contact_sheet(["Title"], sections, pictures, NO_MAPS)
    assert area(sheet, BLUE) == 9 * 168 * 168
    assert area(sheet, GREEN) == 84 * 168
    assert places(sheet, GREEN)[0] > np.nonzero((np.asarray(sheet) == BLUE).all(axis=2))[0].max()
    assert sheet.width < 1500


def test_the_end_of_a_long_name_is_shown() -> None:
    names = ["walls/" * 30 + end for end in ("1.jpg", "2.jpg")]
    pictures = dict.fromkeys(names, plain(BLUE))
    one, two = (
        contact_sheet(["A"], [Section("", [Frame(name, [name], [])])], pictures, NO_MAPS)
        for name in names
    )
    assert one.size == two.size
    assert one.tobytes() != two.tobytes()


def test_pictures_are_those_of_the_results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    data = jpeg(plain(GREEN, 400, 200))
    write_archive(ARCHIVE, [("positive/1.jpg", data)])
    sha256 = hashlib.sha256(data).hexdigest()
    (found,) = thumbnails({"positive/1.jpg": sha256}).values()
    assert found.shape == (168, 84, 3)
    np.testing.assert_allclose(found.reshape(-1, 3).mean(axis=0), GREEN, atol=3)
    with pytest.raises(CracksError, match=r"found another image of that name; run `dvc checkout`"):
        thumbnails({"positive/1.jpg": "0" * 64})
    with pytest.raises(CracksError, match=r"the image positive/2.jpg of the .*, found none"):
        thumbnails({"positive/2.jpg": sha256})


def test_maps_are_of_the_images_of_the_archive(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    params = load_params(ROOT / "params.yaml")
    rgb = plain((200, 200, 200), 64, 64)
    rgb[:16, :16] = 0
    write_archive(ARCHIVE, [("1.jpg", jpeg(rgb, quality=100))])
    pictures = {"1.jpg": plain((200, 200, 200))}
    maps, reason = overlaid_maps(pictures, {"vgg16": ["1.jpg"]}, params)
    assert not maps.pictures
    assert "vgg16" in reason, "nothing is trained here"
    monkeypatch.setattr(classifier, "load_local_classifier", lambda *_: LOCAL)
    maps, reason = overlaid_maps(pictures, {"vgg16": ["1.jpg"]}, params)
    assert not reason
    shown = maps.pictures["1.jpg", "vgg16"].astype(int)
    redness = shown[..., 0] - shown[..., 2]
    assert redness[10:30, 10:30].mean() > redness[100:, 100:].mean() + 50
    assert maps.full_colour == 12
    monkeypatch.setattr(classifier, "load_local_classifier", lambda *_: replace(LOCAL, head=WEAK))
    weak, _ = overlaid_maps(pictures, {"vgg16": ["1.jpg"]}, params)
    assert 0 < weak.full_colour < 2
    shown = weak.pictures["1.jpg", "vgg16"].astype(int)
    assert np.ptp(shown[..., 0] - shown[..., 2]) > 50, "weak evidence is visible as well"
