import numpy as np
import pytest
from PIL import Image

from cracks.images.decoding import RGB
from cracks.inference import overlay
from cracks.inference.inspection import Inspection, inspect
from cracks.inference.overlay import ColourBar, ScaleBar, crack_picture, explanation, framed
from tests.support.walls import CLASSIFIER, CRACK, PATCH, wall

BAR = ColourBar("P(crack)", "autumn_r", "0.50", "1")


@pytest.fixture(scope="module")
def inspection() -> Inspection:
    return inspect(wall(), CLASSIFIER, PATCH, PATCH // 2, None)


def photograph_of(picture: Image.Image, size: tuple[int, int]) -> RGB:
    """The photograph in a picture: below two lines of text, at the left."""
    pixels = np.asarray(picture)
    font = max(round(max(size) / 64), 13)
    top = 2 * round(1.5 * font) + round(1.5 * font) // 2
    return pixels[top : top + size[1], : size[0]]


def test_the_crack_stays_visible_and_only_its_surroundings_are_coloured(
    inspection: Inspection,
) -> None:
    shown = photograph_of(crack_picture(wall(), inspection, "wall", 1600), (300, 400)).astype(int)
    rgb = wall()
    inside = np.s_[110:290, 201:205]
    np.testing.assert_array_equal(shown[inside], rgb[inside])
    np.testing.assert_array_equal(shown[:, :150], rgb[:, :150])
    np.testing.assert_array_equal(shown[:60], rgb[:60])
    beside = shown[200, CRACK[1].stop + 1]
    assert beside[0] > beside[2] + 40  # between yellow and red


def test_strips_leave_no_seam(inspection: Inspection, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = np.asarray(crack_picture(wall(), inspection, "wall", 1600)).astype(int)
    monkeypatch.setattr(overlay, "_STRIP", 64)
    stripped = np.asarray(crack_picture(wall(), inspection, "wall", 1600))
    assert (np.abs(whole - stripped).max(axis=2) > 3).mean() < 1e-4


@pytest.mark.parametrize(("longest", "size"), [(200, (150, 200)), (None, (300, 400))])
def test_a_picture_is_as_large_as_asked(
    longest: int | None, size: tuple[int, int], inspection: Inspection
) -> None:
    picture = crack_picture(wall(), inspection, "wall", longest)
    assert size[1] < picture.height < size[1] + 130


def test_the_scale_is_a_round_length(inspection: Inspection) -> None:
    bars = [overlay._scale(inspection, 0.5), overlay._scale(inspection, 1.0)]
    assert bars == [ScaleBar("20 px", 10.0), ScaleBar("20 px", 20.0)]


def test_a_page_is_wide_enough_for_its_text() -> None:
    small = Image.new("RGB", (40, 30))
    page = framed(small, ["a long line of text " * 4], BAR)
    assert page.width > 300
    assert np.asarray(page)[:, -8:].min() == 255


def test_an_explanation_shows_the_image_and_its_map_side_by_side() -> None:
    rgb = np.full((100, 100, 3), 128, np.uint8)
    cam = np.zeros((7, 7))
    cam[:3], cam[4:] = 20, -20
    page = explanation(rgb, cam, ["photo.jpg: crack, P(crack) 0.9000", "VGG16, threshold 0.50"])
    assert page.width >= 2 * 450
    shown = photograph_of(page, (900, 450)).astype(int)
    np.testing.assert_array_equal(shown[:, :450], 128)
    assert shown[20, 600, 0] > shown[20, 600, 2] + 25
    assert shown[430, 600, 2] > shown[430, 600, 0] + 25
