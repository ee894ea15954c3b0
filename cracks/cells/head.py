"""The head for cells: a linear layer that says which cells of a photograph are cracked.

A softmax head is trained on whole images and their labels. The masks of drawings label each cell,
so joints, shadows and whatever else lies in the other cells become negative examples. The layer is
a logistic regression on frozen features, solved by Newton's method from where L-BFGS gets in less
time: its rounded weights are the same on every processor.
"""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict, Field, TypeAdapter
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import precision_recall_curve
from threadpoolctl import threadpool_limits

from cracks.backbones.model import CELL
from cracks.heads.head import LinearHead, Origin, parse_checked, rounded_to_largest
from cracks.project.errors import CracksError
from cracks.project.outputs import write_text

CRACKED = 6
"""Crack pixels from which a cell counts as cracked; cells with 1 to 5 are left out of training."""

_SOUND_FOR_EACH = 3  # sound cells that are used for each cracked one
_C = 0.01  # the inverse of the penalty
_SEED = 0
_DIGITS = 6  # of the deviations of features
_LARGEST = float(np.finfo(np.float32).max)  # of a number in the file; no sum of them overflows
_Number = Annotated[float, Field(ge=-_LARGEST, le=_LARGEST, allow_inf_nan=False)]


class Cells(NamedTuple):
    """Cells of drawings."""

    features: NDArray[np.float32]  # [n, channels]
    cracked: NDArray[np.bool_]  # [n]


class CellHead(NamedTuple):
    """The layer, and what it was trained on. A cell with a logit of 0 or more counts as cracked."""

    head: LinearHead
    origin: Origin


def labelled_cells(features: NDArray[np.float32], mask: NDArray[np.bool_]) -> Cells:
    """The cells of one drawing of which the mask says whether they are cracked.

    Args:
        features: of all cells, `[rows, columns, channels]`.
        mask: of the crack's pixels, `[rows * CELL, columns * CELL]`.
    """
    rows, columns = features.shape[:2]
    pixels = mask.reshape(rows, CELL, columns, CELL).sum(axis=(1, 3))
    clear = (pixels == 0) | (pixels >= CRACKED)
    return Cells(features[clear], pixels[clear] > 0)


def joined(cells: Iterable[Cells]) -> Cells:
    """The cells of several drawings, concatenated."""
    features, cracked = zip(*cells, strict=True)
    return Cells(np.concatenate(features), np.concatenate(cracked))


def train_cells(train: Cells, valid: Cells) -> tuple[LinearHead, float]:
    """Train the layer on cells; its bias makes 0 the logit of the highest F1 on valid.

    Returns:
        The layer, and that F1.

    Raises:
        CracksError: if either part has no cracked or no sound cell.
    """
    for part in (train, valid):
        if part.cracked.all() or not part.cracked.any():
            raise CracksError(
                "Expected drawings with cracked and with sound cells, found one kind only."
            )
    features, cracked = _balanced(train)
    mean, deviation = features.mean(axis=0), features.std(axis=0)
    deviation[deviation == 0] = 1.0
    features = (features - mean) / deviation
    model = LogisticRegression(C=_C, max_iter=1000, warm_start=True)
    with threadpool_limits(1, "blas"):  # the order of summation depends on the number of threads
        model.fit(features, cracked)
        model.set_params(solver="newton-cholesky", tol=1e-10).fit(features, cracked)
        weights = rounded_to_largest(model.coef_[0]) / _rounded(deviation)
        logits = LinearHead(weights, 0.0).logit(valid.features)
    precision, recall, thresholds = precision_recall_curve(valid.cracked, logits)
    f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-12)
    best = int(f1[:-1].argmax())
    return LinearHead(weights, -float(np.round(thresholds[best], 3))), float(f1[best])


def _balanced(cells: Cells) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """All cracked cells and a few sound ones for each, in their order."""
    cracked, sound = np.flatnonzero(cells.cracked), np.flatnonzero(~cells.cracked)
    count = min(len(sound), _SOUND_FOR_EACH * len(cracked))
    some = np.random.default_rng(_SEED).choice(sound, count, replace=False)
    chosen = np.sort(np.concatenate([cracked, some]))
    return cells.features[chosen].astype(np.float64), cells.cracked[chosen]


def _rounded(deviations: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.array([float(f"{deviation:.{_DIGITS - 1}e}") for deviation in deviations])


@dataclass(frozen=True)
class _File:
    """What is written of a head."""

    __pydantic_config__ = ConfigDict(extra="forbid", strict=True)

    origin: Origin
    bias: _Number
    weights: Annotated[list[_Number], Field(min_length=1)]


def save_cell_head(cells: CellHead, path: Path) -> None:
    """Write the layer and its origin as JSON."""
    file = _File(cells.origin, cells.head.bias, cells.head.weights.tolist())
    write_text(path, json.dumps(asdict(file), indent=1) + "\n")


def load_cell_head(path: Path) -> CellHead:
    """Read what `save_cell_head` wrote.

    Raises:
        CracksError: if it is missing or damaged, or its numbers cannot be those of a head.
    """
    try:
        file = parse_checked(TypeAdapter(_File), path.read_bytes(), path.name)
    except FileNotFoundError:
        raise CracksError(
            f"Expected a head for cells at {path}, found none; run `dvc repro`."
        ) from None
    except (OSError, ValueError) as error:
        raise CracksError(
            f"Expected a head for cells at {path}, found something else ({error}); run `dvc "
            "checkout` or `dvc repro`."
        ) from None
    return CellHead(LinearHead(np.array(file.weights), file.bias), file.origin)
