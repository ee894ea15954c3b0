"""Every depth, order and tag that the formats know: the picture of 8 bits, or a refusal."""

import io
import struct
import zlib
from collections.abc import Iterator
from itertools import product

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from cracks.drawing.walls import draw_patches
from cracks.images import png as png_module
from cracks.images.decoding import RGB, decode
from cracks.project.errors import CracksError
from tests.support.made_files import bmp_of, png, png_of, tiff_of

COLOURS: RGB = draw_patches(1, 0)[1].rgb[60:124, 60:156]  # with a piece of the crack
GREY = np.asarray(Image.fromarray(COLOURS).convert("L"))
WIDE = GREY.astype(np.float64)

Case = tuple[str, bytes, RGB]


def saved(pixels: NDArray[np.uint8] | Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def grey(values: NDArray[np.uint8] = GREY) -> RGB:
    return np.repeat(values[..., np.newaxis], 3, axis=2)


def scaled(white: float, dtype: str) -> NDArray[np.generic]:
    values = WIDE / 255 * white
    return (np.rint(values) if np.dtype(dtype).kind != "f" else values).astype(dtype)


DEPTHS = {  # by name: how values are stored, and which is white
    "8 bits": ("u1", 255),
    "16 bits": ("u2", 65535),
    "14 bits in 16": ("u2", 16383),
    "12 bits in 16": ("u2", 4095),
    "10 bits in 16": ("u2", 1023),
    "8 bits in 16": ("u2", 255),
    "signed 16 bits": ("i2", 32767),
    "12 bits in signed 16": ("i2", 4095),
    "8 bits in 32": ("u4", 255),
    "12 bits in 32": ("u4", 4095),
    "16 bits in 32": ("u4", 65535),
    "8 bits in signed 32": ("i4", 255),
    "32 bits": ("u4", 2**32 - 1),
    "signed 32 bits": ("i4", 2**31 - 1),
    "64 bits": ("u8", 65535),
    "signed 8 bits": ("i1", 127),
    "float": ("f4", 1.0),
    "float of 0 to 255": ("f4", 255.0),
    "float of 16 bits": ("f2", 1.0),
    "float of 64 bits": ("f8", 1.0),
}
USUAL_WHITES = [2**bits - 1 for bits in (10, 12, 14, 15, 16)]


def grey_tiffs() -> Iterator[Case]:
    choices = product(DEPTHS, "<>", ("minisblack", "miniswhite"), (None, "zlib"), (None, (32, 32)))
    for depth, order, photometric, packed, tile in choices:
        dtype, white = DEPTHS[depth]
        values = scaled(white, dtype)
        if photometric == "miniswhite":
            values = (white - values.astype(np.float64)).astype(dtype)
        name = f"TIFF, {depth}, {order}, {photometric}, {packed}, {'tiles' if tile else 'strips'}"
        data = tiff_of(
            values, byteorder=order, photometric=photometric, compression=packed, tile=tile
        )
        yield name, data, grey()


def colour_tiffs() -> Iterator[Case]:
    alpha = np.full((*GREY.shape, 1), 255, np.uint8)
    choices = product(
        "<>", ("contig", "separate"), (None, "zlib"), (1, 257, 16.06), (0, 1, 2, None)
    )
    for order, planes, packed, factor, extra in choices:
        bands = COLOURS if extra is None else np.concatenate([COLOURS, alpha], axis=2)
        values = (bands * np.float64(factor)).astype("u1" if factor == 1 else "u2")
        if planes == "separate":
            values = np.ascontiguousarray(np.moveaxis(values, 2, 0))
        data = tiff_of(
            values,
            byteorder=order,
            photometric="rgb",
            planarconfig=planes,
            compression=packed,
            extrasamples=None if extra is None else [extra],
        )
        yield f"TIFF, RGB x {factor}, extra {extra}, {order}, {planes}, {packed}", data, COLOURS


def pngs() -> Iterator[Case]:
    for bits in (1, 2, 4, 8, 16):
        steps = np.rint(WIDE / 255 * (2**bits - 1)).astype(np.uint16)
        back = np.rint(steps * (255 / (2**bits - 1))).astype(np.uint8)
        yield f"PNG of {bits} bits", png_of(steps, bits), grey(back)
    for bits in (10, 12, 14):
        steps = np.rint(WIDE / 255 * (2**bits - 1)).astype(np.uint16)
        yield f"PNG of {bits} bits in 16", png_of(steps, 16), grey()
        burnt_in = steps.copy()
        burnt_in[0, 0] = 65535
        yield f"burnt-in white, {bits} bits in 16", png_of(burnt_in, 16), grey()
    for bits in (2, 4, 8):
        white = 2**bits - 1
        steps = np.rint(WIDE / 255 * white).astype(np.uint16)
        level = int(np.median(steps))
        clear = np.rint(np.where(steps == level, white, steps) * (255 / white)).astype(np.uint8)
        transparent = (b"tRNS", struct.pack(">H", level))
        yield f"PNG of {bits} bits, transparent", png_of(steps, bits, transparent), grey(clear)
    for shift, bits in ((1, 8), (257, 16), (16, 16)):
        alpha = np.full(GREY.shape, 255 * shift)
        yield (
            f"PNG, grey and alpha, x {shift},",
            png_of(np.stack([GREY.astype(np.int64) * shift, alpha], 2), bits),
            grey(),
        )
        colours = COLOURS.astype(np.int64) * shift
        yield f"PNG, RGB x {shift},", png_of(colours, bits), COLOURS
        yield f"PNG, RGBA x {shift},", png_of(np.dstack([colours, alpha]), bits), COLOURS


def palettes() -> Iterator[Case]:
    for scale in (1, 257):  # a palette is of 16 bits; some programs write 8
        levels = tuple(scale * level for level in range(256)) * 3
        options = {"photometric": "palette", "colormap": np.array(levels, "u2").reshape(3, 256)}
        yield f"TIFF, palette x {scale}", tiff_of(GREY, **options), grey()


def others() -> Iterator[Case]:
    lossless: list[tuple[str, dict[str, object]]]
    lossless = [("BMP", {}), ("PNG", {}), ("TIFF", {}), ("WEBP", {"lossless": True})]
    lossless += [("TIFF", {"compression": c}) for c in ("tiff_lzw", "packbits", "tiff_deflate")]
    for kind, options in lossless:
        for mode in ("1", "L", "P", "RGB", "RGBA", "LA", "PA", "La", "RGBX", "CMYK", "YCbCr"):
            image = Image.fromarray(GREY if mode in ("1", "L", "LA", "La") else COLOURS)
            for step in {"La": ("LA",), "PA": ("P",)}.get(mode, ()):
                image = image.convert(step)
            image = image.convert(mode)
            try:
                data = saved(image, kind, **options)
            except (OSError, ValueError):  # a mode that the format does not know
                continue
            image = image.convert("LA") if mode == "La" else image
            yield f"{kind}, {mode}, {options}", data, np.asarray(image.convert("RGB"))
    for header, alpha in product((56, 108, 124), (None, 0, 255)):
        yield f"BMP, header {header}, alpha {alpha}", bmp_of(COLOURS, 32, header, alpha), COLOURS
    yield "BMP of 24 bits", bmp_of(COLOURS, 24, 40), COLOURS
    yield "BMP of 32 bits without masks", bmp_of(COLOURS, 32, 40, 0), COLOURS
    fives = COLOURS & [0xF8, 0xFC, 0xF8]
    fives |= fives >> [5, 6, 5]
    yield "BMP of 16 bits", bmp_of(COLOURS, 16, 56), fives.astype(np.uint8)


CASES = {
    name: (data, wanted)
    for name, data, wanted in (*(*grey_tiffs(), *colour_tiffs(), *palettes(), *pngs(), *others()),)
}


READ = (
    *(
        f"TIFF, {depth}, <, minisblack"
        for depth, (dtype, white) in DEPTHS.items()
        if dtype in ("u1", "u2", "i2", "u4", "i4", "f4") and white in (1, 255, *USUAL_WHITES)
        if depth != "float of 0 to 255"
    ),
    *(
        f"TIFF, {depth} in 16, <, miniswhite"
        for depth in ("8 bits", "10 bits", "12 bits", "14 bits")
    ),
    *(f"TIFF, {depth}, >, minisblack" for depth in ("16 bits", "12 bits in 16", "10 bits in 16")),
    *("TIFF, 8 bits,", "TIFF, 16 bits, <", "TIFF, float, <", "TIFF, float, >, minisblack, None"),
    *(
        f"TIFF, RGB x {factor}, extra None, {order}, contig"
        for factor in (1, 257)
        for order in "<>"
    ),
    *(
        *(f"PNG, {kind} x {x}" for kind in ("grey and alpha,", "RGB", "RGBA") for x in ("1,", 257)),
        "PNG of",
        "TIFF, palette",
        "BMP",
        "WEBP",
        "TIFF, L",
    ),
)
"""How names of those begin that must be read; the others may be refused."""


@pytest.mark.parametrize("name", CASES)
def test_samples_of_any_depth_match_8_bits_or_are_refused(name: str) -> None:
    data, wanted = CASES[name]
    try:
        found = decode(data)
    except CracksError as reason:
        assert not name.startswith(READ), reason
        assert "RGB of 8 bits" in str(reason) or "damaged or cut short" in str(reason)
    else:
        np.testing.assert_allclose(found.astype(int), wanted, atol=1)


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
@pytest.mark.parametrize(
    ("middle", "deviation"), [(700, 104), (3000, 350), (11_000, 1700)], ids=str
)
def test_a_tail_of_bright_values_is_no_mark(kind: str, middle: float, deviation: float) -> None:
    values = np.random.default_rng(0).normal(middle, deviation, (200, 200)).clip(0, 65535)
    assert decode(saved(Image.fromarray(values.astype(np.uint16)), kind)).shape == (200, 200, 3)


def test_two_values_are_black_and_white() -> None:
    mask = np.zeros((400, 400), np.uint16)
    mask[5, 5:20] = 65535
    np.testing.assert_array_equal(decode(saved(Image.fromarray(mask), "PNG"))[..., 0], mask >> 8)


@pytest.mark.parametrize("tail", [b"ABCDEFGHIJKLMNOPQRST", b"PK\x03\x04" + b"TRAILER!" * 20])
def test_what_follows_the_end_of_a_png_is_none_of_it(tail: bytes) -> None:
    np.testing.assert_array_equal(decode(saved(COLOURS, "PNG") + tail), COLOURS)


def test_pixels_of_a_png_are_not_inflated_beyond_its_size() -> None:
    packer = zlib.compressobj()
    packed = b"".join(packer.compress(bytes(2**20)) for _ in range(64)) + packer.flush()
    header = struct.pack(">IIBBBBB", 40, 40, 8, 2, 0, 0, 0)
    inflater = zlib.decompressobj()
    assert png_module._inflated(inflater, memoryview(packed), 4840) <= 2**20
    data = png((b"IHDR", header), (b"IDAT", packed), (b"IEND", b""))
    assert not decode(data).any()


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA", "LA"])
@pytest.mark.parametrize("size", [(33, 32), (64, 65), (100, 37)])
def test_the_size_of_interlaced_rows_is_known(mode: str, size: tuple[int, int]) -> None:
    """Bits of a pixel by mode; Adam7 leaves out passes of narrow images."""
    bits, colour = {"1": (1, 0), "L": (8, 0), "P": (8, 3), "RGB": (8, 2), "RGBA": (8, 6)}.get(
        mode, (8, 4)
    )
    header = struct.pack(">IIBBBBB", *size, bits, colour, 0, 0, 1)
    whole = np.arange(size[0] * size[1]).reshape(size[1], size[0])
    starts = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4)]
    starts += [(0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
    passes = [whole[y::down, x::across] for x, y, across, down in starts]
    assert sum(one.size for one in passes) == whole.size
    channels = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[colour]
    expected = sum(
        rows.shape[0] * (1 + -(-rows.shape[1] * bits * channels // 8))
        for rows in passes
        if rows.size
    )
    assert png_module._inflated_size(png((b"IHDR", header))) == expected
