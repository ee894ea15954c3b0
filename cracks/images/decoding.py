"""From a file's bytes to the pixels that a backbone sees: the one decoder and the one resize.

Whatever a camera or an editor may produce becomes upright 8-bit RGB. The pipeline, `predict` and
`export` all go through here, so that training and use cannot differ.
"""

import io
import warnings

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from cracks.pipeline.errors import CracksError

RGB = NDArray[np.uint8]

MIN_SIDE = 32
"""Pixels of the shorter side below which the backbones have nothing to look at."""

MAX_PIXELS = 200_000_000
"""Pixels above which an image is refused by its header, before anything is decoded."""

Image.MAX_IMAGE_PIXELS = None  # our own limit below says what to do


def decode(data: bytes, min_side: int = MIN_SIDE) -> RGB:
    """Decode an image file to upright RGB, uint8 `[height, width, 3]`.

    Greyscale, palette, alpha (over white), CMYK, 16-bit and EXIF-turned images are all read.

    Raises:
        CracksError: with the reason, if the data is no image, is damaged, cut short, smaller than
            `min_side` or larger than `MAX_PIXELS`.
    """
    if not data:
        raise CracksError("the file is empty")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # damaged metadata is no reason to refuse pixels
            image = Image.open(io.BytesIO(data))
            _check_size(image, min_side)
            image.load()
            return np.asarray(_to_rgb(ImageOps.exif_transpose(image)))
    except UnidentifiedImageError:
        raise CracksError("not an image in a known format") from None
    except (OSError, SyntaxError, ValueError, EOFError, IndexError, MemoryError) as error:
        raise CracksError(f"damaged or cut short ({error})") from None


def _check_size(image: Image.Image, min_side: int) -> None:
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise CracksError(f"{width} x {height} pixels is more than the {MAX_PIXELS:,} allowed")
    if min(width, height) < min_side:
        raise CracksError(f"{width} x {height} pixels is smaller than {min_side} px")


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith(("I", "F")):  # 16 bit and more: keep the upper 8 bits of 16
        pixels = np.asarray(image, dtype=np.float64)
        image = Image.fromarray((np.clip(pixels, 0, 65535) / 257).round().astype(np.uint8))
    if image.mode == "P" or image.has_transparency_data:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image)
    return image.convert("RGB")


def to_input(rgb: RGB, image_size: int) -> RGB:
    """Resize to the backbone's input, uint8 `[image_size, image_size, 3]`, by bilinear filter.

    Pillow's bilinear filter averages over all pixels when it shrinks (no aliasing). The aspect
    ratio is not kept, as in Keras's `image_dataset_from_directory`.
    """
    if rgb.shape[:2] == (image_size, image_size):
        return rgb
    image = Image.fromarray(rgb)
    return np.asarray(image.resize((image_size, image_size), Image.Resampling.BILINEAR))
