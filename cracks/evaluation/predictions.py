"""The scores of all heads, and the table of predictions on the test part."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cracks.evaluation.metrics import Scored, choose_threshold
from cracks.pipeline.errors import CracksError
from cracks.pipeline.inputs import read_split
from cracks.pipeline.labels import CLASSES, TEST, VALID, class_indices
from cracks.pipeline.paths import SPLIT, scores_path
from cracks.pipeline.row_file import PROBABILITY, open_rows


@dataclass(frozen=True)
class Heads:
    """The scores of one backbone's heads on the images of the split."""

    split: pd.DataFrame  # id, label, part, group, sha256
    scores: NDArray[np.float32]  # P(crack) [n, seeds], the kept head first

    @property
    def seeds(self) -> int:
        """The number of heads."""
        return int(self.scores.shape[1])

    def scored(self, part: str, threshold: float, seed: int = 0) -> Scored:
        """One head's scores on one part."""
        rows = (self.split["part"] == part).to_numpy()
        images = self.split[rows]
        return Scored(
            labels=class_indices(images["label"]),
            probability=self.scores[rows, seed],
            groups=images["group"].to_numpy(),
            threshold=threshold,
        )

    def thresholds(self, setting: float | str, target_recall: float) -> list[float]:
        """The threshold of each head; `auto` is chosen on valid."""
        valid = [self.scored(VALID, 0.5, seed) for seed in range(self.seeds)]
        return [choose_threshold(setting, target_recall, v.labels, v.probability) for v in valid]


def load_heads(backbone: str) -> Heads:
    """Read data/split.csv and data/scores/<backbone>.npy.

    Raises:
        CracksError: if they are not of the same images.
    """
    split = read_split()
    path = scores_path(backbone)
    ids, scores = open_rows(path, PROBABILITY)
    if ids != list(split["id"]):
        raise CracksError(f"Expected scores of the images of {SPLIT} in {path}; run `dvc repro`.")
    return Heads(split, np.asarray(scores))


def prediction_table(heads: Mapping[str, Heads], thresholds: Mapping[str, float]) -> pd.DataFrame:
    """The predictions of the kept heads, a row for each test image and backbone.

    Returns:
        Columns `id`, `backbone`, `label`, `probability` (of a crack, float32), `predicted`,
        `correct` (true or false), `group` (of copies), `sha256` (of the image's bytes).
    """
    return pd.concat(
        [_predictions(name, own_heads, thresholds[name]) for name, own_heads in heads.items()],
        ignore_index=True,
    )


def _predictions(backbone: str, heads: Heads, threshold: float) -> pd.DataFrame:
    images = heads.split[heads.split["part"] == TEST]
    test = heads.scored(TEST, threshold)
    return pd.DataFrame(
        {
            "id": images["id"].to_numpy(),
            "backbone": backbone,
            "label": images["label"].to_numpy(),
            "probability": test.probability,
            "predicted": np.where(test.predicted, CLASSES[1], CLASSES[0]),
            "correct": test.right,
            "group": images["group"].to_numpy(),
            "sha256": images["sha256"].to_numpy(),
        }
    )


def scored_of(predictions: pd.DataFrame, backbone: str, threshold: float) -> Scored:
    """The scores of one backbone's kept head on test, from a table of predictions."""
    rows = predictions[predictions["backbone"] == backbone]
    return Scored(
        labels=class_indices(rows["label"]),
        probability=rows["probability"].to_numpy(dtype=np.float32),
        groups=rows["group"].to_numpy(),
        threshold=threshold,
    )
