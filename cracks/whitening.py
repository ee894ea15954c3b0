"""Whitening with shrinkage: features in which a linear classifier learns within a few epochs.

Features of a frozen backbone are strongly correlated, so gradient descent on them is quick in a few
directions and slow in all others. Their principal components, each divided by its deviation, have
no such directions. Shrinkage is added to the variances first, so that components that hardly vary
are not blown up.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cracks.errors import CracksError

Features = NDArray[np.float32]
Numbers = NDArray[np.float64]

_ROWS_AT_ONCE = 4096
_LEAST_VARIANCE = 1e-4  # of a channel, as a share of the mean over channels
_LEAST_COMPONENT = 0.03  # variance of a component that is kept, as a share of the shrinkage


class Whitening(NamedTuple):
    """The linear map `(features - mean) / deviation @ projection`."""

    mean: Numbers  # [channels]
    deviation: Numbers  # [channels]
    projection: Numbers  # [channels, components]

    @property
    def penalty(self) -> Features:
        """Squared length, on the standardised features, of a weight of 1 on each component."""
        return (self.projection**2).sum(axis=0).astype(np.float32)

    def __call__(self, features: Features) -> Features:
        """Features `[n, channels]` as components `[n, components]`."""
        projection = self.projection.astype(np.float32)
        chunks = _standardised(features, self.mean, self.deviation)
        return np.concatenate([rows @ projection for rows in chunks])


def fit_whitening(features: Features, shrinkage: float) -> Whitening:
    """Fit on features `[n, channels]`.

    The channels are standardised, then projected on the principal components of all n rows; a
    component of variance v is divided by `sqrt(v + shrinkage)`. The result has the same bits for
    any number of threads only if BLAS is limited to one (`threadpoolctl.threadpool_limits`).

    A channel that hardly moves counts as if it moved a hundredth of what channels do: divided by
    next to nothing, its first stir on a new photograph would decide alone.

    Args:
        features: what the map is fitted on.
        shrinkage: above 0; the mean variance of a standardised channel is 1.

    Raises:
        CracksError: if all rows are equal.
    """
    mean = features.mean(axis=0, dtype=np.float64)
    variance = sum(((rows - mean) ** 2).sum(axis=0) for rows in _chunks(features)) / len(features)
    if not variance.any():
        raise CracksError(
            f"Expected training images whose features differ, found {len(features)} rows of the "
            "same numbers; look at the images and at the backbone's weights."
        )
    deviation = np.sqrt(np.maximum(variance, _LEAST_VARIANCE * variance.mean()))
    standardised = _standardised(features, mean, deviation)
    variances, directions = _principal_components(standardised, *features.shape)
    kept = variances > min(_LEAST_COMPONENT * shrinkage, variances.max() / 2)
    projection = directions[:, kept] / np.sqrt(variances[kept] + shrinkage)
    return Whitening(mean, deviation, projection)


def _principal_components(
    chunks: Iterator[Features], rows: int, channels: int
) -> tuple[Numbers, Numbers]:
    """Variances and unit directions `[channels, components]`, by the smaller of two matrices.

    Of fewer rows than channels, X Xᵀ has the same positive eigenvalues as XᵀX, and eigenvectors u
    that give those of XᵀX as Xᵀu.
    """
    if rows > channels:
        variances, directions = np.linalg.eigh(
            sum((x.T @ x).astype(np.float64) for x in chunks) / rows
        )
        return variances, directions
    x = np.concatenate(list(chunks)).astype(np.float64)
    variances, vectors = np.linalg.eigh(x @ x.T / rows)
    positive = variances > np.finfo(np.float32).eps * variances.max()
    variances = variances[positive]
    return variances, x.T @ vectors[:, positive] / np.sqrt(rows * variances)


def _standardised(features: Features, mean: Numbers, deviation: Numbers) -> Iterator[Features]:
    for rows in _chunks(features):
        yield ((rows - mean) / deviation).astype(np.float32)


def _chunks(features: Features) -> Iterator[Features]:
    for start in range(0, len(features), _ROWS_AT_ONCE):
        yield features[start : start + _ROWS_AT_ONCE]
