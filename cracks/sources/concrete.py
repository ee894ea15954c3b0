"""The course's archive of the Özgenel dataset, fetched or given."""

import hashlib
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from cracks.fetch import fetch, mismatch
from cracks.images.archive import open_archive, read_member
from cracks.pipeline.cache_folder import cache_folder
from cracks.pipeline.errors import CracksError
from cracks.pipeline.outputs import sha256_of
from cracks.pipeline.params import Concrete
from cracks.pipeline.paths import PHOTOS
from cracks.sources.archives import archive_members
from cracks.sources.class_folders import Members

_RAR = b"Rar!\x1a\x07"
_ALTERNATIVES = (
    "try again later, name an archive that you have (concrete.file: PATH), "
    "or take the drawn images, which need no network (dataset: sample)"
)


def concrete(section: Concrete, positive_class: str) -> Members:
    """The images of the course's archive, or of another zip archive in `section.file`.

    Folders above the classes, or above train, valid and test, are dropped from the names, and so
    is system junk; anything else is kept.

    Raises:
        CracksError: if the archive cannot be had, is not the expected one, is damaged, or does not
            hold two classes, `positive_class` among them.
    """
    path = _given_archive(section) if section.file else _fetched_archive(section)
    if section.sha256 is None:
        digest = sha256_of(path)
        print(f"{path.name} has no known checksum; to pin it, set below concrete: sha256: {digest}")
    return archive_members(path, positive_class)


def _checksum(section: Concrete) -> str | None:
    return f"sha256:{section.sha256}" if section.sha256 else None


def _given_archive(section: Concrete) -> Path:
    path = Path(section.file or "").expanduser()
    if not path.is_file():
        raise CracksError(f"Expected an archive at {path} (concrete.file), found none.")
    _refuse_rar(path)
    wrong = mismatch(path, section.size, _checksum(section))
    if wrong:
        raise CracksError(
            f"{path} is not the archive that params.yaml describes: {wrong}; give that one, or "
            "change concrete.size and concrete.sha256 to fit (null takes any)."
        )
    return path


def _fetched_archive(section: Concrete) -> Path:
    """The archive from the network; it stays in the cache if it can be read to the end."""
    first = section.urls[0]
    key = hashlib.sha256(first.encode()).hexdigest()[:8]
    path = fetch(
        section.urls,
        cache_folder("downloads") / f"{key}-{PurePosixPath(urlsplit(first).path).name}",
        what="the concrete images",
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
