"""Lines on a surface: their paths, and how much of each pixel they cover.

Lines are drawn four times as large and averaged.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy.ndimage import gaussian_filter1d

from cracks.drawing.field import Field, Random, Shape, wander

Points = NDArray[np.float64]
"""Row and column of each point, `[n, 2]`."""

_OVERSAMPLING = 4
_STEP = 2.0  # pixels from point to point
_BEYOND = 30.0  # pixels by which lines that cross the image begin and end outside of it


class Line(NamedTuple):
    """A path with its two edges and how visible it is, point by point."""

    left: Points
    right: Points
    strength: NDArray[np.float64]  # [n] 0 to 1


def coverage(lines: Sequence[Line], shape: Shape) -> Field:
    """The share of each pixel that lines cover, by their strength."""
    pieces: list[tuple[Points, int]] = []
    for left, right, strength in lines:
        corners = np.stack([left[:-1], left[1:], right[1:], right[:-1]], axis=1)
        pieces += zip(corners, np.rint(255 * strength[:-1]).astype(int).tolist(), strict=True)
    return _painted(pieces, shape)


def footprint(lines: Sequence[Line], shape: Shape) -> Field:
    """The share of each pixel that lines cover, however faint they are."""
    return coverage([line._replace(strength=np.ones(len(line.left))) for line in lines], shape)


def ribbon(
    points: Points, width: NDArray[np.float64] | float, strength: NDArray[np.float64] | float = 1.0
) -> Line:
    """A line of this width about a path.

    What is thinner than a pixel is drawn a pixel wide and accordingly fainter.
    """
    widths = np.broadcast_to(np.asarray(width, dtype=np.float64), len(points))
    smooth = gaussian_filter1d(points, 0.3 + widths.max() / 3, axis=0, mode="nearest")
    along = np.gradient(smooth, axis=0)
    across = np.stack([along[:, 1], -along[:, 0]], axis=1)
    across /= np.hypot(*across.T)[:, np.newaxis] + 1e-9
    half = np.maximum(widths, 1.0)[:, np.newaxis] / 2
    faintness = np.clip(strength * np.minimum(widths, 1.0), 0, 1)
    return Line(points + half * across, points - half * across, np.asarray(faintness))


def straight(start: Points, end: Points, step: float = _STEP) -> Points:
    """Points from `start` to `end`."""
    n = max(int(np.hypot(*(end - start)) / step), 8)
    return np.asarray(start + np.linspace(0, 1, n)[:, np.newaxis] * (end - start))


def swayed(random: Random, points: Points, sway: float, slope: float) -> Points:
    """The path with sideways steps of a deviation of `sway` pixels, 0 at its first point."""
    along = points[-1] - points[0]
    across = np.array([-along[1], along[0]]) / (np.hypot(*along) + 1e-9)
    offset = wander(random, len(points), slope)
    return np.asarray(points + sway * (offset - offset[0])[:, np.newaxis] * across)


def through(random: Random, shape: Shape, margin: float = 0.15) -> tuple[Points, Points, Points]:
    """A line through the image: where it leaves, a point within, where it leaves again.

    Args:
        random: generates the random numbers.
        shape: height and width.
        margin: share of a side by which the point within keeps away from the edges.
    """
    middle = np.array(shape) * random.uniform(margin, 1 - margin, 2)
    angle = random.uniform(0, 2 * np.pi)
    along = np.array([np.sin(angle), np.cos(angle)])
    bounds = np.array([np.zeros(2), np.array(shape, dtype=np.float64)])
    with np.errstate(divide="ignore"):
        reach = ((bounds - middle) / along).max(axis=0).min()
        back = ((middle - bounds) / along).max(axis=0).min()
    return middle - (back + _BEYOND) * along, middle, middle + (reach + _BEYOND) * along


def beside(points: Points, shape: Shape) -> Field:
    """1 on one side of a path that crosses the image, 0 on the other."""
    far = 4.0 * max(shape)
    along = points[-1] - points[0]
    unit = along / (np.hypot(*along) + 1e-9)
    across = np.array([-unit[1], unit[0]])
    outline = [
        points[0] - far * unit,
        *points,
        points[-1] + far * unit,
        points[-1] + far * (unit + across),
        points[0] + far * (across - unit),
    ]
    return _painted([(np.array(outline), 255)], shape, scale=2)


def blob(random: Random, centre: Points, radius: float, ragged: float, stretch: float) -> Points:
    """The outline of a roundish spot, `[n, 2]`."""
    angle = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    amplitude = random.standard_normal((2, 6)) * np.arange(2, 8) ** -1.0
    waves = np.outer(np.arange(2, 8), angle)
    bumps = amplitude[0] @ np.sin(waves) + amplitude[1] @ np.cos(waves)
    distance = radius * np.exp(ragged * bumps)
    turn = random.uniform(0, np.pi)
    x, y = stretch * distance * np.cos(angle), distance * np.sin(angle)
    rows, columns = x * np.sin(turn) + y * np.cos(turn), x * np.cos(turn) - y * np.sin(turn)
    return np.asarray(centre + np.stack([rows, columns], axis=1))


def filled(outlines: Sequence[Points], shape: Shape) -> Field:
    """The share of each pixel that lies within outlines."""
    return _painted([(outline, 255) for outline in outlines], shape)


def _painted(
    polygons: Iterable[tuple[Points, int]], shape: Shape, scale: int = _OVERSAMPLING
) -> Field:
    """Polygons in shades from 0 to 255, drawn `scale` times as large and averaged; 0 to 1."""
    canvas = Image.new("L", (shape[1] * scale, shape[0] * scale))
    draw = ImageDraw.Draw(canvas)
    for corners, shade in polygons:
        draw.polygon((corners[:, ::-1] * scale).ravel().tolist(), fill=shade)
    return np.asarray(canvas.reduce(scale), dtype=np.float64) / 255
