"""What the heads say of each image of the split, and the table of it that people read."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cracks.evaluation.metrics import Labels, is_crack
from cracks.pipeline.errors import CracksError
from cracks.pipeline.inputs import read_split
from cracks.pipeline.labels import CLASSES, PARTS, TEST
from cracks.pipeline.paths import SPLIT, scores_path
from cracks.pipeline.row_file import PROBABILITY, open_rows


@dataclass(frozen=True)
class Scored:
    """The images of the split with P(crack) by every head of one backbone."""

    split: pd.DataFrame  # id, label, part, group
    labels: dict[str, Labels]  # class indices [n] by part
    scores: dict[str, NDArray[np.float32]]  # P(crack) [n, seeds] by part, the kept head first


def load_scored(backbone: str) -> Scored:
    """Read data/split.csv and data/scores/<backbone>.npy.

    Raises:
        CracksError: if they are not of the same images.
    """
    split = read_split()
    path = scores_path(backbone)
    ids, scores = open_rows(path, PROBABILITY)
    if ids != list(split["id"]):
        raise CracksError(f"Expected scores of the images of {SPLIT} in {path}; run `dvc repro`.")
    classes = np.array([CLASSES.index(label) for label in split["label"]])
    parts = split["part"].to_numpy()
    return Scored(
        split=split,
        labels={part: classes[parts == part] for part in PARTS},
        scores={part: np.asarray(scores[parts == part]) for part in PARTS},
    )


def prediction_table(scored: Mapping[str, Scored], thresholds: Mapping[str, float]) -> pd.DataFrame:
    """One row a test image and backbone.

    Returns:
        Columns `id`, `backbone`, `label`, `probability` (of a crack), `predicted`, `correct`
        (true or false), `group` (of copies).
    """
    return pd.concat(
        [_predictions(name, one, thresholds[name]) for name, one in scored.items()],
        ignore_index=True,
    )


def _predictions(backbone: str, scored: Scored, threshold: float) -> pd.DataFrame:
    test = scored.split[scored.split["part"] == TEST]
    probability = scored.scores[TEST][:, 0]
    predicted = np.where(is_crack(probability, threshold), CLASSES[1], CLASSES[0])
    return pd.DataFrame(
        {
            "id": test["id"].to_numpy(),
            "backbone": backbone,
            "label": test["label"].to_numpy(),
            "probability": probability,
            "predicted": predicted,
            "correct": predicted == test["label"].to_numpy(),
            "group": test["group"].to_numpy(),
        }
    )
