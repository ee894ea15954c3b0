"""Image files written byte by byte, with what Pillow itself would not write."""

import io
import struct
import zlib
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

Pixels = NDArray[Any]


def png_of(pixels: Pixels, bits: int, *chunks: tuple[bytes, bytes]) -> bytes:
    """A PNG of samples `[height, width]` or `[height, width, 1 to 4]`, with more chunks."""
    height, width = pixels.shape[:2]
    bands = pixels.shape[2] if pixels.ndim == 3 else 1
    flat = pixels.reshape(height, width * bands)
    if bits == 16:
        rows = [row.astype(">u2").tobytes() for row in flat]
    else:
        digits = ((flat[..., np.newaxis] >> np.arange(bits)[::-1]) & 1).astype(np.uint8)
        rows = [np.packbits(row).tobytes() for row in digits]
    colour = {1: 0, 2: 4, 3: 2, 4: 6}[bands]
    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
    packed = zlib.compress(b"".join(b"\0" + row for row in rows))
    return png((b"IHDR", header), *chunks, (b"IDAT", packed), (b"IEND", b""))


def png(*chunks: tuple[bytes, bytes]) -> bytes:
    """A PNG of these chunks."""
    packed = (
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(packed)


def bmp_of(pixels: Pixels, bits: int, header: int, alpha: int | None = None) -> bytes:
    """A BMP of RGB `[height, width, 3]` in 16, 24 or 32 bits.

    Args:
        pixels: the colours.
        bits: of a pixel.
        header: its bytes: 40, or 56 (v3), 108 (v4) or 124 (v5), which have masks.
        alpha: of each pixel, where the header has a mask for it.
    """
    height, width = pixels.shape[:2]
    red, green, blue = (pixels[::-1, :, band].astype(np.uint32) for band in range(3))
    if bits == 16:
        values = ((red >> 3) << 11 | (green >> 2) << 5 | blue >> 3).astype("<u2")
        masks = (0xF800, 0x07E0, 0x001F, 0)
    else:
        values = (red << 16 | green << 8 | blue | (alpha or 0) << 24).astype("<u4")
        masks = (0xFF0000, 0xFF00, 0xFF, 0 if alpha is None else 0xFF000000)
    raw = values.view(np.uint8).reshape(height, width, -1)[..., : bits // 8]
    rows = b"".join(row.tobytes().ljust(-(-len(row.tobytes()) // 4) * 4, b"\0") for row in raw)
    fields = struct.pack(
        "<iiHHIIiiII", width, height, 1, bits, 3 if header > 40 else 0, len(rows), 0, 0, 0, 0
    )
    fields += struct.pack("<4I", *masks)[: header - 40]
    fields = struct.pack("<I", header) + fields.ljust(header - 4, b"\0")
    start = 14 + header
    return b"BM" + struct.pack("<IHHI", start + len(rows), 0, 0, start) + fields + rows


def tiff_of(pixels: Pixels, **options: Any) -> bytes:
    """A TIFF of one page; options as of `tifffile.imwrite`."""
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, pixels, **options)
    return buffer.getvalue()


def tiff_of_pages(*pages: tuple[Pixels, dict[str, Any]], **options: Any) -> bytes:
    """A TIFF of several pages; `subifds=n` puts the next n below a page."""
    buffer = io.BytesIO()
    with tifffile.TiffWriter(buffer, **options) as writer:
        for pixels, more in pages:
            writer.write(pixels, **more)
    return buffer.getvalue()
