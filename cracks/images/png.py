"""The chunks of a PNG file that its pixels need."""

import struct
from collections.abc import Iterator

SIGNATURE = b"\x89PNG\r\n\x1a\n"

_COLOUR = 25  # the byte of the header with the colour type
_TRANSPARENCY = {0: {2}, 2: {6}, 3: range(1, 257)}  # bytes of `tRNS` by colour type
_FRAME = 12  # bytes of a chunk in addition to its data


def bits(data: bytes) -> int:
    """Bits of a sample."""
    return data[24]


def without_metadata(data: bytes) -> bytes:
    """The file without chunks that pixels do not need; the orientation in `eXIf` stays.

    Chunks whose names begin with a capital are critical (PNG specification, section 5.4).
    """
    return SIGNATURE + b"".join(
        chunk
        for chunk in _chunks(data)
        if chunk[4:5].isupper()
        or chunk[4:8] == b"eXIf"
        or (chunk[4:8] == b"tRNS" and len(chunk) - _FRAME in _TRANSPARENCY.get(data[_COLOUR], ()))
    )


def _chunks(data: bytes) -> Iterator[bytes]:
    place = len(SIGNATURE)
    while place + _FRAME <= len(data):
        end = place + _FRAME + struct.unpack_from(">I", data, place)[0]
        yield data[place:end]
        place = end
