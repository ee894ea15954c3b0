"""Files and folders that must not outlive the process that made them."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

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
