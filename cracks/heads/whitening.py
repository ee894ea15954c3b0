"""Whitening with shrinkage: features in which a linear classifier learns within a few epochs.

Features of a frozen backbone are strongly correlated, so gradient descent on them is quick in a few
directions and slow in all others. Their principal components, each divided by its deviation, have
no such directions. Shrinkage is added to the variances first, so that components that hardly vary
are not amplified.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cracks.heads.scratch import on_disk
from cracks.heads.statistics import Numbers, mapped, statistics_of

_MIN_COMPONENT = 0.03  # variance of a component that is kept, as a share of the shrinkage
_DIGITS = 6  # of a variance as a share of the least one


class Whitening(NamedTuple):
    """The linear map `(features - mean) / deviation @ projection`."""

    mean: Numbers  # [channels]
    deviation: Numbers  # [channels]
    projection: Numbers  # [channels, components]

    @property
    def penalty(self) -> Numbers:
        """Squared length, on the standardised features, of a weight of 1 on each component."""
        return np.asarray((self.projection**2).sum(axis=0))

    def __call__(self, features: NDArray[np.floating]) -> Numbers:
        """Features `[n, channels]` as components `[n, components]`, which lie on the disk."""
        return on_disk(
            mapped(lambda rows: (rows - self.mean) / self.deviation @ self.projection, features)
        )


def fit_whitening(features: NDArray[np.floating], shrinkage: float) -> Whitening:
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
    least = min(_MIN_COMPONENT * shrinkage, variances.max() / 2)
    # rounded: the last bits differ between processors
    kept = np.round(variances / least, _DIGITS) > 1
    return Whitening(mean, deviation, directions[:, kept] / np.sqrt(variances[kept] + shrinkage))


def _principal_components(
    features: NDArray[np.floating], mean: Numbers, deviation: Numbers
) -> tuple[Numbers, Numbers]:
    """Variances and unit directions `[channels, components]` of standardised features X.

    With fewer rows than channels, the smaller matrix X Xᵀ has the same positive eigenvalues as XᵀX,
    and its eigenvectors u give those of XᵀX as Xᵀu.
    """

    def product(rows: NDArray[np.floating]) -> Numbers:
        x = (rows - mean) / deviation
        return np.asarray(x.T @ x)

    rows, channels = features.shape
    if rows > channels:
        variances, directions = np.linalg.eigh(sum(mapped(product, features)) / rows)
        return variances, directions
    x = (features - mean) / deviation
    variances, vectors = np.linalg.eigh(x @ x.T / rows)
    positive = np.round(variances / variances.max(), _DIGITS) > 0
    variances = variances[positive]
    return variances, x.T @ vectors[:, positive] / np.sqrt(rows * variances)
