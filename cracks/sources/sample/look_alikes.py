"""Look-alikes: what is taken for a crack."""

from collections.abc import Callable

import numpy as np
from scipy.ndimage import gaussian_filter, shift

from cracks.sources.sample.cracks import Line, across, coverage
from cracks.sources.sample.surface import Field, Random, Shape, fractal_noise, smoothstep


def _straight(random: Random, shape: Shape, width: float, wander: float) -> Line:
    start, end = across(random, shape)
    n = max(int(np.hypot(*(end - start)) / 3), 8)
    t = np.linspace(0, 1, n)[:, np.newaxis]
    along = (end - start) / np.hypot(*(end - start))
    offset = wander * gaussian_filter(random.standard_normal(n), 12)[:, np.newaxis] * 4
    points = start + t * (end - start) + offset * np.array([-along[1], along[0]])
    return Line(points, np.full(n, width), np.ones(n))


def _joint(random: Random, surface: Field) -> Field:
    """The straight groove between two boards or two castings, often with a ridge beside it."""
    shape = (surface.shape[0], surface.shape[1])
    line = coverage([_straight(random, shape, random.uniform(1.2, 8.0), 0.15)], shape)
    line = gaussian_filter(line, random.uniform(0.4, 1.4))
    ridge = shift(line, random.uniform(-5, 5, 2), order=1)
    worn = 1 + 0.15 * fractal_noise(random, shape, 1.2, coarse=60)
    return np.asarray(surface * (1 - random.uniform(0.12, 0.6) * line * worn) * (1 + 0.1 * ridge))


def _scratches(random: Random, surface: Field) -> Field:
    """Short straight scores of a tool, lighter or darker than the paste."""
    shape = (surface.shape[0], surface.shape[1])
    tone = random.choice([-1, 1]) * random.uniform(0.06, 0.3)
    heading = random.uniform(0, np.pi)
    lines = []
    for _ in range(random.integers(1, 6)):
        angle = heading + random.normal(0, 0.12)
        middle = random.uniform(0.1, 0.9, 2) * shape
        half = random.uniform(0.08, 0.45) * min(shape) * np.array([np.sin(angle), np.cos(angle)])
        points = np.linspace(middle - half, middle + half, 30)
        fade = np.sin(np.linspace(0.15, np.pi - 0.15, 30))
        lines.append(Line(points, np.full(30, random.uniform(0.5, 1.8)), fade))
    return np.asarray(surface * (1 + tone * coverage(lines, shape)))


def _shadow(random: Random, surface: Field) -> Field:
    """The edge of a shadow that something outside the picture throws."""
    shape = (surface.shape[0], surface.shape[1])
    angle = random.uniform(0, 2 * np.pi)
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    side = np.cos(angle) * columns + np.sin(angle) * rows
    side = side - np.quantile(side, random.uniform(0.25, 0.75))
    side += random.choice([0.0, 6.0]) * fractal_noise(random, shape, 2.2)
    penumbra = random.uniform(1.0, 14.0)
    return np.asarray(
        surface * (1 - random.uniform(0.12, 0.5) * smoothstep(side, -penumbra, penumbra))
    )


def _stain(random: Random, surface: Field) -> Field:
    """Rust or water that ran down, with sharp borders and a darker rim."""
    shape = (surface.shape[0], surface.shape[1])
    field = fractal_noise(random, shape, 2.0, stretch=random.choice([1.0, 0.25]))
    inside = smoothstep(field, 0.4, random.uniform(0.46, 0.9))
    rim = np.clip(gaussian_filter(inside, 1.2) * (1 - gaussian_filter(inside, 1.2)) * 4, 0, 1)
    strength = random.uniform(0.06, 0.25)
    return np.asarray(surface * (1 - strength * inside - random.uniform(0, 0.8) * strength * rim))


def _pencil(random: Random, surface: Field) -> Field:
    """A carpenter's line: thin, nearly straight, broken up by the grain that the lead skips."""
    shape = (surface.shape[0], surface.shape[1])
    lines = [
        _straight(random, shape, random.uniform(0.7, 2.0), random.uniform(0.1, 0.8))
        for _ in range(random.integers(1, 3))
    ]
    skipped = smoothstep(fractal_noise(random, shape, 0.5, coarse=10), -1.2, 0.6)
    return np.asarray(surface * (1 - random.uniform(0.15, 0.5) * coverage(lines, shape) * skipped))


def _thread(random: Random, surface: Field) -> Field:
    """A hair, a root or a wire that lies on the surface: smooth curves of even width."""
    shape = (surface.shape[0], surface.shape[1])
    start, end = across(random, shape)
    n = 120
    sway = random.uniform(0.1, 0.35) * min(shape)
    along = (end - start) / np.hypot(*(end - start))
    bend = gaussian_filter(random.standard_normal(n), 18)
    bend *= sway / (np.abs(bend).max() + 1e-9)
    points = np.linspace(start, end, n) + bend[:, np.newaxis] * np.array([-along[1], along[0]])
    width = np.full(n, random.uniform(0.7, 2.6))
    line = coverage([Line(points, width, np.ones(n))], shape)
    shadow = shift(gaussian_filter(line, 1.2), (1.5, 1.5), order=1)
    return np.asarray(surface * (1 - 0.12 * shadow) * (1 - random.uniform(0.15, 0.6) * line))


LOOK_ALIKES: tuple[Callable[[Random, Field], Field], ...] = (
    _joint,
    _scratches,
    _shadow,
    _stain,
    _pencil,
    _thread,
)
"""Each draws one of them on a surface."""
