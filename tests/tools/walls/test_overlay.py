import numpy as np
import pytest
from PIL import Image

from cracks.images.decoding import RGB
from cracks.report.frame import ScaleBar
from cracks.tools.walls import overlay
from cracks.tools.walls.inspection import Inspection, inspect
from cracks.tools.walls.overlay import (
    crack_layer,
    crack_picture,
    explanation,
)
from tests.support.walls import CLASSIFIER, CRACK, wall


@pytest.fixture(scope="module")
def inspection() -> Inspection:
    return inspect(wall(), "wall.png", CLASSIFIER)


def photograph_of(picture: Image.Image, size: tuple[int, int], lines: int = 3) -> RGB:
    """The photograph in a picture: below lines of text, at the left."""
    pixels = np.asarray(picture)
    font = max(round(max(size) / 64), 13)
    top = lines * round(1.5 * font) + round(1.5 * font) // 2
    return pixels[top : top + size[1], : size[0]]


def test_the_crack_stays_visible_and_only_its_surroundings_are_coloured(
    inspection: Inspection,
) -> None:
    shown = photograph_of(crack_picture(wall(), inspection, 1600), (300, 400)).astype(int)
    rgb = wall()
    inside = np.s_[110:290, 201:205]
    np.testing.assert_array_equal(shown[inside], rgb[inside])
    np.testing.assert_array_equal(shown[:, :150], rgb[:, :150])
    np.testing.assert_array_equal(shown[:60], rgb[:60])
    beside = shown[220, CRACK[1].stop + 1]
    assert beside[0] > beside[2] + 40  # between yellow and red


def test_the_number_of_a_crack_is_beside_it(inspection: Inspection) -> None:
    shown = photograph_of(crack_picture(wall(), inspection, 1600), (300, 400)).astype(int)
    beside = np.s_[190:210, CRACK[1].stop + 3 : CRACK[1].stop + 16]
    assert shown[beside].min() < 60
    assert shown[np.s_[240:260, beside[1]]].min() > 150


def test_a_layer_is_transparent_but_for_a_band(inspection: Inspection) -> None:
    layer = np.asarray(crack_layer(inspection, (150, 200)))
    assert layer.shape == (200, 150, 4)
    assert layer[100, 100 - 2, 3] > 100
    assert layer[100, 101, 3] == 0  # the crack shows through
    assert not layer[:, :90, 3].any()
    assert not layer[:, 112:, 3].any()


def test_strips_leave_no_seam(inspection: Inspection, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = np.asarray(crack_picture(wall(), inspection, 1600)).astype(int)
    monkeypatch.setattr(overlay, "_STRIP", 64)
    stripped = np.asarray(crack_picture(wall(), inspection, 1600))
    assert (np.abs(whole - stripped).max(axis=2) > 3).mean() < 1e-4


@pytest.mark.parametrize(("longest", "size"), [(200, (150, 200)), (None, (300, 400))])
def test_a_picture_is_as_large_as_asked(
    longest: int | None, size: tuple[int, int], inspection: Inspection
) -> None:
    picture = crack_picture(wall(), inspection, longest)
    assert size[1] < picture.height < size[1] + 130


def test_the_scale_is_a_round_length(inspection: Inspection) -> None:
    bars = [overlay._scale(inspection, 0.5), overlay._scale(inspection, 1.0)]
    assert bars == [ScaleBar("20 px", 10.0), ScaleBar("20 px", 20.0)]


@pytest.mark.parametrize("size", [(40, 13_000), (13_000, 40)])
def test_an_explanation_of_a_narrow_image_stays_small(size: tuple[int, int]) -> None:
    picture = explanation(np.zeros((*size, 3), np.uint8), np.ones((2, 2)), ["narrow"])
    assert max(picture.size) < 4000


def test_an_explanation_shows_the_image_and_its_map_side_by_side() -> None:
    rgb = np.full((100, 100, 3), 128, np.uint8)
    cam = np.zeros((7, 7))
    cam[:3], cam[4:] = 20, -20
    page = explanation(rgb, cam, ["photo.jpg: crack, P(crack) 0.9000", "VGG16, threshold 0.50"])
    assert page.width >= 2 * 450
    shown = photograph_of(page, (900, 450), lines=2).astype(int)
    np.testing.assert_array_equal(shown[:, :450], 128)
    assert shown[20, 600, 0] > shown[20, 600, 2] + 25
    assert shown[430, 600, 2] > shown[430, 600, 0] + 25
