"""Whitening with shrinkage: features in which a linear classifier learns within a few epochs.

Features of a frozen backbone are strongly correlated, so gradient descent on them is quick in a few
directions and slow in all others. Their principal components, each divided by its deviation, have
no such directions. Shrinkage is added to the variances first, so that components that hardly vary
are not blown up.
"""

from typing import NamedTuple

import numpy as np

from cracks.heads.scratch import on_disk
from cracks.heads.statistics import Features, Numbers, mapped, statistics_of

_LEAST_COMPONENT = 0.03  # variance of a component that is kept, as a share of the shrinkage


class Whitening(NamedTuple):
    """The linear map `(features - mean) / deviation @ projection`."""

    mean: Numbers  # [channels]
    deviation: Numbers  # [channels]
    projection: Numbers  # [channels, components]

    @property
    def penalty(self) -> Features:
        """Squared length, on the standardised features, of a weight of 1 on each component."""
        return np.asarray((self.projection**2).sum(axis=0), np.float32)

    def __call__(self, features: Features) -> Features:
        """Features `[n, channels]` as components `[n, components]`, which lie on the disk."""
        projection = self.projection.astype(np.float32)
        return on_disk(
            mapped(
                lambda rows: _standardised(rows, self.mean, self.deviation) @ projection, features
            )
        )


def fit_whitening(features: Features, shrinkage: float) -> Whitening:
    """Fit on features `[n, channels]`.

    The channels are standardised, then projected on the principal components of all n rows; a
    component of variance v is divided by `sqrt(v + shrinkage)`. The result has the same bits for
    any number of threads only if BLAS is limited to one (`threadpoolctl.threadpool_limits`).

    Args:
        features: what the map is fitted on.
        shrinkage: above 0; the mean variance of a standardised channel is 1.

    Raises:
        CracksError: if all rows are equal.
    """
    mean, deviation = statistics_of(features)
    variances, directions = _principal_components(features, mean, deviation)
    kept = variances > min(_LEAST_COMPONENT * shrinkage, variances.max() / 2)
    return Whitening(mean, deviation, directions[:, kept] / np.sqrt(variances[kept] + shrinkage))


def _principal_components(
    features: Features, mean: Numbers, deviation: Numbers
) -> tuple[Numbers, Numbers]:
    """Variances and unit directions `[channels, components]` of standardised features X.

    Of fewer rows than channels, the smaller matrix X Xᵀ has the same positive eigenvalues as XᵀX,
    and its eigenvectors u give those of XᵀX as Xᵀu.
    """

    def product(rows: Features) -> Numbers:
        x = _standardised(rows, mean, deviation)
        return (x.T @ x).astype(np.float64)

    rows, channels = features.shape
    if rows > channels:
        variances, directions = np.linalg.eigh(sum(mapped(product, features)) / rows)
        return variances, directions
    x = _standardised(features, mean, deviation).astype(np.float64)
    variances, vectors = np.linalg.eigh(x @ x.T / rows)
    positive = variances > np.finfo(np.float32).eps * variances.max()
    variances = variances[positive]
    return variances, x.T @ vectors[:, positive] / np.sqrt(rows * variances)


def _standardised(features: Features, mean: Numbers, deviation: Numbers) -> Features:
    return ((features - mean) / deviation).astype(np.float32)
