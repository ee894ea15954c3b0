"""Row files: arrays whose rows are named by image id, for features and scores.

A row file is a structured `.npy` array with two fields, `id` (UTF-8 bytes) and an array of floats.
`np.load(path, mmap_mode="r")` maps it into memory. Names and numbers are in the same row, so they
cannot get out of step.
"""

import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cracks.project.errors import CracksError
from cracks.project.outputs import reserve

FEATURES = "features"
"""The float32 field of feature files."""

PROBABILITY = "probability"
"""The float64 field of score files."""

_AXES = {FEATURES: 3, PROBABILITY: 2}  # image, view, channel; image, head

_ALIGNMENT = 64  # bytes: aligned rows are read faster


def create_rows(
    path: Path,
    ids: Sequence[str],
    field: str,
    shape: tuple[int, ...],
    numbers: type[np.floating] = np.float32,
) -> np.memmap[Any, np.dtype[np.void]]:
    """Create a file with a zero row of `shape` numbers for each id, mapped into memory for writing.

    Write to `rows[field][i]` and flush at the end. Disk space is allocated immediately.

    Raises:
        OSError: if the disk has no space for it.
    """
    names = [name.encode() for name in ids]
    width = max((len(name) for name in names), default=1)
    width = -(-width // _ALIGNMENT) * _ALIGNMENT
    little_endian = np.dtype(numbers).newbyteorder("<")
    dtype = np.dtype([("id", f"S{width}"), (field, little_endian, shape)])
    rows = np.lib.format.open_memmap(path, mode="w+", dtype=dtype, shape=(len(names),))
    reserve(path, path.stat().st_size)  # a full disk raises here and not as SIGBUS later
    rows["id"] = names
    return rows


def open_rows(path: Path, field: str) -> tuple[list[str], NDArray[Any]]:
    """Ids and the array `[rows, ...]` of `field`, mapped into memory for reading.

    Raises:
        CracksError: if the file is missing or not a row file.
    """
    try:
        rows = _loaded(path, field)
        return [name.decode() for name in rows["id"]], rows[field]
    except FileNotFoundError:
        raise CracksError(f"Expected {path}, found none; run `dvc repro`.") from None
    except (ValueError, KeyError, IndexError, EOFError, OSError, zipfile.BadZipFile) as error:
        raise CracksError(
            f"Expected rows of {field} in {path}, could not read it ({error}); run `dvc repro`."
        ) from None


def _loaded(path: Path, field: str) -> NDArray[np.void]:
    if path.exists() and not path.is_file():  # reading from a FIFO may never end
        raise ValueError("not a regular file")
    rows = np.load(path, mmap_mode="r", allow_pickle=False)
    if not isinstance(rows, np.ndarray) or rows.ndim != 1 or rows.dtype["id"].kind != "S":
        raise ValueError("no rows that are named by image ids")
    if rows[field].ndim != _AXES[field]:
        raise ValueError(f"rows of the shape {rows[field].shape[1:]}")
    return rows
