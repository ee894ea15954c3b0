"""Where on earth a georeferenced TIFF lies, by the tags of GeoTIFF (OGC 19-008r4).

Photographs that are turned or whose coordinates have no EPSG code are left in pixels.
"""

import io
from math import isfinite
from pathlib import Path
from typing import Any, NamedTuple

from PIL.ExifTags import Base as Tag
from tifffile import TiffFile, TiffPage

_TOP_LEFT = 1  # orientation of what is stored upright
_POINT = 2  # raster type: coordinates are those of a pixel's middle
_USER_DEFINED = 32767
_PROJECTED = 1  # model type: coordinates are metres or feet, not degrees
_CODES = ("ProjectedCSTypeGeoKey", "GeographicTypeGeoKey")


class Georeference(NamedTuple):
    """The place of a photograph whose upper edge is in the north."""

    left: float  # coordinates of the photograph's upper left corner
    top: float
    across: float  # the size of a pixel
    down: float
    epsg: int | None  # code of the coordinate reference system; None for pixels

    def place(self, x: float, y: float) -> list[float]:
        """The coordinates of a point that many pixels right of and below the upper left corner."""
        return [self.left + x * self.across, self.top - y * self.down]


PIXELS = Georeference(0, 0, 1, 1, None)
"""Of photographs without coordinates."""

WGS84 = 4326
"""The code of longitude and latitude as GeoJSON has them."""


def read_georeference(source: Path | bytes, width: int, height: int) -> Georeference | None:
    """The place of a photograph of that size; None if the file does not tell.

    Args:
        source: the file, or its bytes.
        width: pixels of the photograph that was decoded from it.
        height: likewise.
    """
    try:
        with TiffFile(io.BytesIO(source) if isinstance(source, bytes) else source) as tiff:
            for page in tiff.pages:
                if isinstance(page, TiffPage) and page.shape[:2] == (height, width):
                    upright = page.tags.valueof(Tag.Orientation, _TOP_LEFT) == _TOP_LEFT
                    return _georeference(page.geotiff_tags or {}) if upright else None
    except Exception:  # noqa: BLE001 - no TIFF, or damaged tags: tifffile raises nearly anything
        return None
    return None


def _georeference(tags: dict[str, Any]) -> Georeference | None:
    if "ModelTransformation" in tags:  # it may turn the photograph
        return None
    across, down, _ = tags["ModelPixelScale"]
    column, row, _, x, y, _ = tags["ModelTiepoint"]  # of one point only
    codes = _CODES[:1] if int(tags.get("GTModelTypeGeoKey", 0)) == _PROJECTED else _CODES
    epsg = next((int(tags[name]) for name in codes if name in tags), _USER_DEFINED)
    numbers = (across, down, column, row, x, y)
    if epsg == _USER_DEFINED or not (across > 0 and down > 0) or not all(map(isfinite, numbers)):
        return None
    if int(tags.get("GTRasterTypeGeoKey", 0)) == _POINT:
        column, row = column + 0.5, row + 0.5
    return Georeference(x - column * across, y + row * down, across, down, epsg)
