"""The table of engines, and loading one for a backbone.

All engines take the same uint8 RGB batch and include preprocessing and pooling. To add an engine,
write its module beside this one and add an entry to `ENGINES`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cracks.backbones.engines import openvino, tensorflow
from cracks.backbones.engines.batches import Dependencies, Pixels, Run
from cracks.project.params import lookup

Features = NDArray[np.float32]
"""`[n, channels]`, the feature map pooled by `cracks.backbones.pooling`."""

Load = Callable[[str, Path, int, str, Sequence[str]], Run]
"""`(backbone, weights, image_size, precision, outputs) -> run`."""


@dataclass(frozen=True)
class Engine:
    """Something that runs a frozen backbone."""

    load: Load
    dependencies: Callable[[str, str], Dependencies]  # of a backbone's features in a precision


ENGINES = {
    "openvino": Engine(openvino.load, openvino.dependencies),
    "tensorflow": Engine(tensorflow.load, tensorflow.dependencies),
}


class FeaturesAndMaps(NamedTuple):
    """Features of a batch of images, and of the cells of each."""

    features: Features
    maps: NDArray[np.float32]  # [n, rows, columns, channels]


def dependencies(engine: str, backbone: str, precision: str) -> Dependencies:
    """What features by this engine depend on besides the backbone, its weights and the images."""
    return lookup(ENGINES, "engine", engine).dependencies(backbone, precision)


def load_engine(
    engine: str, backbone: str, weights: Path, image_size: int, precision: str
) -> Callable[[Pixels], Features]:
    """A function from a batch of pixels to features.

    Args:
        engine: name in `ENGINES`.
        backbone: name in `cracks.backbones.catalogue.BACKBONES`.
        weights: its Keras weights without top.
        image_size: pixels of a side.
        precision: `float32`, `bfloat16` or `int8`, the type of the convolutions' operands. The
            features are float32 in any case.

    Raises:
        CracksError: if the engine is unknown, the weights do not fit, or the engine cannot compute
            in that precision here.
    """
    load = lookup(ENGINES, "engine", engine).load
    run = load(backbone, weights, image_size, precision, ("features",))
    return lambda pixels: run(pixels)[0]


def load_map_engine(
    engine: str, backbone: str, weights: Path, image_size: int, precision: str
) -> Callable[[Pixels], FeaturesAndMaps]:
    """As `load_engine`, for features of images and of their cells."""
    load = lookup(ENGINES, "engine", engine).load
    run = load(backbone, weights, image_size, precision, ("features", "map"))
    return lambda pixels: FeaturesAndMaps(*run(pixels))


def load_cell_engine(
    engine: str, backbone: str, weights: Path, image_size: int, precision: str
) -> Callable[[Pixels], NDArray[np.float32]]:
    """As `load_engine`, for features of cells `[n, h / 16, w / 16, channels]`.

    The images `[n, h, w, 3]` may have any height and width that are multiples of a cell;
    `image_size` is that of the images by which int8 models are calibrated.
    """
    load = lookup(ENGINES, "engine", engine).load
    run = load(backbone, weights, image_size, precision, ("map",))
    return lambda pixels: run(pixels)[0]
