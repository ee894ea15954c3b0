"""All that is found in one photograph of a wall, and the files that are written of it."""

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import binary_dilation

from cracks.evaluation.metrics import is_crack
from cracks.images.decoding import RGB
from cracks.inference.classifier import LocalClassifier
from cracks.inference.crack_map import CrackMap, map_cracks
from cracks.inference.novelty import Familiar
from cracks.inference.regions import in_millimetres, measure_regions
from cracks.inference.ridges import Cracks, Mask, find_cracks
from cracks.pipeline.outputs import replacing, write_csv, write_text

_DIGITS = {"peak_probability": 4}
_DIGITS_OF_SIZES = 2
_FAST = 3  # compression of pictures: twice as fast as usual, little larger


@dataclass(frozen=True)
class Inspection:
    """What one classifier finds in one photograph."""

    backbone: str
    threshold: float
    crackmap: CrackMap
    cracks: Cracks
    regions: pd.DataFrame  # as `measure_regions` gives it, with millimetres if they are known
    mm_per_pixel: float | None
    unlike_training: float | None = None  # share of patches; None if not checked

    @property
    def cracked_share(self) -> float:
        """Share of the photograph's pixels that are crack."""
        return float(self.cracks.mask.mean())

    @property
    def evidence_share(self) -> float:
        """Share of the photograph's area whose evidence reaches the threshold, crack or not."""
        return float(is_crack(self.crackmap.heat, self.threshold).mean())

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
        if self.unlike_training is not None:
            sizes["unlike_training"] = round(self.unlike_training, 4)
        return sizes


def inspect(
    rgb: RGB,
    classifier: LocalClassifier,
    patch: int,
    stride: int,
    mm_per_pixel: float | None,
    familiar: Familiar | None = None,
) -> Inspection:
    """Map a photograph, find the cracks in it and measure them.

    With training features, also say which share of the patches is unlike the training images.

    Raises:
        CracksError: if the photograph is smaller than a patch or the stride leaves gaps.
    """
    crackmap, unlike = compared_map(rgb, classifier, patch, stride, familiar)
    found = conclude(rgb, classifier.backbone, crackmap, classifier.threshold, mm_per_pixel)
    return replace(found, unlike_training=unlike)


def compared_map(
    rgb: RGB, classifier: LocalClassifier, patch: int, stride: int, familiar: Familiar | None
) -> tuple[CrackMap, float | None]:
    """The map of a photograph, and the share of its patches that is unlike the training images.

    Raises:
        CracksError: if the photograph is smaller than a patch or the stride leaves gaps.
    """
    if not familiar:
        return map_cracks(rgb, classifier, patch, stride), None
    distances: list[float] = []
    engine = familiar.watching(classifier.engine, distances)
    crackmap = map_cracks(rgb, replace(classifier, engine=engine), patch, stride)
    return crackmap, familiar.unlike_share(distances)


def conclude(
    rgb: RGB, backbone: str, crackmap: CrackMap, threshold: float, mm_per_pixel: float | None
) -> Inspection:
    """The cracks of a photograph by its map and any threshold; no backbone runs."""
    cracks = find_cracks(rgb, crackmap, threshold)
    regions = measure_regions(cracks, crackmap, threshold)
    if mm_per_pixel:
        regions = in_millimetres(regions, mm_per_pixel)
    return Inspection(backbone, threshold, crackmap, cracks, regions, mm_per_pixel)


def evidence_beside_cracks(crackmap: CrackMap, mask: Mask) -> NDArray[np.float64]:
    """The evidence of the map in the cells of dark lines and those beside them, else 0."""
    cells = np.zeros(crackmap.heat.shape, bool)
    rows, columns = np.nonzero(mask)
    cells[crackmap.rows(rows), crackmap.columns(columns)] = True
    return np.where(binary_dilation(cells, np.ones((3, 3))), crackmap.evidence, 0.0)


def write_inspection(inspection: Inspection, picture: Image.Image, name: str, folder: Path) -> Path:
    """Write the picture, the mask and the regions; the path of the picture.

    They are `<name>-<backbone>.png`, `-mask.png`, `.csv` and `.json` (GeoJSON, in pixels).
    """
    stem = f"{name}-{inspection.backbone}"
    shown = folder / f"{stem}.png"
    with replacing(shown) as temporary:
        picture.save(temporary, compress_level=_FAST)
    with replacing(folder / f"{stem}-mask.png") as temporary:
        Image.fromarray(inspection.cracks.mask).save(temporary, optimize=True)
    regions = inspection.regions.round(
        {c: _DIGITS.get(c, _DIGITS_OF_SIZES) for c in inspection.regions.columns}
    )
    write_csv(folder / f"{stem}.csv", regions, digits=None)
    document = json.dumps(_geojson(inspection, regions, name), indent=1, allow_nan=False)
    write_text(folder / f"{stem}.json", document + "\n")
    return shown


def _geojson(inspection: Inspection, regions: pd.DataFrame, name: str) -> dict[str, Any]:
    """A FeatureCollection of boxes; coordinates are pixels from the upper left, y downwards."""
    return {
        "type": "FeatureCollection",
        "photograph": name,
        "width": inspection.crackmap.width,
        "height": inspection.crackmap.height,
        "backbone": inspection.backbone,
        "threshold": inspection.threshold,
        "mm_per_pixel": inspection.mm_per_pixel,
        **inspection.summary(),
        "features": [_feature(row) for row in regions.to_dict("records")],
    }


def _feature(region: dict[Any, Any]) -> dict[str, Any]:
    left, top = region["x"], region["y"]
    right, bottom = left + region["width"], top + region["height"]
    ring = [[left, top], [right, top], [right, bottom], [left, bottom], [left, top]]
    return {
        "type": "Feature",
        "geometry": {"type": "Polygon", "coordinates": [ring]},
        "properties": region,
    }
