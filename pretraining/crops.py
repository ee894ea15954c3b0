"""Batches of crops: scaled, turned and seen by a bad camera, with the crack pixels of each cell.

The batch of a number depends on the seed and that number alone, so that training goes on with the
same batches after it was killed.
"""

import io
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from cracks.backbones.model import CELL
from cracks.drawing.walls import SIDE
from cracks.images.prefetch import prefetch
from pretraining.drawings import mask_of

Random = np.random.Generator
Box = tuple[float, float, float, float]  # left, top, right, bottom

_SCALES = (0.7, 1.6)  # pixels of a drawing to one of a crop
_ON_A_CRACK = 0.8  # share of the crops of a cracked patch that are sure to have some of its crack


class Batch(NamedTuple):
    """Crops, and how much of their cells is cracked."""

    rgb: NDArray[np.uint8]  # [n, side, side, 3]
    cracked: NDArray[np.float32]  # [n, side / CELL, side / CELL], pixels


class Walls:
    """Patches in several files, mapped into memory."""

    def __init__(self, files: Sequence[Path]) -> None:
        self._files = [np.load(file, mmap_mode="r") for file in files]
        self._ends = np.cumsum([len(file) for file in self._files])

    def __len__(self) -> int:
        return int(self._ends[-1])

    def __getitem__(self, number: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        file = int(np.searchsorted(self._ends, number, side="right"))
        patch = self._files[file][number - self._ends[file]]
        return np.asarray(patch["rgb"]), mask_of(np.asarray(patch["mask"]))


def batches(walls: Walls, size: int, side: int, seed: int, first: int, end: int) -> Iterator[Batch]:
    """The batches with the numbers `first` to `end` - 1, made while those before are used.

    Args:
        walls: what is cropped.
        size: crops of a batch.
        side: pixels of a crop's side, a multiple of `CELL`.
        seed: of all chance.
        first: number of the first batch.
        end: number after the last one.
    """
    made = prefetch(partial(_batch, walls, size, side, seed), range(first, end))
    return (batch for _, batch in made)


def _batch(walls: Walls, size: int, side: int, seed: int, number: int) -> Batch:
    random = np.random.default_rng([seed, number])
    crops = [_crop(random, *walls[int(random.integers(len(walls)))], side) for _ in range(size)]
    return Batch(np.stack([rgb for rgb, _ in crops]), np.stack([cells for _, cells in crops]))


def _crop(
    random: Random, rgb: NDArray[np.uint8], mask: NDArray[np.uint8], side: int
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    taken = min(side * float(np.exp(random.uniform(*np.log(_SCALES)))), SIDE)
    box = _box(random, mask, taken)
    image = Image.fromarray(rgb).resize((side, side), Image.Resampling.BILINEAR, box)
    covered = Image.fromarray(255 * mask).resize((side, side), Image.Resampling.BILINEAR, box)
    image = _seen(random, image)
    turn, mirror = int(random.integers(4)), int(random.integers(2))
    pixels, cracked = (
        np.rot90(array, turn)[:, :: 1 - 2 * mirror]
        for array in (_lit(random, image), np.asarray(covered))
    )
    places = side // CELL
    cells = (cracked / np.float32(255)).reshape(places, CELL, places, CELL).sum((1, 3))
    return pixels, cells


def _box(random: Random, mask: NDArray[np.uint8], taken: float) -> Box:
    """Where a crop of `taken` pixels lies."""
    corner = random.uniform(0, SIDE - taken, 2)
    if mask.any() and random.random() < _ON_A_CRACK:
        rows, columns = np.nonzero(mask)
        pixel = int(random.integers(len(rows)))
        corner = np.array([columns[pixel], rows[pixel]]) - random.uniform(0, taken, 2)
        corner = np.clip(corner, 0, SIDE - taken)
    left, top = map(float, corner)
    return left, top, min(left + taken, SIDE), min(top + taken, SIDE)


def _seen(random: Random, image: Image.Image) -> Image.Image:
    """Blurred by a lens, then compressed, some of the time."""
    if random.random() < 0.2:
        image = image.filter(ImageFilter.GaussianBlur(random.uniform(0.4, 1.2)))
    if random.random() < 0.2:
        file = io.BytesIO()
        image.save(file, "JPEG", quality=int(random.integers(30, 90)))
        image = Image.open(file).convert("RGB")
    return image


def _lit(random: Random, image: Image.Image) -> NDArray[np.uint8]:
    """In another light, with another contrast and tint, and grainy."""
    pixels = np.asarray(image, np.float32)
    mean = pixels.mean()
    pixels = (pixels - mean) * np.float32(np.exp(random.uniform(-0.5, 0.5))) + mean
    pixels += np.float32(random.uniform(-35, 35))
    if random.random() < 0.5:
        pixels *= np.exp(random.normal(0, 0.06, 3)).astype(np.float32)
    if random.random() < 0.15:
        pixels = np.repeat(pixels.mean(axis=2, keepdims=True), 3, axis=2)
    if random.random() < 0.25:
        grain = random.standard_normal((*pixels.shape[:2], 1), dtype=np.float32)
        pixels = pixels + np.float32(random.uniform(1, 7)) * grain
    return np.clip(np.rint(pixels), 0, 255).astype(np.uint8)
