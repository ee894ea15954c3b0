"""Walls: patches of close-ups with and without a crack, and whole walls, with exact masks.

The two patches of a number are beside each other on one photograph of one wall, one with a crack
and one without: nothing but the crack tells the classes apart. A wall is drawn from the seed and
its number alone, so drawings do not depend on how many there are or on which core draws them.
"""

import zlib
from typing import NamedTuple

import numpy as np

from cracks.drawing.camera import photograph
from cracks.drawing.cracks import STYLE, Style, add_crack
from cracks.drawing.field import Random, Shape, Surface
from cracks.drawing.look_alikes import LOOK_ALIKES
from cracks.drawing.surface import MATERIALS, Materials, draw_surface
from cracks.images.decoding import RGB, Mask
from cracks.tables.labels import CLASSES

SIDE = 227
"""Pixels of a side, as in the photographs of Özgenel."""

_SECOND_CRACK = 0.12  # share of cracked patches with two cracks
_GAP = 10  # pixels between two patches of a wall

_THIN = 3.0  # pixels of a crack below which it is lost on a blurred photograph

_MASKED = 0.35  # share of a pixel above which it counts as crack


class Drawing(NamedTuple):
    """An image and where its crack is."""

    rgb: RGB
    mask: Mask  # [height, width]


class Mix(NamedTuple):
    """How often things are drawn; the defaults are those of the sample."""

    materials: Materials = MATERIALS
    style: Style = STYLE
    look_alikes: tuple[float, ...] = (0.68, 0.23, 0.07, 0.02)
    """Shares of walls with none, one, two and three things that look like cracks."""


MIX = Mix()


def draw(label: str, number: int, seed: int) -> Drawing:
    """Draw one image of 227 x 227 pixels and the mask of its crack (empty if there is none)."""
    return draw_patches(number, seed)[CLASSES.index(label)]


def draw_photograph(width: int, height: int, seed: int, cracks: int = 3, mix: Mix = MIX) -> Drawing:
    """Draw a whole wall with several cracks."""
    random, shape = generator_of("photograph", seed), (height, width)
    wall = _draw_wall(random, shape, mix)
    scale = max(1.0, min(shape) / 900)
    wall, mask, thinnest = _add_cracks(random, wall, cracks, mix.style, scale)
    return Drawing(photograph(random, wall, sharp=thinnest < _THIN), mask)


def generator_of(kind: str, *numbers: int) -> Random:
    """A generator of random numbers, seeded by a kind of thing and by numbers."""
    return np.random.default_rng([zlib.crc32(kind.encode()), *numbers])


def _draw_wall(random: Random, shape: Shape, mix: Mix) -> Surface:
    wall = draw_surface(random, shape, mix.materials)
    for _ in range(random.choice(len(mix.look_alikes), p=mix.look_alikes)):
        wall = LOOK_ALIKES[random.integers(len(LOOK_ALIKES))](random, wall)
    return wall


def _add_cracks(
    random: Random, wall: Surface, count: int, style: Style, scale: float = 1.0
) -> tuple[Surface, Mask, float]:
    """The wall with its cracks, their mask, and the width of the thinnest."""
    mask, thinnest = np.zeros(wall.shape, dtype=bool), np.inf
    for _ in range(count):
        wall, footprint, width = add_crack(random, wall, scale, style)
        mask, thinnest = mask | (footprint > _MASKED), min(thinnest, width)
    return wall, mask, thinnest


def draw_patches(number: int, seed: int, mix: Mix = MIX) -> tuple[Drawing, Drawing]:
    """Two patches of one wall on one photograph, in the order of `CLASSES`."""
    random = generator_of("patches", seed, number)
    wall = _draw_wall(random, (SIDE, 2 * SIDE + _GAP), mix)
    left, right = np.s_[:, :SIDE], np.s_[:, SIDE + _GAP :]
    cracked, bare = (left, right) if random.random() < 0.5 else (right, left)
    count = 2 if random.random() < _SECOND_CRACK else 1
    patch, mask, thinnest = _add_cracks(random, wall.cut(cracked), count, mix.style)
    wall.colour[cracked], wall.relief[cracked] = patch.colour, patch.relief
    rgb = photograph(random, wall, sharp=thinnest < _THIN)
    return (
        Drawing(np.ascontiguousarray(rgb[bare]), np.zeros((SIDE, SIDE), dtype=bool)),
        Drawing(np.ascontiguousarray(rgb[cracked]), mask),
    )
