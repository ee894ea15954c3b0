"""Writing files so that a reader sees a whole file or none.

Every output is written under a temporary name in its own folder and renamed when it is complete:
a rename is atomic within a file system, so a run that is killed leaves no partly written output.
"""

import hashlib
import json
import os
import platform
import shutil
import zlib
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pandas as pd
import psutil

from cracks.project.errors import CracksError
from cracks.project.temporary import remove, temporary

Number = int | float

DIGITS = 4
"""Decimals of every number in the metrics: those that are the same on every processor."""

FINE_DIGITS = 6
"""Decimals of probabilities and training losses, from which everything else is computed."""

_NAME_KEPT = 40  # characters of a name that its temporary name begins with: not too many
_SUFFIX_KEPT = 10  # characters; anything longer after a dot is not a suffix
_CLOCK_TOLERANCE = 2.0  # seconds by which the clocks of processes and files may differ
_HOST = f"{zlib.crc32(platform.node().encode()):08x}"


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; rename it to `path` if the block succeeds.

    The last two suffixes of `path` are kept, for libraries that choose a format by them. On an
    error the temporary file is removed and `path` is left as it was. Temporary names are unique to
    a process; those of killed processes are removed. A symbolic link is kept, and the file that it
    points to is replaced.

    Raises:
        CracksError: if `path` is a folder.
        OSError: if it cannot be written; `filename` is `path`.
    """
    if path.is_dir():
        raise CracksError(f"Expected {path} to be a file, found a folder; move it away.")
    target = path.resolve() if path.is_symlink() else path
    suffix = "".join(s for s in target.suffixes[-2:] if len(s) <= _SUFFIX_KEPT)
    target.parent.mkdir(parents=True, exist_ok=True)
    with _renamed_when_complete(path, target, suffix) as unfinished:
        yield unfinished


def copy_together(copies: Mapping[Path, Path]) -> None:
    """Copy files to other places; on an error, what was there before stays at all of them.

    Args:
        copies: the places by the files, what needs others before them.

    Raises:
        OSError: if something cannot be written; `filename` is the place.
    """
    with ExitStack() as together:  # what is opened last gets its name first
        for source, place in copies.items():
            shutil.copyfile(source, together.enter_context(replacing(place)))


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """Yield a temporary folder beside `path`; rename it to `path` if the block succeeds.

    On an error the temporary folder is removed, as are those of killed processes.

    Raises:
        CracksError: if `path` exists and is not an empty folder, or `path` is below a file.
        OSError: if something cannot be written; `filename` is `path`.
    """
    target = path.resolve()
    if target.exists() and not (target.is_dir() and not any(target.iterdir())):
        raise CracksError(
            f"Expected a new or empty folder for the results, found something at {path}; "
            "name another one."
        )
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise CracksError(f"Expected a folder at {path.parent}, found a file.") from None
    with _renamed_when_complete(path, target) as unfinished:
        unfinished.mkdir()
        yield unfinished
        if target.exists():
            target.rmdir()  # Windows cannot rename to an existing folder


@contextmanager
def _renamed_when_complete(path: Path, target: Path, suffix: str = "") -> Iterator[Path]:
    """Yield a temporary path beside `target` that ends with `suffix`; rename it after the block.

    Errors about the temporary path, or about none, are those of `path`.
    """
    prefix = f".{target.name.removesuffix(suffix)[:_NAME_KEPT]}.tmp.{_HOST}-"
    unfinished = target.with_name(f"{prefix}{os.getpid()}{suffix}")
    try:
        _remove_left_by_killed(target.parent, prefix, suffix)
        with temporary(unfinished):
            yield unfinished
            unfinished.replace(target)
    except OSError as error:
        names = [Path(str(name)) for name in (error.filename, error.filename2)]
        if error.filename is None or any(name.is_relative_to(unfinished) for name in names):
            error.filename, error.filename2 = str(path), None
        raise


def _remove_left_by_killed(folder: Path, prefix: str, suffix: str) -> None:
    for left in folder.iterdir():
        if left.name.startswith(prefix) and left.name.endswith(suffix):
            process = left.name.removeprefix(prefix).removesuffix(suffix)
            if process.isdecimal() and not _is_written_by(int(process), left):
                remove(left)


def _is_written_by(number: int, path: Path) -> bool:
    """Whether the process with this id is alive and not a later one that reuses the id."""
    try:
        process = psutil.Process(number)
        ended = process.status() == psutil.STATUS_ZOMBIE
        later = process.create_time() > path.lstat().st_mtime + _CLOCK_TOLERANCE
    except psutil.AccessDenied:
        return True
    except (psutil.NoSuchProcess, FileNotFoundError):
        return False
    return not (ended or later)


def reserve(path: Path, size: int) -> None:
    """Allocate `size` bytes on the disk for a file; what it holds stays.

    A full disk is then an error at once; some libraries would crash on it later.

    Raises:
        OSError: if the disk has no space for it; `filename` is `path`.
    """
    with path.open("ab") as file:
        if hasattr(os, "posix_fallocate"):
            try:
                os.posix_fallocate(file.fileno(), 0, size)
            except OSError as error:
                error.filename = str(path)
                raise


def write_text(path: Path, text: str) -> None:
    """Write text in UTF-8; a device or a pipe such as /dev/stdout is written to, not replaced."""
    if path.is_relative_to("/dev") or (path.exists() and not path.is_file() and not path.is_dir()):
        with path.open("a", encoding="utf-8") as file:
            file.write(text)
        return
    with replacing(path) as unfinished:
        unfinished.write_text(text, encoding="utf-8")


def write_json(path: Path, values: Mapping[str, Number]) -> None:
    """Write flat numbers as JSON, floats rounded to `DIGITS` decimals, keys in given order.

    Raises:
        ValueError: if a number is not finite, which JSON cannot represent.
    """
    write_text(path, json.dumps(rounded(values), indent=2, allow_nan=False) + "\n")


def rounded(values: Mapping[str, Number]) -> dict[str, Number]:
    """The values as metrics files have them: floats with `DIGITS` decimals."""
    return {k: round(v, DIGITS) if isinstance(v, float) else v for k, v in values.items()}


def write_counts(path: Path, counts: Mapping[str, Number]) -> None:
    """Write a table with the columns `count` and `value`, floats rounded to `DIGITS` decimals."""
    write_csv(path, pd.DataFrame(rounded(counts).items(), columns=["count", "value"], dtype=object))


def write_csv(path: Path, table: pd.DataFrame, digits: int | None = DIGITS) -> None:
    """Write a table without its index, with Unix line ends.

    Floats have `digits` decimals, or if None, as many as it takes to read them back exactly.
    """
    form = None if digits is None else f"%.{digits}f"
    with replacing(path) as unfinished:
        table.to_csv(unfinished, index=False, float_format=form, lineterminator="\n")


def sha256_of(path: Path) -> str:
    """Hexadecimal SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
