"""The drawn walls that backbones learn from, with the masks of their cracks.

They are kept in the cache folder, a file for every few hundred, so that drawing goes on where it
was killed. A file is an array of `PATCH`, mapped into memory as it is read.
"""

import hashlib
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cracks import drawing
from cracks.drawing.cracks import Kind, Style
from cracks.drawing.surface import Materials
from cracks.drawing.walls import MIX, SIDE, Mix, draw_patches
from cracks.project.outputs import replacing
from cracks.runtime.cache_folder import cache_folder, code_version
from cracks.runtime.progress import progress
from cracks.runtime.workers import in_processes

CHUNK = 250
"""Walls of a file; each is two patches, a bare and a cracked one."""

PATCH = np.dtype([("rgb", np.uint8, (SIDE, SIDE, 3)), ("mask", np.uint8, (SIDE, -(-SIDE // 8)))])
"""A patch and its mask, eight pixels to a byte."""

HARD = Mix(
    Materials(concrete=0.5, plaster=0.12, asphalt=0.2, masonry=0.18),
    Style(
        kinds=(
            Kind(0.22, 0.7, 1.3, 0.4, 0.8),
            Kind(0.32, 1.3, 3.0, 0.45, 0.9),
            Kind(0.28, 3.0, 8.0, 0.55, 0.95),
            Kind(0.15, 8.0, 26.0, 0.65, 0.97),
            Kind(0.03, 26.0, 55.0, 0.8, 0.97),
        ),
        lost=12.0,
    ),
    look_alikes=(0.35, 0.35, 0.22, 0.08),
)
"""Every second wall: thinner and paler cracks, more that is taken for cracks, more materials."""

_MIXES = (MIX, HARD)


def draw_walls(walls: int, seed: int) -> list[Path]:
    """Draw the walls that are not in the cache folder yet; return the files of all.

    Args:
        walls: how many; whole files are drawn.
        seed: one that no dataset is drawn from.
    """
    folder = cache_folder(f"pretraining/walls-{_version()}-{seed}")
    files = [folder / f"{first:06}.npy" for first in range(0, walls, CHUNK)]
    missing = [file for file in files if not file.exists()]
    numbers = [int(file.stem) + place for file in missing for place in range(CHUNK)]
    drawn = in_processes(partial(_patches, seed=seed), numbers, chunk=8)
    drawn = iter(progress(drawn, total=len(numbers), desc="drawing", unit="wall"))
    for file in missing:
        chunk = np.concatenate([next(drawn) for _ in range(CHUNK)])
        with replacing(file) as unfinished, unfinished.open("wb") as stream:
            np.save(stream, chunk)
    return files


def mask_of(packed: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The mask `[SIDE, SIDE]` of a patch, 1 where it is cracked."""
    return np.unpackbits(packed, axis=-1, count=SIDE)


def _patches(number: int, seed: int) -> NDArray[np.void]:
    """The two patches of a wall, `[2]` of `PATCH`."""
    pair = draw_patches(number, seed, _MIXES[number % len(_MIXES)])
    patches = np.empty(2, PATCH)
    patches["rgb"] = [patch.rgb for patch in pair]
    patches["mask"] = np.packbits([patch.mask for patch in pair], axis=-1)
    return patches


def _version() -> str:
    """What the drawings depend on beside their seed and number."""
    return hashlib.sha256(f"{code_version(drawing)}{_MIXES}".encode()).hexdigest()[:12]
