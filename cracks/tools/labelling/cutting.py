"""Cutting photographs of walls into patches to label, the least certain ones first."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from cracks.classifier.classifier import Classifier
from cracks.images.decoding import to_input
from cracks.images.files import encoded
from cracks.project.errors import CracksError
from cracks.runtime.progress import progress
from cracks.tools.photographs import open_photograph

COLUMNS = ["patch", "photograph", "row", "column", "x", "y", "width", "height"]

MARGIN = "margin"
"""Column: distance of the probability from the threshold, the mean over the classifiers."""

_QUALITY = 95  # of JPEG, with full colour resolution: no visible loss


class Grid(NamedTuple):
    """Square patches at regular distances, in pixels of the photograph."""

    side: int
    stride: int

    def places(self, width: int, height: int) -> list[tuple[int, int, int, int]]:
        """Row, column, left and top of each patch; the grid is centred.

        A margin of less than a stride is left over, half of it on each side.

        Raises:
            CracksError: if the photograph is smaller than a patch.
        """
        if min(width, height) < self.side:
            raise CracksError(
                f"{width} x {height} pixels is smaller than a patch of {self.side} pixels"
            )
        return [
            (row, column, x, y)
            for row, y in enumerate(self._starts(height))
            for column, x in enumerate(self._starts(width))
        ]

    def _starts(self, length: int) -> range:
        room = length - self.side
        return range(room % self.stride // 2, room + 1, self.stride)


def cut_photographs(
    photographs: Mapping[Path, str], out: Path, grid: Grid, classifiers: Sequence[Classifier]
) -> tuple[pd.DataFrame, dict[Path, str]]:
    """Write `<name>-<row>-<column>.jpg` for each patch; one photograph is in memory at a time.

    Args:
        photographs: and the prefix of their patches' names, as `output_names` returns them.
        out: folder for the patches.
        grid: size and distance of the patches.
        classifiers: those that say how certain a patch is, or none.

    Returns:
        The table of the patches (`COLUMNS`, and if there are classifiers `margin` and a column
        `probability_<backbone>` for each), the least certain first, else in the order of
        photographs; and the reason for each photograph that could not be cut.

    Raises:
        CracksError: if none could be cut.
    """
    tables: list[pd.DataFrame] = []
    unusable: dict[Path, str] = {}
    with progress(desc="cut", unit="patch") as bar:
        for number, (path, name) in enumerate(photographs.items(), start=1):
            bar.set_description_str(f"photograph {number:,} of {len(photographs):,}")
            try:
                table = _cut(path, name, out, grid, classifiers)
            except CracksError as error:
                unusable[path] = str(error).rstrip(".")
                continue
            tables.append(table)
            bar.update(len(table))
    if not tables:
        path, reason = next(iter(unusable.items()))
        raise CracksError(
            f"Expected a photograph that can be cut, found none among {len(unusable):,}, the first "
            f"{path}: {reason}."
        )
    return _least_certain_first(pd.concat(tables, ignore_index=True), classifiers), unusable


def _cut(
    path: Path, name: str, out: Path, grid: Grid, classifiers: Sequence[Classifier]
) -> pd.DataFrame:
    rgb = open_photograph(path)
    side = grid.side
    places = grid.places(width=rgb.shape[1], height=rgb.shape[0])
    (out / name).parent.mkdir(parents=True, exist_ok=True)
    rows, patches = [], []
    for row, column, x, y in places:
        patch = rgb[y : y + side, x : x + side]
        file = f"{name}-{row:03}-{column:03}.jpg"
        # Pillow itself would not notice that a full disk took a part of a file
        (out / file).write_bytes(encoded(patch, "JPEG", quality=_QUALITY, subsampling=0))
        rows.append((file, path.as_posix(), row, column, x, y, side, side))
        patches.append(patch)
    table = pd.DataFrame(rows, columns=COLUMNS)
    for classifier in classifiers:
        inputs = enumerate(to_input(patch, classifier.image_size) for patch in patches)
        table[_column(classifier)] = [value for _, value in classifier.probabilities(inputs)]
    return table


def _least_certain_first(table: pd.DataFrame, classifiers: Sequence[Classifier]) -> pd.DataFrame:
    if not classifiers:
        return table
    columns = [_column(classifier) for classifier in classifiers]
    thresholds = np.array([classifier.threshold for classifier in classifiers])
    margin = (table[columns] - thresholds).abs().mean(axis=1)
    table = table[COLUMNS].assign(**{MARGIN: margin}, **table[columns])
    return table.sort_values([MARGIN, "patch"], ignore_index=True)


def _column(classifier: Classifier) -> str:
    return f"probability_{classifier.backbone}"
