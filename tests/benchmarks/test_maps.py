import math

import numpy as np
import pytest
from skimage.morphology import skeletonize

from benchmarks.maps import (
    KINDS,
    Found,
    cell_auc,
    draw_wall,
    false_share,
    found_length,
    line,
    mean_width,
    width_ratio,
)
from cracks.images.decoding import Mask
from cracks.tools.walls.crack_map import PATCH, CrackMap
from cracks.tools.walls.ridges import Cracks
from cracks.tools.walls.scoring import compare


def found_on(number: int, mask: Mask | None = None) -> Found:
    """A wall of which everything, or `mask`, is found; the evidence is that of the truth."""
    wall = draw_wall(KINDS["masonry"], number)
    rows, columns = (side // 16 for side in wall.mask.shape)
    pixels = wall.mask.reshape(rows, 16, columns, 16).sum(axis=(1, 3))
    mask = wall.mask if mask is None else mask
    crackmap = CrackMap(columns * 16, rows * 16, PATCH, pixels - 3.0)
    return Found(wall, crackmap, Cracks(mask, np.asarray(skeletonize(mask))))


def false(one: Found) -> float:
    return false_share(one, compare(one.cracks.mask, one.drawing.mask))


def test_some_walls_have_no_crack() -> None:
    cracked = [draw_wall(KINDS["as the sample"], number).mask.any() for number in (5, 6, 7)]
    assert cracked == [True, False, True]


def test_the_truth_itself_is_perfect() -> None:
    found = [found_on(0), found_on(1)]
    assert cell_auc(found) == found_length(found) == 1
    assert [false(one) for one in found] == [0, 0]
    assert [width_ratio(one) for one in found] == [1, 1]
    assert line("masonry", 3 * found).count("1.000 [1.000, 1.000]") == 4


def test_half_of_the_cracks_is_found_and_nothing_false() -> None:
    whole = found_on(0)
    half = whole.drawing.mask.copy()
    half[: int(np.median(np.nonzero(half)[0]))] = False
    found = found_on(0, half)
    assert found_length([found]) == pytest.approx(0.5, abs=0.1)
    assert false(found) == 0


def test_what_is_far_from_a_crack_is_false() -> None:
    everything = np.ones((224, 224), bool)
    assert false(found_on(0, everything)) > 0.5


def test_the_mean_width_is_that_of_the_cracks() -> None:
    mask = np.zeros((304, 304), bool)
    mask[100:107, 20:280] = True
    crackmap = CrackMap(304, 304, PATCH, np.zeros((19, 19)))
    cracks = Cracks(mask, np.asarray(skeletonize(mask)))
    assert mean_width(cracks, crackmap) == pytest.approx(7, rel=0.04)
    nothing = np.zeros_like(mask)
    assert math.isnan(mean_width(Cracks(nothing, nothing), crackmap))
