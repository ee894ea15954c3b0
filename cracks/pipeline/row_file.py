"""Files of numbers whose rows are named by image id: features and scores.

Such a file is one structured `.npy` array with the fields `id` (UTF-8 bytes) and one array of
float32 a row. `np.load(path, mmap_mode="r")` maps it into memory anywhere; since names and numbers
are in the same row, they cannot get out of step.
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
"""The fields of the two kinds of file."""

_ALIGNMENT = 64  # bytes: rows begin where float32 may be read fast


def create_rows(
    path: Path, ids: Sequence[str], field: str, shape: tuple[int, ...]
) -> np.memmap[Any, np.dtype[np.void]]:
    """Make a file with one zero row of `shape` float32 an id, mapped into memory for writing.

    Write to `rows[field][i]` and flush at the end. The space is allocated at once.

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
    """Reserve the file's blocks: a full disk is an error here instead of a SIGBUS later."""
    if hasattr(os, "posix_fallocate"):
        with path.open("r+b") as file:
            os.posix_fallocate(file.fileno(), 0, path.stat().st_size)


def open_rows(path: Path, field: str) -> tuple[list[str], NDArray[np.float32]]:
    """Ids and the float32 array `[rows, ...]` of `field`, mapped into memory for reading.

    Raises:
        CracksError: if the file is missing or is not one of these.
    """
    try:
        rows = np.load(path, mmap_mode="r", allow_pickle=False)
        return [name.decode() for name in rows["id"]], rows[field]
    except FileNotFoundError:
        raise CracksError(f"Expected {path}, found none; run `dvc repro`.") from None
    except (ValueError, IndexError, EOFError, OSError) as error:
        raise CracksError(
            f"Expected rows of {field} in {path}, found something else ({error}); run `dvc repro`."
        ) from None
