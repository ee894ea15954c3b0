"""What a classifier's probabilities are worth: metrics, the threshold, the noise band.

Metrics are flat scalars by dotted names, for `dvc metrics diff`. A *positive* is a crack.
"""

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from sklearn import metrics

from cracks.evaluation.statistics import (
    exact_mcnemar,
    expected_calibration_error,
    paired_bootstrap,
    wilson_interval,
)
from cracks.pipeline.errors import CracksError
from cracks.pipeline.outputs import DIGITS

Labels = NDArray[np.int64]
"""Class indices `[n]`, in the order of `cracks.pipeline.labels.CLASSES`."""

Probability = NDArray[np.floating]
"""P(crack) `[n]`."""

Metrics = dict[str, int | float]

OVERFITTING = ("loss", "accuracy", "recall", "images")
"""What is said of train and valid as well."""

NOISY = ("accuracy", "recall", "precision", "f1", "roc_auc", "loss")
"""What is said of all seeds: mean and standard deviation."""


def is_crack(probability: Probability, threshold: float) -> NDArray[np.bool_]:
    """The one rule by which a probability becomes a class.

    Both sides are compared as float64: NumPy would otherwise round the threshold to the precision
    of the probabilities, and a score would change its class with the type that holds it.
    """
    return np.asarray(np.asarray(probability, dtype=np.float64) >= threshold)


def evaluate_part(labels: Labels, probability: Probability, threshold: float) -> Metrics:
    """All metrics of one classifier on one part of the images.

    Raises:
        CracksError: if there are not images of both classes.
    """
    if set(np.unique(labels)) != {0, 1}:
        raise CracksError(
            f"Expected images of both classes to evaluate on, found {int(labels.sum())} cracked "
            f"and {int((1 - labels).sum())} uncracked ones; add images or change the split."
        )
    truth = labels.astype(np.int64)
    p = probability.astype(np.float64)
    predicted = is_crack(probability, threshold)
    tn, fp, fn, tp = (int(n) for n in metrics.confusion_matrix(truth, predicted).ravel())
    recall_low, recall_high = wilson_interval(tp, tp + fn)
    accuracy_low, accuracy_high = wilson_interval(tp + tn, len(truth))
    return {
        "recall": tp / (tp + fn),
        "recall_low": recall_low,
        "recall_high": recall_high,
        "missed": fn,
        "accuracy": (tp + tn) / len(truth),
        "accuracy_low": accuracy_low,
        "accuracy_high": accuracy_high,
        "precision": float(metrics.precision_score(truth, predicted, zero_division=0)),
        "f1": float(metrics.f1_score(truth, predicted, zero_division=0)),
        "specificity": tn / (tn + fp),
        "roc_auc": float(metrics.roc_auc_score(truth, p)),
        "average_precision": float(metrics.average_precision_score(truth, p)),
        "loss": float(metrics.log_loss(truth, p, labels=[0, 1])),
        "brier": float(metrics.brier_score_loss(truth, p)),
        "calibration_error": expected_calibration_error(truth, p),
        "tn": tn,
        "fp": fp,
        "fn": fn,
        "tp": tp,
        "images": len(truth),
    }


def choose_threshold(
    setting: float | str, target_recall: float, labels: Labels, probability: Probability
) -> float:
    """The threshold itself, or for `auto` the highest that reaches the recall on these images.

    It is cut (not rounded, which might lose a crack) to the digits that are printed, so that what
    a person reads is what was applied.

    Args:
        setting: a number, or `auto`.
        target_recall: the least share of cracks to find.
        labels: of the *valid* part: the test part must have no say.
        probability: of the same images.
    """
    if setting != "auto":
        return float(setting)
    cracks = np.sort(probability[labels == 1].astype(np.float64))[::-1]
    needed = math.ceil(target_recall * len(cracks) - 1e-9)
    unit = 10**DIGITS
    cut = math.floor(float(cracks[needed - 1]) * unit)
    return float(max(cut, 1) / unit)


def evaluate_backbone(
    labels: Mapping[str, Labels],
    scores: Mapping[str, NDArray[np.float32]],
    setting: float | str,
    target_recall: float,
) -> Metrics:
    """Metrics of one backbone's heads: the kept one on all parts, and all seeds on test.

    Args:
        labels: class indices by part.
        scores: P(crack) `[n, seeds]` by part, the kept head first.
        setting: `threshold` of params.yaml; `auto` is chosen on valid, for each seed anew.
        target_recall: for `auto`.
    """
    seeds = scores["test"].shape[1]
    thresholds = [
        choose_threshold(setting, target_recall, labels["valid"], scores["valid"][:, seed])
        for seed in range(seeds)
    ]
    by_seed = [
        evaluate_part(labels["test"], scores["test"][:, seed], thresholds[seed])
        for seed in range(seeds)
    ]
    result: Metrics = dict(by_seed[0])
    result["threshold"] = thresholds[0]
    for part in ("train", "valid"):
        found = evaluate_part(labels[part], scores[part][:, 0], thresholds[0])
        result |= {f"{part}.{name}": found[name] for name in OVERFITTING}
    for name in NOISY:
        values = [found[name] for found in by_seed]
        result[f"{name}_mean"] = float(np.mean(values))
        result[f"{name}_std"] = float(np.std(values, ddof=1)) if seeds > 1 else 0.0
    result["seeds"] = seeds
    return result


def compare(first: str, second: str, right: Mapping[str, NDArray[np.bool_]]) -> Metrics:
    """The paired comparison of two classifiers on the same images.

    Args:
        first: name of one.
        second: name of the other.
        right: by name, whether each image is classified rightly.
    """
    one, other = right[first], right[second]
    only_one, only_other = int((one & ~other).sum()), int((other & ~one).sum())
    low, high = paired_bootstrap(one, other)
    return {
        f"only_{first}_right": only_one,
        f"only_{second}_right": only_other,
        "both_wrong": int((~one & ~other).sum()),
        "accuracy_difference": float(one.mean() - other.mean()),
        "accuracy_difference_low": low,
        "accuracy_difference_high": high,
        "mcnemar_p": exact_mcnemar(only_one, only_other),
    }


def comparison_name(first: str, second: str) -> str:
    """The prefix of a comparison's metrics."""
    return f"{first}_vs_{second}"
