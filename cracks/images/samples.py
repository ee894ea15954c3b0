"""The conversion of the samples of an image, of any bit depth, to 8-bit RGB.

Integers of more than 8 bits often come from a sensor of 10, 12 or 14 bits, whose white is not the
largest number of their type: white is taken from the smallest usual depth that holds all values.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImagePalette
from PIL.ExifTags import Base as Tag

from cracks.images import png, tiff
from cracks.project.errors import CracksError

SAVE_AGAIN = "save it as RGB of 8 bits"

_DEPTHS = (8, 10, 12, 14, 16)
_SIGNED_DEPTHS = (8, 10, 12, 14, 15)
_DARK = 64  # of 256: where 14 bits end if they are taken for 16
_NIGHT = 16  # of 256: where 12 bits end if they are taken for 16
_NEARLY_ALL = 0.999  # of the values: the others may be a date or a scale that was burnt in
_GAP = 3  # times the white of nearly all values, below which the others of a bright picture begin
_COUNTED = 2**20  # values of which that is counted

_PALETTE = 3  # photometric
_SIGNED = 2  # sample format
_UNCOMPRESSED = 1

_UNUSED_ALPHA = {"BMP", "TIFF"}  # where programs leave zeros that mean nothing

_STRIP = 64  # rows converted at a time


class Samples(NamedTuple):
    """What the numbers of an image file mean."""

    bits: int = 8
    is_signed: bool = False
    is_inverted: bool = False  # 0 is white
    greatest: int = 0  # the largest value by a tag of the file, 0 if it has none

    def to_rgb(self, image: Image.Image) -> NDArray[np.uint8]:
        """The pixels `[height, width, 3]` of an image that is loaded, alpha over white.

        Raises:
            CracksError: if it is unclear what its values mean.
        """
        if image.mode.startswith(("I", "F")):
            return np.repeat(self._grey(image)[..., np.newaxis], 3, axis=2)
        if image.mode == "LAB":
            raise CracksError(f"of the colour space Lab, which is not read; {SAVE_AGAIN}")
        if self.bits > 8:
            self._check_range(image)
        level = image.info.get("transparency")
        if self.bits < 8 and image.mode == "L" and isinstance(level, int):  # Pillow scales pixels
            image.info["transparency"] = level * 255 // (2**self.bits - 1)
        if image.has_transparency_data:
            image = _over_white(image)
        return np.asarray(image if image.mode == "RGB" else image.convert("RGB"))

    def _grey(self, image: Image.Image) -> NDArray[np.uint8]:
        """Grey values `[height, width]`."""
        values = np.asarray(image)
        white = self._white(image.mode, values)
        grey = np.empty(values.shape, np.uint8)
        for top in range(0, len(values), _STRIP):  # the whole at once would be 8 bytes a pixel
            strip = slice(top, top + _STRIP)
            grey[strip] = np.rint(values[strip] * (255 / white))
        if self.is_inverted:
            np.subtract(255, grey, out=grey)
        transparent = image.info.get("transparency")
        if isinstance(transparent, int):
            grey[values == transparent] = 255
        return grey

    def _white(self, mode: str, values: NDArray[Any]) -> int:
        low, high = float(values.min()), float(values.max())
        greatest = 1 if mode == "F" else self._greatest(max(high, self.greatest))
        if mode != "F":
            self._check_clear(values, greatest)
        if not (low >= 0 and high <= greatest):  # not a number if one value is not
            raise CracksError(
                f"grey values from {low:g} to {high:g}, expected 0 to {greatest}; {SAVE_AGAIN}"
            )
        return greatest

    def _check_clear(self, values: NDArray[Any], white: int) -> None:
        """Refuse dark values and a few far brighter ones, which may be burnt in."""
        nearly_all = self._greatest(max(_nearly_highest(values), self.greatest))
        if nearly_all == white:
            return
        low, high, least = values.min(), values.max(), values[values > nearly_all].min()
        if least > _GAP * nearly_all and not ((values == low) | (values == high)).all():
            raise CracksError(
                f"grey values nearly all up to {nearly_all:g} and some from {least:g} on, so that "
                f"it is unclear which is white; {SAVE_AGAIN}"
            )

    def _greatest(self, highest: float) -> int:
        """The white of the smallest usual depth that holds a value."""
        depths = _SIGNED_DEPTHS if self.is_signed and self.bits <= 16 else _DEPTHS
        whites = [(1 << depth) - 1 for depth in depths]
        return next((white for white in whites if highest <= white), whites[-1])

    def _check_range(self, image: Image.Image) -> None:
        """Refuse dark colours of more than 8 bits: Pillow keeps the upper 8, which are too few."""
        bands = {band: np.asarray(image.getchannel(band)) for band in image.getbands()}
        alpha = int(bands.pop("A", np.array(255)).max()) or 255  # 0 says nothing of the depth
        top = min(max(int(values.max()) for values in bands.values()), alpha)
        nearly_all = max(_nearly_highest(values) for values in bands.values())
        if top < _DARK or nearly_all < _NIGHT:
            top = min(top, int(nearly_all))
            raise CracksError(
                f"colours up to {top} of 255 in {self.bits} bits, as of a sensor with fewer; "
                f"{SAVE_AGAIN}"
            )


def _nearly_highest(values: NDArray[Any]) -> float:
    """The value below which nearly all are."""
    some = values.ravel()[:: max(values.size // _COUNTED, 1) | 1]  # odd: of all columns
    return float(np.quantile(some, _NEARLY_ALL, method="higher"))


def samples_of(image: Image.Image, data: bytes) -> Samples:
    """What the numbers of an image that was opened, but not loaded yet, mean.

    Raises:
        CracksError: if Pillow would misread them.
        ValueError: if some are missing.
    """
    if image.format == "PNG":
        png.check_whole(data)
        return Samples(png.bits(data))
    if image.format == "JPEG" and image.mode == "CMYK" and "adobe" not in image.info:
        raise CracksError(f"CMYK that does not say whether 0 is full ink; {SAVE_AGAIN}")
    return _samples_of_tiff(image, data) if image.format == "TIFF" else Samples()


def _samples_of_tiff(image: Image.Image, data: bytes) -> Samples:
    tags = image.tag_v2  # type: ignore[attr-defined]
    tiff.check_whole(dict(tags), len(data))
    bits = max(tags.get(Tag.BitsPerSample, (1,)))
    is_signed = _SIGNED in tags.get(Tag.SampleFormat, ())
    compression = tags.get(Tag.Compression, _UNCOMPRESSED)
    photometric = tags.get(Tag.PhotometricInterpretation)
    if photometric is None:
        raise CracksError(f"a TIFF file that does not say whether 0 is black; {SAVE_AGAIN}")
    if is_signed and bits == 8:
        raise CracksError(
            f"a TIFF file of signed values of 8 bits, which is not read; {SAVE_AGAIN}"
        )
    separate = tags.get(Tag.PlanarConfiguration) == tiff.SEPARATE
    if separate and bits > 8 and compression == _UNCOMPRESSED:
        raise CracksError(f"a TIFF file of {bits} bits in separate planes; {SAVE_AGAIN}")
    if (bits == 32 or is_signed) and compression != _UNCOMPRESSED and tags.prefix == b"MM":
        raise CracksError(f"a compressed TIFF file of {bits} bits, big-endian; {SAVE_AGAIN}")
    colours = tags.get(Tag.ColorMap, ())
    if photometric == _PALETTE and 0 < max(colours, default=0) < 256:  # of 8 bits, not of 16
        image.palette = ImagePalette.raw("RGB;L", bytes(colours))
    greatest = tags.get(Tag.MaxSampleValue, 0)
    return Samples(bits, is_signed, photometric == 0, greatest if isinstance(greatest, int) else 0)


def _over_white(image: Image.Image) -> Image.Image:
    """The image on a white ground.

    Raises:
        CracksError: if all of it is transparent.
    """
    premultiplied = image.mode == "La"
    with_alpha = (image.convert("LA") if premultiplied else image).convert("RGBA")
    alpha = with_alpha.getchannel("A")
    if not alpha.getbbox():
        colours = with_alpha.convert("RGB")
        if image.format in _UNUSED_ALPHA and colours.getbbox():
            return colours
        raise CracksError("transparent everywhere; save it without transparency")
    opaque = Image.new("RGB", image.size, "white")
    opaque.paste(with_alpha, mask=alpha)
    return opaque
