import math

import numpy as np
import pytest
from skimage.morphology import skeletonize

from cracks.inference import regions
from cracks.inference.crack_map import CrackMap
from cracks.inference.regions import COLUMNS, in_millimetres, measure_regions
from cracks.inference.ridges import Cracks

PATCH = 280  # a cell is 10 pixels


def cracks(*places: tuple[slice, slice], diagonal: bool = False) -> Cracks:
    mask = np.zeros((600, 1100), bool)
    for place in places:
        mask[place] = True
    if diagonal:
        for step in range(100):
            mask[400 + step, 100 + step : 103 + step] = True
    return Cracks(mask, np.asarray(skeletonize(mask)))


def crackmap(*places: tuple[slice, slice]) -> CrackMap:
    heat = np.zeros((60, 110))
    for number, place in enumerate(places, start=1):
        heat[place] = 0.6 + 0.1 * number
    return CrackMap(1100, 600, PATCH, heat)


SHORT, LONG = np.s_[100:105, 50:150], np.s_[200:209, 500:1000]
SHORT_CELLS, LONG_CELLS = np.s_[8:13, 3:17], np.s_[18:23, 48:102]


def test_length_and_width_are_those_that_were_planted() -> None:
    found = cracks(SHORT, LONG)
    table = measure_regions(found, crackmap(SHORT_CELLS, LONG_CELLS), 0.5)
    assert list(table.columns) == COLUMNS
    assert list(table["region"]) == [1, 2]
    np.testing.assert_allclose(table["length"], [500, 100], rtol=0.05)
    np.testing.assert_allclose(table["mean_width"], [9, 5], rtol=0.06)
    np.testing.assert_allclose(table["max_width"], [9, 5])
    np.testing.assert_allclose(table["peak_probability"], [0.8, 0.7])
    assert [table[name][0] for name in ("x", "y", "width", "height")] == [500, 200, 500, 9]


def test_a_diagonal_is_longer_than_its_pixels() -> None:
    table = measure_regions(cracks(diagonal=True), crackmap(np.s_[:, :]), 0.5)
    assert table["length"].tolist() == pytest.approx([100 * math.sqrt(2)], rel=0.05)


def test_pieces_with_evidence_between_them_are_one_region() -> None:
    pieces = np.s_[200:205, 100:200], np.s_[200:205, 230:300]
    (row,) = measure_regions(cracks(*pieces), crackmap(np.s_[18:23, 8:32]), 0.5).to_dict("records")
    assert row["width"] == 200
    assert row["length"] == pytest.approx(160, rel=0.06)


def test_evidence_without_a_crack_is_no_region() -> None:
    table = measure_regions(cracks(SHORT), crackmap(SHORT_CELLS, LONG_CELLS), 0.5)
    assert len(table) == 1
    nothing = measure_regions(cracks(), crackmap(LONG_CELLS), 0.5)
    assert list(nothing.columns) == COLUMNS
    assert nothing.empty


def test_tiles_do_not_change_the_width(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = measure_regions(cracks(SHORT, LONG), crackmap(SHORT_CELLS, LONG_CELLS), 0.5)
    monkeypatch.setattr(regions, "_TILE", 100)
    monkeypatch.setattr(regions, "_MARGIN", 10)
    tiled = measure_regions(cracks(SHORT, LONG), crackmap(SHORT_CELLS, LONG_CELLS), 0.5)
    assert tiled.equals(whole)


def test_millimetres() -> None:
    table = measure_regions(cracks(SHORT), crackmap(SHORT_CELLS), 0.5)
    metric = in_millimetres(table, 0.2)
    np.testing.assert_allclose(metric["length_mm"], 0.2 * table["length"])
    np.testing.assert_allclose(metric["max_width_mm"], [1.0])
