"""Metrics of a classifier: the table of metrics, the choice of a threshold, the comparison.

To add a metric, add an entry to `METRICS`: evaluate, summary, review, external and the report take
what they need from there. A *positive* is a crack.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cracks.evaluation.statistics import (
    Groups,
    effective_size,
    exact_mcnemar,
    expected_calibration_error,
    paired_bootstrap,
    wilson_interval,
)
from cracks.project.errors import CracksError
from cracks.project.outputs import DIGITS, FINE_DIGITS
from cracks.tables.labels import class_indices

Labels = NDArray[np.int64]
"""Class indices `[n]`, in the order of `cracks.tables.labels.CLASSES`."""

Probability = NDArray[np.floating]
"""P(crack) `[n]`."""

Metrics = dict[str, int | float]


@dataclass(frozen=True)
class Scored:
    """One classifier's probabilities for labelled images."""

    labels: Labels
    probability: Probability
    groups: Groups  # of copies
    threshold: float

    @classmethod
    def of_images(cls, images: pd.DataFrame, probability: Probability, threshold: float) -> Self:
        """The probabilities of images, whose table has the columns `label` and `group`."""
        labels, groups = class_indices(images["label"]), images["group"].to_numpy()
        return cls(labels, probability, groups, threshold)

    @property
    def predicted(self) -> NDArray[np.bool_]:
        """Whether each image is classified as cracked."""
        return is_crack(self.probability, self.threshold)

    @property
    def right(self) -> NDArray[np.bool_]:
        """Whether each image is classified correctly."""
        return np.asarray(self.predicted == (self.labels == 1))

    def count(self, label: int, *, right: bool) -> int:
        """The number of images of a class that are classified correctly, or wrongly."""
        return int(((self.labels == label) & (self.right == right)).sum())


class Metric(NamedTuple):
    """A metric of one classifier on labelled images."""

    title: str
    value: Callable[[Scored], int | float]
    better: int = 0
    """1 if more is better, -1 if less is. Such a metric has a mean and a deviation over seeds."""
    headline: tuple[str, ...] = ()
    """Columns of metrics/details.csv that metrics/evaluate.json, the summary and the diff show."""
    share_of: Callable[[Scored], NDArray[np.bool_]] | None = None
    """For a metric that is the share of correct answers: the images it is a share of. Such a metric
    has an interval."""


def is_crack(probability: Probability, threshold: float) -> NDArray[np.bool_]:
    """The decision rule: `probability >= threshold`.

    Both sides are compared as float64: NumPy would otherwise round the threshold to the precision
    of the probabilities, and the class would depend on their type.
    """
    return np.asarray(np.asarray(probability, dtype=np.float64) >= threshold)


def _answers(scored: Scored) -> NDArray[np.bool_]:
    return scored.predicted


def _probability(scored: Scored) -> NDArray[np.float64]:
    return scored.probability.astype(np.float64)


def _by_sklearn(
    name: str, inputs: Callable[[Scored], NDArray[Any]], **options: object
) -> Callable[[Scored], float]:
    """A score of scikit-learn, which takes a second to import: only where it is computed."""

    def score(s: Scored) -> float:
        from sklearn import metrics

        return float(getattr(metrics, name)(s.labels, inputs(s), **options))

    return score


_MORE, _LESS = 1, -1  # is better
_VALUE = ("value",)


def _share_right(
    title: str, images: Callable[[Scored], NDArray[np.bool_]], headline: tuple[str, ...] = ()
) -> Metric:
    return Metric(title, lambda s: float(s.right[images(s)].mean()), _MORE, headline, images)


METRICS = {
    "recall": _share_right("recall of cracks", lambda s: s.labels == 1, _VALUE),
    "missed": Metric("missed cracks", lambda s: s.count(1, right=False), _LESS, _VALUE),
    "accuracy": _share_right(
        "accuracy", lambda s: np.ones(len(s.labels), bool), ("value", "low", "high", "std")
    ),
    "precision": Metric(
        "precision", _by_sklearn("precision_score", _answers, zero_division=0), _MORE, _VALUE
    ),
    "f1": Metric("F1", _by_sklearn("f1_score", _answers, zero_division=0), _MORE, _VALUE),
    "specificity": _share_right("specificity", lambda s: s.labels == 0),
    "roc_auc": Metric("ROC AUC", _by_sklearn("roc_auc_score", _probability), _MORE, _VALUE),
    "average_precision": Metric(
        "average precision", _by_sklearn("average_precision_score", _probability), _MORE
    ),
    "loss": Metric("loss", _by_sklearn("log_loss", _probability), _LESS, _VALUE),
    "brier": Metric("Brier score", _by_sklearn("brier_score_loss", _probability), _LESS),
    "calibration_error": Metric(
        "expected calibration error",
        lambda s: expected_calibration_error(s.labels, _probability(s)),
        _LESS,
    ),
    "threshold": Metric("threshold", lambda s: s.threshold, headline=_VALUE),
    "tn": Metric("true negatives", lambda s: s.count(0, right=True)),
    "fp": Metric("false positives", lambda s: s.count(0, right=False)),
    "fn": Metric("false negatives", lambda s: s.count(1, right=False)),
    "tp": Metric("true positives", lambda s: s.count(1, right=True)),
    "images": Metric("images", lambda s: len(s.labels)),
}

ENDS = ("low", "high")
"""Suffixes of the bounds of a 95 % interval."""


def evaluate_part(scored: Scored) -> Metrics:
    """All metrics of one classifier; `_low` and `_high` follow those with an interval.

    Raises:
        CracksError: if there are not images of both classes.

    Example:
        >>> scored = Scored(np.array([0, 1, 1]), np.array([0.2, 0.9, 0.4]), np.arange(3), 0.5)
        >>> evaluate_part(scored)["missed"]
        1
    """
    cracked = int((scored.labels == 1).sum())
    if not 0 < cracked < len(scored.labels):
        raise CracksError(
            f"Expected images of both classes to evaluate on, found {cracked} cracked "
            f"and {len(scored.labels) - cracked} uncracked ones; add images or change the split."
        )
    result: Metrics = {}
    for name, metric in METRICS.items():
        result[name] = metric.value(scored)
        if metric.share_of:
            images = metric.share_of(scored)
            right, groups = scored.right[images], scored.groups[images]
            interval = wilson_interval(int(right.sum()), len(right), effective_size(groups))
            result |= {f"{name}_{end}": x for end, x in zip(ENDS, interval, strict=True)}
    return result


def choose_threshold(
    setting: float | str, target_recall: float, labels: Labels, probability: Probability
) -> float:
    """The threshold itself, or for `auto` the highest that reaches the recall on these images.

    It is rounded down (rounding up might lose a crack) to the digits that are printed, so that the
    printed threshold is the one that was applied.

    Args:
        setting: a number, or `auto`.
        target_recall: the smallest acceptable recall.
        labels: of the *valid* part; the test part must not influence the choice.
        probability: of the same images.

    Example:
        >>> choose_threshold("auto", 0.5, np.array([1, 1, 0]), np.array([0.9, 0.6, 0.3]))
        0.9
    """
    if setting != "auto":
        return float(setting)
    cracks = np.sort(probability[labels == 1].astype(np.float64))[::-1]
    needed = math.ceil(target_recall * len(cracks) - 1e-9)
    unit = 10**DIGITS
    # a product in floating point may fall short of a whole number
    cut = math.floor(round(float(cracks[needed - 1]) * unit, FINE_DIGITS - DIGITS))
    return float(max(cut, 1) / unit)


def compare(first: str, second: str, scored: Mapping[str, Scored]) -> Metrics:
    """The paired comparison of two classifiers on the same images.

    Args:
        first: name of one.
        second: name of the other.
        scored: by name.
    """
    one, other = scored[first].right, scored[second].right
    groups = scored[first].groups
    low, high = paired_bootstrap(one, other, groups)
    return {
        f"only_{first}_right": int((one & ~other).sum()),
        f"only_{second}_right": int((other & ~one).sum()),
        "both_wrong": int((~one & ~other).sum()),
        "accuracy_difference": float(one.mean() - other.mean()),
        "accuracy_difference_low": low,
        "accuracy_difference_high": high,
        "mcnemar_p": exact_mcnemar(one, other, groups),
    }


def number_text(value: float) -> str:
    """A number for people: floats with `DIGITS` decimals, counts with separated thousands."""
    return f"{value:.{DIGITS}f}" if isinstance(value, float) else f"{value:,}"


def comparison_name(first: str, second: str) -> str:
    """The prefix of a comparison's metrics."""
    return f"{first}_vs_{second}"
