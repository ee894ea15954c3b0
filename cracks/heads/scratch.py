"""Arrays that may not fit into memory, in files that vanish with the process."""

from collections.abc import Iterable
from tempfile import TemporaryFile

import numpy as np
from numpy.typing import NDArray

from cracks.pipeline.cache_folder import cache_folder


def on_disk(parts: Iterable[NDArray[np.float32]]) -> NDArray[np.float32]:
    """Arrays `[n, ...]` of several n, one after another, as one array that is read from the disk.

    The operating system keeps in memory what fits there. The file lies in the cache folder and has
    no name, so that nothing is left of it, however the process ends.

    Args:
        parts: at least one row in all, of the same shape everywhere.

    Raises:
        OSError: if the disk has no space for it; `filename` is the folder.
    """
    folder = cache_folder("scratch")
    rows, shape = 0, ()
    try:
        with TemporaryFile(dir=folder) as file:
            for part in parts:
                file.write(np.ascontiguousarray(part, np.float32).data)
                rows, shape = rows + len(part), part.shape[1:]
            file.flush()
            return np.memmap(file, np.float32, mode="r", shape=(rows, *shape))
    except OSError as error:
        error.filename = str(folder)  # the file itself has no name that helps
        raise
