"""A small file system of its own, which a test may fill or make read-only."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[Path]:
    """Mount a file system of `size` (as of mount, `8m`) at `folder`; skip where that is refused."""
    if not sys.platform.startswith("linux"):
        pytest.skip("mounts a tmpfs of Linux")
    folder.mkdir(parents=True, exist_ok=True)
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip(f"may not mount a small file system: {mounted.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(folder: Path, leave: int) -> None:
    """Fill the file system of a folder up to `leave` bytes."""
    filler, rest = folder / "filler", folder / "rest"
    rest.write_bytes(bytes(leave))
    with suppress(OSError), filler.open("wb", buffering=0) as file:
        while file.write(bytes(os.statvfs(folder).f_bsize)):
            pass
    rest.unlink()


def make_read_only(folder: Path) -> None:
    """Remount the file system of a folder."""
    subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True)
