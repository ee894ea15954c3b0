"""The photographs that people dropped on the page, and what is found in them.

Maps are computed once; every threshold after that needs no backbone. One computation runs at a
time, whoever asks for it: engines are not shared between threads.
"""

import secrets
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Lock
from typing import Any

from cracks.images.decoding import RGB, decode
from cracks.inference.classifier import LocalClassifier
from cracks.inference.crack_map import CrackMap
from cracks.inference.inspection import compared_map, conclude, write_inspection
from cracks.inference.novelty import Familiar
from cracks.inference.overlay import SHOWN, crack_picture
from cracks.pipeline.errors import CracksError

MAX_PIXELS = 100_000_000
"""Pixels of a photograph above which it is refused."""

_KEPT_PIXELS = 200_000_000  # of all photographs that are kept; the oldest ones go first

FILES = {
    "picture.png": ".png",
    "mask.png": "-mask.png",
    "regions.csv": ".csv",
    "regions.json": ".json",
}
"""What can be downloaded, and how the files of `write_inspection` end."""


@dataclass(frozen=True)
class Conclusion:
    """What a backbone and a threshold say of a photograph."""

    summary: Mapping[str, Any]
    regions: Sequence[Mapping[Any, Any]]
    files: Mapping[str, bytes]  # by the names of `FILES`


@dataclass
class Photograph:
    """A photograph with its maps, and the last conclusion by each backbone."""

    name: str
    rgb: RGB
    maps: dict[str, CrackMap]
    unfamiliar: dict[str, float | None]  # share of patches, by backbone; None if not compared
    conclusions: dict[str, tuple[float, Conclusion]] = field(default_factory=dict)


class Gallery:
    """Photographs by key."""

    def __init__(
        self,
        classifiers: Sequence[LocalClassifier],
        familiar: Mapping[str, Familiar],
        patch: int,
    ) -> None:
        """Begin with no photographs.

        Args:
            classifiers: those that look at each photograph.
            familiar: training features by backbone, where there are any.
            patch: pixels of a patch's side.
        """
        self.classifiers = {classifier.backbone: classifier for classifier in classifiers}
        self._familiar = familiar
        self._patch = patch
        self._photographs: OrderedDict[str, Photograph] = OrderedDict()
        self._lock = Lock()

    def add(self, name: str, data: bytes) -> str:
        """Map a photograph by every backbone; its key.

        Raises:
            CracksError: if it cannot be read or is smaller than a patch.
        """
        rgb = decode(data, max_pixels=MAX_PIXELS)
        with self._lock:
            maps, unfamiliar = {}, {}
            for backbone, classifier in self.classifiers.items():
                maps[backbone], unfamiliar[backbone] = compared_map(
                    rgb, classifier, self._patch, self._patch, self._familiar.get(backbone)
                )
            key = secrets.token_urlsafe(12)
            self._photographs[key] = Photograph(name, rgb, maps, unfamiliar)
            while len(self._photographs) > 1 and self._pixels() > _KEPT_PIXELS:
                self._photographs.popitem(last=False)
        return key

    def _pixels(self) -> int:
        return sum(p.rgb.shape[0] * p.rgb.shape[1] for p in self._photographs.values())

    def photograph(self, key: str) -> Photograph:
        """The photograph of that key.

        Raises:
            CracksError: if it is not there, or no longer.
        """
        try:
            return self._photographs[key]
        except KeyError:
            raise CracksError(
                "This photograph is no longer kept; drop it on the page again."
            ) from None

    def conclude(self, key: str, backbone: str, threshold: float) -> Conclusion:
        """The cracks of a photograph by a threshold.

        Raises:
            CracksError: if the photograph is no longer kept.
        """
        with self._lock:
            photograph = self.photograph(key)
            known = photograph.conclusions.get(backbone)
            if known is None or known[0] != threshold:
                known = threshold, _conclusion(photograph, backbone, threshold)
                photograph.conclusions[backbone] = known
        return known[1]


def _conclusion(photograph: Photograph, backbone: str, threshold: float) -> Conclusion:
    inspection = conclude(
        photograph.rgb, backbone, photograph.maps[backbone], threshold, mm_per_pixel=None
    )
    picture = crack_picture(photograph.rgb, inspection, photograph.name, SHOWN)
    with TemporaryDirectory() as folder:
        write_inspection(inspection, picture, "photograph", Path(folder))
        stem = Path(folder) / f"photograph-{backbone}"
        files = {name: Path(f"{stem}{end}").read_bytes() for name, end in FILES.items()}
    return Conclusion(inspection.summary(), inspection.regions.to_dict("records"), files)
