"""How far a number can be trusted: intervals, the paired test, calibration."""

import numpy as np
from numpy.typing import NDArray
from scipy import stats

CONFIDENCE = 0.95
BOOTSTRAP_SAMPLES = 9999
CALIBRATION_BINS = 15

Interval = tuple[float, float]


def wilson_interval(successes: int, n: int, confidence: float = CONFIDENCE) -> Interval:
    """Interval of a proportion that holds near 0 and 1 as well (Wilson 1927).

    Args:
        successes: how many of `n`.
        n: at least 1.
        confidence: share of such intervals that hold the true proportion.
    """
    interval = stats.binomtest(successes, n).proportion_ci(confidence, method="wilson")
    return float(interval.low), float(interval.high)


def exact_mcnemar(only_first: int, only_second: int) -> float:
    """Two-sided p-value that two classifiers err equally often on the same images.

    Only images count that one gets right and the other wrong; if both were equally good, each of
    them would be a toss of a coin (McNemar 1947; the exact form is a binomial test).

    Args:
        only_first: images that only the first classifier gets right.
        only_second: images that only the second gets right.
    """
    discordant = only_first + only_second
    return float(stats.binomtest(only_first, discordant).pvalue) if discordant else 1.0


def paired_bootstrap(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> Interval:
    """Percentile interval of the difference in accuracy, `first` minus `second` (Efron 1979).

    Images are drawn with both their answers, so that what makes an image hard is common to both.

    Args:
        first: whether each image `[n]` is right, by the first classifier.
        second: the same by the second.
    """
    difference = first.astype(np.float64) - second.astype(np.float64)
    result = stats.bootstrap(
        (difference,),
        np.mean,
        n_resamples=BOOTSTRAP_SAMPLES,
        batch=200,  # resamples in memory at once
        confidence_level=CONFIDENCE,
        method="percentile",
        rng=np.random.default_rng(0),
    )
    return float(result.confidence_interval.low), float(result.confidence_interval.high)


def expected_calibration_error(
    labels: NDArray[np.int64], probability: NDArray[np.float64], bins: int = CALIBRATION_BINS
) -> float:
    """Mean gap between confidence and accuracy over bins of equal width (Guo et al. 2017, eq. 3).

    Args:
        labels: class indices `[n]`, 1 for a crack.
        probability: P(crack) `[n]`.
        bins: number of bins between 0 and 1.
    """
    confidence = np.maximum(probability, 1 - probability)
    correct = (probability >= 0.5) == (labels == 1)
    place = np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1)  # (low, high]
    gaps = np.bincount(place, weights=correct - confidence, minlength=bins)
    return float(np.abs(gaps).sum() / len(labels))
