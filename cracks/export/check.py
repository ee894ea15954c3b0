"""The check of an exported model against the pipeline's own predictions."""

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from cracks.images.archive import open_archive, read_member
from cracks.images.decoding import RGB, decode
from cracks.pipeline.errors import CracksError
from cracks.pipeline.inputs import read_predictions
from cracks.pipeline.paths import ARCHIVE

TOLERANCE = 0.1
"""Largest difference of a probability: resizing rounds differently in each library, and a wrong
preprocessing differs by far more."""

_CHECKED = 32  # images

Predict = Callable[[RGB], NDArray[np.float32]]
"""One image `[h, w, 3]` -> its probabilities `[2]`."""


def check_probabilities(predict: Predict, backbone: str) -> tuple[int, float]:
    """The number of test images that were compared, and the largest difference.

    Raises:
        CracksError: if it is too large, or the pipeline has no numbers to compare with.
    """
    checked = 0
    worst = 0.0
    for rgb, expected in _reference(backbone):
        worst = max(worst, abs(float(predict(rgb)[1]) - expected))
        checked += 1
    if worst > TOLERANCE:
        raise CracksError(
            f"Expected probabilities within {TOLERANCE} of the pipeline's, found a difference of "
            f"{worst:.4f}; nothing was written."
        )
    return checked, worst


def _reference(backbone: str) -> Iterator[tuple[RGB, float]]:
    """Test images across the range of probabilities, each with the pipeline's probability."""
    table = read_predictions()
    rows = table[table["backbone"] == backbone].sort_values("probability", kind="stable")
    chosen = rows.iloc[np.unique(np.linspace(0, len(rows) - 1, _CHECKED).round().astype(int))]
    with open_archive(ARCHIVE) as archive:
        for name, probability in zip(chosen["id"], chosen["probability"], strict=True):
            yield decode(read_member(archive, name)), float(probability)
