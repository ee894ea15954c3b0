"""Files and folders that must not outlive the process that made them."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import mkdtemp

from cracks.project.errors import CracksError

_temporary: set[Path] = set()


@contextmanager
def temporary(path: Path) -> Iterator[Path]:
    """Yield a path, and remove what is there after the block or when Ctrl-C ends the process."""
    _temporary.add(path)
    try:
        yield path
    finally:
        remove(path)
        _temporary.discard(path)


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """Yield a new folder where the system keeps temporary files, and remove it after the block.

    Raises:
        CracksError: if there is no place for one.
    """
    try:
        folder = Path(mkdtemp(prefix="cracks-"))
    except FileNotFoundError:
        raise CracksError(
            "Expected a folder for temporary files that can be written, found none; free space on "
            "the disk, or set TMPDIR to another folder."
        ) from None
    with temporary(folder):
        yield folder


def remove_temporary() -> None:
    """Remove whatever is temporary now, before a process ends early."""
    for path in list(_temporary):
        remove(path)


def remove(path: Path) -> None:
    """Remove a file, or a folder with its contents; ignore what cannot be removed."""
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink(missing_ok=True)
