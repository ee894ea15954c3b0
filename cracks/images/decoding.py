"""From the bytes of a file to the pixels of a backbone: the only decoder and the only resize.

Images of any camera or editor become upright 8-bit RGB. The pipeline, `predict` and `export` share
this code, so that training and use cannot differ.
"""

import io
import warnings

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from cracks.pipeline.errors import CracksError

RGB = NDArray[np.uint8]

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

_STRIP = 64  # rows converted at a time

Image.MAX_IMAGE_PIXELS = None  # replaced by the limit below, whose message says what to do


def decode(data: bytes, min_side: int = MIN_SIDE, max_pixels: int = MAX_PIXELS) -> RGB:
    """Decode an image file to upright RGB, uint8 `[height, width, 3]`.

    Greyscale, palette, alpha (over white), CMYK, 16-bit and EXIF-rotated images are supported, and
    floating-point ones from 0 to 1.

    Raises:
        CracksError: with the reason, if the data is not an image of `FORMATS`, or is damaged,
            truncated, smaller than `min_side` or larger than `max_pixels`.
    """
    if not data:
        raise CracksError("the file is empty")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # damaged metadata is no reason to refuse pixels
            image = Image.open(io.BytesIO(data), formats=list(FORMATS))
            _check_size(image, min_side, max_pixels)
            image.load()
            ImageOps.exif_transpose(image, in_place=True)
            return _to_rgb(image)
    except CracksError:
        raise
    except UnidentifiedImageError:
        known = ", ".join(FORMATS)
        raise CracksError(f"not an image in a known format ({known})") from None
    except MemoryError:
        raise CracksError("needs more memory than there is") from None
    except Exception as error:  # noqa: BLE001 - damaged bytes make Pillow raise nearly anything
        raise CracksError(f"damaged or cut short ({' '.join(str(error).split())})") from None


def _check_size(image: Image.Image, min_side: int, max_pixels: int) -> None:
    width, height = image.size
    if width * height > max_pixels:
        raise CracksError(f"{width} x {height} pixels is more than the {max_pixels:,} allowed")
    if min(width, height) < min_side:
        raise CracksError(f"{width} x {height} pixels is smaller than {min_side} px")


def _to_rgb(image: Image.Image) -> RGB:
    if image.mode.startswith(("I", "F")):
        return np.repeat(_eight_bits(image)[..., np.newaxis], 3, axis=2)
    if image.has_transparency_data:
        image = image.convert("RGBA")
        opaque = Image.new("RGB", image.size, "white")
        opaque.paste(image, mask=image.getchannel("A"))
        image = opaque
    return np.asarray(image if image.mode == "RGB" else image.convert("RGB"))


def _eight_bits(image: Image.Image) -> NDArray[np.uint8]:
    """The grey values of a 16-bit image or a floating-point one from 0 to 1, `[height, width]`.

    Raises:
        CracksError: if a value is outside of that range.
    """
    values = np.asarray(image)
    white = 1 if image.mode == "F" else 65535
    low, high = values.min(), values.max()  # not a number if one value is not
    if not (low >= 0 and high <= white):
        raise CracksError(
            f"grey values from {low:g} to {high:g}, expected 0 to {white}; save it with 8 bits"
        )
    grey = np.empty(values.shape, np.uint8)
    for top in range(0, len(values), _STRIP):  # the whole at once would be 8 bytes a pixel
        strip = slice(top, top + _STRIP)
        grey[strip] = np.rint(values[strip] * (255 / white))
    return grey


def to_input(rgb: RGB, image_size: int) -> RGB:
    """Resize to the backbone's input, uint8 `[image_size, image_size, 3]`, by bilinear filter.

    Pillow's bilinear filter averages over all pixels when it shrinks (no aliasing). The aspect
    ratio is not kept, as in Keras's `image_dataset_from_directory`.
    """
    if rgb.shape[:2] == (image_size, image_size):
        return rgb
    image = Image.fromarray(rgb)
    return np.asarray(image.resize((image_size, image_size), Image.Resampling.BILINEAR))
