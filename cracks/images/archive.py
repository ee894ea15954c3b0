"""Reading and writing the archive of all images.

It is a zip file of *stored* members (JPEG and PNG are compressed already), so that reading a member
takes one seek. It is never unpacked. The name of a member is the id of the image everywhere.
"""

import stat
import zipfile
from collections.abc import Iterable
from pathlib import Path

from cracks.images.files import MAX_BYTES, check_name, is_junk
from cracks.project.errors import ZIP_DAMAGE, CracksError
from cracks.project.outputs import replacing

_EPOCH = (1980, 1, 1, 0, 0, 0)  # the zip format's first day: the same bytes on any day
_METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}  # others can inflate without bound
_ENCRYPTED = 0x1  # bit of a member's flags
_MAX_RATIO = 100  # far above that of photographs


def write_archive(path: Path, members: Iterable[tuple[str, bytes]]) -> int:
    """Write `(name, data)` pairs as a zip of stored members and return their number.

    The bytes of the archive depend only on the names, the data and their order.
    """
    with replacing(path) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        for name, data in members:
            member = zipfile.ZipInfo(name, date_time=_EPOCH)
            member.create_system = 3  # Unix, on any system
            member.external_attr = 0o644 << 16
            archive.writestr(member, data)
        return len(archive.infolist())


def open_archive(path: Path) -> zipfile.ZipFile:
    """Open an archive for reading.

    Raises:
        CracksError: if the file is missing, is not a zip file or damaged, or its members are
            implausibly large for its size.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # opening a FIFO may never end
            raise zipfile.BadZipFile("not a regular file")
        archive = zipfile.ZipFile(path)
    except FileNotFoundError:
        raise CracksError(f"Expected an archive of images at {path}, found none.") from None
    except PermissionError:
        raise CracksError(f"Could not open {path}: no permission; change its mode.") from None
    except ZIP_DAMAGE as error:
        raise CracksError(
            f"Expected a zip archive at {path}, found something else or a part of one "
            f"({_reason(error)}); fetch or make it again."
        ) from None
    unpacked = sum(member.file_size for member in archive.infolist())
    if unpacked > max(_MAX_RATIO * path.stat().st_size, MAX_BYTES):
        archive.close()
        raise CracksError(
            f"Expected an archive of images at {path}, found one whose members would have "
            f"{unpacked:,} bytes, over {_MAX_RATIO} times its own size; take an archive from a "
            "source that you trust."
        )
    return archive


def member_names(archive: zipfile.ZipFile) -> list[str]:
    """Names of all files in the archive, sorted, without folders and system junk.

    Raises:
        CracksError: if a name occurs twice or cannot be written into a table.
    """
    names: set[str] = set()
    for member in archive.infolist():
        name = member.orig_filename  # `filename` ends at a NUL
        if name.endswith(("/", "\\")) or is_junk(name):
            continue
        check_name(name, str(archive.filename))
        if name in names:
            raise CracksError(
                f"Expected one file of each name in {archive.filename}, found two of {name!r}; "
                "pack the archive again."
            )
        names.add(name)
    return sorted(names)


def read_member(archive: zipfile.ZipFile, name: str, max_bytes: int = MAX_BYTES) -> bytes:
    """The bytes of one member, its checksum verified.

    Raises:
        CracksError: if it is missing, damaged, encrypted, compressed in another way than by
            deflate, or has more than `max_bytes`.
    """
    try:
        member = archive.getinfo(name)
        _check_readable(member, f"{name!r} from {archive.filename}", max_bytes)
        with archive.open(member) as file:
            data = file.read(member.file_size + 1)  # `read()` would inflate up to 2 GiB at once
        if len(data) != member.file_size:
            raise zipfile.BadZipFile(f"{len(data):,} of {member.file_size:,} bytes")
    except MemoryError:
        raise CracksError(
            f"Could not read {name!r} from {archive.filename}: it needs more memory than there is."
        ) from None
    except ZIP_DAMAGE as error:
        raise CracksError(
            f"Could not read {name!r} from {archive.filename} ({_reason(error)}); the archive is "
            "damaged or changed while it was read: fetch or make it again."
        ) from None
    return data


def _check_readable(member: zipfile.ZipInfo, what: str, max_bytes: int) -> None:
    if member.flag_bits & _ENCRYPTED:
        reason = "it is encrypted; pack the archive again without a password"
    elif member.compress_type not in _METHODS:
        method = member.compress_type
        reason = f"it is compressed by method {method}; pack the archive again with deflate"
    elif member.file_size > max_bytes:
        reason = f"{member.file_size:,} bytes are more than the {max_bytes:,} allowed"
    else:
        return
    raise CracksError(f"Could not read {what}: {reason}.")


def _reason(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
