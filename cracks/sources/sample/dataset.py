"""The drawn dataset: close-ups of walls, floors and roads, from a seed, without network.

Images of one number are two patches of one wall, one with a crack and one without, beside each
other on one photograph: nothing but the crack tells the classes apart. A wall is drawn from the
seed and its number alone, so images do not depend on how many there are or on which core draws
them.
"""

import io
import zlib
from collections.abc import Iterator
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from cracks.images.decoding import RGB
from cracks.pipeline.labels import CLASSES
from cracks.pipeline.progress import progress
from cracks.pipeline.workers import in_processes
from cracks.sources.sample.camera import photograph
from cracks.sources.sample.cracks import add_crack
from cracks.sources.sample.field import Random, Shape, Surface
from cracks.sources.sample.look_alikes import LOOK_ALIKES
from cracks.sources.sample.surface import draw_surface

SIDE = 227
"""Pixels of a side, as in the photographs of Özgenel."""

COPIED_SHARE = 0.03
"""Share of each class that are copies of other images of it."""

COPY_KINDS = ("same bytes", "recompressed", "left-right", "top-bottom", "half turn")
"""The kinds of copies, planted in turn."""

_LOOK_ALIKES = [0.68, 0.23, 0.07, 0.02]
"""Shares of walls with no, one, two and three things that are taken for cracks."""

_SECOND_CRACK = 0.12  # share of cracked patches with two cracks
_GAP = 10  # pixels between two patches of a wall

_THIN = 3.0  # pixels of a crack below which it is lost on a blurred photograph

_MASKED = 0.35  # share of a pixel above which it counts as crack

Mask = NDArray[np.bool_]


class Drawing(NamedTuple):
    """An image and where its crack is."""

    rgb: RGB
    mask: Mask  # [height, width]


class Copy(NamedTuple):
    """A planted copy."""

    original: int  # number of the image that it is a copy of
    kind: str  # of COPY_KINDS


def iter_sample(images_per_class: int, seed: int) -> Iterator[tuple[str, bytes]]:
    """Draw all images in parallel; yield names and JPEG files, sorted by name."""
    numbers = range(1, images_per_class + 1)
    draw_files = partial(_files, images_per_class=images_per_class, seed=seed)
    drawn = in_processes(draw_files, numbers, chunk=4)
    files = list(progress(drawn, total=images_per_class, desc="drawing", unit="wall"))
    for place, label in enumerate(CLASSES):
        for number in numbers:
            yield member_name(label, number), files[number - 1][place]


def member_name(label: str, number: int) -> str:
    """The name of an image in the archive; numbers begin with 1."""
    return f"{label}/{number:05}.jpg"


def planted_copies(images_per_class: int) -> dict[int, Copy]:
    """The planted copies among the numbers of either class: the last of them copy the first."""
    count = min(round(COPIED_SHARE * images_per_class), images_per_class // 2)
    return {
        images_per_class - place: Copy(place + 1, COPY_KINDS[place % len(COPY_KINDS)])
        for place in range(count)
    }


def draw(label: str, number: int, seed: int) -> Drawing:
    """Draw one image of 227 x 227 pixels and the mask of its crack (empty if there is none)."""
    return _draw_patches(number, seed)[CLASSES.index(label)]


def draw_photograph(width: int, height: int, seed: int, cracks: int = 3) -> Drawing:
    """Draw a whole wall, larger than a patch, with several cracks."""
    random, shape = _random("photograph", seed), (height, width)
    wall = _draw_wall(random, shape)
    wall, mask, thinnest = _add_cracks(random, wall, cracks, scale=max(1.0, min(shape) / 900))
    return Drawing(photograph(random, wall, sharp=thinnest < _THIN), mask)


def sample_mask(label: str, number: int, images_per_class: int, seed: int) -> Mask:
    """The mask of the crack of one member of the sample, mirrored with it if it is a copy."""
    copy = planted_copies(images_per_class).get(number)
    mask = draw(label, copy.original if copy else number, seed).mask
    return _turned(mask, copy.kind) if copy else mask


def encode_jpeg(rgb: RGB, quality: int) -> bytes:
    """An image as a JPEG file."""
    buffer = io.BytesIO()
    Image.fromarray(rgb).save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def _random(kind: str, *numbers: int) -> Random:
    return np.random.default_rng([zlib.crc32(kind.encode()), *numbers])


def _draw_wall(random: Random, shape: Shape) -> Surface:
    wall = draw_surface(random, shape)
    for _ in range(random.choice(len(_LOOK_ALIKES), p=_LOOK_ALIKES)):
        wall = LOOK_ALIKES[random.integers(len(LOOK_ALIKES))](random, wall)
    return wall


def _add_cracks(
    random: Random, wall: Surface, count: int, scale: float = 1.0
) -> tuple[Surface, Mask, float]:
    """The wall with its cracks, their mask, and the width of the thinnest."""
    mask, thinnest = np.zeros(wall.shape, dtype=bool), np.inf
    for _ in range(count):
        wall, footprint, width = add_crack(random, wall, scale)
        mask, thinnest = mask | (footprint > _MASKED), min(thinnest, width)
    return wall, mask, thinnest


def _draw_patches(number: int, seed: int) -> tuple[Drawing, Drawing]:
    """Two patches of one wall on one photograph, in the order of `CLASSES`."""
    random = _random("patches", seed, number)
    wall = _draw_wall(random, (SIDE, 2 * SIDE + _GAP))
    left, right = np.s_[:, :SIDE], np.s_[:, SIDE + _GAP :]
    cracked, bare = (left, right) if random.random() < 0.5 else (right, left)
    count = 2 if random.random() < _SECOND_CRACK else 1
    patch, mask, thinnest = _add_cracks(random, wall.cut(cracked), count)
    wall.colour[cracked], wall.relief[cracked] = patch.colour, patch.relief
    rgb = photograph(random, wall, sharp=thinnest < _THIN)
    return (
        Drawing(np.ascontiguousarray(rgb[bare]), np.zeros((SIDE, SIDE), dtype=bool)),
        Drawing(np.ascontiguousarray(rgb[cracked]), mask),
    )


def _files(number: int, images_per_class: int, seed: int) -> list[bytes]:
    """The JPEG files of one number, in the order of `CLASSES`."""
    copy = planted_copies(images_per_class).get(number)
    original = copy.original if copy else number
    quality = int(_random("quality", seed, original).integers(55, 97))
    kind = copy.kind if copy else COPY_KINDS[0]
    if kind == "recompressed":
        quality = min(quality, 60) - 10
    return [
        encode_jpeg(_turned(drawing.rgb, kind), quality)
        for drawing in _draw_patches(original, seed)
    ]


def _turned(pixels: NDArray, kind: str) -> NDArray:  # type: ignore[type-arg]
    rows = -1 if kind in ("top-bottom", "half turn") else 1
    columns = -1 if kind in ("left-right", "half turn") else 1
    return np.ascontiguousarray(pixels[::rows, ::columns])
