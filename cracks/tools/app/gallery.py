"""The photographs that people dropped on the page, and what is found in them.

Maps are computed once; every threshold after that needs no backbone. One computation runs at a
time, whoever asks for it: engines are not shared between threads.
"""

import io
import secrets
import zipfile
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import chain, count
from pathlib import Path, PurePath
from threading import Lock

import numpy as np

from cracks.images.decoding import RGB, decode
from cracks.images.files import encoded
from cracks.project.errors import CracksError
from cracks.project.temporary import temporary_folder
from cracks.tools.photographs import output_names
from cracks.tools.walls.cells import CellClassifier
from cracks.tools.walls.crack_map import PATCH, THRESHOLD, CrackMap, map_cracks
from cracks.tools.walls.georeference import Georeference, read_georeference
from cracks.tools.walls.inspection import (
    FILES,
    SUMMARY,
    Inspection,
    inspection_files,
    inspection_of,
    summary_table,
    write_inspection,
)
from cracks.tools.walls.overlay import SHOWN, crack_layer, crack_picture

MAX_PIXELS = 100_000_000
"""Pixels of a photograph above which it is refused."""

LAYER = "layer.png"
"""What the page lays over a photograph, beside the names of `FILES`."""

_KEPT_PIXELS = 200_000_000  # of all photographs that are kept; the oldest ones go first
_LONGEST_LAYER = 4000  # pixels of a side
_QUALITY = 92  # of the JPEG that the page shows
_LONGEST_JPEG = 65_500  # pixels of a side


@dataclass
class Photograph:
    """A photograph with its maps, and the last inspection by each backbone."""

    name: str
    rgb: RGB
    maps: dict[str, CrackMap]
    georeference: Georeference | None = None
    mm_per_pixel: float | None = None
    inspections: dict[str, Inspection] = field(default_factory=dict)

    @cached_property
    def jpeg(self) -> bytes:
        """The photograph as the page shows it, at full resolution."""
        return encoded(self.rgb, "JPEG", quality=_QUALITY)

    def threshold(self, backbone: str) -> float:
        """The threshold of the last inspection by a backbone."""
        last = self.inspections.get(backbone)
        return last.threshold if last else THRESHOLD


class Gallery:
    """Photographs by key."""

    def __init__(self, classifiers: Sequence[CellClassifier]) -> None:
        """Begin with no photographs, and with the classifiers that look at each."""
        self.classifiers = {classifier.backbone: classifier for classifier in classifiers}
        self._photographs: OrderedDict[str, Photograph] = OrderedDict()
        self._lock = Lock()

    def add(self, name: str, data: bytes) -> str:
        """Map a photograph by every backbone; its key.

        Raises:
            CracksError: if it cannot be read or is smaller than two cells.
        """
        with self._lock:  # photographs are decoded one at a time as well
            rgb = decode(data, max_pixels=MAX_PIXELS)
            if max(rgb.shape) > _LONGEST_JPEG:
                raise CracksError(
                    f"{rgb.shape[1]} x {rgb.shape[0]} pixels is longer than the {_LONGEST_JPEG:,} "
                    "that the page can show; cut it into tiles"
                )
            maps = {name: map_cracks(rgb, one, PATCH) for name, one in self.classifiers.items()}
            key = secrets.token_urlsafe(12)
            place = read_georeference(data, rgb.shape[1], rgb.shape[0])
            self._photographs[key] = Photograph(self._distinct(name), rgb, maps, place)
            while len(self._photographs) > 1 and self._pixels() > _KEPT_PIXELS:
                self._photographs.popitem(last=False)
        return key

    def _distinct(self, name: str) -> str:
        """The name, with a number if another photograph has it: cameras begin anew at 0001."""
        taken = {photograph.name.casefold() for photograph in self._photographs.values()}
        path = PurePath(name)
        others = (f"{path.stem}-{number}{path.suffix}" for number in count(2))
        return next(one for one in chain([name], others) if one.casefold() not in taken)

    def _pixels(self) -> int:
        return sum(p.rgb.shape[0] * p.rgb.shape[1] for p in self._photographs.values())

    def keys_by_age(self) -> list[str]:
        """The keys of all photographs, the oldest first."""
        return list(self._photographs)

    def photograph(self, key: str) -> Photograph:
        """The photograph of that key.

        Raises:
            CracksError: if it is not there, or no longer.
        """
        photograph = self._photographs.get(key)
        if not photograph:
            raise CracksError("This photograph is no longer kept; drop it on the page again.")
        return photograph

    def inspect(
        self, key: str, backbone: str, threshold: float, mm_per_pixel: float | None
    ) -> Inspection:
        """The cracks of a photograph by a threshold, and their sizes.

        Raises:
            CracksError: if the photograph is no longer kept.
        """
        with self._lock:
            one = self.photograph(key)
            found = one.inspections.get(backbone)
            if not found or (found.threshold, found.mm_per_pixel) != (threshold, mm_per_pixel):
                found = inspection_of(
                    one.rgb, one.name, backbone, one.maps[backbone], threshold, mm_per_pixel
                )
                found = replace(found, georeference=one.georeference)
                one.inspections[backbone] = found
            one.mm_per_pixel = mm_per_pixel
        return found

    def summary(self) -> str:
        """A row of CSV for each photograph and backbone, by what was last asked of it."""
        table = summary_table([(one.name, one) for _, one in self._last_inspections()])
        return table.to_csv(index=False, lineterminator="\n")

    def archive(self) -> bytes:
        """All results as a ZIP: the files of each photograph and the summary."""
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            found = list(self._last_inspections())
            names = output_names([Path(p.name) for p, _ in found], reserved=SUMMARY)
            for photograph, inspection in found:
                stem = f"{names[Path(photograph.name)]}-{inspection.backbone}"
                for what, data in files_of(photograph, inspection).items():
                    archive.writestr(f"{stem}{FILES[what]}", data)
            archive.writestr(SUMMARY, self.summary())
        return buffer.getvalue()

    def _last_inspections(self) -> Iterator[tuple[Photograph, Inspection]]:
        for key in self.keys_by_age():
            one = self.photograph(key)
            for backbone in self.classifiers:
                yield one, self.inspect(key, backbone, one.threshold(backbone), one.mm_per_pixel)


def files_of(photograph: Photograph, inspection: Inspection) -> dict[str, bytes]:
    """The files of an inspection, by the names of `FILES`."""
    picture = crack_picture(photograph.rgb, inspection, SHOWN)
    with temporary_folder() as folder:
        write_inspection(inspection, picture, "photograph", folder)
        written = inspection_files("photograph", inspection.backbone, folder)
        return {name: path.read_bytes() for name, path in written.items()}


def layer_of(inspection: Inspection) -> bytes:
    """The marks of an inspection as a transparent PNG."""
    width, height = inspection.crackmap.width, inspection.crackmap.height
    scale = min(1.0, _LONGEST_LAYER / max(width, height))
    layer = crack_layer(inspection, (max(round(scale * width), 1), max(round(scale * height), 1)))
    return encoded(np.asarray(layer), "PNG", compress_level=3)
