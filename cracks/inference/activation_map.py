"""Class activation maps: the evidence for a crack at each place of an image.

With global average pooling and a linear head, the map is exact and needs no gradients: it is the
weighted sum of the last feature map, and its mean is the logit (Zhou et al. 2016, eq. 2).
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


def class_activation_map(maps: NDArray[np.float32], head: LinearHead) -> NDArray[np.float64]:
    """The logit of a crack at each place.

    Args:
        maps: last feature maps `[n, h, w, channels]`.
        head: the linear form of the head.

    Returns:
        `[n, h, w]`, whose mean over h and w is the logit of the image.
    """
    return np.asarray(maps.astype(np.float64) @ head.weights + head.bias)


def peak(cam: NDArray[np.float64], height: int, width: int) -> tuple[int, int]:
    """Row and column of the strongest evidence in an image of that size."""
    place = np.unravel_index(np.argmax(_resized(cam, height, width)), (height, width))
    return int(place[0]), int(place[1])


def cam_overlay(rgb: RGB, cam: NDArray[np.float64]) -> RGB:
    """An image with its map overlaid, uint8 `[h, w, 3]`."""
    fine = _resized(cam, rgb.shape[0], rgb.shape[1])
    level = np.clip(fine / FULL_COLOUR, -1, 1)
    colour = mpl.colormaps[COLOURS]((level + 1) / 2)[..., :3] * 255
    share = _STRONGEST * np.abs(level)[..., np.newaxis]
    return np.asarray(np.rint(rgb * (1 - share) + colour * share), dtype=np.uint8)


def _resized(cam: NDArray[np.float64], height: int, width: int) -> NDArray[np.float64]:
    image = Image.fromarray(cam.astype(np.float32))
    return np.asarray(image.resize((width, height), Image.Resampling.BICUBIC), dtype=np.float64)
