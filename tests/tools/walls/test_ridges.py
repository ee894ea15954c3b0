from collections.abc import Callable

import numpy as np
import pytest
from scipy.ndimage import distance_transform_edt

from cracks.drawing.walls import draw_photograph
from cracks.tools.walls import ridges
from cracks.tools.walls.crack_map import PATCH, CrackMap, map_cracks
from cracks.tools.walls.ridges import darkness, find_cracks
from tests.support.walls import CLASSIFIER, CRACK, wall


def evidence(height: int, width: int, patch: int, value: float) -> CrackMap:
    cells = [-(-side * 14 // patch) for side in (height, width)]
    return CrackMap(width, height, patch, np.full(cells, value))


CERTAIN, NEARLY, UNLIKELY = 8.0, -0.4, -2.0
"""Log-odds that reach a threshold of 1/2, that are weak, and that are less."""


def test_the_planted_crack_is_found_to_the_pixel() -> None:
    crackmap = map_cracks(wall(), CLASSIFIER)
    mask, skeleton = find_cracks(wall(), crackmap, 0.5)
    planted = np.zeros(mask.shape, bool)
    planted[CRACK] = True
    assert (mask & planted).sum() >= 0.97 * planted.sum()
    assert (mask & ~planted).sum() <= 0.03 * planted.sum()
    assert (skeleton & ~mask).sum() == 0
    assert 185 <= skeleton.sum() <= 205


def test_drawn_cracks_are_found_to_two_pixels() -> None:
    rgb, truth = draw_photograph(500, 400, seed=1, cracks=2)
    mask, _ = find_cracks(rgb, evidence(400, 500, PATCH, CERTAIN), 0.5)
    precision = (distance_transform_edt(~truth)[mask] <= 2).mean()
    recall = (distance_transform_edt(~mask)[truth] <= 2).mean()
    assert precision > 0.9
    assert recall > 0.9


@pytest.mark.parametrize("value", [NEARLY, UNLIKELY])
def test_nothing_is_found_where_no_evidence_reaches_the_threshold(value: float) -> None:
    mask, skeleton = find_cracks(wall(), evidence(400, 300, PATCH, value), 0.5)
    assert not mask.any()
    assert not skeleton.any()


@pytest.mark.parametrize(("value", "whole"), [(NEARLY, True), (UNLIKELY, False)])
def test_a_weak_stretch_between_strong_ones_belongs_to_the_crack(value: float, whole: bool) -> None:
    crackmap = evidence(400, 300, PATCH, CERTAIN)
    crackmap.logits[11:15] = value  # rows of pixels 176 to 240
    mask, _ = find_cracks(wall(), crackmap, 0.5)
    assert mask[120:170, 203].all()
    assert mask[185:230, 203].all() == whole
    assert mask[250:290, 203].all()


def test_a_gap_along_the_direction_is_closed_and_no_other() -> None:
    rgb = wall()
    rgb[190:206] = 200  # a gap of 16 pixels
    rgb[150, 230:280] = rgb[151, 230:280] = 40  # a line that points to the side of the crack
    mask, skeleton = find_cracks(rgb, evidence(400, 300, PATCH, CERTAIN), 0.5)
    assert mask[188:208].any(axis=1).all()
    assert skeleton[192:204].sum(axis=1).tolist() == [1] * 12
    assert not mask[:, 210:225].any()


def test_blots_and_noise_are_no_cracks() -> None:
    rgb = wall()
    rgb[CRACK] = 200
    rows, columns = np.ogrid[:400, :300]
    rgb[np.hypot(rows - 100, columns - 100) < 6] = 40  # a pore
    rgb[200, 50:54] = 40  # too short
    mask, _ = find_cracks(rgb, evidence(400, 300, PATCH, CERTAIN), 0.5)
    assert not mask.any()


def test_a_light_place_within_a_crack_is_filled() -> None:
    rgb = wall()
    rgb[100:300, 195:210] = 40
    rgb[150:153, 201:204] = 180
    mask, skeleton = find_cracks(rgb, evidence(400, 300, 128, CERTAIN), 0.5)
    assert mask[150:153, 201:204].all()
    assert not mask[:, :190].any()
    assert skeleton.sum() < 210


@pytest.mark.parametrize("change", [lambda rgb: rgb // 2, lambda rgb: rgb[:, ::-1]])
def test_neither_brightness_nor_side_matters(change: Callable[[np.ndarray], np.ndarray]) -> None:
    found = find_cracks(wall(), evidence(400, 300, PATCH, CERTAIN), 0.5).mask
    other = find_cracks(
        np.ascontiguousarray(change(wall())), evidence(400, 300, PATCH, CERTAIN), 0.5
    ).mask
    assert other.sum() == pytest.approx(found.sum(), rel=0.05)


def test_strips_leave_no_seam(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = darkness(wall(), PATCH)
    monkeypatch.setattr(ridges, "_STRIP", 50)
    stripped = darkness(wall(), PATCH)
    assert np.abs(whole.astype(int) - stripped).max() <= 1
    np.testing.assert_array_equal(
        find_cracks(wall(), evidence(400, 300, PATCH, CERTAIN), 0.5).mask[CRACK],
        np.ones((200, 6), bool),
    )
