"""All that is found in one photograph of a wall, and the files that are written of it."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from PIL import Image

from cracks.evaluation.metrics import is_crack
from cracks.images.decoding import RGB
from cracks.project.outputs import write_csv, write_text
from cracks.tools.photographs import save_picture
from cracks.tools.walls.cells import CellClassifier
from cracks.tools.walls.crack_map import PATCH, THRESHOLD, CrackMap, map_cracks
from cracks.tools.walls.georeference import PIXELS, WGS84, Georeference
from cracks.tools.walls.regions import in_millimetres, measure_regions
from cracks.tools.walls.ridges import Cracks, find_cracks

FILES = {
    "picture.png": ".png",
    "mask.png": "-mask.png",
    "regions.csv": ".csv",
    "regions.json": ".json",
}
"""What `write_inspection` writes, and how the names of those files end."""

SUMMARY = "summary.csv"
"""The file of `summary_table`."""

_DIGITS = {"peak_probability": 4}
_DIGITS_OF_SIZES = 2
_FAST = 3  # compression of pictures: twice as fast as usual, little larger


@dataclass(frozen=True)
class Inspection:
    """What one classifier finds in one photograph."""

    name: str  # of the photograph
    backbone: str
    threshold: float
    crackmap: CrackMap
    cracks: Cracks
    regions: pd.DataFrame  # as `measure_regions` gives it, with millimetres if they are known
    mm_per_pixel: float | None
    georeference: Georeference | None = None  # None if the file has none

    @property
    def cracked_share(self) -> float:
        """Share of the photograph's pixels that are crack."""
        return float(self.cracks.mask.mean())

    @property
    def evidence_share(self) -> float:
        """Share of the photograph's area whose evidence reaches the threshold, crack or not."""
        return float(is_crack(self.crackmap.heat, self.threshold).mean())

    def rounded_regions(self) -> pd.DataFrame:
        """The regions as they are written."""
        digits = {name: _DIGITS.get(name, _DIGITS_OF_SIZES) for name in self.regions.columns}
        return self.regions.round(digits)

    def summary(self) -> dict[str, Any]:
        """The numbers of the whole photograph, by name."""
        length = float(self.regions["length"].sum())
        max_width = float(self.regions["max_width"].max() if len(self.regions) else 0)
        sizes = {
            "cracked_share": round(self.cracked_share, 6),
            "evidence_share": round(self.evidence_share, 4),
            "regions": len(self.regions),
            "length": round(length, 1),
            "max_width": round(max_width, 1),
        }
        if self.mm_per_pixel:
            sizes["length_mm"] = round(self.mm_per_pixel * length, 1)
            sizes["max_width_mm"] = round(self.mm_per_pixel * max_width, _DIGITS_OF_SIZES)
        return sizes


def inspect(
    rgb: RGB,
    name: str,
    classifier: CellClassifier,
    patch: int = PATCH,
    mm_per_pixel: float | None = None,
) -> Inspection:
    """Map a photograph, find the cracks in it and measure them.

    Raises:
        CracksError: if the photograph is smaller than two cells.
    """
    crackmap = map_cracks(rgb, classifier, patch)
    return inspection_of(rgb, name, classifier.backbone, crackmap, THRESHOLD, mm_per_pixel)


def inspection_of(
    rgb: RGB,
    name: str,
    backbone: str,
    crackmap: CrackMap,
    threshold: float,
    mm_per_pixel: float | None,
) -> Inspection:
    """The cracks of a photograph by its map and any threshold; no backbone runs."""
    cracks = find_cracks(rgb, crackmap, threshold)
    regions = measure_regions(cracks, crackmap)
    if mm_per_pixel:
        regions = in_millimetres(regions, mm_per_pixel)
    return Inspection(name, backbone, threshold, crackmap, cracks, regions, mm_per_pixel)


def summary_table(found: Sequence[tuple[str, Inspection]]) -> pd.DataFrame:
    """Paths of photographs and the summary of what is found in each, the widest crack first."""
    rows = [{"path": path, "backbone": one.backbone, **one.summary()} for path, one in found]
    columns = ["path", "backbone", "max_width", "length"]
    table = pd.DataFrame(rows) if rows else pd.DataFrame(columns=columns)
    by = ["max_width", "length", "path", "backbone"]
    return table.sort_values(by, ascending=[False, False, True, True], ignore_index=True)


def inspection_files(name: str, backbone: str, folder: Path) -> dict[str, Path]:
    """The files of `write_inspection` by the names of `FILES`."""
    return {what: folder / f"{name}-{backbone}{end}" for what, end in FILES.items()}


def write_inspection(inspection: Inspection, picture: Image.Image, name: str, folder: Path) -> Path:
    """Write the picture, the mask and the regions; the path of the picture.

    They are `<name>-<backbone>.png`, `-mask.png`, `.csv` and `.json` (GeoJSON, in pixels).
    """
    files = inspection_files(name, inspection.backbone, folder)
    document = json.dumps(geojson(inspection), indent=1, allow_nan=False)
    save_picture(picture, files["picture.png"], compress_level=_FAST)
    save_picture(Image.fromarray(inspection.cracks.mask), files["mask.png"], optimize=True)
    write_csv(files["regions.csv"], inspection.rounded_regions(), digits=None)
    write_text(files["regions.json"], document + "\n")
    return files["picture.png"]


def geojson(inspection: Inspection) -> dict[str, Any]:
    """A FeatureCollection of boxes, the widest crack first, their rings counter-clockwise.

    Coordinates are those of a georeferenced photograph. Of others they are pixels to the right and
    upwards of the upper left corner, so y is negative: where a GIS lays such a photograph.
    RFC 7946 knows degrees of longitude and latitude alone; other coordinate reference systems are
    named as GeoJSON 2008 has it, which GDAL and with it QGIS read.
    """
    place = inspection.georeference or PIXELS
    crs = {"type": "name", "properties": {"name": f"urn:ogc:def:crs:EPSG::{place.epsg}"}}
    regions = inspection.rounded_regions().to_dict("records")
    return {
        "type": "FeatureCollection",
        **({} if place.epsg in (None, WGS84) else {"crs": crs}),
        "photograph": inspection.name,
        "width": inspection.crackmap.width,
        "height": inspection.crackmap.height,
        "backbone": inspection.backbone,
        "threshold": inspection.threshold,
        "mm_per_pixel": inspection.mm_per_pixel,
        **inspection.summary(),
        "features": [_feature(region, place) for region in regions],
    }


def _feature(region: dict[Any, Any], place: Georeference) -> dict[str, Any]:
    left, top = region["x"], region["y"]
    right, bottom = left + region["width"], top + region["height"]
    corners = [(left, bottom), (right, bottom), (right, top), (left, top), (left, bottom)]
    ring = [place.place(x, y) for x, y in corners]
    return {
        "type": "Feature",
        "id": region["region"],
        "geometry": {"type": "Polygon", "coordinates": [ring]},
        "properties": region,
    }
