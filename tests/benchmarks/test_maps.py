import math

import numpy as np
import pytest

from benchmarks.maps import Wall, chessboard, draw_wall, mean_width, measure, tolerant_f1
from cracks.inference.crack_map import CELLS, CrackMap
from cracks.inference.ridges import Cracks


@pytest.fixture(scope="module")
def wall() -> Wall:
    return draw_wall(0)


def test_some_walls_have_no_crack() -> None:
    cracked = [draw_wall(number).drawing.mask.any() for number in (5, 6, 7)]
    assert cracked == [True, False, True]


def test_the_truth_itself_is_perfect(wall: Wall) -> None:
    side = len(wall.skeleton)
    cells = -(-side * CELLS // 227)
    crackmap = CrackMap(side, side, 227, np.ones((cells, cells)))
    truth = Cracks(wall.drawing.mask, wall.skeleton)
    row = measure(wall, crackmap, near=16, threshold=0.5, cracks=truth)
    assert row.f1 == pytest.approx(1)
    assert row.width == 1
    assert row.on_cracks.min() == 1
    assert row.cracked == wall.drawing.mask.mean()
    assert row.auc > 0.9


def test_half_of_the_crack_has_two_thirds_of_f1(wall: Wall) -> None:
    _, columns = np.nonzero(wall.drawing.mask)
    half = wall.drawing.mask.copy()
    half[:, int(np.median(columns)) :] = False
    assert tolerant_f1(half, wall) == pytest.approx(2 / 3, abs=0.03)
    assert tolerant_f1(np.zeros_like(half), wall) == 0


def test_the_mean_width_is_that_of_the_cracks() -> None:
    mask = np.zeros((300, 300), bool)
    mask[100:107, 20:280] = True
    skeleton = np.zeros_like(mask)
    skeleton[103, 20:280] = True
    assert mean_width(Cracks(mask, skeleton)) == pytest.approx(7, rel=0.02)
    assert math.isnan(mean_width(Cracks(np.zeros_like(mask), np.zeros_like(mask))))


def test_a_chessboard_is_the_mean_of_its_patches() -> None:
    cams = np.stack([np.full((7, 7), 50.0), np.full((7, 7), -50.0)])
    board = chessboard(cams, [(0, 0), (25, 0)], 50)
    np.testing.assert_allclose(board[0, [0, CELLS - 1, -1]], [1, 0.5, 0], atol=1e-9)
