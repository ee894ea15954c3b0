"""Things on photographs that look like cracks; each function draws one of them on a surface."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from cracks.drawing.field import Random, Surface, fractal_noise, grey, moved, smoothstep, wander
from cracks.drawing.lines import (
    Points,
    beside,
    blob,
    coverage,
    filled,
    ribbon,
    straight,
    swayed,
    through,
)

# --- straight lines ---------------------------------------------------------------------


def _crossing(random: Random, surface: Surface, sway: float, slope: float = 1.8) -> Points:
    """A nearly straight path through the image."""
    start, _, end = through(random, surface.shape, margin=0.05)
    return swayed(random, straight(start, end, 3.0), sway, slope)


def _seam(random: Random, surface: Surface) -> Surface:
    """The ridge or step between two boards or two castings, with mortar that ran out of it."""
    path = _crossing(random, surface, random.uniform(0, 0.8))
    worn = np.clip(1 + 0.6 * wander(random, len(path), 0.9), 0.05, 1)
    line = coverage([ribbon(path, random.uniform(1, 6) * worn)], surface.shape)
    side = gaussian_filter(beside(path, surface.shape), random.uniform(0.7, 2))
    surface = surface.raised(random.uniform(-2, 2) * line + random.uniform(-2, 2) * side)
    tone = random.uniform(-0.15, 0.45) * line + random.uniform(-0.12, 0.12) * side
    return surface.darkened(tone)


def _joint(random: Random, surface: Surface) -> Surface:
    """A straight groove: cut, cast between two slabs, or filled with something."""
    width = float(np.exp(random.uniform(np.log(1.5), np.log(30))))
    path = _crossing(random, surface, random.uniform(0, 0.5))
    line = coverage([ribbon(path, width)], surface.shape)
    line = gaussian_filter(line, random.uniform(0.4, 1.2))
    surface = surface.raised(-random.uniform(0, 2.5) * line)
    if random.random() < 0.35:
        return surface.covered(line * random.uniform(0.6, 1), grey(random, 0.05, 0.6))
    return surface.darkened(random.uniform(0.1, 0.8) * line)


def _boards(random: Random, surface: Surface) -> Surface:
    """The marks of parallel boards."""
    start, _, end = through(random, surface.shape)
    along = (end - start) / np.hypot(*(end - start))
    across = np.array([-along[1], along[0]])
    gap, lines = random.uniform(25, 110), []
    for number in range(-8, 9):
        shifted = straight(start, end, 4.0) + number * gap * across
        lines.append(ribbon(swayed(random, shifted, 0.5, 1.5), random.uniform(0.8, 3)))
    line = coverage(lines, surface.shape)
    surface = surface.raised(random.uniform(-1.5, 1.5) * line)
    return surface.darkened(random.uniform(-0.1, 0.3) * line)


def _scratches(random: Random, surface: Surface) -> Surface:
    """Short straight scores of a tool, lighter or darker than the paste."""
    heading, lines = random.uniform(0, np.pi), []
    for _ in range(random.integers(1, 8)):
        angle = heading + random.normal(0, 0.15)
        middle = random.uniform(0.05, 0.95, 2) * surface.shape
        half = random.uniform(0.04, 0.4) * 227 * np.array([np.sin(angle), np.cos(angle)])
        path = swayed(random, straight(middle - half, middle + half, 4.0), 0.4, 1.5)
        fade = np.sin(np.linspace(0.15, np.pi - 0.15, len(path)))
        lines.append(ribbon(path, random.uniform(0.5, 2.0), fade))
    line = coverage(lines, surface.shape)
    surface = surface.raised(-random.uniform(0, 0.8) * line)
    return surface.darkened(random.choice([-1, 1]) * random.uniform(0.06, 0.35) * line)


def _pencil(random: Random, surface: Surface) -> Surface:
    """Drawn lines of lead or chalk, broken up by the grain that they skip."""
    lines = [
        ribbon(_crossing(random, surface, random.uniform(0, 2)), random.uniform(0.7, 2.5))
        for _ in range(random.integers(1, 3))
    ]
    skipped = smoothstep(fractal_noise(random, surface.shape, 0.5, coarse=10), -1.2, 0.6)
    share = random.uniform(0.15, 0.6) * coverage(lines, surface.shape) * skipped
    return surface.covered(share, _paint(random) if random.random() < 0.3 else grey(random, 0.1, 1))


# --- curves -----------------------------------------------------------------------------


def _curve(random: Random, surface: Surface) -> Points:
    """A smooth curve through the image."""
    start, _, end = through(random, surface.shape)
    n = 120
    bend = gaussian_filter(random.standard_normal(n), random.uniform(10, 30))
    bend *= random.uniform(0.05, 0.35) * min(surface.shape) / (np.abs(bend).max() + 1e-9)
    along = (end - start) / np.hypot(*(end - start))
    across = np.array([-along[1], along[0]])
    return np.asarray(np.linspace(start, end, n) + bend[:, np.newaxis] * across)


def _cable(random: Random, surface: Surface) -> Surface:
    """A hair, a root, a wire or a pipe that lies on the surface and casts a shadow."""
    width = float(np.exp(random.uniform(np.log(0.7), np.log(18))))
    line = coverage([ribbon(_curve(random, surface), width)], surface.shape)
    soft = gaussian_filter(line, 0.8 + 0.2 * width, truncate=3)
    away = random.uniform(-1, 1, 2) * (1 + width / 2)
    surface = surface.darkened(random.uniform(0, 0.5) * moved(soft, *np.rint(away).astype(int)))
    colour = _paint(random) if random.random() < 0.3 else grey(random, 0.05, 0.95, tint=0.08)
    surface = surface.covered(line * random.uniform(0.6, 1), colour)
    return surface.raised(random.uniform(0, 0.4) * width * soft)


def _graffiti(random: Random, surface: Surface) -> Surface:
    """Strokes of a spray can or a marker."""
    width = random.uniform(2, 28)
    lines = [ribbon(_curve(random, surface), width) for _ in range(random.integers(1, 3))]
    share = coverage(lines, surface.shape)
    share = gaussian_filter(share, random.uniform(0.4, 0.15 * width + 0.6))
    return surface.covered(share * random.uniform(0.5, 1), _paint(random))


def _paint(random: Random) -> NDArray[np.float64]:
    """Any colour."""
    return np.asarray(random.uniform(0.05, 0.9, 3))


def _trowel(random: Random, surface: Surface) -> Surface:
    """Arcs that a trowel or a broom left."""
    shape = surface.shape
    centre = random.uniform(-1.5, 2.5, 2) * shape
    rows, columns = np.ogrid[: shape[0], : shape[1]]
    distance = np.hypot(rows - centre[0], columns - centre[1])
    steps = gaussian_filter(random.standard_normal(int(distance.max()) + 2), random.uniform(0.7, 3))
    arcs = np.interp(distance, np.arange(len(steps)), steps / steps.std())
    worn = smoothstep(fractal_noise(random, shape, 1.6), -0.8, 0.8) * arcs
    surface = surface.raised(random.uniform(0, 0.35) * worn)
    return surface.darkened(random.uniform(0.01, 0.06) * worn)


# --- holes and things -------------------------------------------------------------------


def _holes(random: Random, surface: Surface) -> Surface:
    """Bubbles, tie holes and drains: dark, with an edge in the light."""
    shape, outlines = surface.shape, []
    ragged, stretch = random.choice([0.03, 0.12, 0.3]), random.uniform(1, 2.2)
    for _ in range(random.integers(1, 6)):
        radius = float(np.exp(random.uniform(np.log(3), np.log(28))))
        outlines.append(blob(random, random.uniform(0, 1, 2) * shape, radius, ragged, stretch))
    hole = filled(outlines, shape)
    core = hole * moved(hole, *np.rint(random.uniform(-5, 5, 2)).astype(int))
    surface = surface.raised(-random.uniform(0.5, 4) * gaussian_filter(hole, 1.2))
    dark = random.uniform(0.3, 0.95) * core + random.uniform(-0.1, 0.5) * (hole - core)
    return surface.darkened(dark)


def _stones(random: Random, surface: Surface) -> Surface:
    """Grit, leaves, crumbs of mortar that lie on the surface and cast a shadow."""
    shape = surface.shape
    for _ in range(random.integers(1, 4)):
        radius, stretch = random.uniform(2, 14), random.uniform(1, 3)
        centre = random.uniform(0, 1, 2) * shape
        spot = filled([blob(random, centre, radius, 0.12, stretch)], shape)
        shadow = moved(spot, *np.rint(random.uniform(-4, 4, 2)).astype(int))
        surface = surface.darkened(random.uniform(0.1, 0.5) * shadow)
        surface = surface.covered(spot, grey(random, 0.2, 0.9, tint=0.2))
    return surface


def _plants(random: Random, surface: Surface) -> Surface:
    """Moss, and blades of grass that reach into the image."""
    shape = surface.shape
    green = random.uniform(0.5, 1.3) * np.array([0.24, random.uniform(0.25, 0.36), 0.12])
    moss = smoothstep(fractal_noise(random, shape, 1.1), random.uniform(0.8, 1.8), 2.2)
    surface = surface.covered(random.uniform(0.3, 0.9) * moss, green)
    blades, foot = [], random.uniform(0, 1, 2) * shape
    for _ in range(random.integers(0, 8)):
        angle = random.uniform(0, 2 * np.pi)
        tip = foot + random.uniform(20, 120) * np.array([np.sin(angle), np.cos(angle)])
        path = swayed(random, straight(foot, tip, 4.0), random.uniform(0, 6), 2.0)
        blades.append(ribbon(path, np.linspace(random.uniform(2, 6), 0.5, len(path))))
    grass = coverage(blades, shape)
    surface = surface.darkened(random.uniform(0, 0.4) * moved(grass, 3, 2))
    return surface.covered(grass, green * random.uniform(0.8, 1.8))


# --- areas ------------------------------------------------------------------------------


def _shadow(random: Random, surface: Surface) -> Surface:
    """The edge of a shadow, or the shadow of a pole, a rope or twigs."""
    shape = surface.shape
    if random.random() < 0.5:
        area = beside(_crossing(random, surface, random.choice([0.0, 0.0, 8.0]), 1.3), shape)
    else:
        paths = [_curve(random, surface) for _ in range(random.integers(1, 4))]
        area = coverage([ribbon(path, random.uniform(2, 30)) for path in paths], shape)
    soft = gaussian_filter(area, float(np.exp(random.uniform(0, np.log(9)))), truncate=3)
    return surface.darkened(random.uniform(0.15, 0.65) * soft)


def _stain(random: Random, surface: Surface) -> Surface:
    """Rust, lime or water that ran down, with sharp borders and a darker rim."""
    slope, stretch = random.uniform(1.2, 2), random.choice([1.0, 0.3, 4.0])
    field = fractal_noise(random, surface.shape, slope, stretch=stretch)
    border = random.uniform(0, 1)
    inside = smoothstep(field, border, border + random.uniform(0.06, 0.6))
    rim = np.clip(4 * inside * (1 - inside), 0, 1)
    surface = surface.darkened(random.uniform(0, 0.25) * rim)
    colours = (np.array([0.5, 0.33, 0.2]), grey(random, 0.8, 1), grey(random, 0.1, 0.4))
    share = random.uniform(0.08, 0.55) * inside
    return surface.covered(share, colours[random.choice(3, p=[0.25, 0.35, 0.4])])


def _patch(random: Random, surface: Surface) -> Surface:
    """Another material on one side of an edge: a repair, paint, a road marking, the next slab."""
    side = beside(_crossing(random, surface, random.choice([0.0, 0.4, 3.0]), 1.0), surface.shape)
    worn = fractal_noise(random, surface.shape, 0.9, coarse=40)
    share = side * smoothstep(worn, random.choice([-9.0, -2.5, -1.0]), -0.5)
    surface = surface.raised(random.uniform(-2.5, 2.5) * gaussian_filter(share, 1.0))
    colour = grey(random, 0.15, 1.0, tint=0.06) * (1 + 0.05 * worn)[..., np.newaxis]
    return surface.covered(share * random.uniform(0.3, 1), colour)


def _edge(random: Random, surface: Surface) -> Surface:
    """Where the slab ends: beyond it is soil, gravel, or the dark."""
    shape = surface.shape
    beyond = beside(_crossing(random, surface, random.uniform(0, 3), 1.2), shape)
    shadow = gaussian_filter(beyond, random.uniform(2, 7), truncate=3)
    gravel = fractal_noise(random, shape, random.uniform(0.3, 1.4), coarse=random.uniform(12, 60))
    tone = np.clip(1 + random.uniform(0.1, 0.5) * gravel, 0.1, 2)
    colour = grey(random, 0.12, 0.5, tint=0.08) * tone[..., np.newaxis]
    surface = surface.darkened(random.uniform(0, 0.6) * shadow)
    surface = surface.raised(-random.uniform(0, 3) * gaussian_filter(beyond, 1.5))
    return surface.covered(gaussian_filter(beyond, 0.5), colour)


LOOK_ALIKES: tuple[Callable[[Random, Surface], Surface], ...] = (
    _seam,
    _joint,
    _boards,
    _scratches,
    _pencil,
    _cable,
    _graffiti,
    _trowel,
    _holes,
    _stones,
    _plants,
    _shadow,
    _stain,
    _patch,
    _edge,
)
"""Functions that draw one such thing on a surface."""
