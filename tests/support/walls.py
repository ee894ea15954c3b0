"""A wall with a planted crack, and a classifier of cells that sees dark places."""

import numpy as np

from cracks.backbones.model import CELL
from cracks.heads.head import LinearHead
from cracks.images.decoding import RGB
from cracks.tools.walls.cells import CellClassifier

CRACK = np.s_[100:300, 200:206]
"""Where `wall` is cracked: 200 pixels long, 6 wide."""


def darkest(batch: np.ndarray) -> np.ndarray:
    """A backbone of one feature a cell: how dark its darkest pixel is."""
    count, height, width, _ = batch.shape
    cells = batch.reshape(count, height // CELL, CELL, width // CELL, CELL, 3).min(axis=(2, 4, 5))
    return np.asarray(255.0 - cells[..., np.newaxis], np.float32)


CLASSIFIER = CellClassifier("vgg16", darkest, LinearHead(np.array([0.4]), -50.0))


def wall() -> RGB:
    """400 x 300 pixels, uint8 `[400, 300, 3]`."""
    noise = np.random.default_rng(0).normal(200, 3, (400, 300, 1))
    rgb = np.repeat(np.rint(noise), 3, axis=2).astype(np.uint8)
    rgb[CRACK] = 40
    return rgb
