from collections.abc import Callable

import numpy as np
import pytest
from scipy.ndimage import distance_transform_edt

from cracks.inference import ridges
from cracks.inference.crack_map import CELLS, CrackMap, map_cracks
from cracks.inference.ridges import darkness, find_cracks
from cracks.sources.sample.dataset import draw_photograph
from tests.support.walls import CLASSIFIER, CRACK, PATCH, wall


def evidence(height: int, width: int, patch: int, value: float) -> CrackMap:
    cells = [-(-side * CELLS // patch) for side in (height, width)]
    return CrackMap(width, height, patch, np.full(cells, value))


def test_the_planted_crack_is_found_to_the_pixel() -> None:
    crackmap = map_cracks(wall(), CLASSIFIER, PATCH, PATCH // 2)
    mask, skeleton = find_cracks(wall(), crackmap, 0.5)
    planted = np.zeros(mask.shape, bool)
    planted[CRACK] = True
    assert (mask & planted).sum() >= 0.97 * planted.sum()
    assert (mask & ~planted).sum() <= 0.03 * planted.sum()
    assert (skeleton & ~mask).sum() == 0
    assert 185 <= skeleton.sum() <= 205


def test_drawn_cracks_are_found_to_two_pixels() -> None:
    rgb, truth = draw_photograph(500, 400, seed=1, cracks=2)
    mask, _ = find_cracks(rgb, evidence(400, 500, 227, 1.0), 0.5)
    precision = (distance_transform_edt(~truth)[mask] <= 2).mean()
    recall = (distance_transform_edt(~mask)[truth] <= 2).mean()
    assert precision > 0.9
    assert recall > 0.9


def test_nothing_is_found_where_the_map_has_no_evidence() -> None:
    mask, skeleton = find_cracks(wall(), evidence(400, 300, PATCH, 0.4), 0.5)
    assert not mask.any()
    assert not skeleton.any()


def test_blots_and_noise_are_no_cracks() -> None:
    rgb = wall()
    rgb[CRACK] = 200
    rows, columns = np.ogrid[:400, :300]
    rgb[np.hypot(rows - 100, columns - 100) < 6] = 40  # a pore
    rgb[200, 50:54] = 40  # too short
    mask, _ = find_cracks(rgb, evidence(400, 300, PATCH, 1.0), 0.5)
    assert not mask.any()


def test_a_light_place_within_a_crack_is_filled() -> None:
    rgb = wall()
    rgb[100:300, 195:210] = 40
    rgb[150:153, 201:204] = 180
    mask, skeleton = find_cracks(rgb, evidence(400, 300, 128, 1.0), 0.5)
    assert mask[150:153, 201:204].all()
    assert not mask[:, :190].any()
    assert skeleton.sum() < 210


@pytest.mark.parametrize("change", [lambda rgb: rgb // 2, lambda rgb: rgb[:, ::-1]])
def test_neither_brightness_nor_side_matters(change: Callable[[np.ndarray], np.ndarray]) -> None:
    found = find_cracks(wall(), evidence(400, 300, PATCH, 1.0), 0.5).mask
    other = find_cracks(
        np.ascontiguousarray(change(wall())), evidence(400, 300, PATCH, 1.0), 0.5
    ).mask
    assert other.sum() == pytest.approx(found.sum(), rel=0.05)


def test_strips_leave_no_seam(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = darkness(wall(), PATCH)
    monkeypatch.setattr(ridges, "_STRIP", 50)
    stripped = darkness(wall(), PATCH)
    assert np.abs(whole.astype(int) - stripped).max() <= 1
    np.testing.assert_array_equal(
        find_cracks(wall(), evidence(400, 300, PATCH, 1.0), 0.5).mask[CRACK],
        np.ones((200, 6), bool),
    )
