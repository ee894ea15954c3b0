"""The drawn dataset: close-ups of walls, floors and roads, from a seed, without network."""

from collections.abc import Iterator
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cracks.drawing.walls import draw, draw_patches, generator_of
from cracks.images.decoding import Mask
from cracks.images.files import encoded
from cracks.runtime.progress import progress
from cracks.runtime.workers import in_processes
from cracks.tables.labels import CLASSES

COPIED_SHARE = 0.03
"""Share of each class that are copies of other images of it."""

COPY_KINDS = ("same bytes", "recompressed", "left-right", "top-bottom", "half turn")
"""The kinds of copies, planted in turn."""


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


def sample_mask(label: str, number: int, images_per_class: int, seed: int) -> Mask:
    """The mask of the crack of one member of the sample, mirrored with it if it is a copy."""
    original, kind = _origin(number, images_per_class)
    return _turned(draw(label, original, seed).mask, kind)


def _files(number: int, images_per_class: int, seed: int) -> list[bytes]:
    """The JPEG files of one number, in the order of `CLASSES`."""
    original, kind = _origin(number, images_per_class)
    quality = int(generator_of("quality", seed, original).integers(55, 97))
    if kind == "recompressed":
        quality = min(quality, 60) - 10
    return [
        encoded(_turned(drawing.rgb, kind), "JPEG", quality=quality)
        for drawing in draw_patches(original, seed)
    ]


def _origin(number: int, images_per_class: int) -> Copy:
    """What an image is a copy of: itself, if none is planted there."""
    return planted_copies(images_per_class).get(number, Copy(number, COPY_KINDS[0]))


def _turned(pixels: NDArray, kind: str) -> NDArray:  # type: ignore[type-arg]
    rows = -1 if kind in ("top-bottom", "half turn") else 1
    columns = -1 if kind in ("left-right", "half turn") else 1
    return np.ascontiguousarray(pixels[::rows, ::columns])
