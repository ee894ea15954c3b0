"""Finding and opening the image files that are named on the command line."""

import glob
import os
import unicodedata
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from cracks.images.decoding import RGB, decode, to_input
from cracks.images.files import check_name, check_no_raw, is_image_name, read_file
from cracks.images.prefetch import prefetch
from cracks.project.errors import CracksError, attempt
from cracks.project.outputs import replacing
from cracks.sources.folders import files_below

_LONGEST_NAME = 200
"""Bytes of a name that names of outputs begin with: file systems allow 255."""

_MARK = ("Software", "python -m cracks")  # a text chunk among the first bytes of our own PNG files
_MARK_IS_WITHIN = 256  # bytes


def find_photographs(names: Sequence[str], *, own: bool = False) -> list[Path]:
    """The named files, images below the named folders, and files that match patterns; sorted.

    Args:
        names: of files, folders or patterns.
        own: whether pictures that commands wrote are taken from folders too.

    Raises:
        CracksError: if a name matches nothing, or a file has a name that cannot be displayed.
    """
    found: dict[str, Path] = {}
    for name in names:
        path = Path(name)
        if not name:
            raise CracksError("Expected a file, a folder or a pattern, found an empty name.")
        if path.is_dir():
            images = (p for p in files_below(path) if p.is_file() and is_image_name(p.name))
            some = sorted(p for p in images if own or not is_own_picture(p))
            what = f"images in the folder {name}, found none"
        elif path.exists():
            some, what = [path], ""
        else:
            matching = glob.glob(name, recursive=True)  # noqa: PTH207 - absolute ones as well
            some = sorted(Path(p) for p in matching if Path(p).is_file())
            what = f"a file, a folder or a pattern that matches some, found no {name}"
        if not some:
            raise CracksError(f"Expected {what}; check the path.")
        for one in some:
            found.setdefault(os.path.abspath(one), one)  # noqa: PTH100 - links stay
    for path in found.values():
        check_name(str(path))
    return list(found.values())


def save_picture(picture: Image.Image, path: Path, **options: Any) -> None:
    """Write a PNG that `find_photographs` does not take for a photograph."""
    mark = PngInfo()
    mark.add_text(*_MARK)
    with replacing(path) as temporary:
        picture.save(temporary, "PNG", pnginfo=mark, **options)


def is_own_picture(path: Path) -> bool:
    """Whether a file is a picture that a command wrote, as `save_picture` marks it."""
    if path.suffix.lower() != ".png":
        return False
    try:
        with path.open("rb") as file:
            return "tEXt{}\0{}".format(*_MARK).encode() in file.read(_MARK_IS_WITHIN)
    except OSError:  # the reason is reported where it is read as a photograph
        return False


def output_names(
    paths: Sequence[Path], folder: Path | None = None, reserved: str | None = None
) -> dict[Path, str]:
    """A distinct name for what is written about each photograph.

    It is the path below `folder` (by default, the innermost one that holds all of them), without
    the suffix unless two photographs differ in nothing else. Case does not count, as on
    some file systems. Names that are too long, still alike, or below a folder with the name of
    another output, `reserved`, have a checksum of their path.
    """
    absolute = {path: Path(os.path.abspath(path)) for path in paths}  # noqa: PTH100 - links stay
    innermost = folder or os.path.commonpath([path.parent for path in absolute.values()])
    above = os.path.abspath(innermost)  # noqa: PTH100
    full = {path: place.relative_to(above) for path, place in absolute.items()}
    short = {path: name.with_suffix("") for path, name in full.items()}
    files = len(set(full.values()))
    names = short if len(set(map(_alike, short.values()))) == files else full
    alike = Counter(_alike(name) for name in {full[path]: names[path] for path in paths}.values())
    return {
        path: _distinct(name, full[path], unique=alike[_alike(name)] == 1, reserved=reserved)
        for path, name in names.items()
    }


def _alike(name: Path) -> str:
    return unicodedata.normalize("NFC", name.as_posix()).casefold()


def _distinct(name: Path, full: Path, *, unique: bool, reserved: str | None) -> str:
    first, *below = name.parts
    if below and reserved is not None and first.casefold() == reserved.casefold():
        name = Path(f"{first}-{_checksum(Path(first))}", *below)
    if unique and len(os.fsencode(name.name)) <= _LONGEST_NAME:
        return name.as_posix()
    shortened = name.name.encode()[:_LONGEST_NAME].decode(errors="ignore")
    return name.with_name(f"{shortened}-{_checksum(full)}").as_posix()


def _checksum(path: Path) -> str:
    return f"{zlib.crc32(path.as_posix().encode()):08x}"


def open_photograph(path: Path) -> RGB:
    """Decode a file.

    Raises:
        CracksError: the reason why it cannot be.
    """
    check_no_raw(path.name)
    return decode(read_file(path))


def read_inputs(
    paths: Iterable[Path],
    image_size: int,
    unreadable: dict[Path, str],
    open_path: Callable[[Path], RGB] = open_photograph,
) -> Iterator[tuple[Path, RGB]]:
    """The pixels of each file as a backbone takes them, decoded ahead in threads.

    Files that cannot be read are left out and noted in `unreadable` with their reason.
    """

    def read(path: Path) -> RGB | CracksError:
        return attempt(lambda: to_input(open_path(path), image_size))

    for path, result in prefetch(read, paths):
        if isinstance(result, CracksError):
            unreadable[path] = str(result).rstrip(".")
        else:
            yield path, result
