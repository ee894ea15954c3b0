"""What every engine takes, returns and depends on: batches of images, outputs, code."""

from collections.abc import Callable, Iterable, Iterator
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

    def and_also(self, more: "Dependencies") -> "Dependencies":
        """The union of both."""
        return Dependencies(
            self.packages + more.packages, self.modules + more.modules, self.files + more.files
        )


def full_batch(pixels: Pixels) -> Pixels:
    """Pad a batch to `BATCH` images, for engines whose results depend on the batch size."""
    missing = BATCH - len(pixels)
    return np.pad(pixels, [(0, missing), (0, 0), (0, 0), (0, 0)]) if missing else pixels


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
