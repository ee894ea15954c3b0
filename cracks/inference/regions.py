"""What a photograph shows, in numbers: its cracked regions, their length and width."""

import math
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt, label, maximum

from cracks.evaluation.metrics import is_crack
from cracks.inference.crack_map import CrackMap
from cracks.inference.ridges import EIGHT, Cracks, Mask

COLUMNS = [
    *("region", "x", "y", "width", "height"),
    *("length", "mean_width", "max_width", "peak_probability"),
]
"""Pixels of the photograph; the box is that of the crack's pixels."""

LENGTHS = ("length", "mean_width", "max_width")
"""Columns that `in_millimetres` adds to."""

_TILE = 512  # pixels of the side of what is worked on at a time
_MARGIN = 128  # pixels around it: half the widest crack whose width is measured in full


class _Pixels(NamedTuple):
    rows: NDArray[np.intp]
    columns: NDArray[np.intp]


def measure_regions(cracks: Cracks, crackmap: CrackMap, threshold: float) -> pd.DataFrame:
    """One row (`COLUMNS`) for each region of connected evidence that holds a crack, longest first.

    The length is that of the skeleton, the mean width the area by the length, and the greatest
    width twice the greatest distance of the skeleton from the edges of the crack.
    """
    labels, _ = label(is_crack(crackmap.evidence, threshold), EIGHT)

    def regions(pixels: _Pixels) -> NDArray[np.intp]:
        cells = crackmap.rows(pixels.rows), crackmap.columns(pixels.columns)
        return np.asarray(labels[cells])

    pixels = _Pixels(*np.nonzero(cracks.mask))
    found = pd.DataFrame({"region": regions(pixels), "x": pixels.columns, "y": pixels.rows})
    boxes = found.groupby("region").agg(
        x=("x", "min"), y=("y", "min"), right=("x", "max"), bottom=("y", "max"), area=("x", "size")
    )
    skeleton = _Pixels(*np.nonzero(cracks.skeleton))
    lines = pd.DataFrame(
        {
            "region": regions(skeleton),
            "length": _link_lengths(cracks.skeleton, skeleton),
            "max_width": 2 * _depths(cracks.mask, skeleton) - 1,
        }
    )
    lines = lines.groupby("region").agg({"length": "sum", "max_width": "max"})
    table = boxes.join(lines).dropna().reset_index()
    length = table["length"].clip(lower=1.0)
    table = table.assign(
        width=table["right"] - table["x"] + 1,
        height=table["bottom"] - table["y"] + 1,
        length=length,
        mean_width=table["area"] / length,
        peak_probability=maximum(crackmap.heat, labels, table["region"]),
    )
    table = table.sort_values(["length", "region"], ascending=[False, True], ignore_index=True)
    return table.assign(region=np.arange(1, len(table) + 1))[COLUMNS]


def in_millimetres(regions: pd.DataFrame, mm_per_pixel: float) -> pd.DataFrame:
    """The table with `length_mm` and so on beside each of `LENGTHS`."""
    return regions.assign(**{f"{name}_mm": mm_per_pixel * regions[name] for name in LENGTHS})


def _link_lengths(skeleton: Mask, pixels: _Pixels) -> NDArray[np.float64]:
    """The length of the links from each pixel of a skeleton to those on its right and below.

    A diagonal link counts where no pixel makes a way around it.
    """
    padded = np.pad(skeleton, 1)
    rows, columns = pixels.rows + 1, pixels.columns + 1
    right, left = padded[rows, columns + 1], padded[rows, columns - 1]
    below = padded[rows + 1, columns]
    lower_right, lower_left = padded[rows + 1, columns + 1], padded[rows + 1, columns - 1]
    diagonal = (lower_right & ~right & ~below).astype(float) + (lower_left & ~left & ~below)
    return np.asarray(right.astype(float) + below + math.sqrt(2) * diagonal)


def _depths(mask: Mask, pixels: _Pixels) -> NDArray[np.float64]:
    """The distance of each of these pixels from what is no crack, in tiles that have any."""
    depths = np.empty(len(pixels.rows))
    across = mask.shape[1] // _TILE + 1
    tiles = pixels.rows // _TILE * across + pixels.columns // _TILE
    for number in np.unique(tiles):
        row, column = divmod(int(number), across)
        top, left = max(row * _TILE - _MARGIN, 0), max(column * _TILE - _MARGIN, 0)
        tile = mask[top : (row + 1) * _TILE + _MARGIN, left : (column + 1) * _TILE + _MARGIN]
        here = tiles == number
        distance = distance_transform_edt(tile)
        depths[here] = distance[pixels.rows[here] - top, pixels.columns[here] - left]
    return depths
