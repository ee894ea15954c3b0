"""Cracks, drawn on a surface.

Lines are polylines of changing width, drawn four times as large and averaged, so that a hairline
thinner than a pixel has the faintness that it has in a photograph.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy.ndimage import gaussian_filter, shift

from cracks.sources.sample.surface import Field, Random, Shape, fractal_noise, smoothstep

_OVERSAMPLING = 4


class Line(NamedTuple):
    """A path with its width and how much of it shows, point by point."""

    points: NDArray[np.float64]  # [n, 2] row and column
    width: NDArray[np.float64]  # [n] pixels
    strength: NDArray[np.float64]  # [n] 0 to 1


class Crack(NamedTuple):
    """A surface with a crack."""

    surface: Field
    coverage: Field  # share of each pixel that is crack


def coverage(lines: list[Line], shape: Shape) -> Field:
    """The share of each pixel that lines cover, by their strength."""
    scale = _OVERSAMPLING
    canvas = Image.new("L", (shape[1] * scale, shape[0] * scale))
    draw = ImageDraw.Draw(canvas)
    for line in lines:
        corners = [(c * scale, r * scale) for r, c in line.points]
        for place in range(len(corners) - 1):
            width = line.width[place] * scale
            ink = round(255 * line.strength[place])
            draw.line(corners[place : place + 2], fill=ink, width=max(round(width), 1))
            if width > 3:
                (x, y), radius = corners[place], width / 2
                draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=ink)
    small = canvas.resize((shape[1], shape[0]), Image.Resampling.BOX)
    return np.asarray(small, dtype=np.float64) / 255


def _wander(random: Random, n: int, roughness: float) -> NDArray[np.float64]:
    """A fractal walk of `n` points, 0 at both ends, deviation about 1 (midpoint displacement)."""
    frequencies = np.arange(1, 48)
    amplitudes = random.standard_normal(len(frequencies)) * frequencies**-roughness
    t = np.linspace(0, np.pi, n)
    return np.asarray(np.sin(np.outer(t, frequencies)) @ amplitudes)


def _path(
    random: Random,
    start: NDArray[np.float64],
    end: NDArray[np.float64],
    sway: float,
    roughness: float,
) -> NDArray[np.float64]:
    """The path of a crack from `start` to `end`, with sideways steps around grains."""
    along = end - start
    length = float(np.hypot(*along))
    n = max(int(length / 2), 8)
    across = np.array([-along[1], along[0]]) / (length + 1e-9)
    straight = start + np.linspace(0, 1, n)[:, np.newaxis] * along
    jagged = random.standard_normal(n) * 0.35
    offset = sway * length * _wander(random, n, roughness) * 0.5 + jagged
    return np.asarray(straight + offset[:, np.newaxis] * across)


def _widths(random: Random, n: int, width: float, *, tapers: bool) -> NDArray[np.float64]:
    profile = np.exp(0.3 * _wander(random, n, 1.1) + 0.06 * random.standard_normal(n))
    if tapers:
        profile *= np.linspace(1, 0.15, n)
    return np.asarray(width * profile)


def across(random: Random, shape: Shape) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Two points beyond the edges; the way between them passes near the middle of the image."""
    middle = np.array(shape) * random.uniform(0.28, 0.72, 2)
    angle = random.uniform(0, 2 * np.pi)
    along = np.array([np.sin(angle), np.cos(angle)])
    bounds = np.array([np.zeros(2), np.array(shape, dtype=np.float64)])
    with np.errstate(divide="ignore"):
        reach = ((bounds - middle) / along).max(axis=0).min()
        back = ((middle - bounds) / along).max(axis=0).min()
    return middle + (reach + 6) * along, middle - (back + 6) * along


def _branched(random: Random, shape: Shape, width: float, branches: int) -> list[Line]:
    """A crack with its branches; each begins on the crack and thins out."""
    start, end = across(random, shape)
    stops = random.random() < 0.1
    if stops:
        end = start + random.uniform(0.55, 0.8) * (end - start)
    sway, roughness = random.uniform(0.05, 0.22), random.uniform(0.95, 1.5)
    points = _path(random, start, end, sway, roughness)
    fading = 0.25 if width < 3 else 0.0  # a wide crack has no gaps
    strength = np.clip(0.95 + fading * _wander(random, len(points), 0.7), 0.3, 1)
    lines = [Line(points, _widths(random, len(points), width, tapers=stops), strength)]
    for _ in range(branches):
        place = int(random.integers(len(points) // 6, 5 * len(points) // 6))
        along = points[min(place + 5, len(points) - 1)] - points[place - 5]
        angle = np.arctan2(along[0], along[1]) + random.choice([-1, 1]) * random.uniform(0.4, 1.2)
        length = random.uniform(0.25, 0.7) * min(shape)
        tip = points[place] + length * np.array([np.sin(angle), np.cos(angle)])
        branch = _path(random, points[place], tip, sway, roughness)
        thin = _widths(random, len(branch), width * random.uniform(0.35, 0.75), tapers=True)
        lines.append(Line(branch, thin, np.full(len(branch), 0.9)))
    return lines


def add_crack(random: Random, surface: Field, scale: float = 1.0) -> Crack:
    """Draw a crack over the surface: a hairline, a fine, a clear or a wide one with spalled edges.

    Args:
        random: the source of chance.
        surface: brightness around 1.
        scale: 1 for a patch; larger draws wider cracks.
    """
    shape = (surface.shape[0], surface.shape[1])
    kind = random.choice(4, p=[0.1, 0.28, 0.36, 0.26])
    low, high = ((1.0, 1.8), (1.8, 3.4), (3.4, 7.0), (7.0, 20.0))[kind]
    depth = random.uniform(*((0.45, 0.8), (0.6, 0.9), (0.65, 0.92), (0.7, 0.93))[kind])
    branches = int(random.choice([0, 1, 2, 3], p=[0.5, 0.28, 0.15, 0.07]))
    lines = _branched(random, shape, scale * random.uniform(low, high), branches)
    covered = coverage(lines, shape)
    if kind == 3:
        covered = _ragged(random, covered)
        surface = _spalled(random, surface, covered)
    deep = 0.8 + 0.2 * smoothstep(gaussian_filter(covered, 2.5), 0.3, 1.0)
    filling = 1 + 0.08 * fractal_noise(random, shape, 1.6, coarse=60)
    dark = np.clip(depth * covered * deep * filling, 0, 0.93)
    return Crack(_lit_edge(random, surface, covered) * (1 - dark), covered)


def _ragged(random: Random, covered: Field) -> Field:
    """The broken edge of a wide crack, grain by grain."""
    shape = (covered.shape[0], covered.shape[1])
    soft = gaussian_filter(covered, 1.8) + 0.1 * fractal_noise(random, shape, 1.3, coarse=24)
    return smoothstep(soft, 0.38, 0.62) * smoothstep(gaussian_filter(covered, 3.0), 0.02, 0.12)


def _spalled(random: Random, surface: Field, covered: Field) -> Field:
    """Chips broken off along the edges: fresh concrete, lighter and rougher."""
    shape = (surface.shape[0], surface.shape[1])
    near = gaussian_filter(covered, random.uniform(4, 9))
    chips = smoothstep(near + 0.10 * fractal_noise(random, shape, 1.2, coarse=30), 0.2, 0.3)
    fresh = random.uniform(-0.1, 0.22) + 0.05 * fractal_noise(random, shape, 0.8, coarse=12)
    return np.asarray(surface * (1 + chips * fresh))


def _lit_edge(random: Random, surface: Field, covered: Field) -> Field:
    """The edge that faces the light is brighter."""
    angle = random.uniform(0, 2 * np.pi)
    moved = shift(
        gaussian_filter(covered, 0.8), (2.2 * np.sin(angle), 2.2 * np.cos(angle)), order=1
    )
    return np.asarray(surface * (1 + random.uniform(0, 0.35) * np.clip(moved - covered, 0, 1)))
