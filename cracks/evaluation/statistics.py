"""Uncertainty: confidence intervals, tests, calibration.

Copies of an image carry no more information than the image, so intervals and the paired test count
groups of copies.
"""

from typing import Any, NamedTuple

import numpy as np
import scipy
from numpy.typing import NDArray

CONFIDENCE = 0.95
BOOTSTRAP_SAMPLES = 9999
CALIBRATION_BINS = 15

Interval = tuple[float, float]

Answers = NDArray[np.bool_]
"""Whether each image `[n]` is classified correctly."""

Groups = NDArray[Any]
"""The group of copies of each image `[n]`."""


class OverSeeds(NamedTuple):
    """A metric over heads that differ only in their seed."""

    mean: float
    std: float
    seeds: int  # at least 2


def effective_size(groups: Groups) -> float:
    """Effective sample size of n images in groups of copies.

    Kish's `n² / Σ m²` for groups of `m` images whose members all get the same answer (Kish 1965,
    design effect with an intra-class correlation of 1): copies count once, which is exact for
    identical ones and conservative for others.
    """
    sizes = np.unique(groups, return_counts=True)[1]
    return float(sizes.sum() ** 2 / np.square(sizes).sum())


def wilson_interval(successes: float, n: float, effective: float | None = None) -> Interval:
    """95 % interval of a proportion, valid near 0 and 1 as well (Wilson 1927).

    Args:
        successes: their number among `n`.
        n: at least 1.
        effective: effective sample size, `n` if None (Dean and Pagano 2015 recommend Wilson's
            interval with it for clustered data).

    Example:
        >>> [round(end, 3) for end in wilson_interval(9, 10)]
        [0.596, 0.982]
    """
    size = n if effective is None else effective
    share = successes / n
    z = float(scipy.stats.norm.ppf((1 + CONFIDENCE) / 2))
    centre = share + z**2 / (2 * size)
    half = z * np.sqrt(share * (1 - share) / size + (z / (2 * size)) ** 2)
    low, high = ((centre + side * half) / (1 + z**2 / size) for side in (-1, 1))
    return max(0.0, float(low)), min(1.0, float(high))


def exact_mcnemar(first: Answers, second: Answers, groups: Groups) -> float:
    """Two-sided p-value that two classifiers err equally often on the same images.

    Only discordant images count, which one classifier gets right and the other wrong; under the
    null hypothesis each is a coin toss (McNemar 1947; the exact form is a binomial test). A group
    of copies is one toss, won by the classifier that gets more of it right.

    Args:
        first: whether each image `[n]` is right, by the first classifier.
        second: the same by the second.
        groups: the group of copies of each image `[n]`.
    """
    lead = _sums(first.astype(np.int64) - second.astype(np.int64), groups)
    discordant = int(np.count_nonzero(lead))
    if not discordant:
        return 1.0
    return float(scipy.stats.binomtest(int((lead > 0).sum()), discordant).pvalue)


def paired_bootstrap(first: Answers, second: Answers, groups: Groups) -> Interval:
    """Percentile interval of the difference in accuracy, `first` minus `second` (Efron 1979).

    Images are resampled with the answers of both classifiers, and in whole groups of copies
    (cluster bootstrap, Field and Welsh 2007). Groups with the same lead and the same size are
    interchangeable, so a resample is a multinomial draw of how many there are of each kind.

    Args:
        first: whether each image `[n]` is right, by the first classifier.
        second: the same by the second.
        groups: the group of copies of each image `[n]`.
    """
    lead = _sums(first.astype(np.float64) - second.astype(np.float64), groups)
    sizes = _sums(np.ones(len(first)), groups)
    if len(lead) == 1:  # which shows nothing about others
        return -1.0, 1.0
    kinds, counts = np.unique(np.stack([lead, sizes]), axis=1, return_counts=True)
    resamples = np.random.default_rng(0).multinomial(
        len(lead), counts / len(lead), size=BOOTSTRAP_SAMPLES
    )
    leads, images = (resamples @ kind for kind in kinds)
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(leads / images, [tail, 1 - tail])
    return float(low), float(high)


def _sums(values: NDArray[Any], groups: Groups) -> NDArray[np.float64]:
    """The sum of the values of each group."""
    _, number = np.unique(groups, return_inverse=True)
    return np.bincount(number, weights=values).astype(np.float64)


def seeds_p(first: OverSeeds, second: OverSeeds) -> float:
    """Two-sided p-value that two sets of seeds have the same mean (Welch's t-test, 1947)."""
    if first.std == second.std == 0:
        return float(first.mean == second.mean)
    return float(scipy.stats.ttest_ind_from_stats(*first, *second, equal_var=False).pvalue)


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
