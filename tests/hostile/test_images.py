"""Bad images: each is refused with one reason, in bounded memory, and changes nothing else.

To add a case, add a line to `CASES`: a name, the file's bytes, and words that the reason must have.
"""

import io
import os
import struct
import subprocess
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cracks.dataset.audit import audit_archive
from cracks.images.archive import write_archive
from cracks.images.decoding import FORMATS, decode
from cracks.project.errors import CracksError
from cracks.project.params import AuditLimits
from cracks.tools.photographs import read_inputs
from tests.support.images import bomb
from tests.support.made_files import png, tiff_of
from tests.support.project import ROOT

NOISE = np.random.default_rng(0).integers(0, 256, (40, 48, 3), dtype=np.uint8)
PHOTOGRAPH = Image.fromarray(NOISE)


def encoded(image: Image.Image | np.ndarray, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    picture = image if isinstance(image, Image.Image) else Image.fromarray(image)
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


RAMP = np.arange(1920).reshape(40, 48)
WHOLE = {kind: encoded(PHOTOGRAPH, kind) for kind in FORMATS}


def damaged(kind: str, start: int, new: bytes) -> bytes:
    """A file of a format with other bytes from `start` on."""
    data = WHOLE[kind]
    start %= len(data)
    return data[:start] + new + data[start + len(new) :]


def grey(values: float, kind: str = "TIFF", dtype: type = np.float32) -> bytes:
    return encoded(np.full((40, 48), values, dtype), kind)


def png_header(width: int, height: int, bits: int = 8, colour: int = 2) -> tuple[bytes, bytes]:
    return b"IHDR", struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)


def tiff(**tags: int) -> bytes:
    """A little-endian TIFF file of one directory and one pixel's bytes."""
    known = {"width": 256, "height": 257, "bits": 258, "compression": 259, "photometric": 262}
    known |= {"strip": 273, "samples": 277, "rows": 278, "count": 279, "format": 339}
    usual = {"width": 40, "height": 40, "bits": 8, "compression": 1, "photometric": 1}
    usual |= {"strip": 8, "samples": 1, "rows": 40, "count": 1600}
    entries = sorted((known[name], value) for name, value in (usual | tags).items())
    directory = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in entries)
    return b"II*\0\x08\0\0\0" + struct.pack("<H", len(entries)) + directory + bytes(4)


def jpeg_header(width: int, height: int) -> bytes:
    """A JPEG file with another size in its header."""
    data = WHOLE["JPEG"]
    start = data.index(b"\xff\xc0") + 5
    return data[:start] + struct.pack(">HH", height, width) + data[start + 4 :]


def strips(listed: int, kept: int) -> bytes:
    """A TIFF file of strips of ten rows, of which so many are listed, and so many have a place."""
    rows = [NOISE[row : row + 10].tobytes() for row in range(0, 40, 10)]
    body = b"".join(rows)
    places = [8 + 1440 * number if number < kept else 0 for number in range(listed)]
    tail = struct.pack(f"<{2 * listed}I", *places, *[1440] * listed)
    end = 8 + len(body)
    values = {256: 48, 257: 40, 258: 8, 259: 1, 262: 2, 273: end, 277: 3, 278: 10}
    values[279] = end + 4 * listed
    directory = b"".join(
        struct.pack("<HHII", tag, 4, listed if tag in (273, 279) else 1, value)
        for tag, value in values.items()
    )
    start = struct.pack("<I", end + len(tail))
    return b"II*\0" + start + body + tail + struct.pack("<H", 9) + directory + bytes(4)


def without_adobe(data: bytes) -> bytes:
    """A JPEG file without the marker that tells how inks are stored."""
    start = data.index(b"\xff\xee")
    return data[:start] + data[start + 2 + struct.unpack_from(">H", data, start + 2)[0] :]


def gif_screen(width: int, height: int) -> bytes:
    return b"GIF89a" + struct.pack("<HH", width, height) + WHOLE["GIF"][10:]


def gif_picture(width: int, height: int) -> bytes:
    """A GIF file whose picture is of another size than its screen."""
    data = WHOLE["GIF"]
    start = data.index(b",\0\0\0\0") + 5
    return data[:start] + struct.pack("<HH", width, height) + data[start + 4 :]


def bmp_size(width: int, height: int) -> bytes:
    return WHOLE["BMP"][:18] + struct.pack("<ii", width, height) + WHOLE["BMP"][26:]


def webp_canvas(width: int, height: int) -> bytes:
    """An animated WebP file with another canvas."""
    frames = [Image.fromarray(np.roll(NOISE, n, 0)) for n in range(2)]
    data = encoded(frames[0], "WEBP", save_all=True, append_images=frames[1:])
    start = data.index(b"VP8X") + 12
    size = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return data[:start] + size + data[start + 6 :]


_AV1 = WHOLE["AVIF"].index(b"mdat") + 4

UNKNOWN = "not an image in a known format"
DAMAGED = "damaged or cut short"
BROKEN = f"{UNKNOWN}|{DAMAGED}"
LARGE = "is more than the 200,000,000 allowed"
SMALL = "is smaller than 32 px"
VALUES = "grey values from"

POSTSCRIPT = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 40 40\n%%EndComments\nshowpage\n%%EOF\n"

CASES: list[tuple[str, bytes, str]] = [
    # no image
    ("empty", b"", "the file is empty"),
    ("one NUL", b"\0", UNKNOWN),
    ("NULs", bytes(5000), UNKNOWN),
    ("text", b"no image at all", UNKNOWN),
    ("a web page", b"<!doctype html><title>404</title>" * 9, UNKNOWN),
    ("JSON", b'{"error": "not found"}', UNKNOWN),
    ("a zip archive", b"PK\x05\x06" + bytes(18), UNKNOWN),
    ("a gzip file", b"\x1f\x8b\x08" + bytes(40), UNKNOWN),
    ("a program", b"\x7fELF\x02\x01\x01" + bytes(80), UNKNOWN),
    ("a film", b"\0\0\0\x18ftypmp42" + bytes(80), UNKNOWN),
    ("only a JPEG's marks", b"\xff\xd8\xff\xd9", BROKEN),
    ("only a PNG's signature", b"\x89PNG\r\n\x1a\n", BROKEN),
    ("only a GIF's signature", b"GIF89a", BROKEN),
    ("only a TIFF's signature", b"II*\0", BROKEN),
    ("only a BMP's signature", b"BM", BROKEN),
    ("only a WebP's signature", b"RIFF\0\0\0\0WEBP", BROKEN),
    ("only an AVIF's signature", b"\0\0\0\x20ftypavif", BROKEN),
    # formats that Pillow would read and we do not
    ("PostScript", POSTSCRIPT, UNKNOWN),
    ("PostScript for DOS", b"\xc5\xd0\xd3\xc6" + struct.pack("<7I", 32, 99, *[0] * 5), UNKNOWN),
    ("PDF", encoded(PHOTOGRAPH, "PDF"), UNKNOWN),
    ("a Windows metafile", b"\xd7\xcd\xc6\x9a" + bytes(80), UNKNOWN),
    ("an icon", encoded(PHOTOGRAPH, "ICO"), UNKNOWN),
    ("an icon of macOS", encoded(PHOTOGRAPH.resize((32, 32)), "ICNS"), UNKNOWN),
    ("JPEG 2000", encoded(PHOTOGRAPH, "JPEG2000"), UNKNOWN),
    ("PPM", encoded(PHOTOGRAPH, "PPM"), UNKNOWN),
    ("PCX", encoded(PHOTOGRAPH, "PCX"), UNKNOWN),
    ("SGI", encoded(PHOTOGRAPH, "SGI"), UNKNOWN),
    ("TGA", encoded(PHOTOGRAPH, "TGA"), UNKNOWN),
    ("DDS", encoded(PHOTOGRAPH, "DDS"), UNKNOWN),
    ("XBM", encoded(PHOTOGRAPH.convert("1"), "XBM"), UNKNOWN),
    ("a bitmap without its header", encoded(PHOTOGRAPH, "DIB"), UNKNOWN),
    ("FITS", b"SIMPLE  =                    T".ljust(2880), UNKNOWN),
    ("HDF5", b"\x89HDF\r\n\x1a\n" + bytes(80), UNKNOWN),
    ("Photoshop", b"8BPS\0\x01" + bytes(80), UNKNOWN),
    ("HEIC", b"\0\0\0\x18ftypheic\0\0\0\0heicmif1" + bytes(80), UNKNOWN),
    ("SVG", b'<svg xmlns="http://www.w3.org/2000/svg"/>', UNKNOWN),
    # cut short
    *((f"{kind} cut after its head", data[:24], BROKEN) for kind, data in WHOLE.items()),
    *(
        (f"{kind} cut in the middle", data[: len(data) // 2], BROKEN)
        for kind, data in WHOLE.items()
    ),
    # damaged
    ("AVIF without its pixels", damaged("AVIF", _AV1, bytes(60)), DAMAGED),
    ("AVIF of other bytes", damaged("AVIF", _AV1, b"\xff" * 60), DAMAGED),
    ("AVIF without places", WHOLE["AVIF"].replace(b"iloc", b"xxxx"), DAMAGED),
    ("AVIF without a codec", WHOLE["AVIF"].replace(b"av1C", b"xxxx"), DAMAGED),
    ("AVIF without a size", WHOLE["AVIF"].replace(b"ispe", b"xxxx"), BROKEN),
    ("PNG of no valid stream", png(png_header(40, 40), (b"IDAT", b"xxxx")), DAMAGED),
    ("PNG without pixels", png(png_header(40, 40), (b"IEND", b"")), BROKEN),
    ("PNG of too few rows", png(png_header(40, 40), (b"IDAT", zlib.compress(b"\0" * 99))), DAMAGED),
    (
        "PNG of fewer whole rows",
        png(png_header(40, 40), (b"IDAT", zlib.compress(bytes(121) * 30)), (b"IEND", b"")),
        "rows of pixels are missing",
    ),
    (
        "PNG whose end is zeros",
        WHOLE["PNG"][: len(WHOLE["PNG"]) // 2] + bytes(len(WHOLE["PNG"]) - len(WHOLE["PNG"]) // 2),
        DAMAGED,
    ),
    ("PNG of changed pixels", damaged("PNG", len(WHOLE["PNG"]) // 2, b"\0"), "checksum of a chunk"),
    ("PNG of a wrong checksum", damaged("PNG", 29, b"\0\0\0\0"), BROKEN),
    ("PNG of 7 bits", png(png_header(40, 40, bits=7), (b"IDAT", b"")), BROKEN),
    ("JPEG without tables", WHOLE["JPEG"].replace(b"\xff\xdb", b"\xff\xfe"), DAMAGED),
    ("JPEG without a scan", WHOLE["JPEG"].replace(b"\xff\xda", b"\xff\xfe"), DAMAGED),
    ("TIFF of a far directory", b"II*\0\xff\xff\xff\xff" + bytes(80), BROKEN),
    ("TIFF whose directory is itself", b"II*\0\0\0\0\0" + bytes(80), BROKEN),
    ("TIFF without pixels", tiff(), DAMAGED),
    ("TIFF of three strips of four", strips(3, 3), "4 strips or tiles of pixels expected"),
    ("TIFF with a strip without a place", strips(4, 3), "4 strips or tiles of pixels expected"),
    ("TIFF of a far strip", tiff(strip=2**31), DAMAGED),
    ("TIFF of an unknown compression", tiff(compression=34712), BROKEN),
    ("TIFF of 3 bits", tiff(bits=3), BROKEN),
    ("TIFF of 9 samples", tiff(samples=9), BROKEN),
    ("TIFF of a void strip, deflated", tiff(compression=8), DAMAGED),
    ("BMP of 5 bits", damaged("BMP", 28, b"\5"), BROKEN),
    ("BMP of an unknown compression", damaged("BMP", 30, b"\x63"), BROKEN),
    ("GIF without a picture", WHOLE["GIF"][:13] + b";", BROKEN),
    ("WebP of other bytes", damaged("WEBP", 30, b"\xff" * 200), BROKEN),
    # too small, too large
    ("one pixel", encoded(PHOTOGRAPH.resize((1, 1)), "PNG"), "1 x 1 pixels is smaller"),
    ("too low", encoded(PHOTOGRAPH.resize((500, 31)), "JPEG"), f"500 x 31 pixels {SMALL}"),
    ("too narrow", encoded(PHOTOGRAPH.resize((31, 500)), "WEBP"), f"31 x 500 pixels {SMALL}"),
    ("PNG without width", png(png_header(0, 40), (b"IDAT", b"")), f"{BROKEN}|{SMALL}"),
    ("TIFF without height", tiff(height=0), f"{BROKEN}|{SMALL}"),
    ("a GIF larger than its screen", gif_picture(65_535, 65_535), LARGE),
    ("a large PNG", bomb(30_000), f"30000 x 30000 pixels {LARGE}"),
    ("the widest PNG", png(png_header(2**31 - 1, 40), (b"IDAT", b"")), LARGE),
    ("a 16-bit PNG", png(png_header(14_200, 14_200, 16, 0), (b"IDAT", b"")), LARGE),
    ("the largest JPEG", jpeg_header(65_500, 65_500), LARGE),
    ("the largest GIF", gif_screen(65_535, 65_535), LARGE),
    ("the largest BMP", bmp_size(2**31 - 1, 2**31 - 1), LARGE),
    ("a BMP upside down", bmp_size(20_000, -20_000), LARGE),
    ("the largest TIFF", tiff(width=2**31 - 1, height=2**31 - 1), LARGE),
    ("a large WebP", webp_canvas(16_384, 16_384), LARGE),
    ("the largest WebP", webp_canvas(2**24, 2**8), f"{LARGE}|could not create decoder"),
    # values that have no scale
    (
        "CMYK without its marker",
        without_adobe(encoded(PHOTOGRAPH.convert("CMYK"), "JPEG")),
        "CMYK that does not say whether 0 is full ink",
    ),
    (
        "a TIFF whose alpha has removed its colours",
        tiff_of(np.dstack([NOISE, NOISE[..., 0] * 0]), photometric="rgb", extrasamples=[1]),
        "transparent everywhere",
    ),
    (
        "one white pixel among 12 bits",
        encoded(np.where(RAMP, 1000 + RAMP, 65535).astype(np.uint16), "TIFF"),
        "nearly all up to 4095 and some from 65535 on",
    ),
    (
        "floats of 0 to 255",
        grey(255),
        rf"{VALUES} 255 to 255, expected 0 to 1; save it as RGB of 8 bits",
    ),
    ("negative floats", grey(-0.5), VALUES),
    ("not a number", grey(np.nan), f"{VALUES} nan to nan"),
    ("infinite", grey(np.inf), f"{VALUES} inf"),
    ("32 bits", grey(70_000, dtype=np.int32), f"{VALUES} 70000 to 70000, expected 0 to 65535"),
    ("negative integers", grey(-1, dtype=np.int32), f"{VALUES} -1 to -1"),
]


def one(text: str) -> str:
    assert text
    assert text.isprintable(), "one line, without control characters"
    assert len(text) < 300
    return text


@pytest.mark.parametrize(("data", "words"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_it_is_refused_with_a_reason(data: bytes, words: str) -> None:
    with pytest.raises(CracksError, match=words) as error:
        decode(data)
    one(str(error.value))


def test_names_of_cases_differ() -> None:
    assert len({name for name, _, _ in CASES}) == len(CASES)


def test_the_audit_names_each_of_them_and_keeps_the_others(tmp_path: Path) -> None:
    bad = {f"positive/{name}.jpg": data for name, data, _ in CASES}
    good = {
        f"{label}/{n}.png": encoded(np.roll(NOISE, n, 0), "PNG") for n, label in enumerate("ab")
    }
    good = {name.replace("a/", "positive/").replace("b/", "no/"): d for name, d in good.items()}
    path = tmp_path / "images.zip"
    write_archive(path, (bad | good).items())
    before = path.read_bytes()
    found = audit_archive(
        path, "positive", AuditLimits(max_rejected=1, max_megapixels=200, max_file_mb=9)
    )
    assert set(found.rejected["name"]) == set(bad)
    assert set(found.images["id"]) == set(good)
    for reason in found.rejected["reason"]:
        one(reason)
    assert list(tmp_path.iterdir()) == [path]
    assert path.read_bytes() == before


def test_predict_names_each_of_them_and_goes_on(tmp_path: Path) -> None:
    for number, (_, data, _) in enumerate(CASES):
        (tmp_path / f"{number}.jpg").write_bytes(data)
    (tmp_path / "good.png").write_bytes(WHOLE["PNG"])
    paths = sorted(tmp_path.iterdir())
    unreadable: dict[Path, str] = {}
    read = [path for path, _ in read_inputs(paths, 32, unreadable)]
    assert read == [tmp_path / "good.png"]
    assert set(unreadable) == set(paths) - set(read)
    for reason in unreadable.values():
        one(reason)


# --- what is unusual, but usable --------------------------------------------------------


def _usable() -> Iterator[tuple[str, bytes]]:
    yield from WHOLE.items()
    frames = [Image.fromarray(np.roll(NOISE, n, 0)) for n in range(3)]
    for kind in ("GIF", "WEBP", "PNG", "TIFF", "MPO", "AVIF"):
        yield (
            f"several pictures, {kind}",
            encoded(frames[0], kind, save_all=True, append_images=frames[1:]),
        )
    for mode in ("1", "L", "LA", "P", "RGBA", "I;16"):
        yield (
            f"PNG, {mode}",
            encoded(PHOTOGRAPH.convert("L" if mode == "I;16" else mode).convert(mode), "PNG"),
        )
    for mode in ("1", "L", "P", "RGBA", "CMYK", "I;16", "I;16B", "F"):
        image = (
            PHOTOGRAPH.convert(mode) if mode in "1 L P RGBA CMYK" else Image.new(mode, (40, 40), 1)
        )
        yield f"TIFF, {mode}", encoded(image, "TIFF")
    yield "a transparent colour", encoded(PHOTOGRAPH, "PNG", transparency=(0, 0, 0))
    yield "an orientation of 77", encoded(PHOTOGRAPH, "JPEG", exif=_orientation(77))
    yield "damaged EXIF", encoded(PHOTOGRAPH, "JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\xff")
    yield "a damaged profile", encoded(PHOTOGRAPH, "JPEG", icc_profile=b"no profile")
    yield "bytes after the end", WHOLE["JPEG"] + bytes(5000)


def _orientation(value: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = value
    return exif


USABLE = dict(_usable())


@pytest.mark.parametrize("name", USABLE)
def test_what_is_unusual_is_read(name: str) -> None:
    rgb = decode(USABLE[name])
    assert rgb.dtype == np.uint8
    assert rgb.shape in ((40, 48, 3), (40, 40, 3))


def test_floating_point_images_of_0_to_1_are_not_black() -> None:
    ramp = np.linspace(0, 1, 40 * 48, dtype=np.float32).reshape(40, 48)
    rgb = decode(encoded(ramp, "TIFF"))
    np.testing.assert_allclose(rgb[..., 1], ramp * 255, atol=0.501)
    assert (decode(grey(1))[..., 0] == 255).all()


# --- bounds -----------------------------------------------------------------------------

_LIMITED = """
import resource, sys
from cracks.images.decoding import decode
from cracks.project.errors import CracksError
from PIL import Image
data = sys.stdin.buffer.read()
Image.init()
pages = int(open("/proc/self/statm").read().split()[0])
limit = pages * resource.getpagesize() + int(sys.argv[1]) * 1_000_000
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
try:
    print(decode(data).shape)
except CracksError as error:
    print(error)
"""


def decoded_within(megabytes: int, data: bytes) -> str:
    """What `decode` says of an image in a process that may take that much memory more."""
    done = subprocess.run(
        [sys.executable, "-c", _LIMITED, str(megabytes)],
        input=data,
        cwd=ROOT,
        env=os.environ | {"OPENBLAS_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    assert done.returncode == 0, done.stdout.decode()
    return done.stdout.decode().strip()


def flat_png(side: int, bits: int, colour: int) -> bytes:
    """A PNG of one colour: large in memory, small as a file."""
    channels = {0: 1, 2: 3, 6: 4}[colour]
    rows = (b"\0" + b"\xff" * (side * channels * bits // 8)) * side
    return png(png_header(side, side, bits, colour), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))


linux_only = pytest.mark.skipif(sys.platform != "linux", reason="limits memory as Linux does")


@linux_only
@pytest.mark.parametrize(
    ("bits", "colour"), [(16, 0), (8, 2), (8, 6)], ids=["16-bit grey", "RGB", "with alpha"]
)
def test_decoding_takes_at_most_fifteen_bytes_a_pixel(bits: int, colour: int) -> None:
    megapixels = 16
    data = flat_png(4000, bits, colour)
    assert decoded_within(15 * megapixels, data) == "(4000, 4000, 3)"


@linux_only
def test_running_out_of_memory_is_a_reason() -> None:
    assert decoded_within(30, flat_png(4000, 8, 2)) == "needs more memory than there is"


@linux_only
@pytest.mark.parametrize("name", [name for name, _, words in CASES if LARGE in words])
def test_what_is_too_large_takes_no_memory(name: str) -> None:
    data = next(data for other, data, _ in CASES if other == name)
    said = decoded_within(30, data)
    assert LARGE in said or "could not create decoder" in said  # libwebp reserves its canvas first


def test_strips_that_are_all_there_are_read() -> None:
    np.testing.assert_array_equal(decode(strips(4, 4)), NOISE)
