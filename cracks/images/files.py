"""Files of photographs: which names are valid, reading with checks of type and size, encoding."""

import io
import re
from collections.abc import Collection
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from PIL import Image

from cracks.images.decoding import RGB, SUFFIXES, Mask
from cracks.project.errors import CracksError

MAX_BYTES = 1_000_000_000
"""Bytes above which a file or a member of an archive is refused before it is read."""

# Names that systems, cameras, synchronisation and storage leave among files, in lower case. Names
# that begin with a dot are hidden, and count as junk as well.
_JUNK_FOLDERS = {
    *("__macosx", "@eadir", "#recycle", "#snapshot", "@recycle", "@recently-snapshot"),
    *("@__thumb", "@synoeastream", "$recycle.bin", "system volume information", "lost+found"),
    *("network trash folder", "temporary items", "__pycache__"),
}
_RESCUED = re.compile(r"found\.\d{3}")  # folders in which Windows keeps pieces of files
_JUNK_NAMES = {
    *("icon\r", "thumbs.db", "ehthumbs.db", "ehthumbs_vista.db", "desktop.ini", "picasa.ini"),
    *("zbthumbnail.info", "sthumbs.dat"),
}

_RAW = {
    *(".3fr", ".arw", ".cr2", ".cr3", ".crw", ".dcr", ".dng", ".erf", ".fff", ".gpr", ".iiq"),
    *(".kdc", ".mef", ".mos", ".mrw", ".nef", ".nrw", ".orf", ".pef", ".raf", ".raw", ".rw2"),
    *(".rwl", ".sr2", ".srf", ".srw", ".x3f"),
}

# Control characters and line separators break tables, direction overrides make a name look like
# another, and surrogates are what Python makes of bytes that are not UTF-8.
_UNFIT = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def is_junk(name: str) -> bool:
    """Whether a file or folder is hidden or was left by a system or a program, such as Thumbs.db.

    Args:
        name: its path within the folder or the archive that the user named.
    """
    parts = [part.casefold() for part in name.split("/") if part not in {"", ".", ".."}]
    hidden = any(part.startswith(".") or _RESCUED.fullmatch(part) for part in parts)
    return hidden or not _JUNK_FOLDERS.isdisjoint(parts) or bool(_JUNK_NAMES & {*parts[-1:]})


def is_image_name(name: str) -> bool:
    """Whether a name has the suffix of a format that `decode` reads."""
    return PurePosixPath(name).suffix.lower() in SUFFIXES


def named_as_images(names: Collection[str]) -> list[str]:
    """Names with the suffix of an image; if there are none, names without any suffix."""
    images = [name for name in names if is_image_name(name)]
    return images or [name for name in names if not PurePosixPath(name).suffix]


def points_outside(name: str) -> bool:
    """Whether a name, with `/` between its folders, leads out of the folder or the archive."""
    path = PurePosixPath(name)
    return path.is_absolute() or ".." in path.parts or bool(PureWindowsPath(name).drive)


def check_no_raw(name: str) -> None:
    """Check that a name is not that of a camera's raw file, which may begin with a thumbnail.

    Raises:
        CracksError: if it is.
    """
    if PurePosixPath(name).suffix.lower() in _RAW:
        raise CracksError("a raw file of a camera; develop it to JPEG, PNG or TIFF")


def check_name(name: str, place: str = "") -> None:
    """Check that a name can be written into tables and displayed.

    Args:
        name: of a file or of a member of an archive, with its folders.
        place: the archive or folder, for the error message, if the name alone is not enough.

    Raises:
        CracksError: if it is empty, not UTF-8, or has control characters or direction overrides.
    """
    if not name or _UNFIT.search(name):
        raise CracksError(
            f"Expected file names in UTF-8 without control characters{place and ' in '}{place}, "
            f"found {name!r}; rename the file."
        )


def read_file(path: Path) -> bytes:
    """The bytes of a photograph.

    Raises:
        CracksError: with the reason, if it cannot be read or is refused.
    """
    try:
        if not path.is_file():  # reading from a FIFO or a device may never end
            raise CracksError("not a regular file")
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise CracksError(f"{size:,} bytes are more than the {MAX_BYTES:,} allowed")
        return path.read_bytes()
    except MemoryError:
        raise CracksError("needs more memory than there is") from None
    except OSError as error:
        raise CracksError(f"cannot be read ({error.strerror})") from None


def encoded(pixels: RGB | Mask, form: str, **options: Any) -> bytes:
    """An image file: `JPEG` or `PNG`, with Pillow's options for that format."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, form, **options)
    return buffer.getvalue()
