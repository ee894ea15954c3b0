"""Where a photograph of a wall is cracked: the evidence of each of its cells.

The backbone runs once over the whole photograph, and a linear layer says of each cell of 16 pixels
how likely it is cracked.
"""

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.special import expit, logit

from cracks.backbones.model import CELL
from cracks.images.decoding import MAX_PIXELS, RGB
from cracks.project.errors import CracksError
from cracks.project.paths import IMAGES
from cracks.tables.inputs import read_images
from cracks.tools.walls.cells import CellClassifier

PATCH = 224
"""Pixels of the side of a patch by whose scale the heads for cells were trained."""

_USUAL_PATCH = 227  # where nothing says how large the training images were
_LEAST_SIDE = 2 * CELL  # pixels

THRESHOLD = 0.5
"""The P(crack) of a cell at which heads for cells have their highest F1 on drawings."""

WEAK = 0.6
"""How far, in log-odds, the evidence of a crack may drop below the threshold on its way."""


@dataclass(frozen=True)
class CrackMap:
    """The evidence for a crack in each cell of a photograph."""

    width: int  # pixels of the photograph
    height: int
    patch: int  # pixels of the photograph that a backbone sees as `PATCH`
    logits: NDArray[np.float64]  # log-odds of a crack, [rows, columns] of cells

    @property
    def step(self) -> float:
        """Pixels of a cell's side."""
        return self.patch * CELL / PATCH

    @cached_property
    def heat(self) -> NDArray[np.float64]:
        """P(crack), `[rows, columns]`."""
        return np.asarray(expit(self.logits))

    def rows(self, pixels: NDArray[np.integer]) -> NDArray[np.intp]:
        """The rows of cells that rows of pixels are in."""
        return self._cells(pixels, self.logits.shape[0])

    def columns(self, pixels: NDArray[np.integer]) -> NDArray[np.intp]:
        """The columns of cells that columns of pixels are in."""
        return self._cells(pixels, self.logits.shape[1])

    def strip(self, top: int, bottom: int) -> NDArray[np.float32]:
        """The logits at each pixel of the rows from `top` to `bottom`, interpolated."""
        cells = Image.fromarray(self.logits.astype(np.float32))
        box = (0, top / self.step, self.width / self.step, bottom / self.step)
        size = (self.width, bottom - top)
        return np.asarray(cells.resize(size, Image.Resampling.BILINEAR, box))

    def _cells(self, pixels: NDArray[np.integer], count: int) -> NDArray[np.intp]:
        return np.minimum((pixels / self.step).astype(np.intp), count - 1)


def levels(threshold: float) -> tuple[float, float]:
    """The log-odds of weak evidence and of evidence that reaches the threshold."""
    reached = float(logit(threshold))
    return reached - WEAK, reached


def map_cracks(rgb: RGB, classifier: CellClassifier, patch: int = PATCH) -> CrackMap:
    """The map of a photograph.

    Args:
        rgb: the photograph, uint8 `[height, width, 3]`.
        classifier: of its cells.
        patch: pixels of the photograph that the backbone sees as `PATCH`; fewer enlarge it.

    Raises:
        CracksError: if the photograph is smaller than two cells, or enlarged too much.
    """
    height, width = rgb.shape[:2]
    if min(width, height) * PATCH / patch < _LEAST_SIDE:
        raise CracksError(
            f"Expected a photograph of at least {math.ceil(_LEAST_SIDE * patch / PATCH)} pixels a "
            f"side, found {width} x {height}."
        )
    if patch != PATCH:
        size = (round(width * PATCH / patch), round(height * PATCH / patch))
        if size[0] * size[1] > MAX_PIXELS:
            raise CracksError(
                f"{width} x {height} pixels are {size[0]} x {size[1]} with --patch {patch}, more "
                f"than the {MAX_PIXELS:,} allowed; give a larger --patch, or cut it into tiles"
            )
        rgb = np.asarray(Image.fromarray(rgb).resize(size, Image.Resampling.BICUBIC))
    return CrackMap(width, height, patch, classifier.logits(rgb))


def training_side() -> int:
    """Pixels of a side of the images that the heads were trained on, for patches of that scale."""
    if not IMAGES.exists():
        return _USUAL_PATCH
    return int(read_images()[["width", "height"]].min(axis=1).median())
