import numpy as np
import pytest

from cracks.drawing.lines import (
    beside,
    blob,
    coverage,
    filled,
    footprint,
    ribbon,
    straight,
    through,
)

SHAPE = (60, 80)
ACROSS = straight(np.array([30.0, -10.0]), np.array([30.0, 90.0]))


@pytest.mark.parametrize("width", [1.0, 2.0, 5.0, 12.0])
def test_a_line_covers_its_width(width: float) -> None:
    columns = coverage([ribbon(ACROSS, width)], SHAPE).sum(axis=0)
    assert columns == pytest.approx(np.full(80, width), abs=0.3)


def test_a_hairline_is_a_pixel_wide_and_faint() -> None:
    line = ribbon(ACROSS, 0.4)
    faint, whole = coverage([line], SHAPE), footprint([line], SHAPE)
    assert faint.sum() == pytest.approx(0.4 * whole.sum(), rel=0.02)
    assert whole.sum(axis=0) == pytest.approx(np.ones(80), abs=0.3)


def test_overlapping_lines_cover_a_pixel_once() -> None:
    line = ribbon(ACROSS, 4.0)
    np.testing.assert_array_equal(coverage([line, line], SHAPE), coverage([line], SHAPE))


def test_one_side_of_a_line() -> None:
    side = beside(ACROSS, SHAPE)
    assert set(np.unique(np.delete(side, [29, 30], axis=0))) == {0.0, 1.0}
    assert side.mean() == pytest.approx(0.5, abs=0.02)
    assert (beside(ACROSS[::-1], SHAPE) + side).mean() == pytest.approx(1, abs=0.02)


def test_a_round_spot_has_the_area_of_a_circle() -> None:
    outline = blob(np.random.default_rng(0), np.array([30.0, 40.0]), 20.0, 0.0, 1.0)
    assert filled([outline], SHAPE).sum() == pytest.approx(np.pi * 400, rel=0.03)


def test_a_line_through_the_image_begins_and_ends_outside() -> None:
    random = np.random.default_rng(0)
    for _ in range(50):
        start, middle, end = through(random, SHAPE)
        assert ((middle > 0) & (middle < SHAPE)).all()
        for point in (start, end):
            assert ((point < 0) | (point > SHAPE)).any()
