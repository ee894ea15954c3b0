"""Crops and the crack pixels of their cells stay together, whatever is done to them."""

from pathlib import Path

import numpy as np
import pytest

from cracks.drawing.walls import SIDE
from pretraining.crops import Walls, batches
from pretraining.drawings import PATCH, mask_of


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """Two files of two patches: bare grey, and grey with a black bar that is masked."""
    mask = np.zeros((SIDE, SIDE), np.uint8)
    mask[:, 100:124] = 1
    patches = np.zeros(2, PATCH)
    patches["rgb"] = 180
    patches["rgb"][1][mask == 1] = 0
    patches["mask"][1] = np.packbits(mask, axis=-1)
    paths = [tmp_path / f"{number}.npy" for number in range(2)]
    for path in paths:
        np.save(path, patches)
    return paths


def test_patches_are_numbered_through_all_files(files: list[Path]) -> None:
    walls = Walls(files)
    assert len(walls) == 4
    for number in range(4):
        rgb, mask = walls[number]
        assert rgb.shape == (SIDE, SIDE, 3)
        assert mask.sum() == (number % 2) * 24 * SIDE
        assert (rgb.min() == 0) == bool(number % 2)


def test_cells_know_where_a_crop_is_cracked(files: list[Path]) -> None:
    seen = set()
    for batch in batches(Walls(files), 16, 64, seed=0, first=0, end=4):
        assert batch.rgb.shape == (16, 64, 64, 3)
        assert batch.cracked.shape == (16, 4, 4)
        for rgb, cracked in zip(batch.rgb, batch.cracked, strict=True):
            blocks = rgb.reshape(4, 16, 4, 16, 3).mean((1, 3, 4))
            if cracked.max() == 256 and cracked.min() == 0:
                assert blocks[cracked == 256].max() < blocks[cracked == 0].min() - 20
                seen.add("both")
            elif not cracked.any():
                seen.add("bare")
    assert seen == {"both", "bare"}


def test_a_batch_depends_on_seed_and_number_alone(files: list[Path]) -> None:
    walls = Walls(files)
    all_of_them = list(batches(walls, 4, 32, seed=3, first=0, end=7))
    later = list(batches(walls, 4, 32, seed=3, first=5, end=7))
    for a, b in zip(all_of_them[5:], later, strict=True):
        np.testing.assert_array_equal(a.rgb, b.rgb)
        np.testing.assert_array_equal(a.cracked, b.cracked)
    other = next(iter(batches(walls, 4, 32, seed=4, first=0, end=1)))
    assert (other.rgb != all_of_them[0].rgb).any()


def test_masks_are_unpacked_to_the_width_of_a_patch() -> None:
    mask = np.random.default_rng(0).integers(0, 2, (SIDE, SIDE), np.uint8)
    np.testing.assert_array_equal(mask_of(np.packbits(mask, axis=-1)), mask)
