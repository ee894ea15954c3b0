import numpy as np
import pytest

from cracks.cells import tiles
from cracks.cells.tiles import BORDER, cell_features, number_of_tiles


def around(batch: np.ndarray) -> np.ndarray:
    """Mean and extremes of the pixels up to `BORDER` around each cell."""
    _, height, width, _ = batch.shape
    found = np.zeros((1, height // 16, width // 16, 3), np.float32)
    for row in range(height // 16):
        for column in range(width // 16):
            top, left = row * 16, column * 16
            seen = batch[
                0,
                max(top - BORDER, 0) : top + 16 + BORDER,
                max(left - BORDER, 0) : left + 16 + BORDER,
                0,
            ]
            found[0, row, column] = seen.mean(), seen.min(), seen.max()
    return found


def whole(rgb: np.ndarray, run=around) -> np.ndarray:  # type: ignore[no-untyped-def]
    rows, columns = tiles.grid_shape(rgb)
    found = np.full((rows, columns, 3), np.nan)
    for tile in cell_features(rgb, run):
        height, width = tile.features.shape[:2]
        place = np.s_[tile.row : tile.row + height, tile.column : tile.column + width]
        assert np.isnan(found[place]).all()
        found[place] = tile.features
    assert not np.isnan(found).any()
    return found


@pytest.mark.parametrize("size", [(320, 480), (311, 203), (40, 33), (17, 700)])
def test_tiles_see_what_the_whole_shows(size: tuple[int, int]) -> None:
    rgb = np.random.default_rng(0).integers(0, 256, (*size, 3), np.uint8)
    expected = whole(rgb)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tiles, "_CELLS", 5)
        assert number_of_tiles(rgb) == -(-expected.shape[0] // 5) * -(-expected.shape[1] // 5)
        np.testing.assert_array_equal(whole(rgb), expected)


def test_all_tiles_of_a_photograph_have_one_shape() -> None:
    shapes = set()

    def run(batch: np.ndarray) -> np.ndarray:
        shapes.add(batch.shape)
        return np.zeros((1, batch.shape[1] // 16, batch.shape[2] // 16, 3), np.float32)

    whole(np.zeros((2000, 1500, 3), np.uint8), run)
    assert shapes == {(1, 42 * 16 + 2 * BORDER, 47 * 16 + 2 * BORDER, 3)}


def test_beyond_the_edges_is_the_mirror_image() -> None:
    seen = []

    def run(batch: np.ndarray) -> np.ndarray:
        seen.append(batch)
        return np.zeros((1, batch.shape[1] // 16, batch.shape[2] // 16, 3), np.float32)

    rgb = np.random.default_rng(1).integers(0, 256, (96, 80, 3), np.uint8)
    whole(rgb, run)
    padding = [(BORDER, BORDER), (BORDER, BORDER), (0, 0)]
    np.testing.assert_array_equal(seen[0][0], np.pad(rgb, padding, "reflect"))
