"""Temporary arrays on disk, for what may not fit into memory."""

from collections.abc import Iterable
from tempfile import TemporaryFile
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from cracks.runtime.cache_folder import cache_folder

Number = TypeVar("Number", bound=np.floating)


def on_disk(parts: Iterable[NDArray[Number]]) -> NDArray[Number]:
    """Arrays `[n, ...]` of different n, concatenated into one array on the disk.

    The operating system keeps in memory what fits there. The file lies in the cache folder and has
    no name, so that nothing is left of it, however the process ends.

    Args:
        parts: at least one row in all, of the same type and shape everywhere.

    Raises:
        OSError: if the disk has no space for it; `filename` is the folder.
    """
    folder = cache_folder("scratch")
    rows = 0
    try:
        with TemporaryFile(dir=folder) as file:
            for part in parts:
                file.write(np.ascontiguousarray(part).data)
                rows += len(part)
            file.flush()
            whole = np.memmap(file, part.dtype, mode="r", shape=(rows, *part.shape[1:]))
            return np.asarray(whole)
    except OSError as error:
        error.filename = str(folder)  # the file itself has no name that helps
        raise
