"""What every engine takes, returns and depends on: batches of images, outputs, code."""

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from types import ModuleType
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from cracks.images.decoding import RGB

BATCH = 16
"""Images per batch; larger batches cost memory and are no faster on a CPU."""

Pixels = NDArray[np.uint8]
"""RGB `[n, image_size, image_size, 3]`, n at most `BATCH`."""

Outputs = list[NDArray[np.float32]]
"""An array for each requested output; its first axis is the image."""

Run = Callable[[Pixels], Outputs]

Item = TypeVar("Item")
Result = TypeVar("Result")


class Dependencies(NamedTuple):
    """What an engine's features depend on besides the backbone, its weights and the images."""

    packages: tuple[str, ...] = ()  # by their versions
    modules: tuple[ModuleType, ...] = ()  # by their code
    files: tuple[Path, ...] = ()  # by their bytes


def full_batch(pixels: Pixels) -> Pixels:
    """Pad a batch to `BATCH` images, for engines whose results depend on the batch size."""
    missing = BATCH - len(pixels)
    return np.pad(pixels, [(0, missing), (0, 0), (0, 0), (0, 0)]) if missing else pixels


def run_batched(
    engine: Callable[[Pixels], Result], inputs: Iterable[tuple[Item, RGB]]
) -> Iterator[tuple[list[Item], Result]]:
    """Run `(item, pixels)` through an engine in batches; yield the items and their results."""
    inputs = iter(inputs)
    while batch := list(islice(inputs, BATCH)):
        items, pixels = zip(*batch, strict=True)
        yield list(items), engine(np.stack(pixels))
