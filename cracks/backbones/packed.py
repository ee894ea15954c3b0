"""Packed weights: 8 bits for each weight of a kernel, for files small enough to be kept in Git.

A file is a NumPy archive (`.npz`). For a kernel it holds `<layer>/<number>`, int8 of the kernel's
shape, and `<layer>/<number>/scale`, float32 for each channel of the last axis; for biases and batch
normalisation, float32. Symmetric quantisation per channel is what the int8 engine does to kernels
as well (Krishnamoorthi 2018, "Quantizing deep convolutional networks for efficient inference",
section 3.1), so packing adds no error to its own.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cracks.project.outputs import replacing

_LARGEST = 127  # of int8, so that both signs have the same range
_SCALE = "/scale"

Arrays = Sequence[NDArray[np.float32]]


def write_packed(path: Path, layers: Mapping[str, Arrays]) -> None:
    """Write the weights of layers, by name, as Keras orders them.

    Raises:
        OSError: if the file cannot be written.
    """
    with replacing(path) as unfinished, unfinished.open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, **dict(_entries(layers)))


def read_packed(path: Path) -> dict[str, list[NDArray[np.float32]]]:
    """The weights of each layer, by name, as Keras orders them.

    Raises:
        OSError: if the file is missing.
        ValueError, KeyError, zipfile.BadZipFile: if it is damaged.
    """
    layers: dict[str, list[NDArray[np.float32]]] = {}
    with np.load(path) as archive:
        for name in (name for name in archive.files if not name.endswith(_SCALE)):
            values = archive[name].astype(np.float32)
            if name + _SCALE in archive.files:
                values *= archive[name + _SCALE]
            layers.setdefault(name.rpartition("/")[0], []).append(values)
    return layers


def _entries(layers: Mapping[str, Arrays]) -> Iterator[tuple[str, NDArray[np.generic]]]:
    for layer, arrays in layers.items():
        for number, array in enumerate(arrays):
            name = f"{layer}/{number}"
            if array.ndim == 1:
                yield name, array.astype(np.float32)
                continue
            peak = np.abs(array).max(axis=tuple(range(array.ndim - 1)))
            scale = np.where(peak > 0, peak / _LARGEST, 1).astype(np.float32)
            yield name, np.rint(array / scale).astype(np.int8)
            yield name + _SCALE, scale
