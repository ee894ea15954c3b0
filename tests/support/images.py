"""Made images."""

import io
import struct
import zlib

import numpy as np
from PIL import Image

from cracks.drawing.camera import photograph
from cracks.drawing.surface import draw_surface
from cracks.images.decoding import RGB


def pixels(number: int) -> RGB:
    """A surface of 80 x 80 pixels, another one for each number."""
    random = np.random.default_rng([3, number])
    return photograph(random, draw_surface(random, (80, 80)))


def jpeg(rgb: RGB, quality: int = 92) -> bytes:
    """An image as a JPEG file."""
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(rgb)).save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def bomb(side: int) -> bytes:
    """The header of a PNG of `side` x `side` pixels, without any."""
    header = b"IHDR" + struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + struct.pack(">I", 13)
        + header
        + struct.pack(">I", zlib.crc32(header))
        + struct.pack(">I", 0)
        + b"IDAT"
        + struct.pack(">I", zlib.crc32(b"IDAT"))
    )
