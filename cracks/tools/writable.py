"""Whether results may be written to a folder, told before the work begins."""

import errno
import os
from pathlib import Path


def check_writable(folder: Path) -> None:
    """Check that files may be written below a folder.

    Args:
        folder: it need not exist yet.

    Raises:
        OSError: if it, or what is to hold it, is read-only or another user's.
    """
    there = nearest(folder)
    if not os.access(there, os.W_OK | os.X_OK):
        read_only = hasattr(os, "statvfs") and os.statvfs(there).f_flag & os.ST_RDONLY
        number = errno.EROFS if read_only else errno.EACCES
        raise OSError(number, os.strerror(number), os.fspath(there))


def nearest(path: Path) -> Path:
    """What is there already of a path: itself, or the nearest above it."""
    return next(place for place in (path, *path.absolute().parents) if place.exists())
