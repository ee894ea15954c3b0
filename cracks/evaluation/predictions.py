"""The scores of all heads, and the table of predictions on the test part."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cracks.evaluation.metrics import Scored, choose_threshold
from cracks.project.errors import CracksError
from cracks.project.paths import SPLIT, history_path, scores_path
from cracks.tables.inputs import read_split
from cracks.tables.labels import CLASSES, TEST, VALID
from cracks.tables.row_file import PROBABILITY, open_rows

_COLUMNS = ["id", "backbone", "label", "probability", "predicted", "correct", "group", "sha256"]


@dataclass(frozen=True)
class Heads:
    """The scores of one backbone's heads on the images of the split."""

    split: pd.DataFrame  # id, label, part, group, sha256
    scores: NDArray[np.float64]  # P(crack) [n, seeds], the kept head first

    def scored(self, part: str, threshold: float, seed: int = 0) -> Scored:
        """One head's scores on one part."""
        rows = (self.split["part"] == part).to_numpy()
        return Scored.of_images(self.split[rows], self.scores[rows, seed], threshold)

    def thresholds(self, setting: float | str, target_recall: float) -> list[float]:
        """The threshold of each head; `auto` is chosen on valid."""
        valid = [self.scored(VALID, 0.5, seed) for seed in range(self.scores.shape[1])]
        return [choose_threshold(setting, target_recall, v.labels, v.probability) for v in valid]


def load_heads(backbones: Collection[str]) -> dict[str, Heads]:
    """Read data/split.csv and data/scores/<backbone>.npy of each backbone.

    Raises:
        CracksError: if they are not of the same images, or there are scores of other
            backbones, which would make results look stale elsewhere, as a part of that folder.
    """
    split = read_split()
    folder = scores_path("any").parent
    left = sorted(path.stem for path in folder.glob("*.npy") if path.stem not in backbones)
    if left:
        raise CracksError(
            f"Expected scores of {', '.join(backbones)} in {folder}, found those of {left[0]}, "
            f"which `weights` of params.yaml does not name; remove {scores_path(left[0])} and "
            f"{history_path(left[0])}."
        )
    return {backbone: Heads(split, _read_scores(backbone, split)) for backbone in backbones}


def _read_scores(backbone: str, split: pd.DataFrame) -> NDArray[np.float64]:
    path = scores_path(backbone)
    ids, scores = open_rows(path, PROBABILITY)
    if ids != list(split["id"]):
        raise CracksError(f"Expected scores of the images of {SPLIT} in {path}; run `dvc repro`.")
    return np.asarray(scores)


def prediction_table(heads: Mapping[str, Heads], thresholds: Mapping[str, float]) -> pd.DataFrame:
    """The predictions of the kept heads, a row for each test image and backbone.

    Returns:
        Columns `id`, `backbone`, `label`, `probability` (of a crack), `predicted`,
        `correct` (true or false), `group` (of copies), `sha256` (of the image's bytes).
    """
    tables = []
    for backbone, own_heads in heads.items():
        test = own_heads.scored(TEST, thresholds[backbone])
        table = own_heads.split[own_heads.split["part"] == TEST].assign(
            backbone=backbone,
            probability=test.probability,
            predicted=np.where(test.predicted, CLASSES[1], CLASSES[0]),
            correct=test.right,
        )
        tables.append(table[_COLUMNS])
    return pd.concat(tables, ignore_index=True)
