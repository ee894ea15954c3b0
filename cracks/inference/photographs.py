"""Finding and opening the image files that a person names at the command line."""

import glob
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from cracks.images.decoding import RGB, decode, to_input
from cracks.images.files import check_name, is_image_name, read_file
from cracks.images.prefetch import prefetch
from cracks.pipeline.errors import CracksError


def find_photographs(names: Sequence[str]) -> list[Path]:
    """Files as named, images in folders and below them, and what patterns fit; sorted.

    Raises:
        CracksError: if a name stands for nothing, or a file has a name that cannot be shown.
    """
    found: dict[Path, None] = {}
    for name in names:
        path = Path(name)
        if path.is_dir():
            some = sorted(p for p in path.rglob("*") if p.is_file() and _is_listed(p))
            what = f"images in the folder {name}, found none"
        elif path.exists():
            some, what = [path], ""
        else:
            fitting = glob.glob(name, recursive=True)  # noqa: PTH207 - absolute ones as well
            some = sorted(Path(p) for p in fitting if Path(p).is_file())
            what = f"a file, a folder or a pattern that fits some, found no {name}"
        if not some:
            raise CracksError(f"Expected {what}; check the path.")
        found.update(dict.fromkeys(some))
    for path in found:
        check_name(str(path))
    return list(found)


def _is_listed(path: Path) -> bool:
    return is_image_name(path.name) and not path.name.startswith(".")


def output_names(paths: Sequence[Path], folder: Path | None = None) -> dict[Path, str]:
    """A name for what is written about each photograph: no two are the same.

    It is the path below `folder` (by default, the innermost one that holds all of them), without
    the suffix unless two photographs differ in nothing else, upper and lower case alike.
    """
    absolute = {path: Path(os.path.abspath(path)) for path in paths}  # noqa: PTH100 - links stay
    above = os.path.abspath(  # noqa: PTH100
        folder or os.path.commonpath([path.parent for path in absolute.values()])
    )
    names = {path: full.relative_to(above) for path, full in absolute.items()}
    short = {path: name.with_suffix("") for path, name in names.items()}
    if _different(short) == _different(names):
        names = short
    return {path: name.as_posix() for path, name in names.items()}


def _different(names: Mapping[Path, Path]) -> int:
    return len({name.as_posix().casefold() for name in names.values()})


def open_photograph(path: Path) -> RGB:
    """Decode a file.

    Raises:
        CracksError: the reason why it cannot be.
    """
    return decode(read_file(path))


def read_inputs(
    paths: Iterable[Path],
    image_size: int,
    unreadable: dict[Path, str],
    open_path: Callable[[Path], RGB] = open_photograph,
) -> Iterator[tuple[Path, RGB]]:
    """The pixels of each file as a backbone takes them, decoded ahead of their use.

    Files that cannot be read are left out and noted in `unreadable` with their reason.
    """

    def read(path: Path) -> RGB | CracksError:
        try:
            return to_input(open_path(path), image_size)
        except CracksError as error:
            return error

    for path, result in prefetch(read, paths):
        if isinstance(result, CracksError):
            unreadable[path] = str(result).rstrip(".")
        else:
            yield path, result
