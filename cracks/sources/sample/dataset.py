"""The drawn dataset: close-ups of concrete with and without cracks, from a seed, without network.

It stands in for photographs, so that the whole pipeline runs anywhere; it is no benchmark. Each
image is drawn from the seed, its class and its number alone, so images do not depend on how many
there are or on which core draws them.
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
from cracks.pipeline.labels import CLASSES, POSITIVE
from cracks.pipeline.progress import progress
from cracks.pipeline.workers import in_processes
from cracks.sources.sample.cracks import add_crack
from cracks.sources.sample.look_alikes import LOOK_ALIKES
from cracks.sources.sample.surface import Random, Shape, draw_surface, photograph

SIDE = 227
"""Pixels of a side, as in the photographs of Özgenel."""

COPIED_SHARE = 0.03
"""Share of each class that are copies of other images of it."""

COPY_KINDS = ("same bytes", "recompressed", "left-right", "top-bottom", "half turn")
"""The kinds of copies, planted in turn."""

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
    todo = [(label, n) for label in CLASSES for n in range(1, images_per_class + 1)]
    files = in_processes(partial(_file, images_per_class, seed), todo, chunk=8)
    for (label, number), data in zip(
        progress(todo, desc="drawing", unit="img"), files, strict=True
    ):
        yield member_name(label, number), data


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
    random = _random(label, number, seed)
    return _draw(random, (SIDE, SIDE), cracks=int(label == POSITIVE))


def draw_photograph(width: int, height: int, seed: int, cracks: int = 3) -> Drawing:
    """Draw a whole wall, larger than a patch, with several cracks."""
    return _draw(_random("photograph", 0, seed), (height, width), cracks)


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


def _random(kind: str, number: int, seed: int) -> Random:
    return np.random.default_rng([seed, zlib.crc32(kind.encode()), number])


def _draw(random: Random, shape: Shape, cracks: int) -> Drawing:
    surface = draw_surface(random, shape)
    if random.random() < (0.12 if cracks else 0.3):
        surface = LOOK_ALIKES[random.integers(len(LOOK_ALIKES))](random, surface)
    covered = np.zeros(shape)
    for _ in range(cracks):
        surface, one = add_crack(random, surface, scale=max(1.0, min(shape) / 900))
        covered = np.maximum(covered, one)
    return Drawing(photograph(random, surface), covered > _MASKED)


def _file(images_per_class: int, seed: int, image: tuple[str, int]) -> bytes:
    label, number = image
    copy = planted_copies(images_per_class).get(number)
    original = copy.original if copy else number
    drawn = draw(label, original, seed)
    quality = int(_random(f"{label} quality", original, seed).integers(75, 96))
    if copy is None or copy.kind == "same bytes":
        return encode_jpeg(drawn.rgb, quality)
    return encode_jpeg(
        _turned(drawn.rgb, copy.kind), 60 if copy.kind == "recompressed" else quality
    )


def _turned(pixels: NDArray, kind: str) -> NDArray:  # type: ignore[type-arg]
    rows = -1 if kind in ("top-bottom", "half turn") else 1
    columns = -1 if kind in ("left-right", "half turn") else 1
    return np.ascontiguousarray(pixels[::rows, ::columns])
