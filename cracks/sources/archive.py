"""A zip archive, given or fetched; by default, the one of the course with the Özgenel dataset."""

import hashlib
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from cracks.images.archive import open_archive, read_member
from cracks.project.errors import CracksError
from cracks.project.outputs import sha256_of
from cracks.project.params import Archive
from cracks.project.paths import PHOTOS, unwatched
from cracks.runtime.cache_folder import cache_folder
from cracks.runtime.fetch import fetch, mismatch
from cracks.sources.class_folders import Members
from cracks.sources.zip_files import archive_members

_RAR = b"Rar!\x1a\x07"
_ALTERNATIVES = (
    "try again later, name an archive that you have (archive.file: PATH), "
    "or take the drawn images, which need no network (dataset: sample)"
)


def archive_images(section: Archive, positive_class: str) -> Members:
    """The images of the archive at `section.file`, or else of the one at `section.urls`.

    Folders above the classes, or above train, valid and test, are dropped from the names, and so
    is system junk; anything else is kept.

    Raises:
        CracksError: if the archive cannot be obtained, is not the expected one, is damaged, or does
            not hold two classes, `positive_class` among them.
    """
    path = _given_archive(section) if section.file else _fetched_archive(section)
    if section.file and (warning := unwatched(path, PHOTOS, "download")):
        print(warning)
    if section.sha256 is None:
        digest = sha256_of(path)
        print(f"{path.name} has no known checksum; to pin it, set below archive: sha256: {digest}")
    return archive_members(path, positive_class)


def _checksum(section: Archive) -> str | None:
    return f"sha256:{section.sha256}" if section.sha256 else None


def _given_archive(section: Archive) -> Path:
    path = Path(section.file or "").expanduser()
    if not path.is_file():
        raise CracksError(f"Expected an archive at {path} (archive.file), found none.")
    _refuse_rar(path)
    if wrong := mismatch(path, section.size, _checksum(section)):
        raise CracksError(
            f"{path} is not the archive that params.yaml describes: {wrong}; give that one, or "
            "change archive.size and archive.sha256 to fit (null takes any)."
        )
    return path


def _fetched_archive(section: Archive) -> Path:
    """The archive from the network; it stays in the cache if it can be read to the end."""
    first = section.urls[0]
    key = hashlib.sha256(first.encode()).hexdigest()[:8]
    path = fetch(
        section.urls,
        cache_folder("downloads") / f"{key}-{PurePosixPath(urlsplit(first).path).name}",
        what="the archive of images",
        size=section.size,
        checksum=_checksum(section),
        hint=_ALTERNATIVES,
    )
    try:
        _refuse_rar(path)
        with open_archive(path) as archive:
            for name in archive.namelist():
                read_member(archive, name)
    except CracksError:
        path.unlink()
        raise
    return path


def _refuse_rar(path: Path) -> None:
    with path.open("rb") as file:
        if file.read(len(_RAR)) == _RAR:
            raise CracksError(
                f"Expected a zip archive at {path}, found a RAR archive, as Mendeley has it; "
                f"unpack it into {PHOTOS} and set dataset: photos."
            )
