"""Gaps in cracks: where the end of one line points to the end of another, both are one crack."""

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from skimage.draw import line

from cracks.images.decoding import Mask
from cracks.tools.walls.crack_map import CrackMap

_WIDEST = 2.0  # cells: the widest gap that is closed
_BACK = 0.75  # cells: how far the direction of an end is looked up along its line
_STRAIGHT = 0.8  # least cosine between the gap and the direction of either end


def closed_gaps(mask: Mask, skeleton: Mask, crackmap: CrackMap) -> tuple[Mask, Mask]:
    """Mask and skeleton of cracks with thin lines across the gaps along their direction."""
    ends = _ends(skeleton)
    if len(ends) < 2:
        return mask, skeleton
    headings = _headings(np.argwhere(skeleton), ends, _BACK * crackmap.step)
    for first, second in sorted(cKDTree(ends).query_pairs(_WIDEST * crackmap.step)):
        gap = (ends[second] - ends[first]).astype(float)
        gap /= np.hypot(*gap)
        if headings[first] @ gap >= _STRAIGHT and headings[second] @ -gap >= _STRAIGHT:
            across = line(*ends[first], *ends[second])
            mask[across] = skeleton[across] = True
    return mask, skeleton


def _ends(skeleton: Mask) -> NDArray[np.intp]:
    """Row and column of the pixels that have one neighbour, `[n, 2]`."""
    pixels = np.argwhere(skeleton)
    padded, (rows, columns) = np.pad(skeleton, 1), pixels.T
    around = [padded[rows + row, columns + column] for row, column in np.ndindex(3, 3)]
    return np.asarray(pixels[np.sum(around, axis=0) == 2])  # itself and one more


def _headings(pixels: NDArray[np.intp], ends: NDArray[np.intp], back: float) -> NDArray[np.float64]:
    """The unit vector in which the line that ends at each of `ends` would go on, `[n, 2]`."""
    near = cKDTree(pixels).query_ball_point(ends, back)
    away = np.array([end - pixels[some].mean(axis=0) for end, some in zip(ends, near, strict=True)])
    return np.asarray(away / np.maximum(np.hypot(*away.T), 1e-9)[:, np.newaxis])
