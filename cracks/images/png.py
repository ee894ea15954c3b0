"""The chunks of a PNG file that its pixels need."""

import struct
import zlib
from collections.abc import Iterator

SIGNATURE = b"\x89PNG\r\n\x1a\n"

_COLOUR = 25  # the byte of the header with the colour type
_TRANSPARENCY = {0: {2}, 2: {6}, 3: range(1, 257)}  # bytes of `tRNS` by colour type
_FRAME = 12  # bytes of a chunk in addition to its data
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # by colour type
_PASSES = (  # first column and row, and the steps, of Adam7 (PNG specification, section 8.2)
    *((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4)),
    *((0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)),
)
_CRITICAL = {b"IHDR", b"PLTE", b"IDAT", b"IEND"}
_PIECE = 2**16  # bytes that are given to be inflated at a time
_MOST = 2**20  # bytes that come out of it


def bits(data: bytes) -> int:
    """Bits of a sample."""
    return data[24]


def check_whole(data: bytes) -> None:
    """Check that no pixel is missing or damaged, of which Pillow tells only some.

    Raises:
        ValueError: if a checksum is wrong, or rows are missing.
        zlib.error: if the compressed pixels are damaged.
    """
    inflater, missing = zlib.decompressobj(), _inflated_size(data)
    for chunk in _chunks(data):
        name = bytes(chunk[4:8])
        if name in _CRITICAL and struct.unpack(">I", chunk[-4:])[0] != zlib.crc32(chunk[4:-4]):
            raise ValueError(f"the checksum of a chunk {name.decode()} is wrong")
        if name == b"IDAT":
            missing -= _inflated(inflater, chunk[8:-4], missing)
    if missing > 0:
        raise ValueError("rows of pixels are missing")


def _inflated(inflater: "zlib._Decompress", packed: memoryview, wanted: int) -> int:
    """How many bytes come out, counted up to `wanted`: a bomb is not inflated to its end."""
    size = 0
    for start in range(0, len(packed), _PIECE):
        waiting: bytes | memoryview = packed[start : start + _PIECE]
        while waiting and size < wanted:
            size += len(inflater.decompress(waiting, _MOST))
            waiting = inflater.unconsumed_tail
    return size


def _inflated_size(data: bytes) -> int:
    """Bytes of all rows, each with the type of its filter."""
    width, height, depth, colour, _, _, interlaced = struct.unpack_from(">IIBBBBB", data, 16)
    size = 0
    for x, y, across, down in _PASSES if interlaced else ((0, 0, 1, 1),):
        columns, rows = -(-(width - x) // across), -(-(height - y) // down)
        if columns > 0 and rows > 0:
            size += rows * (1 + -(-columns * depth * _CHANNELS[colour] // 8))
    return size


def without_metadata(data: bytes) -> bytes:
    """The file without chunks that pixels do not need; the orientation in `eXIf` stays.

    Chunks whose names begin with a capital are critical (PNG specification, section 5.4).
    """
    return SIGNATURE + b"".join(
        chunk
        for chunk in _chunks(data)
        for name in [bytes(chunk[4:8])]
        if name[:1].isupper()
        or name == b"eXIf"
        or (name == b"tRNS" and len(chunk) - _FRAME in _TRANSPARENCY.get(data[_COLOUR], ()))
    )


def _chunks(data: bytes) -> Iterator[memoryview]:
    """The chunks, to the one that ends the picture; what follows is none of it."""
    place, name = len(SIGNATURE), b""
    while place + _FRAME <= len(data) and name != b"IEND":
        end = place + _FRAME + struct.unpack_from(">I", data, place)[0]
        name = data[place + 4 : place + 8]
        yield memoryview(data)[place:end]
        place = end
