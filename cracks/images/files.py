"""Files of photographs: which names are valid, and reading with checks of type and size."""

import re
from pathlib import Path, PurePosixPath

from cracks.images.decoding import SUFFIXES
from cracks.pipeline.errors import CracksError

MAX_BYTES = 1_000_000_000
"""Bytes above which a file or a member of an archive is refused before it is read."""

_JUNK_FOLDERS = {"__MACOSX"}
_JUNK_NAMES = {".DS_Store", "Icon\r", "Thumbs.db", "desktop.ini"}

# Control characters and line separators break tables, direction overrides make a name look like
# another, and surrogates are what Python makes of bytes that are not UTF-8.
_UNFIT = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def is_junk(name: str) -> bool:
    """Whether a file is metadata of an operating system, such as .DS_Store."""
    *folders, last = name.split("/")
    return bool(_JUNK_FOLDERS.intersection(folders)) or last in _JUNK_NAMES or last.startswith("._")


def is_image_name(name: str) -> bool:
    """Whether a name ends like an image of a format that `decode` reads."""
    return PurePosixPath(name).suffix.lower() in SUFFIXES


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
