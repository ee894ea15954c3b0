"""Activation maps: the evidence for a crack in each cell of an image.

The head is applied to the features of each cell, as if the cell were the whole image, in the same
pass of the backbone and without gradients. Where features are plain means of a feature map, this is
the class activation map of Zhou et al. 2016 (eq. 2).
"""

import matplotlib as mpl
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from cracks.heads.head import LinearHead
from cracks.images.decoding import RGB

COLOURS = "RdBu_r"
"""Red is evidence for a crack, blue evidence against."""

FULL_COLOUR = 12.0
"""Logit at which the colour saturates."""

_STRONGEST = 0.55  # largest share of the colour in a pixel


def activation_maps(
    features: NDArray[np.float32], maps: NDArray[np.float32], head: LinearHead
) -> NDArray[np.float64]:
    """The logit of a crack in each cell.

    Args:
        features: of images, `[n, channels]`.
        maps: features of their cells, `[n, rows, columns, channels]`.
        head: the linear form of the head.

    Returns:
        `[n, rows, columns]`, shifted so that the mean over the cells is the logit of the image.
    """
    cells = head.logit(maps)
    shift = head.logit(features) - cells.mean(axis=(1, 2))
    return np.asarray(cells + shift[:, np.newaxis, np.newaxis])


def peak(cam: NDArray[np.float64], height: int, width: int) -> tuple[int, int]:
    """Row and column of the strongest evidence in an image of that size."""
    place = np.unravel_index(np.argmax(_resized(cam, height, width)), (height, width))
    return int(place[0]), int(place[1])


def cam_overlay(rgb: RGB, cam: NDArray[np.float64]) -> RGB:
    """An image with its map overlaid, uint8 `[h, w, 3]`."""
    level = np.clip(_resized(cam, *rgb.shape[:2]) / FULL_COLOUR, -1, 1)
    colour = mpl.colormaps[COLOURS]((level + 1) / 2)[..., :3] * 255
    share = _STRONGEST * np.abs(level)[..., np.newaxis]
    return np.asarray(np.rint(rgb * (1 - share) + colour * share), dtype=np.uint8)


def _resized(cam: NDArray[np.float64], height: int, width: int) -> NDArray[np.float64]:
    image = Image.fromarray(cam.astype(np.float32))
    return np.asarray(image.resize((width, height), Image.Resampling.BICUBIC), dtype=np.float64)
