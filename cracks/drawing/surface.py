"""Generated surfaces: concrete, plaster, asphalt, bricks and blocks."""

from typing import NamedTuple

import numpy as np

from cracks.drawing.field import (
    Courses,
    Field,
    Random,
    Shape,
    Surface,
    fractal_noise,
    grey,
    smoothstep,
)


class Materials(NamedTuple):
    """The share of surfaces of each material; they add up to 1."""

    concrete: float = 0.78
    plaster: float = 0.06
    asphalt: float = 0.09
    masonry: float = 0.07


MATERIALS = Materials()


def draw_surface(random: Random, shape: Shape, shares: Materials = MATERIALS) -> Surface:
    """A bare surface, before light and camera."""
    materials = (_concrete, _plaster, _asphalt, _masonry)
    return materials[random.choice(4, p=shares)](random, shape)


# --- concrete and plaster ---------------------------------------------------------------


def _concrete(random: Random, shape: Shape) -> Surface:
    """Cast concrete: clouds, grain, sand and stones, pores, sometimes the grain of boards."""
    coarse, fine = random.lognormal(-1.0, 0.7), random.lognormal(-0.7, 0.7)
    tone = 0.04 * coarse * fractal_noise(random, shape, random.uniform(1.4, 2.0))
    tone += 0.025 * fine * fractal_noise(random, shape, random.uniform(0.4, 1.0), coarse=60)
    colour = (1 + tone)[..., np.newaxis] * grey(random, 0.35, 0.8, tint=0.022)
    surface = Surface(colour, _roughness(random, shape, min(random.lognormal(-1.3, 0.8), 1.2)))
    additions = (
        (0.5, _mottled),
        (0.25, _speckled),
        (0.6, _pitted),
        (0.25, _flaked),
        (0.3, _bubbles),
        (0.12, _boards),
        (0.35, _blotches),
    )
    for share, add in additions:
        if random.random() < share:
            surface = add(random, surface)
    return surface


def _roughness(random: Random, shape: Shape, slope: float) -> Field:
    """A relief whose mean slope is about a tenth of `slope`; at times brushed in one direction."""
    slope_of_noise, coarse = random.uniform(0.6, 1.8), random.uniform(12, 80)
    if random.random() < 0.08:
        relief = _grained(random, shape, slope_of_noise, coarse, stretch=random.uniform(3, 10))
    else:
        relief = fractal_noise(random, shape, slope_of_noise, coarse)
    steepness = np.abs(np.diff(relief, axis=0)).mean() + np.abs(np.diff(relief, axis=1)).mean()
    return np.asarray(relief * 0.12 * slope / steepness)


def _grained(random: Random, shape: Shape, slope: float, coarse: float, stretch: float) -> Field:
    """Noise that runs from top to bottom or from side to side."""
    if random.random() < 0.5:
        return fractal_noise(random, shape, slope, coarse, stretch=stretch)
    turned = fractal_noise(random, (shape[1], shape[0]), slope, coarse, stretch=stretch)
    return np.ascontiguousarray(turned.T)


def _mottled(random: Random, surface: Surface) -> Surface:
    """Spots of cement paste with borders, in a few tones, as on weathered concrete."""
    size = random.uniform(4, 30)
    noise = fractal_noise(random, surface.shape, random.uniform(0.6, 1.1), size * 4, fine=2.5)
    soft = random.uniform(0.15, 0.8)
    tones = smoothstep(noise, -soft, soft) + smoothstep(noise, 1.2 - soft, 1.2 + soft)
    return surface.darkened(random.uniform(-0.04, 0.06) * tones)


def _speckled(random: Random, surface: Surface) -> Surface:
    """Sand and stones that show through the paste, some darker, some lighter."""
    size = random.uniform(2.5, 9.0)
    grains = fractal_noise(random, surface.shape, 0.3, coarse=size * 3, fine=size * 0.7)
    contrast = random.uniform(0.03, 0.15)
    dark, light = smoothstep(grains, 1.3, 1.8), smoothstep(-grains, 1.4, 2.0)
    return surface.darkened(contrast * (dark - random.uniform(0, 1) * light))


def _pitted(random: Random, surface: Surface) -> Surface:
    """Small ragged pits and crumbs."""
    size = random.uniform(4, 14)
    noise = fractal_noise(random, surface.shape, 0.5, coarse=size * 3, fine=size / 3)
    noise += random.uniform(0, 0.8) * fractal_noise(random, surface.shape, 1.6)  # in clusters
    rare = random.uniform(2.0, 3.6)
    pits = smoothstep(noise, rare, rare + 0.5)
    crumbs = smoothstep(-noise, rare + 0.4, rare + 0.9)
    surface = surface.raised(random.uniform(0.3, 1.5) * (0.6 * crumbs - pits))
    return surface.darkened(random.uniform(0.1, 0.55) * pits - random.uniform(0, 0.3) * crumbs)


def _flaked(random: Random, surface: Surface) -> Surface:
    """Spots of mortar, lime or dirt, or where the skin came off: ragged, pale or dark."""
    size = random.uniform(15, 70)
    noise = fractal_noise(random, surface.shape, random.uniform(0.9, 1.5), size * 2)
    rare = random.uniform(1.2, 2.4)
    spots = smoothstep(noise, rare, rare + random.uniform(0.1, 0.5))
    surface = surface.raised(random.uniform(-1.2, 1.2) * spots)
    return surface.covered(random.uniform(0.2, 0.9) * spots, grey(random, 0.2, 1.0, tint=0.05))


def _bubbles(random: Random, surface: Surface) -> Surface:
    """Air bubbles: round dark hollows of all sizes."""
    shape = surface.shape
    share, relief = np.zeros(shape), np.zeros(shape)
    density = random.choice([2.0, 6.0, 20.0], p=[0.4, 0.4, 0.2]) / 227**2
    for _ in range(random.poisson(density * shape[0] * shape[1])):
        radius = min(random.lognormal(0.6, 0.6), 8.0)
        row, column = random.uniform(0, shape[0]), random.uniform(0, shape[1])
        reach = int(2 * radius) + 3
        top, left = max(int(row) - reach, 0), max(int(column) - reach, 0)
        bottom, right = min(int(row) + reach, shape[0]), min(int(column) + reach, shape[1])
        window = np.s_[top:bottom, left:right]
        rows, columns = np.ogrid[window]
        flat = random.uniform(0.6, 1.0)
        distance = np.hypot((rows - row) / flat, columns - column) / radius
        hollow = 1 - smoothstep(distance, 0.65, 1.2)
        share[window] = np.maximum(share[window], random.uniform(0.1, 0.7) * hollow)
        relief[window] = np.minimum(relief[window], -0.5 * radius * hollow)
    return surface.darkened(share).raised(relief)


def _boards(random: Random, surface: Surface) -> Surface:
    """The grain of the boards that the concrete was cast against."""
    streaks = _grained(random, surface.shape, 1.1, coarse=50, stretch=random.uniform(6, 20))
    surface = surface.darkened(random.uniform(0.005, 0.03) * streaks)
    return surface.raised(random.uniform(0, 0.2) * streaks)


def _blotches(random: Random, surface: Surface) -> Surface:
    """Where water, oil or dust has dried: large patches with a soft border and a colour."""
    field = fractal_noise(random, surface.shape, random.uniform(1.3, 2.2))
    border = random.uniform(-0.2, 1.0)
    share = random.uniform(0.03, 0.35) * smoothstep(field, border, border + random.uniform(0.2, 1))
    return surface.covered(share, grey(random, 0.15, 0.95, tint=0.12))


def _plaster(random: Random, shape: Shape) -> Surface:
    """Painted plaster: smooth or of even grain, of any pale colour."""
    tone = 0.02 * random.uniform(0.2, 1.5) * fractal_noise(random, shape, 1.7)
    colour = (1 + tone)[..., np.newaxis] * grey(random, 0.5, 0.95, tint=0.08)
    return Surface(colour, _roughness(random, shape, min(random.lognormal(-1.3, 0.8), 1.2)))


# --- roads and masonry ------------------------------------------------------------------


def _asphalt(random: Random, shape: Shape) -> Surface:
    """Stones of all greys, packed in bitumen, with dark gaps between them."""
    size = random.uniform(2.0, 9.0)
    stones = fractal_noise(random, shape, random.uniform(0.1, 0.7), coarse=size * 4)
    tone = 0.1 * random.random() * fractal_noise(random, shape, 1.5)
    tone += random.uniform(0.04, 0.22) * np.clip(stones, -2, 2.5)
    colour = np.clip(1 + tone, 0.1, 3)[..., np.newaxis] * grey(random, 0.15, 0.5)
    surface = Surface(colour, random.uniform(0.0, 0.4) * stones)
    rare = random.uniform(0.9, 2.2)
    spots = fractal_noise(random, shape, 0.3, coarse=size * 3, fine=size * 0.8)
    light = random.uniform(0.1, 0.8) * smoothstep(spots, rare, rare + 0.6)
    surface = surface.covered(light, grey(random, 0.4, 0.9, tint=0.06))
    return surface.darkened(random.uniform(0.1, 0.5) * smoothstep(-spots, rare, rare + 0.8))


def _masonry(random: Random, shape: Shape) -> Surface:
    """Bricks, blocks or slabs, with joints."""
    courses = _running_bond(random, shape)
    down, right = courses.along(*np.mgrid[: shape[0], : shape[1]])
    course = np.floor(down / courses.height)
    along = right / courses.length + 0.5 * np.mod(course, 2)
    to_bed = _to_joint(down / courses.height) * courses.height
    edge = np.minimum(to_bed, _to_joint(along) * courses.length)
    edge += random.uniform(0, 0.8) * fractal_noise(random, shape, 0.8, coarse=20)
    brick = smoothstep(edge, courses.joint / 2 - 0.8, courses.joint / 2 + random.uniform(0.8, 2.5))
    number = np.mod(course * 37 + np.floor(along) * 101, 64).astype(int)
    tones = 1 + random.uniform(0.02, 0.15) * random.standard_normal(64)
    grain = 1 + random.uniform(0.02, 0.1) * fractal_noise(random, shape, 0.9)
    colour = (tones[number] * grain)[..., np.newaxis] * _brick_colour(random)
    paste = grey(random, 0.35, 0.8)
    paste = paste * (1 + 0.05 * fractal_noise(random, shape, 0.6, coarse=20))[..., np.newaxis]
    mortar = Surface(paste, _roughness(random, shape, random.uniform(0.2, 1.2)), courses)
    return mortar.covered(brick, colour).raised(random.uniform(0.3, 3) * brick)


def _brick_colour(random: Random) -> Field:
    """Red, brown or yellow of clay, or the grey of blocks."""
    if random.random() < 0.35:
        return grey(random, 0.35, 0.8, tint=0.05)
    red = random.uniform(0.4, 0.75)
    green = red * random.uniform(0.5, 0.8)
    return np.array([red, green, green * random.uniform(0.65, 0.95)])


def _running_bond(random: Random, shape: Shape) -> Courses:
    """Courses of a size that shows a few of them, or the corner of one."""
    height = min(shape) * random.uniform(0.18, 0.9)
    angle = random.normal(0, 0.06) + (np.pi / 2 if random.random() < 0.15 else 0)
    joint = float(np.clip(height * random.uniform(0.04, 0.2), 2, 22))
    return Courses(height * random.uniform(1.6, 3.4), height, angle, joint)


def _to_joint(place: Field) -> Field:
    """The distance to the nearest whole number."""
    return np.asarray(np.abs(place - np.rint(place)))
