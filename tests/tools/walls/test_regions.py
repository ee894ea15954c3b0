import math

import numpy as np
import pytest
from scipy.special import logit
from skimage.morphology import skeletonize

from cracks.tools.walls import regions
from cracks.tools.walls.crack_map import CrackMap
from cracks.tools.walls.regions import COLUMNS, in_millimetres, measure_regions
from cracks.tools.walls.ridges import Cracks

PATCH = 140  # a cell is 10 pixels


def cracks(*places: tuple[slice, slice], diagonal: bool = False) -> Cracks:
    mask = np.zeros((600, 1100), bool)
    for place in places:
        mask[place] = True
    if diagonal:
        for step in range(100):
            mask[400 + step, 100 + step : 103 + step] = True
    return Cracks(mask, np.asarray(skeletonize(mask)))


def crackmap(*places: tuple[slice, slice]) -> CrackMap:
    heat = np.full((60, 110), 0.001)
    for number, place in enumerate(places, start=1):
        heat[place] = 0.6 + 0.1 * number
    return CrackMap(1100, 600, PATCH, logit(heat))


SHORT, LONG = np.s_[100:105, 50:150], np.s_[200:209, 500:1000]
SHORT_CELLS, LONG_CELLS = np.s_[8:13, 3:17], np.s_[18:23, 48:102]


def test_length_and_width_are_those_that_were_planted() -> None:
    found = cracks(SHORT, LONG)
    table = measure_regions(found, crackmap(SHORT_CELLS, LONG_CELLS))
    assert list(table.columns) == COLUMNS
    assert list(table["region"]) == [1, 2]
    np.testing.assert_allclose(table["length"], [500, 100], rtol=0.05)
    np.testing.assert_allclose(table["mean_width"], [9, 5], rtol=0.06)
    np.testing.assert_allclose(table["max_width"], [9, 5])
    np.testing.assert_allclose(table["peak_probability"], [0.8, 0.7])
    assert [table[name][0] for name in ("x", "y", "width", "height")] == [500, 200, 500, 9]


def test_a_diagonal_is_longer_than_its_pixels() -> None:
    table = measure_regions(cracks(diagonal=True), crackmap(np.s_[:, :]))
    assert table["length"].tolist() == pytest.approx([100 * math.sqrt(2)], rel=0.05)


def test_the_widest_crack_comes_first_and_of_equals_the_longest() -> None:
    found = cracks(np.s_[100:105, 50:150], np.s_[200:205, 50:450], np.s_[300:309, 50:100])
    table = measure_regions(found, crackmap())
    assert table["max_width"].tolist() == [9, 5, 5]
    assert table["y"].tolist() == [300, 200, 100]
    assert table["region"].tolist() == [1, 2, 3]


def test_pieces_less_than_a_cell_apart_are_one_region() -> None:
    pieces = np.s_[200:205, 100:200], np.s_[200:205, 208:300], np.s_[200:205, 310:400]
    table = measure_regions(cracks(*pieces), crackmap())
    assert table["width"].tolist() == [200, 90]
    assert table["length"].tolist() == pytest.approx([192, 90], rel=0.07), "without the gap"


def test_the_right_end_is_the_cracks_own() -> None:
    rising = np.zeros((600, 1100), bool)
    for step in range(200):
        rising[300 - step : 303 - step, 100 + step] = True
    rising[400:403, 250:310] = True  # of another crack, in the same columns
    rising[300:400, 250:253] = True
    rising[50:53, 280:320] = True
    found = Cracks(rising, np.asarray(skeletonize(rising)))
    ends = measure_regions(found, crackmap()).set_index("y")["end_y"].to_dict()
    assert ends == {50: 51, 101: 102, 300: 401}


def test_directions_are_degrees_from_the_horizontal() -> None:
    found = cracks(np.s_[50:350, 50:54], np.s_[550:554, 50:350], diagonal=True)
    table = measure_regions(found, crackmap()).sort_values("x", ascending=False)
    np.testing.assert_allclose(np.sort(table["direction"]), [0, 90, 135], atol=2)


def test_no_crack_is_no_region() -> None:
    nothing = measure_regions(cracks(), crackmap(LONG_CELLS))
    assert list(nothing.columns) == COLUMNS
    assert nothing.empty


def test_tiles_do_not_change_the_width(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = measure_regions(cracks(SHORT, LONG), crackmap(SHORT_CELLS, LONG_CELLS))
    monkeypatch.setattr(regions, "_TILE", 100)
    monkeypatch.setattr(regions, "_MARGIN", 10)
    tiled = measure_regions(cracks(SHORT, LONG), crackmap(SHORT_CELLS, LONG_CELLS))
    assert tiled.equals(whole)


def test_millimetres() -> None:
    table = measure_regions(cracks(SHORT), crackmap(SHORT_CELLS))
    metric = in_millimetres(table, 0.2)
    np.testing.assert_allclose(metric["length_mm"], 0.2 * table["length"])
    np.testing.assert_allclose(metric["max_width_mm"], [1.0])
