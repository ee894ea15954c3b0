"""How well found cracks agree with masks made by hand, by the measures of the field."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt
from skimage.morphology import skeletonize

from cracks.images.decoding import Mask

TOLERANCE = 2
"""Pixels within which a pixel of one mask counts as one of the other, as benchmarks have it."""

CENTRELINE_TOLERANCE = 4
"""The same for centrelines."""

LEAST_IMAGES = 5
"""Images with fewer of which no interval over images is given."""

_RESAMPLES = 2000
_SEED = 0


class Counts(NamedTuple):
    """Pixels of the crack class in one image."""

    found: int
    true: int
    both: int
    found_near: int  # within `TOLERANCE` of a true one
    true_near: int  # within `TOLERANCE` of a found one
    line_found: int  # of centrelines
    line_true: int
    line_found_near: int  # within `CENTRELINE_TOLERANCE`
    line_true_near: int


class Score(NamedTuple):
    """A measure over all images, with its 95 % interval."""

    value: float
    low: float
    high: float


def compare(found: Mask, true: Mask) -> Counts:
    """Compare two masks `[height, width]`."""
    line_found, line_true = skeletonize(found), skeletonize(true)
    return Counts(
        int(found.sum()),
        int(true.sum()),
        int((found & true).sum()),
        pixels_near(found, true, TOLERANCE),
        pixels_near(true, found, TOLERANCE),
        int(line_found.sum()),
        int(line_true.sum()),
        pixels_near(line_found, line_true, CENTRELINE_TOLERANCE),
        pixels_near(line_true, line_found, CENTRELINE_TOLERANCE),
    )


def scores(images: Sequence[Counts]) -> dict[str, Score]:
    """All measures, by name.

    Those that end in *per image* are means over images with cracks in either mask, the others
    are computed from the pixels of all images together. Intervals are percentiles over images drawn
    anew with replacement (the bootstrap); fewer than `LEAST_IMAGES` have none.
    """
    table = np.array(images, np.float64)
    draws = np.random.default_rng(_SEED).integers(len(table), size=(_RESAMPLES, len(table)))
    results = {}
    for name, measure in _MEASURES.items():
        values = np.array([measure(table[some]) for some in draws])
        known = len(images) >= LEAST_IMAGES and not np.isnan(values).all()
        low, high = np.nanpercentile(values, [2.5, 97.5]) if known else (np.nan, np.nan)
        results[name] = Score(measure(table), float(low), float(high))
    return results


def pixels_near(mask: Mask, other: Mask, tolerance: float) -> int:
    """How many pixels of `mask` are at most that far from one of `other`."""
    if not (mask.any() and other.any()):
        return 0
    return int((distance_transform_edt(~other)[mask] <= tolerance).sum())


def _ratio(part: float, whole: float) -> float:
    return float(part / whole) if whole else float("nan")


def _pooled(measure: Callable[[Counts], float]) -> Callable[[NDArray[np.float64]], float]:
    """A measure of the pixels of all images together."""
    return lambda table: measure(Counts(*table.sum(axis=0)))


def _tolerant_f1(total: Counts) -> float:
    precision, recall = _ratio(total.found_near, total.found), _ratio(total.true_near, total.true)
    if np.isnan(precision) or np.isnan(recall):
        return 0.0 if total.found or total.true else float("nan")
    return _ratio(2 * precision * recall, precision + recall) if precision + recall else 0.0


def _iou_per_image(table: NDArray[np.float64]) -> float:
    found, true, both = table[:, :3].T
    union = found + true - both
    some = union > 0
    return float((both[some] / union[some]).mean()) if some.any() else float("nan")


def _centreline_iou(total: Counts) -> float:
    """Line pixels that were found, by all true ones and those found far from any.

    It is the clIoU of Benz and Rodehorst 2024, "OmniCrack30k: a benchmark for crack segmentation
    and the reasonable effectiveness of transfer learning" (CVPR workshops), as their code computes
    it: true pixels near a found line are the hits.
    """
    false = total.line_found - total.line_found_near
    return _ratio(total.line_true_near, total.line_true + false)


_MEASURES: dict[str, Callable[[NDArray[np.float64]], float]] = {
    f"precision, {TOLERANCE} px": _pooled(lambda total: _ratio(total.found_near, total.found)),
    f"recall, {TOLERANCE} px": _pooled(lambda total: _ratio(total.true_near, total.true)),
    f"F1, {TOLERANCE} px": _pooled(_tolerant_f1),
    "F1, 0 px": _pooled(lambda total: _ratio(2 * total.both, total.found + total.true)),
    "IoU": _pooled(lambda total: _ratio(total.both, total.found + total.true - total.both)),
    "IoU per image": _iou_per_image,
    f"clIoU, {CENTRELINE_TOLERANCE} px": _pooled(_centreline_iou),
}
