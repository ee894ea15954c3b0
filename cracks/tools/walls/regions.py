"""What a photograph shows, in numbers: its cracked regions, their length and width."""

import math

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt, label, maximum_filter

from cracks.images.decoding import Mask
from cracks.tools.walls.crack_map import CrackMap
from cracks.tools.walls.ridges import EIGHT, Cracks

COLUMNS = [
    *("region", "x", "y", "width", "height", "end_y"),
    *("length", "mean_width", "max_width", "direction", "peak_probability"),
]
"""Pixels of the photograph; the box is that of the crack's pixels, and `end_y` is where in it the
crack ends on the right. The direction is that of the longest extent in whole degrees,
counter-clockwise from the horizontal, from 0 up to 180."""

LENGTHS = ("length", "mean_width", "max_width")
"""Columns that `in_millimetres` adds to."""

_TILE = 512  # pixels of the side of what is worked on at a time
_MARGIN = 128  # pixels around skeletons: half the widest crack whose width is measured in full


def measure_regions(cracks: Cracks, crackmap: CrackMap) -> pd.DataFrame:
    """One row (`COLUMNS`) for each crack, the widest first.

    Crack pixels less than a cell apart, by rows and by columns, belong to one crack.
    The length is that of the skeleton, the mean width the area by the length, and the greatest
    width twice the greatest distance of the skeleton from the edges of the crack. The direction is
    that of the largest eigenvalue of the covariance of the crack's pixels.
    """
    labels, _ = label(_spread(cracks.mask, crackmap.step), EIGHT, output=np.int32)
    rows, columns = np.nonzero(cracks.mask)
    found = pd.DataFrame({"region": labels[cracks.mask], "x": columns, "y": rows})
    found["heat"] = crackmap.heat[crackmap.rows(rows), crackmap.columns(columns)]
    groups = found.groupby("region")
    boxes = groups.agg(
        x=("x", "min"),
        y=("y", "min"),
        right=("x", "max"),
        bottom=("y", "max"),
        area=("x", "size"),
        peak_probability=("heat", "max"),
    ).assign(direction=_directions(found), end_y=_right_ends(found))
    sizes = {"length": _link_lengths(cracks.skeleton), "max_width": 2 * _depths(cracks) - 1}
    lines = pd.DataFrame(sizes).groupby(labels[cracks.skeleton])
    table = boxes.join(lines.agg({"length": "sum", "max_width": "max"})).dropna().reset_index()
    length = table["length"].clip(lower=1.0)
    table = table.assign(
        width=table["right"] - table["x"] + 1,
        height=table["bottom"] - table["y"] + 1,
        length=length,
        mean_width=table["area"] / length,
    )
    table = table.sort_values(
        ["max_width", "length", "region"], ascending=[False, False, True], ignore_index=True
    )
    return table.assign(region=np.arange(1, len(table) + 1))[COLUMNS]


def _right_ends(pixels: pd.DataFrame) -> "pd.Series[int]":
    """The middle row of the rightmost pixels `x`, `y` of each region."""
    last = pixels[pixels["x"] == pixels.groupby("region")["x"].transform("max")]
    return last.groupby("region")["y"].median().astype(int)


def _spread(mask: Mask, step: float) -> Mask:
    """The mask, widened so that what is less than `step` pixels apart, to a pixel, touches."""
    size = 2 * (math.ceil(step - 1) // 2) + 1
    return np.asarray(maximum_filter(mask.view(np.uint8), size).view(bool))


def _directions(pixels: pd.DataFrame) -> "pd.Series[float]":
    """Degrees from the horizontal of the pixels `x`, `y` of each region."""
    means = pixels.groupby("region")[["x", "y"]].transform("mean")
    x, y = pixels["x"] - means["x"], means["y"] - pixels["y"]  # rows count downwards
    moments = pd.DataFrame({"xx": x**2, "yy": y**2, "xy": x * y})
    sums = moments.groupby(pixels["region"]).sum()
    angle = np.degrees(np.arctan2(2 * sums["xy"], sums["xx"] - sums["yy"]) / 2)
    return pd.Series(angle.round() % 180, sums.index)


def in_millimetres(regions: pd.DataFrame, mm_per_pixel: float) -> pd.DataFrame:
    """The table with `length_mm` and so on beside each of `LENGTHS`."""
    return regions.assign(**{f"{name}_mm": mm_per_pixel * regions[name] for name in LENGTHS})


def _link_lengths(skeleton: Mask) -> NDArray[np.float64]:
    """The length of the links from each pixel of a skeleton to those on its right and below.

    A diagonal link counts where no pixel makes a way around it.
    """
    padded = np.pad(skeleton, 1)
    rows, columns = np.nonzero(padded)
    right, left = padded[rows, columns + 1], padded[rows, columns - 1]
    below = padded[rows + 1, columns]
    lower_right, lower_left = padded[rows + 1, columns + 1], padded[rows + 1, columns - 1]
    diagonal = (lower_right & ~right & ~below).astype(float) + (lower_left & ~left & ~below)
    return np.asarray(right.astype(float) + below + math.sqrt(2) * diagonal)


def _depths(cracks: Cracks) -> NDArray[np.float64]:
    """The distance of each pixel of a skeleton from what is no crack, in tiles that have any."""
    rows, columns = np.nonzero(cracks.skeleton)
    depths = np.empty(len(rows))
    tiles = pd.Series(rows).groupby([rows // _TILE, columns // _TILE])
    for here in tiles.indices.values():
        y, x = rows[here], columns[here]
        top, left = max(y.min() - _MARGIN, 0), max(x.min() - _MARGIN, 0)
        tile = cracks.mask[top : y.max() + _MARGIN + 1, left : x.max() + _MARGIN + 1]
        depths[here] = distance_transform_edt(tile)[y - top, x - left]
    return depths
