"""Where a photograph of a wall is cracked: the evidence of overlapping patches, in one map.

One pass over a patch gives the logit of each of its cells, not only of the whole: its activation
map, whose mean is the logit of the patch.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter, zoom
from scipy.special import expit

from cracks.images.decoding import RGB, to_input
from cracks.inference.classifier import LocalClassifier
from cracks.pipeline.errors import CracksError
from cracks.pipeline.inputs import read_images
from cracks.pipeline.paths import IMAGES
from cracks.pipeline.progress import progress

USUAL_PATCH = 227
"""Pixels of a patch's side where nothing says how large the training images were."""

CELLS = 28
"""Cells of the map along a patch: four for each cell of an activation map of 7 x 7."""

_REACH = 2  # cells: half a cell of an activation map
_OWN = 0.5  # weight of a place's own logit beside that of its patch
_LEAST = 0.02  # weight of a patch at its border, where it knows least; 1 at its centre

Corners = Sequence[tuple[int, int]]
"""Left and top of patches."""


@dataclass(frozen=True)
class CrackMap:
    """The probability of a crack at each place of a photograph."""

    width: int  # pixels of the photograph
    height: int
    patch: int  # pixels of a side
    heat: NDArray[np.float64]  # P(crack), [rows, columns] of cells

    @property
    def step(self) -> float:
        """Pixels of a cell's side."""
        return self.patch / CELLS

    @cached_property
    def evidence(self) -> NDArray[np.float64]:
        """The highest P(crack) within reach of each cell: a crack may be that far from its heat."""
        return np.asarray(maximum_filter(self.heat, 2 * _REACH + 1))

    def rows(self, pixels: NDArray[np.integer]) -> NDArray[np.intp]:
        """The rows of cells that rows of pixels are in."""
        return self._cells(pixels, self.heat.shape[0])

    def columns(self, pixels: NDArray[np.integer]) -> NDArray[np.intp]:
        """The columns of cells that columns of pixels are in."""
        return self._cells(pixels, self.heat.shape[1])

    def _cells(self, pixels: NDArray[np.integer], count: int) -> NDArray[np.intp]:
        return np.minimum((pixels / self.step).astype(np.intp), count - 1)


def training_side() -> int:
    """Pixels of a side of the images that the heads were trained on, for patches of that scale."""
    if not IMAGES.exists():
        return USUAL_PATCH
    return int(read_images()[["width", "height"]].min(axis=1).median())


def patch_corners(width: int, height: int, patch: int, stride: int) -> list[tuple[int, int]]:
    """Left and top of patches at even distances of at most `stride`, from edge to edge.

    Raises:
        CracksError: if the photograph is smaller than a patch or the stride leaves gaps.
    """
    if min(width, height) < patch:
        raise CracksError(
            f"Expected a photograph of at least {patch} x {patch} pixels, the size of a patch, "
            f"found {width} x {height}; classify it without --map."
        )
    if not 1 <= stride <= patch:
        raise CracksError(
            f"Expected a --stride from 1 to the size of a patch, {patch} pixels, found {stride}."
        )
    return [(x, y) for y in _starts(height, patch, stride) for x in _starts(width, patch, stride)]


def _starts(length: int, patch: int, stride: int) -> list[int]:
    count = -(-(length - patch) // stride) + 1
    return [int(start) for start in np.rint(np.linspace(0, length - patch, count))]


def map_cracks(rgb: RGB, classifier: LocalClassifier, patch: int, stride: int) -> CrackMap:
    """The map of a photograph.

    Args:
        rgb: the photograph, uint8 `[height, width, 3]`.
        classifier: gives the activation maps of patches.
        patch: pixels of a patch's side.
        stride: pixels from one patch to the next, at most.

    Raises:
        CracksError: if the photograph is smaller than a patch or the stride leaves gaps.
    """
    height, width = rgb.shape[:2]
    corners = patch_corners(width, height, patch, stride)
    cams = patch_maps(rgb, classifier, corners, patch)
    return CrackMap(width, height, patch, blended(cams, corners, patch))


def patch_maps(
    rgb: RGB, classifier: LocalClassifier, corners: Corners, patch: int
) -> NDArray[np.float64]:
    """The activation maps `[patches, h, w]`; only a batch of patches is cut out at a time."""

    def patches() -> Iterator[tuple[None, RGB]]:
        for x, y in corners:
            yield None, to_input(rgb[y : y + patch, x : x + patch], classifier.image_size)

    maps = classifier.activation_maps(patches())
    shown = progress(maps, total=len(corners), desc=classifier.backbone, unit="patch")
    return np.stack([cam for _, cam in shown])


def blended(cams: NDArray[np.float64], corners: Corners, patch: int) -> NDArray[np.float64]:
    """P(crack) in each cell, from the activation maps of all patches of a photograph.

    A cell gets the mean logit of the patches over it, the more the nearer it is to their centres.
    The logit of a place is the mean of its own, without what the padding of the convolutions adds
    there, and that of its patch. What padding adds is the same for all patches: it is how their
    mean map deviates from its mean.

    Args:
        cams: activation maps `[patches, h, w]`.
        corners: of the patches; the last one is at the lower right of the photograph.
        patch: pixels of a patch's side.
    """
    common = cams.mean(axis=0)
    verdicts = cams.mean(axis=(1, 2), keepdims=True)
    logits = _OWN * (cams - (common - common.mean())) + (1 - _OWN) * verdicts
    fine = zoom(
        logits,
        (1, CELLS / cams.shape[1], CELLS / cams.shape[2]),
        order=1,
        mode="nearest",
        grid_mode=True,
    )
    places = np.rint(np.array(corners) * (CELLS / patch)).astype(int)
    shape = places[-1, ::-1] + CELLS
    total, weights = np.zeros(shape), np.zeros(shape)
    window = _window()
    for (column, row), values in zip(places, fine, strict=True):
        cells = np.s_[row : row + CELLS, column : column + CELLS]
        total[cells] += window * values
        weights[cells] += window
    return np.asarray(expit(total / weights))


def _window() -> NDArray[np.float64]:
    """Weights of the cells of a patch, falling linearly from its centre to its border."""
    offset = np.abs(np.linspace(-1, 1, CELLS))
    side = 1 - (1 - _LEAST) * offset
    return np.outer(side, side)
