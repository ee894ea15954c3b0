"""Row files: arrays whose rows are named by image id, for features and scores.

A row file is a structured `.npy` array with two fields, `id` (UTF-8 bytes) and a float32 array.
`np.load(path, mmap_mode="r")` maps it into memory. Names and numbers are in the same row, so they
cannot get out of step.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cracks.pipeline.errors import CracksError

FEATURES = "features"
PROBABILITY = "probability"
"""The float32 field of feature files and of score files."""

_ALIGNMENT = 64  # bytes: aligned rows are read faster


def create_rows(
    path: Path, ids: Sequence[str], field: str, shape: tuple[int, ...]
) -> np.memmap[Any, np.dtype[np.void]]:
    """Create a file with a zero row of `shape` float32 for each id, mapped into memory for writing.

    Write to `rows[field][i]` and flush at the end. Disk space is allocated immediately.

    Raises:
        OSError: if the disk has no space for it.
    """
    names = [name.encode() for name in ids]
    width = max((len(name) for name in names), default=1)
    width = -(-width // _ALIGNMENT) * _ALIGNMENT
    dtype = np.dtype([("id", f"S{width}"), (field, "<f4", shape)])
    rows = np.lib.format.open_memmap(path, mode="w+", dtype=dtype, shape=(len(names),))
    _allocate(path)
    rows["id"] = names
    return rows


def _allocate(path: Path) -> None:
    """Reserve the file's blocks, so that a full disk raises here and not as SIGBUS later."""
    if hasattr(os, "posix_fallocate"):
        with path.open("r+b") as file:
            os.posix_fallocate(file.fileno(), 0, path.stat().st_size)


def open_rows(path: Path, field: str) -> tuple[list[str], NDArray[np.float32]]:
    """Ids and the float32 array `[rows, ...]` of `field`, mapped into memory for reading.

    Raises:
        CracksError: if the file is missing or not a row file.
    """
    try:
        rows = np.load(path, mmap_mode="r", allow_pickle=False)
        return [name.decode() for name in rows["id"]], rows[field]
    except FileNotFoundError:
        raise CracksError(f"Expected {path}, found none; run `dvc repro`.") from None
    except (ValueError, IndexError, EOFError, OSError) as error:
        raise CracksError(
            f"Expected rows of {field} in {path}, could not read it ({error}); run `dvc repro`."
        ) from None
