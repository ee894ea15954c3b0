"""From the bytes of a file to the pixels of a backbone: the only decoder and the only resize.

Images of any camera or editor become upright 8-bit RGB. The pipeline, `predict` and `export` share
this code, so that training and use cannot differ.
"""

import io
import warnings

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from cracks.images import png, tiff
from cracks.images.samples import SAVE_AGAIN, samples_of
from cracks.project.errors import CracksError

RGB = NDArray[np.uint8]
Mask = NDArray[np.bool_]

DECODING_PACKAGES = ("numpy", "pillow")
"""Packages whose versions the pixels depend on; they are part of the key of cached features."""

MIN_SIDE = 32
"""Pixels of the shorter side below which an image is refused: too small for the backbones."""

MAX_PIXELS = 200_000_000
"""Pixels above which an image is refused by its header, before anything is decoded."""

FORMATS = {
    "AVIF": (".avif", ".avifs"),
    "BMP": (".bmp",),
    "GIF": (".gif",),
    "JPEG": (".jpg", ".jpeg", ".jpe", ".jfif", ".mpo"),
    "PNG": (".png", ".apng"),
    "TIFF": (".tif", ".tiff"),
    "WEBP": (".webp",),
}
"""The formats that are read, by Pillow's names, and how names of such files end.

Pillow opens many more by their content, whatever their name; some of those run other programs.
"""

SUFFIXES = frozenset(suffix for suffixes in FORMATS.values() for suffix in suffixes)

_STARTS = {
    "AVIF": (b"\0\0\0\x1cftypavif", b"\0\0\0\x20ftypavif"),
    "BMP": (b"BM",),
    "GIF": (b"GIF87a", b"GIF89a"),
    "JPEG": (b"\xff\xd8\xff",),
    "PNG": (png.SIGNATURE,),
    "TIFF": tiff.MAGIC,
    "WebP": (b"RIFF",),
}

Image.MAX_IMAGE_PIXELS = None  # replaced by the limit below, whose message says what to do


def decode(data: bytes, max_pixels: int = MAX_PIXELS) -> RGB:
    """Decode an image file to upright RGB, uint8 `[height, width, 3]`.

    Greyscale, palette, alpha (over white), CMYK, 16-bit, 32-bit and EXIF-rotated images are
    supported; `cracks.images.samples` says how values become 8 bits. Of the pages of a TIFF file,
    the largest is taken. Of metadata, only the orientation is read.

    Raises:
        CracksError: with the reason, if the data is not an image of `FORMATS`, is damaged,
            truncated, smaller than `MIN_SIDE` or larger than `max_pixels`, or if it is unclear
            what its values mean.
    """
    if not data:
        raise CracksError("the file is empty")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # damaged metadata is no reason to refuse pixels
            pixels = tiff.photograph_alone(data) if data.startswith(tiff.MAGIC) else data
            return _upright(*_decoded(pixels, max_pixels))
    except CracksError:
        raise
    except UnidentifiedImageError:
        raise CracksError(_unidentified(data)) from None
    except MemoryError:
        raise CracksError("needs more memory than there is") from None
    except Exception as error:  # noqa: BLE001 - damaged bytes make Pillow raise nearly anything
        raise CracksError(f"damaged or cut short ({' '.join(str(error).split())})") from None


def _decoded(data: bytes, max_pixels: int) -> tuple[RGB, object]:
    """The pixels as stored and what EXIF says about the orientation.

    A PNG file that cannot be read is tried once more without its metadata.
    """
    try:
        image = Image.open(io.BytesIO(data), formats=list(FORMATS))
        _check_size(image, max_pixels)
        samples = samples_of(image, data)
        image.load()
        return samples.to_rgb(image), _orientation(image)
    except (CracksError, MemoryError):
        raise
    except Exception:
        bare = png.without_metadata(data) if data.startswith(png.SIGNATURE) else data
        if len(bare) == len(data):
            raise
    return _decoded(bare, max_pixels)


def _check_size(image: Image.Image, max_pixels: int) -> None:
    width, height = image.size
    if width * height > max_pixels:
        raise CracksError(
            f"{width} x {height} pixels is more than the {max_pixels:,} allowed; cut it into tiles"
        )
    if min(width, height) < MIN_SIDE:
        raise CracksError(f"{width} x {height} pixels is smaller than {MIN_SIDE} px")


def _unidentified(data: bytes) -> str:
    kind = next((name for name, starts in _STARTS.items() if data.startswith(starts)), None)
    if kind:
        return f"{kind} that is damaged or cut short, or of a kind that is not read; {SAVE_AGAIN}"
    return f"not an image in a known format ({', '.join(FORMATS)})"


def _orientation(image: Image.Image) -> object:
    try:
        return image.getexif().get(ExifTags.Base.Orientation)
    except Exception:  # noqa: BLE001 - of damaged EXIF, Pillow raises nearly anything
        return None


def _upright(rgb: RGB, orientation: object) -> RGB:
    if not isinstance(orientation, int) or not 2 <= orientation <= 8:  # EXIF 2.32, 4.6.4
        return rgb
    image = Image.fromarray(rgb)
    image.getexif()[ExifTags.Base.Orientation] = orientation
    return np.asarray(ImageOps.exif_transpose(image))


def to_input(rgb: RGB, image_size: int) -> RGB:
    """Resize to the backbone's input, uint8 `[image_size, image_size, 3]`, by bilinear filter.

    Pillow's bilinear filter averages over all pixels when it shrinks (no aliasing). The aspect
    ratio is not kept, as in Keras's `image_dataset_from_directory`.

    Example:
        >>> to_input(np.zeros((300, 400, 3), np.uint8), 224).shape
        (224, 224, 3)
    """
    if rgb.shape[:2] == (image_size, image_size):
        return rgb
    image = Image.fromarray(rgb)
    return np.asarray(image.resize((image_size, image_size), Image.Resampling.BILINEAR))
