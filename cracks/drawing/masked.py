"""Drawn photographs of walls with exact masks, for the heads for cells."""

from collections.abc import Iterator

from cracks.drawing.surface import Materials
from cracks.drawing.walls import Mix, draw_photograph, generator_of
from cracks.images.decoding import Mask
from cracks.images.files import encoded
from cracks.runtime.progress import progress
from cracks.runtime.workers import in_processes

_SIDE = 224  # pixels: 14 cells of 16
_SEED = 500_000  # no dataset is drawn from it by default
_MIX = Mix(Materials(0.55, 0.05, 0.2, 0.2), look_alikes=(0.45, 0.35, 0.15, 0.05))
_BARE_EVERY = 8  # every eighth drawing has no crack


def draw_masked(count: int) -> Iterator[tuple[bytes, Mask]]:
    """JPEG files of so many walls, drawn in parallel, and the masks of their cracks."""
    drawn = in_processes(_draw, range(count), chunk=4)
    yield from progress(drawn, total=count, desc="drawing", unit="wall")


def _draw(number: int) -> tuple[bytes, Mask]:
    cracks = 0 if number % _BARE_EVERY == _BARE_EVERY - 1 else 1 + number % 2
    drawing = draw_photograph(_SIDE, _SIDE, _SEED + number, cracks, _MIX)
    quality = int(generator_of("quality", _SEED + number).integers(55, 97))
    return encoded(drawing.rgb, "JPEG", quality=quality), drawing.mask
