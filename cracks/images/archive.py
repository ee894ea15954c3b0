"""The one archive that holds all images: how it is written and how members are read.

The archive is a zip file of *stored* members, JPEG and PNG being compressed already, so a member is
read by one seek. It is never unpacked. A member's name is the image's id everywhere.
"""

import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from cracks.pipeline.errors import CracksError
from cracks.pipeline.outputs import replacing

_EPOCH = (1980, 1, 1, 0, 0, 0)  # the zip format's first day: the same bytes on any day
_JUNK_FOLDERS = {"__MACOSX"}
_JUNK_NAMES = {".DS_Store", "Thumbs.db", "desktop.ini"}


def write_archive(path: Path, members: Iterable[tuple[str, bytes]]) -> int:
    """Write `(name, data)` pairs as a zip of stored members and return their number.

    The bytes of the archive depend on the names, the data and their order alone.
    """
    count = 0
    with replacing(path) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        for name, data in members:
            member = zipfile.ZipInfo(name, date_time=_EPOCH)
            member.create_system = 3  # Unix, on any system
            member.external_attr = 0o644 << 16
            archive.writestr(member, data)
            count += 1
    return count


def open_archive(path: Path) -> zipfile.ZipFile:
    """Open an archive for reading.

    Raises:
        CracksError: if there is no such file, or it is no zip file or one cut in the middle.
    """
    try:
        return zipfile.ZipFile(path)
    except FileNotFoundError:
        raise CracksError(f"Expected an archive of images at {path}, found none.") from None
    except (zipfile.BadZipFile, IsADirectoryError) as error:
        raise CracksError(
            f"Expected a zip archive at {path}, found something else or only a part of one "
            f"({error}); fetch or make it again."
        ) from None


def is_junk(name: str) -> bool:
    """Whether a member is an operating system's own bookkeeping, not anybody's file."""
    *folders, last = name.split("/")
    return bool(_JUNK_FOLDERS.intersection(folders)) or last in _JUNK_NAMES or last.startswith("._")


def member_names(archive: zipfile.ZipFile) -> list[str]:
    """Names of all files in the archive, sorted, without folders and system junk."""
    return sorted(
        m.filename for m in archive.infolist() if not m.is_dir() and not is_junk(m.filename)
    )


def read_members(path: Path, names: Iterable[str]) -> Iterator[tuple[str, bytes]]:
    """Yield `(name, data)` for the given names.

    Raises:
        CracksError: if a member is missing or its checksum does not fit.
    """
    with open_archive(path) as archive:
        for name in names:
            yield name, read_member(archive, name)


def read_member(archive: zipfile.ZipFile, name: str) -> bytes:
    """The bytes of one member, its checksum verified.

    Raises:
        CracksError: if it is missing or damaged.
    """
    try:
        return archive.read(name)
    except (KeyError, zipfile.BadZipFile, EOFError, OSError) as error:
        raise CracksError(
            f"Could not read {name!r} from {archive.filename} ({error}); "
            "the archive is damaged or changed while it was read: run `dvc repro` again."
        ) from None
