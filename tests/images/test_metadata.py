"""Metadata never refuses pixels, and the orientation is read whatever is beside it."""

import io
import struct
import zlib
from typing import Any

import numpy as np
import pytest
from PIL import Image

from cracks.drawing.walls import draw_patches
from cracks.images.decoding import RGB, decode
from tests.support.made_files import png_of, tiff_of

WALL: RGB = draw_patches(1, 0)[1].rgb[:90, :120]
UPRIGHT = np.rot90(WALL, -1)

BYTE, ASCII, SHORT, LONG, RATIONAL, SIGNED_RATIONAL, FLOAT = 1, 2, 3, 4, 5, 10, 11

Entry = tuple[int, int, int, bytes]
"""Tag, type, count, data."""


def entries_of(entries: list[Entry], start: int) -> bytes:
    """A directory at `start`, little-endian, and the data of its entries."""
    place = start + 2 + 12 * len(entries) + 4
    directory, beyond = struct.pack("<H", len(entries)), b""
    for tag, kind, count, data in sorted(entries):
        if len(data) > 4:
            value = struct.pack("<I", place + len(beyond))
            beyond += data
        else:
            value = data.ljust(4, b"\0")
        directory += struct.pack("<HHI", tag, kind, count) + value
    return directory + bytes(4) + beyond


def exif(*more: Entry, gps: list[Entry] | None = None) -> bytes:
    """EXIF that says the camera was turned by 90 degrees, and more."""
    entries = [(274, SHORT, 1, struct.pack("<H", 6)), *more]
    size = (
        8 + 2 + 12 * (len(entries) + bool(gps)) + 4 + sum(len(e[3]) for e in more if len(e[3]) > 4)
    )
    if gps:
        entries.append((34853, LONG, 1, struct.pack("<I", size)))
    return b"II*\0\x08\0\0\0" + entries_of(entries, 8) + (entries_of(gps, size) if gps else b"")


def ratio(*parts: int, signed: bool = False) -> bytes:
    return struct.pack(f"<{len(parts)}{'i' if signed else 'I'}", *parts)


LATITUDE = (2, SIGNED_RATIONAL, 3, ratio(-52, 1, 30, 1, 0, 0, signed=True))
EXIF = {
    "orientation alone": exif(),
    "a signed latitude": exif(gps=[(1, ASCII, 2, b"N\0"), LATITUDE]),
    "an altitude reference of 256": exif(gps=[(5, SHORT, 1, struct.pack("<H", 256))]),
    "a GPS version of text": exif(gps=[(0, ASCII, 4, b"2.2\0")]),
    "a GPS directory that is not there": exif((34853, LONG, 1, struct.pack("<I", 10**6))),
    "a GPS directory of text": exif((34853, ASCII, 4, b"gps\0")),
    "text in numeric tags": exif((282, ASCII, 6, b"72dpi\0"), (256, ASCII, 4, b"abc\0")),
    "a resolution of 0 / 0": exif(
        (282, RATIONAL, 1, ratio(0, 0)), (283, RATIONAL, 1, ratio(72, 0))
    ),
    "a resolution unit of 77": exif((296, SHORT, 1, struct.pack("<H", 77))),
    "floats that are not numbers": exif((282, FLOAT, 1, struct.pack("<f", np.nan))),
    "an unknown type": exif((305, 77, 3, b"abc")),
    "a date that is none": exif((306, ASCII, 4, b"\xff\xfe\xfd\0")),
    "a rational without its data": exif((283, RATIONAL, 1, struct.pack("<I", 10**8) + b"x")),
    "a maker's note of noise": exif((37500, 7, 300, bytes(range(256)) + bytes(44))),
    "no text where there should be": exif((271, ASCII, 0, b"")),
    "2^31 values": exif((272, ASCII, 2**31, b"abcd")),
}


def saved(kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(WALL).save(buffer, kind, **options)
    return buffer.getvalue()


def assert_same(rgb: RGB, wanted: RGB) -> None:
    assert rgb.shape == wanted.shape
    assert np.abs(rgb.astype(int) - wanted).mean() < 6  # JPEG and AVIF are lossy


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("what", EXIF)
def test_the_orientation_is_read_beside(what: str, kind: str) -> None:
    head = b"Exif\0\0" if kind != "PNG" else b""
    assert_same(decode(saved(kind, exif=head + EXIF[what])), UPRIGHT)


UNREADABLE = {
    "empty": b"",
    "text": b"no EXIF at all",
    "cut in its header": b"II*\0",
    "a directory out of reach": b"II*\0\xff\xff\xff\xff",
    "a directory that is itself": b"II*\0\0\0\0\0",
    "65,535 entries": b"II*\0\x08\0\0\0\xff\xff",
    "an orientation of text": exif()[:10]
    + struct.pack("<HHI4s", 274, ASCII, 4, b"six\0")
    + bytes(4),
    "an orientation of 77": exif()[:10] + struct.pack("<HHIHH", 274, SHORT, 1, 77, 0) + bytes(4),
    "an orientation of -6": exif()[:10] + struct.pack("<HHIi", 274, 9, 1, -6) + bytes(4),
    "noise": bytes(np.random.default_rng(0).integers(0, 256, 999, np.uint8)),
}


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF"])
@pytest.mark.parametrize("what", UNREADABLE)
def test_exif_that_cannot_be_read_is_ignored(what: str, kind: str) -> None:
    data = saved(kind)
    if kind == "PNG":
        data = png_of(WALL, 8, (b"eXIf", UNREADABLE[what]))
    elif kind == "AVIF":  # Pillow reads it before it writes it
        plain = exif()
        data = saved(kind, exif=b"Exif\0\0" + plain)
        assert data.count(plain[:8]) <= 1
        data = data.replace(plain, UNREADABLE[what][: len(plain)].ljust(len(plain), b"\0"))
        assert decode(data).shape in (WALL.shape, UPRIGHT.shape)
        return
    else:
        data = saved(kind, exif=b"Exif\0\0" + UNREADABLE[what])
    assert_same(decode(data), WALL)


TAGS: dict[str, list[tuple[int, int, int, Any, bool]]] = {
    "resolution": [(282, ASCII, 6, "72dpi", True), (283, ASCII, 4, "abc", True)],
    "a resolution of 0 / 0": [(282, RATIONAL, 1, (0, 0), True), (283, RATIONAL, 1, (1, 0), True)],
    "a resolution unit": [(296, ASCII, 4, "mm ", True)],
    "GPS": [(34853, LONG, 1, 10**6, True)],
    "EXIF": [(34665, LONG, 1, 8, True)],
    "a profile": [(34675, 7, 9, b"no profile"[:9], True)],
    "XMP": [(700, 1, 9, b"<xmp\xff\xfe\0ab", True)],
    "Photoshop": [(34377, 7, 9, b"8BIM\xff\xff\xff\xff\xff", True)],
    "software": [(305, SHORT, 1, 7, True)],
    "pages": [(297, ASCII, 4, "1/1", True)],
    "a description": [(270, 7, 5, b"\xff\xfe\0\1\2", True)],
}


@pytest.mark.parametrize("what", TAGS)
@pytest.mark.parametrize("packed", [None, "zlib"])
@pytest.mark.parametrize("orientation", [1, 6])
def test_odd_tags_of_a_tiff_are_ignored(what: str, packed: str | None, orientation: int) -> None:
    tags = [*TAGS[what], (274, SHORT, 1, orientation, True)]
    data = tiff_of(WALL, photometric="rgb", compression=packed, metadata=None, extratags=tags)
    np.testing.assert_array_equal(decode(data), UPRIGHT if orientation == 6 else WALL)


LARGE = zlib.compress(bytes(2_000_000))
CHUNKS = {
    "a profile of 2 MB": (b"iCCP", b"name\0\0" + LARGE),
    "compressed text of 2 MB": (b"zTXt", b"name\0\0" + LARGE),
    "international text of 2 MB": (b"iTXt", b"name\0\1\0\0\0" + LARGE),
    "text that is not compressed": (b"zTXt", b"name\0\0abc"),
    "text of an unknown compression": (b"zTXt", b"name\0\7abc"),
    "text without end": (b"tEXt", b"name"),
    "a profile that is none": (b"iCCP", b"name\0\0abc"),
    "a profile without a name": (b"iCCP", b""),
    "a short gamma": (b"gAMA", b"\0\0"),
    "no gamma": (b"gAMA", b""),
    "short chromaticities": (b"cHRM", b"\0" * 30),
    "a short resolution": (b"pHYs", b"\0" * 5),
    "a short rendering intent": (b"sRGB", b""),
    "a short transparent colour": (b"tRNS", b"\0"),
    "a long transparent colour": (b"tRNS", b"\0" * 300),
    "a short count of frames": (b"acTL", b"\0"),
    "no frames": (b"acTL", bytes(8)),
    "a short frame": (b"fcTL", b"\0" * 5),
    "a short date": (b"tIME", b"\0"),
    "a short background": (b"bKGD", b""),
    "a chunk that nobody knows": (b"quXz", b"\0" * 50),
}


@pytest.mark.parametrize("what", CHUNKS)
def test_odd_chunks_of_a_png_are_ignored(what: str) -> None:
    turned = (b"eXIf", exif())
    np.testing.assert_array_equal(decode(png_of(WALL, 8, CHUNKS[what], turned)), UPRIGHT)


def test_a_wrong_checksum_of_metadata_is_ignored() -> None:
    data = png_of(WALL, 8, (b"tEXt", b"name\0text"), (b"eXIf", exif()))
    np.testing.assert_array_equal(decode(data.replace(b"name\0text", b"name\0TEXT")), UPRIGHT)
