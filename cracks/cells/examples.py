"""Photographs with the masks of their cracks, packed into one archive."""

import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from cracks.images.archive import member_names, open_archive, read_member, write_archive
from cracks.images.decoding import RGB, Mask, decode
from cracks.images.files import encoded

_PHOTOGRAPH, _MASK = ".jpg", "-mask.png"


class Example(NamedTuple):
    """A photograph and where it is cracked."""

    rgb: RGB
    mask: Mask  # [height, width]


def write_examples(path: Path, photographs: Iterable[tuple[bytes, Mask]]) -> int:
    """Write JPEG files and their masks, named by their number; return the number of examples."""

    def members() -> Iterator[tuple[str, bytes]]:
        for number, (jpeg, mask) in enumerate(photographs):
            yield f"{number:05}{_PHOTOGRAPH}", jpeg
            yield f"{number:05}{_MASK}", encoded(mask, "PNG")

    return write_archive(path, members()) // 2


def read_examples(path: Path) -> list[Example]:
    """The examples in an archive, in the order of their numbers.

    Raises:
        CracksError: if the archive or a member is missing or damaged.
    """
    with open_archive(path) as archive:
        names = [name for name in member_names(archive) if name.endswith(_PHOTOGRAPH)]
        return [_read(archive, name.removesuffix(_PHOTOGRAPH)) for name in names]


def _read(archive: zipfile.ZipFile, number: str) -> Example:
    rgb, mask = (decode(read_member(archive, number + end)) for end in (_PHOTOGRAPH, _MASK))
    return Example(rgb, mask[..., 0] > 0)
