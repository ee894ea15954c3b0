"""Finding and opening the image files that a person names at the command line."""

import glob
from collections.abc import Iterator, Sequence
from pathlib import Path

from PIL import Image

from cracks.images.decoding import RGB, decode, to_input
from cracks.images.prefetch import prefetch
from cracks.pipeline.errors import CracksError


def find_photographs(names: Sequence[str]) -> list[Path]:
    """Files as named, images in folders and below them, and what patterns fit; sorted.

    Raises:
        CracksError: if a name stands for nothing.
    """
    found: dict[Path, None] = {}
    for name in names:
        path = Path(name)
        if path.is_dir():
            some = sorted(p for p in path.rglob("*") if p.is_file() and _is_image_name(p))
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
    return list(found)


def _is_image_name(path: Path) -> bool:
    return path.suffix.lower() in Image.registered_extensions() and not path.name.startswith(".")


def open_photograph(path: Path) -> RGB:
    """Decode a file.

    Raises:
        CracksError: the reason why it cannot be.
    """
    try:
        return decode(path.read_bytes())
    except OSError as error:
        raise CracksError(f"cannot be read ({error.strerror})") from None


def read_inputs(
    paths: Sequence[Path], image_size: int, unreadable: dict[Path, str]
) -> Iterator[tuple[Path, RGB]]:
    """The pixels of each file as a backbone takes them, decoded ahead of their use.

    Files that cannot be read are left out and noted in `unreadable` with their reason.
    """

    def read(path: Path) -> RGB | CracksError:
        try:
            return to_input(open_photograph(path), image_size)
        except CracksError as error:
            return error

    for path, result in prefetch(read, paths):
        if isinstance(result, CracksError):
            unreadable[path] = str(result).rstrip(".")
        else:
            yield path, result
