"""Batches of images: what every engine takes and returns."""

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

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


def with_full_batches(run: Run) -> Run:
    """Pad every batch to `BATCH` images before `run` gets it.

    TensorFlow's results depend on the batch size; a constant size gives the same bits.
    """

    def run_full(pixels: Pixels) -> Outputs:
        missing = BATCH - len(pixels)
        full = np.pad(pixels, [(0, missing), (0, 0), (0, 0), (0, 0)]) if missing else pixels
        return [output[: len(pixels)] for output in run(full)]

    return run_full


def run_batched(
    engine: Callable[[Pixels], Result], inputs: Iterable[tuple[Item, RGB]]
) -> Iterator[tuple[list[Item], Result]]:
    """Run `(item, pixels)` through an engine in batches; yield the items and their results."""
    items: list[Item] = []
    pixels: list[RGB] = []
    for item, image in inputs:
        items.append(item)
        pixels.append(image)
        if len(items) == BATCH:
            yield items, engine(np.stack(pixels))
            items, pixels = [], []
    if items:
        yield items, engine(np.stack(pixels))
