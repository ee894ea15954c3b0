"""A trained head for cells on its backbone: which cells of a whole photograph are cracked.

A head of a name is adapted to other walls by labelled patches. Their labels do not say which cell
is cracked, so the weights stay and the threshold moves: a patch is called cracked where one of its
cells reaches it, the assumption of multiple-instance learning (Dietterich, Lathrop and
Lozano-Pérez 1997).
"""

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cracks.backbones.catalogue import backbone_named
from cracks.backbones.engines.batches import Pixels
from cracks.backbones.engines.registry import load_cell_engine
from cracks.cells.head import CellHead, load_cell_head
from cracks.cells.tiles import cell_features, grid_shape, number_of_tiles
from cracks.heads.head import LinearHead
from cracks.images.decoding import RGB
from cracks.project.errors import CracksError
from cracks.project.outputs import sha256_of
from cracks.project.params import Params
from cracks.project.paths import cell_head_path, weights_path
from cracks.runtime.progress import progress
from cracks.tools.transfer.adapted_heads import adapt_again, checked_cells_path


@dataclass(frozen=True)
class CellClassifier:
    """One backbone with its head for cells."""

    backbone: str
    engine: Callable[[Pixels], NDArray[np.float32]]
    head: LinearHead

    def logits(self, rgb: RGB) -> NDArray[np.float64]:
        """The log-odds of a crack in each cell of a photograph, `[rows, columns]`."""
        logits = np.empty(grid_shape(rgb))
        tiles = cell_features(rgb, self.engine)
        for tile in progress(tiles, total=number_of_tiles(rgb), desc=self.backbone, unit="tile"):
            found = self.head.logit(tile.features)
            rows, columns = found.shape
            logits[tile.row : tile.row + rows, tile.column : tile.column + columns] = found
        return logits

    def strongest(self, rgb: RGB) -> float:
        """The greatest of the log-odds of a patch's cells."""
        tiles = cell_features(rgb, self.engine)
        return max(float(self.head.logit(tile.features).max()) for tile in tiles)


def load_cell_classifier(backbone: str, params: Params, name: str | None = None) -> CellClassifier:
    """The classifier of cells that the last `dvc repro` trained, or the adapted one of that name.

    Raises:
        CracksError: if the backbone is unknown, nothing was trained, or a file is damaged.
    """
    cells = load_trained_cells(backbone, name)
    return cell_classifier(cells, params.engine, weights_path(backbone))


def load_trained_cells(backbone: str, name: str | None = None) -> CellHead:
    """The trained head for cells, or the adapted one of that name.

    Raises:
        CracksError: if the backbone is unknown, nothing was trained, a file is damaged, or the
            head was trained on features of another layer or of other weights.
    """
    entry, weights = backbone_named(backbone), weights_path(backbone)
    path, again = cell_head_path(backbone), "`dvc checkout` or `dvc repro`"
    if name is not None:
        path, again = checked_cells_path(name, backbone), "`python -m cracks adapt` again"
    with nullcontext() if name is None else adapt_again():
        cells = load_cell_head(path)
    if not weights.is_file():
        raise CracksError(f"Expected the weights of {backbone} at {weights}; run `dvc repro`.")
    origin = cells.origin
    found = (origin.backbone, origin.layer, origin.weights_sha256, len(cells.head.weights))
    if found != (backbone, entry.layer, sha256_of(weights), entry.features):
        raise CracksError(
            f"Expected a head for cells at {path} that was trained on features of {backbone}'s "
            f"{entry.layer} by the weights at {weights}, found another one; run {again}."
        )
    return cells


def cell_classifier(cells: CellHead, engine: str, weights: Path) -> CellClassifier:
    """The classifier by the backbone whose weights are in that file, run by that engine."""
    origin = cells.origin
    run = load_cell_engine(engine, origin.backbone, weights, origin.image_size, origin.precision)
    return CellClassifier(origin.backbone, run, cells.head)
