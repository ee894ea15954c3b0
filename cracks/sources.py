"""Where images come from: drawn here, the course's archive, or the user's own photographs.

Each source yields `(member name, bytes)` pairs, sorted by name, for `cracks.archive.write_archive`.
A name is `[train|valid|test/]<class>/<file>`. Only names are looked at here; whether a file is a
usable image, the audit says.
"""

import hashlib
import os
import unicodedata
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path, PurePath, PurePosixPath, PureWindowsPath
from urllib.parse import urlsplit

from PIL import Image

from cracks.archive import is_junk, member_names, open_archive, read_member
from cracks.caches import cache_folder
from cracks.errors import CracksError
from cracks.fetch import fetch, mismatch
from cracks.files import sha256_of
from cracks.labels import CLASSES, place_of
from cracks.params import Concrete, Photos, Sample
from cracks.progress import progress
from cracks.sample import iter_sample

PHOTOS = Path("data/photos")

Members = Iterator[tuple[str, bytes]]

_RAR = b"Rar!\x1a\x07"
_WAYS_ON = (
    "try again later, name an archive that you have (concrete.file: PATH), "
    "or take the drawn images, which need no network (dataset: sample)"
)


def sample(section: Sample, positive_class: str) -> Members:
    """The drawn images.

    Raises:
        CracksError: if `positive_class` is not among their classes.
    """
    check_classes(CLASSES, positive_class, "the drawn sample")
    return iter_sample(section.images_per_class, section.seed)


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


def archive_members(path: Path, positive_class: str) -> Members:
    """The files of a zip archive, by names that begin with the split or the class.

    Raises:
        CracksError: if it is damaged or does not hold two classes, `positive_class` among them.
    """
    with open_archive(path) as archive:
        members = _member_ids(member_names(archive), path)
        check_classes(class_folders(members), positive_class, str(path))
        for name in progress(sorted(members), desc="packing", unit="file"):
            yield name, read_member(archive, members[name])


def photos(folder: Path, section: Photos, positive_class: str) -> Members:
    """The user's photographs in `folder`, at most `section.limit` of each class.

    Raises:
        CracksError: if they are not in two class folders, `positive_class` among them, or a file
            cannot be read.
    """
    paths = _photo_ids(folder)
    check_classes(class_folders(paths), positive_class, str(folder))
    names = _drawn(paths, section.limit, section.seed) if section.limit else sorted(paths)
    for name in progress(names, desc="packing", unit="file"):
        yield name, _read(paths[name])


def class_folders(names: Iterable[str]) -> set[str]:
    """The folders that say the classes of the images among `names`, as written."""
    return {folder for name in names if _is_image_name(name) and (folder := place_of(name)[1])}


def check_classes(folders: Collection[str], positive_class: str, place: str) -> None:
    """Check that there are two class folders, upper or lower case alike, one `positive_class`.

    Raises:
        CracksError: if there are none, one, or more than two, or none is `positive_class`.
    """
    found = ", ".join(sorted(folders)) or "none"
    different = {folder.casefold() for folder in folders}
    if len(different) != 2:
        raise CracksError(
            f"Expected images in two class folders in {place} (which may be below train, valid "
            f"and test), found {found}; data/photos/README.md shows the layout."
        )
    if _composed(positive_class).casefold() not in different:
        raise CracksError(
            f"Expected positive_class to be one of the class folders in {place}, which are "
            f"{found}, found {positive_class!r}; set positive_class in params.yaml."
        )


def _is_image_name(name: str) -> bool:
    """Whether a name ends like an image of a format that we read."""
    return PurePosixPath(name).suffix.lower() in Image.registered_extensions()


def _composed(text: str) -> str:
    """One spelling of accented letters: macOS takes them apart, others do not."""
    return unicodedata.normalize("NFC", text)


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
        hint=_WAYS_ON,
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


def _member_ids(members: Iterable[str], archive: Path) -> dict[str, str]:
    """Map ids to the archive's own member names, without the folders that say nothing."""
    paths = {member: _safe_path(member, archive) for member in members}
    paths = {member: path for member, path in paths.items() if not is_junk(str(path))}
    above = _common_folder([path for path in paths.values() if _is_image_name(path.name)])
    ids: dict[str, str] = {}
    for member, path in paths.items():
        name = _id_of(path.relative_to(above) if path.is_relative_to(above) else path)
        _refuse_second(ids, name, member)
        ids[name] = member
    return ids


def _safe_path(member: str, archive: Path) -> PurePosixPath:
    name = _composed(member).replace("\\", "/")
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or PureWindowsPath(name).drive:
        raise CracksError(
            f"Expected names within the archive {archive}, found {member!r}, which points out of "
            "it; take an archive from a source that you trust."
        )
    return path


def _common_folder(images: Sequence[PurePosixPath]) -> PurePosixPath:
    """The folder that holds all images, down to the classes or their split."""
    folders = [path.parent for path in images if path.parent.name]
    if not folders:
        return PurePosixPath()
    common = PurePosixPath(os.path.commonpath(folders))
    for folder in [common, *common.parents][::-1]:
        if place_of(f"{folder.name}/")[0]:
            return folder.parent
    # where all are in one folder, it is the only class
    return common.parent if set(folders) == {common} else common


def _id_of(path: PurePath) -> str:
    """The member name for a path below the folder of the classes; a split is in lower case."""
    first, *others = path.parts
    if others and place_of(f"{first}/")[0]:
        first = first.lower()
    return _composed("/".join([first, *others]))


def _refuse_second(ids: Mapping[str, str | Path], name: str, second: str | Path) -> None:
    if name in ids:
        raise CracksError(
            f"Expected one file of the name {name}, found {ids[name]} and {second}; rename one."
        )


def _photo_ids(folder: Path) -> dict[str, Path]:
    """Map ids to the files below `folder`, without our README and what systems leave behind."""
    ids: dict[str, Path] = {}
    for path in _files_below(folder):
        inside = path.relative_to(folder)
        if inside == Path("README.md") or is_junk(inside.as_posix()):
            continue
        name = _id_of(inside)
        if not name.isascii() and any("\ud800" <= letter <= "\udfff" for letter in name):
            raise CracksError(f"Expected a name in UTF-8, found {str(path)!r}; rename the file.")
        _refuse_second(ids, name, path)
        ids[name] = path
    return ids


def _files_below(folder: Path, above: frozenset[Path] = frozenset()) -> Iterator[Path]:
    """Files that are not hidden, links followed, except those that lead back to a folder above."""
    real = folder.resolve()
    if real in above or not folder.is_dir():
        return
    for path in folder.iterdir():
        if path.name.startswith("."):
            continue
        if path.is_dir():
            yield from _files_below(path, above | {real})
        else:
            yield path


def _drawn(names: Iterable[str], limit: int, seed: int) -> list[str]:
    """At most `limit` images of each class, sorted.

    They are those whose hash with the seed is lowest, so that a photograph added later changes the
    choice by one at most.
    """
    classes: dict[str, list[str]] = defaultdict(list)
    for name in names:
        if _is_image_name(name) and (folder := place_of(name)[1]):
            classes[folder.casefold()].append(name)

    def rank(name: str) -> bytes:
        return hashlib.sha256(f"{seed}/{name}".encode()).digest()

    return sorted(name for group in classes.values() for name in sorted(group, key=rank)[:limit])


def _read(path: Path) -> bytes:
    if not path.is_file():
        raise CracksError(f"Expected a file at {path}, found a broken link or a device; remove it.")
    try:
        return path.read_bytes()
    except OSError as error:
        raise CracksError(
            f"Could not read {path} ({error.strerror}); make it readable or move it away."
        ) from None
