"""The photograph among the pages of a TIFF file, without its metadata.

A TIFF file is a chain of directories of tags, one for each page, which may have subdirectories
(TIFF 6.0, section 2; DNG for `SubIFDs`; offsets have 64 bits in BigTIFF). Cameras put a
thumbnail first and their raw picture below it.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Literal, NamedTuple

from PIL.ExifTags import Base as Tag

from cracks.project.errors import CracksError

MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
"""How files begin; the last two are BigTIFF."""

SEPARATE = 2  # planar configuration where each colour has strips of its own

_CANON_RAW = b"CR\x02"
_SENSOR = {32803, 34892}  # photometric: mosaic of a sensor, the same interpolated
_REDUCED, _MASK = 1, 4  # bits of the new subfile type
_OLD_REDUCED = 2  # the old subfile type
_MAX_PAGES = 200
_MAX_ENTRIES = 4096

_INTEGERS = {1: 1, 3: 2, 4: 4, 13: 4, 16: 8, 18: 8}  # bytes, by type

# The tags that pixels depend on; libtiff and Pillow stumble over odd values of others
_OF_PIXELS = {
    *(256, 257, 258, 259, 262, 266, 273, 277, 278, 279, 281, 284, 292, 293, 317),
    *(320, 322, 323, 324, 325, 332, 338, 339, 347, *range(512, 522), 529, 530, 532),
}


class _Layout(NamedTuple):
    """How a file writes numbers and directories."""

    order: Literal["little", "big"]  # of bytes
    number: int  # bytes of the number of entries
    place: int  # bytes of a place in the file
    entry: int  # bytes of an entry
    first: int  # where the place of the first directory is


class _Directory(NamedTuple):
    place: int
    entries: dict[int, bytes]  # by tag, as they are in the file
    following: int  # place of the next one, 0 if there is none


def check_whole(tags: Mapping[int, Any], length: int) -> None:
    """Check that the file has all strips or tiles of its pixels.

    Args:
        tags: of the page that is read, by number.
        length: bytes of the file.

    Raises:
        ValueError: if some are missing, or lie elsewhere.
    """
    width, height = tags[Tag.ImageWidth], tags[Tag.ImageLength]
    if Tag.TileOffsets in tags:
        pieces = -(-width // tags[Tag.TileWidth]) * -(-height // tags[Tag.TileLength])
    else:
        pieces = -(-height // min(tags.get(Tag.RowsPerStrip) or height, height))
    if tags.get(Tag.PlanarConfiguration) == SEPARATE:
        pieces *= tags.get(Tag.SamplesPerPixel, 1)
    places = tags.get(Tag.TileOffsets, tags.get(Tag.StripOffsets, ()))
    places = places if isinstance(places, tuple) else (places,)
    if sum(0 < place < length for place in places) < pieces:
        raise ValueError(f"{pieces} strips or tiles of pixels expected, fewer found")


def photograph_alone(data: bytes) -> bytes:
    """A TIFF file with its page of full resolution alone, without tags that pixels do not need.

    Raises:
        CracksError: if it is a raw file of a camera, or all its pages are thumbnails or masks.
    """
    sizes = (8, 8, 20, 8) if data[:4] in MAGIC[2:] else (2, 4, 12, 4)
    layout = _Layout("little" if data[:2] == b"II" else "big", *sizes)
    pages = list(_directories(data, layout))
    if not pages:
        return data

    def number(page: _Directory, tag: int) -> int:
        return next(iter(_numbers(data, layout, page.entries.get(tag))), 0)

    if data[8:11] == _CANON_RAW or any(
        number(page, Tag.PhotometricInterpretation) in _SENSOR or Tag.DNGVersion in page.entries
        for page in pages
    ):
        raise CracksError("a raw file of a camera; develop it to JPEG, PNG or TIFF")
    whole = [
        page
        for page in pages
        if not number(page, Tag.NewSubfileType) & (_REDUCED | _MASK)
        and number(page, Tag.SubfileType) != _OLD_REDUCED
    ]
    if not whole:
        raise CracksError("a TIFF file of nothing but reduced pictures; take the original")
    # the first of the largest
    page = max(whole, key=lambda one: number(one, Tag.ImageWidth) * number(one, Tag.ImageLength))
    turned = number(page, Tag.Orientation) in range(2, 9)
    return _alone(data, layout, page, _OF_PIXELS | ({Tag.Orientation} if turned else set()))


def _directories(data: bytes, layout: _Layout) -> Iterator[_Directory]:
    """All undamaged directories, each before its subdirectories."""
    waiting, seen = [_number(data, layout, layout.first, layout.place)], set[int]()
    while waiting and len(seen) < _MAX_PAGES:
        place = waiting.pop(0)
        if place in seen or not 0 < place < len(data):
            continue
        seen.add(place)
        directory = _directory(data, layout, place)
        yield directory
        below = directory.entries.get(Tag.SubIFDs)
        waiting += [directory.following, *_numbers(data, layout, below)]


def _directory(data: bytes, layout: _Layout, place: int) -> _Directory:
    start = place + layout.number
    room = min(_MAX_ENTRIES, (len(data) - start) // layout.entry)
    count = max(0, min(_number(data, layout, place, layout.number), room))
    end = start + count * layout.entry
    every = [data[at : at + layout.entry] for at in range(start, end, layout.entry)]
    entries = {_number(entry, layout, 0, 2): entry for entry in every}
    return _Directory(place, entries, _number(data, layout, end, layout.place))


def _number(data: bytes, layout: _Layout, place: int, size: int) -> int:
    """A number of so many bytes, whose bytes beyond the end of the file are 0."""
    return int.from_bytes(data[place : place + size].ljust(size, b"\0"), layout.order)


def _numbers(data: bytes, layout: _Layout, entry: bytes | None) -> list[int]:
    """The values of an entry, none if they are no integers."""
    size = _INTEGERS.get(_number(entry, layout, 2, 2)) if entry else None
    if not entry or not size:
        return []
    count = min(_number(entry, layout, 4, layout.place), _MAX_PAGES)
    place = 4 + layout.place
    if count * size <= layout.place:
        data = entry
    else:
        place = _number(entry, layout, place, layout.place)
    return [_number(data, layout, place + size * index, size) for index in range(count)]


def _alone(data: bytes, layout: _Layout, page: _Directory, kept: set[int]) -> bytes:
    """The file with one directory, of the tags in `kept`."""
    entries = [entry for tag, entry in page.entries.items() if tag in kept]
    count = len(entries).to_bytes(layout.number, layout.order)
    directory = count + b"".join(entries) + bytes(layout.place)  # none follows
    first = page.place.to_bytes(layout.place, layout.order)
    alone = bytearray(data)
    alone[layout.first : layout.first + layout.place] = first
    alone[page.place : page.place + len(directory)] = directory
    return bytes(alone)
